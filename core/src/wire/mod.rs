//! Bytes and their meaning (PROTOCOL.md, sections 1 and 8).
//!
//! [`Deframer`] cuts a stream into frames; [`ApiMessage`] and [`PeerMessage`] read and write their bodies; [`Frame`] is
//! what goes out. Lengths are checked once, here: past this module only legal values exist.

mod api;
mod cursor;
mod deframer;
mod frame;
mod p2p;
mod repair;
#[cfg(test)]
mod tests;

pub(crate) use api::notification_of;
pub use api::{ApiMessage, notification};
pub use deframer::{Deframer, Next};
pub use frame::{Frame, Payload};
pub(crate) use p2p::peer_notification_of;
pub use p2p::{AddressList, Capabilities, Features, GoodbyeReason, Hints, PeerMessage, peer_notification};
pub use repair::{Digest, Digests, Interest, Offer, Offers, Tree, TreeAction};

use std::fmt;

/// Frame types (section 1).
pub mod kind {
    /// GOSSIP ANNOUNCE, API in.
    pub const ANNOUNCE: u16 = 500;
    /// GOSSIP NOTIFY, API in.
    pub const NOTIFY: u16 = 501;
    /// GOSSIP NOTIFICATION, API out.
    pub const NOTIFICATION: u16 = 502;
    /// GOSSIP VALIDATION, API in.
    pub const VALIDATION: u16 = 503;
    /// GOSSIP PEER REQUEST.
    pub const PEER_REQUEST: u16 = 504;
    /// GOSSIP PEER RESPONSE.
    pub const PEER_RESPONSE: u16 = 505;
    /// GOSSIP VERIFICATION REQUEST.
    pub const VERIFICATION_REQUEST: u16 = 506;
    /// GOSSIP VERIFICATION RESPONSE.
    pub const VERIFICATION_RESPONSE: u16 = 507;
    /// GOSSIP HELLO.
    pub const HELLO: u16 = 508;
    /// GOSSIP PUSH.
    pub const PUSH: u16 = 509;
    /// PING.
    pub const PING: u16 = 510;
    /// GOSSIP PEER NOTIFICATION.
    pub const PEER_NOTIFICATION: u16 = 511;
    /// CAPABILITIES, an extension.
    pub const CAPABILITIES: u16 = 512;
    /// The IPv6 form of 505, 507, 508 or 509, an extension.
    pub const IPV6: u16 = 513;
    /// PONG, an extension.
    pub const PONG: u16 = 514;
    /// IHAVE, an extension.
    pub const IHAVE: u16 = 515;
    /// IWANT, an extension.
    pub const IWANT: u16 = 516;
    /// TREE, an extension.
    pub const TREE: u16 = 517;
    /// INTEREST, an extension.
    pub const INTEREST: u16 = 518;
    /// GOODBYE, an extension.
    pub const GOODBYE: u16 = 519;
}

/// Why a body has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DecodeError {
    /// The type has no business on this port, or is not known.
    UnknownType,
    /// The length does not fit the type.
    WrongLength,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownType => "type unknown on this port",
            Self::WrongLength => "body of the wrong length",
        })
    }
}

impl std::error::Error for DecodeError {}
