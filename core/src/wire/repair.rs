//! Bodies of repair's frames (PROTOCOL.md, section 12): lists of fixed-size entries.

use super::cursor::Cursor;
use super::frame::{Fields, Frame};
use super::{DecodeError, kind};
use crate::limits::{DIGESTS_PER_FRAME, INTEREST_TYPES_MAX};

/// The first 8 bytes of SHA-256 over a message's id, type and data.
pub type Digest = u64;

/// A message that somebody has, as IHAVE says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offer {
    /// Which.
    pub digest: Digest,
    /// Its age in tenths of a second, or [`Offer::GONE`].
    pub age: u16,
}

impl Offer {
    /// In place of an age: it was asked for, but is not there.
    pub const GONE: u16 = u16::MAX;
}

const OFFER_LEN: usize = 10;
const DIGEST_LEN: usize = 8;
const TYPE_LEN: usize = 2;

/// What IHAVE says: at most as many entries as one frame is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offers<'a>(&'a [u8]);

impl<'a> Offers<'a> {
    pub(super) fn read(body: &'a [u8]) -> Self {
        Self(whole::<OFFER_LEN>(body))
    }

    /// The offers in the order in which they were sent.
    pub fn iter(self) -> impl Iterator<Item = Offer> + use<'a> {
        let mut cursor = Cursor::new(self.0);
        let offers = std::iter::from_fn(move || Some(Offer { digest: cursor.u64().ok()?, age: cursor.u16().ok()? }));
        offers.take(DIGESTS_PER_FRAME)
    }

    /// The frame that says these; as many as fit.
    pub fn frame_of(offers: &[Offer]) -> Frame {
        let those = offers.iter().take(DIGESTS_PER_FRAME);
        those.fold(Fields::default(), |fields, offer| fields.u64(offer.digest).u16(offer.age)).frame(kind::IHAVE)
    }
}

/// What IWANT asks for: at most as many entries as one frame is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests<'a>(&'a [u8]);

impl<'a> Digests<'a> {
    pub(super) fn read(body: &'a [u8]) -> Self {
        Self(whole::<DIGEST_LEN>(body))
    }

    /// The digests in the order in which they were sent.
    pub fn iter(self) -> impl Iterator<Item = Digest> + use<'a> {
        let mut cursor = Cursor::new(self.0);
        std::iter::from_fn(move || cursor.u64().ok()).take(DIGESTS_PER_FRAME)
    }

    /// The frame that asks for these; as many as fit.
    pub fn frame_of(digests: &[Digest]) -> Frame {
        let those = digests.iter().take(DIGESTS_PER_FRAME);
        those.fold(Fields::default(), |fields, digest| fields.u64(*digest)).frame(kind::IWANT)
    }
}

/// What INTEREST says: the data types that the sender's modules subscribe to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest<'a> {
    flags: u16,
    types: &'a [u8],
}

impl<'a> Interest<'a> {
    const ALL: u16 = 1;

    pub(super) fn read(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let flags = cursor.u16()?;
        Ok(Self { flags, types: whole::<TYPE_LEN>(cursor.rest()) })
    }

    /// All types there are? One that names more than are read means all.
    pub const fn is_all(self) -> bool {
        self.flags & Self::ALL != 0 || self.types.len() > INTEREST_TYPES_MAX * TYPE_LEN
    }

    /// The types, in the order in which they were sent.
    pub fn iter(self) -> impl Iterator<Item = u16> + use<'a> {
        let mut cursor = Cursor::new(self.types);
        std::iter::from_fn(move || cursor.u16().ok()).take(INTEREST_TYPES_MAX)
    }

    /// The frame that says these types, or all of them if they are too many to say.
    pub fn frame_of(types: &[u16]) -> Frame {
        let is_all = types.len() > INTEREST_TYPES_MAX;
        let those = types.iter().take(if is_all { 0 } else { types.len() });
        let flags = Fields::default().u16(u16::from(is_all));
        those.fold(flags, |fields, data_type| fields.u16(*data_type)).frame(kind::INTEREST)
    }

    pub(super) fn frame(self) -> Frame {
        Fields::default().u16(self.flags).bytes(self.types).frame(kind::INTEREST)
    }
}

/// What TREE does (section 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeAction {
    /// Of this type send offers only.
    Prune,
    /// Of this type send everything in full.
    Graft,
    /// These were just found valid.
    Offer,
    /// Something that is not known here.
    Other(u16),
}

impl TreeAction {
    const fn of(number: u16) -> Self {
        match number {
            0 => Self::Prune,
            1 => Self::Graft,
            2 => Self::Offer,
            other => Self::Other(other),
        }
    }

    const fn number(self) -> u16 {
        match self {
            Self::Prune => 0,
            Self::Graft => 1,
            Self::Offer => 2,
            Self::Other(number) => number,
        }
    }
}

/// What TREE says about one data type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree<'a> {
    /// What is done.
    pub action: TreeAction,
    /// Of which messages.
    pub data_type: u16,
    /// Those that are offered.
    pub offers: Offers<'a>,
}

impl<'a> Tree<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        let (action, data_type) = (TreeAction::of(cursor.u16()?), cursor.u16()?);
        let rest = if action == TreeAction::Offer { cursor.rest() } else { &[] };
        Ok(Self { action, data_type, offers: Offers::read(rest) })
    }

    /// The frame that offers these; as many as fit.
    pub fn frame_of(data_type: u16, offers: &[Offer]) -> Frame {
        let start = Fields::default().u16(TreeAction::Offer.number()).u16(data_type);
        let those = offers.iter().take(DIGESTS_PER_FRAME);
        those.fold(start, |fields, offer| fields.u64(offer.digest).u16(offer.age)).frame(kind::TREE)
    }

    /// The frame that does this to links of a type.
    pub fn turn(action: TreeAction, data_type: u16) -> Frame {
        Fields::default().u16(action.number()).u16(data_type).frame(kind::TREE)
    }

    pub(super) fn frame(self) -> Frame {
        let fields = Fields::default().u16(self.action.number()).u16(self.data_type);
        fields.bytes(self.offers.0).frame(kind::TREE)
    }
}

pub(super) fn have_frame(offers: Offers<'_>) -> Frame {
    Fields::default().bytes(offers.0).frame(kind::IHAVE)
}

pub(super) fn want_frame(digests: Digests<'_>) -> Frame {
    Fields::default().bytes(digests.0).frame(kind::IWANT)
}

/// The whole entries of a list; trailing bytes are ignored (section 8).
fn whole<const LEN: usize>(body: &[u8]) -> &[u8] {
    body.as_chunks::<LEN>().0.as_flattened()
}
