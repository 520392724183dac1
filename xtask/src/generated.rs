//! The files that are made from pnl's command line, as they should be.

use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::Shell;

use crate::reference;

const COMPLETIONS: &str = "share/completions";
const MAN_PAGES: &str = "share/man";

/// One file's place in the repository and its whole text.
pub(crate) struct GeneratedFile {
    pub(crate) path: PathBuf,
    text: Vec<u8>,
}

impl GeneratedFile {
    fn new(path: impl Into<PathBuf>, text: Vec<u8>) -> Self {
        Self { path: path.into(), text }
    }

    pub(crate) fn is_current(&self, root: &Path) -> bool {
        std::fs::read(root.join(&self.path)).is_ok_and(|found| found == self.text)
    }

    pub(crate) fn write(&self, root: &Path) -> io::Result<()> {
        let path = root.join(&self.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, &self.text)
    }
}

/// Every generated file.
pub(crate) fn all() -> Vec<GeneratedFile> {
    let reference = reference::markdown(built()).into_bytes();
    let mut files = vec![GeneratedFile::new("docs/cli.md", reference)];
    files.extend([Shell::Bash, Shell::Zsh, Shell::Fish].map(completions));
    files.extend(man_pages());
    files
}

/// Files in the folders of generated files that nothing makes any more, such as the page of a verb
/// that has gone.
pub(crate) fn orphans(files: &[GeneratedFile], root: &Path) -> Vec<PathBuf> {
    let found = [COMPLETIONS, MAN_PAGES].into_iter().flat_map(|folder| {
        let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        entries.map(move |entry| Path::new(folder).join(entry.file_name()))
    });
    let mut orphans: Vec<_> =
        found.filter(|path| files.iter().all(|file| file.path != *path)).collect();
    orphans.sort();
    orphans
}

/// The command with its verbs' full names filled in, and without `pnl help`, which needs no page.
fn built() -> Command {
    let mut command = pnl::cli::command().disable_help_subcommand(true);
    command.build();
    command
}

fn completions(shell: Shell) -> GeneratedFile {
    let name = match shell {
        Shell::Zsh => "_pnl".to_owned(),
        other => format!("pnl.{other}"),
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut pnl::cli::command(), "pnl", &mut text);
    GeneratedFile::new(format!("{COMPLETIONS}/{name}"), text)
}

/// `pnl.1`, and one page for each verb.
fn man_pages() -> Vec<GeneratedFile> {
    let command = built();
    let pages = std::iter::once(&command).chain(command.get_subcommands());
    pages.map(man_page).collect()
}

fn man_page(command: &Command) -> GeneratedFile {
    let name = command.get_bin_name().unwrap_or("pnl").replace(' ', "-");
    let page = clap_mangen::Man::new(command.clone().display_name(&name))
        .title(name.to_uppercase())
        // A blank, as roff would drop an empty date and read the source as one.
        .date(" ")
        .source(source())
        .manual("pnl manual");
    let mut text = Vec::new();
    page.render(&mut text).expect("writing to memory does not fail");
    GeneratedFile::new(format!("{MAN_PAGES}/{name}.1"), text)
}

/// What stands at each page's foot. A verb's own definition has no version.
fn source() -> String {
    let command = pnl::cli::command();
    format!("pnl {}", command.get_version().unwrap_or_default())
}
