//! How the terminal is used, decided once from what is known of it.

use std::io::IsTerminal as _;

use console::Term;

use crate::model::Output;
use crate::report::text::Palette;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// `-q`: failures in one line each, and the last line.
    Quiet,
    /// Failures in full, progress.
    #[default]
    Normal,
    /// `-v`: a line for each test as well.
    Verbose,
}

/// What is known of the place that standard output goes to.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Whether standard output is a terminal.
    pub is_terminal: bool,
    /// Its columns and rows, where they are known.
    pub size: Option<(usize, usize)>,
    /// `NO_COLOR`: any value but the empty one turns colours off.
    pub no_color: Option<String>,
    /// `FORCE_COLOR`: any value but the empty one and `0` turns colours on without a terminal.
    pub force_color: Option<String>,
    /// `CI`: `true` and `1` mean that nobody watches a display move.
    pub ci: Option<String>,
    /// `TERM`: `dumb` can neither move the cursor nor show colours.
    pub term: Option<String>,
}

/// How the terminal is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalOptions {
    /// How much is shown.
    pub verbosity: Verbosity,
    /// Whether in colour.
    pub palette: Palette,
    /// Whether lines below the text show what runs now.
    pub live: bool,
    /// Whether long messages are cut to the width. A file keeps them.
    pub cut: bool,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Surroundings {
    /// Asks the process's own standard output and environment.
    #[must_use]
    pub fn of_process() -> Self {
        let get = |name| std::env::var_os(name).map(|it| it.to_string_lossy().into_owned());
        let size = Term::stdout().size_checked();
        Self {
            is_terminal: std::io::stdout().is_terminal(),
            size: size.map(|(rows, columns)| (usize::from(columns), usize::from(rows))),
            no_color: get("NO_COLOR"),
            force_color: get("FORCE_COLOR"),
            ci: get("CI"),
            term: get("TERM"),
        }
    }

    fn is_dumb(&self) -> bool {
        self.term.as_deref() == Some("dumb")
    }

    fn palette(&self) -> Palette {
        let set = |value: &Option<String>| value.as_deref().is_some_and(|it| !it.is_empty());
        let forced = set(&self.force_color) && self.force_color.as_deref() != Some("0");
        let capable = self.is_terminal && !self.is_dumb();
        if !set(&self.no_color) && (forced || capable) { Palette::Color } else { Palette::Plain }
    }
}

impl TerminalOptions {
    /// Decides. Live output of tests and a display that is redrawn would tear each other apart, so
    /// the first excludes the second.
    #[must_use]
    pub fn detect(verbosity: Verbosity, output: Output, around: &Surroundings) -> Self {
        let in_ci = matches!(around.ci.as_deref(), Some("true" | "1"));
        let (width, height) = around
            .size
            .filter(|&(width, height)| around.is_terminal && width > 0 && height > 0)
            .unwrap_or((80, 24));
        Self {
            verbosity,
            palette: around.palette(),
            live: around.is_terminal
                && !around.is_dumb()
                && !in_ci
                && verbosity == Verbosity::Normal
                && output == Output::Captured,
            cut: around.is_terminal,
            // Below this nothing readable fits, and some terminals report nonsense.
            width: width.max(20),
            height,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal() -> Surroundings {
        let size = Some((120, 40));
        let term = Some("xterm-256color".to_owned());
        Surroundings { is_terminal: true, size, term, ..Surroundings::default() }
    }

    fn detect(around: &Surroundings) -> TerminalOptions {
        TerminalOptions::detect(Verbosity::Normal, Output::Captured, around)
    }

    #[test]
    fn a_terminal_is_live_and_coloured() {
        let options = detect(&terminal());
        assert!(options.live && options.cut);
        assert_eq!((options.palette, options.width, options.height), (Palette::Color, 120, 40));
    }

    #[test]
    fn everything_else_is_plain() {
        let pipe = Surroundings { is_terminal: false, ..terminal() };
        let dumb = Surroundings { term: Some("dumb".to_owned()), ..terminal() };
        let ci = Surroundings { ci: Some("1".to_owned()), ..terminal() };
        for around in [&pipe, &dumb, &ci] {
            assert!(!detect(around).live);
        }
        for verbosity in [Verbosity::Quiet, Verbosity::Verbose] {
            assert!(!TerminalOptions::detect(verbosity, Output::Captured, &terminal()).live);
        }
        assert!(!TerminalOptions::detect(Verbosity::Normal, Output::Live, &terminal()).live);
        assert_eq!((detect(&pipe).width, detect(&pipe).palette), (80, Palette::Plain));
        assert!(detect(&Surroundings { ci: Some("false".to_owned()), ..terminal() }).live);
    }

    #[test]
    fn colour_follows_the_conventions() {
        let pipe = Surroundings::default;
        let on = Some("1".to_owned());
        let cases = [
            (Surroundings { no_color: on.clone(), ..terminal() }, Palette::Plain),
            (Surroundings { no_color: Some(String::new()), ..terminal() }, Palette::Color),
            (Surroundings { term: Some("dumb".to_owned()), ..terminal() }, Palette::Plain),
            (Surroundings { force_color: on.clone(), ..pipe() }, Palette::Color),
            (Surroundings { force_color: Some("0".to_owned()), ..pipe() }, Palette::Plain),
            (Surroundings { force_color: on.clone(), no_color: on, ..pipe() }, Palette::Plain),
        ];
        for (around, expected) in cases {
            assert_eq!(detect(&around).palette, expected, "{around:?}");
        }
    }
}
