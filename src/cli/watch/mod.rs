//! `pnl watch`: runs tests when files are saved, and when a key is pressed.

mod imports;
mod keys;
mod select;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use crossbeam_channel::{Receiver, Sender, unbounded};

use super::args::TestArgs;
use super::{error, test};
use crate::engine::warm::stop_owned;
use crate::engine::{Control, Warmth};
use crate::model::{EngineKind, Event, ExitCode};
use crate::process::{Changes, explained_of_watching, forward_signals};
use crate::runner::{self, Planned, TestOptions};

use keys::Keys;
use select::{Seen, Selection, Wish, select};

/// Arguments of `pnl watch`.
#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    #[command(flatten)]
    test: TestArgs,
}

/// What can happen.
enum Said {
    Saved(Option<BTreeSet<PathBuf>>),
    Key(char),
    InputEnded,
    Interrupt,
    Ended(Ended),
}

/// How a run ended.
struct Ended {
    exit: ExitCode,
    was_interrupted: bool,
}

/// Runs tests until the user quits.
pub(super) fn run(arguments: &WatchArgs, command: Vec<String>) -> ExitCode {
    if let Some((option, why)) = arguments.test.not_for_watch() {
        error::message(&format!("{option} does not go with pnl watch: {why}. Leave it out"));
        return ExitCode::Usage;
    }
    let options = arguments.test.options(command);
    let planned = match runner::plan(&options) {
        Ok(planned) => planned,
        Err(refusal) => return error::refused(&refusal),
    };
    let root = planned.project_root.clone();
    let changes = match Changes::below(&root) {
        Ok(changes) => changes,
        Err(cause) => {
            error::message(&format!(
                "cannot watch {}: {}",
                root.display(),
                explained_of_watching(&cause)
            ));
            return ExitCode::Usage;
        }
    };
    let mut keys = match Keys::take() {
        Ok(keys) => keys,
        Err(cause) => {
            error::message(&format!("the terminal cannot be used: {cause}"));
            return ExitCode::Usage;
        }
    };
    let (inbox, said) = unbounded();
    if let Err(cause) = listen(&inbox, changes, keys.is_terminal()) {
        error::message(&cause.to_string());
        return ExitCode::InternalError;
    }
    let mut watch = Watch {
        options,
        arguments,
        inbox,
        said,
        seen: Arc::default(),
        waiting: BTreeSet::new(),
        contents: select::Contents::default(),
        exit: ExitCode::Ok,
    };
    watch.serve();
    keys.give_back();
    if let Err(cause) = stop_owned(std::process::id()) {
        error::warning(&format!("the process with the libraries was not ended: {cause}"));
    }
    watch.exit
}

/// Starts the threads that fill the inbox.
fn listen(inbox: &Sender<Said>, mut changes: Changes, by_key: bool) -> std::io::Result<()> {
    let to = |inbox: &Sender<Said>| {
        let inbox = inbox.clone();
        // Nobody receives when the watch is over.
        move |said| drop(inbox.send(said))
    };
    let (tell_saved, tell_key, tell_signal) = (to(inbox), to(inbox), to(inbox));
    let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
    thread("changes").spawn(move || {
        while let Ok(saved) = changes.wait() {
            tell_saved(Said::Saved(saved));
        }
    })?;
    thread("keys").spawn(move || {
        keys::read(by_key, |key| tell_key(Said::Key(key)));
        tell_key(Said::InputEnded);
    })?;
    forward_signals(move || tell_signal(Said::Interrupt)).map_err(std::io::Error::other)
}

struct Watch<'a> {
    options: TestOptions,
    arguments: &'a WatchArgs,
    inbox: Sender<Said>,
    said: Receiver<Said>,
    /// What the runs have said of tests.
    seen: Arc<Mutex<Seen>>,
    /// Files that were saved and that no whole run has seen.
    waiting: BTreeSet<PathBuf>,
    contents: select::Contents,
    exit: ExitCode,
}

/// What to do next.
enum Next {
    Run(Wish),
    Wait,
    Quit,
}

impl Watch<'_> {
    fn serve(&mut self) {
        let mut next = Next::Run(Wish::All);
        loop {
            next = match next {
                Next::Quit => return,
                Next::Run(wish) => self.run(wish),
                Next::Wait => {
                    let Ok(said) = self.said.recv() else { return };
                    self.hear(said).unwrap_or(Next::Wait)
                }
            };
        }
    }

    /// What somebody's word asks for; none where it asks for nothing.
    fn hear(&mut self, said: Said) -> Option<Next> {
        match said {
            Said::Saved(Some(files)) => {
                let files = self.contents.really_changed(files);
                if files.is_empty() {
                    return None;
                }
                self.waiting.extend(files);
                Some(Next::Run(Wish::Changed(self.waiting.clone())))
            }
            Said::Saved(None) | Said::Key('a' | '\n' | '\r') => Some(Next::Run(Wish::All)),
            Said::Key('f') => Some(Next::Run(Wish::Failed)),
            Said::Key('q') | Said::Interrupt | Said::InputEnded => Some(Next::Quit),
            Said::Key(_) | Said::Ended(_) => None,
        }
    }

    /// Runs what is wished; whatever is asked for meanwhile ends it early.
    fn run(&mut self, wish: Wish) -> Next {
        let planned = match runner::plan(&self.options) {
            Ok(planned) => planned,
            Err(refusal) => {
                error::refused(&refusal);
                self.prompt();
                return Next::Wait;
            }
        };
        let selection = select(&wish, &self.seen(), &planned.project_root, &planned.plan.root);
        let Selection { title, paths } = selection;
        error::say(&title);
        if paths.as_ref().is_some_and(Vec::is_empty) {
            self.prompt();
            return Next::Wait;
        }
        if let Wish::Changed(files) = &wish {
            self.seen().forget(files);
        }
        let names_tests = paths.iter().flatten().any(|it| it.contains("::"));
        let control = Control::new();
        self.start(with_paths(planned, paths), control.clone());
        let mut next = Next::Wait;
        loop {
            let Ok(said) = self.said.recv() else { return Next::Quit };
            if let Said::Ended(ended) = said {
                self.exit = ended.exit;
                if !ended.was_interrupted {
                    self.waiting.clear();
                }
                let is_refused = ended.exit == ExitCode::Usage && names_tests;
                self.seen().is_doubted = is_refused;
                if is_refused && matches!(next, Next::Wait) {
                    return Next::Run(wish);
                }
                if matches!(next, Next::Wait) {
                    self.prompt();
                }
                return next;
            }
            if let Some(asked) = self.hear(said) {
                next = asked;
                control.interrupt();
            }
        }
    }

    fn start(&self, planned: Planned, control: Control) {
        let (seen, inbox) = (self.seen.clone(), self.inbox.clone());
        let verbosity = test::verbosity(&self.arguments.test.run);
        std::thread::spawn(move || {
            let sink = Box::new(move |event: &Arc<Event>| {
                seen.lock().unwrap_or_else(PoisonError::into_inner).event(event);
            });
            let interrupts = AtomicU32::new(0);
            let exit = test::execute(&planned, verbosity, &control, Some(sink), &interrupts);
            let was_interrupted = exit == ExitCode::Interrupted;
            // Nobody receives when the watch is over.
            let _ = inbox.send(Said::Ended(Ended { exit, was_interrupted }));
        });
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prompt(&self) {
        let failed = self.seen().failed.len();
        let failed = if failed > 0 { format!("   [f] {failed} failed") } else { String::new() };
        error::say(&format!("watching   [a] all{failed}   [q] quit"));
    }
}

fn with_paths(mut planned: Planned, paths: Option<Vec<String>>) -> Planned {
    if let Some(paths) = paths {
        planned.plan.scope = paths.join(" ");
        planned.plan.paths = paths;
    }
    if planned.plan.engine == EngineKind::Fork {
        let idle = planned.settings.warm_idle;
        planned.plan.warmth = Warmth::Warm { idle, owner: Some(std::process::id()) };
    }
    planned
}
