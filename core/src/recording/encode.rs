//! The bytes of an event, both ways.

use crate::event::{ConnectionId, DialError, Event, Listener, ResolveId};
use crate::settings::Settings;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes being put together.
#[derive(Debug, Default)]
pub(super) struct Sink(pub(super) Vec<u8>);

impl Sink {
    pub(super) fn u8(&mut self, n: u8) {
        self.0.push(n);
    }

    /// LEB128.
    pub(super) fn number(&mut self, mut n: u64) {
        while n > 0x7f {
            self.0.push((n & 0x7f) as u8 | 0x80);
            n >>= 7;
        }
        self.0.push((n & 0x7f) as u8);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }

    pub(super) fn id(&mut self, id: ConnectionId) {
        // The bit that tells the directions apart is the highest: last to first, so that ids stay short.
        self.number(id.as_u64().rotate_left(1));
    }

    pub(super) fn ip(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(v4) => {
                self.u8(4);
                self.raw(&v4.octets());
            }
            IpAddr::V6(v6) => {
                self.u8(6);
                self.raw(&v6.octets());
            }
        }
    }

    /// Flow and scope numbers are not kept: the core strikes them.
    pub(super) fn address(&mut self, address: SocketAddr) {
        self.ip(address.ip());
        self.raw(&address.port().to_be_bytes());
    }

    pub(super) fn event(&mut self, event: &Event<'_>) {
        match *event {
            Event::Accepted { connection, listener, remote } => {
                self.u8(match listener {
                    Listener::Api => 0,
                    Listener::P2p => 1,
                });
                self.id(connection);
                self.address(remote);
            }
            Event::DialSucceeded { connection } => self.about(2, connection),
            Event::DialFailed { connection, error } => {
                self.about(3, connection);
                self.u8(match error {
                    DialError::Refused => 0,
                    DialError::Unreachable => 1,
                    DialError::Local => 2,
                });
            }
            Event::Received { connection, bytes } => {
                self.about(4, connection);
                self.bytes(bytes);
            }
            Event::ReadClosed { connection } => self.about(5, connection),
            Event::Closed { connection } => self.about(6, connection),
            Event::Written { connection, bytes } => {
                self.about(7, connection);
                self.number(bytes);
            }
            Event::Timer => self.u8(8),
            Event::Solved { connection, challenge } => {
                self.about(9, connection);
                self.raw(&challenge.to_be_bytes());
            }
            Event::Resolved { query, addresses } => {
                self.u8(10);
                self.number(query.0);
                self.number(addresses.len() as u64);
                addresses.iter().for_each(|address| self.address(*address));
            }
            Event::Shutdown => self.u8(11),
            Event::SettingsChanged { settings } => {
                self.u8(12);
                self.settings(settings);
            }
        }
    }

    fn about(&mut self, kind: u8, connection: ConnectionId) {
        self.u8(kind);
        self.id(connection);
    }
}

/// What an event that was read refers to.
#[derive(Debug, Default)]
pub(super) struct Lent {
    addresses: Vec<SocketAddr>,
    settings: Option<Settings>,
}

/// Bytes being taken apart. `None`: they make no sense.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a>(pub(super) &'a [u8]);

impl<'a> Source<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            // The last of ten bytes has room for one bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            n |= bits.checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(n);
            }
        }
        None
    }

    pub(super) fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.length()?;
        self.take(len)
    }

    pub(super) fn id(&mut self) -> Option<ConnectionId> {
        self.number().map(|n| ConnectionId::from_u64(n.rotate_right(1)))
    }

    pub(super) fn ip(&mut self) -> Option<IpAddr> {
        match self.u8()? {
            4 => self.array::<4>().map(|octets| IpAddr::V4(Ipv4Addr::from(octets))),
            6 => self.array::<16>().map(|octets| IpAddr::V6(Ipv6Addr::from(octets))),
            _ => None,
        }
    }

    pub(super) fn address(&mut self) -> Option<SocketAddr> {
        let ip = self.ip()?;
        Some(SocketAddr::new(ip, self.array().map(u16::from_be_bytes)?))
    }

    /// An event; what it does not own is put into `lent`.
    pub(super) fn event<'e>(&mut self, lent: &'e mut Lent) -> Option<Event<'e>>
    where
        'a: 'e,
    {
        Some(match self.u8()? {
            kind @ (0 | 1) => Event::Accepted {
                connection: self.id()?,
                listener: if kind == 0 { Listener::Api } else { Listener::P2p },
                remote: self.address()?,
            },
            2 => Event::DialSucceeded { connection: self.id()? },
            3 => Event::DialFailed {
                connection: self.id()?,
                error: match self.u8()? {
                    0 => DialError::Refused,
                    1 => DialError::Unreachable,
                    2 => DialError::Local,
                    _ => return None,
                },
            },
            4 => Event::Received { connection: self.id()?, bytes: self.bytes()? },
            5 => Event::ReadClosed { connection: self.id()? },
            6 => Event::Closed { connection: self.id()? },
            7 => Event::Written { connection: self.id()?, bytes: self.number()? },
            8 => Event::Timer,
            9 => Event::Solved { connection: self.id()?, challenge: self.array().map(u64::from_be_bytes)? },
            10 => {
                let query = ResolveId(self.number()?);
                lent.addresses.clear();
                for _ in 0..self.length()? {
                    lent.addresses.push(self.address()?);
                }
                Event::Resolved { query, addresses: &lent.addresses }
            }
            11 => Event::Shutdown,
            12 => Event::SettingsChanged { settings: lent.settings.insert(self.settings()?) },
            _ => return None,
        })
    }
}
