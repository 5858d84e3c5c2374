//! Frames on their way out.

use crate::limits::{FRAME_HEADER, FRAME_MAX};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// A message's data type and data as both NOTIFICATION and PEER NOTIFICATION end: one allocation, shared by every
/// frame that carries it.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Arc<[u8]>);

impl Payload {
    /// Joins a type and its data.
    pub fn new(data_type: u16, data: &[u8]) -> Self {
        /// A short one is put together in place and then copied: cheaper than to fill what is shared already.
        const SHORT: usize = 128;
        let len = data.len().saturating_add(2);
        let mut short = [0; SHORT];
        if let Some((head, rest)) = short.get_mut(..len).and_then(|bytes| bytes.split_first_chunk_mut()) {
            *head = data_type.to_be_bytes();
            rest.copy_from_slice(data);
            return Self(short.get(..len).unwrap_or(&[]).into());
        }
        // An iterator of known length, filled at once: one allocation and no loop over bytes.
        let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, len).collect();
        if let Some((head, rest)) = Arc::get_mut(&mut bytes).and_then(|bytes| bytes.split_first_chunk_mut()) {
            *head = data_type.to_be_bytes();
            rest.copy_from_slice(data);
        }
        Self(bytes)
    }

    /// The data type.
    pub fn data_type(&self) -> u16 {
        self.0.first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes))
    }

    /// The data.
    pub fn data(&self) -> &[u8] {
        self.0.get(2..).unwrap_or(&[])
    }

    /// Is it just this?
    pub fn is_of(&self, data_type: u16, data: &[u8]) -> bool {
        self.0.split_first_chunk().is_some_and(|(head, rest)| *head == data_type.to_be_bytes() && rest == data)
    }

    /// Bytes of type and data together.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: there is always a type.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload(type {}, {} bytes)", self.data_type(), self.data().len())
    }
}

/// One whole frame to send: a short head of its own and perhaps a body that it shares with other frames.
///
/// Cloning never copies the body. Equal are those of the same bytes, wherever they are held.
#[derive(Clone)]
pub struct Frame {
    head: [u8; Self::HEAD_MAX],
    head_len: u8,
    body: Option<Arc<[u8]>>,
}

impl Frame {
    /// The longest head: everything but lists, data and the IPv6 forms fits.
    const HEAD_MAX: usize = 30;

    /// A frame without a shared body. `fields` that would make it larger than a frame can be are cut; callers bound
    /// their lists before.
    pub(super) fn new(kind: u16, fields: &[u8]) -> Self {
        let most = FRAME_MAX.saturating_sub(FRAME_HEADER);
        let fields = fields.get(..most).unwrap_or(fields);
        if fields.len() <= Self::HEAD_MAX.saturating_sub(FRAME_HEADER) {
            Self::assemble(kind, fields, None)
        } else {
            Self::assemble(kind, &[], Some(fields.into()))
        }
    }

    /// A frame with a few bytes of its own before a message's type and data.
    #[inline]
    pub(super) fn with_payload<const N: usize>(kind: u16, fields: [u8; N], payload: Payload) -> Self {
        Self::assemble(kind, &fields, Some(payload.0))
    }

    #[inline]
    fn assemble(kind: u16, fields: &[u8], body: Option<Arc<[u8]>>) -> Self {
        let body_len = body.as_ref().map_or(0, |body| body.len());
        let size = FRAME_HEADER.saturating_add(fields.len()).saturating_add(body_len);
        debug_assert!(size <= FRAME_MAX, "a frame of {size} bytes");
        let size = u16::try_from(size).unwrap_or(u16::MAX);
        let mut head = [0; Self::HEAD_MAX];
        let ([a, b], [c, d]) = (size.to_be_bytes(), kind.to_be_bytes());
        [head[0], head[1], head[2], head[3]] = [a, b, c, d];
        // FRAME_HEADER + fields: at most HEAD_MAX, by the callers above.
        let head_len = FRAME_HEADER.saturating_add(fields.len()).min(Self::HEAD_MAX);
        head.get_mut(FRAME_HEADER..head_len).into_iter().for_each(|place| place.copy_from_slice(fields));
        let head_len = u8::try_from(head_len).unwrap_or(0);
        Self { head, head_len, body }
    }

    /// Its type.
    pub fn kind(&self) -> u16 {
        u16::from_be_bytes([self.head[2], self.head[3]])
    }

    /// What it shares with other frames, if it is one of those made of a [`Payload`] or long: for whoever runs both ends.
    pub fn shared(&self) -> Option<Payload> {
        self.body.clone().map(Payload)
    }

    /// Its bytes, in order: first part, second part. The second may be empty.
    pub fn parts(&self) -> [&[u8]; 2] {
        [self.head.get(..usize::from(self.head_len)).unwrap_or(&[]), self.body.as_deref().unwrap_or(&[])]
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        usize::from(self.head_len).saturating_add(self.body.as_ref().map_or(0, |body| body.len()))
    }

    /// Never: there is always a header.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All its bytes in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        self.parts().concat()
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.parts().into_iter().flatten().eq(other.parts().into_iter().flatten())
    }
}

impl Eq for Frame {}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({}, {} bytes)", self.kind(), self.len())
    }
}

/// Fields being put together.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<u8>);

impl Fields {
    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn u16(self, n: u16) -> Self {
        self.bytes(&n.to_be_bytes())
    }

    pub(super) fn u64(self, n: u64) -> Self {
        self.bytes(&n.to_be_bytes())
    }

    pub(super) fn address(self, address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => self.bytes(&v4.ip().octets()),
            SocketAddr::V6(v6) => self.bytes(&v6.ip().octets()),
        }
        .u16(address.port())
    }

    pub(super) fn frame(self, kind: u16) -> Frame {
        Frame::new(kind, &self.0)
    }
}
