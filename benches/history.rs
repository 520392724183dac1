//! How fast the history is written and read.
//!
//! `cargo bench --bench history -- 1000000` records a run of so many executions (1,000 tests, one
//! in a hundred fails, with one of some twenty texts for each test) and then does what
//! `pnl show --format json` does. The figures are in docs/history.md.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use pnl::model::{
    Attempt, Counts, DistMode, EngineKind, Event, Execution, Failure, Isolation, NodeId, Offset,
    Outcome, Phases, Purpose, Round, RoundEnded, RoundStarted, RunEnded, RunId, RunStarted,
    StopReason, TestIndex, TestInfo, What, WorkerId,
};
use pnl::report::show::{FAILURE_GROUPS, Format, show};
use pnl::report::verdicts::gather;
use pnl::store::{History, HistoryWriter};

const TESTS: u32 = 1000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // cargo adds `--bench`.
    let executions = std::env::args().skip(1).find_map(|it| it.parse().ok()).unwrap_or(100_000);
    let root = tempfile::tempdir()?;
    let mut out = io::stdout().lock();

    let begun = Instant::now();
    let (writer, _) = HistoryWriter::open(root.path())?;
    record(&writer, executions);
    let sent = begun.elapsed().as_secs_f64();
    writer.finish()?;
    let written = begun.elapsed().as_secs_f64();
    let rate = f64::from(executions) / written;
    writeln!(out, "written: {executions} executions in {written:.2} s, {rate:.0} a second")?;
    writeln!(out, "         {sent:.2} s of that until the last was handed over")?;
    let bytes = size(root.path())?;
    let each = bytes as f64 / f64::from(executions);
    writeln!(out, "size:    {:.1} MB, {each:.0} bytes each", bytes as f64 / 1e6)?;

    let begun = Instant::now();
    let durations = History::open_read(root.path())?.durations()?;
    let read = begun.elapsed().as_secs_f64();
    writeln!(out, "read:    durations of {} tests in {read:.4} s", durations.tests.len())?;

    let begun = Instant::now();
    let history = History::open_read(root.path())?;
    let run = history.load(history.find(None)?, FAILURE_GROUPS)?;
    let loaded = begun.elapsed().as_secs_f64();
    let verdicts = gather(&history, std::slice::from_ref(&run.record))?;
    let judged = begun.elapsed().as_secs_f64() - loaded;
    let mut json = Vec::new();
    show(&run, &verdicts, Format::Json, &mut json)?;
    let shown = begun.elapsed().as_secs_f64();
    assert_eq!(run.totals.total(), u64::from(executions), "all of them are there");
    writeln!(
        out,
        "shown:   loaded in {loaded:.2} s, judged in {judged:.2} s, with JSON {shown:.2} s, {} bytes",
        json.len()
    )?;
    Ok(())
}

fn record(writer: &HistoryWriter, executions: u32) {
    let send = |round, worker, at, what| {
        writer.record(&Arc::new(Event { at: Offset(at), round, worker, what }));
    };
    let tests: Vec<_> = (0..TESTS).map(test).collect();
    let mut all = Counts::default();
    send(None, None, 0, What::RunStarted(Arc::new(started())));
    for round in 0..executions.div_ceil(TESTS) {
        let number = Some(Round(round + 1));
        let mut counts = Counts::default();
        let begun = RoundStarted { workers: 8, planned: u64::from(TESTS) };
        send(number, None, 0, What::RoundStarted(begun));
        let left = executions - round * TESTS;
        for test in tests.iter().take(left as usize) {
            let nth = round * TESTS + test.index.0;
            let execution = execution(test, nth);
            counts.add(execution.outcome.kind());
            let worker = Some(WorkerId(nth % 8));
            send(number, worker, u64::from(nth) * 100, What::TestEnded(Box::new(execution)));
        }
        all += counts;
        send(
            number,
            None,
            0,
            What::RoundEnded(RoundEnded { counts, flaky: 0, elapsed: 0.1, left: None }),
        );
    }
    let reason = StopReason::Completed;
    let exit = reason.exit_code(all.failures());
    let rounds_run = executions.div_ceil(TESTS);
    let ended = RunEnded { counts: all, flaky: 0, elapsed: 100.0, rounds_run, reason, exit };
    send(None, None, 0, What::RunEnded(ended));
}

fn execution(test: &Arc<TestInfo>, nth: u32) -> Execution {
    // A number that looks random and is the same each time.
    let dice = nth.wrapping_mul(2_654_435_761) >> 16;
    let fails = dice.is_multiple_of(100);
    Execution {
        test: Arc::clone(test),
        attempt: Attempt::FIRST,
        outcome: if fails { Outcome::Failed } else { Outcome::Passed },
        start: Offset(u64::from(nth) * 100),
        phases: Phases { setup: 0.001, call: f64::from(dice) / 1e6, teardown: 0.000_5 },
        failure: fails.then(|| Arc::new(failure(test, dice / 100 % 20))),
        reason: None,
        infrastructure: pnl::model::Infrastructure::default(),
    }
}

fn failure(of: &TestInfo, variant: u32) -> Failure {
    let message = format!("AssertionError: {variant} is not what was expected");
    let text = format!("{}\n{message}\n", of.nodeid).repeat(20);
    let sections = vec![("Captured stdout call".to_owned(), "a line of output\n".repeat(20))];
    Failure { message, text, sections, location: Some((of.nodeid.file().to_owned(), 12)) }
}

fn test(index: u32) -> Arc<TestInfo> {
    let nodeid = format!("tests/e2e/test_{:02}.py::TestPage::test_case[{index}]", index / 20);
    let nodeid = NodeId::new(&nodeid);
    Arc::new(TestInfo { index: TestIndex(index), nodeid, line: Some(7), group: None })
}

fn started() -> RunStarted {
    RunStarted {
        run: RunId::new("20260102-030405-aaaaaa"),
        purpose: Purpose::Tests,
        started_us: 1_767_323_045_000_000,
        scope: "all".to_owned(),
        command: vec!["pnl".to_owned(), "test".to_owned()],
        root: PathBuf::from("/project"),
        engine: EngineKind::Fork,
        dist: DistMode::Pnl,
        isolation: Isolation::Round,
        workers: 8,
        workers_why: None,
        rounds_planned: None,
        until: None,
        server: None,
        python: PathBuf::from("python"),
        python_version: "3.11.7".to_owned(),
        python_from: "PATH".to_owned(),
        pytest_version: "8.3.1".to_owned(),
        seed: None,
        collection: None,
        template: None,
    }
}

/// The database's bytes, its log included.
fn size(root: &Path) -> io::Result<u64> {
    std::fs::read_dir(root.join(".pnl"))?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}
