//! A cursor over a body: every read can fail, none can panic.

use super::DecodeError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What is left of a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(DecodeError::WrongLength)?;
        self.0 = rest;
        Ok(*array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Four bytes of IP, two of port.
    pub(super) fn v4(&mut self) -> Result<SocketAddr, DecodeError> {
        let ip = self.array::<4>().map(Ipv4Addr::from)?;
        Ok(SocketAddr::new(IpAddr::V4(ip), self.u16()?))
    }

    /// Sixteen bytes of IP, two of port.
    pub(super) fn v6(&mut self) -> Result<SocketAddr, DecodeError> {
        let ip = self.array::<16>().map(Ipv6Addr::from)?;
        Ok(SocketAddr::new(IpAddr::V6(ip), self.u16()?))
    }

    /// Everything that is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    /// `value`, if nothing is left.
    pub(super) fn end<T>(self, value: T) -> Result<T, DecodeError> {
        if self.0.is_empty() || planted!(TrailingBytesOverlooked) { Ok(value) } else { Err(DecodeError::WrongLength) }
    }
}
