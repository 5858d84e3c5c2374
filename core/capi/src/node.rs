//! A node: events in, actions out.

use crate::{GOSSIP_BROKEN, GOSSIP_MISUSE, GOSSIP_OK, GOSSIP_SOME, GossipAddress, guard, slice};
use gossip_config::{Config, Overrides};
use gossip_core::pow::{Puzzle, Target};
use gossip_core::time::Instant;
use gossip_core::{Action, Actions, ConnectionId, DialError, Event, Flush, GossipState, Level, Listener, ResolveId};
use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char, c_int};
use std::net::SocketAddr;

/// A connection came in on `api_address`.
pub const GOSSIP_LISTENER_API: u8 = 0;
/// A connection came in on `p2p_address`.
pub const GOSSIP_LISTENER_P2P: u8 = 1;
/// Nobody listens there.
pub const GOSSIP_DIAL_REFUSED: u8 = 0;
/// No answer from the other end or the way there.
pub const GOSSIP_DIAL_UNREACHABLE: u8 = 1;
/// This host could not: says nothing about the peer.
pub const GOSSIP_DIAL_LOCAL: u8 = 2;
/// Of `pow_bits`: the hash begins with the text 000 (`pow_scheme = ascii-zeros`).
pub const GOSSIP_POW_ASCII_ZEROS: u8 = 255;

/// What an action asks for; in brackets the fields of `GossipAction` that it uses beside `connection`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GossipActionKind {
    /// Open a TCP connection (`address`, `local`); answer with `gossip_node_dial_succeeded` or `_failed`.
    Dial,
    /// Queue these bytes, a whole frame, in one write where it fits (`bytes`, `len`); tell what left the queue with
    /// `gossip_node_written`.
    Send,
    /// Close; first write what is queued, if `flush`. The last word about this connection.
    Close,
    /// Read no more until `ResumeReading`.
    StopReading,
    /// Read again.
    ResumeReading,
    /// Look for a proof of work off the loop (`nonce`, `pow_bits`, `start`): `gossip_solve`, then `gossip_node_solved`.
    Solve,
    /// That proof is not wanted any more.
    CancelSolve,
    /// Look a host's name up (`query`, `text`, `port`); answer with `gossip_node_resolved`. No connection.
    Resolve,
    /// Something for the log (`level`, `text`). No connection.
    Note,
}

/// Something to do. Fields that its kind does not use are zero.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct GossipAction {
    /// What.
    pub kind: GossipActionKind,
    /// On which connection.
    pub connection: u64,
    /// Where to.
    pub address: GossipAddress,
    /// The local IP to bind to, any port; family 0: the system's choice.
    pub local: GossipAddress,
    /// Is what is queued written first?
    pub flush: bool,
    /// Until the next call with this node.
    pub bytes: *const u8,
    /// How many.
    pub len: usize,
    /// What the proof is for.
    pub nonce: u64,
    /// Zero bits that the hash begins with, or `GOSSIP_POW_ASCII_ZEROS`.
    pub pow_bits: u8,
    /// The first challenge to try.
    pub start: u64,
    /// Comes back with the answer.
    pub query: u64,
    /// The port that the answer's addresses shall have.
    pub port: u16,
    /// Of a note: 0 warning, 1 information, 2 debug.
    pub level: u8,
    /// A name or a note, UTF-8, ends with NUL; until the next call with this node.
    pub text: *const c_char,
}

/// One gossip node.
pub struct GossipNode {
    state: GossipState,
    actions: Actions,
    /// In their order, what has not been asked for yet.
    waiting: VecDeque<Action>,
    bytes: Vec<u8>,
    text: CString,
    is_broken: bool,
}

/// Makes a node from the text of an ini file with a `[gossip]` section, NUL at its end. `p2p_address` has to be where the
/// node really listens, ports included.
///
/// `seed` is 32 secret bytes, random and new for each node. On failure the result is null, and as much of the reason as
/// fits is in `error` (NUL at its end), unless that is null.
///
/// # Safety
///
/// `ini` ends with NUL; `seed` has 32 bytes; `error`, unless null, has room for `error_room` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_new(
    ini: *const c_char,
    seed: *const u8,
    now: u64,
    error: *mut c_char,
    error_room: usize,
) -> *mut GossipNode {
    let mut made = Err("ini or seed is null".to_owned());
    let status = guard(|| {
        // SAFETY: the caller promises 32 bytes.
        if let (false, Some(seed)) = (ini.is_null(), unsafe { slice(seed, 32) }.filter(|seed| seed.len() == 32)) {
            // SAFETY: not null, and ends with NUL, as the caller promises.
            let ini = unsafe { CStr::from_ptr(ini) };
            made = make(&ini.to_string_lossy(), seed, now);
        }
        GOSSIP_OK
    });
    if status != GOSSIP_OK {
        made = Err("a mistake of this library".to_owned());
    }
    match made {
        Ok(node) => Box::into_raw(Box::new(node)),
        Err(why) => {
            if !error.is_null() && error_room > 0 {
                let len = why.len().min(error_room - 1);
                // SAFETY: the caller promises room for `error_room` bytes; of `why` at most its own are read. The two do
                // not overlap: `why` is ours.
                unsafe {
                    std::ptr::copy_nonoverlapping(why.as_ptr().cast(), error, len);
                    *error.add(len) = 0;
                }
            }
            std::ptr::null_mut()
        }
    }
}

fn make(ini: &str, seed: &[u8], now: u64) -> Result<GossipNode, String> {
    let (config, _) = Config::parse("ini", ini, Overrides::default()).map_err(|error| error.to_string())?;
    let (p2p, advertised) = (config.settings.p2p_address, config.settings.advertised_address);
    let settings = config.finish(p2p, advertised).map_err(|error| error.to_string())?;
    let seed = *seed.first_chunk().ok_or("the seed has 32 bytes")?;
    let state = GossipState::new(settings, seed, Instant::from_micros(now)).map_err(|error| error.to_string())?;
    let (actions, waiting) = (Actions::new(), VecDeque::new());
    Ok(GossipNode { state, actions, waiting, bytes: Vec::new(), text: CString::default(), is_broken: false })
}

/// Frees a node; null is none.
///
/// # Safety
///
/// `node` came from `gossip_node_new` and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_free(node: *mut GossipNode) {
    if !node.is_null() {
        guard(|| {
            // SAFETY: it came from Box::into_raw, and is the caller's to give back.
            drop(unsafe { Box::from_raw(node) });
            GOSSIP_OK
        });
    }
}

/// Runs `body` on a node unless it is null or broken.
///
/// # Safety
///
/// `node`, unless null, came from `gossip_node_new`, was not freed, and no other call uses it.
unsafe fn enter(node: *mut GossipNode, body: impl FnOnce(&mut GossipNode) -> c_int) -> c_int {
    // SAFETY: as this function's own caller promises.
    let Some(node) = (unsafe { node.as_mut() }) else { return GOSSIP_MISUSE };
    if node.is_broken {
        return GOSSIP_BROKEN;
    }
    let status = guard(|| body(node));
    node.is_broken = status == GOSSIP_BROKEN;
    status
}

/// Hands an event in. Its actions wait to be asked for.
///
/// # Safety
///
/// As for [`enter`].
unsafe fn feed(node: *mut GossipNode, now: u64, event: Event<'_>) -> c_int {
    let body = |node: &mut GossipNode| {
        node.state.handle(Instant::from_micros(now), event, &mut node.actions);
        node.waiting.extend(node.actions.drain(..));
        GOSSIP_OK
    };
    // SAFETY: as this function's own caller promises.
    unsafe { enter(node, body) }
}

/// The next thing to do: `GOSSIP_SOME` with it in `action`, `GOSSIP_OK` if there is nothing more. To be called after
/// every event until there is nothing more; what it points to lasts until the next call.
///
/// # Safety
///
/// `node` is null or a node; `action` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_next_action(node: *mut GossipNode, action: *mut GossipAction) -> c_int {
    let body = |node: &mut GossipNode| {
        if action.is_null() {
            return GOSSIP_MISUSE;
        }
        let Some(next) = node.waiting.pop_front() else { return GOSSIP_OK };
        let flat = node.flatten(next);
        // SAFETY: not null, and can be written, as the caller promises. What was there needs no drop.
        unsafe { action.write(flat) };
        GOSSIP_SOME
    };
    // SAFETY: as this function's own caller promises.
    unsafe { enter(node, body) }
}

/// When `gossip_node_timer` is to be called: `GOSSIP_SOME` with the time in `at`, `GOSSIP_OK` if not at all.
///
/// # Safety
///
/// `node` is null or a node; `at` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_deadline(node: *mut GossipNode, at: *mut u64) -> c_int {
    let body = |node: &mut GossipNode| match node.state.deadline() {
        _ if at.is_null() => GOSSIP_MISUSE,
        Some(deadline) => {
            // SAFETY: not null, and can be written, as the caller promises.
            unsafe { at.write(deadline.as_micros()) };
            GOSSIP_SOME
        }
        None => GOSSIP_OK,
    };
    // SAFETY: as this function's own caller promises.
    unsafe { enter(node, body) }
}

/// A connection was accepted. Its name is a number that was never used before, below 2^63; those of dialed connections
/// are above.
///
/// # Safety
///
/// `node` is null or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_accepted(
    node: *mut GossipNode,
    now: u64,
    connection: u64,
    listener: u8,
    remote: GossipAddress,
) -> c_int {
    let listener = match listener {
        GOSSIP_LISTENER_API => Listener::Api,
        GOSSIP_LISTENER_P2P => Listener::P2p,
        _ => return GOSSIP_MISUSE,
    };
    let connection = ConnectionId::from_u64(connection);
    let Some(remote) = remote.read().filter(|_| !connection.is_dialed()) else { return GOSSIP_MISUSE };
    // SAFETY: as this function's own caller promises.
    unsafe { feed(node, now, Event::Accepted { connection, listener, remote }) }
}

/// A connection that was to be dialed stands.
///
/// # Safety
///
/// `node` is null or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_dial_succeeded(node: *mut GossipNode, now: u64, connection: u64) -> c_int {
    // SAFETY: as this function's own caller promises.
    unsafe { feed(node, now, Event::DialSucceeded { connection: ConnectionId::from_u64(connection) }) }
}

/// A connection that was to be dialed does not come about: `GOSSIP_DIAL_REFUSED`, `_UNREACHABLE` or `_LOCAL`.
///
/// # Safety
///
/// `node` is null or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_dial_failed(node: *mut GossipNode, now: u64, connection: u64, why: u8) -> c_int {
    let error = match why {
        GOSSIP_DIAL_REFUSED => DialError::Refused,
        GOSSIP_DIAL_UNREACHABLE => DialError::Unreachable,
        GOSSIP_DIAL_LOCAL => DialError::Local,
        _ => return GOSSIP_MISUSE,
    };
    // SAFETY: as this function's own caller promises.
    unsafe { feed(node, now, Event::DialFailed { connection: ConnectionId::from_u64(connection), error }) }
}

/// Bytes came in, in order, cut anywhere.
///
/// # Safety
///
/// `node` is null or a node; `len` bytes can be read at `bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_received(
    node: *mut GossipNode,
    now: u64,
    connection: u64,
    bytes: *const u8,
    len: usize,
) -> c_int {
    // SAFETY: as this function's own caller promises.
    let Some(bytes) = (unsafe { slice(bytes, len) }) else { return GOSSIP_MISUSE };
    // SAFETY: as this function's own caller promises.
    unsafe { feed(node, now, Event::Received { connection: ConnectionId::from_u64(connection), bytes }) }
}

/// The other end will send no more.
///
/// # Safety
///
/// `node` is null or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_read_closed(node: *mut GossipNode, now: u64, connection: u64) -> c_int {
    // SAFETY: as this function's own caller promises.
    unsafe { feed(node, now, Event::ReadClosed { connection: ConnectionId::from_u64(connection) }) }
}

/// The connection is gone. Not for one that the node closed.
///
/// # Safety
///
/// `node` is null or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_closed(node: *mut GossipNode, now: u64, connection: u64) -> c_int {
    // SAFETY: as this function's own caller promises.
    unsafe { feed(node, now, Event::Closed { connection: ConnectionId::from_u64(connection) }) }
}

/// So many bytes have left the queue since the last such call.
///
/// # Safety
///
/// `node` is null or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_written(node: *mut GossipNode, now: u64, connection: u64, bytes: u64) -> c_int {
    // SAFETY: as this function's own caller promises.
    unsafe { feed(node, now, Event::Written { connection: ConnectionId::from_u64(connection), bytes }) }
}

/// The deadline was reached.
///
/// # Safety
///
/// `node` is null or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_timer(node: *mut GossipNode, now: u64) -> c_int {
    // SAFETY: as this function's own caller promises.
    unsafe { feed(node, now, Event::Timer) }
}

/// A proof of work was found.
///
/// # Safety
///
/// `node` is null or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_solved(node: *mut GossipNode, now: u64, connection: u64, challenge: u64) -> c_int {
    // SAFETY: as this function's own caller promises.
    unsafe { feed(node, now, Event::Solved { connection: ConnectionId::from_u64(connection), challenge }) }
}

/// A name was looked up: its addresses, with the port that was asked for; none if it has none.
///
/// # Safety
///
/// `node` is null or a node; `count` addresses can be read at `addresses`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_resolved(
    node: *mut GossipNode,
    now: u64,
    query: u64,
    addresses: *const GossipAddress,
    count: usize,
) -> c_int {
    let most = isize::MAX.unsigned_abs() / size_of::<GossipAddress>();
    let addresses: &[GossipAddress] = match (addresses.is_null(), count) {
        (_, 0) => &[],
        (true, _) => return GOSSIP_MISUSE,
        (false, count) if count > most => return GOSSIP_MISUSE,
        // SAFETY: not null, readable, as the caller promises, and not larger than an object can be.
        (false, _) => unsafe { std::slice::from_raw_parts(addresses, count) },
    };
    let Some(addresses) = addresses.iter().map(GossipAddress::read).collect::<Option<Vec<SocketAddr>>>() else {
        return GOSSIP_MISUSE;
    };
    // SAFETY: as this function's own caller promises.
    unsafe { feed(node, now, Event::Resolved { query: ResolveId(query), addresses: &addresses }) }
}

/// The node shall end: carry out what it brings, let the queues drain, and free it.
///
/// # Safety
///
/// `node` is null or a node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_node_shutdown(node: *mut GossipNode, now: u64) -> c_int {
    // SAFETY: as this function's own caller promises.
    unsafe { feed(node, now, Event::Shutdown) }
}

/// Looks for a proof of work among `tries` challenges from `start` on: `GOSSIP_SOME` with it in `challenge`, or
/// `GOSSIP_OK`. Takes as long as `tries` is large; any thread may call it.
///
/// # Safety
///
/// `challenge` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_solve(nonce: u64, pow_bits: u8, start: u64, tries: u64, challenge: *mut u64) -> c_int {
    let target = match pow_bits {
        GOSSIP_POW_ASCII_ZEROS => Target::AsciiZeros,
        0..=64 => Target::ZeroBits(pow_bits),
        _ => return GOSSIP_MISUSE,
    };
    if challenge.is_null() {
        return GOSSIP_MISUSE;
    }
    guard(|| match (Puzzle { nonce, target }).search(start, tries) {
        Some(found) => {
            // SAFETY: not null, and can be written, as the caller promises.
            unsafe { challenge.write(found) };
            GOSSIP_SOME
        }
        None => GOSSIP_OK,
    })
}

impl GossipNode {
    fn flatten(&mut self, action: Action) -> GossipAction {
        let mut flat = GossipAction {
            kind: GossipActionKind::Note,
            connection: 0,
            address: GossipAddress::default(),
            local: GossipAddress::default(),
            flush: false,
            bytes: std::ptr::null(),
            len: 0,
            nonce: 0,
            pow_bits: 0,
            start: 0,
            query: 0,
            port: 0,
            level: 0,
            text: std::ptr::null(),
        };
        let (kind, connection) = match action {
            Action::Dial { connection, to, from } => {
                flat.address = GossipAddress::of(to);
                flat.local = from.map(|ip| GossipAddress::of(SocketAddr::new(ip, 0))).unwrap_or_default();
                (GossipActionKind::Dial, Some(connection))
            }
            Action::Send { connection, frame } => {
                self.bytes = frame.to_vec();
                (flat.bytes, flat.len) = (self.bytes.as_ptr(), self.bytes.len());
                (GossipActionKind::Send, Some(connection))
            }
            Action::Close { connection, flush } => {
                flat.flush = flush == Flush::First;
                (GossipActionKind::Close, Some(connection))
            }
            Action::StopReading { connection } => (GossipActionKind::StopReading, Some(connection)),
            Action::ResumeReading { connection } => (GossipActionKind::ResumeReading, Some(connection)),
            Action::Solve { connection, puzzle, start } => {
                (flat.nonce, flat.start) = (puzzle.nonce, start);
                flat.pow_bits = match puzzle.target {
                    Target::ZeroBits(bits) => bits,
                    Target::AsciiZeros => GOSSIP_POW_ASCII_ZEROS,
                };
                (GossipActionKind::Solve, Some(connection))
            }
            Action::CancelSolve { connection } => (GossipActionKind::CancelSolve, Some(connection)),
            Action::Resolve { query, host, port } => {
                (flat.query, flat.port) = (query.0, port);
                flat.text = self.keep(host);
                (GossipActionKind::Resolve, None)
            }
            Action::Note(note) => {
                flat.level = match note.level() {
                    Level::Warn => 0,
                    Level::Info => 1,
                    Level::Debug => 2,
                };
                flat.text = self.keep(note.to_string());
                (GossipActionKind::Note, None)
            }
        };
        GossipAction { kind, connection: connection.map_or(0, ConnectionId::as_u64), ..flat }
    }

    fn keep(&mut self, text: String) -> *const c_char {
        // A NUL within cannot come from a name or a note; if it did, the text would end there.
        let text: Vec<u8> = text.into_bytes().into_iter().take_while(|byte| *byte != 0).collect();
        self.text = CString::new(text).unwrap_or_default();
        self.text.as_ptr()
    }
}
