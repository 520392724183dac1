//! A started process, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::Value;

use super::PATIENCE;

/// A process that has been started.
pub struct Running {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    seen: String,
    events: Option<Events>,
}

/// The events of a run as they come, by a named pipe that stands in for the file.
struct Events {
    /// Keeps the pipe open, and ends it.
    pipe: File,
    lines: Receiver<String>,
    seen: Vec<Value>,
}

/// No line of JSON: what the pipe is ended with.
const END: &str = "the process has ended\n";

/// What came of a process.
#[derive(Debug)]
pub struct Run {
    /// Exit status; none after a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// Its events, where it wrote some.
    pub events: Vec<Value>,
}

impl Events {
    fn receive(path: &Path) -> Self {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
        // Opened for both, so that neither end waits for the other.
        let pipe = File::options().read(true).write(true).open(path).unwrap();
        let lines = lines_of(pipe.try_clone().unwrap());
        Self { pipe, lines, seen: Vec::new() }
    }

    /// The next event; none at the end, or when none has come for a long time.
    fn next(&mut self) -> Option<&Value> {
        let line = self.lines.recv_timeout(PATIENCE).ok()?;
        // What was killed can have left half a line.
        let event = serde_json::from_str(&line).ok()?;
        self.seen.push(event);
        self.seen.last()
    }

    fn all(mut self) -> Vec<Value> {
        self.pipe.write_all(END.as_bytes()).unwrap();
        while self.next().is_some() {}
        self.seen
    }
}

impl Running {
    /// Starts it; its events come on a pipe at `jsonl`, which is made.
    pub fn start(mut command: Command, jsonl: Option<&Path>) -> Self {
        let events = jsonl.map(Events::receive);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = lines_of(child.stdout.take().unwrap());
        let stderr = lines_of(child.stderr.take().unwrap());
        Self { child, stdout, stderr, seen: String::new(), events }
    }

    /// Sends it, and nobody else, a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits until it has written a line to its standard output that contains this.
    pub fn wait_for_line(&mut self, part: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.stdout.recv_timeout(left) else {
                panic!("no line with {part:?} in:\n{}", self.seen);
            };
            self.seen.push_str(&line);
            if line.contains(part) {
                return;
            }
        }
    }

    /// Waits until it has reported an event of this name.
    pub fn wait_for_event(&mut self, name: &str) {
        let events = self.events.as_mut().unwrap();
        while let Some(event) = events.next() {
            if event["event"] == name {
                return;
            }
        }
        panic!("no {name} event in: {:#?}", events.seen);
    }

    /// Waits until it has reported so many events of this name since its start.
    pub fn wait_for_events(&mut self, name: &str, count: usize) {
        let is_enough =
            |seen: &[Value]| seen.iter().filter(|it| it["event"] == name).count() >= count;
        let events = self.events.as_mut().unwrap();
        while !is_enough(&events.seen) {
            assert!(events.next().is_some(), "not {count} {name} events: {:#?}", events.seen);
        }
    }

    /// The most memory that it has had in use so far, in bytes, its children not included.
    pub fn peak_memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Waits for its end. One that does not end is killed, and fails the test.
    pub fn finish(mut self) -> Run {
        let process = pidfd_open(self.pid(), PidfdFlags::empty()).unwrap();
        let timeout = Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
        let ended = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&timeout)).unwrap() > 0;
        if !ended {
            self.signal(Signal::KILL);
        }
        let status = self.child.wait().unwrap();
        // Somebody whom it left behind may hold its streams for ever.
        let collect = |lines: &Receiver<String>| -> String {
            std::iter::from_fn(|| lines.recv_timeout(PATIENCE / 10).ok()).collect()
        };
        let stdout = std::mem::take(&mut self.seen) + &collect(&self.stdout);
        let stderr = collect(&self.stderr);
        let events = self.events.map(Events::all).unwrap_or_default();
        let run = Run { code: status.code(), stdout, stderr, events };
        assert!(ended, "it did not end within {PATIENCE:?}: {run}");
        run
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

fn lines_of(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
            let is_over = text == END;
            if sender.send(text).is_err() || is_over {
                return;
            }
        }
    });
    receiver
}

/// Everything that an assertion's message should show.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, stdout, stderr, .. } = self;
        write!(f, "\nexit status: {code:?}\n--- stdout\n{stdout}--- stderr\n{stderr}---")
    }
}

impl Run {
    /// The events of this name, in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(move |event| event["event"] == name)
    }

    /// The one event of this name.
    pub fn the(&self, name: &str) -> &Value {
        let mut all = self.all(name);
        let one = all.next().unwrap_or_else(|| panic!("no {name} event: {self}"));
        assert!(all.next().is_none(), "more than one {name} event: {self}");
        one
    }

    /// The executions' ends, in order.
    pub fn ends(&self) -> impl Iterator<Item = &Value> {
        self.all("test-ended")
    }

    /// The end of the one execution of this test.
    pub fn end_of(&self, nodeid: &str) -> &Value {
        let mut ends = self.ends().filter(|end| end["nodeid"] == nodeid);
        let end = ends.next().unwrap_or_else(|| panic!("{nodeid} did not end: {self}"));
        assert!(ends.next().is_none(), "{nodeid} ended more than once: {self}");
        end
    }

    /// Outcome by node id, of a run of one round in which each test is planned once.
    pub fn outcomes(&self) -> BTreeMap<String, String> {
        let mut outcomes = BTreeMap::new();
        for end in self.ends() {
            let before = outcomes.insert(text(&end["nodeid"]), text(&end["outcome"]));
            assert_eq!(before, None, "{} ended twice: {self}", end["nodeid"]);
        }
        outcomes
    }

    /// Outcomes in the order of the tests' names; for suites whose tests have short names.
    pub fn outcome(&self, name: &str) -> String {
        let end = self.ends().find(|end| end["nodeid"].as_str().unwrap().ends_with(name));
        end.map_or_else(|| panic!("{name} did not end: {self}"), |end| text(&end["outcome"]))
    }

    /// Names of tests (what follows the last `::`) in the order in which they began.
    pub fn order(&self) -> Vec<String> {
        self.all("test-started").map(|start| short(&start["nodeid"])).collect()
    }

    /// Names of tests that each worker began, in its order.
    pub fn by_worker(&self) -> BTreeMap<String, Vec<String>> {
        let mut workers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for start in self.all("test-started") {
            workers.entry(text(&start["worker"])).or_default().push(short(&start["nodeid"]));
        }
        workers
    }

    /// On which workers a test ran.
    pub fn workers_of(&self, names: &[&str]) -> BTreeSet<String> {
        let starts = self.all("test-started");
        let starts = starts.filter(|it| names.contains(&short(&it["nodeid"]).as_str()));
        starts.map(|start| text(&start["worker"])).collect()
    }

    /// The run's sums by outcome, without those that are zero.
    pub fn totals(&self) -> BTreeMap<String, u64> {
        sums(&self.the("run-ended")["totals"])
    }

    /// Checks the promise that the sums match: what was planned ended, exactly once, and every
    /// place that counts says the same.
    pub fn assert_sums_match(&self) {
        let planned: u64 = self
            .all("round-started")
            .map(|it| match it["planned"].as_u64().unwrap() {
                // Not known when the round began: workers collect.
                0 => self.the("collected")["tests"].as_array().unwrap().len() as u64,
                planned => planned,
            })
            .sum();
        let mut ended: BTreeMap<String, u64> = BTreeMap::new();
        for end in self.ends() {
            *ended.entry(text(&end["outcome"])).or_default() += 1;
        }
        assert_eq!(ended.values().sum::<u64>(), planned, "ended and planned differ: {self}");
        assert_eq!(ended, self.totals(), "ended and the run's totals differ: {self}");
        let mut rounds: BTreeMap<String, u64> = BTreeMap::new();
        for round in self.all("round-ended") {
            for (outcome, count) in sums(&round["totals"]) {
                *rounds.entry(outcome).or_default() += count;
            }
        }
        assert_eq!(ended, rounds, "ended and the rounds' totals differ: {self}");
        let said = self.the("run-ended")["exit_code"].as_i64();
        assert_eq!(said, self.code.map(i64::from), "{self}");
    }

    /// Checks that no process of the run is left, by the variable that all have.
    pub fn assert_nothing_left(&self) {
        let run = text(&self.the("run-started")["run"]);
        let marker = format!("PNL_RUN={run}");
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let left: Vec<_> = processes
            .filter(|process| {
                let environ = std::fs::read(process.path().join("environ")).unwrap_or_default();
                environ.split(|&byte| byte == 0).any(|entry| entry == marker.as_bytes())
            })
            .map(|process| std::fs::read_to_string(process.path().join("cmdline")))
            .collect();
        assert!(left.is_empty(), "processes were left behind: {left:?} {self}");
    }
}

fn sums(totals: &Value) -> BTreeMap<String, u64> {
    let totals = totals.as_object().unwrap();
    let counts = totals.iter().map(|(outcome, count)| (outcome.clone(), count.as_u64().unwrap()));
    counts.filter(|&(_, count)| count > 0).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("none").to_owned()
}

fn short(nodeid: &Value) -> String {
    let nodeid = nodeid.as_str().unwrap();
    nodeid.rsplit_once("::").map_or(nodeid, |(_, name)| name).to_owned()
}
