//! What can go wrong, and where.

/// Where a fault is made. Those of the suite's phases are in the order of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Phase {
    /// pytest's start: a conftest is imported.
    Start,
    /// A test file is imported.
    Collect,
    Setup,
    Call,
    Teardown,
    /// The test is over, pytest says so to its plugins.
    Between,
    /// A session fixture is torn down.
    Session,
    /// A worker ends its session.
    Exit,
    /// The template ends its session.
    End,
}

impl Phase {
    pub(super) const ALL: [Self; 9] = [
        Self::Start,
        Self::Collect,
        Self::Setup,
        Self::Call,
        Self::Teardown,
        Self::Between,
        Self::Session,
        Self::Exit,
        Self::End,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Collect => "collect",
            Self::Setup => "setup",
            Self::Call => "call",
            Self::Teardown => "teardown",
            Self::Between => "between",
            Self::Session => "session",
            Self::Exit => "exit",
            Self::End => "end",
        }
    }

    /// Whether tests are known and none has ended for good.
    pub(super) fn is_before_tests(self) -> bool {
        self <= Self::Collect
    }

    /// Whether it belongs to one test.
    pub(super) fn is_of_test(self) -> bool {
        Self::Setup <= self && self <= Self::Between
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Fault {
    Kill,
    Segv,
    Exit0,
    Exit77,
    Oom,
    Stop,
    Stuck,
    Hog,
    Raise,
    SysExit,
    Keyboard,
    PytestExit,
    Forks,
    Grandchild,
    Descriptors,
    Closed,
    Garbage,
    Stranger,
    FullTmp,
    FullHistory,
    PnlInt,
    PnlIntTwice,
    PnlIntThrice,
    PnlTerm,
    PnlHup,
    PnlKilled,
    PnlPaused,
    WorkerPaused,
    TemplatePaused,
    TemplateKilled,
    TemplateStopped,
}

/// What becomes of a suite with a fault, as far as that is the same for several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The process is gone.
    Death,
    /// The process does not go on.
    Stall,
    /// An exception that is the test's failure.
    Failure,
    /// An exception that is no test's.
    Exit,
    /// The suite's truth is what it would be without.
    Harmless,
    /// The process goes on without something that it needs.
    Wreck,
    /// pnl is told to stop.
    Signal,
    /// pnl is gone.
    PnlDeath,
    /// The template is gone, or does not go on.
    TemplateLoss,
}

impl Fault {
    pub(super) const ALL: [Self; 31] = [
        Self::Kill,
        Self::Segv,
        Self::Exit0,
        Self::Exit77,
        Self::Oom,
        Self::Stop,
        Self::Stuck,
        Self::Hog,
        Self::Raise,
        Self::SysExit,
        Self::Keyboard,
        Self::PytestExit,
        Self::Forks,
        Self::Grandchild,
        Self::Descriptors,
        Self::Closed,
        Self::Garbage,
        Self::Stranger,
        Self::FullTmp,
        Self::FullHistory,
        Self::PnlInt,
        Self::PnlIntTwice,
        Self::PnlIntThrice,
        Self::PnlTerm,
        Self::PnlHup,
        Self::PnlKilled,
        Self::PnlPaused,
        Self::WorkerPaused,
        Self::TemplatePaused,
        Self::TemplateKilled,
        Self::TemplateStopped,
    ];

    /// For people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Kill => "SIGKILL",
            Self::Segv => "SIGSEGV",
            Self::Exit0 => "`os._exit(0)`",
            Self::Exit77 => "`os._exit(77)`",
            Self::Oom => "ended by the kernel for its memory",
            Self::Stop => "SIGSTOP for ever",
            Self::Stuck => "a C call that is stuck",
            Self::Hog => "MemoryError (address space limit)",
            Self::Raise => "an exception",
            Self::SysExit => "`sys.exit(77)`",
            Self::Keyboard => "KeyboardInterrupt",
            Self::PytestExit => "`pytest.exit()`",
            Self::Forks => "fork bomb (30 processes, detached)",
            Self::Grandchild => "detached grandchild, deaf to SIGTERM",
            Self::Descriptors => "descriptor leak to the limit",
            Self::Closed => "all descriptors closed",
            Self::Garbage => "garbage on pnl's socket",
            Self::Stranger => "a stranger on pnl's socket",
            Self::FullTmp => "full disk: TMPDIR",
            Self::FullHistory => "full disk: .pnl",
            Self::PnlInt => "SIGINT to pnl",
            Self::PnlIntTwice => "SIGINT to pnl, twice",
            Self::PnlIntThrice => "SIGINT to pnl, three times",
            Self::PnlTerm => "SIGTERM to pnl",
            Self::PnlHup => "SIGHUP to pnl",
            Self::PnlKilled => "SIGKILL to pnl",
            Self::PnlPaused => "SIGSTOP and SIGCONT to pnl",
            Self::WorkerPaused => "SIGSTOP and SIGCONT to the process there",
            Self::TemplatePaused => "SIGSTOP and SIGCONT to the template",
            Self::TemplateKilled => "SIGKILL to the template",
            Self::TemplateStopped => "SIGSTOP for ever to the template",
        }
    }

    /// What the suite is to do (`make_…` in `faulty.py`).
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Segv => "segv",
            Self::Exit0 => "exit0",
            Self::Exit77 => "exit77",
            Self::Oom => "oom",
            Self::Stop => "stop",
            Self::Stuck => "stuck",
            Self::Hog => "hog",
            Self::Raise => "raise",
            Self::SysExit => "sysexit",
            Self::Keyboard => "keyboard",
            Self::PytestExit => "pytestexit",
            Self::Forks => "forks",
            Self::Grandchild => "grandchild",
            Self::Descriptors => "descriptors",
            Self::Closed => "closed",
            Self::Garbage => "garbage",
            Self::Stranger => "stranger",
            Self::FullTmp | Self::FullHistory => "fill",
            Self::PnlInt
            | Self::PnlIntTwice
            | Self::PnlIntThrice
            | Self::PnlTerm
            | Self::PnlHup
            | Self::PnlKilled
            | Self::PnlPaused
            | Self::WorkerPaused
            | Self::TemplatePaused
            | Self::TemplateKilled
            | Self::TemplateStopped => "hold",
        }
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Kill | Self::Segv | Self::Exit0 | Self::Exit77 | Self::Oom => Kind::Death,
            Self::Stop | Self::Stuck => Kind::Stall,
            Self::Hog | Self::Raise => Kind::Failure,
            Self::SysExit | Self::Keyboard | Self::PytestExit => Kind::Exit,
            Self::Forks
            | Self::Grandchild
            | Self::Stranger
            | Self::FullTmp
            | Self::FullHistory
            | Self::PnlPaused
            | Self::WorkerPaused
            | Self::TemplatePaused => Kind::Harmless,
            Self::Descriptors | Self::Closed | Self::Garbage => Kind::Wreck,
            Self::PnlInt
            | Self::PnlIntTwice
            | Self::PnlIntThrice
            | Self::PnlTerm
            | Self::PnlHup => Kind::Signal,
            Self::PnlKilled => Kind::PnlDeath,
            Self::TemplateKilled | Self::TemplateStopped => Kind::TemplateLoss,
        }
    }

    /// Whether pnl lives to tell of everything.
    pub(super) fn lets_pnl_end(self) -> bool {
        !matches!(self, Self::PnlKilled | Self::PnlIntThrice)
    }

    /// Whether the injector makes it, and the suite waits meanwhile.
    pub(super) fn is_from_outside(self) -> bool {
        self.word() == "hold"
    }

    /// Whether it can be made at this phase and is not there already under another name.
    pub(super) fn goes_with(self, phase: Phase) -> bool {
        match self {
            // There is no connection yet when a conftest is imported.
            Self::Garbage | Self::Stranger => phase != Phase::Start,
            // Where the template itself is at that phase, it is the process there.
            Self::TemplatePaused | Self::TemplateKilled | Self::TemplateStopped => {
                phase.is_of_test() || matches!(phase, Phase::Session | Phase::Exit)
            }
            _ => true,
        }
    }
}
