//! The history from writing to reading, on real databases.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fixture::{Project, STARTED_US, Tape, execution, failing, started, test};
use super::{History, HistoryWarning, HistoryWriter, RunEnd, StoreError};
use crate::model::{
    Crash, Event, Execution, Failure, NotRun, Outcome, OutcomeKind, Purpose, Round, Server,
    StopReason, TestInfo, What, WorkerId,
};

fn two_tests() -> [Arc<TestInfo>; 2] {
    [test(0, "tests/test_a.py::test_one"), test(1, "tests/test_a.py::test_two")]
}

#[test]
fn a_run_reads_back_as_it_was_recorded() {
    let project = Project::new();
    let [one, two] = two_tests();
    let mut tape = Tape::new(started("20260102-030405-aaaaaa"));
    let tests = Arc::from([Arc::clone(&one), Arc::clone(&two)]);
    tape.push(
        None,
        None,
        What::Collected { tests, workers: 2, rootdir: Arc::from(Path::new("/project")) },
    );
    // Reported in another order than collected.
    let events = tape
        .round([execution(&two, Outcome::Passed), failing(&one, "ValueError: 1")])
        .round([execution(&two, Outcome::Skipped), execution(&one, Outcome::Passed)])
        .complete();
    project.record(&events);

    let run = project.load("last");
    let record = &run.record;
    assert_eq!(record.run.as_str(), "20260102-030405-aaaaaa");
    assert_eq!(record.started_us, STARTED_US);
    assert_eq!(record.command, ["pnl", "test", "e2e"]);
    assert_eq!((record.engine.as_str(), record.dist.as_str()), ("fork", "pnl"));
    assert_eq!((record.isolation.as_str(), record.root.as_str()), ("round", "/project"));
    assert_eq!((record.workers, record.collected), (2, Some(2)), "as many as there are tests");
    assert_eq!((record.rounds_planned, record.rounds_run), (Some(3), 2));
    assert_eq!(record.seed, Some(u64::MAX));
    let server = Server { url: "http://127.0.0.1:8000".to_owned(), from: "default".to_owned() };
    assert_eq!(record.server, Some(server));
    assert!((record.elapsed - 1.5).abs() < 1e-9);
    let detail = StopReason::Completed.to_string();
    assert_eq!(record.end, Some(RunEnd { exit_code: 1, reason: "completed".to_owned(), detail }));
    assert_eq!(record.counts, run.totals);
    assert_eq!(run.totals.get(OutcomeKind::Passed), 2);
    assert_eq!(run.totals.total(), 4);

    let names: Vec<_> = run.tests.iter().map(|test| test.nodeid.as_str()).collect();
    assert_eq!(names, [one.nodeid.as_str(), two.nodeid.as_str()], "in collected order");
    assert_eq!(run.tests[0].seconds, [0.024, 0.024]);
    assert_eq!(run.tests[1].seconds, [0.024], "a skip did not run");
    let rounds: Vec<_> = run.rounds.iter().map(|it| (it.round, it.counts.failures())).collect();
    assert_eq!(rounds, [(Round(1), 1), (Round(2), 0)]);
    assert_eq!((run.rounds[0].planned, run.rounds[0].elapsed), (None, Some(0.5)));

    let [group] = &run.failures[..] else { panic!("{:?}", run.failures) };
    assert_eq!((group.executions, group.outcome), (1, OutcomeKind::Failed));
    let Some(recorded) = failing(&one, "ValueError: 1").failure else { panic!("it fails") };
    assert_eq!(group.failure, *recorded);
}

#[test]
fn a_run_without_an_end_is_summed_from_its_executions() {
    let project = Project::new();
    let [one, two] = two_tests();
    let tape = Tape::new(started("killed"))
        .round([failing(&one, "no"), execution(&two, Outcome::NotRun(NotRun::Interrupted))]);
    project.record(&tape.events);

    let run = project.load("killed");
    assert_eq!(run.record.end, None);
    assert_eq!((run.record.workers, run.record.rounds_run), (4, 1), "as asked for, as begun");
    assert_eq!(run.record.counts, run.totals);
    assert_eq!((run.totals.failures(), run.totals.total()), (1, 2));
    assert!((run.record.elapsed - 0.003).abs() < 1e-9, "up to the last report");
}

#[test]
fn each_runs_a_test_once_on_each_worker() {
    let project = Project::new();
    let it = test(0, "a.py::t");
    let on = |number| (Some(WorkerId(number)), execution(&it, Outcome::Passed));
    project.record(&Tape::new(started("each")).round_on([on(0), on(1), on(2)]).complete());
    assert_eq!(project.load("each").tests[0].counts.get(OutcomeKind::Passed), 3);
}

#[test]
fn tests_that_share_a_node_id_are_one_test() {
    let project = Project::new();
    let twins = [test(0, "a.py::t"), test(1, "a.py::t")];
    let executions = twins.each_ref().map(|twin| execution(twin, Outcome::Passed));
    project.record(&Tape::new(started("twins")).round(executions).complete());
    let run = project.load("twins");
    assert_eq!((run.tests.len(), run.totals.total()), (1, 2));
}

#[test]
fn tests_keep_their_row_from_run_to_run() {
    let project = Project::new();
    let it = test(0, "a.py::t");
    for id in ["first", "second"] {
        let passed = execution(&it, Outcome::Passed);
        project.record(&Tape::new(started(id)).round([passed]).complete());
    }
    let connection = super::open::open_read(project.root()).expect("a history").0;
    let rows: i64 =
        connection.query_row("SELECT count(*) FROM tests", [], |row| row.get(0)).expect("a count");
    assert_eq!(rows, 1);
}

#[test]
fn text_of_any_kind_comes_back() {
    let project = Project::new();
    let hostile = "'); DROP TABLE runs; -- \0 \u{1b}[2J \u{202e} \u{fffd} \u{10ffff}";
    let it = test(0, &format!("a.py::t[{hostile}]"));
    let skipped = Execution {
        reason: Some(hostile.to_owned()),
        ..execution(&it, Outcome::Crashed(Crash::Protocol(hostile.to_owned())))
    };
    project.record(&Tape::new(started("x")).round([failing(&it, hostile), skipped]).complete());

    let run = project.load("x");
    assert_eq!(run.tests[0].nodeid, it.nodeid);
    let messages: Vec<_> = run.failures.iter().map(|group| &*group.failure.message).collect();
    assert_eq!(messages, [hostile, &format!("protocol: {hostile}")]);
}

#[test]
fn equal_failures_are_written_once_and_grouped_by_message() {
    let project = Project::new();
    let [one, two] = two_tests();
    let other_text = Arc::new(Failure { message: "no".to_owned(), ..Failure::default() });
    let events = Tape::new(started("x"))
        .round([failing(&one, "no"), failing(&one, "no"), failing(&two, "no")])
        .round([
            failing(&one, "never"),
            Execution { failure: Some(other_text), ..execution(&one, Outcome::Error) },
            execution(&two, Outcome::Crashed(Crash::Signal(11))),
        ])
        .complete();
    project.record(&events);

    let connection = super::open::open_read(project.root()).expect("a history").0;
    let texts: i64 = connection
        .query_row("SELECT count(*) FROM failures", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(texts, 3);
    let run = project.load("x");
    let groups: Vec<_> = run
        .failures
        .iter()
        .map(|it| (it.nodeid.as_str(), &*it.failure.message, it.executions, it.first_round.0))
        .collect();
    let (one, two) = (one.nodeid.as_str(), two.nodeid.as_str());
    let crash = "signal 11, SIGSEGV";
    assert_eq!(
        groups,
        [(one, "no", 3, 1), (two, "no", 1, 1), (one, "never", 1, 2), (two, crash, 1, 2)]
    );
    assert_eq!(run.failures[0].failure.location, Some(("tests/test_a.py".to_owned(), 12)));
}

#[test]
fn failures_are_limited_and_expected_ones_are_none() {
    let project = Project::new();
    let it = test(0, "a.py::t");
    let xfailed = Execution { outcome: Outcome::XFailed, ..failing(&it, "as expected") };
    let round = ["a", "b", "c"].map(|message| failing(&it, message));
    project.record(&Tape::new(started("x")).round(round).round([xfailed]).complete());
    let history = History::open_read(project.root()).expect("a history");
    let groups = |limit| {
        let record = history.find(None).expect("a run");
        history.load(record, limit).expect("read").failures.len()
    };
    assert_eq!((groups(2), groups(100)), (2, 3));
}

#[test]
fn runs_at_once_are_all_stored() {
    let project = Project::new();
    let tests: Vec<_> = (0..1500).map(|n| test(n, &format!("a.py::t[{n}]"))).collect();
    std::thread::scope(|scope| {
        for id in ["one", "two", "three"] {
            let (project, tests) = (&project, &tests);
            scope.spawn(move || {
                let round = || tests.iter().map(|it| execution(it, Outcome::Passed));
                project.record(&Tape::new(started(id)).round(round()).round(round()).complete());
            });
        }
    });
    for id in ["one", "two", "three"] {
        let run = project.load(id);
        assert_eq!((run.totals.total(), run.tests.len()), (3000, 1500));
        assert_eq!(run.record.counts, run.totals);
    }
}

/// A batch can begin by looking up a test. A transaction that asked for the write lock only after
/// that would fail at once while another run writes, whatever the busy timeout.
#[test]
fn a_run_waits_for_another_that_writes() {
    let project = Project::new();
    let other = super::open::open_write(project.root()).expect("a second connection").connection;
    let writer = project.writer();
    let mut tape = Tape::new(started("x")).round([]);
    for event in tape.events.drain(..) {
        writer.record(&Arc::new(event));
    }
    let written =
        || other.query_row("SELECT elapsed_us FROM rounds", [], |row| row.get::<_, i64>(0));
    let give_up = Instant::now() + Duration::from_secs(60);
    while written().is_err() {
        assert!(Instant::now() < give_up, "nothing is written");
        std::thread::yield_now();
    }
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let passed = execution(&test(0, "a.py::t"), Outcome::Passed);
    tape.push(Some(Round(1)), None, What::TestEnded(Box::new(passed)));
    writer.record(&Arc::new(tape.events[0].clone()));
    // Longer than a batch waits: nobody but the thread itself knows when it has begun to write. On
    // a slow machine this test sees less, and still passes.
    std::thread::sleep(Duration::from_millis(400));
    other.execute_batch("COMMIT").expect("released");
    writer.finish().expect("it waited");
    assert_eq!(project.load("x").totals.total(), 1);
}

#[test]
fn runs_are_found_by_id_prefix_and_age() {
    let project = Project::new();
    let ids = ["20260102-1", "20260101-1", "20260101-11"];
    for (age, id) in ids.into_iter().enumerate() {
        let mut it = started(id);
        // Recorded last, and started first by a clock that was set back each time.
        it.started_us -= i64::try_from(age).expect("a few");
        project.record(&Tape::new(it).complete());
    }
    let history = History::open_read(project.root()).expect("a history");
    let found = |wanted| history.find(wanted).map(|record| record.run.to_string());
    assert_eq!(found(None).expect("the newest"), "20260101-11");
    assert_eq!(found(Some("last")).expect("the newest"), "20260101-11");
    assert_eq!(found(Some("20260102")).expect("a prefix"), "20260102-1");
    assert_eq!(found(Some("20260101-1")).expect("an id, though a prefix too"), "20260101-1");
    assert_eq!(
        found(Some("20260101")).expect_err("two").to_string(),
        "several recorded runs have an id that begins with \"20260101\"; such as 20260101-11, \
         20260101-1"
    );
    assert_eq!(
        found(Some("%")).expect_err("no pattern").to_string(),
        "no recorded run has an id that begins with \"%\"; the newest are 20260101-11, \
         20260101-1, 20260102-1"
    );
    let newest: Vec<_> =
        history.runs(2).expect("read").iter().map(|record| record.run.to_string()).collect();
    assert_eq!(newest, [ids[2], ids[1]]);
}

#[test]
fn the_last_runs_are_none_of_experiments() {
    let project = Project::new();
    let purposes = [Purpose::Tests, Purpose::Replay, Purpose::Tests, Purpose::Experiment];
    for (nth, purpose) in purposes.into_iter().enumerate() {
        let mut it = started(&format!("run-{nth}"));
        it.purpose = purpose;
        it.started_us += i64::try_from(nth).expect("a few");
        project.record(&Tape::new(it).complete());
    }
    let history = History::open_read(project.root()).expect("a history");
    let found = |wanted| history.find(Some(wanted)).map(|record| record.run.to_string());
    assert_eq!(found("last").expect("one"), "run-2");
    assert_eq!(found("last~1").expect("one"), "run-1");
    assert_eq!(found("last~2").expect("one"), "run-0");
    assert!(matches!(found("last~3"), Err(StoreError::NoSuchRun { .. })));
    assert_eq!(found("run-3").expect("by its id"), "run-3");
    let since = history.runs_since(STARTED_US + 1, Purpose::Tests).expect("read");
    assert_eq!(since.iter().map(|it| it.run.as_str()).collect::<Vec<_>>(), ["run-2"]);
}

#[test]
fn without_a_history_nothing_is_made() {
    let project = Project::new();
    assert!(matches!(History::open_read(project.root()), Err(StoreError::Empty { .. })));
    assert!(!project.root().join(".pnl").exists());
    project.writer().finish().expect("nothing to write");
    let history = History::open_read(project.root()).expect("an empty history");
    assert!(matches!(history.find(None), Err(StoreError::Empty { .. })));
    assert!(matches!(history.find(Some("x")), Err(StoreError::Empty { .. })));
}

#[test]
fn a_history_that_cannot_be_written_tells_at_the_end() {
    let project = Project::new();
    let it = test(0, "a.py::t");
    let writer = project.writer();
    let breaker = super::open::open_write(project.root()).expect("a second connection").connection;
    breaker.execute_batch("DROP VIEW results; DROP TABLE executions").expect("broken");
    let tape = Tape::new(started("x")).round([execution(&it, Outcome::Passed)]);
    for event in tape.round([execution(&it, Outcome::Passed)]).complete() {
        writer.record(&Arc::new(event));
    }
    let [warning] = &writer.finish().expect("a warning")[..] else { panic!("a table is missing") };
    assert!(matches!(warning, HistoryWarning::Missing { missing: 2, .. }), "{warning}");
    assert!(warning.to_string().contains("no such table: executions"), "{warning}");
}

/// A run of `count` executions in one round, but for its end.
fn long_tape(count: u32) -> Tape {
    let executions =
        (0..count).map(|n| execution(&test(n, &format!("a.py::t[{n}]")), Outcome::Passed));
    Tape::new(started("x")).round(executions)
}

fn send(writer: &HistoryWriter, events: &[Event]) {
    for event in events {
        writer.record(&Arc::new(event.clone()));
    }
}

#[test]
fn what_is_settled_is_stored_at_once() {
    let project = Project::new();
    let writer = project.writer();
    let mut settler = writer.settler().expect("it is open");
    let mut stored = 0;
    for event in long_tape(20).complete() {
        stored += u64::from(matches!(event.what, What::TestEnded(_)));
        writer.record(&Arc::new(event));
        settler.settle();
        let run = History::open_read(project.root()).expect("a history").find(Some("x"));
        assert_eq!(run.expect("a run").counts.total(), stored);
    }
    writer.finish().expect("stored");
    // Nobody waits for a thread that is gone.
    settler.settle();
}

fn database(project: &Project) -> std::path::PathBuf {
    project.root().join(".pnl/history.db")
}

/// Waits until what was recorded so far is written: there is no event for it.
fn until_stored(project: &Project, executions: u64) {
    let give_up = Instant::now() + Duration::from_secs(60);
    let stored = || {
        let history = History::open_read(project.root()).ok()?;
        Some(history.find(Some("x")).ok()?.counts.total())
    };
    while stored() != Some(executions) {
        assert!(Instant::now() < give_up, "{:?} of {executions} are stored", stored());
        std::thread::yield_now();
    }
}

#[test]
fn a_file_that_is_damaged_meanwhile_is_kept_aside_and_the_run_goes_on_in_another() {
    let project = Project::new();
    let writer = project.writer();
    let events = long_tape(3000).complete();
    let (before, after) = events.split_at(1 + 1 + 1500);
    send(&writer, before);
    until_stored(&project, 1500);
    // All pages but the first two. The wal would cover for them.
    let connection = super::open::open_write(project.root()).expect("a second one").connection;
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
        .expect("a checkpoint");
    drop(connection);
    let length = std::fs::metadata(database(&project)).expect("a file").len();
    let mut file = std::fs::File::options().write(true).open(database(&project)).expect("a file");
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(8192)).expect("in the file");
    let junk = vec![0xA5; usize::try_from(length - 8192).expect("a small file")];
    std::io::Write::write_all(&mut file, &junk).expect("written");
    send(&writer, after);
    let warnings = writer.finish().expect("warnings");
    let [HistoryWarning::KeptAside { kept: Some(kept), before: 1500, .. }] = &warnings[..] else {
        panic!("{warnings:?}");
    };
    assert!(kept.exists());
    let run = project.load("x");
    assert_eq!(run.totals.total(), 1500, "what came after");
    assert_eq!(run.record.counts.total(), 3000, "as it ended");
    assert_eq!(run.rounds.len(), 1);
}

#[test]
fn what_waits_while_another_process_holds_the_file_is_written_later() {
    let project = Project::new();
    let (other, writer) = (super::open::open_write(project.root()), project.writer());
    let other = other.expect("a second connection").connection;
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let events = long_tape(2000).complete();
    send(&writer, &events);
    let HistoryWarning::Blocked =
        &writer.finish_within(Duration::ZERO).expect("a warning")[..].first().expect("one")
    else {
        panic!("it cannot have written");
    };
    other.execute_batch("COMMIT").expect("released");
    until_stored(&project, 2000);
}

#[test]
fn what_has_no_room_to_wait_in_is_counted_and_the_rest_is_true() {
    let project = Project::new();
    let other = super::open::open_write(project.root()).expect("a second connection").connection;
    let room = 100 * 256;
    let (writer, _) = HistoryWriter::open_with(project.root(), room).expect("a history");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let events = long_tape(2000).complete();
    send(&writer, &events);
    other.execute_batch("COMMIT").expect("released");
    let warnings = writer.finish().expect("warnings");
    let [HistoryWarning::Missing { missing, cause: StoreError::TooSlow { .. } }] = &warnings[..]
    else {
        panic!("{warnings:?}");
    };
    let run = project.load("x");
    assert_eq!(run.totals.total() + missing, 2000);
    assert!(*missing >= 1800, "{missing}");
    assert_eq!(run.record.counts.total(), 2000);
}

#[test]
fn a_run_whose_file_is_deleted_says_so() {
    let project = Project::new();
    let writer = project.writer();
    let events = long_tape(10).complete();
    send(&writer, &events[..5]);
    std::fs::remove_dir_all(project.root().join(".pnl")).expect("gone");
    send(&writer, &events[5..]);
    let warnings = writer.finish().expect("warnings");
    assert!(matches!(&warnings[..], [HistoryWarning::Removed { .. }]), "{warnings:?}");
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let project = Project::new();
    std::fs::write(project.root().join(".pnl"), "a file").expect("written");
    assert!(matches!(HistoryWriter::open(project.root()), Err(StoreError::Folder { .. })));
}

/// The attempt and the offsets have no reader yet but sqlite3 and later verdicts.
/// What a `kill -9` leaves: a process of this test's own records and is killed in the middle.
#[cfg(unix)]
#[test]
fn what_was_written_survives_a_kill() {
    let project = Project::new();
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "--ignored", "--nocapture", "store::tests::record_for_ever"])
        .env("PNL_TEST_ROOT", project.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let give_up = Instant::now() + Duration::from_secs(60);
    let seen = loop {
        let recorded = History::open_read(project.root())
            .and_then(|history| Ok(history.find(Some("endless"))?.counts.total()));
        match recorded {
            Ok(count) if count > 0 => break count,
            Ok(_) | Err(_) if Instant::now() < give_up => std::thread::yield_now(),
            other => panic!("nothing recorded: {other:?}"),
        }
    };
    child.kill().expect("killed");
    child.wait().expect("gone");

    let run = project.load("endless");
    assert!(run.totals.total() >= seen);
    assert_eq!(run.totals.total(), run.record.counts.total());
    assert_eq!(run.record.end, None);
    // And the next run goes on in the same file.
    project.record(&Tape::new(started("next")).complete());
    assert_eq!(project.load("next").record.end.map(|end| end.exit_code), Some(0));
}

/// The process that [`what_was_written_survives_a_kill`] kills. It never ends a round, so that only
/// the clock makes it write, and it ends by itself when its parent is gone.
#[test]
#[ignore = "a process for another test to kill"]
fn record_for_ever() {
    let Some(root) = std::env::var_os("PNL_TEST_ROOT") else { return };
    let (writer, _) = HistoryWriter::open(root.as_ref()).expect("a history");
    let tape = Tape::new(started("endless"));
    let it = test(0, "a.py::t");
    let mut tape = tape.round([]);
    tape.push(Some(Round(2)), None, What::TestEnded(Box::new(execution(&it, Outcome::Passed))));
    for event in &tape.events {
        writer.record(&Arc::new(event.clone()));
    }
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).expect("the parent's end");
}
