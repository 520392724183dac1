//! The library's face: from options to a plan, and from a plan to a finished run.
//!
//! The command line is a thin layer over [`run_tests`] and [`run_loop`]. Nothing is printed here:
//! what happens goes to a [`Reporter`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::{
    Choice, Control, Finished, Known, Machine, Plan, Probing, PytestCommand, ServerNeed,
    TerminalOwner, Warmth, Workers, pytest_command, workers_for,
};
use crate::model::{DistMode, EngineKind, Purpose, Rank, RunId, Secrets, StateProbe, Vary};
use crate::process::{Interpreter, PythonError, find};
use crate::report::Reporter;
use crate::scheduler::{Limit, Rounds, Until};
use crate::settings::{
    Layer, Project, ScopeError, Selection, Settings, SettingsError, WorkerCount, default_scopes,
    find_project, from_environment, select,
};
use crate::store::History;

/// What [`run_tests`] goes by. `Default` is `pnl test` without arguments.
#[derive(Debug, Clone)]
pub struct TestOptions {
    /// Names of scopes, paths and node ids; none is `all`.
    pub scope: Vec<String>,
    /// How many rounds, or for how long.
    pub limit: Limit,
    /// What ends a loop sooner.
    pub until: Option<Until>,
    /// Settings that override the environment's and the file's: workers, dist, headed, delay,
    /// `keep_going` and the rest.
    pub settings: Layer,
    /// Seed of a shuffled order; the order is pytest's where there is none.
    pub shuffle: Option<u64>,
    /// Whether the server's state is asked for around each test.
    pub probe_tests: bool,
    /// Arguments for pytest.
    pub pytest_args: Vec<String>,
    /// Where paths are relative to and pytest is started; the process's own where left out.
    pub cwd: Option<PathBuf>,
    /// The command line, for the history.
    pub command: Vec<String>,
}

impl Default for TestOptions {
    fn default() -> Self {
        Self {
            scope: Vec::new(),
            limit: Limit::Count(1),
            until: None,
            settings: Layer::default(),
            shuffle: None,
            probe_tests: false,
            pytest_args: Vec::new(),
            cwd: None,
            command: Vec::new(),
        }
    }
}

/// What [`run_loop`] goes by: the older script's parameters, with its defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct LoopOptions {
    /// A scope's name, a path or a node id.
    pub scope: String,
    /// So many rounds, or …
    pub count: Option<u32>,
    /// … rounds for so long. Exactly one of the two.
    pub duration: Option<Duration>,
    /// Wait between rounds.
    pub delay: Duration,
    /// Whether to go on after a round with failures.
    pub keep_going: bool,
    /// Whether browsers are visible.
    pub headed: bool,
    /// How many workers.
    pub workers: Option<WorkerCount>,
    /// How tests are dealt out.
    pub dist: Option<DistMode>,
}

impl Default for LoopOptions {
    fn default() -> Self {
        Self {
            scope: "e2e".to_owned(),
            count: None,
            duration: None,
            delay: Duration::ZERO,
            keep_going: false,
            headed: false,
            workers: None,
            dist: None,
        }
    }
}

/// Why nothing was run. All of these exit with 4.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A setting in the environment or in the file.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A scope or a path.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// No interpreter.
    #[error("{0}.\nName one with --python PATH or PNL_PYTHON, or activate a virtual environment")]
    Python(#[from] PythonError),
    /// Options that exclude each other, or are missing.
    #[error("{0}")]
    Options(String),
}

/// Runs tests once or in a loop, by these options.
pub fn run_tests(
    options: &TestOptions,
    control: &Control,
    reporter: &mut dyn Reporter,
) -> Result<Finished, Refusal> {
    Ok(crate::engine::run(&plan(options)?.plan, control, reporter))
}

/// Runs a loop, as the older `run_e2e_loop.py` did.
pub fn run_loop(
    options: &LoopOptions,
    control: &Control,
    reporter: &mut dyn Reporter,
) -> Result<Finished, Refusal> {
    run_tests(&options.to_test_options()?, control, reporter)
}

impl LoopOptions {
    /// The same as options of [`run_tests`].
    pub fn to_test_options(&self) -> Result<TestOptions, Refusal> {
        let limit = match (self.count, self.duration) {
            (Some(count), None) => Limit::Count(count),
            (None, Some(duration)) => Limit::For(duration),
            (None, None) => {
                return Err(Refusal::Options("a loop needs a COUNT or --duration T".to_owned()));
            }
            (Some(_), Some(_)) => {
                let text = "a loop has a COUNT or a --duration, not both";
                return Err(Refusal::Options(text.to_owned()));
            }
        };
        let settings = Layer {
            delay: Some(self.delay),
            keep_going: Some(self.keep_going),
            headed: Some(self.headed),
            workers: self.workers,
            dist: self.dist,
            ..Layer::default()
        };
        Ok(TestOptions {
            scope: vec![self.scope.clone()],
            limit,
            settings,
            ..TestOptions::default()
        })
    }
}

/// What [`build_pytest_command`] goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOptions {
    /// `e2e`, `http`, `all`, or a path.
    pub scope: String,
    /// Whether browsers are visible.
    pub headed: bool,
    /// Worker processes; 1 is plain pytest.
    pub workers: usize,
    /// xdist's dist mode.
    pub dist: DistMode,
}

/// The pytest-xdist command of a scope, as an argument list: for e2e, headed, 4 workers and
/// `loadfile` it is `python -m pytest tests/e2e --headed -n 4 --dist loadfile`.
#[must_use]
pub fn build_pytest_command(options: &CommandOptions) -> Vec<String> {
    let paths = match default_scopes().remove(&options.scope) {
        Some(scope) => scope.paths,
        None => vec![options.scope.clone()],
    };
    let CommandOptions { headed, workers, dist, .. } = *options;
    pytest_command(&PytestCommand { paths, headed, workers, dist })
}

/// A plan with what the command line needs beside it.
#[derive(Debug, Clone)]
pub struct Planned {
    /// For the engine.
    pub plan: Plan,
    /// All settings, merged.
    pub settings: Settings,
    /// The project's folder, where the history is.
    pub project_root: PathBuf,
}

/// Resolves options to a plan: reads the configuration and the environment, finds the interpreter.
pub fn plan(options: &TestOptions) -> Result<Planned, Refusal> {
    let began_us = crate::engine::monotonic_us();
    let cwd = working_folder(options)?;
    let project = find_project(&cwd)?;
    let environment = from_environment(|name| std::env::var(name).ok())?;
    let settings = Settings::merge(
        options.settings.clone(),
        environment,
        project.layer.clone(),
        &project.place,
    );
    let selection = select(&options.scope, &project.scopes, &project.root, &cwd)?;
    let interpreter = Interpreter {
        named: settings.python.clone(),
        virtual_env: std::env::var_os("VIRTUAL_ENV"),
        path: std::env::var_os("PATH"),
    };
    let python = find(&interpreter, &cwd)?;
    check(options, &settings)?;
    let pytest_args = [&project.pytest_args, &selection.pytest_args, &options.pytest_args];
    let server_need = server_need(&selection, &project);
    let auto = auto_workers(&project.root, &selection.label, &server_need);
    let plan = Plan {
        secrets: all_secrets(&settings),
        run: new_run_id(),
        purpose: Purpose::Tests,
        scope: selection.label.clone(),
        command: options.command.clone(),
        engine: settings.engine,
        dist: settings.dist,
        isolation: settings.isolation,
        output: settings.output,
        workers: workers(&settings, &selection, auto.workers),
        workers_rank: settings.workers_rank.max(match selection.workers {
            Some(_) => Rank::File,
            None => Rank::Default,
        }),
        dist_rank: settings.dist_rank,
        auto_workers: auto.workers,
        auto_why: auto.why,
        rounds: Rounds {
            limit: options.limit,
            until: options.until,
            keep_going: settings.keep_going,
            delay: settings.delay,
        },
        python,
        headed: settings.headed,
        pytest_args: pytest_args.into_iter().flatten().cloned().collect(),
        env: BTreeMap::from([("E2E_BASE_URL".to_owned(), settings.server.url.clone())]),
        server: settings.server.clone(),
        server_need,
        server_hint: project.server_hint.clone(),
        probing: probing(options, &settings),
        max_fail: settings.max_fail,
        shuffle: options.shuffle,
        vary: settings.vary,
        terminal: TerminalOwner::Pytest,
        began_us,
        timings: false,
        warmth: if settings.warm {
            Warmth::Warm { idle: settings.warm_idle, owner: None }
        } else {
            Warmth::Cold
        },
        collect: settings.collect,
        general: settings.general.clone(),
        rules: project.rules.clone(),
        locks: project.locks.clone(),
        flaky: settings.flaky,
        bounds: settings.bounds,
        leak: settings.leak,
        server_lost: settings.server_lost,
        history: Some(project.root.clone()),
        paths: selection.paths,
        root: cwd,
    };
    check_probing(options, &plan)?;
    Ok(Planned { plan, settings, project_root: project.root })
}

/// The secrets of this process's environment. A variable that names a file is none.
#[must_use]
pub fn secrets() -> Secrets {
    let is_file = |value: &str| Path::new(value).is_absolute() && Path::new(value).exists();
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Secrets::of(variables.filter(|(_, value)| !is_file(value)))
}

fn working_folder(options: &TestOptions) -> Result<PathBuf, Refusal> {
    match &options.cwd {
        Some(cwd) => Ok(cwd.clone()),
        None => std::env::current_dir()
            .map_err(|error| Refusal::Options(format!("the working folder is gone: {error}"))),
    }
}

fn all_secrets(settings: &Settings) -> Secrets {
    let secrets = secrets().and_password_of(&settings.server.url);
    match &settings.state_probe {
        Some(StateProbe::Url(url)) => secrets.and_password_of(url),
        Some(StateProbe::Command(_)) | None => secrets,
    }
}

fn probing(options: &TestOptions, settings: &Settings) -> Option<Probing> {
    let how = settings.state_probe.clone()?;
    Some(Probing { how, each_test: options.probe_tests })
}

/// State can be asked for around a test only while nothing else changes it.
fn check_probing(options: &TestOptions, plan: &Plan) -> Result<(), Refusal> {
    let refuse = |why: String| Err(Refusal::Options(format!("--probe-tests {why}")));
    match (options.probe_tests, &plan.probing) {
        (false, _) => return Ok(()),
        (true, None) => {
            return refuse(
                "needs something that tells the server's state: name a command or a URL as \
                 state_probe in [tool.pnl] of pyproject.toml, or as PNL_STATE_PROBE"
                    .to_owned(),
            );
        }
        (true, Some(_)) => {}
    }
    let number = plan.workers.number();
    if number != 1 {
        return refuse(format!(
            "asks for the state before and after each test, so that only one may run at a time: it \
             goes with -n 1, not with {number} workers"
        ));
    }
    if plan.dist != DistMode::Pnl {
        return refuse(format!("does not go with --dist {}. Leave one of them out", plan.dist));
    }
    match plan.engine {
        EngineKind::Fork | EngineKind::Spawn => Ok(()),
        engine @ (EngineKind::Xdist | EngineKind::Pytest) => refuse(format!(
            "does not go with --engine {engine}: that pytest goes from test to test by itself. Use \
             --engine fork or spawn"
        )),
    }
}

/// What an engine cannot do is refused, not ignored.
fn check(options: &TestOptions, settings: &Settings) -> Result<(), Refusal> {
    let engine = settings.engine;
    let (vary, dist) = (settings.vary, settings.dist);
    if vary == Vary::On && !matches!(dist, DistMode::Pnl | DistMode::Load | DistMode::WorkSteal) {
        return Err(Refusal::Options(format!(
            "--vary on does not go with --dist {dist}, which says what shares a worker. Leave one \
             of them out"
        )));
    }
    if settings.warm && engine != EngineKind::Fork {
        return Err(Refusal::Options(format!(
            "--warm does not go with --engine {engine}: only a template can be forked from what \
             is loaded. Use --engine fork, or leave --warm out"
        )));
    }
    let refuse = |option: &str, why: &str| {
        Err(Refusal::Options(format!(
            "{option} does not go with --engine {engine}: {why}. Use --engine fork or spawn"
        )))
    };
    match engine {
        EngineKind::Fork | EngineKind::Spawn => {
            let debugger = options.pytest_args.iter().find(|it| *it == "--pdb" || *it == "--trace");
            return match debugger {
                None => Ok(()),
                Some(option) => Err(Refusal::Options(format!(
                    "{option} does not go with --engine {engine}: a debugger needs the terminal, \
                     which workers do not have. Use --engine pytest"
                ))),
            };
        }
        EngineKind::Xdist | EngineKind::Pytest => {}
    }
    if options.shuffle.is_some() {
        return refuse("--shuffle", "that pytest orders its tests itself");
    }
    if settings.general.retries.is_some_and(|retries| retries > 0) {
        return refuse("--retries", "that pytest runs each test once");
    }
    if settings.general.timeout.is_some_and(|limit| !limit.is_zero()) {
        return refuse("--timeout", "that pytest's processes are not pnl's to end");
    }
    let bounds = &settings.bounds;
    if bounds.worker_memory.is_some() {
        return refuse("--max-worker-memory", "its workers are not pnl's to replace");
    }
    if bounds.worker_tests.is_some() {
        return refuse("--max-tests-per-worker", "its workers are not pnl's to replace");
    }
    if settings.server_lost == crate::model::ServerLost::Wait {
        return refuse("--server-lost wait", "that pytest cannot be paused");
    }
    if settings.isolation == crate::model::Isolation::None {
        return refuse("--isolation none", "each round is a pytest process of its own");
    }
    if settings.output == crate::model::Output::Live && engine == EngineKind::Xdist {
        return refuse("--output live", "pytest-xdist does not hand its workers' output on");
    }
    Ok(())
}

/// What `auto` is: what xdist's variable says, where it says a number, else what the machine bears.
fn auto_workers(root: &Path, scope: &str, server_need: &ServerNeed) -> Choice {
    let said = std::env::var("PYTEST_XDIST_AUTO_NUM_WORKERS").ok();
    match said.and_then(|text| text.trim().parse().ok()) {
        Some(number) => Choice { workers: std::cmp::max(number, 1), why: None },
        None => workers_for(Machine::detect(), known(root, scope, server_need)),
    }
}

/// What the history knows of what these tests use. One that cannot be read is warned of by the run.
fn known(root: &Path, scope: &str, server_need: &ServerNeed) -> Known {
    let usage = History::open_read(root).and_then(|history| history.usage(scope));
    let may_load_a_server = match server_need {
        ServerNeed::Always => true,
        ServerNeed::IfUnder(folders) => folders.iter().any(|folder| folder.exists()),
        ServerNeed::Never => false,
    };
    match usage {
        Ok(Some(usage)) if may_load_a_server => Known::Shares(usage),
        Ok(Some(usage)) => Known::May(usage),
        Ok(None) | Err(_) => Known::Nothing,
    }
}

fn workers(settings: &Settings, selection: &Selection, auto: usize) -> Workers {
    match settings.workers.or(selection.workers).or(settings.file_workers) {
        Some(WorkerCount::Exactly(number)) => Workers::Exactly(number.get()),
        Some(WorkerCount::Auto) | None => Workers::Auto(auto),
    }
}

fn server_need(selection: &Selection, project: &Project) -> ServerNeed {
    if selection.needs_server {
        return ServerNeed::Always;
    }
    if selection.is_certain {
        return ServerNeed::Never;
    }
    let needing = project.scopes.values().filter(|scope| scope.needs_server);
    let absolute = |path: &String| canonical(&project.root.join(path));
    ServerNeed::IfUnder(needing.flat_map(|scope| scope.paths.iter().map(absolute)).collect())
}

/// pytest names its root folder without links, so the folders to compare must be without too.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// UTC time and 24 random bits: sorted by time, and unique across machines for all practical ends.
pub(crate) fn new_run_id() -> RunId {
    let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    RunId::new(&format!("{now}-{:06x}", fastrand::u32(..1 << 24)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_scripts_command_comes_out() {
        let options = CommandOptions {
            scope: "e2e".to_owned(),
            headed: true,
            workers: 4,
            dist: DistMode::LoadFile,
        };
        let command = build_pytest_command(&options);
        assert_eq!(
            command,
            ["python", "-m", "pytest", "tests/e2e", "--headed", "-n", "4", "--dist", "loadfile"]
        );
        let all = CommandOptions { scope: "all".to_owned(), headed: false, workers: 1, ..options };
        assert_eq!(build_pytest_command(&all), ["python", "-m", "pytest"]);
    }

    #[test]
    fn a_loop_needs_a_count_or_a_duration_and_not_both() {
        let both = LoopOptions {
            count: Some(2),
            duration: Some(Duration::from_secs(1)),
            ..LoopOptions::default()
        };
        assert!(both.to_test_options().is_err());
        assert!(LoopOptions::default().to_test_options().is_err());
        let two = LoopOptions { count: Some(2), ..LoopOptions::default() };
        let options = two.to_test_options().expect("a count");
        assert_eq!((options.scope, options.limit), (vec!["e2e".to_owned()], Limit::Count(2)));
    }
}
