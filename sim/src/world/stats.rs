//! What happened, counted.

use crate::report::Message;
use crate::scenario::Measured;
use gossip_core::Metrics;
use gossip_core::wire::kind;
use hdrhistogram::Histogram;

/// Frame types are counted from here on.
const FIRST_KIND: u16 = 500;
const KINDS: usize = 32;

/// Counts of a whole network.
#[derive(Clone, Debug)]
pub struct Stats {
    /// What peers' states were given: deliveries of bytes, timers, connection changes, proofs of work, and writes.
    pub events: u64,
    /// Of those, how often one was told that bytes which it sent have left its queue.
    pub writes: u64,
    /// Processes started.
    pub starts: u64,
    /// Connections asked for.
    pub dials: u64,
    /// Frames that peers sent to peers.
    pub peer_frames: u64,
    /// Their bytes.
    pub peer_bytes: u64,
    /// Announcements made.
    pub announcements: u64,
    /// When the last of them was made, microseconds.
    pub last_announcement: u64,
    /// When a peer last sent a message to another, microseconds.
    pub last_message: u64,
    /// Announcements that nobody could make: no module of that type had a peer with neighbours.
    pub unannounced: u64,
    /// Announcements that count: without limit, valid, of a peer that lived on, old enough.
    pub judged: u64,
    /// Of messages without limit, valid and old enough, whatever became of who announced them: modules that subscribe to
    /// them, whether they were there or not.
    pub subscribed: u64,
    /// Deliveries that there should have been of those that count, to modules that were there.
    pub expected: u64,
    /// Those of them that there were not.
    pub missed: u64,
    /// Deliveries that there should have been within ten seconds, at peers that were neighbours of somebody all that time.
    pub prompt_expected: u64,
    /// Those of them that there were not.
    pub prompt_missed: u64,
    /// Deliveries of what was said during a partition that there should have been three seconds after the first link
    /// across.
    pub healed_expected: u64,
    /// Those of them that there were not.
    pub healed_missed: u64,
    /// Partitions that began.
    pub partitions: u64,
    /// Those of them after which that was counted.
    pub partitions_healed: u64,
    /// When the first link across came, after the partition's end, microseconds.
    pub healed_after: Option<u64>,
    /// Times that a module was told of a message for the first time.
    pub deliveries: u64,
    /// Copies of messages that peers received.
    pub copies: u64,
    /// First copies of messages that peers received.
    pub receivers: u64,
    /// First copies by their hops.
    pub hops: [u64; 256],
    /// How judged messages spread: of all, or of each second, each fourth and so on where there are too many.
    pub kept: Vec<Message>,
    /// So many are kept at most.
    pub(super) keep: usize,
    /// One of so many.
    kept_every: u64,
    /// Messages between peers that were lost, as the scenario has it.
    pub lost: u64,
    /// Times that a peer found fault with another.
    pub faults: u64,
    /// The last of these.
    pub last_fault: Option<String>,
    /// From announcement to a module's being told, microseconds.
    pub latency: Histogram<u64>,
    /// When a neighbour came or went, a proof of work was wanted, asked for or sent, or somebody was dialed but for a
    /// look-up, last, microseconds.
    pub last_change: u64,
    /// Connects of each peer to somebody who has no part in this.
    pub victim_connects: Vec<u32>,
    /// Neighbourhoods among honest peers that ended, counted at each end.
    pub honest_lost: u64,
    /// Adversaries' addresses banned.
    pub bans: u64,
    /// Connections that adversaries asked for.
    pub attacks: u64,
    /// Messages that processes dropped, until they ended, because a table or queue was full.
    pub dropped_by_ended: u64,
    /// Peers, links or modules that each step of the timeline hit so far.
    hits: Vec<u64>,
    kinds: [(u64, u64); KINDS],
    views: Vec<(u32, Option<u64>)>,
}

impl Stats {
    pub(super) fn new(peers: usize) -> Self {
        Self {
            events: 0,
            writes: 0,
            starts: 0,
            dials: 0,
            peer_frames: 0,
            peer_bytes: 0,
            announcements: 0,
            last_announcement: 0,
            last_message: 0,
            unannounced: 0,
            judged: 0,
            subscribed: 0,
            expected: 0,
            missed: 0,
            prompt_expected: 0,
            prompt_missed: 0,
            healed_expected: 0,
            healed_missed: 0,
            partitions: 0,
            partitions_healed: 0,
            healed_after: None,
            deliveries: 0,
            copies: 0,
            receivers: 0,
            hops: [0; 256],
            kept: Vec::new(),
            keep: 0,
            kept_every: 1,
            lost: 0,
            faults: 0,
            last_fault: None,
            latency: Histogram::new(3).expect("three digits are possible"),
            last_change: 0,
            victim_connects: vec![0; peers],
            honest_lost: 0,
            bans: 0,
            attacks: 0,
            dropped_by_ended: 0,
            hits: Vec::new(),
            kinds: [(0, 0); KINDS],
            views: vec![(0, None); peers],
        }
    }

    /// Is it kept how the message spread that was judged last?
    pub(super) fn keeps_last(&self) -> bool {
        self.keep > 0 && (self.judged - 1).is_multiple_of(self.kept_every)
    }

    /// Keeps it. If there are too many, each second one goes, so that they are spread evenly over the run.
    pub(super) fn keep_last(&mut self, message: Message) {
        self.kept.push(message);
        if self.kept.len() > self.keep {
            let mut is_left = false;
            self.kept.retain(|_| {
                is_left = !is_left;
                is_left
            });
            self.kept_every *= 2;
        }
    }

    pub(super) fn sent(&mut self, of_kind: u16, len: usize, now: u64) {
        self.peer_frames += 1;
        self.peer_bytes += len as u64;
        match of_kind {
            kind::PEER_NOTIFICATION => self.last_message = now,
            kind::VERIFICATION_REQUEST | kind::VERIFICATION_RESPONSE => self.last_change = now,
            _ => {}
        }
        if let Some((frames, bytes)) = self.kinds.get_mut(usize::from(of_kind.wrapping_sub(FIRST_KIND))) {
            *frames += 1;
            *bytes += len as u64;
        }
    }

    pub(super) fn hit(&mut self, step: usize, count: u64) {
        if self.hits.len() <= step {
            self.hits.resize(step + 1, 0);
        }
        self.hits[step] += count;
    }

    /// Peers, links or modules that a step of the timeline hit so far; `None` before its time.
    pub fn hits(&self, step: usize) -> Option<u64> {
        self.hits.get(step).copied()
    }

    /// Frame types that peers sent to each other, how many of each and their bytes.
    pub fn kinds(&self) -> impl Iterator<Item = (u16, u64, u64)> {
        (FIRST_KIND..).zip(self.kinds).filter(|(_, (frames, _))| *frames > 0).map(|(kind, (n, bytes))| (kind, n, bytes))
    }

    /// Handshakes whose work was done: VERIFICATION RESPONSEs sent.
    pub fn handshakes(&self) -> u64 {
        self.kinds[usize::from(kind::VERIFICATION_RESPONSE - FIRST_KIND)].0
    }

    /// Frames among peers that serve finding each other: all but messages, repair, PING and PONG.
    pub fn handshake_frames(&self) -> u64 {
        let repair = [kind::IHAVE, kind::IWANT, kind::TREE, kind::INTEREST];
        let other = [&[kind::PEER_NOTIFICATION, kind::PING, kind::PONG][..], &repair].concat();
        self.kinds().filter(|(kind, ..)| !other.contains(kind)).map(|(_, frames, _)| frames).sum()
    }

    /// A module was told of a message for the first time, so long after its announcement. How long that took says
    /// something only of one that was there all the time.
    pub(super) fn heard(&mut self, latency: u64, was_there: bool) {
        self.deliveries += 1;
        if was_there {
            self.latency.record(latency).expect("the histogram grows as it must");
        }
    }

    /// Counts a neighbour and gives how many there are.
    pub(super) fn neighbour_up(&mut self, peer: u32, now: u64) -> u32 {
        self.last_change = now;
        let (view, since) = &mut self.views[peer as usize];
        *view += 1;
        since.get_or_insert(now);
        *view
    }

    pub(super) fn neighbour_down(&mut self, peer: u32, now: u64) {
        self.last_change = now;
        let (view, since) = &mut self.views[peer as usize];
        *view = view.saturating_sub(1);
        if *view == 0 {
            *since = None;
        }
    }

    pub(super) fn left(&mut self, peer: u32, now: u64) {
        self.last_change = now;
        self.views[peer as usize] = (0, None);
    }

    /// Since when this peer has had neighbours without a break.
    pub fn established_since(&self, peer: u32) -> Option<u64> {
        self.views[peer as usize].1
    }

    /// How many neighbours this peer has.
    pub fn view(&self, peer: u32) -> u32 {
        self.views[peer as usize].0
    }

    /// The most hops of a first copy.
    pub fn last_hop(&self) -> u8 {
        self.hops.iter().rposition(|&copies| copies > 0).and_then(|hop| u8::try_from(hop).ok()).unwrap_or(0)
    }

    /// Deliveries that there were of those that there should have been, ppm; `None` if there should have been none.
    pub fn delivery(&self) -> Option<Measured> {
        share(self.expected, self.missed)
    }

    /// The same of those within ten seconds.
    pub fn prompt(&self) -> Option<Measured> {
        share(self.prompt_expected, self.prompt_missed)
    }

    /// The same of those after partitions; `None` also if one of these never healed.
    pub fn healed(&self) -> Option<Measured> {
        let all_healed = self.partitions_healed == self.partitions;
        share(self.healed_expected, self.healed_missed).filter(|_| all_healed)
    }

    /// What of all that there were subscribers for counts, ppm.
    pub fn counted(&self) -> Option<Measured> {
        Measured::ratio(self.expected, self.subscribed, 1_000_000)
    }

    /// Copies received for each first one, minus one, thousandths.
    pub fn redundancy(&self) -> Option<Measured> {
        Measured::ratio(self.copies - self.receivers, self.receivers, 1_000)
    }

    /// Frames of joining and finding for each handshake, thousandths.
    pub fn frames_per_handshake(&self) -> Option<Measured> {
        Measured::ratio(self.handshake_frames(), self.handshakes(), 1_000)
    }

    /// Handshakes for each start of a peer, thousandths.
    pub fn handshakes_per_join(&self) -> Option<Measured> {
        Measured::ratio(self.handshakes(), self.starts, 1_000)
    }

    /// The same as [`redundancy`](Self::redundancy), rounded down; nothing of nothing.
    pub fn redundancy_milli(&self) -> u64 {
        self.redundancy().map_or(0, Measured::floor)
    }
}

/// Messages that a peer dropped because a table or queue was full. What was only held for neighbours to come, and left
/// before its time, is none of them: everybody who was there has it.
pub(super) fn dropped(metrics: &Metrics) -> u64 {
    let Metrics { messages_crowded_out, messages_untold, spread_dropped, spread_stale, .. } = metrics;
    messages_crowded_out + messages_untold + spread_dropped + spread_stale
}

fn share(expected: u64, missed: u64) -> Option<Measured> {
    Measured::ratio(expected - missed, expected, 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_computed_by_hand() {
        let mut stats = Stats::new(2);
        assert_eq!((stats.delivery(), stats.redundancy_milli()), (None, 0));
        (stats.expected, stats.missed) = (2_000, 3);
        (stats.copies, stats.receivers) = (700, 200);
        assert_eq!((stats.delivery().map(Measured::floor), stats.redundancy_milli()), (Some(998_500), 2_500));
    }

    #[test]
    fn what_was_said_during_partitions_counts_once_all_of_them_have_healed() {
        let mut stats = Stats::new(2);
        assert_eq!(stats.healed(), None);
        (stats.partitions, stats.partitions_healed) = (2, 1);
        (stats.healed_expected, stats.healed_missed) = (10, 1);
        assert_eq!(stats.healed(), None);
        stats.partitions_healed = 2;
        assert_eq!(stats.healed().map(Measured::floor), Some(900_000));
    }

    #[test]
    fn messages_that_are_kept_are_spread_evenly_over_all() {
        let kept = |keep, messages: u64| {
            let mut stats = Stats::new(1);
            stats.keep = keep;
            for at in 0..messages {
                stats.judged += 1;
                if stats.keeps_last() {
                    stats.keep_last(Message::new(at, 0, Vec::new()));
                }
            }
            stats.kept.iter().map(|message| message.at).collect::<Vec<_>>()
        };
        assert_eq!(kept(4, 4), [0, 1, 2, 3]);
        assert_eq!(kept(4, 5), [0, 2, 4]);
        assert_eq!(kept(4, 7), [0, 2, 4, 6]);
        assert_eq!(kept(4, 8), [0, 2, 4, 6]);
        assert_eq!(kept(4, 9), [0, 4, 8]);
        assert_eq!(kept(0, 9), [0; 0]);
        let many = kept(500, 1_170);
        assert!(many.len() > 250 && many.iter().zip(&many[1..]).all(|(a, b)| b - a == 4), "{many:?}");
    }

    #[test]
    fn latency_percentiles_are_those_of_the_rows() {
        let mut stats = Stats::new(1);
        (1..=1_000).for_each(|latency| stats.heard(latency * 100, true));
        let of = |quantile| stats.latency.value_at_quantile(quantile);
        assert!(of(0.5).abs_diff(50_000) <= 50, "{}", of(0.5));
        assert!(of(0.99).abs_diff(99_000) <= 99, "{}", of(0.99));
        assert!(stats.latency.max().abs_diff(100_000) <= 100);
        assert_eq!(stats.deliveries, 1_000);
    }

    #[test]
    fn what_full_tables_cost_is_added_up() {
        let metrics = Metrics {
            messages_crowded_out: 1,
            messages_untold: 10,
            spread_dropped: 100,
            spread_stale: 1_000,
            messages_held_dropped: 5,
            messages_refused: 5,
            ..Metrics::default()
        };
        assert_eq!(dropped(&metrics), 1_111);
    }

    #[test]
    fn a_peer_is_established_from_its_first_neighbour_to_its_last() {
        let mut stats = Stats::new(1);
        assert_eq!(stats.established_since(0), None);
        assert_eq!(stats.neighbour_up(0, 5), 1);
        assert_eq!(stats.neighbour_up(0, 7), 2);
        stats.neighbour_down(0, 8);
        assert_eq!((stats.established_since(0), stats.view(0)), (Some(5), 1));
        stats.neighbour_down(0, 9);
        assert_eq!((stats.established_since(0), stats.last_change), (None, 9));
    }
}
