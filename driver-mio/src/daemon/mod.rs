//! The gossip daemon, `gossipd`: an ini file, an event loop, a log. A library's part, so that the tool can be daemons as
//! well (`gossip demo`).

mod arguments;
mod reload;
mod start;

use crate::record::{self, Recorded};
use crate::system::{self, Moment};
use crate::{EventLoop, Handle, Listeners, Room, StartError, logging};
use arguments::{Arguments, Seed};
use clap::{CommandFactory, Parser};
use gossip_config::Config;
use reload::Reload;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::thread;

/// Why the daemon ends early, by exit status.
enum Failure {
    /// 1: it cannot run.
    CannotRun(String),
    /// 2: the command line or the file is wrong.
    Wrong(String),
}

impl Failure {
    fn cannot_run(error: impl Display) -> Self {
        Self::CannotRun(error.to_string())
    }

    fn wrong(error: impl Display) -> Self {
        Self::Wrong(error.to_string())
    }
}

/// The whole program: its command line, program name first, to its exit status. A wrong command line, like `--help`, ends
/// the process.
pub fn main(command_line: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = Arguments::parse_from(command_line);
    let ended = run(&arguments);
    logging::finish();
    let (status, message) = match ended {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::CannotRun(message)) => (1, message),
        Err(Failure::Wrong(message)) => (2, message),
    };
    // The log may be off, or only a file: this goes to whoever started the program in any case. With nobody there to
    // read it, the status still says it.
    let _ = writeln!(io::stderr(), "gossipd: {}", message.replace('\n', "\ngossipd: "));
    ExitCode::from(status)
}

/// The definition of the program's command line, for manuals and completions.
pub fn command() -> clap::Command {
    Arguments::command()
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (config, warnings) = arguments.read().map_err(Failure::wrong)?;
    if arguments.check {
        if !warnings.is_empty() {
            return Err(Failure::wrong(lines(&warnings)));
        }
        return writeln!(io::stdout(), "{} is right.\n{}", arguments.config.display(), start::plan(&config))
            .map_err(|error| Failure::CannotRun(format!("cannot write to standard output: {error}")));
    }
    system::survive_the_file_size_limit()
        .map_err(|error| Failure::CannotRun(format!("cannot wait for signals: {error}")))?;
    let level = arguments.log_level.unwrap_or(config.log_level);
    let file = arguments.log_file.as_deref().or(config.log_file.as_deref());
    logging::start(level, !arguments.quiet, file).map_err(|error| {
        let name = file.map(|file| file.display().to_string()).unwrap_or_default();
        Failure::CannotRun(format!("cannot log to {name}: {error}"))
    })?;
    warnings.iter().for_each(|warning| log::warn!("{warning}"));
    serve(&config, arguments)
}

fn serve(config: &Config, arguments: &Arguments) -> Result<(), Failure> {
    system::raise_descriptor_limit();
    let mut listeners = Listeners::default();
    start::listen(config, &mut listeners).map_err(Failure::CannotRun)?;
    let advertised = start::advertised(config).map_err(Failure::CannotRun)?;
    let mut settings = config.finish(listeners.p2p_addresses(), advertised).map_err(Failure::wrong)?;
    if let Some(told) = Room::of_this_process().fit(&mut settings) {
        log::warn!("{told}");
    }
    let seed = match arguments.seed {
        Some(Seed(seed)) => seed,
        None => entropy()?,
    };
    let recording = match &arguments.record {
        Some(path) => {
            let file = record::create(path)
                .map_err(|error| Failure::CannotRun(format!("cannot record to {}: {error}", path.display())))?;
            Some((file, arguments.record_limit << 20))
        }
        None => None,
    };
    let api = listeners.api_addresses().to_vec();
    let status = listeners.status_address();
    let make = |now| Recorded::new(settings, seed, now, recording);
    let mut node = EventLoop::new(listeners, make).map_err(|error| match error {
        StartError::Io(_) => Failure::cannot_run(error),
        StartError::Machine(_) => Failure::wrong(error),
    })?;
    let (mut reload, handle) = (Reload::new(arguments, config, node.handle()), node.handle());
    system::on_signals(move || shut_down(&handle), move || reload.run())
        .map_err(|error| Failure::CannotRun(format!("cannot wait for signals: {error}")))?;
    if arguments.end_with_stdin {
        shut_down_with_stdin(node.handle())
            .map_err(|error| Failure::CannotRun(format!("cannot watch standard input: {error}")))?;
    }
    // From its first line in the log on, a signal ends this in good order.
    start::introduce(&api, status, node.machine().state().settings());
    system::tell_service_manager(Moment::Ready);
    node.run().map_err(|error| Failure::CannotRun(format!("the event loop failed: {error}")))?;
    node.into_machine().finish();
    log::info!("ended");
    Ok(())
}

fn shut_down(handle: &Handle) {
    system::tell_service_manager(Moment::Stopping);
    handle.shut_down();
}

/// Whoever holds the other end of standard input may end in any way: the system closes it for them.
fn shut_down_with_stdin(handle: Handle) -> io::Result<()> {
    let watch = move || {
        let mut ignored = [0; 1_024];
        let mut stdin = io::stdin().lock();
        loop {
            match stdin.read(&mut ignored) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
        }
        log::info!("standard input has ended: shutting down");
        shut_down(&handle);
    };
    thread::Builder::new().name("stdin".to_owned()).stack_size(64 << 10).spawn(watch).map(drop)
}

fn entropy() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::CannotRun(format!("the system has no random numbers for us: {error}")))?;
    Ok(seed)
}

fn lines(problems: &[impl Display]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
