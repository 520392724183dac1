//! Everything that stays on the screen, as text. Pure: events in, text out.

use std::fmt::Write as _;

use crate::model::{Event, Execution, Level, Offset, TestInfo, What};
use crate::report::summary::Summary;
use crate::report::text::{self, Tone, counted};
use crate::report::verdicts::Ended;

use super::ending::ending;
use super::failure::{self, IN_FULL, Repeats, Style};
use super::header::header;
use super::live::{Live, Room};
use super::options::{TerminalOptions, Verbosity};
use super::progress::{Pace, status};

/// What is to be printed, and all that is known to print it.
pub(crate) struct Page {
    options: TerminalOptions,
    summary: Summary,
    live: Live,
    repeats: Repeats,
    pace: Pace,
    header: HeaderState,
    verdicts: String,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HeaderState {
    Due,
    WithoutTests,
    Complete,
}

impl Page {
    pub(crate) fn new(options: TerminalOptions) -> Self {
        // With -q there is none.
        let quiet = options.verbosity == Verbosity::Quiet;
        Self {
            options,
            summary: Summary::default(),
            live: Live::default(),
            repeats: Repeats::default(),
            pace: Pace::default(),
            header: if quiet { HeaderState::Complete } else { HeaderState::Due },
            verdicts: String::new(),
            text: String::new(),
        }
    }

    /// What verdicts are about, where the end has room for them and there is something to say.
    pub(crate) fn ended(&self) -> Option<Ended> {
        let TerminalOptions { palette, width, verbosity, .. } = self.options;
        Ended::of(&self.summary, palette, width).filter(|_| verbosity != Verbosity::Quiet)
    }

    /// Keeps what the end is to say of verdicts.
    pub(crate) fn set_verdicts(&mut self, verdicts: String) {
        self.verdicts = verdicts;
    }

    /// Takes one event and adds what it has to say.
    pub(crate) fn event(&mut self, event: &Event) {
        self.summary.event(event);
        self.live.event(event);
        match &event.what {
            What::Collected { tests, workers, .. } => self.collected(tests.len(), *workers),
            What::Notice { level, text } => self.notice(*level, text),
            What::PytestOutput(output) => {
                self.header();
                failure::push_block(&mut self.text, output, self.options.palette);
            }
            What::OutputLine(line) => self.output_line(event, line),
            What::RoundStarted(_) => self.round_started(event),
            What::TestEnded(execution) | What::AttemptFailed(execution) => {
                self.test_ended(event, execution);
            }
            What::TestSlow { test, elapsed } => self.slow(event, test, *elapsed),
            What::RunEnded(_) => self.run_ended(),
            What::RunStarted(_)
            | What::WorkerStarted { .. }
            | What::TestStarted { .. }
            | What::FileCollected { .. }
            | What::ServerAway(_)
            | What::StateProbed(_)
            | What::WorkerUsed(_)
            | What::ProcessLeaked(_)
            | What::WorkerEnded { .. }
            | What::RoundEnded(_) => {}
        }
    }

    /// Adds a progress line if one is due; a live display has no need of them.
    pub(crate) fn progress(&mut self, now: Offset) {
        let wanted = !self.options.live && self.options.verbosity == Verbosity::Normal;
        if !wanted || !self.pace.due(&self.summary, now) {
            return;
        }
        self.header();
        let _ = write!(self.text, "{}", status(&self.summary, now));
        // A second is what a test may take without being worth a word.
        if let Some((worker, test, seconds)) = self.live.longest(now).filter(|it| it.2 >= 1.0) {
            let nodeid = text::line(test.nodeid.as_str());
            let _ = write!(self.text, "; longest: {worker} {nodeid}, {}", text::duration(seconds));
        }
        self.text.push('\n');
    }

    /// What has been added since the last call.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// The lines of a live display.
    pub(crate) fn live_lines(&self, now: Offset, width: usize, height: usize) -> Vec<String> {
        self.live.lines(&self.summary, now, Room { width, height, palette: self.options.palette })
    }

    fn collected(&mut self, tests: usize, workers: usize) {
        match self.header {
            HeaderState::Due => self.push_header(Some(tests), workers),
            HeaderState::WithoutTests => {
                let (tests, workers) =
                    (counted(tests as u64, "test"), counted(workers as u64, "worker"));
                let _ = writeln!(self.text, "collected {tests}, {workers}");
            }
            HeaderState::Complete => {}
        }
        self.header = HeaderState::Complete;
    }

    /// The header, if something is printed before it could be complete.
    fn header(&mut self) {
        if self.header == HeaderState::Due {
            let workers = self.summary.run().map_or(0, |run| run.workers);
            self.push_header(None, workers);
            self.header = HeaderState::WithoutTests;
        }
    }

    fn push_header(&mut self, tests: Option<usize>, workers: usize) {
        let Some(run) = self.summary.run() else { return };
        for (position, line) in header(run, tests, workers, self.options.width).iter().enumerate() {
            let tone = if position == 0 { Tone::Strong } else { Tone::Dim };
            self.text.push_str(&self.options.palette.paint(tone, line));
            self.text.push('\n');
        }
    }

    fn notice(&mut self, level: Level, words: &str) {
        let (prefix, tone) = match level {
            Level::Info => ("note:", Tone::Strong),
            Level::Warning => ("warning:", Tone::Odd),
            Level::Error => ("error:", Tone::Bad),
        };
        if level > Level::Info || self.options.verbosity != Verbosity::Quiet {
            self.header();
            let _ = write!(self.text, "{} ", self.options.palette.paint(tone, prefix));
            failure::push_block(&mut self.text, words, self.options.palette);
        }
    }

    fn output_line(&mut self, event: &Event, line: &str) {
        self.header();
        let worker = event.worker.map_or_else(|| "pytest".to_owned(), |it| it.to_string());
        let prefix = self.options.palette.paint(Tone::Dim, &format!("[{worker}]"));
        let line = text::clean(line, self.options.palette.keep());
        let _ = writeln!(self.text, "{prefix} {line}");
    }

    fn round_started(&mut self, event: &Event) {
        // Where workers collect, nobody knows yet how many tests there are.
        self.header();
        if let (Verbosity::Verbose, Some(round), true) =
            (self.options.verbosity, event.round, self.summary.is_loop())
        {
            self.header();
            let words = format!("round {round}");
            let _ = writeln!(self.text, "{}", self.options.palette.paint(Tone::Strong, &words));
        }
    }

    fn test_ended(&mut self, event: &Event, execution: &Execution) {
        match self.options.verbosity {
            Verbosity::Quiet => return,
            Verbosity::Normal => {}
            Verbosity::Verbose => self.verbose_line(event, execution),
        }
        if execution.outcome.kind().is_failure() {
            self.failure(event, execution);
        }
        self.progress(event.at);
    }

    /// In plain output, and with a live display too: its line there goes with the test.
    fn slow(&mut self, event: &Event, test: &TestInfo, elapsed: f64) {
        if self.options.verbosity == Verbosity::Quiet {
            return;
        }
        self.header();
        let word = self.options.palette.paint(Tone::Odd, "SLOW");
        let worker = event.worker.map_or_else(String::new, |it| format!(" {it}"));
        let (nodeid, time) = (text::line(test.nodeid.as_str()), text::duration(elapsed));
        let _ = writeln!(self.text, "{word}{worker} {nodeid} has been running for {time}");
    }

    fn failure(&mut self, event: &Event, execution: &Execution) {
        self.header();
        let TerminalOptions { palette, width, cut, .. } = self.options;
        let style = Style { palette, width, cut, rounds: self.summary.is_loop() };
        let seen = self.repeats.count(execution);
        if seen > IN_FULL {
            self.text.push_str(&failure::again(event, execution, seen, style));
            return;
        }
        self.text.push_str(&failure::in_full(event, execution, style));
        if seen == IN_FULL {
            let words =
                format!("seen {IN_FULL} times; from here on this failure has one line each\n\n");
            self.text.push_str(&palette.paint(Tone::Dim, words.trim_end()));
            self.text.push_str("\n\n");
        }
    }

    fn verbose_line(&mut self, event: &Event, execution: &Execution) {
        self.header();
        let worker = event.worker.map_or_else(|| "-".to_owned(), |it| it.to_string());
        let outcome = &execution.outcome;
        let word =
            self.options.palette.paint(failure::tone(outcome.kind()), &failure::word(outcome));
        let nodeid = text::line(execution.test.nodeid.as_str());
        let _ = write!(self.text, "{worker} {word} {nodeid}");
        if outcome.kind().ran() {
            let _ = write!(self.text, "  {}", text::duration(execution.seconds()));
        }
        let why = outcome.detail().or_else(|| execution.reason.clone()).filter(|it| !it.is_empty());
        if let Some(why) = why {
            let _ = write!(self.text, " ({})", text::line(&why));
        }
        self.text.push('\n');
    }

    fn run_ended(&mut self) {
        self.header();
        self.text.push_str(&ending(&self.summary, &self.verdicts, self.options));
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::Surroundings;
    use super::*;
    use crate::model::{Output, StopReason};
    use crate::report::sample::{Ending, Story};

    fn print(story: &Story, verbosity: Verbosity) -> String {
        print_with(
            story,
            TerminalOptions::detect(verbosity, Output::Captured, &Surroundings::default()),
        )
    }

    fn print_with(story: &Story, options: TerminalOptions) -> String {
        let mut page = Page::new(options);
        story.events().iter().for_each(|event| page.event(event));
        page.take()
    }

    /// One round with everything in it, ids long, parametrized and not ASCII.
    fn single() -> Story {
        let long = format!(
            "tests/e2e/test_records.py::TestÜbersicht::test_create[{}-日本]",
            "x".repeat(40)
        );
        let ids = [
            "tests/test_a.py::test_ok",
            &long,
            "tests/test_a.py::test_slow",
            "tests/test_b.py::test_dies",
            "tests/test_b.py::test_skipped",
            "tests/test_b.py::test_late",
        ];
        let mut story = Story::new(&ids, Some(1));
        story.round(&[
            Ending::Pass,
            Ending::Fail("assert 'a' == 'b'"),
            Ending::Slow(1.25),
            Ending::Crash,
            Ending::Skip,
            Ending::NotRun,
        ]);
        story
    }

    #[test]
    fn plain_shows_failures_in_full_and_totals() {
        let mut story = single();
        story.end_because(StopReason::MaxFail(2), 2);
        insta::assert_snapshot!(print(&story, Verbosity::Normal), @r"
        pnl 0.1.0: e2e (tests/e2e), 6 tests, 2 workers, fork/pnl
        python 3.11.7, .venv/bin/python (VIRTUAL_ENV), pytest 8.3.3
        server http://127.0.0.1:8000 (--base-url)
        === FAILED tests/e2e/test_records.py::TestÜbersicht::test_create[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-日本] (gw1) ===
            def test():
        >       assert False
        E       AssertionError: assert 'a' == 'b'
        --- Captured stdout call -------------------------------------------------------
        hello

        === CRASHED tests/test_b.py::test_dies (signal 6, SIGABRT, gw1) ================

        failures:
        FAILED tests/e2e/test_records.py::TestÜbersicht::test_create[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-日本] - AssertionError: assert 'a' == 'b'
        CRASHED tests/test_b.py::test_dies - signal 6, SIGABRT
        slowest:
            1.2 s tests/test_a.py::test_slow
        stopped after 2 failures
        6 tests, 2 passed, 1 failed, 1 crashed, 1 skipped, 1 not run, 1.0 s
        ");
    }

    #[test]
    fn verbose_has_a_line_for_each_test() {
        let mut story =
            Story::new(&["tests/test_a.py::test_ok", "tests/test_a.py::test_skipped"], Some(2));
        story.round(&[Ending::Pass, Ending::Skip]);
        story.round(&[Ending::Slow(0.5), Ending::NotRun]);
        story.end_because(StopReason::Interrupted, 0);
        insta::assert_snapshot!(print(&story, Verbosity::Verbose), @r"
        pnl 0.1.0: e2e (tests/e2e), 2 tests, 2 workers, fork/pnl, 2 rounds
        python 3.11.7, .venv/bin/python (VIRTUAL_ENV), pytest 8.3.3
        server http://127.0.0.1:8000 (--base-url)
        round 1
        gw0 PASSED tests/test_a.py::test_ok  0.01 s
        - SKIPPED tests/test_a.py::test_skipped (no browser)
        round 2
        gw0 PASSED tests/test_a.py::test_ok  0.50 s
        - NOT RUN tests/test_a.py::test_skipped (stopped after the allowed number of failures)
        slowest:
           0.50 s tests/test_a.py::test_ok
        round 1: 2 tests, 1 passed, 1 skipped, 1.0 s
        round 2: 2 tests, 1 passed, 1 not run, 1.0 s
        interrupted
        2 rounds, 4 tests, 0 failed, 1 skipped, 1 not run, 2.0 s
        ");
    }

    #[test]
    fn quiet_has_short_failures_and_the_last_line() {
        let mut story = single();
        story.end_because(StopReason::MaxFail(2), 2);
        insta::assert_snapshot!(print(&story, Verbosity::Quiet), @r"
        failures:
        FAILED tests/e2e/test_records.py::TestÜbersicht::test_create[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-日本] - AssertionError: assert 'a' == 'b'
        CRASHED tests/test_b.py::test_dies - signal 6, SIGABRT
        6 tests, 2 passed, 1 failed, 1 crashed, 1 skipped, 1 not run, 1.0 s
        ");
    }

    #[test]
    fn a_loop_prints_a_repeated_failure_three_times_and_then_counts() {
        let mut story =
            Story::new(&["tests/test_a.py::test_flaky", "tests/test_a.py::test_broken"], Some(12));
        for round in 0..12 {
            let flaky = if round % 4 == 0 { Ending::Fail("now and then") } else { Ending::Pass };
            story.round(&[flaky, Ending::Fail("always")]);
        }
        story.end();
        let text = print(&story, Verbosity::Normal);
        assert_eq!(text.matches("=== FAILED tests/test_a.py::test_broken").count(), 3);
        let tail = text.split_once(" 11th time) - AssertionError: always\n").expect("repeats").1;
        insta::assert_snapshot!(tail, @r"
        FAILED tests/test_a.py::test_broken (gw1, round 12, 12th time) - AssertionError: always
        failed of executed:
        12/12 tests/test_a.py::test_broken - AssertionError: always
         3/12 tests/test_a.py::test_flaky - AssertionError: now and then
        round 1: 2 tests, 2 failed, 1.0 s
        round 2: 2 tests, 1 passed, 1 failed, 1.0 s
        round 3: 2 tests, 1 passed, 1 failed, 1.0 s
        round 4: 2 tests, 1 passed, 1 failed, 1.0 s
        round 5: 2 tests, 2 failed, 1.0 s
        round 6: 2 tests, 1 passed, 1 failed, 1.0 s
        round 7: 2 tests, 1 passed, 1 failed, 1.0 s
        round 8: 2 tests, 1 passed, 1 failed, 1.0 s
        round 9: 2 tests, 2 failed, 1.0 s
        round 10: 2 tests, 1 passed, 1 failed, 1.0 s
        round 11: 2 tests, 1 passed, 1 failed, 1.0 s
        round 12: 2 tests, 1 passed, 1 failed, 1.0 s
        12 rounds, 24 tests, 15 failed, 1 flaky, 12.0 s
        ");
    }

    #[test]
    fn a_retried_test_shows_its_failure_and_is_named_at_the_end() {
        let mut story =
            Story::new(&["tests/test_a.py::test_shaky", "tests/test_a.py::test_ok"], Some(1));
        story.round(&[Ending::Flaky("now and then"), Ending::Pass]);
        let test = story.test(1);
        story.push(Some(1), Some(0), What::TestSlow { test, elapsed: 60.0 });
        story.end();
        insta::assert_snapshot!(print(&story, Verbosity::Normal), @r"
        pnl 0.1.0: e2e (tests/e2e), 2 tests, 2 workers, fork/pnl
        python 3.11.7, .venv/bin/python (VIRTUAL_ENV), pytest 8.3.3
        server http://127.0.0.1:8000 (--base-url)
        === FAILED tests/test_a.py::test_shaky (gw0, attempt 1, to be tried again) =====
            def test():
        >       assert False
        E       AssertionError: now and then
        --- Captured stdout call -------------------------------------------------------
        hello

        SLOW gw0 tests/test_a.py::test_ok has been running for 1 m 00 s
        flaky, passed when tried again:
        FLAKY tests/test_a.py::test_shaky - AssertionError: now and then
        2 tests, 2 passed, 1 flaky, 1.0 s
        ");
    }

    #[test]
    fn what_comes_before_the_tests_are_known_gets_a_header_first() {
        let mut page = Page::new(TerminalOptions::detect(
            Verbosity::Normal,
            Output::Captured,
            &Surroundings::default(),
        ));
        let mut story = Story::new(&["a.py::x"], Some(1));
        let notice =
            What::Notice { level: Level::Warning, text: "collects in full\nbecause".to_owned() };
        story.push(None, None, notice);
        story.push(
            None,
            None,
            What::PytestOutput("ERROR \u{1b}[31mred\u{1b}[0m \u{1b}[2Jcleared\n\n".to_owned()),
        );
        story.push(Some(1), Some(0), What::OutputLine("hi\u{7}".to_owned()));
        let events = story.events();
        for position in [0, 2, 3, 4, 1] {
            page.event(&events[position]);
        }
        insta::assert_snapshot!(page.take(), @r"
        pnl 0.1.0: e2e (tests/e2e), 2 workers, fork/pnl
        python 3.11.7, .venv/bin/python (VIRTUAL_ENV), pytest 8.3.3
        server http://127.0.0.1:8000 (--base-url)
        warning: collects in full
        because
        ERROR red \x1b[2Jcleared
        [gw0] hi\x07
        collected 1 test, 2 workers
        ");
    }

    #[test]
    fn a_run_that_ends_early_says_why() {
        let mut story = Story::new(&[], Some(1));
        story.end_because(StopReason::ServerLost("http://x".to_owned()), 0);
        insta::assert_snapshot!(print(&story, Verbosity::Quiet), @r"
        the server at http://x stopped answering
        0 tests, 0.00 s
        ");
    }

    #[test]
    fn long_lists_are_cut_and_messages_fit_a_terminal() {
        let ids: Vec<_> = (0..25).map(|n| format!("tests/test_a.py::test_{n}")).collect();
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        let mut story = Story::new(&ids, Some(1));
        story.round(&[Ending::Fail("a very long message that goes on and on and would wrap"); 25]);
        story.end();
        let around =
            Surroundings { is_terminal: true, size: Some((60, 24)), ..Surroundings::default() };
        let options = TerminalOptions::detect(Verbosity::Quiet, Output::Captured, &around);
        let options = TerminalOptions { palette: text::Palette::Plain, ..options };
        let text = print_with(&story, options);
        assert!(text.lines().all(|line| text::width(line) <= 60), "{text}");
        assert!(text.contains("\nand 5 more\n"), "{text}");
        assert!(
            text.contains("\nFAILED tests/test_a.py::test_19 - AssertionError: a very lo…\n"),
            "{text}"
        );
    }
}
