//! What the long-lived processes of a run hold: memory, descriptors, files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::processes::Process;

/// What a process holds at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) round: u64,
    /// What it has allocated, in KiB.
    pub(super) own: u64,
    /// All that it has mapped and in memory, in KiB.
    pub(super) rss: u64,
    pub(super) descriptors: u64,
}

/// A process that was there at least twice, with all that was seen of it.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) pid: u32,
    pub(super) command: String,
    pub(super) held: Vec<Held>,
}

/// All samples of a run.
#[derive(Debug)]
pub(super) struct Samples {
    pnl: u32,
    tmp: PathBuf,
    by_pid: BTreeMap<u32, Series>,
    /// How many files there were in temporary folders, by round.
    pub(super) files: Vec<(u64, u64)>,
    pub(super) count: usize,
}

impl Samples {
    pub(super) fn of(pnl: u32, tmp: &Path) -> Self {
        let tmp = tmp.to_owned();
        Self { pnl, tmp, by_pid: BTreeMap::new(), files: Vec::new(), count: 0 }
    }

    pub(super) fn take(&mut self, round: u64) {
        self.count += 1;
        let pids = family(self.pnl);
        // Workers live for a round: who is new is looked at the next time.
        for pid in pids {
            let fresh = || Series { pid, command: Process(pid).command(), held: Vec::new() };
            let series = self.by_pid.entry(pid).or_insert_with(fresh);
            series.held.extend(look(pid, round));
        }
        self.by_pid.retain(|_, it| it.held.last().is_some_and(|it| it.round == round));
        self.files.push((round, files_below(&self.tmp)));
    }

    /// Processes that were there nearly all the time, in the order of their beginning.
    pub(super) fn long_lived(&self) -> Vec<&Series> {
        self.by_pid.values().filter(|it| it.held.len() * 10 >= self.count * 9).collect()
    }

    pub(super) fn table(&self) -> String {
        let mut text = "pid\tround\town\trss\tdescriptors\n".to_owned();
        for Series { pid, held, .. } in self.by_pid.values() {
            for Held { round, own, rss, descriptors } in held {
                let _ = writeln!(text, "{pid}\t{round}\t{own}\t{rss}\t{descriptors}");
            }
        }
        for (round, files) in &self.files {
            let _ = writeln!(text, "files\t{round}\t{files}\t\t");
        }
        text
    }
}

/// A process and all that descend from it.
fn family(root: u32) -> Vec<u32> {
    let mut all = vec![root];
    let mut at = 0;
    while let Some(pid) = all.get(at) {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let children: Vec<u32> = tasks
            .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
            .flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .filter_map(|word| word.parse().ok())
            .collect();
        all.extend(children);
        at += 1;
    }
    all
}

fn look(pid: u32, round: u64) -> Option<Held> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let of = |key: &str| {
        let line = rollup.lines().find(|line| line.starts_with(key))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
    Some(Held { round, own: of("Anonymous:")?, rss: of("Rss:")?, descriptors })
}

fn files_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_below(&entry.path()),
            _ => 1,
        })
        .sum()
}
