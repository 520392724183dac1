//! How pytest is started: its arguments, and what its environment tells the worker package.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::command::{PytestCommand, pytest_command};
use super::inbox::Control;
use super::plan::{Plan, TerminalOwner};
use super::warm::Order;
use crate::model::{CollectMode, DistMode, EngineKind, Output, StopReason, WorkerId};
use crate::process::{
    ControlGroup, Guarded, Launch, Lifelines, Mark, RUN_VARIABLE, Stdio, explained, guard, unpack,
};
use crate::protocol::socket::Rendezvous;
use crate::protocol::{Fork, Role};

/// Where pytest processes of a run meet the controller, and the package that they load.
pub(super) struct Base {
    lifelines: Option<Lifelines>,
    /// All processes of the run, where there may be one.
    group: Option<ControlGroup>,
    /// The private folder and socket.
    pub(super) rendezvous: Rendezvous,
    package: PathBuf,
    /// Last, so that it goes last: what is to be ended and removed is the guard's until it is.
    _guarded: Guarded,
}

/// What `PNL_SESSION` says; read by `worker/pnl_worker/plugin.py`.
#[derive(Serialize)]
struct Session<'a> {
    role: Role,
    socket: PathBuf,
    token: &'a str,
    /// Variables to give back to the suite as they were.
    restore: BTreeMap<&'static str, Option<String>>,
    /// Where a template is to have its tests collected.
    collect: &'static str,
    /// Whether it is to tell when it came how far.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stamps: bool,
    #[serde(flatten)]
    worker: Option<&'a Fork>,
}

impl Base {
    /// Makes the folder, unpacks the package, and lets `control` accept connections.
    pub(super) fn prepare(plan: &Plan, control: &Control) -> Result<Self, StopReason> {
        Self::open(plan, control).map_err(|error| {
            StopReason::Usage(format!(
                "cannot make a private folder with a socket in {} (TMPDIR): {}",
                std::env::temp_dir().display(),
                explained(&error)
            ))
        })
    }

    fn open(plan: &Plan, control: &Control) -> io::Result<Self> {
        let rendezvous = Rendezvous::open()?;
        let group = ControlGroup::make(plan.run.as_str()).ok();
        // A file system without named pipes: what is left of the run is the guard's alone.
        let lifelines = Lifelines::make(rendezvous.folder()).ok();
        // After those, which it holds too: without them the kernel would leave no time to tear down.
        let guarded = guard(plan.run.as_str(), rendezvous.folder(), group.as_ref());
        let package = unpack(rendezvous.folder())?;
        control.accept(&rendezvous)?;
        Ok(Self { _guarded: guarded, lifelines, group, rendezvous, package })
    }

    /// A worker is about to be started.
    pub(super) fn expect(&self, worker: WorkerId) {
        if let Some(lifelines) = &self.lifelines {
            lifelines.expect(&worker.to_string());
        }
    }

    /// Takes a process that was started into the run's control group.
    pub(super) fn admit(&self, pid: u32) {
        if let Some(group) = &self.group {
            group.take(pid);
        }
    }

    /// The process of a template.
    pub(super) fn template(&self, plan: &Plan) -> Launch {
        self.launch(plan, distributed_command(plan), Role::Template, None)
    }

    /// The same, for a warm process to fork.
    pub(super) fn warm_template(
        &self,
        plan: &Plan,
        idle: Duration,
        owner: Option<u32>,
    ) -> Result<Order, String> {
        let launch = self.template(plan);
        let mut env = own_environment()?;
        let python_path = env.get("PYTHONPATH").cloned();
        env.extend(launch.env);
        // The worker package is loaded already: its folder need not be found.
        match python_path {
            Some(path) => env.insert("PYTHONPATH".to_owned(), path),
            None => env.remove("PYTHONPATH"),
        };
        Ok(Order {
            python: plan.python.path.clone(),
            // After `python -m pytest`.
            argv: launch.argv.into_iter().skip(3).collect(),
            env,
            cwd: launch.cwd,
            package: self.package.clone(),
            idle,
            owner,
        })
    }

    /// The process of a spawned worker.
    pub(super) fn worker(&self, plan: &Plan, worker: &Fork) -> Launch {
        self.launch(plan, distributed_command(plan), Role::Worker, Some(worker))
    }

    /// The process of an observed pytest.
    pub(super) fn observer(&self, plan: &Plan) -> Launch {
        self.launch(plan, observed_command(plan), Role::Observer, None)
    }

    fn launch(&self, plan: &Plan, argv: Vec<String>, role: Role, worker: Option<&Fork>) -> Launch {
        let own = |name: &'static str| std::env::var(name).ok();
        let (path, plugins) = (own("PYTHONPATH"), own("PYTEST_PLUGINS"));
        let in_front = |first: String, separator: char, rest: &Option<String>| match rest {
            Some(rest) if !rest.is_empty() => format!("{first}{separator}{rest}"),
            _ => first,
        };
        let session = Session {
            role,
            socket: self.rendezvous.path(),
            token: self.rendezvous.token(),
            restore: BTreeMap::from([
                ("PYTHONPATH", path.clone()),
                ("PYTEST_PLUGINS", plugins.clone()),
            ]),
            collect: collect_mode(plan).name(),
            stamps: plan.timings,
            worker,
        };
        let session = serde_json::to_string(&session).expect("paths of ours are UTF-8");
        let mut env = plan.env.clone();
        env.extend([
            ("PNL_SESSION".to_owned(), session),
            ("PYTHONPATH".to_owned(), in_front(self.package.display().to_string(), ':', &path)),
            ("PYTEST_PLUGINS".to_owned(), in_front("pnl_worker.plugin".to_owned(), ',', &plugins)),
            (RUN_VARIABLE.to_owned(), plan.run.to_string()),
        ]);
        let stdio = match (plan.engine, plan.terminal) {
            (EngineKind::Pytest, TerminalOwner::Pytest) => Stdio::Inherited,
            (EngineKind::Pytest, TerminalOwner::Pnl)
            | (EngineKind::Fork | EngineKind::Spawn | EngineKind::Xdist, _) => Stdio::Piped,
        };
        let mark = Mark::of(plan.run.as_str());
        Launch { argv, env, cwd: plan.root.clone(), stdio, mark }
    }
}

/// This process's environment, if it can be told of.
fn own_environment() -> Result<BTreeMap<String, String>, String> {
    let variables = std::env::vars_os().map(|(name, value)| {
        let name = name.into_string().map_err(|_| "a variable's name is no UTF-8".to_owned())?;
        let value = value.into_string().map_err(|_| format!("{name} is no UTF-8"))?;
        Ok((name, value))
    });
    variables.collect()
}

/// Where the tests of this plan are to be collected.
fn collect_mode(plan: &Plan) -> CollectMode {
    let can_spread = plan.engine == EngineKind::Fork && plan.workers.number() > 1;
    if can_spread && why_full(plan).is_none() { plan.collect } else { CollectMode::Full }
}

/// What in this plan needs all tests before the first is run: workers can collect in an order that
/// nothing but the files decides. `None` also where nobody would expect workers to collect.
pub(super) fn why_full(plan: &Plan) -> Option<String> {
    if plan.collect == CollectMode::Full || plan.workers.number() < 2 {
        None
    } else if !matches!(plan.dist, DistMode::Pnl | DistMode::LoadFile | DistMode::No) {
        Some(format!("--dist {}", plan.dist))
    } else {
        plan.shuffle.map(|_| "--shuffle".to_owned())
    }
}

/// The pytest command that `plan` starts: the template's, each spawned worker's, or the observed one.
#[must_use]
pub fn command_of(plan: &Plan) -> Vec<String> {
    match plan.engine {
        EngineKind::Fork | EngineKind::Spawn => distributed_command(plan),
        EngineKind::Xdist | EngineKind::Pytest => observed_command(plan),
    }
}

/// For pnl's own engines: xdist is not involved.
fn distributed_command(plan: &Plan) -> Vec<String> {
    let mut argv = base_command(plan, 1, DistMode::Pnl);
    if plan.output == Output::Live {
        argv.push("-s".to_owned());
    }
    argv.extend(plan.pytest_args.iter().cloned());
    argv
}

fn observed_command(plan: &Plan) -> Vec<String> {
    let (workers, dist) = match plan.engine {
        EngineKind::Xdist => (plan.workers.number(), plan.dist),
        EngineKind::Pytest | EngineKind::Fork | EngineKind::Spawn => (1, DistMode::Pnl),
    };
    let mut argv = base_command(plan, workers, dist);
    if let Some(limit) = plan.max_fail {
        argv.push(format!("--maxfail={limit}"));
    }
    argv.extend(plan.pytest_args.iter().cloned());
    argv
}

fn base_command(plan: &Plan, workers: usize, dist: DistMode) -> Vec<String> {
    let options = PytestCommand { paths: plan.paths.clone(), headed: plan.headed, workers, dist };
    let mut argv = pytest_command(&options);
    argv[0] = plan.python.path.display().to_string();
    argv
}
