//! Counters of everything that happened and of everything that was dropped. They only grow.

macro_rules! counters {
    ($($(#[doc = $help:literal])+ $name:ident,)+) => {
        /// How often each thing happened since the start.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Metrics {
            $($(#[doc = $help])+ pub $name: u64,)+
        }

        impl Metrics {
            /// Each counter's name, what it counts, and its value.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + use<> {
                [$((stringify!($name), concat!($($help),+).trim_ascii(), self.$name),)+].into_iter()
            }
        }
    };
}

counters! {
    /// Connections of modules accepted.
    api_accepted,
    /// Connections of modules turned away because the table was full.
    api_refused,
    /// Connections of peers accepted.
    p2p_accepted,
    /// Connections of peers turned away: banned, or too many from one IP.
    p2p_refused,
    /// Accepted connections without proof of work closed to make room for newer ones.
    unverified_crowded_out,
    /// Dials begun.
    dials,
    /// Dials that came to nothing.
    dials_failed,
    /// Handshakes completed, in either role.
    handshakes,
    /// Handshakes that a timeout ended.
    handshakes_timed_out,
    /// Proofs of work asked for from the solver.
    proofs_wanted,
    /// Proofs of work found.
    proofs_found,
    /// Proofs of work cancelled.
    proofs_cancelled,
    /// Proofs of work of others checked and found wrong.
    proofs_wrong,
    /// Neighbours that made room for newcomers.
    neighbours_evicted,
    /// Newcomers refused because the view was full.
    newcomers_refused,
    /// Newcomers closed because too many came in a minute.
    newcomers_over_rate,
    /// Connections closed because too much had come in part.
    partials_crowded_out,
    /// Newcomers told that the view is full before they did any work.
    newcomers_turned_away,
    /// Frames received from modules.
    api_frames_in,
    /// Frames sent to modules.
    api_frames_out,
    /// Frames received from peers.
    p2p_frames_in,
    /// Frames sent to peers.
    p2p_frames_out,
    /// Bytes received from modules.
    api_bytes_in,
    /// Bytes queued for modules.
    api_bytes_out,
    /// Bytes received from peers.
    p2p_bytes_in,
    /// Bytes queued for peers.
    p2p_bytes_out,
    /// Frames dropped: their type has no business on their port.
    frames_unknown,
    /// Frames dropped: they came before their connection was established.
    frames_early,
    /// Frames dropped: their body had the wrong length.
    frames_malformed,
    /// Frames dropped: more often than the protocol allows.
    frames_over_rate,
    /// Announcements of modules taken.
    announcements,
    /// Announcements dropped: too large for the network.
    announcements_too_large,
    /// Announcements slowed: parked until there is room.
    announcements_parked,
    /// Peer notifications received.
    peer_notifications,
    /// Messages dropped: no module here subscribes to their type.
    messages_unwanted,
    /// Copies of messages known already.
    messages_duplicate,
    /// Messages of peers dropped: the waiting table, or its sender's or type's share of it, was full.
    messages_crowded_out,
    /// Messages dropped: every module that would be told had a full queue.
    messages_untold,
    /// Notifications sent to modules.
    notifications,
    /// Notifications not sent: the module's queue was full.
    notifications_dropped,
    /// Validations that decided a message.
    validations,
    /// Validations ignored: nothing waited for them.
    validations_ignored,
    /// Messages found valid.
    messages_valid,
    /// Messages refused by a module.
    messages_refused,
    /// Messages dropped: no module answered in time.
    messages_timed_out,
    /// Messages dropped: every module that was asked went away, or only listens.
    messages_unanswerable,
    /// Messages spread because their announcer vouches for them.
    messages_vouched,
    /// Messages spread again: a copy came with a much greater ttl.
    messages_respread,
    /// Messages held for neighbours to come.
    messages_held,
    /// Held messages that left before their time because there were too many.
    messages_held_dropped,
    /// Remembered messages forgotten before their time because there were too many.
    seen_forgotten_early,
    /// Peer notifications queued for neighbours.
    spread,
    /// Peer notifications not queued: the neighbour's queue was full.
    spread_dropped,
    /// Peer notifications dropped from a queue: they had waited for too long.
    spread_stale,
    /// Messages offered to neighbours.
    digests_offered,
    /// Messages that neighbours offered.
    digests_taken,
    /// Offered messages asked for.
    messages_asked_for,
    /// Messages that came because they were asked for.
    messages_fetched,
    /// Messages sent because neighbours asked for them.
    messages_answered,
    /// Messages told to modules that subscribed later.
    messages_replayed,
    /// Messages offered to neighbours in place of a push.
    pushes_spared,
    /// Offered messages that were asked for and did not come in time.
    offers_unanswered,
    /// Neighbours told to send offers only, for each type.
    prunes_sent,
    /// Neighbours asked to push, for each type.
    grafts_sent,
    /// Neighbours that want offers only, for each type.
    prunes_taken,
    /// Neighbours that asked to be pushed to, for each type.
    grafts_taken,
    /// Prunes and grafts of types that nobody here subscribes to, or that there is no room to remember.
    tree_ignored,
    /// Subscriptions dropped: the table was full.
    subscriptions_refused,
    /// Modules disconnected because they did not read.
    modules_stalled,
    /// Modules that became listeners.
    modules_listening,
    /// PUSHes received.
    pushes,
    /// PUSHes sent or forwarded.
    pushes_sent,
    /// PUSHes not sent: their neighbour has had as many as it would take.
    pushes_withheld,
    /// PEER REQUESTs answered.
    peer_requests,
    /// Addresses that became candidates.
    candidates_added,
    /// Addresses dropped: unusable.
    addresses_unusable,
    /// Addresses dropped: not of their sender's scope.
    addresses_out_of_scope,
    /// Addresses dropped: the table, or their source's share of it, was full.
    addresses_crowded_out,
    /// Look-ups of bootstrappers begun.
    look_ups,
    /// Look-ups of others answered.
    look_ups_answered,
    /// Bare connects to check an address.
    probes,
    /// Faults of peers.
    faults,
    /// Peers refused for a while.
    bans,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_a_name_and_a_sentence() {
        let metrics = Metrics { bans: 7, ..Metrics::default() };
        assert!(metrics.iter().all(|(name, help, _)| !name.is_empty() && help.ends_with('.')));
        assert_eq!(metrics.iter().last(), Some(("bans", "Peers refused for a while.", 7)));
    }
}
