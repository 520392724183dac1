//! Processes of a run that nobody is responsible for any more: whose parents, up to a process of the
//! run that still has its work, are gone.
//!
//! What belongs to a run is known by its mark, and by its variable in the environment that a process
//! was started with. Browsers leave the worker's group and session, daemons their parents.

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use rustix::time::{ClockId, clock_gettime};

use super::own::is_own;
use super::{Mark, RUN_VARIABLE};

/// How long a process left behind may take to end when asked.
const PATIENCE: Duration = Duration::from_millis(500);

/// Passes over the process table: a process may start another between our look and our signal.
const PASSES: usize = 10;

/// How much of a command line is read: a page holds all that anybody wants to see.
const COMMAND: usize = 4096;

/// Tells the processes of one run from all others.
#[derive(Debug, Clone)]
pub struct RunProcesses {
    variable: Vec<u8>,
    mark: Option<Mark>,
    reads_environments: bool,
}

/// A process that nobody is responsible for, with what it has started.
#[derive(Debug, Clone, PartialEq)]
pub struct Orphan {
    /// Its id.
    pub pid: u32,
    /// Its group's.
    pub group: u32,
    /// When it was started, in microseconds on the monotonic clock, to a hundredth of a second.
    pub started: u64,
    /// Its command line; untrusted text.
    pub command: String,
    /// The worker that started it, by xdist's variable, where its environment has one.
    pub worker: Option<String>,
    /// The test that started it, by pytest's variable, where its environment has one.
    pub test: Option<String>,
    /// It and all that descends from it.
    pub members: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    parent: u32,
    group: u32,
    started: Duration,
}

impl RunProcesses {
    /// Those of the run of this id.
    #[must_use]
    pub fn of(run: &str) -> Self {
        let variable = format!("{RUN_VARIABLE}={run}").into_bytes();
        let mark = Mark::of(run);
        Self { variable, mark, reads_environments: mark.is_none() }
    }

    /// The same, with a mark that is known.
    #[must_use]
    pub(super) fn with_mark(run: &str, mark: Option<Mark>) -> Self {
        Self { mark, ..Self::of(run) }
    }

    /// The same, found by their environments as well: where the first of them was forked before it
    /// got its mark. Reading all environments costs 10 ms and more on a busy machine.
    #[must_use]
    pub fn by_environment(self) -> Self {
        Self { reads_environments: true, ..self }
    }

    /// Those that descend from none of `keep`, nor from a process that this one waits for.
    #[must_use]
    pub fn orphans(&self, keep: &[u32]) -> Vec<Orphan> {
        let members = self.members();
        let is_kept = |pid: u32| keep.contains(&pid) || is_own(pid);
        let mut roots: HashMap<u32, Vec<u32>> = HashMap::new();
        for &pid in members.keys() {
            if let Some(root) = root_of(pid, &members, is_kept) {
                roots.entry(root).or_default().push(pid);
            }
        }
        let mut orphans: Vec<Orphan> =
            roots.into_iter().map(|(pid, tree)| orphan(pid, members[&pid], tree)).collect();
        orphans.sort_by_key(|it| (it.started, it.pid));
        orphans
    }

    /// Waits, for a short while, for processes that are about to end; returns those that are not.
    #[must_use]
    pub fn outlasting(&self, orphans: Vec<Orphan>, patience: Duration) -> Vec<Orphan> {
        let roots: Vec<u32> = orphans.iter().map(|it| it.pid).collect();
        let left: HashSet<u32> = wait_for(self.hold(&roots), patience).into_iter().collect();
        orphans.into_iter().filter(|it| left.contains(&it.pid)).collect()
    }

    /// Ends them, first with a word.
    pub fn end(&self, orphans: &[Orphan], keep: &[u32]) {
        let mut pids: Vec<u32> = orphans.iter().flat_map(|it| it.members.clone()).collect();
        let groups = orphans.iter().map(|it| it.group);
        let named: HashSet<u32> = pids.iter().copied().chain(groups).collect();
        for signal in std::iter::once(Signal::TERM).chain([Signal::KILL; PASSES]) {
            let held = self.hold(&pids);
            for (_, pidfd) in &held {
                let _ = pidfd_send_signal(pidfd, signal); // one that is gone is as well
            }
            let left = wait_for(held, PATIENCE);
            // What they have started meanwhile is nobody's either.
            let seen = self.orphans(keep).into_iter();
            let kin =
                seen.filter(|it| it.members.iter().chain([&it.group]).any(|id| named.contains(id)));
            pids = kin.flat_map(|it| it.members).chain(left).collect();
            if pids.is_empty() {
                return;
            }
        }
    }

    /// Ends all, whoever is responsible for them.
    pub fn end_all(&self) {
        for signal in std::iter::once(Signal::TERM).chain([Signal::KILL; PASSES]) {
            if self.signal_all(signal, PATIENCE) == 0 {
                return;
            }
        }
    }

    /// Kills all, and waits so long for their ends; returns how many there were.
    pub(super) fn kill_all(&self, patience: Duration) -> usize {
        self.signal_all(Signal::KILL, patience)
    }

    /// Waits until all are gone that are there now; false if there were none, or time is up.
    pub(super) fn wait_for_all(&self, patience: Duration) -> bool {
        let held = self.hold_all();
        !held.is_empty() && wait_for(held, patience).is_empty()
    }

    fn signal_all(&self, signal: Signal, patience: Duration) -> usize {
        let held = self.hold_all();
        let count = held.len();
        for (_, pidfd) in &held {
            let _ = pidfd_send_signal(pidfd, signal);
        }
        wait_for(held, patience);
        count
    }

    fn hold_all(&self) -> Vec<(u32, OwnedFd)> {
        let pids: Vec<u32> = self.members().into_keys().filter(|&pid| !is_own(pid)).collect();
        self.hold(&pids)
    }

    fn members(&self) -> HashMap<u32, Member> {
        let Ok(entries) = std::fs::read_dir("/proc") else { return HashMap::new() };
        let own = std::process::id();
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .filter(|&pid| pid != own && self.has(pid))
            .filter_map(|pid| Some((pid, member(pid)?)))
            .collect()
    }

    fn has(&self, pid: u32) -> bool {
        let is_marked = self.mark.is_some_and(|mark| mark.is_on(pid));
        if !is_marked && !self.reads_environments {
            return false;
        }
        // One that has another run's is looked after by the pnl of that run, as is a warm process.
        match variable(pid, RUN_VARIABLE) {
            Some(entry) => entry == self.variable,
            None => is_marked,
        }
    }

    /// Takes hold of those that are of the run: a number may be another process's by now.
    fn hold(&self, pids: &[u32]) -> Vec<(u32, OwnedFd)> {
        let open = |&pid: &u32| {
            let raw = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
            let pidfd = pidfd_open(raw, PidfdFlags::empty()).ok()?;
            self.has(pid).then_some((pid, pidfd))
        };
        pids.iter().filter_map(open).collect()
    }
}

/// The oldest ancestor within the run; none where one that is kept is among them.
fn root_of(pid: u32, members: &HashMap<u32, Member>, is_kept: impl Fn(u32) -> bool) -> Option<u32> {
    let mut at = pid;
    // Parents were read one after the other: numbers used anew could make a circle.
    for _ in 0..members.len() {
        if is_kept(at) {
            return None;
        }
        match members.get(&members[&at].parent) {
            Some(_) => at = members[&at].parent,
            None => return Some(at),
        }
    }
    Some(at)
}

fn orphan(pid: u32, member: Member, mut tree: Vec<u32>) -> Orphan {
    // The clock of processes also counts the time in which the machine slept.
    let age = clock(ClockId::Boottime).saturating_sub(member.started);
    let started = clock(ClockId::Monotonic).saturating_sub(age).as_micros() as u64;
    tree.sort_unstable();
    Orphan {
        pid,
        group: member.group,
        started,
        command: command_of(pid),
        worker: value(pid, "PYTEST_XDIST_WORKER"),
        // `tests/test_a.py::test_a (setup)`
        test: value(pid, "PYTEST_CURRENT_TEST")
            .map(|text| text.rsplit_once(" (").map_or(text.clone(), |(id, _)| id.to_owned())),
        members: tree,
    }
}

/// Reads `/proc/PID/stat`; none for a process that has ended.
fn member(pid: u32) -> Option<Member> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses, which may have anything in it.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    if ["Z", "X"].contains(&fields.next()?) {
        return None;
    }
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let ticks: u64 = fields.nth(16)?.parse().ok()?; // the 22nd of all
    let started = Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second());
    Some(Member { parent, group, started })
}

fn clock(id: ClockId) -> Duration {
    let now = clock_gettime(id);
    Duration::new(now.tv_sec.cast_unsigned(), now.tv_nsec as u32)
}

/// A variable as the process was started with it. Another user's cannot be read.
fn variable(pid: u32, name: &str) -> Option<Vec<u8>> {
    let environ = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let is_it = |entry: &&[u8]| {
        entry.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'='))
    };
    environ.split(|&byte| byte == 0).find(is_it).map(<[u8]>::to_vec)
}

fn value(pid: u32, name: &str) -> Option<String> {
    let entry = String::from_utf8_lossy(&variable(pid, name)?).into_owned();
    entry.split_once('=').map(|(_, value)| value.to_owned()).filter(|it| !it.is_empty())
}

fn command_of(pid: u32) -> String {
    let raw = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&raw[..raw.len().min(COMMAND)]).replace('\0', " ");
    text.trim().to_owned()
}

/// Waits for all to end, for so long at most; returns those that did not.
fn wait_for(held: Vec<(u32, OwnedFd)>, patience: Duration) -> Vec<u32> {
    let deadline = Instant::now() + patience;
    let mut left = Vec::new();
    for (pid, pidfd) in held {
        let rest = deadline.saturating_duration_since(Instant::now());
        let rest = Timespec {
            tv_sec: rest.as_secs().cast_signed(),
            tv_nsec: i64::from(rest.subsec_nanos()),
        };
        let ended = poll(&mut [PollFd::new(&pidfd.as_fd(), PollFlags::IN)], Some(&rest));
        if ended.is_ok_and(|ready| ready == 0) {
            left.push(pid);
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn sleeper(run: &str, words: &[&str]) -> Child {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env(RUN_VARIABLE, run).stdin(Stdio::null());
        let mark = Mark::of(run);
        assert!(mark.is_some(), "a limit that can be lowered");
        Mark::during(mark, || command.spawn()).expect("a program of every system")
    }

    /// Waits until there are so many.
    fn found(run: &RunProcesses, count: usize) -> Vec<Orphan> {
        loop {
            let orphans = run.orphans(&[]);
            if orphans.iter().map(|it| it.members.len()).sum::<usize>() == count {
                return orphans;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_process_that_left_its_group_is_found_and_ended() {
        let words = ["setsid", "sh", "-c", "trap '' TERM; sleep 60"];
        let mut child = sleeper("leftovers-test", &words);
        let run = RunProcesses::of("leftovers-test");
        let orphans = found(&run, 2);
        assert_eq!(orphans.len(), 1, "a shell with what it started: {orphans:?}");
        assert_eq!(run.orphans(&[child.id()]), [], "somebody is responsible");
        run.end(&orphans, &[]);
        assert!(!child.wait().expect("our child").success());
        assert_eq!(run.orphans(&[]), []);
    }

    #[test]
    fn a_process_is_known_without_an_environment_and_in_a_session_of_its_own() {
        let words = ["sh", "-c", "env -i setsid sleep 60 & wait"];
        let mut child = sleeper("leftovers-bare", &words);
        let run = RunProcesses::of("leftovers-bare");
        found(&run, 2);
        child.kill().expect("ours");
        child.wait().expect("ours");
        while found(&run, 1)[0].command != "sleep 60" {} // it was another program's at first
        run.end_all();
        assert_eq!(run.orphans(&[]), []);
    }

    #[test]
    fn one_that_is_about_to_end_is_let() {
        let mut child = sleeper("leftovers-soon", &["sh", "-c", "exit 3"]);
        let run = RunProcesses::of("leftovers-soon");
        let left = run.outlasting(run.orphans(&[]), Duration::from_secs(30));
        assert_eq!(left, []);
        assert_eq!(child.wait().expect("ours").code(), Some(3));
    }
}
