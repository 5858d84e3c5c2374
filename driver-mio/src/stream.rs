//! One TCP connection: what waits to be written, and how far reading has come.

use crate::portion::Portion;
use gossip_core::time::Instant;
use gossip_core::wire::Frame;
use gossip_core::{ConnectionId, DialError, Listener};
use mio::net::TcpStream;
use socket2::{SockRef, TcpKeepalive};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

/// Bytes that one connection may write in one turn.
const WRITE_BUDGET: u64 = 256 << 10;

/// Frames up to this size are copied together, so that one call carries many; larger ones go out from where they are.
const SMALL: usize = 4 << 10;

/// Bytes of small frames in one call.
pub(crate) const SCRATCH: usize = 64 << 10;

/// A queue that had room for more frames than this gives it away when empty.
const ROOM_KEPT: usize = 64;

/// Room for so many frames is kept for whichever queue grows next.
const ROOM_SPARED: usize = 16 << 10;

/// What a connection is to the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Dialed, not yet known whether it stands.
    Connecting,
    /// The core's.
    Open,
    /// The core is done with it: what is queued goes out, then writing is shut down, then what comes is discarded.
    Closing {
        /// Was writing shut down?
        shut: bool,
    },
}

/// How a dial stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialed {
    Pending,
    Done,
    Failed(DialError),
}

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Data(usize),
    Blocked,
    Ended,
    Broken,
}

pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    /// Whose it is: a module's, or a peer's, whoever dialed.
    pub(crate) port: Listener,
    pub(crate) stream: TcpStream,
    pub(crate) phase: Phase,
    pub(crate) queue: WriteQueue,
    /// The core wants no more bytes for now.
    pub(crate) reading_stopped: bool,
    /// There may be something to read: an edge was seen, and no WouldBlock since.
    pub(crate) readable: bool,
    /// The system has said that the other end sends no more, or that the connection broke: reading is to find its end.
    pub(crate) hung_up: bool,
    /// There may be room to write: an edge was seen, and no WouldBlock since.
    pub(crate) writable: bool,
    /// The end of what the other end sends was reported.
    pub(crate) read_ended: bool,
    /// Writing failed. What the other end sent before is still read; then the connection is gone.
    pub(crate) write_broken: bool,
    /// When a closing one goes even if it is not done.
    pub(crate) goes_at: Option<Instant>,
    /// How much is read from it in one turn.
    pub(crate) portion: Portion,
    /// Stands in the loop's list of those to read from.
    pub(crate) to_read: bool,
    /// Stands in the loop's list of those to flush.
    pub(crate) to_flush: bool,
}

impl Connection {
    pub(crate) fn new(id: ConnectionId, port: Listener, stream: TcpStream, phase: Phase) -> Self {
        Self {
            id,
            port,
            stream,
            phase,
            queue: WriteQueue::default(),
            reading_stopped: false,
            readable: false,
            hung_up: false,
            writable: phase == Phase::Open,
            read_ended: false,
            write_broken: false,
            goes_at: None,
            portion: Portion::new(),
            to_read: false,
            to_flush: false,
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing { .. })
    }

    /// Did the dial succeed? Asked whenever the socket shows any sign of it.
    pub(crate) fn dialed(&mut self) -> Dialed {
        match self.stream.take_error() {
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => return Dialed::Failed(crate::dial::reason(&error)),
        }
        match (self.stream.peer_addr(), self.stream.local_addr()) {
            // A dial of a free port of this host that was given that very port: TCP's simultaneous open with itself.
            (Ok(peer), Ok(local)) if peer == local => Dialed::Failed(DialError::Refused),
            (Ok(_), _) => {
                self.phase = Phase::Open;
                self.writable = true;
                tune(&self.stream);
                Dialed::Done
            }
            (Err(error), _) if error.kind() == ErrorKind::NotConnected => Dialed::Pending,
            (Err(error), _) => Dialed::Failed(crate::dial::reason(&error)),
        }
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Input {
        loop {
            return match self.stream.read(buffer) {
                Ok(0) => Input::Ended,
                Ok(n) => {
                    // epoll(7): less than was asked for means that nothing is left, and what comes next is an edge of
                    // its own. Other systems' selectors promise nothing of the kind.
                    if cfg!(target_os = "linux") && n < buffer.len() && !self.hung_up {
                        self.readable = false;
                    }
                    Input::Data(n)
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => continue,
                    ErrorKind::WouldBlock => Input::Blocked,
                    _ => Input::Broken,
                },
            };
        }
    }

    /// Writes what is queued, as far as the socket and the budget allow, and says how many bytes left the queue. After
    /// a failure everything leaves it: nobody will ever read it.
    pub(crate) fn flush(&mut self, scratch: &mut Vec<u8>, spare: &mut SpareRoom) -> u64 {
        let mut left = 0;
        while self.writable && !self.write_broken && !self.queue.is_empty() && left < WRITE_BUDGET {
            match self.queue.write_some(&mut self.stream, scratch) {
                Ok(n) => left += n,
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock => self.writable = false,
                    _ => self.write_broken = true,
                },
            }
        }
        self.queue.give_room(spare);
        if self.write_broken { left + self.queue.clear() } else { left }
    }

    /// Tells the other end that nothing more comes. A socket that cannot has ended already.
    pub(crate) fn shut_writing(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.phase = Phase::Closing { shut: true };
    }
}

/// Small frames must not wait for company; and an end that is silent is asked now and then whether it is there: a
/// module that closed both ways while nothing was to be told, or a peer that answers no PING. A socket that cannot be
/// told so works all the same.
pub(crate) fn tune(stream: &TcpStream) {
    const KEEPALIVE_TIME: Duration = Duration::from_secs(60);
    const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_TIME).with_interval(KEEPALIVE_INTERVAL);
    let tuned = stream.set_nodelay(true).and_then(|()| SockRef::from(stream).set_tcp_keepalive(&keepalive));
    if let Err(error) = tuned {
        log::debug!("cannot set TCP_NODELAY or SO_KEEPALIVE: {error}");
    }
}

/// Frames on their way to one socket.
#[derive(Default)]
pub(crate) struct WriteQueue {
    frames: VecDeque<Frame>,
    /// Bytes of the first frame that have been written.
    written_of_first: usize,
    /// Bytes not yet written.
    bytes: u64,
}

/// Room of queues that were long, for those that will be: under load the same connections fill and empty theirs again
/// and again.
#[derive(Default)]
pub(crate) struct SpareRoom {
    rooms: Vec<VecDeque<Frame>>,
    frames: usize,
}

impl SpareRoom {
    fn take(&mut self) -> VecDeque<Frame> {
        let room = self.rooms.pop().unwrap_or_default();
        self.frames -= room.capacity();
        room
    }

    fn keep(&mut self, room: VecDeque<Frame>) {
        if self.frames + room.capacity() <= ROOM_SPARED {
            self.frames += room.capacity();
            self.rooms.push(room);
        }
    }
}

impl WriteQueue {
    pub(crate) fn push(&mut self, frame: Frame, spare: &mut SpareRoom) {
        if self.frames.len() == ROOM_KEPT && self.frames.capacity() <= 2 * ROOM_KEPT {
            let few = std::mem::replace(&mut self.frames, spare.take());
            self.frames.extend(few);
        }
        self.bytes += frame.len() as u64;
        self.frames.push_back(frame);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Throws everything away and says how much it was.
    pub(crate) fn clear(&mut self) -> u64 {
        let bytes = self.bytes;
        *self = Self::default();
        bytes
    }

    /// One call to the socket: as many small frames as fit the scratch buffer, whole, and the large one after them.
    fn write_some(&mut self, to: &mut impl Write, scratch: &mut Vec<u8>) -> io::Result<u64> {
        scratch.clear();
        let mut large: [&[u8]; 2] = [&[], &[]];
        for frame in &self.frames {
            let len = frame.len();
            if len > SMALL {
                large = frame.parts();
                break;
            }
            if scratch.len() + len > SCRATCH {
                break;
            }
            frame.parts().into_iter().for_each(|part| scratch.extend_from_slice(part));
        }
        let mut skip = self.written_of_first;
        let slices = [scratch.as_slice(), large[0], large[1]].map(|part| {
            let skipped = skip.min(part.len());
            skip -= skipped;
            IoSlice::new(&part[skipped..])
        });
        let written = to.write_vectored(&slices)?;
        if written == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        self.advance(written);
        Ok(written as u64)
    }

    fn advance(&mut self, written: usize) {
        self.bytes -= written as u64;
        self.written_of_first += written;
        while let Some(first) = self.frames.front() {
            let len = first.len();
            if self.written_of_first < len {
                return;
            }
            self.written_of_first -= len;
            self.frames.pop_front();
        }
    }

    /// An empty queue keeps room for a few frames only.
    fn give_room(&mut self, spare: &mut SpareRoom) {
        if self.frames.is_empty() && self.frames.capacity() > ROOM_KEPT {
            spare.keep(std::mem::take(&mut self.frames));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gossip_core::wire::{Payload, notification};

    /// Takes at most so many bytes a call, and remembers the calls.
    struct Narrow {
        width: usize,
        taken: Vec<u8>,
        calls: Vec<usize>,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.write_vectored(&[IoSlice::new(bytes)])
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            let n = all.len().min(self.width);
            self.taken.extend_from_slice(&all[..n]);
            self.calls.push(n);
            Ok(n)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn frame(number: u16, data: usize) -> Frame {
        notification(number, &Payload::new(number, &vec![number.to_be_bytes()[1]; data]))
    }

    fn write_all(frames: &[Frame], width: usize) -> Narrow {
        let mut queue = WriteQueue::default();
        frames.iter().cloned().for_each(|frame| queue.push(frame, &mut SpareRoom::default()));
        let mut to = Narrow { width, taken: Vec::new(), calls: Vec::new() };
        let mut scratch = Vec::new();
        let mut left = 0;
        while !queue.is_empty() {
            left += queue.write_some(&mut to, &mut scratch).unwrap();
        }
        assert_eq!((queue.bytes, queue.written_of_first), (0, 0));
        assert_eq!(left, frames.iter().map(|frame| frame.len() as u64).sum::<u64>());
        to
    }

    #[test]
    fn frames_of_all_sizes_arrive_whole_and_in_order_however_little_the_socket_takes() {
        let sizes = [0, 1, 64, SMALL, SMALL + 1, 20_000, 65_527];
        // Byte by byte takes a time that grows with the square of what is queued.
        for (width, sizes, count) in [
            (1, &sizes[..3], 20),
            (7, &sizes[..5], 10),
            (1_000, &sizes[..], 60),
            (SMALL, &sizes[..], 60),
            (SCRATCH - 1, &sizes[..], 60),
            (SCRATCH + 1, &sizes[..], 60),
            (usize::MAX, &sizes[..], 60),
        ] {
            let frames: Vec<Frame> = (0..count).map(|n| frame(n, sizes[usize::from(n) % sizes.len()])).collect();
            let expected: Vec<u8> = frames.iter().flat_map(Frame::to_vec).collect();
            assert!(write_all(&frames, width).taken == expected, "width {width}");
        }
    }

    #[test]
    fn small_frames_share_one_call_and_none_is_cut_by_us() {
        let frames: Vec<Frame> = (0..2_000).map(|n| frame(n, 64)).collect();
        let calls = write_all(&frames, usize::MAX).calls;
        assert!(calls.len() <= 3, "{calls:?}");
        assert!(calls.iter().all(|n| n % frames[0].len() == 0), "{calls:?}");
    }

    #[test]
    fn a_large_frame_goes_out_in_one_call() {
        let large = frame(1, 65_527);
        assert_eq!(write_all(std::slice::from_ref(&large), usize::MAX).calls, [large.len()]);
    }
}
