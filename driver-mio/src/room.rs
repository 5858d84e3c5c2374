//! How many connections there is room for, and who may have it.

use crate::system;
use gossip_core::{Listener, Settings, limits};

/// Descriptors that connections leave to listeners, look-ups of names, the log, the recording and the status address
/// (17 at most).
const DESCRIPTORS_KEPT: usize = 48;
/// Of the connections that there is room for, one in so many is kept for modules, and as many for peers.
const KEPT_PART: usize = 4;
/// More are never kept.
const KEPT_MAX: usize = 1_024;
/// Connections without proof of work that are always admitted: fewer, and a flood would shut newcomers out.
const UNVERIFIED_MIN: usize = 8;

/// How many connections fit into the limit of open files.
///
/// Neither peers, who are strangers, nor modules can take it all: a part is kept for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub(crate) all: usize,
    pub(crate) peers: usize,
    pub(crate) modules: usize,
}

impl Room {
    /// What this process has, by its limit of open files.
    pub fn of_this_process() -> Self {
        Self::within(system::descriptor_limit())
    }

    /// Has `settings` admit no more connections without proof of work than there is room for beside the neighbours,
    /// and says what it changed or could not help.
    pub fn fit(&self, settings: &mut Settings) -> Option<String> {
        let neighbours = settings.max_peers as usize + limits::DIALS_MAX + limits::PROBES_MAX;
        let wanted = settings.unverified_max;
        let left = self.peers.saturating_sub(neighbours).max(UNVERIFIED_MIN);
        let fits = u32::try_from(left).unwrap_or(u32::MAX).min(wanted);
        settings.unverified_max = fits;
        settings.unverified_per_ip = settings.unverified_per_ip.min(fits);
        let Self { peers, .. } = self;
        if neighbours + UNVERIFIED_MIN > *peers {
            Some(format!(
                "the limit of open files (ulimit -n) leaves room for {peers} connections with peers, fewer than \
                 max_peers = {} may need; raise one or lower the other",
                settings.max_peers
            ))
        } else if fits < wanted {
            Some(format!(
                "the limit of open files (ulimit -n) leaves room for {peers} connections with peers: \
                 unverified_max is {fits} instead of {wanted}"
            ))
        } else {
            None
        }
    }

    pub(crate) fn within(descriptors: usize) -> Self {
        let all = descriptors - DESCRIPTORS_KEPT.min(descriptors / 2);
        let kept = (all / KEPT_PART).min(KEPT_MAX);
        Self { all, peers: all - kept, modules: all - kept }
    }

    /// How many connections of one kind there may be.
    pub(crate) fn of(&self, port: Listener) -> usize {
        match port {
            Listener::Api => self.modules,
            Listener::P2p => self.peers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gossip_core::Addresses;

    fn settings(max_peers: u32) -> Settings {
        let mut settings = Settings::new(50, 4, Addresses::of("127.0.0.1:6001".parse().unwrap()));
        settings.max_peers = max_peers;
        settings
    }

    #[test]
    fn neither_kind_can_take_what_is_kept_for_the_other() {
        for descriptors in [0, 1, 20, 64, 256, 1_024, 1 << 20, usize::MAX] {
            let room = Room::within(descriptors);
            assert!(room.all <= descriptors);
            for port in [Listener::Api, Listener::P2p] {
                assert!(room.of(port) <= room.all && room.of(port) >= room.all / 2, "{room:?}");
            }
        }
        assert_eq!(Room::within(256), Room { all: 208, peers: 156, modules: 156 });
    }

    #[test]
    fn connections_without_proof_are_fitted_to_the_room_beside_the_neighbours() {
        let mut fitting = settings(50);
        assert_eq!(Room::within(1_024).fit(&mut fitting), None);
        assert_eq!(fitting, settings(50));

        let mut tight = settings(50);
        let told = Room::within(256).fit(&mut tight).unwrap();
        assert!(told.contains("unverified_max is 94 instead of 256"), "{told}");
        assert_eq!((tight.unverified_max, tight.unverified_per_ip), (94, 16));
        assert_eq!(limits::check(&tight), []);

        let mut hopeless = settings(1_000);
        let told = Room::within(256).fit(&mut hopeless).unwrap();
        assert!(told.contains("max_peers = 1000"), "{told}");
        assert_eq!((hopeless.unverified_max, hopeless.unverified_per_ip), (8, 8));
    }
}
