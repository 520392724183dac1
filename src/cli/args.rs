//! Arguments, as clap reads them, and the options that they stand for.
#![expect(clippy::doc_markdown, rustdoc::bare_urls, reason = "what clap prints is no Markdown")]
#![expect(clippy::struct_excessive_bools, reason = "they are flags of the command line")]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use super::confirm::ConfirmArgs;
use super::flaky::FlakyArgs;
use super::replay::ReplayArgs;
use super::show::{HistoryArgs, ShowArgs};
use super::verify::VerifyArgs;
use super::warm::WarmArgs;
use super::watch::WatchArgs;
use crate::model::{
    CollectMode, DistMode, EngineKind, FlakyPolicy, Isolation, LeakPolicy, Output, ServerLost, Vary,
};
use crate::runner::{LoopOptions, Refusal, TestOptions};
use crate::scheduler::{Limit, Until};
use crate::settings::{
    Layer, WorkerCount, base_url, count, delay, duration, failures, limit, memory, rate, retries,
    tests, workers,
};

const EXAMPLES: &str = "\
Examples:
  pnl test                          what pytest itself would collect
  pnl test e2e -n 4                 tests/e2e on four workers
  pnl test http --loop 10 --keep-going
                                    ten rounds of tests/http, whatever fails
  pnl test e2e --duration 2h --base-url http://localhost:3000
  pnl test tests/unit -- -k login -x
                                    everything after -- goes to pytest
  pnl test --engine xdist --dry-run what pytest -n would be called with
  pnl loop 10 --workers 2           the older name of `pnl test e2e --loop 10`
  pnl show                          the last run again
  pnl show tests/test_a.py::test_b  one test over all runs: how often, when, how and why it fails
  pnl flaky --since 2w              which tests failed lately, and why

Exit codes are pytest's: 0 all passed, 1 something failed, 2 interrupted, 3 internal error,
4 usage error or a server that does not answer, 5 nothing collected.";

const VERIFY_HELP: &str = "\
Takes what `pnl test` takes, but for what is about loops and reports.

Exit codes: 0 they agree (flaky tests are counted and left out), 1 they differ, 2 interrupted,
3 internal error, 4 usage error or a server that does not answer, 5 nothing collected by both.";

const CONFIRM_HELP: &str = "\
Each test that failed is tried alone, beside and after those that it is suspected to depend on, and
with all that was around it when it failed, each time from fresh processes, the settings in turn. A
sequential test ends that as soon as it is clear. What was found is stored with the run: pnl show.

pnl confirm                            all that failed in the last run with failures
pnl confirm tests/test_a.py::test_b    that test of that run
pnl confirm 20261123-142501            all that failed in that run

Exit codes: 0 the experiments were made, whatever they say, 2 interrupted (what is known is printed),
3 internal error, 4 usage error or a server that does not answer.";

const FLAKY_HELP: &str = "\
Exit codes: 0 whatever was found, 4 no such run, or a history that cannot be read.";

const WATCH_HELP: &str = "\
Takes what `pnl test` takes, but for what is about loops. It begins with a run of all; then, on each
saved file, come the tests that failed last and those of the files that the change concerns, by the
import statements of the project. A run that is on ends when the next is asked for.

Keys: a or Enter runs all, f what failed last, q or Ctrl-C quits. Without a terminal, lines.

The exit code is the last run's.";

/// Runs any pytest suite in parallel and in loops, and tells the truth about it.
#[derive(Debug, Parser)]
#[command(name = "pnl", version, after_help = EXAMPLES, max_term_width = 100)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run tests, once or in a loop
    #[command(after_help = EXAMPLES)]
    Test(Box<TestArgs>),
    /// Run a scope in a loop: the older name of `pnl test e2e --loop COUNT`
    Loop(Box<LoopArgs>),
    /// Run tests once by plain pytest and once by pnl, and print what differs
    #[command(after_help = VERIFY_HELP, mut_args(hide_refused))]
    Verify(Box<VerifyArgs>),
    /// Try by experiment what a recorded run says of the tests that failed in it
    #[command(after_help = CONFIRM_HELP)]
    Confirm(ConfirmArgs),
    /// Print a stored run, or one test's whole story
    Show(ShowArgs),
    /// Judge tests over many stored runs: which fail, how often, and why
    #[command(after_help = FLAKY_HELP)]
    Flaky(FlakyArgs),
    /// Run tests when files are saved, failed ones first
    #[command(after_help = WATCH_HELP, mut_args(hide_unwatched))]
    Watch(Box<WatchArgs>),
    /// Do a recorded run again: the same tests in the same order beside the same others
    Replay(ReplayArgs),
    /// List or end the warm processes that `pnl test --warm` leaves
    Warm(WarmArgs),
    /// List stored runs
    History(HistoryArgs),
}

/// Arguments of `pnl test`.
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Scopes (all, e2e, http, or one from the configuration), paths or node ids
    #[arg(value_name = "SCOPE|PATH")]
    words: Vec<String>,
    /// Repeat for N rounds
    #[arg(long = "loop", value_name = "N", value_parser = count, allow_negative_numbers = true,
          conflicts_with = "duration")]
    rounds: Option<u32>,
    /// Keep starting rounds until T has passed (60, 90s, 10m, 24h); a round begun is finished
    #[arg(long, value_name = "T", value_parser = duration, allow_hyphen_values = true)]
    duration: Option<Duration>,
    /// Repeat until a round fails, or --loop or --duration is reached
    #[arg(long, conflicts_with_all = ["until_sure", "keep_going"])]
    until_failure: bool,
    /// Repeat, whatever fails, until each test is known with 95% to fail less often than RATE (5%,
    /// 0.01) or has failed, or --loop or --duration is reached
    #[arg(long, value_name = "RATE", value_parser = rate, allow_negative_numbers = true)]
    until_sure: Option<f64>,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

/// Arguments of `pnl loop`.
#[derive(Debug, Args)]
pub(super) struct LoopArgs {
    /// How many rounds
    #[arg(value_name = "COUNT", value_parser = count, allow_negative_numbers = true,
          conflicts_with = "duration")]
    count: Option<u32>,
    /// Keep starting rounds until T has passed (60, 90s, 10m, 24h); a round begun is finished
    #[arg(long, value_name = "T", value_parser = duration, allow_hyphen_values = true)]
    duration: Option<Duration>,
    /// Scope, path or node id
    #[arg(long, value_name = "SCOPE|PATH", default_value = "e2e")]
    scope: String,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

/// What both verbs take.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Worker processes; left out: half of the CPUs, at most one a test [env: PNL_WORKERS]
    #[arg(short = 'n', long, value_name = "N|auto", value_parser = workers,
          allow_negative_numbers = true)]
    workers: Option<WorkerCount>,
    /// How tests are dealt out: load, loadscope, loadfile, loadgroup, worksteal, each or no, as in
    /// pytest-xdist; left out: pnl's own way [env: PNL_DIST]
    #[arg(long, value_name = "MODE")]
    dist: Option<DistMode>,
    /// Wait between rounds, never past the deadline [env: PNL_DELAY]
    #[arg(long, value_name = "S", value_parser = delay, allow_hyphen_values = true)]
    delay: Option<Duration>,
    /// Go on after a round with failures [env: PNL_KEEP_GOING]
    #[arg(long)]
    keep_going: bool,
    /// Show the browser (passed on to pytest-playwright) [env: PNL_HEADED]
    #[arg(long)]
    headed: bool,
    /// The server under test, which tests read as E2E_BASE_URL; pnl never starts one
    /// [env: E2E_BASE_URL] [default: http://127.0.0.1:8000]
    #[arg(long, value_name = "URL", value_parser = base_url)]
    base_url: Option<String>,
    /// Stop a round after N failures [env: PNL_MAX_FAIL]
    #[arg(long, value_name = "N", value_parser = failures, allow_negative_numbers = true)]
    max_fail: Option<u64>,
    /// Where tests are collected: full (all of them before the first is run), auto (by the workers,
    /// file by file, while others run, unless something needs all tests at once) or spread (also
    /// where a hook then sees one file's tests at a time) [env: PNL_COLLECT] [default: auto]
    #[arg(long, value_name = "auto|spread|full")]
    collect: Option<CollectMode>,
    /// Try a failed test up to N more times; one that then passes is flaky [env: PNL_RETRIES]
    #[arg(long, value_name = "N", value_parser = retries, allow_negative_numbers = true)]
    retries: Option<u32>,
    /// What a test that passed only when it was retried does to the exit code: pass or fail
    /// [env: PNL_FLAKY] [default: pass]
    #[arg(long, value_name = "pass|fail")]
    flaky: Option<FlakyPolicy>,
    /// End a test that takes longer than T, set-up and tear-down included, and go on with the
    /// others; 0 for none [env: PNL_TIMEOUT]
    #[arg(long, value_name = "T", value_parser = limit, allow_hyphen_values = true)]
    timeout: Option<Duration>,
    /// Name tests that have been running for longer than T; 0 for never [env: PNL_SLOW]
    /// [default: 60s]
    #[arg(long, value_name = "T", value_parser = limit, allow_hyphen_values = true)]
    slow: Option<Duration>,
    /// End the run after T as if by Ctrl-C, tests that run then with it; exit code 1; 0 for never
    /// [env: PNL_RUN_TIMEOUT]
    #[arg(long, value_name = "T", value_parser = limit, allow_hyphen_values = true)]
    run_timeout: Option<Duration>,
    /// End the run if collection takes longer than T; 0 for never [env: PNL_COLLECT_TIMEOUT]
    /// [default: 10m]
    #[arg(long, value_name = "T", value_parser = limit, allow_hyphen_values = true)]
    collect_timeout: Option<Duration>,
    /// What running tests get for their tear-down when the run is interrupted [env: PNL_GRACE]
    /// [default: 10s]
    #[arg(long, value_name = "T", value_parser = delay, allow_hyphen_values = true)]
    grace: Option<Duration>,
    /// Replace a worker after a test when it has more memory of its own than SIZE (512M, 2G)
    /// [env: PNL_MAX_WORKER_MEMORY]
    #[arg(long, value_name = "SIZE", value_parser = memory, allow_negative_numbers = true)]
    max_worker_memory: Option<u64>,
    /// Replace a worker after N tests [env: PNL_MAX_TESTS_PER_WORKER]
    #[arg(long, value_name = "N", value_parser = tests, allow_negative_numbers = true)]
    max_tests_per_worker: Option<u64>,
    /// What a process that a test left behind does to the exit code: report (nothing) or fail; it is
    /// named and ended either way [env: PNL_LEAK] [default: report]
    #[arg(long, value_name = "report|fail")]
    leak: Option<LeakPolicy>,
    /// What to do when the server goes away: stop, wait (until it answers, and run again what was
    /// hit) or ignore [env: PNL_SERVER_LOST] [default: stop]
    #[arg(long, value_name = "stop|wait|ignore")]
    server_lost: Option<ServerLost>,
    /// Whether the rounds of a loop differ in what shares a worker and what runs beside what: auto
    /// (with two or more workers, where neither --dist nor --shuffle says otherwise), on or off
    /// [env: PNL_VARY] [default: auto]
    #[arg(long, value_name = "auto|on|off")]
    vary: Option<Vary>,
    /// With -n 1 and a state_probe in the configuration: ask for the server's state around each test,
    /// and name those that leave it changed
    #[arg(long)]
    probe_tests: bool,
    /// Shuffle files, and tests within files; each round differently, the same with the same seed
    #[arg(long, value_name = "SEED", num_args = 0..=1, require_equals = true,
          default_missing_value = "random", value_parser = seed)]
    shuffle: Option<u64>,
    /// What workers keep between rounds: round (nothing) or none (everything, session fixtures and
    /// open browsers too) [env: PNL_ISOLATION] [default: round]
    #[arg(long, value_name = "round|none")]
    isolation: Option<Isolation>,
    /// What runs the tests: fork, spawn, xdist or pytest [env: PNL_ENGINE] [default: fork]
    #[arg(long, value_name = "ENGINE")]
    engine: Option<EngineKind>,
    /// What happens to what tests print: captured (shown with a failure) or live
    /// [env: PNL_OUTPUT] [default: captured]
    #[arg(long, value_name = "captured|live")]
    output: Option<Output>,
    /// Use the project's warm process, which has libraries loaded: the first call leaves it, later
    /// calls find it, and it ends by itself (pnl warm status, pnl warm stop) [env: PNL_WARM]
    #[arg(long)]
    warm: bool,
    /// The interpreter; left out: VIRTUAL_ENV, then .venv upwards from here, then python3 on PATH
    /// [env: PNL_PYTHON]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Write a JUnit report [env: PNL_JUNIT]
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write every event as a line of JSON, as it happens [env: PNL_JSONL]
    #[arg(long, value_name = "FILE")]
    jsonl: Option<PathBuf>,
    /// Print at the end where the time went, from the command to its end
    #[arg(long)]
    pub(super) timings: bool,
    /// Print what would run, and run nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Print only failures in short and the last line
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Print a line for each test
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// For pytest, unchanged: -k, -m, -x, --maxfail, -p, --browser, …
    #[arg(last = true, value_name = "PYTEST_ARGS")]
    pytest_args: Vec<String>,
}

/// A seed, or a fresh one for the bare `--shuffle`.
fn seed(text: &str) -> Result<u64, String> {
    match text {
        "random" => Ok(u64::from(fastrand::u32(..))),
        number => number.parse().map_err(|_| format!("a seed is a whole number, not {text:?}")),
    }
}

impl TestArgs {
    fn until(&self) -> Option<Until> {
        self.until_sure.map(Until::Sure).or_else(|| self.until_failure.then_some(Until::Failure))
    }

    /// As options of the library; `command` is the line as typed.
    pub(super) fn options(&self, command: Vec<String>) -> TestOptions {
        let limit = match (self.rounds, self.duration) {
            (_, Some(duration)) => Limit::For(duration),
            (Some(rounds), None) => Limit::Count(rounds),
            (None, None) if self.until().is_some() => Limit::Endless,
            (None, None) => Limit::Count(1),
        };
        self.run.complete(TestOptions {
            until: self.until(),
            scope: self.words.clone(),
            limit,
            command,
            ..TestOptions::default()
        })
    }
}

/// Options of `pnl test` that `pnl verify` takes only to say why not.
const REFUSED: [(&str, &str); 15] = [
    ("loop", "it compares one round"),
    ("duration", "it compares one round"),
    ("until-failure", "it compares one round"),
    ("until-sure", "it compares one round"),
    ("delay", "it compares one round"),
    ("keep-going", "it compares one round"),
    ("max-fail", "runs that stop early cannot be compared"),
    ("retries", "what passes only on a retry would seem to agree"),
    ("flaky", "it judges flaky tests itself"),
    ("junit", "it has two runs, and reports what differs (--format json)"),
    ("jsonl", "it has two runs, and reports what differs (--format json)"),
    ("dry-run", "it runs the tests"),
    ("timings", "it has two runs"),
    ("quiet", "it prints what differs"),
    ("verbose", "it prints what differs"),
];

/// The same for pytest's own, as they are written after `--`.
const REFUSED_OF_PYTEST: [&str; 10] = [
    "--lf",
    "--last-failed",
    "--ff",
    "--failed-first",
    "--nf",
    "--new-first",
    "--sw",
    "--stepwise",
    "--pdb",
    "--trace",
];

/// Options of `pnl test` that `pnl watch` takes only to say why not.
const UNWATCHED: [&str; 6] =
    ["loop", "duration", "until-failure", "until-sure", "delay", "dry-run"];

/// Hides those from the help, and `--warm`, which goes without saying.
fn hide_unwatched(option: clap::Arg) -> clap::Arg {
    let is_hidden =
        option.get_long().is_some_and(|name| name == "warm" || UNWATCHED.contains(&name));
    option.hide(is_hidden)
}

/// Hides what is refused from the help.
fn hide_refused(option: clap::Arg) -> clap::Arg {
    let is_refused = REFUSED.iter().any(|(name, _)| option.get_long() == Some(name));
    option.hide(is_refused)
}

impl TestArgs {
    /// An option that was given and that `pnl watch` refuses, with why.
    pub(super) fn not_for_watch(&self) -> Option<(String, &'static str)> {
        let name = UNWATCHED.into_iter().find(|name| self.is_given(name))?;
        let why =
            if name == "dry-run" { "it runs the tests" } else { "it runs one round at a time" };
        Some((format!("--{name}"), why))
    }

    /// Whether an option of [`REFUSED`] or [`UNWATCHED`] was given.
    fn is_given(&self, name: &str) -> bool {
        let run = &self.run;
        match name {
            "loop" => self.rounds.is_some(),
            "duration" => self.duration.is_some(),
            "until-failure" => self.until_failure,
            "until-sure" => self.until_sure.is_some(),
            "delay" => run.delay.is_some(),
            "keep-going" => run.keep_going,
            "max-fail" => run.max_fail.is_some(),
            "retries" => run.retries.is_some(),
            "flaky" => run.flaky.is_some(),
            "junit" => run.junit.is_some(),
            "jsonl" => run.jsonl.is_some(),
            "dry-run" => run.dry_run,
            "timings" => run.timings,
            "quiet" => run.quiet,
            "verbose" => run.verbose,
            _ => unreachable!("an option that is refused and not looked at: {name}"),
        }
    }

    /// An option that was given and that `pnl verify` refuses, with why.
    pub(super) fn not_for_verify(&self) -> Option<(String, &'static str)> {
        let refused = REFUSED.into_iter().find(|(name, _)| self.is_given(name));
        refused.map(|(name, why)| (format!("--{name}"), why)).or_else(|| {
            let is_refused = |word: &&String| REFUSED_OF_PYTEST.contains(&word.as_str());
            let word = self.run.pytest_args.iter().find(is_refused)?;
            let why = match word.as_str() {
                "--pdb" | "--trace" => "a debugger needs the terminal",
                _ => "the first run would change what the second one selects",
            };
            Some((word.clone(), why))
        })
    }
}

impl LoopArgs {
    /// As options of the library.
    pub(super) fn options(&self, command: Vec<String>) -> Result<TestOptions, Refusal> {
        let scope = self.scope.clone();
        let (count, duration) = (self.count, self.duration);
        let options = LoopOptions { scope, count, duration, ..LoopOptions::default() };
        Ok(self.run.complete(TestOptions { command, ..options.to_test_options()? }))
    }
}

impl RunArgs {
    fn complete(&self, options: TestOptions) -> TestOptions {
        let settings = Layer {
            base_url: self.base_url.clone(),
            workers: self.workers,
            dist: self.dist,
            engine: self.engine,
            isolation: self.isolation,
            output: self.output,
            keep_going: self.keep_going.then_some(true),
            delay: self.delay,
            headed: self.headed.then_some(true),
            max_fail: self.max_fail,
            collect: self.collect,
            retries: self.retries,
            flaky: self.flaky,
            timeout: self.timeout,
            slow: self.slow,
            python: self.python.clone(),
            junit: self.junit.clone(),
            jsonl: self.jsonl.clone(),
            warm: self.warm.then_some(true),
            warm_idle: None,
            grace: self.grace,
            run_timeout: self.run_timeout,
            collect_timeout: self.collect_timeout,
            max_worker_memory: self.max_worker_memory,
            max_tests_per_worker: self.max_tests_per_worker,
            leak: self.leak,
            server_lost: self.server_lost,
            vary: self.vary,
            state_probe: None,
        };
        let pytest_args = self.pytest_args.clone();
        let (shuffle, probe_tests) = (self.shuffle, self.probe_tests);
        TestOptions { settings, shuffle, probe_tests, pytest_args, ..options }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_that_is_refused_is_looked_at() {
        let Verb::Test(bare) = Cli::parse_from(["pnl", "test"]).verb else { panic!("no test") };
        let names = REFUSED.map(|(name, _)| name).into_iter().chain(UNWATCHED);
        let given: Vec<&str> = names.filter(|name| bare.is_given(name)).collect();
        assert_eq!(given, [""; 0]);
    }
}
