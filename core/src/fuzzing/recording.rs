//! The reader of recordings, and a state that is fed what it read.

use super::Input;
use crate::recording::{self, End, Entry, Reader, Recorder};
use crate::settings::Settings;
use crate::state::GossipState;

/// The first byte says whether bytes are read as they are, or made chunks of: kind, length, payload, with the right
/// checksums; and whether something happens to those afterwards.
pub fn recording(data: &[u8]) {
    let mut input = Input::new(data);
    match input.u8() & 3 {
        0 => read(input.rest()),
        1 => read(&recording::sealed(chunks(&mut input).into_iter())),
        2 => read(&begun(&mut input)),
        _ => {
            let (at, with) = (usize::from(input.u16()), input.u8().max(1));
            let mut bytes = begun(&mut input);
            let at = at.checked_rem(bytes.len()).unwrap_or(0);
            bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= with);
            is_noticed(&bytes, at);
        }
    }
}

/// A recording with a good head.
fn begun(input: &mut Input<'_>) -> Vec<u8> {
    let (_, begin) = Recorder::new(&settings(), [7; 32], crate::time::Instant::ZERO);
    let body = recording::sealed(chunks(input).into_iter());
    let head = recording::sealed(std::iter::empty()).len();
    [&begin, body.get(head..).unwrap_or(&[])].concat()
}

/// The byte there is not what was written: nothing is read past it.
fn is_noticed(bytes: &[u8], at: usize) {
    let Ok(mut reader) = Reader::new(bytes) else { return };
    loop {
        assert!(reader.position() <= at, "read to byte {} past the damage at {at}", reader.position());
        match reader.next() {
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return,
        }
    }
}

fn settings() -> Settings {
    Settings::new(8, 2, crate::settings::Addresses::of(([127, 0, 0, 1], 6_001).into()))
}

/// Mostly events, each chunk long enough for the digest that follows them.
fn chunks<'a>(input: &mut Input<'a>) -> Vec<(u8, &'a [u8])> {
    let mut chunks = Vec::new();
    while !input.is_empty() && chunks.len() < 16 {
        let kind = input.u8();
        let kind = if kind < 4 { kind } else { 1 };
        let len = usize::from(input.u8());
        chunks.push((kind, input.bytes(len)));
    }
    chunks
}

/// Reads as far as it goes. What was read is recorded again and must read the same; what a state makes of it is its own
/// affair, but it must not panic: recordings are replayed that others sent.
fn read(bytes: &[u8]) {
    let Ok(mut reader) = Reader::new(bytes) else { return };
    let settings = reader.settings().clone();
    let mut state = GossipState::new(settings.clone(), reader.seed(), reader.time()).ok();
    let (mut recorder, mut again) = Recorder::new(&settings, reader.seed(), reader.time());
    let (mut actions, mut events) = (Vec::new(), 0_usize);
    let mut end = None;
    while let Ok(Some(entry)) = reader.next() {
        match entry {
            Entry::Event(timed) => {
                events = events.saturating_add(1);
                recorder.event(timed.at, &timed.event);
                if let Some(state) = &mut state {
                    state.handle(timed.at, timed.event, &mut actions);
                    actions.clear();
                }
            }
            Entry::Check { .. } => again.extend(recorder.flush()),
            Entry::End(why) => end = Some(why),
        }
    }
    assert!(reader.position() <= bytes.len(), "{} of {} bytes read", reader.position(), bytes.len());
    assert!(events <= bytes.len(), "{events} events in {} bytes", bytes.len());
    again.extend(recorder.end(end.unwrap_or(End::Limit)));
    assert_eq!(events_of(&again), Some((events, end.unwrap_or(End::Limit))), "read back");
}

/// How many events a recording has that is whole, and why it ends.
fn events_of(bytes: &[u8]) -> Option<(usize, End)> {
    let mut reader = Reader::new(bytes).ok()?;
    let mut events = 0_usize;
    loop {
        match reader.next().ok()?? {
            Entry::Event(_) => events = events.saturating_add(1),
            Entry::Check { .. } => {}
            Entry::End(end) => return Some((events, end)),
        }
    }
}
