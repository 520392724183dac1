//! The part of the terminal that is redrawn.

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Redraws a second at most: more cannot be read, and a remote terminal pays for each.
const REDRAWS: u8 = 20;

/// Lines below everything that was printed. One bar with many lines, so that one redraw is one
/// write of the whole.
pub(crate) struct Screen(ProgressBar);

impl Screen {
    /// On standard output.
    pub(crate) fn stdout() -> Self {
        Self::on(ProgressDrawTarget::term(Term::stdout(), REDRAWS))
    }

    /// On any target.
    pub(crate) fn on(target: ProgressDrawTarget) -> Self {
        let style = ProgressStyle::with_template("{msg}").expect("the template is a constant");
        Self(ProgressBar::with_draw_target(None, target).with_style(style))
    }

    /// Shows these lines instead of those before.
    pub(crate) fn show(&self, lines: &[String]) {
        self.0.set_message(lines.join("\n"));
    }

    /// Takes the lines away while something is printed above them.
    pub(crate) fn above(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }

    /// Takes the lines away for good.
    pub(crate) fn close(&self) {
        self.0.finish_and_clear();
    }
}
