//! One link: two ends, and two directions that share nothing but their fate.

use super::pool::{Content, Fifo};
use super::{Arrival, Network, Owner, READ_MAX, RETRANSMISSION};
use crate::queue::Queue;
use crate::wake::Wake;
use gossip_core::ConnectionId;

/// Names an end of a link while the link lives, and the direction that leads away from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndId(u32);

impl EndId {
    pub(super) fn of_link(link: u32) -> (Self, Self) {
        (Self(link * 2), Self(link * 2 + 1))
    }

    /// The other end.
    #[must_use]
    pub fn other(self) -> Self {
        Self(self.0 ^ 1)
    }

    /// Is it the end that dialed?
    pub fn is_dialer(self) -> bool {
        self.0.is_multiple_of(2)
    }

    /// Below twice the number of links that ever lived at once.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No link.
    Free,
    /// Asked for, not answered.
    Dialing,
    /// The acceptor does not know of it yet.
    Embryo,
    /// In use.
    Open,
    /// Its holder is done with it; what comes in is discarded, what is queued goes out.
    Closing,
    /// Nobody holds it; what comes in is answered with a reset.
    Gone,
}

/// One line of memory.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct End {
    pub(super) owner: Owner,
    pub(super) connection: ConnectionId,
    /// Under way to the other end.
    pub(super) out: Fifo,
    /// Not yet with the socket: its buffer is full.
    pub(super) waiting: Fifo,
    /// Bytes in `out`, or delivered and not acknowledged.
    pub(super) in_flight: u32,
    /// Bytes delivered whose acknowledgement did not get through.
    pub(super) unacknowledged: u32,
    /// Nothing sent from here arrives before.
    last_arrival: u64,
    latency: u64,
    /// Entries in the queue about this end; a link is not forgotten while there are any.
    pub(super) wakes: u8,
    pub(super) syns: u8,
    pub(super) state: State,
    pub(super) scheduled: bool,
    pub(super) held: bool,
    pub(super) reading: bool,
    pub(super) silenced: bool,
    pub(super) reset_sent: bool,
}

impl Default for End {
    fn default() -> Self {
        Self::new(Owner::Peer(0), ConnectionId::accepted(0), State::Free, 0)
    }
}

impl End {
    pub(super) fn new(owner: Owner, connection: ConnectionId, state: State, latency: u64) -> Self {
        Self {
            owner,
            connection,
            out: Fifo::default(),
            waiting: Fifo::default(),
            in_flight: 0,
            unacknowledged: 0,
            last_arrival: 0,
            latency,
            wakes: 0,
            syns: 0,
            state,
            scheduled: false,
            held: false,
            reading: true,
            silenced: false,
            reset_sent: false,
        }
    }
}

/// The number by which distances go; modules are where their peers are. Those of peers and others don't meet.
fn host_of(owner: Owner) -> Option<u32> {
    match owner {
        Owner::Peer(peer) => Some(peer),
        Owner::Attacker(host) => Some(u32::MAX / 2 + host),
        Owner::Victim | Owner::Nobody => Some(u32::MAX),
        Owner::Module(_) => None,
    }
}

impl Network {
    pub(super) fn end(&mut self, end: EndId) -> &mut End {
        &mut self.ends[end.index()]
    }

    pub(super) fn latencies(&self, from: Owner, to: Owner) -> (u64, u64) {
        match (host_of(from), host_of(to)) {
            (Some(a), Some(b)) => {
                let region = |host: u32| self.regions.get(host as usize).copied().unwrap_or(0);
                let (near, far) = (region(a), region(b));
                let between = |regions| self.config.latency.between(self.seed, (a, b), regions);
                (between((near, far)), between((far, near)))
            }
            _ => (super::LOCAL_LATENCY, super::LOCAL_LATENCY),
        }
    }

    pub(super) fn has_room(&self, end: EndId, len: u32) -> bool {
        let in_flight = self.ends[end.index()].in_flight;
        in_flight == 0 || in_flight.saturating_add(len) <= self.config.send_buffer
    }

    /// Hands content to the socket and tells the holder.
    pub(super) fn write(&mut self, now: u64, end: EndId, content: Content, queue: &mut Queue<Wake>) {
        let len = u64::from(content.len());
        self.enter(now, end, content, queue);
        match self.written.last_mut() {
            Some((last, bytes)) if *last == end => *bytes += len,
            _ if len > 0 => self.written.push((end, len)),
            _ => {}
        }
    }

    /// Puts content on its way.
    pub(super) fn enter(&mut self, now: u64, end: EndId, content: Content, queue: &mut Queue<Wake>) {
        let len = content.len();
        let mut departure = now;
        let mut latency = self.ends[end.index()].latency;
        if let Owner::Peer(host) = self.ends[end.index()].owner
            && !self.is_local(end)
        {
            if let Some(bandwidth) = self.config.bandwidth {
                let free = &mut self.line_free[host as usize];
                // A nanosecond is fine enough for the smallest frame on the fastest line.
                *free = (*free).max(now * 1_000) + u64::from(len) * 1_000_000_000 / bandwidth.max(1);
                departure = free.div_ceil(1_000);
                if departure > now + super::HELD_UP {
                    self.held_up_until = self.held_up_until.max(Some(departure));
                }
            }
            if self.config.jitter > 0 {
                latency += self.rng.below(self.config.jitter + 1);
            }
            if self.rng.ppm(self.config.loss_ppm) {
                latency += RETRANSMISSION.max(2 * latency);
            }
        }
        let sender = &mut self.ends[end.index()];
        sender.last_arrival = sender.last_arrival.max(departure + latency);
        sender.in_flight = sender.in_flight.saturating_add(len);
        let at = sender.last_arrival;
        self.pool.push(&mut sender.out, at, content);
        self.schedule(at, end, queue);
    }

    /// Ends the stream in good order, after what waits.
    pub(super) fn finish(&mut self, now: u64, end: EndId, queue: &mut Queue<Wake>) {
        if self.ends[end.index()].waiting.is_empty() {
            self.enter(now, end, Content::Fin, queue);
        } else {
            self.pool.push(&mut self.ends[end.index()].waiting, now, Content::Fin);
        }
    }

    pub(super) fn reset_other(&mut self, now: u64, end: EndId, queue: &mut Queue<Wake>) {
        if !std::mem::replace(&mut self.end(end).reset_sent, true) {
            self.enter(now, end, Content::Reset, queue);
        }
    }

    pub(super) fn schedule(&mut self, at: u64, end: EndId, queue: &mut Queue<Wake>) {
        let sender = &mut self.ends[end.index()];
        if !sender.scheduled && !sender.out.is_empty() {
            sender.scheduled = true;
            sender.wakes += 1;
            queue.push(at, Wake::Arrive(end));
        }
    }

    pub(super) fn is_blocked(&self, end: EndId) -> bool {
        let (near, far) = (&self.ends[end.index()], &self.ends[end.other().index()]);
        match (near.owner, far.owner) {
            (Owner::Peer(a), Owner::Peer(b)) => near.silenced || self.reach.blocked(a, b),
            _ => false,
        }
    }

    fn is_local(&self, end: EndId) -> bool {
        matches!(self.ends[end.other().index()].owner, Owner::Module(_))
    }

    pub(super) fn hold(&mut self, end: EndId) {
        if !std::mem::replace(&mut self.end(end).held, true) {
            self.held.push(end);
        }
    }

    /// Fills the scratch with what the reader gets now: everything that is there, or only a part of it.
    pub(super) fn read(&mut self, now: u64, end: EndId, queue: &mut Queue<Wake>) {
        self.scratch.clear();
        self.completed.clear();
        let cut = !self.is_local(end) && self.rng.ppm(self.config.cut_ppm);
        let mut room = if cut { self.cut_length(end) } else { READ_MAX };
        let mut out = self.ends[end.index()].out;
        while room > 0
            && let Some(item) = self.pool.front_mut(out)
            && item.at <= now
            && let Some(parts) = item.content.parts()
        {
            let mut skip = item.delivered as usize;
            let mut taken = 0;
            for part in parts {
                let rest = part.get(skip..).unwrap_or(&[]);
                skip = skip.saturating_sub(part.len());
                let bytes = &rest[..rest.len().min(room - taken)];
                self.scratch.extend_from_slice(bytes);
                taken += bytes.len();
            }
            room -= taken;
            item.delivered += u32::try_from(taken).expect("at most a frame");
            if item.delivered < item.content.len() {
                break;
            }
            if let Some(Content::Frame(frame)) = self.pool.pop(&mut out) {
                self.completed.push(frame);
            }
        }
        self.ends[end.index()].out = out;
        if cut && let Some(rest) = self.pool.front_mut(out) {
            rest.at = rest.at.max(now + self.rng.between(1, 2_000));
        }
        self.bytes_delivered += self.scratch.len() as u64;
        let bytes = u32::try_from(self.scratch.len()).expect("at most a read");
        self.acknowledge(now, end, bytes, queue);
    }

    fn cut_length(&mut self, end: EndId) -> usize {
        let front = self.pool.front(self.ends[end.index()].out);
        let rest = front.map_or(1, |item| item.content.len() - item.delivered);
        self.rng.index(rest as usize + 8) + 1
    }

    /// The reader took so many bytes: there is room for more, once the writer's system hears of it.
    fn acknowledge(&mut self, now: u64, end: EndId, bytes: u32, queue: &mut Queue<Wake>) {
        if self.is_blocked(end.other()) {
            self.end(end).unacknowledged += bytes;
            self.hold(end);
        } else {
            self.release(now, end, bytes, queue);
        }
    }

    pub(super) fn release(&mut self, now: u64, end: EndId, bytes: u32, queue: &mut Queue<Wake>) {
        self.end(end).in_flight -= bytes;
        loop {
            let mut waiting = self.ends[end.index()].waiting;
            let Some(front) = self.pool.front(waiting) else { break };
            if !self.has_room(end, front.content.len()) {
                break;
            }
            let content = self.pool.pop(&mut waiting).expect("there is a front");
            self.ends[end.index()].waiting = waiting;
            self.write(now, end, content, queue);
        }
    }

    /// Takes a mark, not data, off the front and carries it out at the other end.
    pub(super) fn arrive_mark(&mut self, end: EndId) -> Arrival {
        let reader = end.other();
        match self.pool.pop(&mut self.ends[end.index()].out) {
            Some(Content::Open) => {
                self.end(reader).state = State::Open;
                Arrival::Opened
            }
            Some(Content::Fin) => {
                self.settle(end);
                Arrival::Fin
            }
            _ => {
                self.clear_waiting(reader);
                // A reset of its own, when something on the way broke the link, is all that may still be under way.
                if !self.end(reader).reset_sent {
                    self.clear_out(reader);
                }
                self.end(reader).state = State::Gone;
                self.settle(end);
                Arrival::Reset
            }
        }
    }

    /// What arrives at an end whose holder is done with it.
    pub(super) fn discard(&mut self, now: u64, end: EndId, queue: &mut Queue<Wake>) {
        let mut out = self.ends[end.index()].out;
        let delivered = self.pool.front(out).map_or(0, |front| front.delivered);
        let Some(content) = self.pool.pop(&mut out) else { return };
        self.ends[end.index()].out = out;
        if content == Content::Reset {
            self.end(end.other()).state = State::Gone;
        }
        self.acknowledge(now, end, content.len() - delivered, queue);
        self.settle(end);
    }

    pub(super) fn clear_waiting(&mut self, end: EndId) {
        self.pool.clear(&mut self.ends[end.index()].waiting);
    }

    /// What was under way from here never arrives.
    pub(super) fn clear_out(&mut self, end: EndId) {
        let sender = &mut self.ends[end.index()];
        self.pool.clear(&mut sender.out);
        (sender.in_flight, sender.unacknowledged) = (0, 0);
    }

    /// Both ends of a connection that never was.
    pub(super) fn drop_link(&mut self, end: EndId) {
        self.end(end).state = State::Gone;
        self.end(end.other()).state = State::Gone;
        self.settle(end);
    }

    /// Forgets a link that nobody holds, once no entry in the queue names it.
    pub(super) fn settle(&mut self, end: EndId) {
        let ends = [end, end.other()];
        let states = ends.map(|end| self.ends[end.index()].state);
        let drained = |end: EndId| self.ends[end.index()].out.is_empty() && self.ends[end.index()].waiting.is_empty();
        let over = match states {
            [State::Gone, State::Gone | State::Closing] | [State::Closing, State::Gone] => true,
            [State::Closing, State::Closing] => ends.into_iter().all(drained),
            _ => false,
        };
        if !over {
            return;
        }
        for end in ends {
            self.clear_waiting(end);
            self.clear_out(end);
            self.end(end).state = State::Gone;
            self.end(end).held = false;
        }
        if ends.into_iter().all(|end| self.ends[end.index()].wakes == 0) {
            for end in ends {
                self.end(end).state = State::Free;
            }
            self.free.push(end.0 / 2);
        }
    }
}
