//! Runs many cases, some at a time, and tells what came of them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use super::case::Case;
use super::judge::{judge, judge_next};
use super::matrix::Matrix;
use super::observed::{next_run, observe};
use super::options::{CaseId, Options};
use super::project::{Project, Unfit};
use crate::programs::Programs;

/// After so many cases a long campaign shows its table, should it be ended early.
const INTERIM: usize = 200;

/// What came of a case.
enum Verdict {
    Passed,
    Skipped(String),
    Failed { wrong: Vec<String>, said: String, folder: Option<PathBuf> },
}

/// Runs what the options ask for.
pub(crate) fn run(options: &Options, root: &Path) -> ExitCode {
    let programs = match options.chosen.find(root) {
        Ok(programs) => programs,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let cases = cases(options);
    let matrix = run_all(&cases, &programs, options);
    let total = matrix.total();
    if options.markdown {
        println!("{}", matrix.markdown());
    }
    println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped);
    if total.failed > 0 || total.passed == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn cases(options: &Options) -> Vec<Case> {
    if let Some(CaseId { seed, index }) = options.case {
        return vec![Case::draw(seed, index)];
    }
    let all = (0..options.runs).map(|index| Case::draw(options.seed, index));
    let is_wanted = |case: &Case| {
        let words = case.to_string();
        options.only.iter().all(|word| words.contains(word.as_str()))
    };
    all.filter(is_wanted).collect()
}

fn run_all(cases: &[Case], programs: &Programs, options: &Options) -> Matrix {
    let next = AtomicUsize::new(0);
    let mut matrix = Matrix::default();
    let (sender, verdicts) = channel();
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let _ = sender.send((case, run_case(case, programs, options)));
                }
            });
        }
        drop(sender);
        for (number, (case, verdict)) in verdicts.into_iter().enumerate() {
            let count = matrix.of(case.fault, case.phase);
            match &verdict {
                Verdict::Passed => count.passed += 1,
                Verdict::Skipped(_) => count.skipped += 1,
                Verdict::Failed { .. } => count.failed += 1,
            }
            tell(case, &verdict, options);
            if options.markdown && (number + 1).is_multiple_of(INTERIM) {
                println!("after {} cases:\n\n{}", number + 1, matrix.markdown());
            }
        }
    });
    matrix
}

fn run_case(case: &Case, programs: &Programs, options: &Options) -> Verdict {
    let broken = |error: std::io::Error| Verdict::Failed {
        wrong: vec![format!("the injector itself failed: {error}")],
        said: String::new(),
        folder: None,
    };
    let project = match Project::make(case, programs) {
        Ok(project) => project,
        Err(Unfit::Skipped(why)) => return Verdict::Skipped(why.to_owned()),
        Err(Unfit::Broken(error)) => return broken(error),
    };
    let observed = match observe(case, &project) {
        Ok(observed) => observed,
        Err(error) => return broken(error),
    };
    let mut wrong = judge(case, &observed);
    match next_run(&project) {
        Ok(next) => wrong.extend(judge_next(case, &next)),
        Err(error) => return broken(error),
    }
    if options.verbose && options.case.is_some() {
        println!("{}", observed.said);
    }
    if wrong.is_empty() {
        return Verdict::Passed;
    }
    let folder = options.verbose.then(|| project.keep());
    Verdict::Failed { wrong, said: observed.said, folder }
}

fn tell(case: &Case, verdict: &Verdict, options: &Options) {
    match verdict {
        Verdict::Passed if options.verbose => println!("ok       {case}"),
        Verdict::Passed => {}
        Verdict::Skipped(why) => println!("skipped  {case}: {why}"),
        Verdict::Failed { wrong, said, folder } => {
            println!("FAILED   {case}");
            for line in wrong.iter().flat_map(|it| it.lines()) {
                println!("    {line}");
            }
            if options.verbose {
                said.lines().for_each(|line| println!("    | {line}"));
            }
            if let Some(folder) = folder {
                println!("    kept in {}", folder.display());
            }
            let Case { seed, index, .. } = case;
            println!("    again: cargo xtask faults --case {seed}:{index} --verbose");
        }
    }
}
