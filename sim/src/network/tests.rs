use super::*;
use gossip_core::wire::ApiMessage;

/// Two or three hosts, one link, and what came out at its ends.
struct Bench {
    network: Network,
    queue: Queue<Wake>,
    now: u64,
    near: EndId,
    /// What came out at the acceptor's end, and when each piece did.
    far_bytes: Vec<u8>,
    reads: Vec<(u64, usize)>,
    near_bytes: Vec<u8>,
    marks: Vec<(u64, EndId, Arrival)>,
    dials: Vec<(u64, DialState)>,
    written: u64,
    /// Reads at the acceptor's end that ended within a frame.
    torn: usize,
}

fn plain() -> Config {
    Config {
        latency: Latency::Fixed(10_000),
        jitter: 0,
        bandwidth: None,
        cut_ppm: 0,
        loss_ppm: 0,
        send_buffer: 256 << 10,
        lost_ppm: 0,
    }
}

impl Bench {
    fn new(config: Config, seed: u64) -> Self {
        let mut network = Network::new(config, seed, vec![0; 3]);
        let mut queue = Queue::default();
        let near = network.dial(0, Owner::Peer(0), ConnectionId::dialed(1), Owner::Peer(1), &mut queue);
        Self {
            network,
            queue,
            now: 0,
            near,
            far_bytes: Vec::new(),
            reads: Vec::new(),
            near_bytes: Vec::new(),
            marks: Vec::new(),
            dials: Vec::new(),
            written: 0,
            torn: 0,
        }
    }

    fn connected(config: Config, seed: u64) -> Self {
        let mut bench = Self::new(config, seed);
        bench.run(1_000_000);
        assert_eq!(bench.marks.len(), 1, "{:?}", bench.marks);
        assert_eq!(bench.marks[0].2, Arrival::Opened);
        bench
    }

    fn far(&self) -> EndId {
        self.near.other()
    }

    fn send(&mut self, end: EndId, len: usize, fill: u8) -> Vec<u8> {
        let data = vec![fill; len];
        let frame = ApiMessage::Announce { ttl: fill, data_type: u16::from(fill), data: &data }.frame();
        let bytes = frame.to_vec();
        self.network.send(self.now, end, frame, &mut self.queue);
        self.note_written();
        bytes
    }

    fn note_written(&mut self) {
        while let Some((end, bytes)) = self.network.take_written() {
            assert_eq!(end, self.near);
            self.written += bytes;
        }
    }

    fn run(&mut self, micros: u64) {
        let until = self.now + micros;
        while let Some((now, wake)) = self.queue.pop_until(until) {
            self.now = now;
            match wake {
                Wake::Dialed(end) => {
                    let state = self.network.dial_state(now, end, &mut self.queue);
                    self.dials.push((now, state));
                    if let DialState::Reached(_) = state {
                        self.network.establish(now, end, &mut self.queue);
                    }
                }
                Wake::Linger(end) => self.network.linger_over(now, end, &mut self.queue),
                Wake::Arrive(end) => self.arrive(end),
                other => panic!("{other:?}"),
            }
        }
        self.now = until;
    }

    fn arrive(&mut self, end: EndId) {
        self.network.woken(end);
        while let Some(arrival) = self.network.arrive(self.now, end, &mut self.queue) {
            match arrival {
                Arrival::Bytes if end == self.near => {
                    self.far_bytes.extend_from_slice(self.network.bytes());
                    let whole = self.network.completed().last().map(|frame| frame.to_vec()).unwrap_or_default();
                    self.torn += usize::from(whole.is_empty() || !self.far_bytes.ends_with(&whole));
                    self.reads.push((self.now, self.network.bytes().len()));
                }
                Arrival::Bytes => self.near_bytes.extend_from_slice(self.network.bytes()),
                mark => self.marks.push((self.now, end, mark)),
            }
        }
        self.note_written();
    }
}

#[test]
fn order_is_kept_and_nothing_lost_whatever_the_latency_jitter_loss_and_cutting() {
    for seed in 0..30 {
        let config = Config {
            latency: Latency::Normal(40_000, 10_000),
            jitter: 30_000,
            bandwidth: Some(2_000_000),
            cut_ppm: 500_000,
            loss_ppm: 50_000,
            send_buffer: 20_000,
            lost_ppm: 0,
        };
        let mut bench = Bench::connected(config, seed);
        let mut sent = Vec::new();
        for n in 0..200u8 {
            sent.extend(bench.send(bench.near, usize::from(n) * 13 % 700, n));
            bench.run(u64::from(n) * 977 % 30_000);
        }
        bench.run(60_000_000);
        assert!(bench.far_bytes == sent, "seed {seed}: {} of {} bytes", bench.far_bytes.len(), sent.len());
        assert_eq!(bench.written, sent.len() as u64, "seed {seed}");
        assert!(bench.torn > 30, "seed {seed}: only {} reads ended within a frame", bench.torn);
    }
}

#[test]
fn latency_is_as_configured() {
    let mut bench = Bench::connected(plain(), 1);
    // SYN, SYN ACK, ACK: three times the way.
    assert_eq!(bench.marks[0].0, 30_000);
    let start = bench.now;
    let sent = bench.send(bench.near, 10, 1).len();
    bench.run(1_000_000);
    assert_eq!(bench.reads, [(start + 10_000, sent)]);
}

#[test]
fn bandwidth_is_respected_within_one_percent() {
    for (bandwidth, len) in [(1_000_000, 1_000), (1_000_000, 1), (125_000_000, 20), (10_000_000, 60_000)] {
        let config = Config { bandwidth: Some(bandwidth), send_buffer: 1 << 30, ..plain() };
        let mut bench = Bench::connected(config, 1);
        let start = bench.now;
        let mut total = 0;
        while total < 2_000_000 {
            total += bench.send(bench.near, len, 7).len();
        }
        bench.run(10_000_000);
        assert_eq!(bench.far_bytes.len(), total);
        let took = bench.reads.last().unwrap().0 - start - 10_000;
        let should = total as u64 * 1_000_000 / bandwidth;
        assert!(took.abs_diff(should) * 100 <= should, "{total} bytes at {bandwidth} B/s: {took} us, not {should}");
    }
}

#[test]
fn a_reader_that_stops_holds_the_writer_up_within_the_buffer() {
    let mut bench = Bench::connected(Config { send_buffer: 5_000, ..plain() }, 1);
    let far = bench.far();
    bench.network.set_reading(bench.now, far, false, &mut bench.queue);
    let sent: Vec<u8> = (0..100).flat_map(|n| bench.send(bench.near, 200, n)).collect();
    bench.run(10_000_000);
    assert!(bench.far_bytes.is_empty());
    assert!((4_700..=5_000).contains(&bench.written), "{}", bench.written);
    bench.network.set_reading(bench.now, far, true, &mut bench.queue);
    bench.run(10_000_000);
    assert!(bench.far_bytes == sent);
    assert_eq!(bench.written, sent.len() as u64);
}

#[test]
fn closing_in_good_order_delivers_everything_and_then_the_end_and_leaves_nothing() {
    let mut bench = Bench::connected(Config { send_buffer: 1_000, ..plain() }, 1);
    let sent: Vec<u8> = (0..20).flat_map(|n| bench.send(bench.near, 300, n)).collect();
    bench.network.close(bench.now, bench.near, Flush::First, &mut bench.queue);
    bench.run(1_000_000);
    assert!(bench.far_bytes == sent);
    assert_eq!(bench.marks[1].2, Arrival::Fin);
    // The half that is open still takes bytes, which nobody reads.
    let far = bench.far();
    bench.network.send(bench.now, far, ApiMessage::Notify { data_type: 1 }.frame(), &mut bench.queue);
    while bench.network.take_written().is_some() {}
    bench.network.close(bench.now, far, Flush::First, &mut bench.queue);
    bench.run(20_000_000);
    assert!(bench.near_bytes.is_empty());
    assert_eq!((bench.marks.len(), bench.network.links(), bench.queue.len()), (2, 0, 0));
}

#[test]
fn bytes_for_an_end_that_nobody_holds_are_answered_with_a_reset() {
    let mut bench = Bench::connected(plain(), 1);
    let far = bench.far();
    bench.network.kill(bench.now, far, &mut bench.queue);
    bench.run(1_000_000);
    assert_eq!(bench.marks[1].2, Arrival::Fin);
    bench.send(bench.near, 10, 1);
    bench.run(1_000_000);
    assert_eq!(bench.marks[2].1.other(), bench.near);
    assert_eq!(bench.marks[2].2, Arrival::Reset);
    assert_eq!((bench.network.links(), bench.queue.len()), (0, 0));
}

#[test]
fn discarding_resets_the_other_end_after_what_was_under_way() {
    let mut bench = Bench::connected(plain(), 1);
    let sent = bench.send(bench.near, 10, 1);
    bench.network.close(bench.now, bench.near, Flush::Discard, &mut bench.queue);
    bench.run(1_000_000);
    assert!(bench.far_bytes == sent);
    assert_eq!(bench.marks[1].2, Arrival::Reset);
    assert_eq!((bench.network.links(), bench.queue.len()), (0, 0));
}

#[test]
fn a_broken_link_tells_both_ends() {
    let mut bench = Bench::connected(plain(), 1);
    bench.network.break_link(bench.now, bench.near, &mut bench.queue);
    bench.run(5_000);
    // Breaking what is broken changes nothing: the resets under way still arrive.
    bench.network.break_link(bench.now, bench.near, &mut bench.queue);
    bench.run(1_000_000);
    let resets: Vec<_> = bench.marks[1..].iter().map(|&(_, end, mark)| (end, mark)).collect();
    assert_eq!(resets, [(bench.near, Arrival::Reset), (bench.far(), Arrival::Reset)]);
    assert_eq!((bench.network.links(), bench.queue.len()), (0, 0));
}

#[test]
fn a_silent_link_delivers_nothing_and_tells_nobody_and_is_forgotten_when_both_gave_up() {
    let mut bench = Bench::connected(plain(), 1);
    bench.network.silence(bench.near);
    bench.send(bench.near, 10, 1);
    bench.run(100_000_000);
    assert_eq!((bench.marks.len(), bench.far_bytes.len()), (1, 0));
    let far = bench.far();
    bench.network.close(bench.now, far, Flush::First, &mut bench.queue);
    bench.run(10_000_000);
    assert_eq!(bench.marks.len(), 1);
    bench.network.close(bench.now, bench.near, Flush::First, &mut bench.queue);
    bench.run(10_000_000);
    assert_eq!((bench.network.links(), bench.queue.len()), (0, 0));
}

#[test]
fn a_cut_delays_and_loses_nothing() {
    let mut bench = Bench::connected(plain(), 1);
    let cut = bench.network.reach().cut(vec![true, false], vec![false, true]);
    let sent: Vec<u8> = (0..20).flat_map(|n| bench.send(bench.near, 300, n)).collect();
    bench.run(5_000_000);
    assert!(bench.far_bytes.is_empty());
    bench.network.reach().heal(cut);
    bench.network.retransmit(bench.now, &mut bench.queue);
    bench.run(5_000_000);
    assert!(bench.far_bytes == sent);
}

#[test]
fn with_the_way_back_cut_bytes_arrive_until_the_buffer_is_full_of_the_unacknowledged() {
    let mut bench = Bench::connected(Config { send_buffer: 5_000, ..plain() }, 1);
    let cut = bench.network.reach().cut(vec![false, true], vec![true, false]);
    let sent: Vec<u8> = (0..100).flat_map(|n| bench.send(bench.near, 200, n)).collect();
    bench.run(5_000_000);
    assert!((4_700..=5_000).contains(&bench.far_bytes.len()), "{}", bench.far_bytes.len());
    bench.network.reach().heal(cut);
    bench.network.retransmit(bench.now, &mut bench.queue);
    bench.note_written();
    bench.run(10_000_000);
    assert!(bench.far_bytes == sent);
    assert_eq!(bench.written, sent.len() as u64);
}

#[test]
fn a_dial_through_a_cut_is_tried_again_and_gives_up_after_two_minutes() {
    let mut bench = Bench::new(plain(), 1);
    let cut = bench.network.reach().cut(vec![true, false], vec![false, true]);
    bench.run(2_500_000);
    bench.network.reach().heal(cut);
    bench.run(10_000_000);
    assert_eq!(bench.dials.last(), Some(&(3_020_000, DialState::Reached(Owner::Peer(1)))));

    let mut bench = Bench::new(plain(), 1);
    bench.network.reach().cut(vec![true, false], vec![false, true]);
    bench.run(200_000_000);
    let (at, last) = *bench.dials.last().unwrap();
    assert_eq!(last, DialState::Unreachable);
    assert!((60_000_000..130_000_000).contains(&at), "{at}");
    assert_eq!((bench.network.links(), bench.queue.len()), (0, 0));
}

#[test]
fn an_abandoned_dial_leaves_nothing() {
    let mut bench = Bench::new(plain(), 1);
    bench.network.close(0, bench.near, Flush::Discard, &mut bench.queue);
    bench.run(1_000_000);
    assert_eq!(bench.dials, [(20_000, DialState::Abandoned)]);
    assert_eq!((bench.network.links(), bench.queue.len(), bench.marks.len()), (0, 0, 0));
}

#[test]
fn ends_stay_small() {
    assert!(size_of::<End>() <= 72, "{}", size_of::<End>());
    assert!(size_of::<pool::Item>() <= 72, "{}", size_of::<pool::Item>());
}
