//! How far a message goes and to whom (rules 4 and 5).

use super::NeighbourId;
use crate::limits::{RESPREAD_TTL_MAX, UNLIMITED_TTL};
use crate::rng::Rng;

/// How many hops an announcement may go from here: its ttl, and with 0 one more than what goes out without limit.
pub(super) fn announced_hops(ttl: u8) -> u16 {
    match ttl {
        0 => u16::from(UNLIMITED_TTL).saturating_add(1),
        _ => u16::from(ttl),
    }
}

/// With which ttl a message goes out that may go so many hops; none if it goes no further.
pub(super) fn outgoing_ttl(hops: u16) -> Option<u8> {
    hops.checked_sub(u16::from(!planted!(TtlNotLowered))).map(|ttl| u8::try_from(ttl).unwrap_or(UNLIMITED_TTL))
}

/// The hops as the memory keeps them, to compare later copies with: at most 32.
pub(super) fn remembered_ttl(hops: u16) -> u8 {
    u8::try_from(hops).unwrap_or(u8::MAX).min(RESPREAD_TTL_MAX)
}

/// Is a later copy of a valid message with this ttl worth spreading again? `greatest` is what it was spread with.
pub(super) fn is_much_greater(ttl: u8, greatest: u8) -> bool {
    let ttl = ttl.min(RESPREAD_TTL_MAX);
    ttl >= 1 && ttl >= greatest.saturating_mul(2)
}

/// Fills `targets` with at most `degree` neighbours for which `is_excluded` says no, each set of them equally likely.
pub(super) fn choose_targets(
    rng: &mut Rng,
    neighbours: &[NeighbourId],
    degree: u32,
    targets: &mut Vec<NeighbourId>,
    is_excluded: impl Fn(NeighbourId) -> bool,
) {
    targets.clear();
    targets.extend_from_slice(neighbours);
    targets.retain(|neighbour| !is_excluded(*neighbour));
    thin_out(rng, targets, degree);
}

/// The same for few that are excluded, which most often is one: the rest is copied as it is.
pub(super) fn choose_others(
    rng: &mut Rng,
    neighbours: &[NeighbourId],
    degree: u32,
    targets: &mut Vec<NeighbourId>,
    excluded: &[NeighbourId],
) {
    targets.clear();
    targets.extend_from_slice(neighbours);
    for one in excluded {
        if let Some(at) = targets.iter().position(|target| target == one) {
            targets.remove(at);
        }
    }
    thin_out(rng, targets, degree);
}

fn thin_out(rng: &mut Rng, targets: &mut Vec<NeighbourId>, degree: u32) {
    if targets.len() > degree as usize {
        rng.choose(targets, degree as usize);
    }
}
