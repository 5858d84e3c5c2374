//! What every crew does by itself: it takes frames apart, and joins as a peer would.

use super::Script;
use super::crew::{Crew, Stage};
use gossip_core::Flush;
use gossip_core::wire::{Deframer, Features, Next, PeerMessage};

/// So many addresses are told to whoever asks: as many as a view might hold.
pub(super) const TOLD: usize = 64;

/// Bytes came on a connection.
pub(super) fn received(script: &mut dyn Script, crew: &mut Crew, link: u32, bytes: &[u8]) {
    let Some(state) = crew.link_mut(link) else { return };
    let mut deframer: Deframer = std::mem::take(&mut state.deframer);
    let mut input = bytes;
    while crew.link(link).is_some() {
        match deframer.next(&mut input, |kind, _| PeerMessage::knows(kind)) {
            Next::Frame { kind, body } => {
                if let Ok(message) = PeerMessage::decode(kind, body) {
                    on_message(script, crew, link, &message);
                }
            }
            Next::Skipped { .. } => {}
            Next::More | Next::Lost { .. } => break,
        }
    }
    if let Some(state) = crew.link_mut(link) {
        state.deframer = deframer;
    }
}

fn on_message(script: &mut dyn Script, crew: &mut Crew, link: u32, message: &PeerMessage<'_>) {
    let Some((stage, is_dialed)) = crew.link(link).map(|link| (link.stage, link.is_dialed)) else { return };
    match message {
        PeerMessage::Capabilities(theirs) if theirs.features.has(Features::LOOK_UP) => {
            crew.tell_addresses(link, TOLD);
            crew.close(link, Flush::First);
        }
        PeerMessage::Capabilities(_) => {}
        PeerMessage::Hello { .. } if !is_dialed => script.greeted(crew, link),
        PeerMessage::VerificationRequest { nonce } if is_dialed => script.challenged(crew, link, *nonce),
        PeerMessage::VerificationResponse { .. } if !is_dialed => {
            if script.answered(crew, link) {
                join(script, crew, link);
            }
        }
        PeerMessage::PeerResponse(_) if is_dialed && stage == Stage::Waiting => join(script, crew, link),
        PeerMessage::Ping => crew.send(link, &PeerMessage::Pong),
        PeerMessage::PeerRequest => crew.tell_addresses(link, TOLD),
        PeerMessage::Goodbye { .. } => crew.close(link, Flush::First),
        other => script.heard(crew, link, other),
    }
}

fn join(script: &mut dyn Script, crew: &mut Crew, link: u32) {
    if let Some(state) = crew.link_mut(link) {
        state.stage = Stage::In;
        script.joined(crew, link);
    }
}
