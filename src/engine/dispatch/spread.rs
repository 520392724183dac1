//! Spread collection: workers collect the files that they are given, while others run tests.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Dispatch;
use crate::engine::branch::Branch;
use crate::engine::listed::check_number;
use crate::engine::numbers::Numbers;
use crate::engine::record::monotonic_us;
use crate::model::{
    ExitCode, Isolation, Level, Round, StopReason, TestIndex, TestInfo, What, WorkerEnd, WorkerId,
};
use crate::protocol::{FileRow, TestRow, ToWorker};
use crate::scheduler::Forecast;

/// The files of a run.
#[derive(Debug)]
pub(super) struct Spread {
    files: Vec<File>,
    /// Those that nobody was given.
    waiting: VecDeque<usize>,
    /// How many were collected.
    collected: usize,
    file_of: HashMap<TestIndex, usize>,
    rootdir: PathBuf,
    /// What all of them are expected to take, where something is known.
    seconds: Option<f64>,
}

#[derive(Debug)]
struct File {
    nodeid: String,
    /// There once a worker has collected it.
    tests: Option<Vec<TestIndex>>,
}

/// What a worker says of a file that it has collected.
pub(super) struct Found {
    pub(super) file: usize,
    pub(super) count: usize,
    /// Microseconds.
    pub(super) took: u64,
    pub(super) errors: Vec<String>,
}

impl Spread {
    /// Of these files. Those that are expected to take longest are collected first.
    pub(super) fn new(rows: Vec<FileRow>, rootdir: &str, forecast: &Forecast) -> Self {
        let sizes: Vec<_> = rows.iter().map(|row| (row.id.as_str(), row.size)).collect();
        let seconds = forecast.of_files(&sizes);
        let mut waiting: Vec<_> = (0..rows.len()).collect();
        waiting.sort_by(|&a, &b| seconds[b].total_cmp(&seconds[a])); // stable
        let seconds = (!forecast.is_empty()).then(|| seconds.iter().sum());
        let files: Vec<_> =
            rows.into_iter().map(|row| File { nodeid: row.id, tests: None }).collect();
        let rootdir = PathBuf::from(rootdir);
        let waiting = waiting.into();
        Self { files, waiting, collected: 0, file_of: HashMap::new(), rootdir, seconds }
    }

    /// How many files there are.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// What all of them are expected to take, where something is known.
    pub(super) fn seconds(&self) -> Option<f64> {
        self.seconds
    }

    /// The tests in the order of their files, which is pytest's.
    pub(super) fn in_order(&self, tests: &[Arc<TestInfo>]) -> Vec<Arc<TestInfo>> {
        let found = self.files.iter().flat_map(|file| file.tests.iter().flatten());
        found.map(|test| tests[test.at()].clone()).collect()
    }

    fn is_complete(&self) -> bool {
        self.collected == self.files.len()
    }
}

impl Dispatch<'_> {
    /// Has a worker that would run dry collect the next file, if there is one. Whether it does.
    pub(super) fn collect_next(&mut self, index: usize) -> bool {
        let worker = &mut self.crew[index];
        let (Some(spread), Some(deal)) = (&mut self.spread, &mut self.deal) else { return false };
        if worker.collecting.is_some() {
            return true;
        }
        let Some(file) = spread.waiting.pop_front() else { return false };
        deal.file_given();
        self.record.timeline.file_given.get_or_insert_with(monotonic_us);
        worker.collect(file);
        true
    }

    /// Sorts out tests of files that the worker has not collected: they wait until it has.
    pub(super) fn only_known(&mut self, index: usize, tests: Vec<TestIndex>) -> Vec<TestIndex> {
        let worker = &mut self.crew[index];
        let (known, unknown): (Vec<_>, Vec<_>) =
            tests.into_iter().partition(|&test| worker.knows(test));
        worker.pending.extend(unknown);
        self.collect_pending(index);
        known
    }

    fn collect_pending(&mut self, index: usize) {
        let worker = &mut self.crew[index];
        let file = worker.pending.first().and_then(|test| self.spread.as_ref()?.file_of.get(test));
        if let (None, Some(&file)) = (worker.collecting, file) {
            worker.collect(file);
        }
    }

    /// A worker has collected the file that it was given.
    pub(super) fn file_collected(&mut self, index: usize, found: &Found) {
        let Found { file, count, took, errors } = found;
        let (file, count) = (*file, *count);
        let worker = &mut self.crew[index];
        let (id, slot) = (worker.id, worker.slot);
        let at = self.lists.iter().position(|(it, _)| *it == id);
        let mut rows = at.map(|at| self.lists.swap_remove(at).1.take()).unwrap_or_default();
        self.record.timeline.file_collected.get_or_insert_with(monotonic_us);
        let is_expected = worker.collecting.take() == Some(file) && rows.len() == count;
        let Some(spread) = self.spread.as_mut().filter(|_| is_expected) else {
            worker.breaks(format!("it collected file {file} in a way that was not asked for"));
            return;
        };
        if let Some(known) = spread.files[file].tests.clone() {
            let tests: Vec<_> =
                known.iter().map(|test| self.record.tests()[test.at()].clone()).collect();
            if let Err(lacking) = worker.learn_numbers(&tests, &rows) {
                let text = format!(
                    "{id} collected other tests of {} than another worker: it has no {lacking}. \
                     Use --collect full",
                    spread.files[file].nodeid
                );
                self.stop(StopReason::Internal(text));
                return;
            }
            let pending = std::mem::take(&mut worker.pending);
            // After a stop it has forgotten what it was promised: a test now would find the fixtures
            // of others.
            if self.stop.is_none() {
                let known = self.only_known(index, pending);
                self.hand_over(index, known);
            }
        } else {
            let tests = match self.found_in(file, &mut rows) {
                Ok(tests) => tests,
                Err(reason) => {
                    self.stop(reason);
                    return;
                }
            };
            self.tell_of_file(id, file, Duration::from_micros(*took));
            // Just listed from these rows: nothing is lacking.
            let _ = self.crew[index].learn_numbers(&tests, &rows);
            let indices: Vec<TestIndex> = tests.iter().map(|test| test.index).collect();
            if let Some(deal) = &mut self.deal {
                for test in &indices {
                    deal.claim(*test, self.rules.claim(*test));
                }
                deal.file_collected(slot, &tests);
                if let Some(test) = tests.first() {
                    let seconds = Duration::from_micros(*took).as_secs_f64();
                    deal.forecast_mut().collected(test.index, seconds);
                }
            }
            self.tell_of_errors(errors);
        }
        self.list_if_complete();
        self.top_up(index);
        for other in 0..self.crew.len() {
            if other != index && self.crew[other].load() == 0 {
                self.top_up(other);
            }
        }
    }

    fn tell_of_file(&mut self, id: WorkerId, file: usize, took: Duration) {
        if let Some(spread) = &self.spread {
            let left = spread.files.len() - spread.collected;
            let File { nodeid: file, tests } = &spread.files[file];
            let tests = tests.as_ref().map_or(0, Vec::len);
            let (file, elapsed) = (Arc::from(file.as_str()), took.as_secs_f64());
            self.record.emit(Some(id), What::FileCollected { file, elapsed, tests, left });
        }
    }

    /// These are the tests of a file that nobody has collected before.
    fn found_in(
        &mut self,
        file: usize,
        rows: &mut [TestRow],
    ) -> Result<Vec<Arc<TestInfo>>, StopReason> {
        let number = self.record.tests().len() + rows.len();
        check_number(number).map_err(|error| StopReason::Internal(error.to_string()))?;
        let marks: Vec<_> = rows.iter_mut().map(|row| std::mem::take(&mut row.pnl)).collect();
        let tests = self.record.add(rows.to_vec(), 1);
        if let Some(spread) = &mut self.spread {
            let indices: Vec<TestIndex> = tests.iter().map(|test| test.index).collect();
            spread.file_of.extend(indices.iter().map(|&test| (test, file)));
            spread.files[file].tests = Some(indices);
            spread.collected += 1;
        }
        let marks = marks.iter().map(Vec::as_slice);
        self.rules.extend(self.plan, marks, &tests).map_err(StopReason::Usage)?;
        Ok(tests)
    }

    /// Has all files collected beside the first round, where later rounds come in fresh processes.
    pub(super) fn grow_branch(&mut self) {
        let is_wanted = self.round == Round::FIRST
            && self.spread.is_some()
            && self.plan.rounds.planned() != Some(1)
            && self.plan.isolation == Isolation::Round;
        if let Some(template) = self.recruiter.template().filter(|_| is_wanted) {
            template.tell(&ToWorker::Branch);
            self.branch = Some(Branch::ordered(self.plan.bounds.collection));
        }
    }

    /// Before a later round: waits until the branch has collected, and learns its numbers. Where it
    /// cannot be used, the round's workers collect once more.
    pub(super) fn end_collection(&mut self, round: Round) -> Result<(), StopReason> {
        if round == Round::FIRST || self.spread.is_none() || self.branch_numbers.is_some() {
            return Ok(());
        }
        while self.branch.as_ref().is_some_and(Branch::is_pending) {
            self.step();
            if let Some(reason) = self.stop.take() {
                return Err(reason);
            }
        }
        if let Some(branch) = self.branch.as_mut().filter(|it| it.is_ready()) {
            let found = branch.take_found();
            self.branch_numbers = self.learn_branch(found)?;
        }
        if let Some(spread) = self.spread.as_ref().filter(|it| !it.is_complete()) {
            let left = spread.files.len() - spread.collected;
            return Err(StopReason::Internal(format!(
                "the first round ended before {left} files were collected, and the process that                  collects them for later rounds is gone or started threads. Use --collect full"
            )));
        }
        self.claims = self.rules.claims();
        Ok(())
    }

    /// Matches what the branch found with what workers found; `None` where that cannot be done.
    fn learn_branch(&mut self, found: Vec<Vec<TestRow>>) -> Result<Option<Numbers>, StopReason> {
        let mut numbers = Numbers::own();
        for (file, mut rows) in found.into_iter().enumerate() {
            let Some(spread) = &self.spread else { return Ok(None) };
            let tests = match spread.files.get(file).map(|file| &file.tests) {
                None => return Ok(None),
                Some(Some(known)) => {
                    known.iter().map(|test| self.record.tests()[test.at()].clone()).collect()
                }
                Some(None) => self.found_in(file, &mut rows)?,
            };
            if tests.len() != rows.len() || numbers.learn(&tests, &rows).is_err() {
                return Ok(None);
            }
        }
        Ok(Some(numbers))
    }

    /// The branch is gone: its workers cannot be waited for, and new ones collect for themselves.
    pub(super) fn branch_died(&mut self) {
        if let Some(branch) = &mut self.branch {
            branch.give_up();
        }
        if self.branch_numbers.take().is_some() {
            self.crew.iter_mut().for_each(|worker| worker.orphaned = true);
        }
    }

    /// What pytest does with a file that it cannot collect: it runs nothing, unless told otherwise.
    fn tell_of_errors(&mut self, errors: &[String]) {
        if errors.is_empty() {
            return;
        }
        self.record.pytest_output(errors.join("\n"));
        if self.goes_on_after_errors {
            self.record.other_failures(errors.len() as u64);
            let text = format!("{} files could not be collected", errors.len());
            self.record.notice(Level::Error, text);
        } else {
            self.stop(StopReason::CollectionFailed(ExitCode::Interrupted));
        }
    }

    fn list_if_complete(&mut self) {
        if let Some(spread) = self.spread.as_ref().filter(|it| it.is_complete()) {
            self.record.list(&spread.rootdir, self.slots);
        }
    }

    /// The round is over: reports what was found, whether or not that is all.
    pub(super) fn list_anyway(&mut self) {
        if let Some(spread) = &self.spread {
            self.record.list(&spread.rootdir, self.slots);
        }
    }

    /// A worker is gone that was to collect a file. If it died of that, so would the next one; if it
    /// had not come to it, another one does it.
    pub(super) fn died_collecting(&mut self, file: usize, had_test: bool, end: &WorkerEnd) {
        let Some(spread) = &mut self.spread else { return };
        if let (WorkerEnd::Crashed(crash), false) = (end, had_test) {
            let nodeid = &spread.files[file].nodeid;
            let text = format!("a worker died while it collected {nodeid}: {crash}");
            self.stop(StopReason::Internal(text));
        } else if spread.files[file].tests.is_none()
            && let Some(deal) = &mut self.deal
        {
            spread.waiting.push_front(file);
            deal.file_returned();
        }
    }

    /// Whether some test file lies under one of `folders`.
    pub(super) fn any_file_under(&self, rootdir: &Path, folders: &[PathBuf]) -> bool {
        let is_under = |file: &str| folders.iter().any(|it| rootdir.join(file).starts_with(it));
        let mut last = "";
        let files = self.spread.iter().flat_map(|it| &it.files).map(|file| file.nodeid.as_str());
        let of_tests = self.record.tests().iter().map(|test| test.nodeid.file());
        files.chain(of_tests).any(|file| {
            let is_seen = std::mem::replace(&mut last, file) == file;
            !is_seen && is_under(file)
        })
    }
}
