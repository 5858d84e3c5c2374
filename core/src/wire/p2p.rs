//! What peers say to each other (section 1, port P2P, and section 8).

use super::cursor::Cursor;
use super::frame::{Fields, Frame, Payload};
use super::repair::{self, Digests, Interest, Offers, Tree};
use super::{DecodeError, kind};
use crate::limits::{FRAME_HEADER, FRAME_MAX};
use std::net::SocketAddr;

/// A message between peers. Addresses of IPv6 peers travel in frame 513; here both families are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerMessage<'a> {
    /// 504: whom do you know?
    PeerRequest,
    /// 505: these.
    PeerResponse(AddressList<'a>),
    /// 506: prove that you worked.
    VerificationRequest {
        /// 64 random bits.
        nonce: u64,
    },
    /// 507: I did.
    VerificationResponse {
        /// As in 506.
        nonce: u64,
        /// What makes the hash begin as it should.
        challenge: u64,
        /// Where the sender listens.
        address: SocketAddr,
    },
    /// 508: I'd like to be your neighbour.
    Hello {
        /// Where the sender listens.
        address: SocketAddr,
    },
    /// 509: this one is new.
    Push {
        /// How many hops more.
        ttl: u16,
        /// Where it listens.
        address: SocketAddr,
    },
    /// 510: are you there?
    Ping,
    /// 511: this was announced, and vouched for by a module of mine.
    PeerNotification {
        /// How many hops more.
        ttl: u8,
        /// Drawn by who announced it.
        id: u16,
        /// Whom it concerns.
        data_type: u16,
        /// What was said.
        data: &'a [u8],
    },
    /// 512: what I can do.
    Capabilities(Capabilities<'a>),
    /// 514: I am.
    Pong,
    /// 515: I have these.
    IHave(Offers<'a>),
    /// 516: send me these.
    IWant(Digests<'a>),
    /// 517: how messages of a type go between us.
    Tree(Tree<'a>),
    /// 518: my modules subscribe to this.
    Interest(Interest<'a>),
    /// 519: I close this connection.
    Goodbye {
        /// Why.
        reason: GoodbyeReason,
    },
}

/// What a peer says of itself in CAPABILITIES.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities<'a> {
    /// Of these extensions; 1 as of this page.
    pub version: u16,
    /// What it can do, and whether this is a look-up.
    pub features: Features,
    /// Drawn at its start: tells a restart from a second connection.
    pub instance: u64,
    /// Further addresses that it listens on, if it says so.
    pub hints: Hints<'a>,
}

/// A set of features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features(pub u32);

impl Features {
    /// This connection is a look-up: answer 505 and close (section 4).
    pub const LOOK_UP: Self = Self(1);
    /// The sender has few neighbours and was turned away elsewhere: somebody may make room for it (section 11).
    pub const URGENT: Self = Self(2);
    /// The sender takes part in repair (section 12).
    pub const REPAIR: Self = Self(4);
    /// The sender takes offers in place of messages, and says from whom it wants which (section 13).
    pub const TREE: Self = Self(8);

    /// Is `other` among these?
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Further listening addresses in CAPABILITIES. Equal are those that say the same addresses, read or to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Hints<'a>(HintSource<'a>);

impl PartialEq for Hints<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Hints<'_> {}

#[derive(Clone, Copy, Debug)]
enum HintSource<'a> {
    Wire(&'a [u8]),
    Own(&'a [SocketAddr]),
}

impl<'a> Hints<'a> {
    /// Hints to send.
    pub const fn new(addresses: &'a [SocketAddr]) -> Self {
        Self(HintSource::Own(addresses))
    }

    /// The addresses, up to the first of a kind that is not known.
    pub fn iter(self) -> impl Iterator<Item = SocketAddr> + use<'a> {
        let (mut wire, own) = match self.0 {
            HintSource::Wire(bytes) => (Cursor::new(bytes), &[][..]),
            HintSource::Own(addresses) => (Cursor::new(&[]), addresses),
        };
        let of_wire = std::iter::from_fn(move || match wire.u8().ok()? {
            4 => wire.v4().ok(),
            6 => wire.v6().ok(),
            _ => None,
        });
        of_wire.chain(own.iter().copied())
    }
}

/// Addresses of one family: PEER RESPONSE's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressList<'a> {
    bytes: &'a [u8],
    v6: bool,
}

impl<'a> AddressList<'a> {
    const V4_LEN: usize = 6;
    const V6_LEN: usize = 18;

    /// Is it the IPv6 form?
    pub const fn is_v6(self) -> bool {
        self.v6
    }

    /// How many.
    pub const fn len(self) -> usize {
        if self.v6 { self.bytes.len() / Self::V6_LEN } else { self.bytes.len() / Self::V4_LEN }
    }

    /// Are there none?
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The addresses in the order in which they were sent.
    pub fn iter(self) -> impl Iterator<Item = SocketAddr> + use<'a> {
        let mut cursor = Cursor::new(self.bytes);
        std::iter::from_fn(move || if self.v6 { cursor.v6().ok() } else { cursor.v4().ok() })
    }

    /// The frame that says these addresses, those of the other family left out; as many as fit.
    pub fn frame_of(addresses: &[SocketAddr], v6: bool) -> Frame {
        let room = FRAME_MAX.saturating_sub(FRAME_HEADER).saturating_sub(2);
        let most = if v6 { room / Self::V6_LEN } else { room / Self::V4_LEN };
        let start = if v6 { Fields::default().u16(kind::PEER_RESPONSE) } else { Fields::default() };
        let those = addresses.iter().filter(|address| address.is_ipv6() == v6).take(most);
        let fields = those.fold(start, |fields, address| fields.address(*address));
        fields.frame(if v6 { kind::IPV6 } else { kind::PEER_RESPONSE })
    }
}

/// Why a connection is closed, by GOODBYE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GoodbyeReason {
    /// 0: the node ends.
    ShuttingDown,
    /// 1: another took the place.
    Evicted,
    /// 2: there is no room.
    ViewFull,
    /// 3: another connection with the same peer stays.
    Duplicate,
    /// 4: a rule was broken.
    Fault,
    /// A reason of a later version.
    Other(u16),
}

impl GoodbyeReason {
    const fn number(self) -> u16 {
        match self {
            Self::ShuttingDown => 0,
            Self::Evicted => 1,
            Self::ViewFull => 2,
            Self::Duplicate => 3,
            Self::Fault => 4,
            Self::Other(number) => number,
        }
    }
}

impl From<u16> for GoodbyeReason {
    fn from(number: u16) -> Self {
        match number {
            0 => Self::ShuttingDown,
            1 => Self::Evicted,
            2 => Self::ViewFull,
            3 => Self::Duplicate,
            4 => Self::Fault,
            other => Self::Other(other),
        }
    }
}

impl<'a> PeerMessage<'a> {
    /// Is this a type that [`decode`](Self::decode) knows?
    pub const fn knows(kind: u16) -> bool {
        matches!(kind, kind::PEER_REQUEST..=kind::INTEREST | kind::GOODBYE)
    }

    /// Reads a body.
    ///
    /// ```
    /// use gossip_core::wire::{PeerMessage, kind};
    /// let message = PeerMessage::decode(kind::HELLO, &[127, 0, 0, 1, 0x17, 0x71]).unwrap();
    /// assert_eq!(message, PeerMessage::Hello { address: "127.0.0.1:6001".parse().unwrap() });
    /// assert_eq!(message.frame().to_vec(), [0, 10, 1, 252, 127, 0, 0, 1, 0x17, 0x71]);
    /// ```
    pub fn decode(kind: u16, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        match kind {
            kind::PEER_REQUEST => cursor.end(Self::PeerRequest),
            kind::PEER_RESPONSE if body.len().is_multiple_of(AddressList::V4_LEN) => {
                Ok(Self::PeerResponse(AddressList { bytes: body, v6: false }))
            }
            kind::PEER_RESPONSE => Err(DecodeError::WrongLength),
            kind::VERIFICATION_REQUEST => {
                let nonce = cursor.u64()?;
                cursor.end(Self::VerificationRequest { nonce })
            }
            kind::VERIFICATION_RESPONSE => {
                let (nonce, challenge, address) = (cursor.u64()?, cursor.u64()?, cursor.v4()?);
                cursor.end(Self::VerificationResponse { nonce, challenge, address })
            }
            kind::HELLO => {
                let address = cursor.v4()?;
                cursor.end(Self::Hello { address })
            }
            kind::PUSH => {
                let (ttl, address) = (cursor.u16()?, cursor.v4()?);
                cursor.end(Self::Push { ttl, address })
            }
            kind::PING => cursor.end(Self::Ping),
            kind::PEER_NOTIFICATION => {
                let (ttl, _reserved, id, data_type) = (cursor.u8()?, cursor.u8()?, cursor.u16()?, cursor.u16()?);
                Ok(Self::PeerNotification { ttl, id, data_type, data: cursor.rest() })
            }
            kind::CAPABILITIES => {
                let (version, features, instance) = (cursor.u16()?, Features(cursor.u32()?), cursor.u64()?);
                let hints = Hints(HintSource::Wire(cursor.rest()));
                Ok(Self::Capabilities(Capabilities { version, features, instance, hints }))
            }
            kind::IPV6 => Self::decode_v6(cursor),
            kind::PONG => Ok(Self::Pong),
            kind::IHAVE => Ok(Self::IHave(Offers::read(body))),
            kind::IWANT => Ok(Self::IWant(Digests::read(body))),
            kind::TREE => Tree::read(body).map(Self::Tree),
            kind::INTEREST => Interest::read(body).map(Self::Interest),
            kind::GOODBYE => Ok(Self::Goodbye { reason: cursor.u16()?.into() }),
            _ => Err(DecodeError::UnknownType),
        }
    }

    /// The fields of 513, after its header; trailing bytes are ignored (section 8).
    fn decode_v6(mut cursor: Cursor<'a>) -> Result<Self, DecodeError> {
        match cursor.u16()? {
            kind::PEER_RESPONSE => {
                let (addresses, _trailing) = cursor.rest().as_chunks::<{ AddressList::V6_LEN }>();
                Ok(Self::PeerResponse(AddressList { bytes: addresses.as_flattened(), v6: true }))
            }
            kind::VERIFICATION_RESPONSE => {
                let (nonce, challenge, address) = (cursor.u64()?, cursor.u64()?, cursor.v6()?);
                Ok(Self::VerificationResponse { nonce, challenge, address })
            }
            kind::HELLO => Ok(Self::Hello { address: cursor.v6()? }),
            kind::PUSH => {
                let (ttl, address) = (cursor.u16()?, cursor.v6()?);
                Ok(Self::Push { ttl, address })
            }
            _ => Err(DecodeError::UnknownType),
        }
    }

    /// The frame that says this. Data beyond a frame's room is cut off: check its length before.
    pub fn frame(&self) -> Frame {
        let fields = Fields::default();
        match *self {
            Self::PeerRequest => fields.frame(kind::PEER_REQUEST),
            Self::PeerResponse(list) if list.v6 => fields.u16(kind::PEER_RESPONSE).bytes(list.bytes).frame(kind::IPV6),
            Self::PeerResponse(list) => fields.bytes(list.bytes).frame(kind::PEER_RESPONSE),
            Self::VerificationRequest { nonce } => fields.u64(nonce).frame(kind::VERIFICATION_REQUEST),
            Self::VerificationResponse { nonce, challenge, address } => {
                in_family(address, kind::VERIFICATION_RESPONSE, |fields| {
                    fields.u64(nonce).u64(challenge).address(address)
                })
            }
            Self::Hello { address } => in_family(address, kind::HELLO, |fields| fields.address(address)),
            Self::Push { ttl, address } => in_family(address, kind::PUSH, |fields| fields.u16(ttl).address(address)),
            Self::Ping => fields.frame(kind::PING),
            Self::PeerNotification { ttl, id, data_type, data } => {
                fields.bytes(&[ttl, 0]).u16(id).u16(data_type).bytes(data).frame(kind::PEER_NOTIFICATION)
            }
            Self::Capabilities(Capabilities { version, features, instance, hints }) => {
                let start = fields.u16(version).bytes(&features.0.to_be_bytes()).u64(instance);
                let with_hints = hints
                    .iter()
                    .fold(start, |fields, hint| fields.bytes(&[if hint.is_ipv6() { 6 } else { 4 }]).address(hint));
                with_hints.frame(kind::CAPABILITIES)
            }
            Self::Pong => fields.frame(kind::PONG),
            Self::IHave(offers) => repair::have_frame(offers),
            Self::IWant(digests) => repair::want_frame(digests),
            Self::Tree(tree) => tree.frame(),
            Self::Interest(interest) => interest.frame(),
            Self::Goodbye { reason } => fields.u16(reason.number()).frame(kind::GOODBYE),
        }
    }
}

/// The plain form for an IPv4 address, 513 for an IPv6 one.
fn in_family(address: SocketAddr, kind: u16, fields: impl FnOnce(Fields) -> Fields) -> Frame {
    match address {
        SocketAddr::V4(_) => fields(Fields::default()).frame(kind),
        SocketAddr::V6(_) => fields(Fields::default().u16(kind)).frame(kind::IPV6),
    }
}

/// A PEER NOTIFICATION that shares its payload with others.
pub fn peer_notification(ttl: u8, id: u16, payload: &Payload) -> Frame {
    peer_notification_of(ttl, id, payload.clone())
}

/// The same for who needs the payload no more.
pub(crate) fn peer_notification_of(ttl: u8, id: u16, payload: Payload) -> Frame {
    let [high, low] = id.to_be_bytes();
    Frame::with_payload(kind::PEER_NOTIFICATION, [ttl, 0, high, low], payload)
}
