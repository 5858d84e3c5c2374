//! What was announced and who was told of it when.

use hdrhistogram::Histogram;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A message that has not reached everybody by then has not reached everybody.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the demo's messages begin with; their number follows.
const WORDS: &str = "demo message ";

/// Everything that is shown. Peers count from zero.
pub(super) struct Tally {
    pub(super) peers: Vec<Peer>,
    under_way: VecDeque<Message>,
    /// The last message that is over and done with.
    pub(super) last: Option<Message>,
    announced: u64,
    finished: u64,
    incomplete: u64,
    latency: Histogram<u64>,
}

/// One peer.
pub(super) struct Peer {
    pub(super) neighbours: usize,
    pub(super) told: u64,
    /// How long the message that it was told of last took.
    pub(super) latest: Option<Duration>,
    latency: Histogram<u64>,
    listens: bool,
}

/// A message and who was told of it.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) number: u64,
    pub(super) announced_at: usize,
    begin: Instant,
    /// For each peer, how long after the announcement.
    pub(super) told: Vec<Option<Duration>>,
}

impl Message {
    /// How many peers were told.
    pub(super) fn count(&self) -> usize {
        self.told.iter().flatten().count()
    }

    fn is_everywhere(&self) -> bool {
        self.told.iter().all(Option::is_some)
    }

    /// How long the slowest took.
    pub(super) fn slowest(&self) -> Option<Duration> {
        self.told.iter().flatten().copied().max()
    }
}

impl Peer {
    fn new() -> Self {
        Self { neighbours: 0, told: 0, latest: None, latency: histogram(), listens: false }
    }

    /// The latency that half of its messages did not exceed.
    pub(super) fn median(&self) -> Option<Duration> {
        at(&self.latency, 0.5)
    }

    /// The longest.
    pub(super) fn slowest(&self) -> Option<Duration> {
        at(&self.latency, 1.0)
    }
}

impl Tally {
    pub(super) fn new(peers: usize) -> Self {
        Self {
            peers: (0..peers).map(|_| Peer::new()).collect(),
            under_way: VecDeque::new(),
            last: None,
            announced: 0,
            finished: 0,
            incomplete: 0,
            latency: histogram(),
        }
    }

    /// Notes what a line of a daemon's log says of its neighbours.
    pub(super) fn logged(&mut self, peer: usize, line: &str) {
        let Some(peer) = self.peers.get_mut(peer) else { return };
        if let Some((_, what)) = line.split_once("[INFO] neighbour ") {
            if what.contains(" joined (") {
                peer.neighbours += 1;
            } else if what.contains(" left: ") {
                peer.neighbours = peer.neighbours.saturating_sub(1);
            }
        }
    }

    /// The module at this peer is known to be subscribed.
    pub(super) fn listens(&mut self, peer: usize) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.listens = true;
        }
    }

    /// Everybody listens and has somebody to hear from.
    pub(super) fn has_formed(&self) -> bool {
        self.peers.iter().all(|peer| peer.listens && peer.neighbours > 0)
    }

    /// Peers that keep the network from having formed.
    pub(super) fn lonely(&self) -> impl Iterator<Item = usize> {
        self.peers.iter().enumerate().filter(|(_, peer)| peer.neighbours == 0).map(|(number, _)| number)
    }

    /// The next message: at which peer, and its data.
    pub(super) fn announce(&mut self, now: Instant) -> (usize, Vec<u8>) {
        let in_turn = self.announced % self.peers.len() as u64;
        let announced_at = usize::try_from(in_turn).expect("below the number of peers");
        self.announced += 1;
        let number = self.announced;
        self.under_way.push_back(Message { number, announced_at, begin: now, told: vec![None; self.peers.len()] });
        (announced_at, format!("{WORDS}{number}").into_bytes())
    }

    /// A peer's module was told of something. If that was a message's last peer, the message.
    pub(super) fn told(&mut self, peer: usize, data: &[u8], at: Instant) -> Option<Message> {
        let number: u64 = str::from_utf8(data).ok()?.strip_prefix(WORDS)?.parse().ok()?;
        let place = self.under_way.iter().position(|message| message.number == number)?;
        let message = self.under_way.get_mut(place)?;
        let took = at.saturating_duration_since(message.begin);
        let told = message.told.get_mut(peer)?;
        if told.is_none() {
            *told = Some(took);
            let one = self.peers.get_mut(peer)?;
            one.told += 1;
            one.latest = Some(took);
            record(&mut one.latency, took);
            record(&mut self.latency, took);
        }
        if message.is_everywhere() { self.under_way.remove(place).map(|message| self.finish(message)) } else { None }
    }

    /// Messages that are waited for no more.
    pub(super) fn give_up(&mut self, now: Instant) -> Vec<Message> {
        let mut given_up = Vec::new();
        while self.under_way.front().is_some_and(|message| now.saturating_duration_since(message.begin) >= PATIENCE) {
            given_up.extend(self.under_way.pop_front().map(|message| self.finish(message)));
        }
        given_up
    }

    fn finish(&mut self, message: Message) -> Message {
        self.finished += 1;
        self.incomplete += u64::from(!message.is_everywhere());
        self.last = Some(message.clone());
        message
    }

    /// Messages announced so far.
    pub(super) fn announced(&self) -> u64 {
        self.announced
    }

    /// Messages that reached everybody, or were given up.
    pub(super) fn finished(&self) -> u64 {
        self.finished
    }

    /// Messages that reached everybody.
    pub(super) fn reached_all(&self) -> u64 {
        self.finished - self.incomplete
    }

    /// Nothing that was given time to reach everybody did not.
    pub(super) fn is_complete(&self) -> bool {
        self.incomplete == 0
    }

    /// The latency that half of all messages did not exceed, and the longest.
    pub(super) fn latency(&self) -> Option<(Duration, Duration)> {
        Some((at(&self.latency, 0.5)?, at(&self.latency, 1.0)?))
    }
}

/// Of microseconds, to whatever it takes.
fn histogram() -> Histogram<u64> {
    let mut histogram = Histogram::new(3).expect("three digits are a valid precision");
    histogram.auto(true);
    histogram
}

fn record(histogram: &mut Histogram<u64>, took: Duration) {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    histogram.record(micros).expect("it grows as needed");
}

fn at(histogram: &Histogram<u64>, share: f64) -> Option<Duration> {
    (!histogram.is_empty()).then(|| Duration::from_micros(histogram.value_at_quantile(share)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn announcers_take_turns_and_a_message_is_over_once_all_were_told() {
        let mut tally = Tally::new(2);
        let begin = Instant::now();
        let (first, second) = (tally.announce(begin), tally.announce(begin));
        assert_eq!((first.0, second.0), (0, 1));
        assert!(tally.told(0, &first.1, begin + MS).is_none());
        assert!(tally.told(0, &first.1, begin + 2 * MS).is_none(), "twice is once");
        assert!(tally.told(1, b"somebody else's", begin + MS).is_none());
        let message = tally.told(1, &first.1, begin + 3 * MS).unwrap();
        assert_eq!((message.number, message.told), (1, vec![Some(MS), Some(3 * MS)]));
        assert_eq!((tally.finished(), tally.peers[0].told, tally.is_complete()), (1, 1, true));
    }

    #[test]
    fn a_latency_of_a_second_is_told_as_one() {
        let mut tally = Tally::new(1);
        let begin = Instant::now();
        for millis in [1, 1_000, 2_000] {
            let (_, data) = tally.announce(begin);
            tally.told(0, &data, begin + millis * MS);
        }
        let (median, slowest) = tally.latency().unwrap();
        let near = |found: Duration, millis: u32| found.abs_diff(millis * MS) < millis * MS / 100;
        assert!(near(median, 1_000) && near(slowest, 2_000), "{median:?}, {slowest:?}");
    }

    #[test]
    fn a_message_that_is_not_everywhere_in_time_is_given_up_and_remembered_as_such() {
        let mut tally = Tally::new(2);
        let begin = Instant::now();
        let (_, data) = tally.announce(begin);
        tally.told(0, &data, begin + MS);
        assert!(tally.give_up(begin + PATIENCE - MS).is_empty());
        let given_up = tally.give_up(begin + PATIENCE);
        assert_eq!((given_up.len(), given_up[0].count()), (1, 1));
        assert_eq!((tally.finished(), tally.reached_all(), tally.is_complete()), (1, 0, false));
        assert!(tally.told(1, &data, begin + PATIENCE).is_none(), "too late");
    }

    #[test]
    fn a_network_has_formed_once_all_listen_and_all_have_neighbours() {
        let mut tally = Tally::new(2);
        let joined = "2026-01-01T00:00:00Z [INFO] neighbour 127.0.0.1:1 joined (out#0)";
        (0..2).for_each(|peer| tally.logged(peer, joined));
        tally.listens(0);
        assert!(!tally.has_formed());
        tally.listens(1);
        assert!(tally.has_formed());
        tally.logged(1, "2026-01-01T00:00:00Z [INFO] neighbour 127.0.0.1:1 left: connection gone");
        assert!(!tally.has_formed());
        assert_eq!(tally.lonely().collect::<Vec<_>>(), [1]);
    }
}
