//! `gossip generate`: manuals and shell completions of both programs, out of the definitions of their command lines.

use crate::{CommandLine, Failure};
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use gossip_driver_mio::daemon;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Shells that distributions have a folder of completions for.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Write the manuals and shell completions of gossip and gossipd to FOLDER/man and FOLDER/completions
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where to; made if it is not there
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let written = [without_hidden(&CommandLine::command()), daemon::command()].into_iter().try_for_each(|command| {
        write_manuals(&command, &options.folder.join("man"))?;
        write_completions(command, &options.folder.join("completions"))
    });
    written
        .map(|()| ExitCode::SUCCESS)
        .map_err(|error| Failure::not_done(format_args!("cannot write to {}: {error}", options.folder.display())))
}

/// Completions would offer them. (`help` has no page of its own either.)
fn without_hidden(command: &Command) -> Command {
    let shown = Command::new("gossip").version(env!("CARGO_PKG_VERSION")).disable_help_subcommand(true);
    let shown = shown
        .about(command.get_about().cloned().unwrap_or_default())
        .long_about(command.get_long_about().cloned().unwrap_or_default());
    shown
        .after_help(command.get_after_help().cloned().unwrap_or_default())
        .subcommand_required(true)
        .args(command.get_arguments().cloned())
        .subcommands(command.get_subcommands().filter(|one| !one.is_hide_set()).cloned())
}

/// One page a program, and one a command.
fn write_manuals(command: &Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let name = command.get_name().to_owned();
    let pages = command.get_subcommands().cloned().map(|one| {
        let page = format!("{name}-{}", one.get_name());
        // Manuals are found by one word; commands are typed as two.
        let typed = format!("{name} {}", one.get_name());
        // The definition keeps names for good, and this program ends right after.
        one.name(&*page.leak()).bin_name(typed).version(env!("CARGO_PKG_VERSION"))
    });
    for page in std::iter::once(command.clone()).chain(pages) {
        let file = folder.join(format!("{}.1", page.get_name()));
        let mut text = Vec::new();
        clap_mangen::Man::new(page).manual("VoidPhone Gossip").render(&mut text)?;
        fs::write(file, text)?;
    }
    Ok(())
}

fn write_completions(mut command: Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let name = command.get_name().to_owned();
    SHELLS.into_iter().try_for_each(|shell| clap_complete::generate_to(shell, &mut command, &name, folder).map(drop))
}
