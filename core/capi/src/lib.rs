//! `gossip-core` for C: opaque handles, events in, actions out, the codec.
//!
//! All unsafe code of the project but one call of the system in the driver. What callers promise is said with each
//! function; what they pass is checked as far as it can be (null, range). No panic crosses into C: a node in which one
//! happened answers [`GOSSIP_BROKEN`] from then on, and can only be freed.

#![allow(unsafe_code)]
#![deny(unsafe_op_in_unsafe_fn, missing_docs, clippy::undocumented_unsafe_blocks)]

mod codec;
mod node;

pub use codec::*;
pub use node::*;

use std::ffi::c_int;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Done.
pub const GOSSIP_OK: c_int = 0;
/// There was something: an action, a message, a deadline.
pub const GOSSIP_SOME: c_int = 1;
/// The caller's mistake: a null pointer, or a number out of range. Nothing has changed.
pub const GOSSIP_MISUSE: c_int = -1;
/// A mistake of this library: the handle can only be freed.
pub const GOSSIP_BROKEN: c_int = -2;
/// What came is not the gossip protocol's: the stream makes no sense any more.
pub const GOSSIP_LOST: c_int = -3;

/// An address and a port.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct GossipAddress {
    /// 4 or 6; 0 is no address.
    pub family: u8,
    /// In the order of the wire; of IPv4 the first four.
    pub ip: [u8; 16],
    /// In the host's byte order.
    pub port: u16,
}

impl GossipAddress {
    fn of(address: SocketAddr) -> Self {
        let mut ip = [0; 16];
        let family = match address.ip() {
            IpAddr::V4(v4) => {
                ip.iter_mut().zip(v4.octets()).for_each(|(to, from)| *to = from);
                4
            }
            IpAddr::V6(v6) => {
                ip = v6.octets();
                6
            }
        };
        Self { family, ip, port: address.port() }
    }

    fn read(&self) -> Option<SocketAddr> {
        let [a, b, c, d, ..] = self.ip;
        let ip = match self.family {
            4 => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            6 => IpAddr::V6(Ipv6Addr::from(self.ip)),
            _ => return None,
        };
        Some(SocketAddr::new(ip, self.port))
    }
}

/// The caller's bytes.
///
/// # Safety
///
/// Unless it is null, `len` bytes can be read at `bytes`, and nobody changes them while the result lives.
unsafe fn slice<'a>(bytes: *const u8, len: usize) -> Option<&'a [u8]> {
    match (bytes.is_null(), len) {
        (_, 0) => Some(&[]),
        (true, _) => None,
        // SAFETY: not null, and readable, as the caller promises. No object is larger than isize::MAX: neither is this.
        (false, _) => (len <= isize::MAX.unsigned_abs()).then(|| unsafe { std::slice::from_raw_parts(bytes, len) }),
    }
}

/// Keeps panics on this side.
fn guard(body: impl FnOnce() -> c_int) -> c_int {
    // Whatever a panic leaves half done is never looked at again: callers mark it as broken.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(GOSSIP_BROKEN)
}
