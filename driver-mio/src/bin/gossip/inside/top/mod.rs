//! `gossip top`: a daemon, live, in a terminal.

mod screen;
mod view;

use super::{EXIT_STATUS, Where, client, monitor};
use crate::{Failure, seconds};
use gossip_driver_mio::status::{EventsReport, StatusReport};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use screen::Screen;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How often keys and answers are looked for.
const TICK: Duration = Duration::from_millis(50);

/// Watch a daemon live: rates, neighbours, the latest events
///
/// Keys: q or Ctrl-C ends, the arrows and PgUp, PgDn move in the list of neighbours.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Where,
    /// Ask the daemon every so many seconds
    #[arg(short = 'd', long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    delay: Duration,
}

/// Both answers of one moment.
type Answer = Result<(StatusReport, EventsReport), String>;

pub(crate) fn run(options: Options) -> Result<ExitCode, Failure> {
    if !io::stdout().is_terminal() {
        return Err(Failure::wrong_command_line(
            "top needs a terminal; `gossip status --json` prints the same figures",
        ));
    }
    let address = options.place.address()?;
    // A mistake in the address is told before the screen is taken.
    client::status(&address)?;
    let ended = monitor::ended_by_signal()?;
    let (answers, stop) = ask_in_turn(address.clone(), options.delay);
    let mut terminal =
        ratatui::try_init().map_err(|error| Failure::not_done(format_args!("cannot use the terminal: {error}")))?;
    let watched = watch(&mut terminal, Screen::new(address), &answers, &ended);
    ratatui::restore();
    drop(stop);
    watched.map_err(|error| Failure::not_done(format_args!("cannot use the terminal: {error}")))?;
    Ok(ExitCode::SUCCESS)
}

/// Asks on a thread of its own, so that a daemon that hangs does not hang the keys. It ends when the sender is dropped.
fn ask_in_turn(address: String, delay: Duration) -> (Receiver<Answer>, Sender<()>) {
    let (sender, answers) = channel();
    let (stop, stopped) = channel();
    thread::spawn(move || {
        let (mut next, mut started) = (0, String::new());
        loop {
            let answer = client::status(&address).and_then(|status| {
                if status.started != started {
                    (next, started) = (0, status.started.clone());
                }
                let events = client::events(&address, next)?;
                next = events.next;
                Ok((status, events))
            });
            let told = sender.send(answer.map_err(|trouble| trouble.to_string()));
            if told.is_err() || stopped.recv_timeout(delay) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    });
    (answers, stop)
}

fn watch(
    terminal: &mut DefaultTerminal,
    mut screen: Screen,
    answers: &Receiver<Answer>,
    ended: &AtomicBool,
) -> io::Result<()> {
    while !ended.load(Ordering::Relaxed) {
        let mut is_changed = false;
        while let Ok(answer) = answers.try_recv() {
            screen.take(answer);
            is_changed = true;
        }
        if is_changed {
            terminal.draw(|frame| view::draw(&screen, frame))?;
        }
        if event::poll(TICK)? {
            match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    let is_ctrl_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                    match key.code {
                        _ if is_ctrl_c => return Ok(()),
                        KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
                        KeyCode::Down => screen.scroll(1),
                        KeyCode::Up => screen.scroll(-1),
                        KeyCode::PageDown => screen.scroll(10),
                        KeyCode::PageUp => screen.scroll(-10),
                        _ => {}
                    }
                }
                _ => {}
            }
            terminal.draw(|frame| view::draw(&screen, frame))?;
        }
    }
    Ok(())
}
