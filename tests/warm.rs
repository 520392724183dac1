//! `pnl test --warm`: the outcomes of a cold run, whatever was edited since the process that serves
//! it was started; and that process's own life.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Run, Suite, python, until};
use rustix::process::Signal;

/// A suite whose warm processes end with it.
struct Warm {
    suite: Suite,
    python: PathBuf,
}

impl Drop for Warm {
    fn drop(&mut self) {
        let _ = self.suite.pnl(&["warm", "stop"]).output();
    }
}

/// One warm process, as `pnl warm status` tells of it.
struct Status {
    pid: u32,
    modules: u32,
    runs: u32,
}

impl Warm {
    fn new(files: &[(&str, &str)]) -> Self {
        Self::of(Suite::new(files), python())
    }

    fn of(suite: Suite, python: &Path) -> Self {
        Self { suite, python: python.to_owned() }
    }

    fn start(&self, words: &[&str]) -> harness::Running {
        self.suite.start_with(&self.python, &[&["--warm"], words].concat())
    }

    fn test(&self, words: &[&str]) -> Run {
        self.start(words).finish()
    }

    fn cold(&self, words: &[&str]) -> Run {
        self.suite.start_with(&self.python, words).finish()
    }

    /// All processes that there are.
    fn status(&self) -> Vec<Status> {
        let text = self.suite.run(&["warm", "status"]).stdout;
        let lines: Vec<_> = text.lines().collect();
        let number_before = |line: &str, word: &str| {
            let (before, _) = line.split_once(word).unwrap();
            before.rsplit(' ').next().unwrap().parse().unwrap()
        };
        lines
            .chunks(2)
            .filter(|pair| pair.len() == 2)
            .map(|pair| Status {
                pid: pair[0].split(' ').next().unwrap().parse().unwrap(),
                runs: number_before(pair[1], " run"),
                modules: number_before(pair[1], " module"),
            })
            .collect()
    }

    /// Runs once and waits until the libraries of that run lie ready.
    fn warm_up(&self, words: &[&str]) -> Run {
        let run = self.test(words);
        until("the libraries lie ready", || self.status().iter().any(|it| it.modules > 0));
        run
    }
}

/// What the run said of its template.
fn template(run: &Run) -> String {
    run.the("run-started")["template"].as_str().unwrap_or("none").to_owned()
}

fn assert_warm(run: &Run) {
    assert!(template(run).ends_with("modules ready"), "{run}");
}

const MIXED: &str = "
import json, os, sys, pytest

def test_passes(tmp_path):
    print('out')
def test_fails(): assert [1, 2] == [1, 3]
@pytest.mark.skip
def test_skipped(): pass
@pytest.mark.xfail
def test_xfails(): assert 0
@pytest.fixture
def broken(): raise ValueError('no')
def test_error(broken): pass
def test_crashes(): os.abort()
def test_argv(): assert 'pytest' in sys.argv[0], sys.argv
def test_main(): assert sys.modules['__main__'].__spec__.name == 'pytest.__main__'
def test_names(): assert 'warm' not in vars(sys.modules['__main__'])
def test_modules():
    loaded = [it for it in ('xml.dom', 'wsgiref', 'turtle', 'mailbox') if it in sys.modules]
    assert not loaded
";

#[test]
fn a_warm_run_has_the_outcomes_of_a_cold_one() {
    let warm = Warm::new(&[("test_mixed.py", MIXED)]);
    let cold = warm.cold(&[]);
    let first = warm.warm_up(&[]);
    let second = warm.test(&[]);
    assert_eq!(template(&cold), "none");
    assert_eq!(template(&first), "started; later runs find it warm");
    assert_warm(&second);
    for run in [&first, &second] {
        assert_eq!(run.code, cold.code, "{run}");
        assert_eq!(run.outcomes(), cold.outcomes(), "{run}");
        run.assert_sums_match();
        run.assert_nothing_left();
    }
    assert_eq!(second.outcome("test_fails"), "failed");
    assert_eq!(second.outcome("test_names"), "passed", "{second}");
    let message = |run: &Run| run.end_of("test_mixed.py::test_fails")["text"].clone();
    assert_eq!(message(&second), message(&cold), "assertions are rewritten as ever");
}

#[test]
fn whatever_is_edited_is_seen() {
    let warm = Warm::new(&[
        ("conftest.py", "import pytest\n@pytest.fixture\ndef given(): return 1\n"),
        ("helper.py", "def value(): return 1\n"),
        ("test_a.py", "import helper\ndef test_a(given): assert given == helper.value() == 1\n"),
        ("test_gone.py", "def test_gone(): pass\n"),
    ]);
    let seen = |expected: &[(&str, &str)], what: &str| {
        let run = warm.test(&[]);
        assert_warm(&run);
        let expected: Vec<_> =
            expected.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect();
        assert_eq!(run.outcomes().into_iter().collect::<Vec<_>>(), expected, "{what}: {run}");
    };
    warm.warm_up(&[]);
    let gone = ("test_gone.py::test_gone", "passed");
    seen(&[("test_a.py::test_a", "passed"), gone], "nothing");
    // Of another size: Python takes a compiled file of the same second and size for the same.
    warm.suite.write("helper.py", "def value(): return 1 + 1\n");
    seen(&[("test_a.py::test_a", "failed"), gone], "a helper");
    warm.suite.write("conftest.py", "import pytest\n@pytest.fixture\ndef given(): return 1 + 1\n");
    warm.suite
        .write("test_a.py", "import helper\ndef test_b(given): assert helper.value() == given\n");
    seen(&[("test_a.py::test_b", "passed"), gone], "a conftest and a test file");
    fs::remove_file(warm.suite.root().join("test_gone.py")).unwrap();
    warm.suite.write("test_new.py", "def test_new(): pass\n");
    seen(&[("test_a.py::test_b", "passed"), ("test_new.py::test_new", "passed")], "files");
    warm.suite.write("pytest.ini", "[pytest]\npython_functions = check_*\n");
    warm.suite.write("test_new.py", "def test_new(): pass\ndef check_it(): pass\n");
    seen(&[("test_new.py::check_it", "passed")], "the configuration");
    // A module of the project that has the name of a library's.
    warm.suite.write("tomllib.py", "HERE = 1\n");
    warm.suite
        .write("test_new.py", "def check_it():\n    import secrets\n    assert secrets.HERE\n");
    warm.suite.write("secrets.py", "HERE = 1\n");
    let run = warm.test(&[]);
    let cold = warm.cold(&[]);
    assert_eq!(run.outcomes(), cold.outcomes(), "a module in front of a library: {run} {cold}");
}

/// A virtual environment of its own, with pytest's, and with libraries that can be edited.
fn environment(folder: &Path, libraries: &[(&str, &str)]) -> PathBuf {
    let made =
        Command::new(python()).args(["-m", "venv", "--without-pip"]).arg(folder).status().unwrap();
    assert!(made.success());
    let own = folder.join("bin/python");
    let ask = |python: &Path, question: &str| {
        let output = Command::new(python).args(["-c", question]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let packages = ask(&own, "import sysconfig; print(sysconfig.get_path('purelib'))");
    let others =
        ask(python(), "import pathlib, pytest; print(pathlib.Path(pytest.__file__).parent.parent)");
    fs::write(Path::new(&packages).join("others.pth"), others + "\n").unwrap();
    for (name, text) in libraries {
        fs::write(Path::new(&packages).join(name), text).unwrap();
    }
    fs::write(folder.join("packages"), &packages).unwrap();
    own
}

#[test]
fn an_edited_library_and_what_imports_it_are_executed_anew() {
    let suite = Suite::new(&[(
        "test_a.py",
        "import os, pytest, liba, libb, libc\n\
         def test_values(): assert f'{liba.VALUE} {libb.VALUE} {libc.VALUE}' == os.environ['PNL_WANTED']\n\
         def test_loads(): pytest.fail(f'loads {liba.LOADS} {libb.LOADS} {libc.LOADS}.')\n",
    )]);
    let counted = "import os\nLOADS = os.getpid()\n";
    let own = environment(
        &suite.beside("venv"),
        &[
            ("liba.py", &format!("{counted}VALUE = 1\n")),
            ("libb.py", &format!("{counted}from liba import VALUE\n")),
            ("libc.py", &format!("{counted}VALUE = 1\n")),
        ],
    );
    let packages = fs::read_to_string(suite.beside("venv/packages")).unwrap();
    let loads = |run: &Run| -> Vec<String> {
        let sections = run.end_of("test_a.py::test_loads").to_string();
        let (_, rest) = sections.split_once(": loads ").unwrap_or_else(|| panic!("{sections}"));
        rest.split(['.', ' ']).take(3).map(str::to_owned).collect()
    };
    let warm = Warm::of(suite.with("PNL_WANTED", "1 1 1"), &own);
    warm.warm_up(&[]);
    let before = warm.test(&[]);
    assert_warm(&before);
    assert_eq!(before.outcome("test_values"), "passed", "{before}");
    let again = warm.test(&[]);
    assert_eq!(loads(&again), loads(&before), "all three were ready: {again}");
    fs::write(Path::new(&packages).join("liba.py"), format!("{counted}VALUE = 22\n")).unwrap();
    let edited = warm.test(&[]);
    assert_eq!(edited.outcome("test_values"), "failed", "{edited}");
    let now = loads(&edited);
    assert_ne!(now[0], loads(&before)[0], "edited: {edited}");
    assert_ne!(now[1], loads(&before)[1], "imports what was edited: {edited}");
    assert_eq!(now[2], loads(&before)[2], "has nothing to do with it: {edited}");
    // A package that was installed means another process.
    fs::write(Path::new(&packages).join("libd.py"), "").unwrap();
    let installed = warm.test(&[]);
    assert_eq!(template(&installed), "started anew: installed packages have changed");
}

#[test]
fn another_environment_is_another_process() {
    let files = [("test_a.py", "import os\ndef test_a(): assert os.environ['COLOUR'] == 'red'\n")];
    let warm = Warm::of(Suite::new(&files).with("COLOUR", "red"), python());
    assert_eq!(warm.warm_up(&[]).outcome("test_a"), "passed");
    let pid = warm.status()[0].pid;
    let warm = Warm::of(
        {
            let mut this = std::mem::ManuallyDrop::new(warm);
            let empty = Suite::new(&[]);
            std::mem::replace(&mut this.suite, empty).with("COLOUR", "blue")
        },
        python(),
    );
    let run = warm.test(&[]);
    assert_eq!(run.outcome("test_a"), "failed", "{run}");
    let pids: Vec<_> = warm.status().iter().map(|it| it.pid).collect();
    assert_eq!(pids.len(), 2, "{pids:?}");
    assert!(pids.contains(&pid));
    // What belongs to the terminal does not count, and yet each run has it.
    warm.suite
        .write("test_a.py", "import os\ndef test_a(): assert os.environ['COLUMNS'] == '33'\n");
    let mut command = warm.suite.pnl(&["test", "--warm", "--python"]);
    let output = command.arg(python()).env("COLUMNS", "33").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(warm.status().len(), 2);
}

#[test]
fn it_listens_in_private_says_how_it_is_and_ends_when_told() {
    let warm = Warm::new(&[("test_a.py", "def test_a(): pass\n")]);
    assert_eq!(
        warm.suite.run(&["warm", "status"]).stdout,
        "no warm process; `pnl test --warm` starts one\n"
    );
    warm.warm_up(&[]);
    let folder = fs::read_dir(warm.suite.beside("tmp"))
        .unwrap()
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with("pnl-warm-"));
    let mode = folder.unwrap().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let [status] = &warm.status()[..] else { panic!("there is one") };
    assert_eq!(status.runs, 1);
    let text = warm.suite.run(&["warm", "status"]).stdout;
    assert!(text.contains(&warm.suite.root().display().to_string()), "{text}");
    assert_eq!(warm.suite.run(&["warm", "stop"]).stdout, format!("ended {}\n", status.pid));
    // Of one that nobody has waited for there is a folder, with nothing to read.
    let environ = format!("/proc/{}/environ", status.pid);
    until("it has ended", || !fs::read(&environ).is_ok_and(|it| !it.is_empty()));
    assert!(warm.status().is_empty());
    assert_eq!(warm.test(&[]).code, Some(0), "the next call starts another one");
}

#[test]
fn it_ends_when_nobody_calls() {
    let suite = Suite::new(&[("test_a.py", "def test_a(): pass\n")]).with("PNL_WARM_IDLE", "100ms");
    let warm = Warm::of(suite, python());
    assert_eq!(warm.test(&[]).code, Some(0));
    until("it has ended", || warm.status().is_empty());
}

#[test]
fn two_calls_at_once_share_one_process() {
    let warm = Warm::new(&[("test_a.py", "import probe\ndef test_a(): probe.ring('up')\n")]);
    let mut bell = warm.suite.bell();
    let (one, two) = (warm.start(&[]), warm.start(&[]));
    let both = [bell.wait_for("up"), bell.wait_for("up")];
    assert_eq!(warm.status().iter().map(|it| it.runs).collect::<Vec<_>>(), [2]);
    drop(both);
    for run in [one.finish(), two.finish()] {
        assert_eq!(run.code, Some(0), "{run}");
        run.assert_sums_match();
        run.assert_nothing_left();
    }
}

#[test]
fn a_run_is_interrupted_and_the_warm_process_is_not() {
    let warm = Warm::new(&[("test_a.py", "import probe\ndef test_a(): probe.ring('up')\n")]);
    warm.suite.write("test_quick.py", "def test_quick(): pass\n");
    warm.warm_up(&["test_quick.py"]);
    let pid = warm.status()[0].pid;
    let mut bell = warm.suite.bell();
    let running = warm.start(&["test_a.py"]);
    let ring = bell.wait_for("up");
    running.signal(Signal::INT);
    let run = running.finish();
    drop(ring);
    assert_eq!(run.code, Some(2), "{run}");
    run.assert_nothing_left();
    assert_eq!(warm.status()[0].pid, pid);
}

#[test]
fn what_a_test_leaves_behind_is_found() {
    let text = "
import os
def test_leaves():
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for fd in range(0, 20):
            try: os.dup2(null, fd)
            except OSError: pass
        if os.fork() == 0:
            import signal
            signal.pause()
        os._exit(0)
    os.wait()
";
    let warm = Warm::new(&[("test_a.py", text)]);
    warm.warm_up(&[]).assert_nothing_left();
    let run = warm.test(&[]);
    assert_warm(&run);
    assert_eq!(run.code, Some(0), "{run}");
    run.assert_nothing_left();
}

#[test]
fn a_python_without_pytest_is_told_of_as_in_a_cold_run() {
    let warm = Warm::new(&[("test_a.py", "def test_a(): pass\n")]);
    let bare = harness::python_with(&warm.suite.beside("bare"), |name| !name.contains("pytest"));
    let run = warm.suite.run(&["test", "--warm", "--python", bare.to_str().unwrap()]);
    assert_eq!(run.code, Some(4), "{run}");
    assert!(run.stderr.contains("pytest is not installed"), "{run}");
}

#[test]
fn other_engines_have_nothing_to_fork() {
    let suite = Suite::new(&[]);
    let run = suite.test(&["--warm", "--engine", "spawn"]);
    assert_eq!(run.code, Some(4), "{run}");
    assert!(run.stderr.contains("--warm does not go with --engine spawn"), "{run}");
}
