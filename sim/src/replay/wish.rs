//! What of a story is wanted.

use super::link::Link;
use super::lives::{Lives, Wanted};
use super::moment::Moment;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// The peers that a story is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerFilter {
    /// All of a host.
    Ip(IpAddr),
    /// One.
    Address(SocketAddr),
}

impl FromStr for PeerFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.parse().map(Self::Address);
        address.or_else(|_| text.parse().map(Self::Ip)).map_err(|_| "not an IP:port, [IPv6]:port or IP".to_owned())
    }
}

impl PeerFilter {
    fn matches(self, address: &SocketAddr) -> bool {
        match self {
            Self::Ip(ip) => address.ip() == ip,
            Self::Address(wanted) => *address == wanted,
        }
    }
}

/// What of a story is told.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    pub(super) all: bool,
    pub(super) peer: Option<PeerFilter>,
    pub(super) message: Option<Wanted>,
    pub(super) is_json: bool,
}

impl Wish {
    /// Is more wanted than the neighbours' story?
    pub(super) fn is_close_look(&self) -> bool {
        self.all || self.peer.is_some() || self.message.is_some()
    }

    /// `known_by`: the addresses of its connection's peer.
    pub(super) fn shows(&self, moment: &Moment, known_by: &[SocketAddr], lives: Option<&Lives>) -> bool {
        let is_followed = |lives: &Lives| moment.life.is_some_and(|life| lives.shows(life));
        let passes = (self.is_about(&moment.concerns) || self.is_about(known_by)) && lives.is_none_or(is_followed);
        let is_filtered = self.peer.is_some() || self.message.is_some();
        passes && (is_filtered || self.all || moment.is_gist)
    }

    /// Is the peer asked for among these?
    pub(super) fn is_about(&self, addresses: &[SocketAddr]) -> bool {
        self.peer.is_none_or(|wanted| addresses.iter().any(|address| wanted.matches(address)))
    }

    /// May this connection turn out to be of the peer asked for?
    pub(super) fn may_name(&self, link: &Link) -> bool {
        self.peer.is_some() && self.message.is_none() && link.is_unnamed()
    }
}
