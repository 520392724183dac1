//! A machine that fails: full disks, folders that cannot be written, files that are none, readers
//! and terminals that go away. The faults are real ones; what a machine does not let this make is
//! skipped, and said.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod harness;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harness::{Run, Running, Suite, python};

/// Two tests that pass and one that fails.
const THREE: &str = "def test_1(): pass\ndef test_2(): pass\ndef test_3(): assert 0\n";

fn three() -> Suite {
    Suite::new(&[("test_it.py", THREE)])
}

/// The verdict is right, whatever else could not be done.
fn assert_judged(run: &Run) {
    assert_eq!(run.code, Some(1), "{run}");
    let expected = [("failed".to_owned(), 1), ("passed".to_owned(), 2)];
    assert_eq!(run.totals(), BTreeMap::from(expected), "{run}");
    run.assert_sums_match();
    run.assert_nothing_left();
}

/// A file system of its own, which goes when this is dropped.
struct Mount(PathBuf);

impl Mount {
    /// Mounts one of so many KiB. `None`, said, where this process may not.
    fn small(at: &Path, kib: u32) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={kib}k,mode=700");
        Self::make(at, &["-t", "tmpfs", "-o", &options, "tmpfs"])
    }

    /// Makes a folder's content readable only; nothing else stops root.
    fn read_only(at: &Path) -> Option<Self> {
        let folder = at.as_os_str().to_str().unwrap();
        let mount = Self::make(at, &["--bind", folder])?;
        let remounted = Command::new("mount").args(["-o", "remount,ro,bind"]).arg(at).status();
        assert!(remounted.unwrap().success());
        Some(mount)
    }

    fn make(at: &Path, words: &[&str]) -> Option<Self> {
        let output = Command::new("mount").args(words).arg(at).output();
        match output {
            Ok(output) if output.status.success() => Some(Self(at.to_owned())),
            Ok(output) => skip(&String::from_utf8_lossy(&output.stderr)),
            Err(error) => skip(&error.to_string()),
        }
    }

    /// Leaves so many bytes.
    fn fill_but(&self, left: usize) {
        let mut rest = vec![0; left];
        rest.fill(b' ');
        let reserve = self.0.join("reserve");
        std::fs::write(&reserve, rest).unwrap();
        let mut fill = File::create(self.0.join("fill")).unwrap();
        let error = std::io::copy(&mut std::io::repeat(b' '), &mut fill).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        std::fs::remove_file(reserve).unwrap();
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("fill")).unwrap();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: somebody may be in it still.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[expect(clippy::print_stderr, reason = "a test that was not made should be known")]
fn skip<T>(why: &str) -> Option<T> {
    eprintln!("skipped, because this machine does not let the test make its fault: {why}");
    None
}

// --- The history ---

fn history(suite: &Suite) -> PathBuf {
    suite.root().join(".pnl/history.db")
}

/// Files that were kept aside.
fn kept(suite: &Suite) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(suite.root().join(".pnl")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.to_string_lossy().contains(".damaged-")).collect()
}

/// Makes something else of the file.
type Breaking = fn(&Path);

/// Makes one thing of a sound history with one run in it, then runs again.
fn run_over(break_it: impl FnOnce(&Path)) -> (Suite, Run) {
    let suite = three();
    assert_judged(&suite.test(&["-n1"]));
    break_it(&history(&suite));
    let run = suite.test(&["-n1"]);
    assert_judged(&run);
    (suite, run)
}

#[test]
fn a_history_that_is_none_is_kept_aside_and_the_run_is_stored() {
    let broken: [(&str, Breaking); 3] = [
        ("garbage", |path| std::fs::write(path, vec![0xA5; 30_000]).unwrap()),
        ("cut short", |path| {
            File::options().write(true).open(path).unwrap().set_len(20_000).unwrap();
        }),
        ("without its first page", |path| {
            let mut bytes = std::fs::read(path).unwrap();
            bytes[..4096].fill(0);
            std::fs::write(path, bytes).unwrap();
        }),
    ];
    for (how, break_it) in broken {
        let (suite, run) = run_over(break_it);
        let kept = kept(&suite);
        assert_eq!(kept.len(), 1, "{how} {run}");
        assert!(run.stderr.contains(kept[0].to_str().unwrap()), "{how} {run}");
        assert!(run.stderr.contains("history.db"), "{how} {run}");
        assert_eq!(suite.stored_runs(), 1, "{how} {run}");
        assert_eq!(suite.stored_executions(), 3, "{how}");
        // And it is said once.
        let next = suite.test(&["-n1"]);
        assert_eq!(next.stderr, "", "{how} {next}");
        assert_eq!(suite.stored_runs(), 2, "{how}");
    }
}

#[test]
fn pages_that_are_damaged_inside_cost_no_run() {
    let (suite, run) = run_over(|path| {
        let mut bytes = std::fs::read(path).unwrap();
        // All but the first, which has the schema, so that it opens.
        bytes[3 * 4096..].fill(0xA5);
        std::fs::write(path, bytes).unwrap();
    });
    assert_eq!(kept(&suite).len(), 1, "{run}");
    assert!(run.stderr.contains("malformed"), "{run}");
    assert_eq!(suite.show()["totals"]["passed"], 2, "{run}");
}

#[test]
fn a_damaged_history_is_shown_as_one() {
    let suite = three();
    assert_judged(&suite.test(&["-n1"]));
    std::fs::write(history(&suite), vec![0xA5; 30_000]).unwrap();
    for verb in ["show", "history"] {
        let run = suite.run(&[verb]);
        assert_eq!(run.code, Some(4), "{run}");
        assert!(run.stderr.contains("It is damaged"), "{run}");
    }
    assert_eq!(kept(&suite).len(), 0, "who only reads moves nothing");
}

#[test]
fn a_newer_history_is_left_as_it_is_and_the_run_is_stored_beside_it() {
    let (suite, run) = run_over(|path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
    });
    assert!(run.stderr.contains("a newer pnl"), "{run}");
    assert!(run.stderr.contains(".pnl/history.v"), "{run}");
    assert_eq!(suite.stored_runs(), 1, "{run}");
    let connection = rusqlite::Connection::open(history(&suite)).unwrap();
    let runs: i64 =
        connection.query_row("SELECT count(*) FROM runs", [], |row| row.get(0)).unwrap();
    assert_eq!(runs, 1, "the first one");
}

#[test]
fn what_is_no_file_is_left_alone() {
    let breaking: [(&str, Breaking); 2] = [
        ("a folder", |path| std::fs::create_dir(path).unwrap()),
        ("a link to nowhere", |path| {
            std::os::unix::fs::symlink("/no/such/folder/history.db", path).unwrap();
        }),
    ];
    for (what, break_it) in breaking {
        let (suite, run) = run_over(|path| {
            std::fs::remove_file(path).unwrap();
            break_it(path);
        });
        assert!(run.stderr.contains("warning: this run is not stored"), "{what} {run}");
        assert_eq!(kept(&suite).len(), 0, "{what}");
    }
}

#[test]
fn two_runs_at_once_are_both_stored() {
    let suite = three();
    let running = [suite.start(&["-n1", "--loop", "3", "--keep-going"]), suite.start(&["-n1"])];
    for run in running.map(Running::finish) {
        assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""), "{run}");
    }
    assert_eq!(suite.stored_runs(), 2);
}

#[test]
fn a_locked_history_is_waited_for() {
    let text = "import probe\ndef test_1(): probe.ring('here')\ndef test_2(): pass\ndef test_3(): assert 0\n";
    let suite = Suite::new(&[("test_it.py", text)]);
    let mut bell = suite.bell();
    // A first run, so that there is a history.
    let running = suite.start(&["-n1"]);
    drop(bell.wait_for("here"));
    assert_judged(&running.finish());

    let other = rusqlite::Connection::open(history(&suite)).unwrap();
    other.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let running = suite.start(&["-n1"]);
    let here = bell.wait_for("here");
    drop(other);
    drop(here);
    let run = running.finish();
    assert_judged(&run);
    assert!(run.stderr.contains("The run goes on, and is stored as soon as that works"), "{run}");
    assert_eq!(suite.stored_runs(), 2, "{run}");
    assert_eq!(suite.stored_executions(), 3, "{run}");
}

// Eleven seconds: how long the last attempt waits.
#[test]
fn a_history_that_stays_locked_costs_the_run_its_record_and_nothing_else() {
    let suite = three();
    assert_judged(&suite.test(&["-n1"]));
    let other = rusqlite::Connection::open(history(&suite)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let run = suite.test(&["-n1"]);
    assert_judged(&run);
    assert!(run.stderr.contains("warning: this run is not stored: "), "{run}");
    assert!(run.stderr.contains("database is locked"), "{run}");
    drop(other);
    assert_eq!(suite.stored_runs(), 1);
}

#[test]
fn a_full_disk_costs_what_is_named_and_the_runs_end_is_stored() {
    let suite = Suite::new(&[(
        "test_it.py",
        "import pytest, random\n@pytest.mark.parametrize('i', range(20))\n\
         def test_it(i): assert 0, random.randbytes(20_000).hex()\n",
    )]);
    let Some(disk) = Mount::small(&suite.root().join(".pnl"), 600) else { return };
    let run = suite.test(&["-n1", "--loop", "3", "--keep-going"]);
    assert_eq!((run.code, run.totals()["failed"]), (Some(1), 60), "{run}");
    run.assert_sums_match();
    assert!(run.stderr.contains("database or disk is full"), "{run}");
    let words: Vec<&str> = run.stderr.split(' ').collect();
    let at = words.iter().position(|word| *word == "completely,").expect("a warning");
    let missing: u64 = words[at + 1].parse().unwrap();
    let shown = suite.show();
    let stored: u64 = shown["tests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["executions"].as_u64().unwrap())
        .sum();
    assert_eq!(stored + missing, 60, "{run} {shown}");
    assert!(missing > 0, "{run}");
    assert_eq!(shown["run"]["exit_code"], 1, "{run} {shown}");
    assert_eq!(shown["totals"]["failed"], 60, "as the run ended: {shown}");
    drop(disk);
}

#[test]
fn a_disk_that_has_room_again_costs_nothing() {
    let suite = Suite::new(&[(
        "test_it.py",
        "import probe\ndef test_1(): probe.ring('here')\ndef test_2(): pass\ndef test_3(): assert 0\n",
    )]);
    let Some(disk) = Mount::small(&suite.root().join(".pnl"), 600) else { return };
    disk.fill_but(8192);
    let mut bell = suite.bell();
    let running = suite.start(&["-n1"]);
    let here = bell.wait_for("here");
    disk.make_room();
    drop(here);
    let run = running.finish();
    assert_judged(&run);
    assert!(run.stderr.contains("stored as soon as that works"), "{run}");
    assert_eq!(suite.show()["totals"]["passed"], 2);
    drop(disk);
}

#[test]
fn a_project_that_cannot_be_written_is_tested() {
    let suite = three();
    let Some(mount) = Mount::read_only(&suite.root()) else { return };
    let run = suite.test(&["-n2", "--", "-p", "no:cacheprovider"]);
    assert_judged(&run);
    assert!(run.stderr.contains("warning: this run is not stored: "), "{run}");
    assert!(run.stderr.contains("Read-only file system"), "{run}");
    drop(mount);
}

// --- Reports ---

#[test]
fn a_report_whose_folder_cannot_be_written_is_refused_before_the_first_test() {
    let suite = Suite::new(&[("test_it.py", "import probe\ndef test_1(): probe.log('ran')\n")]);
    let folder = suite.beside("reports");
    std::fs::create_dir(&folder).unwrap();
    let Some(mount) = Mount::read_only(&folder) else { return };
    for option in ["--junit", "--jsonl"] {
        let mut command = suite.pnl(&["test", "--python"]);
        command.arg(python()).arg(option).arg(folder.join("report"));
        let run = Running::start(command, None).finish();
        assert_eq!(run.code, Some(4), "{run}");
        assert!(run.stderr.contains(&format!("error: cannot write {option} ")), "{run}");
        assert_eq!(suite.log(), [""; 0]);
    }
    drop(mount);
}

/// The exit code of a run that passes, or fails, and whose report found no room on the disk.
#[test]
fn a_report_that_is_lost_is_not_green() {
    for (text, code) in [("def test_1(): pass\n", 3), (THREE, 1)] {
        for option in ["--junit", "--jsonl"] {
            let suite = Suite::new(&[("test_it.py", text)]);
            let mut command = suite.pnl(&["test", "--python"]);
            command.arg(python()).args([option, "/dev/full"]);
            let run = Running::start(command, None).finish();
            assert_eq!(run.code, Some(code), "{option} {run}");
            assert!(
                run.stderr.contains(&format!("warning: {option} /dev/full could not")),
                "{run}"
            );
            assert_eq!(suite.stored_runs(), 1);
        }
    }
}

// --- Standard output and error ---

#[test]
fn a_reader_that_has_seen_enough_changes_nothing() {
    let words: [&[&str]; 2] = [&["-n2"], &["-n1", "--loop", "2", "--keep-going", "-v"]];
    for words in words {
        let suite = three();
        let (reader, writer) = std::io::pipe().unwrap();
        let mut command = suite.pnl(&["test", "--python"]);
        command.arg(python()).args(words).stdout(writer).stderr(Stdio::piped());
        drop(reader);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "it is quiet");
        let shown = suite.show();
        assert_eq!(shown["run"]["stop_reason"], "completed");
        assert_eq!(shown["run"]["exit_code"], 1);
    }
}

#[test]
fn an_output_that_takes_nothing_changes_no_verdict() {
    let suite = three();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut command = suite.pnl(&["test", "--python"]);
    command.arg(python()).stdout(full()).stderr(full());
    assert_eq!(command.status().unwrap().code(), Some(1));
    assert_eq!(suite.stored_executions(), 3);
}

// --- The temporary folder ---

#[test]
fn without_a_temporary_folder_nothing_is_run() {
    let suite = three();
    let mut command = suite.pnl(&["test", "--python"]);
    command.arg(python()).env("TMPDIR", suite.beside("nowhere"));
    let run = Running::start(command, None).finish();
    assert_eq!(run.code, Some(4), "{run}");
    assert!(run.stderr.contains("nowhere (TMPDIR): "), "{run}");
    assert_eq!(suite.stored_runs(), 0);
}

#[test]
fn a_full_temporary_folder_costs_reports_to_plugins_and_no_outcome() {
    let text = THREE.replace("def test_1(): pass", "def test_1(): print('words')");
    let suite = Suite::new(&[("test_it.py", &text)]);
    let Some(disk) = Mount::small(&suite.beside("tmp"), 64) else { return };
    disk.fill_but(0);
    for words in [&["-n2"][..], &["-n1", "--engine", "spawn"]] {
        let run = suite.test(words);
        assert_judged(&run);
    }
    // Nobody has seen the one that passes but pnl: the plugin's file lacks it.
    let words = ["-n1", "--", "-k", "test_1", "--junitxml=pytests.xml"];
    let run = suite.test(&words);
    assert_eq!(run.totals(), BTreeMap::from([("passed".to_owned(), 1)]), "{run}");
    assert!(run.stdout.contains("no longer reach pytest's own plugins"), "{run}");
    assert_eq!(run.code, Some(1), "not green: {run}");
    drop(disk);
    let run = suite.test(&words);
    assert_eq!(run.code, Some(0), "{run}");
}

// --- Descriptors, processes, threads ---

/// A command with a limit of open files.
fn with_open_files(limit: u32, command: &Command) -> Command {
    with_prelude(&format!("ulimit -n {limit}"), command)
}

/// The same command, begun by a shell that runs this first.
fn with_prelude(prelude: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{prelude} && exec \"$0\" \"$@\""));
    shell.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null()).env_clear();
    shell.current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell
}

#[test]
fn too_few_open_files_for_so_many_workers_are_refused() {
    for engine in ["fork", "spawn"] {
        let suite = three();
        let mut command = suite.pnl(&["test", "-n8", "--engine", engine, "--python"]);
        command.arg(python());
        let run = Running::start(with_open_files(50, &command), None).finish();
        assert_eq!(run.code, Some(4), "{run}");
        assert!(run.stderr.contains("error: 8 workers need "), "{run}");
        assert!(run.stderr.contains("(ulimit -n ") && run.stderr.contains("(-n "), "{run}");
    }
}

#[test]
fn as_many_open_files_as_are_asked_for_are_enough() {
    let text = "import pytest\n@pytest.mark.parametrize('i', range(40))\ndef test(i): pass\n";
    let suite = Suite::new(&[("test_a.py", text), ("test_b.py", text)]);
    for engine in ["fork", "spawn"] {
        let mut command = suite.pnl(&["test", "-n4", "--engine", engine, "--python"]);
        command.arg(python());
        let refused = Running::start(with_open_files(20, &command), None).finish();
        let wanted = refused.stderr.split("ulimit -n ").nth(1).unwrap();
        let wanted: u32 = wanted.split(')').next().unwrap().parse().unwrap();
        let run = Running::start(with_open_files(wanted, &command), None).finish();
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");
    }
}

/// A group of processes of which there can be so many, threads included. The kernel's own limit of a
/// user's processes does not bind root, which these tests may be run as.
struct Pids(PathBuf);

impl Pids {
    fn new() -> Option<Self> {
        let folder = PathBuf::from(format!("/sys/fs/cgroup/pids/pnl-test-{}", std::process::id()));
        match std::fs::create_dir(&folder) {
            Ok(()) => Some(Self(folder)),
            Err(error) => skip(&format!("{}: {error}", folder.display())),
        }
    }

    fn limited(&self, limit: u32, command: &Command) -> Command {
        std::fs::write(self.0.join("pids.max"), limit.to_string()).unwrap();
        let tasks = self.0.join("cgroup.procs");
        with_prelude(&format!("echo $$ > {}", tasks.display()), command)
    }
}

impl Drop for Pids {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Each limit is met at another place: by a thread of pnl's, by pytest, by a worker's connection, by
/// a fork. None of them may look like a suite's own failure, or like one without tests.
#[test]
fn too_few_processes_end_a_run_with_a_sentence() {
    let Some(pids) = Pids::new() else { return };
    for limit in 3..22 {
        let suite = three();
        let mut command = suite.pnl(&["test", "-n2", "--python"]);
        command.arg(python());
        let run = Running::start(pids.limited(limit, &command), None).finish();
        if run.code == Some(1) {
            assert!(run.stdout.contains("3 tests, 2 passed, 1 failed"), "{limit} {run}");
            assert!(limit > 12, "this does not need {limit} threads and processes: {run}");
            continue;
        }
        assert!(matches!(run.code, Some(3 | 4)), "{limit} {run}");
        let said = run.stdout.clone() + &run.stderr;
        assert!(said.contains("(ulimit -u"), "{limit} {run}");
        assert!(!said.contains("panicked"), "{limit} {run}");
    }
}

// --- The working folder ---

#[test]
fn a_working_folder_that_is_gone_is_said() {
    let suite = three();
    let gone = suite.beside("gone");
    for verb in ["test", "show", "history"] {
        std::fs::create_dir(&gone).unwrap();
        let mut command = suite.pnl(&[verb]);
        command.current_dir(&gone);
        let command = with_prelude(&format!("rmdir {}", gone.display()), &command);
        let run = Running::start(command, None).finish();
        assert_eq!(run.code, Some(4), "{run}");
        assert!(run.stderr.contains("the working folder is gone"), "{run}");
    }
}

#[test]
fn a_project_that_is_deleted_meanwhile_keeps_its_verdict() {
    for engine in ["fork", "spawn"] {
        let suite = Suite::new(&[(
            "test_it.py",
            "import probe\ndef test_1(): probe.ring('here')\ndef test_2(): pass\ndef test_3(): assert 0\n",
        )]);
        let mut bell = suite.bell();
        let root = suite.root();
        let running = suite.start(&["-n1", "--engine", engine, "--junit", "j.xml"]);
        let here = bell.wait_for("here");
        std::fs::remove_dir_all(&root).unwrap();
        drop(here);
        let run = running.finish();
        assert_judged(&run);
        assert!(run.stderr.contains("history.db was deleted or replaced"), "{engine} {run}");
        assert!(run.stderr.contains("j.xml could not be written"), "{engine} {run}");
    }
}

// --- Clocks ---

/// The real clock cannot be set for a test. A suite can replace what its own processes see.
#[test]
fn a_suite_that_replaces_its_clocks_is_timed_by_the_real_one() {
    let suite = Suite::new(&[
        (
            "conftest.py",
            "import pytest, time\n\
             NAMES = ('time', 'time_ns', 'monotonic', 'monotonic_ns', 'perf_counter')\n\
             @pytest.fixture(autouse=True)\n\
             def jump(value):\n\
             \x20   for name in NAMES:\n\
             \x20       setattr(time, name, lambda: value)\n",
        ),
        (
            "test_it.py",
            "import pytest\n\
             @pytest.mark.parametrize('value', [10**18, 0, -10**18, 5])\n\
             def test(value): assert value != 5\n",
        ),
    ]);
    for engine in ["fork", "spawn", "pytest"] {
        let run = suite.test(&["-n1", "--engine", engine]);
        assert_eq!(run.code, Some(1), "{engine} {run}");
        assert_eq!((run.totals()["passed"], run.totals()["failed"]), (3, 1), "{engine} {run}");
        assert!(run.all("worker-started").count() <= 1, "one died: {engine} {run}");
        let mut last = 0.0;
        for end in run.ends() {
            let [start, at] = ["start", "at"].map(|key| end[key].as_f64().unwrap());
            assert!(last <= start && start <= at, "{engine} {end}");
            let lengths = ["setup", "call", "teardown"].map(|it| end["duration_s"][it].as_f64());
            assert!(lengths.iter().all(|it| it.unwrap() >= 0.0), "{engine} {end}");
            last = start;
        }
        let shown = suite.show();
        let elapsed = shown["run"]["elapsed_s"].as_f64().unwrap();
        assert!((0.0..3600.0).contains(&elapsed), "{engine} {shown}");
    }
}

// --- The terminal ---

/// The test of a terminal that is closed: pnl leads a session on it, as a shell's job or a shell would.
fn on_a_terminal(suite: &Suite, prelude: &str) -> (Running, std::os::fd::OwnedFd) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let mut command = suite.pnl(&["test", "-n1", "--junit", "j.xml", "--python"]);
    command.arg(python());
    let command = with_prelude(prelude, &command);
    // Opened by a session's leader that has none, it becomes its terminal.
    let mut leader = Command::new("setsid");
    leader.args(["sh", "-c", "exec \"$@\" <>\"$0\" >&0 2>&0"]).arg(name.to_str().unwrap());
    leader.arg(command.get_program()).args(command.get_args()).env_clear();
    leader.current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        leader.env(name, value.unwrap_or_default());
    }
    (Running::start(leader, None), terminal)
}

/// Once with its hang-up, and once as under `nohup`.
#[test]
fn a_terminal_that_is_closed_leaves_reports_and_history_complete() {
    let cases = [("true", 2, "interrupted"), ("trap '' HUP", 1, "completed")];
    for (prelude, code, reason) in cases {
        let suite = Suite::new(&[(
            "test_it.py",
            "import probe\ndef test_1(): probe.ring('here')\n\
             def test_2(): pass\ndef test_3(): assert 0\n",
        )]);
        let mut bell = suite.bell();
        let (running, terminal) = on_a_terminal(&suite, prelude);
        let here = bell.wait_for("here");
        drop(terminal);
        // An interrupt ends the test that waits; without one it is to go on.
        let here = Some(here).filter(|_| reason == "interrupted");
        let run = running.finish();
        assert_eq!(run.code, Some(code), "{prelude} {run}");
        drop(here);
        let shown = suite.show();
        assert_eq!(shown["run"]["stop_reason"], reason, "{prelude}: {shown}");
        assert_eq!(shown["run"]["exit_code"], code, "{prelude}: {shown}");
        let junit = suite.read("j.xml");
        assert!(junit.contains("tests=\"3\"") && junit.ends_with("</testsuites>\n"), "{junit}");
    }
}
