//! Joins page, live display and standard output.

use std::time::{Duration, Instant};

use console::Term;
use crossbeam_channel::Receiver;

use crate::model::{Event, Offset, What};
use crate::report::consumer::{Consumer, Unreported};
use crate::report::text;
use crate::report::verdicts::AskVerdicts;

use super::options::TerminalOptions;
use super::out::Out;
use super::page::Page;
use super::screen::Screen;

/// How often a live display moves.
const FRAME: Duration = Duration::from_millis(100);

/// How often a plain display looks whether a progress line is due.
const LOOK: Duration = Duration::from_secs(10);

/// A start that is quicker than this needs no word.
const QUIET_START: Duration = Duration::from_millis(500);

/// Events are shown within a fraction of this; one that is older by our clock comes after a stop.
const STANDSTILL: Duration = Duration::from_secs(1);

/// What a person sees of a run.
pub(crate) struct Terminal {
    page: Page,
    out: Out,
    screen: Option<Screen>,
    verdicts: Option<Receiver<AskVerdicts>>,
    /// Asked at each redraw, because people resize windows.
    measure: fn() -> Option<(usize, usize)>,
    size: (usize, usize),
    /// The moment at which the run's clock read zero.
    zero: Option<Instant>,
    drawn: Option<Instant>,
    born: Instant,
}

impl Terminal {
    /// On standard output.
    #[must_use]
    pub(crate) fn stdout(options: TerminalOptions) -> Self {
        let screen = options.live.then(Screen::stdout);
        let out = Out::stdout();
        Self { measure: size_of_stdout, ..Self::new(options, out, screen) }
    }

    /// With verdicts at a loop's end, by who is sent before that.
    #[must_use]
    pub(crate) fn with_verdicts(self, verdicts: Receiver<AskVerdicts>) -> Self {
        Self { verdicts: Some(verdicts), ..self }
    }

    fn new(options: TerminalOptions, out: Out, screen: Option<Screen>) -> Self {
        let size = (options.width, options.height);
        let page = Page::new(options);
        Self {
            page,
            out,
            screen,
            verdicts: None,
            measure: || None,
            size,
            zero: None,
            drawn: None,
            born: Instant::now(),
        }
    }

    fn now(&self) -> Offset {
        self.zero.map_or(Offset(0), |zero| Offset(zero.elapsed().as_micros() as u64))
    }

    /// Prints what is new, above the live lines where there are any.
    fn print(&mut self) {
        let text = self.page.take();
        if text.is_empty() {
            return;
        }
        let out = &mut self.out;
        match &self.screen {
            Some(screen) => screen.above(|| out.print(&text)),
            None => out.print(&text),
        }
    }

    /// The run's clock stands still where Ctrl-Z stops it: an event that is far behind ours tells.
    fn set_clock(&mut self, at: Offset) {
        let Some(zero) = Instant::now().checked_sub(Duration::from_micros(at.0)) else { return };
        if self.zero.is_none_or(|known| zero < known || zero > known + STANDSTILL) {
            self.zero = Some(zero);
        }
    }

    fn draw(&mut self, now: Offset) {
        if let Some(screen) = &self.screen {
            let (width, height) = (self.measure)().unwrap_or(self.size);
            screen.show(&self.page.live_lines(now, width, height));
        }
    }

    /// Before the first event pytest is starting and collecting; a large suite takes its time.
    fn draw_waiting(&mut self) {
        let waited = self.born.elapsed();
        if let Some(screen) = self.screen.as_ref().filter(|_| waited >= QUIET_START) {
            let seconds = text::duration(waited.as_secs_f64());
            screen.show(&[format!("pytest is starting and collecting, {seconds}")]);
        }
    }

    fn ask_verdicts(&mut self) {
        let ask = self.verdicts.take().and_then(|asked| asked.try_recv().ok());
        if let Some((ask, ended)) = ask.zip(self.page.ended()) {
            // Judging millions of executions takes seconds, in which nothing runs any more.
            self.close_screen();
            self.print();
            self.page.set_verdicts(ask(&ended));
        }
    }

    fn close_screen(&mut self) {
        if let Some(screen) = self.screen.take() {
            screen.close();
        }
    }
}

fn size_of_stdout() -> Option<(usize, usize)> {
    let (rows, columns) = Term::stdout().size_checked()?;
    (columns > 0 && rows > 0).then_some((usize::from(columns), usize::from(rows)))
}

impl Consumer for Terminal {
    fn event(&mut self, event: &Event) {
        self.set_clock(event.at);
        if matches!(event.what, What::RunEnded(_)) {
            self.ask_verdicts();
        }
        self.page.event(event);
        if matches!(event.what, What::RunEnded(_)) {
            self.close_screen();
            self.print();
        }
    }

    fn tick(&mut self) {
        if self.zero.is_none() {
            self.draw_waiting();
            return;
        }
        let now = self.now();
        if self.screen.is_none() {
            self.page.progress(now);
            self.print();
        } else if self.drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME) {
            self.print();
            self.draw(now);
            self.drawn = Some(Instant::now());
        }
    }

    fn tick_every(&self) -> Option<Duration> {
        Some(if self.screen.is_some() { FRAME } else { LOOK })
    }

    fn finish(mut self: Box<Self>) -> Vec<Unreported> {
        // A run that never ended (the engine failed) leaves no lines behind either.
        self.close_screen();
        self.print();
        self.out.into_warnings().into_iter().map(Unreported::Seen).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use indicatif::{InMemoryTerm, ProgressDrawTarget, TermLike as _};

    use super::super::options::{Surroundings, Verbosity};
    use super::*;
    use crate::model::Output;
    use crate::report::sample::{Ending, Story};
    use crate::report::text::Palette;

    struct Pane(InMemoryTerm);

    impl Write for Pane {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            // A terminal's line discipline does this.
            let text = String::from_utf8_lossy(bytes).replace('\n', "\r\n");
            self.0.write_str(&text).map(|()| bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn live_on(pane: &InMemoryTerm) -> Terminal {
        let term = Some("xterm".to_owned());
        let around = Surroundings {
            is_terminal: true,
            size: Some((80, 24)),
            term,
            ..Surroundings::default()
        };
        let options = TerminalOptions::detect(Verbosity::Normal, Output::Captured, &around);
        let options = TerminalOptions { palette: Palette::Plain, ..options };
        let target = ProgressDrawTarget::term_like(Box::new(pane.clone()));
        Terminal::new(options, Out::new(Box::new(Pane(pane.clone()))), Some(Screen::on(target)))
    }

    #[test]
    fn live_lines_stay_below_and_disappear() {
        let pane = InMemoryTerm::new(24, 80);
        let mut terminal = live_on(&pane);
        let mut story =
            Story::new(&["tests/test_a.py::test_ok", "tests/test_a.py::test_bad"], Some(2));
        story.round(&[Ending::Pass, Ending::Fail("assert 1 == 2")]);
        story.begin_round();
        story.start(0);
        let during = story.events().len();
        story.end();
        for event in &story.events()[..during] {
            terminal.page.event(event);
            terminal.print();
            terminal.draw(Offset(3_000_000));
        }
        insta::assert_snapshot!(pane.contents(), @r"
        pnl 0.1.0: e2e (tests/e2e), 2 tests, 2 workers, fork/pnl, 2 rounds
        python 3.11.7, .venv/bin/python (VIRTUAL_ENV), pytest 8.3.3
        server http://127.0.0.1:8000 (--base-url)
        === FAILED tests/test_a.py::test_bad (gw1, round 1) ============================
            def test():
        >       assert False
        E       AssertionError: assert 1 == 2
        --- Captured stdout call -------------------------------------------------------
        hello

        gw0     2.0 s  tests/test_a.py::test_ok
        gw1
        round 2 of 2, 2 of 4 tests, 1 failed, 3.0 s, about 3.0 s left
        ");
        for event in &story.events()[during..] {
            terminal.event(event);
        }
        assert!(Box::new(terminal).finish().is_empty());
        let after = pane.contents();
        assert!(!after.contains("gw0 "), "{after}");
        assert!(after.ends_with("2 rounds, 2 tests, 1 failed, 1.0 s"), "{after}");
    }

    fn with_verdicts(rounds: u32, verbosity: Verbosity) -> String {
        let pane = InMemoryTerm::new(40, 80);
        let options =
            TerminalOptions::detect(verbosity, Output::Captured, &Surroundings::default());
        let (ask, asked) = crossbeam_channel::unbounded::<AskVerdicts>();
        let terminal = Terminal::new(options, Out::new(Box::new(Pane(pane.clone()))), None);
        let mut terminal = terminal.with_verdicts(asked);
        ask.send(Box::new(|ended| format!("verdicts on {ended:?}\n"))).expect("taken");
        let mut story = Story::new(&["tests/test_a.py::test_ok"], Some(rounds));
        (0..rounds).for_each(|_| story.round(&[Ending::Pass]));
        story.end();
        story.events().iter().for_each(|event| terminal.event(event));
        assert!(Box::new(terminal).finish().is_empty());
        pane.contents()
    }

    #[test]
    fn verdicts_come_before_the_last_line_of_a_loop() {
        let text = with_verdicts(2, Verbosity::Normal);
        assert!(text.contains("verdicts on Ended"), "{text}");
        assert!(text.ends_with("}\n2 rounds, 2 tests, 0 failed, 2.0 s"), "{text}");
        assert!(!with_verdicts(1, Verbosity::Normal).contains("verdicts"));
        assert!(!with_verdicts(2, Verbosity::Quiet).contains("verdicts"));
    }

    #[test]
    fn a_run_that_never_ends_leaves_no_live_lines() {
        let pane = InMemoryTerm::new(24, 80);
        let mut terminal = live_on(&pane);
        let mut story = Story::new(&["tests/test_a.py::test_ok"], Some(1));
        story.begin_round();
        story.events().iter().for_each(|event| terminal.event(event));
        terminal.tick();
        assert!(pane.contents().contains("0 of 1 test"), "{}", pane.contents());
        assert!(Box::new(terminal).finish().is_empty());
        assert!(!pane.contents().contains("0 of 1 test"), "{}", pane.contents());
    }
}
