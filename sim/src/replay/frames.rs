//! Frames put into words.

use super::text::{excerpt, hex};
use gossip_core::wire::{ApiMessage, DecodeError, Features, Offer, PeerMessage, Tree, TreeAction, kind};
use std::net::SocketAddr;

/// What a frame says.
#[derive(Debug)]
pub(super) struct Said<'a> {
    /// The name of its type.
    pub(super) name: &'static str,
    /// Its fields, for a person.
    pub(super) words: String,
    /// Addresses that it speaks of.
    pub(super) addresses: Vec<SocketAddr>,
    /// The message that it carries or is about.
    pub(super) message: Option<Carried<'a>>,
}

/// A message as a frame carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried<'a> {
    /// ANNOUNCE.
    Announce { data_type: u16, data: &'a [u8] },
    /// NOTIFICATION.
    Notification { id: u16, data_type: u16, data: &'a [u8] },
    /// VALIDATION.
    Validation { id: u16, valid: bool },
    /// PEER NOTIFICATION.
    PeerNotification { id: u16, data_type: u16, data: &'a [u8] },
}

impl<'a> Carried<'a> {
    /// What the message says, where the frame has it.
    pub(super) fn content(&self) -> Option<(u16, &'a [u8])> {
        match *self {
            Self::Announce { data_type, data }
            | Self::Notification { data_type, data, .. }
            | Self::PeerNotification { data_type, data, .. } => Some((data_type, data)),
            Self::Validation { .. } => None,
        }
    }

    /// Its id, where the frame has it.
    pub(super) fn id(&self) -> Option<u16> {
        match *self {
            Self::Announce { .. } => None,
            Self::Notification { id, .. } | Self::Validation { id, .. } | Self::PeerNotification { id, .. } => Some(id),
        }
    }
}

/// A frame on the API port, either way.
pub(super) fn of_module(kind: u16, body: &[u8]) -> Said<'_> {
    let said = |name, words, message| Said { name, words, addresses: Vec::new(), message: Some(message) };
    match ApiMessage::decode(kind, body) {
        Ok(ApiMessage::Announce { ttl, data_type, data }) => {
            let words = format!("type {data_type}, ttl {ttl}, {}", sized(data));
            said("ANNOUNCE", words, Carried::Announce { data_type, data })
        }
        Ok(ApiMessage::Notify { data_type }) => {
            let words = format!("tell me of type {data_type}");
            Said { name: "NOTIFY", words, addresses: Vec::new(), message: None }
        }
        Ok(ApiMessage::Notification { id, data_type, data }) => {
            let words = format!("id {id}, type {data_type}, {}", sized(data));
            said("NOTIFICATION", words, Carried::Notification { id, data_type, data })
        }
        Ok(ApiMessage::Validation { id, valid }) => {
            let words = format!("id {id} is {}", if valid { "valid" } else { "refused" });
            said("VALIDATION", words, Carried::Validation { id, valid })
        }
        Err(error) => meaningless(kind, body, error),
    }
}

/// A frame between peers, either way.
pub(super) fn of_peer(kind: u16, body: &[u8]) -> Said<'_> {
    let plain = |name, words: String| Said { name, words, addresses: Vec::new(), message: None };
    let about = |name, words: String, address| Said { name, words, addresses: vec![address], message: None };
    match PeerMessage::decode(kind, body) {
        Ok(PeerMessage::PeerRequest) => plain("PEER REQUEST", "whom do you know?".to_owned()),
        Ok(PeerMessage::PeerResponse(list)) => {
            let addresses: Vec<SocketAddr> = list.iter().collect();
            let words = match addresses.as_slice() {
                [] => "nobody".to_owned(),
                some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            };
            Said { name: "PEER RESPONSE", words, addresses, message: None }
        }
        Ok(PeerMessage::VerificationRequest { nonce }) => plain("VERIFICATION REQUEST", format!("nonce {nonce:016x}")),
        Ok(PeerMessage::VerificationResponse { nonce, challenge, address }) => {
            let words = format!("challenge {challenge} for nonce {nonce:016x}, listening on {address}");
            about("VERIFICATION RESPONSE", words, address)
        }
        Ok(PeerMessage::Hello { address }) => about("HELLO", format!("listening on {address}"), address),
        Ok(PeerMessage::Push { ttl, address }) => about("PUSH", format!("{address} is new, ttl {ttl}"), address),
        Ok(PeerMessage::Ping) => plain("PING", String::new()),
        Ok(PeerMessage::PeerNotification { ttl, id, data_type, data }) => {
            let words = format!("id {id}, type {data_type}, ttl {ttl}, {}", sized(data));
            let message = Some(Carried::PeerNotification { id, data_type, data });
            Said { name: "PEER NOTIFICATION", words, addresses: Vec::new(), message }
        }
        Ok(PeerMessage::Capabilities(theirs)) => {
            let errand = match theirs.features {
                features if features.has(Features::LOOK_UP) => ", a look-up",
                features if features.has(Features::URGENT) => ", urgent",
                _ => "",
            };
            let words = format!("version {}, instance {:016x}{errand}", theirs.version, theirs.instance);
            Said { name: "CAPABILITIES", words, addresses: theirs.hints.iter().collect(), message: None }
        }
        Ok(PeerMessage::Pong) => plain("PONG", String::new()),
        Ok(PeerMessage::IHave(offers)) => {
            let (gone, there): (Vec<_>, Vec<_>) = offers.iter().partition(|offer| offer.age == Offer::GONE);
            let there = match there.iter().map(|offer| offer.age).max() {
                Some(oldest) => format!("{} messages, up to {}.{} s old", there.len(), oldest / 10, oldest % 10),
                None => "nothing".to_owned(),
            };
            let gone = if gone.is_empty() { String::new() } else { format!("; {} not there any more", gone.len()) };
            plain("IHAVE", there + &gone)
        }
        Ok(PeerMessage::IWant(digests)) => plain("IWANT", format!("{} messages", digests.iter().count())),
        Ok(PeerMessage::Tree(Tree { action, data_type, offers })) => {
            let words = match action {
                TreeAction::Prune => "offers only, please".to_owned(),
                TreeAction::Graft => "everything in full, please".to_owned(),
                TreeAction::Offer => format!("{} messages in place of a push", offers.iter().count()),
                TreeAction::Other(number) => format!("unknown action {number}"),
            };
            plain("TREE", format!("type {data_type}: {words}"))
        }
        Ok(PeerMessage::Interest(interest)) => {
            let types: Vec<String> = interest.iter().map(|data_type| data_type.to_string()).collect();
            let words = match (interest.is_all(), types.is_empty()) {
                (true, _) => "all types".to_owned(),
                (false, true) => "no type".to_owned(),
                (false, false) => format!("types {}", types.join(", ")),
            };
            plain("INTEREST", words)
        }
        Ok(PeerMessage::Goodbye { reason }) => {
            use gossip_core::wire::GoodbyeReason as Reason;
            let words = match reason {
                Reason::ShuttingDown => "shutting down".to_owned(),
                Reason::Evicted => "evicted".to_owned(),
                Reason::ViewFull => "view full".to_owned(),
                Reason::Duplicate => "duplicate connection".to_owned(),
                Reason::Fault => "a rule was broken".to_owned(),
                Reason::Other(number) => format!("reason {number}"),
            };
            plain("GOODBYE", words)
        }
        Err(error) => meaningless(kind, body, error),
    }
}

/// The name of a type of which no more is known than its size.
pub(super) fn name(kind: u16) -> &'static str {
    match kind {
        kind::ANNOUNCE => "ANNOUNCE",
        kind::NOTIFY => "NOTIFY",
        kind::NOTIFICATION => "NOTIFICATION",
        kind::VALIDATION => "VALIDATION",
        kind::PEER_NOTIFICATION => "PEER NOTIFICATION",
        _ => "frame",
    }
}

fn sized(data: &[u8]) -> String {
    match data.len() {
        0 => excerpt(data),
        1 => format!("1 byte: {}", excerpt(data)),
        len => format!("{len} bytes: {}", excerpt(data)),
    }
}

fn meaningless(kind: u16, body: &[u8], error: DecodeError) -> Said<'_> {
    /// Enough to see what was meant.
    const SHOWN: usize = 16;
    let start = hex(&body[..body.len().min(SHOWN)]);
    let colon = if start.is_empty() { "" } else { ": " };
    let words = format!("of type {kind}, {error}, {} bytes of body{colon}{start}", body.len());
    Said { name: name(kind), words, addresses: Vec::new(), message: None }
}
