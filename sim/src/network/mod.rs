//! Links as TCP shows itself: ordered streams of bytes, cut anywhere, late, back-pressured, reset or silent. Nothing is
//! lost on a link that lives: loss shows as delay.
//!
//! The network knows nothing of gossip and reads no clock: times come in as microseconds, what happens next goes to the
//! [`Queue`]. Only links that live are in memory. Acknowledgements take no time, but don't get through a cut.

mod latency;
mod link;
mod pool;
mod reach;
#[cfg(test)]
mod tests;

pub use latency::Latency;
pub use link::EndId;
pub use reach::{CutId, Reach};

use crate::queue::Queue;
use crate::rng::{Rng, Stream};
use crate::wake::Wake;
use gossip_core::wire::Frame;
use gossip_core::{ConnectionId, Flush};
use link::{End, State};
use pool::{Content, Pool};

/// Who holds an end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A peer, which is a host of its own.
    Peer(u32),
    /// A module, on its peer's host.
    Module(u32),
    /// A scripted host, of an adversary.
    Attacker(u32),
    /// Somebody who has no part in this and is called all the same.
    Victim,
    /// Nobody: no answer ever comes.
    Nobody,
}

/// What all links have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How far hosts are apart.
    pub latency: Latency,
    /// Each frame takes up to so many microseconds more; never overtaking.
    pub jitter: u64,
    /// What a host can send, bytes a second in all; no bound if `None`.
    pub bandwidth: Option<u64>,
    /// So many reads in a million bring only a part of what is there.
    pub cut_ppm: u32,
    /// So many frames in a million get lost and come after a retransmission, as does all behind them.
    pub loss_ppm: u32,
    /// Bytes between the writer's and the reader's program, at most: both sockets' buffers. A larger single frame
    /// passes alone.
    pub send_buffer: u32,
    /// So many messages between peers in a million are lost, though TCP loses nothing: as by a full queue or a reset.
    pub lost_ppm: u32,
}

/// What came out of a link's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A connection, to be named by [`Network::name`].
    Opened,
    /// Bytes, in [`Network::bytes`].
    Bytes,
    /// No more will come.
    Fin,
    /// It is broken; the end is gone.
    Reset,
}

/// What became of a dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialState {
    /// The dialer does not want it any more.
    Abandoned,
    /// The host answers; ask whether somebody listens there.
    Reached(Owner),
    /// No answer yet; tried again.
    Waiting,
    /// No answer for two minutes: the end is gone.
    Unreachable,
}

/// A module is so far from its peer, microseconds.
const LOCAL_LATENCY: u64 = 20;
/// A read brings so many bytes at most.
const READ_MAX: usize = 64 << 10;
/// How long an end that closed in good order waits for the other.
const LINGER: u64 = 5_000_000;
/// The first retransmission of a lost segment comes after so long.
const RETRANSMISSION: u64 = 200_000;
/// The first retransmission of a SYN; each further one after twice as long.
const SYN_RETRANSMISSION: u64 = 1_000_000;
/// So many SYNs are sent before a dial fails: 127 s.
const SYN_TRIES: u8 = 7;

/// What waits for longer than this for its host's line is held up: timeouts of the protocol pass meanwhile.
const HELD_UP: u64 = 1_000_000;

/// All links.
#[derive(Debug)]
pub struct Network {
    config: Config,
    seed: u64,
    rng: Rng,
    ends: Vec<End>,
    free: Vec<u32>,
    pool: Pool,
    held: Vec<EndId>,
    reach: Reach,
    /// When each host's line is free again, nanoseconds.
    line_free: Vec<u64>,
    /// When the last of what a busy line held up for longer than [`HELD_UP`] is on its way.
    held_up_until: Option<u64>,
    /// Each host's region.
    regions: Vec<u8>,
    scratch: Vec<u8>,
    completed: Vec<Frame>,
    written: Vec<(EndId, u64)>,
    bytes_delivered: u64,
}

impl Network {
    /// A network without links among hosts of these regions.
    pub fn new(config: Config, seed: u64, regions: Vec<u8>) -> Self {
        Self {
            config,
            seed,
            rng: Rng::new(seed, Stream::Network),
            ends: Vec::new(),
            free: Vec::new(),
            pool: Pool::default(),
            held: Vec::new(),
            reach: Reach::default(),
            line_free: vec![0; regions.len()],
            held_up_until: None,
            regions,
            scratch: Vec::new(),
            completed: Vec::new(),
            written: Vec::new(),
            bytes_delivered: 0,
        }
    }

    /// Begins a connection; [`Wake::Dialed`] tells when to ask [`dial_state`](Self::dial_state).
    pub fn dial(
        &mut self,
        now: u64,
        from: Owner,
        connection: ConnectionId,
        to: Owner,
        queue: &mut Queue<Wake>,
    ) -> EndId {
        let (there, back) = self.latencies(from, to);
        let link = self.free.pop().unwrap_or_else(|| {
            if self.ends.len() == self.ends.capacity() {
                // By an eighth, not to the double: this is a good part of what a network takes.
                self.ends.reserve_exact(self.ends.len() / 8 + 1_024);
            }
            self.ends.extend([End::default(), End::default()]);
            u32::try_from(self.ends.len() / 2 - 1).expect("fewer than 2^31 links")
        });
        let (near, far) = EndId::of_link(link);
        *self.end(near) = End::new(from, connection, State::Dialing, there);
        *self.end(far) = End::new(to, ConnectionId::accepted(0), State::Embryo, back);
        self.end(near).wakes += 1;
        queue.push(now + there + back, Wake::Dialed(near));
        near
    }

    /// At [`Wake::Dialed`]: has the other host answered?
    pub fn dial_state(&mut self, now: u64, end: EndId, queue: &mut Queue<Wake>) -> DialState {
        self.end(end).wakes -= 1;
        if self.end(end).state != State::Dialing {
            self.settle(end);
            return DialState::Abandoned;
        }
        let (from, to) = (self.end(end).owner, self.end(end.other()).owner);
        let blocked = match (from, to) {
            (Owner::Peer(a), Owner::Peer(b)) => self.reach.blocked(a, b) || self.reach.blocked(b, a),
            (_, Owner::Nobody) => true,
            _ => false,
        };
        if !blocked {
            return DialState::Reached(to);
        }
        let near = self.end(end);
        near.syns += 1;
        if near.syns == SYN_TRIES {
            self.drop_link(end);
            return DialState::Unreachable;
        }
        near.wakes += 1;
        let pause = SYN_RETRANSMISSION << (near.syns - 1);
        queue.push(now + pause, Wake::Dialed(end));
        DialState::Waiting
    }

    /// Somebody listens: the dialer's end is open, the acceptor hears of it in a moment.
    pub fn establish(&mut self, now: u64, end: EndId, queue: &mut Queue<Wake>) {
        self.end(end).state = State::Open;
        self.enter(now, end, Content::Open, queue);
    }

    /// Nobody listens: the end is gone.
    pub fn refuse(&mut self, end: EndId) {
        self.drop_link(end);
    }

    /// Names an end that [`Arrival::Opened`] told of.
    pub fn name(&mut self, end: EndId, connection: ConnectionId) {
        self.end(end).connection = connection;
    }

    /// Who holds this end and what it calls the connection.
    pub fn holder(&self, end: EndId) -> (Owner, ConnectionId) {
        let end = &self.ends[end.index()];
        (end.owner, end.connection)
    }

    /// May this end still write?
    pub fn is_open(&self, end: EndId) -> bool {
        self.ends[end.index()].state == State::Open
    }

    /// Do frames wait here for room in the socket's buffer?
    pub fn is_backed_up(&self, end: EndId) -> bool {
        !self.ends[end.index()].waiting.is_empty()
    }

    /// Queues bytes that may be no frame at all: an adversary's.
    pub fn send_raw(&mut self, now: u64, end: EndId, bytes: &[u8], queue: &mut Queue<Wake>) {
        self.put(now, end, Content::Raw(bytes.into()), queue);
    }

    /// Queues a frame. Whatever goes straight to the socket shows in [`take_written`](Self::take_written).
    pub fn send(&mut self, now: u64, end: EndId, frame: Frame, queue: &mut Queue<Wake>) {
        self.put(now, end, Content::Frame(frame), queue);
    }

    fn put(&mut self, now: u64, end: EndId, content: Content, queue: &mut Queue<Wake>) {
        debug_assert!(self.is_open(end));
        if self.end(end).waiting.is_empty() && self.has_room(end, content.len()) {
            self.write(now, end, content, queue);
        } else {
            let mut waiting = self.end(end).waiting;
            self.pool.push(&mut waiting, now, content);
            self.end(end).waiting = waiting;
        }
    }

    /// Ends this end, as its holder asks for.
    pub fn close(&mut self, now: u64, end: EndId, flush: Flush, queue: &mut Queue<Wake>) {
        match (self.end(end).state, flush) {
            (State::Dialing | State::Embryo, _) => self.drop_link(end),
            (State::Open, Flush::First) => {
                self.end(end).state = State::Closing;
                self.finish(now, end, queue);
                self.end(end).wakes += 1;
                queue.push(now + LINGER, Wake::Linger(end));
                self.schedule(now, end.other(), queue);
                self.settle(end);
            }
            (State::Open, Flush::Discard) => {
                self.clear_waiting(end);
                self.end(end).state = State::Gone;
                self.reset_other(now, end, queue);
                self.schedule(now, end.other(), queue);
                self.settle(end);
            }
            (State::Closing | State::Gone | State::Free, _) => {}
        }
    }

    /// At [`Wake::Linger`]: the end has waited for the other for long enough.
    pub fn linger_over(&mut self, now: u64, end: EndId, queue: &mut Queue<Wake>) {
        self.end(end).wakes -= 1;
        if self.end(end).state == State::Closing {
            if !self.end(end).waiting.is_empty() {
                self.clear_waiting(end);
                self.enter(now, end, Content::Fin, queue);
            }
            self.end(end).state = State::Gone;
        }
        self.settle(end);
    }

    /// The holder's process is gone: its system ends the stream, and answers what still comes with a reset.
    pub fn kill(&mut self, now: u64, end: EndId, queue: &mut Queue<Wake>) {
        match self.end(end).state {
            State::Dialing | State::Embryo => self.drop_link(end),
            State::Open => {
                self.clear_waiting(end);
                self.enter(now, end, Content::Fin, queue);
                self.end(end).state = State::Gone;
                self.schedule(now, end.other(), queue);
                self.settle(end);
            }
            State::Closing | State::Gone | State::Free => {}
        }
    }

    /// The holder's host is gone without a word.
    pub fn vanish(&mut self, end: EndId) {
        match self.end(end).state {
            State::Dialing | State::Embryo => self.drop_link(end),
            State::Open => {
                self.clear_waiting(end);
                self.clear_out(end);
                self.end(end).state = State::Gone;
                self.settle(end);
            }
            State::Closing | State::Gone | State::Free => {}
        }
    }

    /// Something on the way breaks an open link: both ends are told, what was under way is lost.
    pub fn break_link(&mut self, now: u64, end: EndId, queue: &mut Queue<Wake>) {
        let ends = [end, end.other()];
        // One that is broken already stays so: clearing it again would lose the news.
        if ends.into_iter().any(|end| self.end(end).state != State::Open || self.end(end).reset_sent) {
            return;
        }
        for end in ends {
            self.clear_waiting(end);
            self.clear_out(end);
            self.reset_other(now, end, queue);
        }
    }

    /// Nothing more gets through this link, either way, and nobody is told.
    pub fn silence(&mut self, end: EndId) {
        self.end(end).silenced = true;
        self.end(end.other()).silenced = true;
    }

    /// The holder stops reading, or reads on.
    pub fn set_reading(&mut self, now: u64, end: EndId, reading: bool, queue: &mut Queue<Wake>) {
        self.end(end).reading = reading;
        if reading {
            self.schedule(now, end.other(), queue);
        }
    }

    /// Who hears whom. After something healed, [`retransmit`](Self::retransmit).
    pub fn reach(&mut self) -> &mut Reach {
        &mut self.reach
    }

    /// What was held up by a cut is tried again, by TCP's timers: the longer the cut, the longer the wait.
    pub fn retransmit(&mut self, now: u64, queue: &mut Queue<Wake>) {
        for end in std::mem::take(&mut self.held) {
            if !std::mem::take(&mut self.end(end).held) {
                continue;
            }
            if !self.is_blocked(end.other()) {
                let acknowledged = std::mem::take(&mut self.end(end).unacknowledged);
                self.release(now, end, acknowledged, queue);
            } else if self.end(end).unacknowledged > 0 {
                self.hold(end);
            }
            if let Some(front) = self.pool.front(self.ends[end.index()].out) {
                let held_for = now.saturating_sub(front.at).clamp(RETRANSMISSION, 60_000_000);
                let wait = self.rng.below(held_for);
                self.schedule(now + wait, end, queue);
            }
        }
    }

    /// Reads a link's lines of memory; what comes of it means nothing.
    pub fn touch(&self, end: EndId) -> u32 {
        let [near, far] = [end, end.other()].map(|end| &self.ends[end.index()]);
        near.in_flight ^ far.in_flight ^ u32::from(near.wakes) ^ u32::from(far.wakes)
    }

    /// The same of the place of the frame that is first under way from here.
    pub fn touch_front(&self, end: EndId) -> u64 {
        self.pool.front(self.ends[end.index()].out).map_or(0, |front| front.at ^ u64::from(front.delivered))
    }

    /// The same of the bytes of that frame.
    pub fn touch_body(&self, end: EndId) -> u8 {
        let parts = self.front(end).map_or([&[][..]; 2], Frame::parts);
        parts[1].iter().step_by(64).fold(0, |sum, byte| sum ^ byte)
    }

    /// The frame that is first under way from here.
    pub fn front(&self, end: EndId) -> Option<&Frame> {
        match &self.pool.front(self.ends[end.index()].out)?.content {
            Content::Frame(frame) => Some(frame),
            _ => None,
        }
    }

    /// At [`Wake::Arrive`], first.
    pub fn woken(&mut self, end: EndId) {
        self.end(end).wakes -= 1;
        self.end(end).scheduled = false;
        self.settle(end);
    }

    /// At [`Wake::Arrive`], until there is nothing: what comes out at the other end of `end` now.
    pub fn arrive(&mut self, now: u64, end: EndId, queue: &mut Queue<Wake>) -> Option<Arrival> {
        loop {
            let front = self.pool.front(self.ends[end.index()].out)?;
            if front.at > now {
                let at = front.at;
                self.schedule(at, end, queue);
                return None;
            }
            if self.is_blocked(end) {
                self.hold(end);
                return None;
            }
            let is_data = matches!(front.content, Content::Frame(_) | Content::Raw(_));
            let reader = &self.ends[end.other().index()];
            match reader.state {
                State::Open if is_data && reader.reading => {
                    self.read(now, end, queue);
                    return Some(Arrival::Bytes);
                }
                State::Open if is_data => return None,
                State::Open | State::Embryo => return Some(self.arrive_mark(end)),
                State::Closing => self.discard(now, end, queue),
                State::Gone => {
                    if is_data && self.end(end).state == State::Open {
                        self.reset_other(now, end.other(), queue);
                    }
                    self.clear_out(end);
                    self.settle(end);
                }
                State::Dialing | State::Free => {
                    self.clear_out(end);
                    return None;
                }
            }
        }
    }

    /// The bytes of the last [`Arrival::Bytes`].
    pub fn bytes(&self) -> &[u8] {
        &self.scratch
    }

    /// The frames whose last byte was among them.
    pub fn completed(&self) -> &[Frame] {
        &self.completed
    }

    /// Bytes that left a holder's queue for its socket since the last call: one end and its bytes.
    pub fn take_written(&mut self) -> Option<(EndId, u64)> {
        self.written.pop()
    }

    /// Until when lines were so busy that what was sent left more than a second later; `None` if none ever was.
    pub fn held_up_until(&self) -> Option<u64> {
        self.held_up_until
    }

    /// Links in memory.
    pub fn links(&self) -> usize {
        self.ends.len() / 2 - self.free.len()
    }

    /// Bytes that came out of links so far.
    pub fn bytes_delivered(&self) -> u64 {
        self.bytes_delivered
    }
}
