//! `sim replay`: feeds what a node was given to a fresh state, proves that it does the same, and tells the story.
//!
//! Exit statuses: 0, all that was compared is the same, and the recording has an end (or `--until` came first); 1, the
//! same as far as it goes, but it is cut short or damaged; 2, not a recording, or one of another version, or one that
//! cannot be read, or a wrong command line; 3, this program does something else than the recorded one did.

mod frames;
mod link;
mod lives;
mod moment;
mod output;
mod play;
mod summary;
mod teller;
mod text;
mod wish;

pub use lives::Wanted;
pub use play::{Difference, Ending, Happened, Outcome, Refusal, Replay};
pub use wish::PeerFilter;

use gossip_core::recording::RecordingError;
use gossip_core::time::Duration;
use gossip_core::{Action, Note};
use output::Output;
use std::fs;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use teller::Teller;
use wish::Wish;

/// The replay shows what was recorded, and it has an end.
const SAME: u8 = 0;
/// The same as far as it goes.
const INCOMPLETE: u8 = 1;
/// There is nothing to replay.
const UNUSABLE: u8 = 2;
/// Something else happens than was recorded.
const DIFFERENT: u8 = 3;

/// How often the clock is looked at and somebody asked whether they still listen.
const EVENTS_A_LOOK: u64 = 1_024;
/// Lives told at the end, at most.
const LIVES_TOLD: usize = 20;

/// Replay what `gossipd --record` recorded: prove that the same happens again, and tell the story.
///
/// Without options the story is that of the neighbours, and a summary. A recording holds its node's secrets: whatever
/// is told here passed through it.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(
    after_help = "Exit status: 0 the same, byte for byte; 1 the same as far as it goes, but the recording is cut \
                        short or damaged; 2 not a recording that this program reads; 3 something else happens than was \
                        recorded."
)]
pub struct Arguments {
    /// The recording
    pub file: PathBuf,
    /// Tell everything: every frame either way, and what became of it
    #[arg(long)]
    pub all: bool,
    /// Tell all that concerns this peer: where it listens or came from, or all of an IP
    #[arg(long, value_name = "ADDRESS")]
    pub peer: Option<PeerFilter>,
    /// Tell the life of a message: its id (a number), 0x and hex of its data, or text in it (text:7 for the text 7)
    #[arg(long, value_name = "WHICH")]
    pub message: Option<Wanted>,
    /// Go no further than this, in seconds since the start
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub until: Option<Duration>,
    /// One JSON object a line, the verdict last; times in microseconds
    #[arg(long)]
    pub json: bool,
    /// Only the verdict
    #[arg(short, long, conflicts_with_all = ["all", "peer", "message"])]
    pub quiet: bool,
}

/// Replays to standard output. Complaints go to standard error.
pub fn main(arguments: &Arguments) -> ExitCode {
    match tell(arguments, &mut io::stdout().lock()) {
        Ok(status) => ExitCode::from(status),
        Err(complaint) => {
            eprintln!("sim replay: {}", text::harmless(&complaint.text));
            ExitCode::from(complaint.status)
        }
    }
}

/// Why there is no story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// For a person: what, where, and what to do.
    pub text: String,
    /// The exit status that goes with it.
    pub status: u8,
}

/// Replays, and writes story and verdict to `to`. The exit status of the program.
///
/// # Errors
///
/// The file cannot be read or is no recording, or the story cannot be written.
pub fn tell(arguments: &Arguments, to: &mut dyn Write) -> Result<u8, Complaint> {
    let name = arguments.file.display();
    let recording = fs::read(&arguments.file)
        .map_err(|error| Complaint { text: format!("cannot read {name}: {error}"), status: UNUSABLE })?;
    let mut replay = Replay::new(&recording).map_err(|refusal| Complaint {
        text: format!("{name}: {refusal}"),
        status: match refusal {
            Refusal::Recording(RecordingError::NotARecording | RecordingError::Version { .. }) => UNUSABLE,
            Refusal::Recording(RecordingError::CutShort { .. } | RecordingError::Damaged { .. }) => INCOMPLETE,
            Refusal::Settings(_) => DIFFERENT,
        },
    })?;
    let mut out = Output::new(to, recording.len());
    let status = story(arguments, &mut replay, recording.len(), &mut out);
    out.finish().map_err(|error| Complaint { text: format!("cannot write the story: {error}"), status: UNUSABLE })?;
    Ok(status)
}

fn story(arguments: &Arguments, replay: &mut Replay<'_>, len: usize, out: &mut Output<'_>) -> u8 {
    let wish =
        Wish { all: arguments.all, peer: arguments.peer, message: arguments.message.clone(), is_json: arguments.json };
    let mut teller = Teller::new(wish, replay.settings());
    let is_text = !arguments.json && !arguments.quiet;
    if is_text {
        let name = text::harmless(&arguments.file.display().to_string());
        out.line(&format!("{:<12} {name}, {} bytes\n", "recording", text::grouped(len as u64)));
        out.line(&format!("{:<12} {}\n\n", "node", summary::node(replay.settings())));
    }
    let (mut joined, mut left, mut is_heard) = (0, 0, true);
    let outcome = replay.run(arguments.until, |happened| {
        for action in happened.actions {
            joined += u64::from(matches!(action, Action::Note(Note::NeighbourUp { .. })));
            left += u64::from(matches!(action, Action::Note(Note::NeighbourDown { .. })));
        }
        if !arguments.quiet {
            teller.tell(happened, |line| out.line(&line));
        }
        if happened.number.is_multiple_of(EVENTS_A_LOOK) {
            is_heard = out.progress(happened.read);
        }
        if is_heard { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let status = match (outcome.difference, outcome.ending) {
        (Some(_), _) => DIFFERENT,
        (None, Ending::CutShort { .. } | Ending::Damaged { .. }) => INCOMPLETE,
        (None, Ending::Finished | Ending::Limit | Ending::Stopped) => SAME,
    };
    if arguments.json {
        let lives = teller.lives().into_iter().flat_map(|lives| lives.iter().map(|life| life.json())).collect();
        out.line(&summary::json(replay.state(), &outcome, status, lives));
        return status;
    }
    if is_text {
        out.line("\n");
        out.line(&lives_told(&teller));
        out.line(&summary::happenings(replay.state(), &outcome, joined, left));
    }
    out.line(&format!("{:<12} {}\n", "verdict", summary::verdict(&outcome)));
    status
}

/// What the messages asked for have lived through.
fn lives_told(teller: &Teller) -> String {
    let Some(lives) = teller.lives() else { return String::new() };
    let mut told: Vec<String> =
        lives.iter().take(LIVES_TOLD).map(|life| format!("{:<12} {}\n", "message", life.summary())).collect();
    let more = lives.iter().count().saturating_sub(LIVES_TOLD);
    if told.is_empty() {
        told.push(format!("{:<12} none like that\n", "message"));
    } else if more > 0 {
        told.push(format!("{:<12} {} more like that\n", "message", text::grouped(more as u64)));
    }
    told.push("\n".to_owned());
    told.concat()
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "not a number of seconds, such as 90 or 2.5".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    let span = std::time::Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    Ok(Duration::from_micros(u64::try_from(span.as_micros()).map_err(|_| wrong())?))
}
