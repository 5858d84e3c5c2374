//! What modules say and are told (section 1, port API).

use super::cursor::Cursor;
use super::frame::{Fields, Frame, Payload};
use super::{DecodeError, kind};

/// A message on the API port, either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiMessage<'a> {
    /// 500: spread this.
    Announce {
        /// How far, hops; 0 is no limit.
        ttl: u8,
        /// Whom it concerns.
        data_type: u16,
        /// What is said.
        data: &'a [u8],
    },
    /// 501: tell me of this type.
    Notify {
        /// Which.
        data_type: u16,
    },
    /// 502: this was said.
    Notification {
        /// Names it in the answer.
        id: u16,
        /// Whom it concerns.
        data_type: u16,
        /// What was said.
        data: &'a [u8],
    },
    /// 503: what I think of it.
    Validation {
        /// Of which notification.
        id: u16,
        /// May it be spread?
        valid: bool,
    },
}

impl<'a> ApiMessage<'a> {
    /// Reads a body. Accepts both directions: who takes which is the caller's business.
    ///
    /// ```
    /// use gossip_core::wire::{ApiMessage, kind};
    /// let message = ApiMessage::decode(kind::VALIDATION, &[0x12, 0x34, 0xff, 0x01]).unwrap();
    /// assert_eq!(message, ApiMessage::Validation { id: 0x1234, valid: true });
    /// ```
    pub fn decode(kind: u16, body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(body);
        match kind {
            kind::ANNOUNCE => {
                let (ttl, _reserved, data_type) = (cursor.u8()?, cursor.u8()?, cursor.u16()?);
                Ok(Self::Announce { ttl, data_type, data: cursor.rest() })
            }
            kind::NOTIFY => {
                let (_reserved, data_type) = (cursor.u16()?, cursor.u16()?);
                cursor.end(Self::Notify { data_type })
            }
            kind::NOTIFICATION => {
                let (id, data_type) = (cursor.u16()?, cursor.u16()?);
                Ok(Self::Notification { id, data_type, data: cursor.rest() })
            }
            kind::VALIDATION => {
                let (id, flags) = (cursor.u16()?, cursor.u16()?);
                cursor.end(Self::Validation { id, valid: flags & 1 == 1 })
            }
            _ => Err(DecodeError::UnknownType),
        }
    }

    /// The frame that says this. Data beyond a frame's room is cut off: check its length before.
    pub fn frame(&self) -> Frame {
        match *self {
            Self::Announce { ttl, data_type, data } => {
                Fields::default().bytes(&[ttl, 0]).u16(data_type).bytes(data).frame(kind::ANNOUNCE)
            }
            Self::Notify { data_type } => Fields::default().u16(0).u16(data_type).frame(kind::NOTIFY),
            Self::Notification { id, data_type, data } => {
                Fields::default().u16(id).u16(data_type).bytes(data).frame(kind::NOTIFICATION)
            }
            Self::Validation { id, valid } => Fields::default().u16(id).u16(u16::from(valid)).frame(kind::VALIDATION),
        }
    }
}

/// A NOTIFICATION that shares its payload with others.
pub fn notification(id: u16, payload: &Payload) -> Frame {
    notification_of(id, payload.clone())
}

/// The same for who needs the payload no more.
pub(crate) fn notification_of(id: u16, payload: Payload) -> Frame {
    Frame::with_payload(kind::NOTIFICATION, id.to_be_bytes(), payload)
}
