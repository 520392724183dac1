//! The lines that are redrawn: what each worker does now, and how far the whole is. Pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::{Event, Offset, Slot, TestIndex, TestInfo, What, WorkerId};
use crate::report::summary::Summary;
use crate::report::text::{self, Palette, Tone};

use super::progress::status;

/// The room that is drawn in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) palette: Palette,
}

/// What each worker does.
#[derive(Debug, Default)]
pub(crate) struct Live {
    rows: BTreeMap<Slot, Row>,
    slots: HashMap<WorkerId, Slot>,
}

#[derive(Debug)]
struct Row {
    worker: WorkerId,
    test: Option<(Arc<TestInfo>, Offset)>,
}

impl Live {
    pub(crate) fn event(&mut self, event: &Event) {
        match &event.what {
            What::WorkerStarted { slot, .. } => {
                if let Some(worker) = event.worker {
                    self.place(worker, *slot);
                }
            }
            What::TestStarted { test, .. } => {
                if let Some(row) = event.worker.and_then(|worker| self.row(worker)) {
                    row.test = Some((test.clone(), event.at));
                }
            }
            What::TestEnded(execution) | What::AttemptFailed(execution) => {
                self.ended(event.worker, execution.test.index);
            }
            What::WorkerEnded { slot, .. } => self.remove(event.worker, *slot),
            What::RunStarted(_)
            | What::Collected { .. }
            | What::Notice { .. }
            | What::PytestOutput(_)
            | What::RoundStarted(_)
            | What::TestSlow { .. }
            | What::FileCollected { .. }
            | What::ProcessLeaked(_)
            | What::ServerAway(_)
            | What::StateProbed(_)
            | What::WorkerUsed(_)
            | What::OutputLine(_)
            | What::RoundEnded(_)
            | What::RunEnded(_) => {}
        }
    }

    fn place(&mut self, worker: WorkerId, slot: Slot) {
        if let Some(old) = self.rows.insert(slot, Row { worker, test: None }) {
            self.slots.remove(&old.worker);
        }
        self.slots.insert(worker, slot);
    }

    /// A worker's row; one that never said that it started (xdist's) gets the next free place.
    fn row(&mut self, worker: WorkerId) -> Option<&mut Row> {
        if !self.slots.contains_key(&worker) {
            let next = self.rows.keys().next_back().map_or(0, |last| last.0 + 1);
            self.place(worker, Slot(next));
        }
        self.rows.get_mut(self.slots.get(&worker)?)
    }

    fn ended(&mut self, worker: Option<WorkerId>, test: TestIndex) {
        let slot = worker.and_then(|worker| self.slots.get(&worker));
        let Some(row) = slot.and_then(|slot| self.rows.get_mut(slot)) else { return };
        // A worker's next test may have been announced before this one's end was.
        row.test.take_if(|(running, _)| running.index == test);
    }

    /// A replacement may already have taken the place.
    fn remove(&mut self, worker: Option<WorkerId>, slot: Slot) {
        if self.rows.get(&slot).is_some_and(|row| worker.is_none_or(|it| it == row.worker)) {
            self.rows.remove(&slot);
        }
        if let Some(worker) = worker {
            self.slots.remove(&worker);
        }
    }

    /// The test that has run longest, with its worker and seconds: what a silent run waits for.
    pub(crate) fn longest(&self, now: Offset) -> Option<(WorkerId, &TestInfo, f64)> {
        let running = self.rows.values().filter_map(|row| Some((row.worker, row.test.as_ref()?)));
        let (worker, (test, since)) = running.min_by_key(|(_, (_, since))| *since)?;
        Some((worker, test, seconds_between(*since, now)))
    }

    /// Everything, cut to the room: half of the terminal is left to what was printed before.
    pub(crate) fn lines(&self, summary: &Summary, now: Offset, room: Room) -> Vec<String> {
        // A line that fills the last column makes some terminals wrap, and the ^C that a terminal
        // echoes behind the last line must not: the lines could not be found again.
        let width = room.width.saturating_sub(3);
        let most = (room.height / 2).max(3) - 1;
        let shown = if self.rows.len() > most { most - 1 } else { most };
        let names = self.rows.values().map(|row| row.worker.to_string().len()).max().unwrap_or(0);
        let rows = self.rows.values().take(shown);
        let mut lines: Vec<_> = rows.map(|row| row.line(now, names, width, room.palette)).collect();
        let hidden = self.rows.len() - lines.len();
        if hidden > 0 {
            lines.push(text::cut_end(&format!("and {hidden} more workers"), width).into_owned());
        }
        let status = text::cut_end(&status(summary, now), width).into_owned();
        let tone = if summary.counts().failures() > 0 { Tone::Bad } else { Tone::Strong };
        lines.push(room.palette.paint(tone, &status));
        lines
    }
}

impl Row {
    /// `gw0      3.2 s  tests/e2e/test_records.py::test_create`.
    fn line(&self, now: Offset, names: usize, width: usize, palette: Palette) -> String {
        let name = format!("{:names$}", self.worker.to_string());
        let Some((test, since)) = &self.test else {
            return palette.paint(Tone::Dim, &text::cut_end(&name, width));
        };
        let time = text::duration(seconds_between(*since, now));
        let before = text::cut_end(&format!("{name} {time:>9}  "), width).into_owned();
        let room = width - text::width(&before);
        let nodeid = text::line(test.nodeid.as_str());
        format!("{}{}", palette.paint(Tone::Dim, &before), text::cut_middle(&nodeid, room))
    }
}

fn seconds_between(since: Offset, now: Offset) -> f64 {
    Offset(now.0.saturating_sub(since.0)).seconds()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Crash, WorkerEnd};
    use crate::report::sample::{Ending, Story};

    const ROOM: Room = Room { width: 80, height: 24, palette: Palette::Plain };

    fn story() -> Story {
        let long = format!(
            "tests/e2e/test_records.py::TestÜbersicht::test_create[{}-日本]",
            "x".repeat(60)
        );
        Story::new(&["tests/test_a.py::test_short", &long], Some(3))
    }

    fn draw(story: &Story, seconds: u64, room: Room) -> String {
        let (mut live, mut summary) = (Live::default(), Summary::default());
        for event in story.events() {
            live.event(event);
            summary.event(event);
        }
        let lines = live.lines(&summary, Offset(seconds * 1_000_000), room);
        assert!(lines.iter().all(|line| text::width(line) < room.width), "{lines:?}");
        lines.join("\n")
    }

    #[test]
    fn shows_workers_and_the_whole() {
        let mut story = story();
        story.round(&[Ending::Pass, Ending::Fail("no")]);
        story.begin_round();
        insta::assert_snapshot!(draw(&story, 1, ROOM), @r"
        gw0
        gw1
        round 2 of 3, 2 of 6 tests, 1 failed, 1.0 s
        ");
        story.start(0);
        story.start(1);
        insta::assert_snapshot!(draw(&story, 64, ROOM), @r"
        gw0  1 m 03 s  tests/test_a.py::test_short
        gw1  1 m 03 s  tests/e2e/test_records.py::Tes…xxxxxxxxxxxxxxxxxxxxxxxxx-日本]
        round 2 of 3, 2 of 6 tests, 1 failed, 1 m 04 s, about 2 m 08 s left
        ");
        insta::assert_snapshot!(draw(&story, 64, Room { width: 40, ..ROOM }), @r"
        gw0  1 m 03 s  tests/test…:test_short
        gw1  1 m 03 s  tests/e2e/…xxxxx-日本]
        round 2 of 3, 2 of 6 tests, 1 failed…
        ");
    }

    #[test]
    fn the_end_of_a_test_does_not_hide_the_next_one() {
        let ids = ["tests/test_a.py::test_first", "b.py::other", "tests/test_a.py::test_next"];
        let mut story = Story::new(&ids, Some(1));
        story.round(&[Ending::Pass]);
        let ended = story
            .events()
            .iter()
            .position(|event| matches!(event.what, What::TestEnded(_)))
            .expect("one ended");
        let mut events = story.events().to_vec();
        story.start(2);
        events.insert(ended, story.events().last().expect("just begun").clone());
        let (mut live, summary) = (Live::default(), Summary::default());
        for event in &events {
            live.event(event);
        }
        let drawn = live.lines(&summary, Offset(2_000_000), ROOM);
        assert!(drawn[0].ends_with("tests/test_a.py::test_next"), "{drawn:?}");
    }

    #[test]
    fn a_small_terminal_keeps_half_of_its_rows() {
        let mut story = story();
        story.begin_round();
        insta::assert_snapshot!(draw(&story, 1, Room { height: 5, ..ROOM }), @r"
        gw0
        gw1
        round 1 of 3, 0 of 6 tests, 1.0 s
        ");
    }

    #[test]
    fn a_replacement_takes_its_place() {
        let mut story = story();
        story.begin_round();
        let how = WorkerEnd::Crashed(Crash::Signal(9));
        story.push(Some(1), Some(7), What::WorkerStarted { slot: Slot(0), pid: 9 });
        story.push(Some(1), Some(0), What::WorkerEnded { slot: Slot(0), how });
        insta::assert_snapshot!(draw(&story, 1, ROOM), @r"
        gw7
        gw1
        round 1 of 3, 0 of 6 tests, 1.0 s
        ");
    }
}
