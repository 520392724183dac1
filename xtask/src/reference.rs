//! docs/cli.md: the command line's definition as Markdown.

use std::fmt::Write;

use clap::{Arg, Command};

const PREFACE: &str = "\
<!-- Made by `cargo xtask generate` from src/cli/args.rs: change it there. -->

# The command line
";

/// The whole page.
pub(crate) fn markdown(mut command: Command) -> String {
    let mut page = PREFACE.to_owned();
    let examples = after_help(&command);
    push(&mut page, &about(&command));
    push(&mut page, &verbs(&command));
    push(&mut page, &format!("```text\n{}\n```", examples.trim_end()));
    for verb in command.get_subcommands_mut() {
        push(&mut page, &section(verb, &examples));
    }
    page
}

/// One verb; examples that the page's top has already given are not repeated.
fn section(verb: &mut Command, examples: &str) -> String {
    let mut text = format!("## {}\n", verb.get_bin_name().unwrap_or(verb.get_name()));
    push(&mut text, &about(verb));
    let usage = verb.render_usage().to_string();
    push(&mut text, &format!("```text\n{}\n```", usage.trim_start_matches("Usage: ")));
    let shown = verb.get_arguments().filter(|argument| !argument.is_hide_set());
    let (options, words): (Vec<_>, Vec<_>) = shown.partition(|it| !it.is_positional());
    push(&mut text, &list(&words));
    push(&mut text, &list(&options));
    let own = after_help(verb);
    if !own.is_empty() && own != examples {
        push(&mut text, &format!("```text\n{}\n```", own.trim_end()));
    }
    text.trim_end().to_owned()
}

fn verbs(command: &Command) -> String {
    let mut table = "| command | what it does |\n| --- | --- |".to_owned();
    for verb in command.get_subcommands() {
        let name = verb.get_bin_name().unwrap_or(verb.get_name());
        let anchor = name.replace(' ', "-");
        let _ = write!(table, "\n| [`{name}`](#{anchor}) | {} |", about(verb));
    }
    table
}

fn list(arguments: &[&Arg]) -> String {
    arguments.iter().map(|it| item(it)).collect::<Vec<_>>().join("\n")
}

/// `-n`, `--workers <N|auto>`: what it does.
fn item(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let default = match argument.get_default_values() {
        [] => String::new(),
        _ if !argument.get_action().takes_values() => String::new(),
        values => {
            let values: Vec<_> = values.iter().map(|it| it.to_string_lossy()).collect();
            format!(" [default: {}]", values.join(" "))
        }
    };
    format!("- {}: {help}{default}", names(argument))
}

fn names(argument: &Arg) -> String {
    // clap's own rendering: `-n, --workers <N|auto>`, `[SCOPE|PATH]...`.
    let shown = argument.to_string();
    match argument.get_short() {
        Some(short) => format!("`-{short}`, `{shown}`"),
        None if argument.is_last_set() => format!("`-- {shown}`"),
        None => format!("`{shown}`"),
    }
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn after_help(command: &Command) -> String {
    command.get_after_help().map(ToString::to_string).unwrap_or_default()
}

/// Adds a block, an empty line before it.
fn push(page: &mut String, block: &str) {
    if !block.is_empty() {
        let _ = writeln!(page, "\n{block}");
    }
}

#[cfg(test)]
mod tests {
    use clap::ArgAction;

    use super::*;

    fn example() -> Command {
        let size = Arg::new("size").short('s').long("size").value_name("N").default_value("3");
        let loud = Arg::new("loud").long("loud").action(ArgAction::SetTrue).help("Shout");
        let verb = Command::new("sing")
            .about("Sing")
            .after_help("Examples")
            .arg(Arg::new("song").value_name("SONG").help("Which"))
            .args([size.help("How many"), loud]);
        let mut command = Command::new("bird")
            .about("A bird")
            .after_help("Examples")
            .disable_help_flag(true)
            .disable_help_subcommand(true)
            .subcommand(verb);
        command.build();
        command
    }

    #[test]
    fn a_page_has_each_verb_with_its_arguments() {
        let page = markdown(example());
        assert!(page.contains("| [`bird sing`](#bird-sing) | Sing |"), "{page}");
        assert!(page.contains("## bird sing\n\nSing\n\n```text\nbird sing"), "{page}");
        assert!(page.contains("- `[SONG]`: Which\n"), "{page}");
        assert!(page.contains("- `-s`, `--size <N>`: How many [default: 3]\n"), "{page}");
        assert!(page.contains("- `--loud`: Shout\n"), "{page}");
    }

    #[test]
    fn examples_are_given_once() {
        assert_eq!(markdown(example()).matches("Examples").count(), 1);
    }
}
