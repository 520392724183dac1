//! The threads between the engine and the reports.
//!
//! The engine must never wait for a report, so the channels are unbounded: what a blocked terminal
//! has not shown yet waits in memory. Events are shared, not copied; the engine bounds how much of
//! failures' text is alive, and [`Lane`] how many lines of live output wait. So an event that waits
//! takes a few hundred bytes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use crate::model::{Event, Level, What};
use crate::queue::{self, NoBatch, queue};

use super::Reporter;
use super::consumer::{Consumer, Unreported};
use super::github::{Annotations, Github, JobSummary};
use super::jsonl::JsonLines;
use super::junit::JUnit;
use super::terminal::{Out, Terminal, TerminalOptions};
use super::text::counted;
use super::verdicts::AskVerdicts;

/// How long events gather before consumers are woken for them: shorter than a person sees.
const DELAY: Duration = Duration::from_millis(25);

/// How many events consumers take before their [`Consumer::tick`] while more keep coming.
const BATCH: usize = 1000;

/// A consumer that is called in the engine's own thread.
pub type Sink = Box<dyn FnMut(&Arc<Event>) + Send>;

/// Waits until what is to be told of is stored.
pub type Settle = Box<dyn FnMut() + Send>;

/// Which reports a run has.
#[derive(Debug, Clone, Default)]
pub struct Reports {
    /// What the terminal shows; `None` when it belongs to pytest.
    pub terminal: Option<TerminalOptions>,
    /// A `JUnit` file (`--junit`).
    pub junit: Option<PathBuf>,
    /// A JSON lines file (`--jsonl`).
    pub jsonl: Option<PathBuf>,
    /// What GitHub Actions wants ([`Github::detect`]).
    pub github: Github,
}

/// A report that cannot even be begun. Found before the first test, so that nobody learns after
/// hours that a folder was read-only.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file.
    #[error("cannot write {option} {path}: {cause}")]
    File {
        /// Which option asked for it.
        option: &'static str,
        /// The file as the user named it.
        path: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// Any report at all.
    #[error(
        "cannot start a thread for reports: {0}. The limit of processes is too low (ulimit -u)"
    )]
    Thread(#[source] std::io::Error),
}

/// Takes events without ever waiting, and has them reported by threads.
pub struct Hub {
    lanes: Vec<Lane>,
    sinks: Vec<Sink>,
    verdicts: Vec<Sender<AskVerdicts>>,
}

/// Bytes of live output that may wait for one thread: a test writes faster than a terminal shows.
const OUTPUT: usize = 16 << 20;
/// What a thread's consumers write to.
#[derive(Debug, Clone, Copy)]
enum Target {
    Terminal,
    Files,
}

/// One thread with its consumers.
struct Lane {
    target: Target,
    events: queue::Sender<Arc<Event>>,
    settle: Sender<Settle>,
    warnings: Receiver<Vec<Unreported>>,
    /// Bytes of live output that wait.
    output: Arc<AtomicUsize>,
    /// Lines that were left out since the last that was not.
    left_out: u64,
}

impl Hub {
    /// Opens the files and starts the threads.
    pub fn start(reports: Reports) -> Result<Self, ReportError> {
        let mut screen: Vec<Box<dyn Consumer>> = Vec::new();
        let mut files: Vec<Box<dyn Consumer>> = Vec::new();
        let mut verdicts = Vec::new();
        let mut asking = || {
            let (ask, asked) = unbounded();
            verdicts.push(ask);
            asked
        };
        // Annotations share the terminal's thread, because both write to standard output, and come
        // first, because the terminal's totals are the run's last line.
        if reports.github.annotate {
            screen.push(Box::new(Annotations::new(Out::stdout())));
        }
        if let Some(options) = reports.terminal {
            screen.push(Box::new(Terminal::stdout(options).with_verdicts(asking())));
        }
        if let Some(path) = reports.junit {
            files.push(Box::new(JUnit::create(&path).map_err(failed("--junit", &path))?));
        }
        if let Some(path) = reports.jsonl {
            files.push(Box::new(JsonLines::create(&path).map_err(failed("--jsonl", &path))?));
        }
        if let Some(path) = reports.github.summary {
            files.push(Box::new(JobSummary::new(path).with_verdicts(asking())));
        }
        let lanes = [(Target::Terminal, screen), (Target::Files, files)];
        let lanes = lanes.into_iter().filter(|(_, consumers)| !consumers.is_empty());
        let lanes = lanes.map(|(target, consumers)| Lane::start(target, consumers));
        Ok(Self { lanes: lanes.collect::<Result<_, _>>()?, sinks: Vec::new(), verdicts })
    }

    /// Adds a consumer that is called in the engine's own thread, before the event goes anywhere
    /// else: the history's writer, which must have an execution before anybody is told of it.
    pub fn add_sink(&mut self, sink: Sink) {
        self.sinks.push(sink);
    }

    /// Has the terminal and the job summary ask for verdicts at a loop's end, each by one of these.
    /// To be said before the run.
    pub fn verdicts_by(&mut self, ask: impl Fn() -> AskVerdicts) {
        for asking in &self.verdicts {
            // A thread that is gone has panicked; `finish` says so.
            let _ = asking.send(ask());
        }
    }

    /// Has each thread wait for this before it tells of an execution. To be said before the run.
    pub fn settle_with(&mut self, settle: impl Fn() -> Option<Settle>) {
        for lane in &self.lanes {
            if let Some(settle) = settle() {
                // A thread that is gone has panicked; `finish` says so.
                let _ = lane.settle.send(settle);
            }
        }
    }

    /// Waits until everything is shown and written, and tells what could not be. A terminal that
    /// takes no output (Ctrl-S, a pager) holds this as it would hold any program.
    #[must_use]
    pub fn finish(self) -> Vec<Unreported> {
        self.finish_before(None)
    }

    /// [`Hub::finish`] that waits no longer than this: for a run that was told twice to stop.
    #[must_use]
    pub fn finish_within(self, limit: Duration) -> Vec<Unreported> {
        self.finish_before(Some(Instant::now() + limit))
    }

    fn finish_before(self, deadline: Option<Instant>) -> Vec<Unreported> {
        // All channels are closed before the first wait: a held terminal must not keep files open.
        let closed: Vec<_> = self.lanes.into_iter().map(|it| (it.target, it.warnings)).collect();
        closed
            .into_iter()
            .flat_map(|(target, warnings)| wait_for(target, &warnings, deadline))
            .collect()
    }
}

impl Reporter for Hub {
    fn event(&mut self, event: &Arc<Event>) {
        for sink in &mut self.sinks {
            sink(event);
        }
        for lane in &mut self.lanes {
            lane.take(event);
        }
    }
}

impl Lane {
    fn start(target: Target, consumers: Vec<Box<dyn Consumer>>) -> Result<Self, ReportError> {
        let (events, inbox) = queue(DELAY, BATCH);
        let (outbox, warnings) = unbounded();
        let (settle, settling) = unbounded();
        let output = Arc::new(AtomicUsize::new(0));
        let waiting = output.clone();
        let work = move || {
            let consumers = consume(&inbox, consumers, (&settling, &waiting));
            let _ = outbox.send(consumers.into_iter().flat_map(Consumer::finish).collect());
        };
        let started = thread::Builder::new().name("report".to_owned()).spawn(work);
        started.map_err(ReportError::Thread)?;
        Ok(Self { target, events, settle, warnings, output, left_out: 0 })
    }

    /// Passes an event on, unless it is one line of output too many.
    fn take(&mut self, event: &Arc<Event>) {
        let size = size_of_output(event);
        if size > 0 && self.output.load(Ordering::Relaxed) > OUTPUT {
            self.left_out += 1;
            return;
        }
        self.output.fetch_add(size, Ordering::Relaxed);
        if self.left_out > 0 {
            let text = format!(
                "{} of live output were left out here: they came faster than they could be shown",
                counted(std::mem::take(&mut self.left_out), "line")
            );
            let what = What::Notice { level: Level::Warning, text };
            let _ = self.events.send(Arc::new(Event { what, ..(**event).clone() }));
        }
        // A thread that is gone has panicked; `finish` says so.
        let _ = self.events.send(event.clone());
    }
}

/// Hands events out until the hub closes the channel.
fn consume(
    inbox: &queue::Receiver<Arc<Event>>,
    mut consumers: Vec<Box<dyn Consumer>>,
    (settling, output): (&Receiver<Settle>, &AtomicUsize),
) -> Vec<Box<dyn Consumer>> {
    let mut settle = None;
    let pause = consumers.iter().filter_map(|it| it.tick_every()).min();
    let mut ticked = Instant::now();
    loop {
        match inbox.next_batch(pause.map(|pause| ticked + pause)) {
            Ok(events) => {
                settle = settle.or_else(|| settling.try_recv().ok());
                if let Some(settle) = settle.as_mut().filter(|_| events.iter().any(is_stored)) {
                    settle();
                }
                for event in &events {
                    output.fetch_sub(size_of_output(event), Ordering::Relaxed);
                    for consumer in &mut consumers {
                        consumer.event(event);
                    }
                }
            }
            Err(NoBatch::Timeout) => {}
            Err(NoBatch::Closed) => return consumers,
        }
        for consumer in &mut consumers {
            consumer.tick();
        }
        ticked = Instant::now();
    }
}

/// What an event takes that is a line of live output.
fn size_of_output(event: &Event) -> usize {
    match &event.what {
        What::OutputLine(line) => line.len() + size_of::<Event>(),
        _ => 0,
    }
}

/// Whether it tells of something that must not be lost once it was told.
fn is_stored(event: &Arc<Event>) -> bool {
    matches!(event.what, What::TestEnded(_) | What::AttemptFailed(_))
}

fn wait_for(
    target: Target,
    warnings: &Receiver<Vec<Unreported>>,
    deadline: Option<Instant>,
) -> Vec<Unreported> {
    let received = match deadline {
        Some(deadline) => warnings.recv_deadline(deadline),
        None => warnings.recv().map_err(|_| RecvTimeoutError::Disconnected),
    };
    let why = match received {
        Ok(warnings) => return warnings,
        Err(RecvTimeoutError::Timeout) => "was still blocked and is incomplete",
        Err(RecvTimeoutError::Disconnected) => {
            "failed internally and is incomplete; please report this as a bug"
        }
    };
    vec![match target {
        Target::Terminal => Unreported::Seen(format!("the terminal report {why}")),
        Target::Files => Unreported::Asked(format!("the files report {why}")),
    }]
}

fn failed(
    option: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(std::io::Error) -> ReportError {
    let path = path.display().to_string();
    move |cause| ReportError::File { option, path, cause }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Ending, Story};
    use super::*;

    /// Sends what it sees to the test; holds at the first event until it is let go.
    struct Probe {
        hold: Receiver<()>,
        seen: Sender<&'static str>,
    }

    impl Consumer for Probe {
        fn event(&mut self, _: &Event) {
            let _ = self.hold.recv();
            let _ = self.seen.send("event");
        }

        fn tick(&mut self) {
            let _ = self.seen.send("tick");
        }

        fn finish(self: Box<Self>) -> Vec<Unreported> {
            vec![Unreported::Asked("disk full".to_owned())]
        }
    }

    fn hub_with(consumer: Probe) -> Hub {
        let lane = Lane::start(Target::Files, vec![Box::new(consumer)]).expect("a thread");
        Hub { lanes: vec![lane], sinks: Vec::new(), verdicts: Vec::new() }
    }

    #[test]
    fn a_blocked_consumer_holds_nobody_and_misses_nothing() {
        let (release, hold) = unbounded();
        let (seen, sight) = unbounded();
        let (sink, heard) = unbounded();
        let mut hub = hub_with(Probe { hold, seen });
        hub.add_sink(Box::new(move |event| sink.send(event.at).expect("open")));
        let mut story = Story::new(&["a.py::x"], Some(1));
        story.round(&[Ending::Pass]);
        story.end();
        for event in story.events() {
            hub.event(&Arc::new(event.clone()));
        }
        assert_eq!(heard.len(), story.events().len());
        assert_eq!(sight.len(), 0, "nothing is seen before the release");
        drop(release);
        assert_eq!(hub.finish(), [Unreported::Asked("disk full".to_owned())]);
        assert_eq!(sight.iter().filter(|what| *what == "event").count(), story.events().len());
    }

    /// Tells the test of notices.
    struct Listener {
        hold: Receiver<()>,
        seen: Sender<String>,
    }

    impl Consumer for Listener {
        fn event(&mut self, event: &Event) {
            let _ = self.hold.recv();
            match &event.what {
                What::Notice { text, .. } => self.seen.send(text.clone()),
                What::OutputLine(line) => self.seen.send(format!("{} bytes", line.len())),
                _ => return,
            }
            .expect("the test listens");
        }

        fn tick(&mut self) {}

        fn finish(self: Box<Self>) -> Vec<Unreported> {
            Vec::new()
        }
    }

    #[test]
    fn live_output_waits_within_a_limit_and_what_is_left_out_is_said() {
        let (release, hold) = unbounded();
        let (seen, sight) = unbounded();
        let consumer = Box::new(Listener { hold, seen });
        let lane = Lane::start(Target::Files, vec![consumer]).expect("a thread");
        let mut hub = Hub { lanes: vec![lane], sinks: Vec::new(), verdicts: Vec::new() };
        let mut story = Story::new(&[], Some(1));
        story.push(Some(1), Some(0), What::OutputLine("x".repeat(1 << 20)));
        let output = Arc::new(story.events().last().expect("the line").clone());
        for _ in 0..100 {
            hub.event(&output);
        }
        story.end();
        hub.event(&Arc::new(story.events().last().expect("the end").clone()));
        drop(release);
        assert!(hub.finish().is_empty());
        let said: Vec<String> = sight.try_iter().collect();
        let lines = said.len() - 1;
        assert!((10..=20).contains(&lines), "{lines}");
        assert_eq!(
            said[lines],
            format!(
                "{} lines of live output were left out here: they came faster than they could be \
                 shown",
                100 - lines
            )
        );
    }

    #[test]
    fn an_execution_is_told_of_only_when_it_is_stored() {
        let (_, hold) = unbounded();
        let (seen, sight) = unbounded();
        let mut hub = hub_with(Probe { hold, seen: seen.clone() });
        hub.settle_with(|| {
            let seen = seen.clone();
            Some(Box::new(move || seen.send("stored").expect("open")))
        });
        let mut story = Story::new(&["a.py::x"], Some(1));
        story.round(&[Ending::Pass]);
        let is_end = |event: &&Event| matches!(event.what, What::TestEnded(_));
        let end = story.events().iter().find(is_end).expect("a test has ended").clone();
        hub.event(&Arc::new(end));
        let long = Duration::from_secs(60);
        assert_eq!(sight.recv_timeout(long), Ok("stored"));
        assert_eq!(sight.recv_timeout(long), Ok("event"));
    }

    #[test]
    fn a_consumer_is_ticked_when_no_more_events_wait() {
        let (_, hold) = unbounded();
        let (seen, sight) = unbounded();
        let mut hub = hub_with(Probe { hold, seen });
        hub.event(&Arc::new(Story::new(&[], Some(1)).events()[0].clone()));
        let long = Duration::from_secs(60);
        assert_eq!(sight.recv_timeout(long), Ok("event"));
        assert_eq!(sight.recv_timeout(long), Ok("tick"));
    }

    #[test]
    fn a_file_that_cannot_be_begun_is_an_error_before_the_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let junit = folder.path().join("report.xml");
        let jsonl = folder.path().to_owned();
        let reports = Reports { junit: Some(junit), jsonl: Some(jsonl), ..Reports::default() };
        let error = Hub::start(reports).err().expect("a folder is no file");
        assert!(error.to_string().starts_with("cannot write --jsonl "), "{error}");
        let left = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 0, "the JUnit file that was begun is gone");
    }

    #[test]
    fn all_files_are_written_when_it_has_finished() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        let mut hub = Hub::start(Reports {
            terminal: None,
            junit: Some(file("report.xml")),
            jsonl: Some(file("events.jsonl")),
            github: Github { annotate: false, summary: Some(file("summary.md")) },
        })
        .expect("files");
        let mut story = Story::new(&["a.py::x"], Some(1));
        story.round(&[Ending::Fail("no")]);
        story.end();
        story.events().iter().for_each(|event| hub.event(&Arc::new(event.clone())));
        assert_eq!(hub.finish(), []);
        for (name, content) in
            [("report.xml", "<failure"), ("events.jsonl", "run-ended"), ("summary.md", "1 failed")]
        {
            let text = std::fs::read_to_string(file(name)).expect("written");
            assert!(text.contains(content), "{name}: {text}");
        }
    }

    #[test]
    fn finishing_can_be_bounded() {
        let (_release, hold) = unbounded();
        let (seen, _sight) = unbounded();
        let mut hub = hub_with(Probe { hold, seen });
        hub.event(&Arc::new(Story::new(&[], Some(1)).events()[0].clone()));
        let warnings = hub.finish_within(Duration::ZERO);
        let text = "the files report was still blocked and is incomplete";
        assert_eq!(warnings, [Unreported::Asked(text.to_owned())]);
    }
}
