//! Layers of settings, and their merge.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::SettingsError;
use super::values::{self, BadValue, WorkerCount};
use super::words::state_probe;
use crate::model::{
    Bounds, CollectMode, DistMode, EngineKind, FlakyPolicy, Isolation, LeakPolicy, Output, Rank,
    Rule, Server, ServerLost, StateProbe, Vary,
};

/// What one source says; `None` where it says nothing.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "each is explained at Settings")]
pub struct Layer {
    pub base_url: Option<String>,
    pub workers: Option<WorkerCount>,
    pub dist: Option<DistMode>,
    pub engine: Option<EngineKind>,
    pub isolation: Option<Isolation>,
    pub output: Option<Output>,
    pub keep_going: Option<bool>,
    pub delay: Option<Duration>,
    pub headed: Option<bool>,
    pub max_fail: Option<u64>,
    pub collect: Option<CollectMode>,
    pub retries: Option<u32>,
    pub flaky: Option<FlakyPolicy>,
    pub timeout: Option<Duration>,
    pub slow: Option<Duration>,
    pub python: Option<PathBuf>,
    pub junit: Option<PathBuf>,
    pub jsonl: Option<PathBuf>,
    pub warm: Option<bool>,
    pub warm_idle: Option<Duration>,
    pub grace: Option<Duration>,
    pub run_timeout: Option<Duration>,
    pub collect_timeout: Option<Duration>,
    pub max_worker_memory: Option<u64>,
    pub max_tests_per_worker: Option<u64>,
    pub leak: Option<LeakPolicy>,
    pub server_lost: Option<ServerLost>,
    /// Whether the rounds of a loop differ on purpose.
    pub vary: Option<Vary>,
    pub state_probe: Option<StateProbe>,
}

/// All settings, merged.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The server that tests are told of, and which setting named it.
    pub server: Server,
    /// How many workers, by command line or environment.
    pub workers: Option<WorkerCount>,
    /// How many workers by the file, which a scope's own number overrides.
    pub file_workers: Option<WorkerCount>,
    /// Where `workers` comes from.
    pub workers_rank: Rank,
    /// How tests are dealt out.
    pub dist: DistMode,
    /// Where `dist` comes from.
    pub dist_rank: Rank,
    /// What runs them.
    pub engine: EngineKind,
    /// What workers keep between rounds.
    pub isolation: Isolation,
    /// What happens to what tests print.
    pub output: Output,
    /// Whether a loop goes on after a round with failures.
    pub keep_going: bool,
    /// Wait between rounds.
    pub delay: Duration,
    /// Whether browsers are visible.
    pub headed: bool,
    /// Failures after which a round stops.
    pub max_fail: Option<u64>,
    /// Where tests are collected.
    pub collect: CollectMode,
    /// What holds for every test of which nothing particular is said: retries and time limits.
    pub general: Rule,
    /// What a test that passed only when it was retried means for the exit code.
    pub flaky: FlakyPolicy,
    /// The interpreter, and which setting named it.
    pub python: Option<(PathBuf, String)>,
    /// Where the `JUnit` report goes.
    pub junit: Option<PathBuf>,
    /// Where the event stream goes.
    pub jsonl: Option<PathBuf>,
    /// Whether the project's warm process is used.
    pub warm: bool,
    /// How long that process waits for the next run before it ends.
    pub warm_idle: Duration,
    /// What the run and its processes may take.
    pub bounds: Bounds,
    /// What a process that a test left behind means for the exit code.
    pub leak: LeakPolicy,
    /// What happens when the server goes away.
    pub server_lost: ServerLost,
    /// Whether the rounds of a loop differ on purpose.
    pub vary: Vary,
    /// What asks for the server's state.
    pub state_probe: Option<StateProbe>,
}

/// How long a warm process waits: longer than it takes to write a test.
const WARM_IDLE: Duration = Duration::from_secs(600);

/// From when on a test is named as slow while it runs: nextest's default too.
const SLOW: Duration = Duration::from_secs(60);

/// How long running tests get for their tear-down after a first Ctrl-C: as long as in nextest.
const GRACE: Duration = Duration::from_secs(10);

/// How long collection may take. The slowest of the suites that pnl was tried on needs 40 s.
const COLLECTION: Duration = Duration::from_secs(600);

const DEFAULT_URL: &str = "http://127.0.0.1:8000";

impl Settings {
    /// Merges the layers; `file_place` names the configuration file in messages.
    #[must_use]
    pub fn merge(cli: Layer, environment: Layer, file: Layer, file_place: &str) -> Self {
        let in_file = |key: &str| format!("{key} in {file_place}");
        macro_rules! first {
            ($key:ident) => {
                cli.$key.or(environment.$key).or(file.$key)
            };
        }
        let url = None
            .or(cli.base_url.map(|url| (url, "--base-url".to_owned())))
            .or(environment.base_url.map(|url| (url, "E2E_BASE_URL".to_owned())))
            .or(file.base_url.map(|url| (url, in_file("base_url"))))
            .unwrap_or_else(|| (DEFAULT_URL.to_owned(), "the default".to_owned()));
        let python = None
            .or(cli.python.map(|path| (path, "--python".to_owned())))
            .or(environment.python.map(|path| (path, "PNL_PYTHON".to_owned())))
            .or(file.python.map(|path| (path, in_file("python"))));
        Self {
            server: Server { url: url.0, from: url.1 },
            workers_rank: rank(
                cli.workers.is_some(),
                environment.workers.is_some(),
                file.workers.is_some(),
            ),
            dist_rank: rank(cli.dist.is_some(), environment.dist.is_some(), file.dist.is_some()),
            workers: cli.workers.or(environment.workers),
            file_workers: file.workers,
            dist: first!(dist).unwrap_or(DistMode::Pnl),
            engine: first!(engine).unwrap_or(EngineKind::Fork),
            isolation: first!(isolation).unwrap_or(Isolation::Round),
            output: first!(output).unwrap_or(Output::Captured),
            keep_going: first!(keep_going).unwrap_or(false),
            delay: first!(delay).unwrap_or(Duration::ZERO),
            headed: first!(headed).unwrap_or(false),
            max_fail: first!(max_fail),
            collect: first!(collect).unwrap_or(CollectMode::Auto),
            general: Rule {
                retries: first!(retries),
                timeout: first!(timeout),
                slow: Some(first!(slow).unwrap_or(SLOW)),
                ..Rule::default()
            },
            flaky: first!(flaky).unwrap_or(FlakyPolicy::Pass),
            python,
            junit: first!(junit),
            jsonl: first!(jsonl),
            warm: first!(warm).unwrap_or(false),
            warm_idle: first!(warm_idle).unwrap_or(WARM_IDLE),
            bounds: Bounds {
                grace: first!(grace).unwrap_or(GRACE),
                run: first!(run_timeout).filter(|limit| !limit.is_zero()),
                collection: Some(first!(collect_timeout).unwrap_or(COLLECTION))
                    .filter(|limit| !limit.is_zero()),
                worker_memory: first!(max_worker_memory),
                worker_tests: first!(max_tests_per_worker),
            },
            leak: first!(leak).unwrap_or(LeakPolicy::Report),
            server_lost: first!(server_lost).unwrap_or(ServerLost::Stop),
            vary: first!(vary).unwrap_or(Vary::Auto),
            state_probe: first!(state_probe),
        }
    }
}

/// The strongest source that says something.
fn rank(cli: bool, environment: bool, file: bool) -> Rank {
    match (cli, environment, file) {
        (true, _, _) => Rank::CommandLine,
        (false, true, _) => Rank::Environment,
        (false, false, true) => Rank::File,
        (false, false, false) => Rank::Default,
    }
}

/// What the environment says. `get` is [`std::env::var`] without its error; an empty variable says
/// nothing.
pub fn from_environment(get: impl Fn(&str) -> Option<String>) -> Result<Layer, SettingsError> {
    let read = |name: &str| get(name).filter(|value| !value.is_empty());
    let layer = Layer {
        base_url: parsed(read, "E2E_BASE_URL", values::base_url)?,
        workers: parsed(read, "PNL_WORKERS", values::workers)?,
        dist: parsed(read, "PNL_DIST", name)?,
        engine: parsed(read, "PNL_ENGINE", name)?,
        isolation: parsed(read, "PNL_ISOLATION", name)?,
        output: parsed(read, "PNL_OUTPUT", name)?,
        keep_going: parsed(read, "PNL_KEEP_GOING", flag)?,
        delay: parsed(read, "PNL_DELAY", values::delay)?,
        headed: parsed(read, "PNL_HEADED", flag)?,
        max_fail: parsed(read, "PNL_MAX_FAIL", values::failures)?,
        collect: parsed(read, "PNL_COLLECT", name)?,
        retries: parsed(read, "PNL_RETRIES", values::retries)?,
        flaky: parsed(read, "PNL_FLAKY", name)?,
        timeout: parsed(read, "PNL_TIMEOUT", values::limit)?,
        slow: parsed(read, "PNL_SLOW", values::limit)?,
        python: read("PNL_PYTHON").map(PathBuf::from),
        junit: read("PNL_JUNIT").map(PathBuf::from),
        jsonl: read("PNL_JSONL").map(PathBuf::from),
        warm: parsed(read, "PNL_WARM", flag)?,
        warm_idle: parsed(read, "PNL_WARM_IDLE", values::duration)?,
        grace: parsed(read, "PNL_GRACE", values::delay)?,
        run_timeout: parsed(read, "PNL_RUN_TIMEOUT", values::limit)?,
        collect_timeout: parsed(read, "PNL_COLLECT_TIMEOUT", values::limit)?,
        max_worker_memory: parsed(read, "PNL_MAX_WORKER_MEMORY", values::memory)?,
        max_tests_per_worker: parsed(read, "PNL_MAX_TESTS_PER_WORKER", values::tests)?,
        leak: parsed(read, "PNL_LEAK", name)?,
        server_lost: parsed(read, "PNL_SERVER_LOST", name)?,
        vary: parsed(read, "PNL_VARY", name)?,
        state_probe: parsed(read, "PNL_STATE_PROBE", state_probe)?,
    };
    Ok(layer)
}

fn parsed<T>(
    read: impl Fn(&str) -> Option<String>,
    variable: &str,
    parse: impl Fn(&str) -> Result<T, BadValue>,
) -> Result<Option<T>, SettingsError> {
    read(variable)
        .map(|value| parse(&value))
        .transpose()
        .map_err(|error| SettingsError { place: variable.to_owned(), what: error.to_string() })
}

/// A name of one of the model's choices.
pub(super) fn name<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, BadValue> {
    text.parse::<T>().map_err(|error| BadValue(error.to_string()))
}

fn flag(text: &str) -> Result<bool, BadValue> {
    match text {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err(BadValue(format!("1, true, yes, 0, false or no, not {text:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_goes_before_the_environment_before_the_file() {
        let url = |text: &str| Layer { base_url: Some(text.to_owned()), ..Layer::default() };
        let merge = |cli, environment, file| Settings::merge(cli, environment, file, "pnl.toml");
        let all = merge(url("http://c"), url("http://e"), url("http://f")).server;
        assert_eq!((all.url.as_str(), all.from.as_str()), ("http://c", "--base-url"));
        let two = merge(Layer::default(), url("http://e"), url("http://f")).server;
        assert_eq!((two.url.as_str(), two.from.as_str()), ("http://e", "E2E_BASE_URL"));
        let one = merge(Layer::default(), Layer::default(), url("http://f")).server;
        assert_eq!((one.url.as_str(), one.from.as_str()), ("http://f", "base_url in pnl.toml"));
        let none = merge(Layer::default(), Layer::default(), Layer::default()).server;
        assert_eq!((none.url.as_str(), none.from.as_str()), (DEFAULT_URL, "the default"));
    }

    #[test]
    fn a_bad_variable_is_named() {
        let get = |name: &str| (name == "PNL_WORKERS").then(|| "0".to_owned());
        let error = from_environment(get).expect_err("0 workers").to_string();
        assert!(error.starts_with("PNL_WORKERS: workers are `auto` or"), "{error}");
    }
}
