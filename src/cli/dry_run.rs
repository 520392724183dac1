//! `--dry-run`: what would run.

use crate::engine::{Plan, ServerNeed, Workers, command_of};
use crate::model::{EngineKind, ExitCode, without_secrets};
use crate::scheduler::{Limit, Until};

/// Prints the plan.
pub(super) fn print(plan: &Plan) -> ExitCode {
    super::print(&describe(plan));
    ExitCode::Ok
}

fn describe(plan: &Plan) -> String {
    let mut rows = vec![
        ("scope", plan.scope.clone()),
        ("folder", plan.root.display().to_string()),
        ("python", format!("{} ({})", plan.python.path.display(), plan.python.from)),
        ("engine", plan.engine.to_string()),
        ("command", shell(&plan.secrets.hide_in_command(&command_of(plan)))),
    ];
    for (name, value) in &plan.env {
        let value = plan.secrets.hide_all(value);
        rows.push(("environment", format!("{name}={value} ({})", plan.server.from)));
    }
    rows.extend([
        ("workers", workers(plan)),
        ("dist", plan.dist.to_string()),
        ("rounds", rounds(plan)),
        ("isolation", plan.isolation.to_string()),
        ("server", server(plan)),
    ]);
    rows.into_iter()
        .fold(String::new(), |text, (name, value)| text + &format!("{name:<12} {value}\n"))
}

fn workers(plan: &Plan) -> String {
    let by = match (plan.workers, &plan.auto_why) {
        (Workers::Auto(_), Some(why)) => format!(" (auto: {why})"),
        (Workers::Auto(_), None) => " (auto)".to_owned(),
        (Workers::Exactly(_), _) => String::new(),
    };
    match plan.engine {
        EngineKind::Pytest => "1 (--engine pytest is serial)".to_owned(),
        EngineKind::Fork | EngineKind::Spawn => {
            format!("{}{by}, at most one a test", plan.workers.number())
        }
        EngineKind::Xdist => format!("{}{by}", plan.workers.number()),
    }
}

fn rounds(plan: &Plan) -> String {
    let count = match plan.rounds.limit {
        Limit::Count(count) => count.to_string(),
        Limit::For(time) => format!("as many as begin within {} s", time.as_secs_f64()),
        Limit::Endless => "without end".to_owned(),
    };
    let (count, keeps_going) = match plan.rounds.until {
        Some(Until::Sure(rate)) => (
            format!("{count}, until each test is known to fail in less than {}%", 100.0 * rate),
            true,
        ),
        Some(Until::Failure) | None => (count, plan.rounds.keep_going),
    };
    let after = if keeps_going { "going on" } else { "stopping" };
    let delay = plan.rounds.delay.as_secs_f64();
    if plan.rounds.is_loop() {
        format!("{count}, {after} after a round with failures, {delay} s between rounds")
    } else {
        count
    }
}

fn server(plan: &Plan) -> String {
    let url = without_secrets(&plan.server.url);
    match &plan.server_need {
        ServerNeed::Always => format!("{url} is asked first"),
        ServerNeed::Never => "not needed".to_owned(),
        ServerNeed::IfUnder(_) => format!("{url} is asked if a test to run needs it"),
    }
}

/// As one line that a shell would read back as the same words.
pub(super) fn shell(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    let quoted = words.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_spaces_and_quotes_are_quoted() {
        let words = ["a b", "it's", "", "-k=x"].map(str::to_owned);
        assert_eq!(shell(&words), r"'a b' 'it'\''s' '' -k=x");
    }
}
