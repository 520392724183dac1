//! Rows of columns that fit a line: numbers to the right, and the last column cut to what is left.

use std::io::{self, Write};

use super::{WIDTH, cut_middle};

const GAP: usize = 2;

/// Writes rows whose first row is the heading. All but the last column are aligned to the right,
/// and have to leave room for the last.
pub(in crate::report) fn write<const N: usize>(
    rows: &[[String; N]],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(console::measure_text_width(cell));
        }
    }
    let before_last: usize = widths[..N - 1].iter().map(|width| width + GAP).sum();
    let left = WIDTH.saturating_sub(before_last + GAP);
    for row in rows {
        for (width, cell) in widths[..N - 1].iter().zip(row) {
            let padding = GAP + width - console::measure_text_width(cell);
            write!(out, "{:padding$}{cell}", "")?;
        }
        writeln!(out, "{:GAP$}{}", "", cut_middle(&row[N - 1], left))?;
    }
    Ok(())
}
