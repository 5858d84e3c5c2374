//! No connection outlives its reason, on either side of the seam: what the peer thinks it has is what it has.

use super::Broken;
use gossip_core::Status;

pub(super) fn check(status: &Status, (with_peers, with_modules): (usize, usize)) -> Option<Broken> {
    let property = "no connection outlives its reason";
    if status.peer_connections != with_peers {
        let detail = format!("{with_peers} connections with peers, by its own count {}", status.peer_connections);
        return Some((property, detail));
    }
    if status.modules != with_modules {
        let detail = format!("{with_modules} connections with modules, by its own count {}", status.modules);
        return Some((property, detail));
    }
    None
}
