//! Proofs of work on threads of their own, which search one puzzle together and give way to everything else.

use crate::inbox::{Inbox, Message};
use crate::system;
use gossip_core::ConnectionId;
use gossip_core::pow::Puzzle;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Tries between two looks at whether a puzzle is still wanted: some milliseconds.
const SLICE: u64 = 1 << 15;

/// Bytes of a worker's stack: it calls nothing deep.
const STACK: usize = 128 << 10;

/// After so long, a host is too busy for the idle class: one worker of a low priority, but not the lowest, joins in.
const LATE: Duration = Duration::from_secs(5);

struct Job {
    number: u64,
    puzzle: Puzzle,
    asked: Instant,
    /// The first challenge that no worker has taken.
    next: u64,
}

#[derive(Default)]
struct Work {
    /// The first one is being searched, by all workers.
    jobs: VecDeque<Job>,
    ended: bool,
}

#[derive(Default)]
struct Shared {
    work: Mutex<Work>,
    more: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The loop's end of the workers.
pub(crate) struct Solver {
    inbox: Inbox,
    shared: Arc<Shared>,
    /// Jobs not answered and not cancelled, and who wants them.
    wanted: BTreeMap<u64, ConnectionId>,
    jobs: u64,
    workers: usize,
}

impl Solver {
    pub(crate) fn new(inbox: Inbox) -> Self {
        Self { inbox, shared: Arc::default(), wanted: BTreeMap::new(), jobs: 0, workers: 0 }
    }

    /// Looks for a proof from `start` on, after those asked for before.
    pub(crate) fn solve(&mut self, connection: ConnectionId, puzzle: Puzzle, start: u64) {
        self.start_workers();
        self.cancel(connection);
        self.jobs += 1;
        self.wanted.insert(self.jobs, connection);
        self.shared.lock().jobs.push_back(Job { number: self.jobs, puzzle, asked: Instant::now(), next: start });
        self.shared.more.notify_all();
    }

    /// Stops looking for what this connection wanted, within one slice.
    pub(crate) fn cancel(&mut self, connection: ConnectionId) {
        if self.wanted.is_empty() {
            return;
        }
        self.wanted.retain(|_, wants| *wants != connection);
        self.shared.lock().jobs.retain(|job| self.wanted.contains_key(&job.number));
    }

    /// Who wanted the job that was solved; nobody if it was cancelled meanwhile.
    pub(crate) fn take(&mut self, job: u64) -> Option<ConnectionId> {
        self.wanted.remove(&job)
    }

    /// Workers are started with the first puzzle: a node that never dials never has any.
    fn start_workers(&mut self) {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        while self.workers <= cores {
            let kind = if self.workers < cores { Kind::Idle } else { Kind::Late };
            let (shared, inbox) = (Arc::clone(&self.shared), self.inbox.clone());
            let worker = thread::Builder::new().name("proof-of-work".to_owned()).stack_size(STACK);
            if let Err(error) = worker.spawn(move || work(kind, &shared, &inbox)) {
                log::warn!("cannot start a thread for proofs of work ({} run): {error}", self.workers);
                return;
            }
            self.workers += 1;
        }
    }
}

impl Drop for Solver {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.more.notify_all();
    }
}

/// When a worker works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Whenever nothing else on the host wants the core: there is one for each.
    Idle,
    /// On what has not been solved so in time. Without it, a node could never join while its host is busy.
    Late,
}

fn work(kind: Kind, shared: &Shared, inbox: &Inbox) {
    system::give_way(kind == Kind::Idle);
    let mut work = shared.lock();
    while !work.ended {
        let Some(job) = work.jobs.front_mut() else {
            work = shared.more.wait(work).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let early = LATE.saturating_sub(job.asked.elapsed());
        if kind == Kind::Late && !early.is_zero() {
            work = shared.more.wait_timeout(work, early).unwrap_or_else(PoisonError::into_inner).0;
            continue;
        }
        let (number, puzzle, from) = (job.number, job.puzzle, job.next);
        job.next = from.wrapping_add(SLICE);
        drop(work);
        let found = puzzle.search(from, SLICE);
        work = shared.lock();
        // Another worker may have found one meanwhile, or nobody may want it any more.
        if let Some(challenge) = found
            && let Some(at) = work.jobs.iter().position(|job| job.number == number)
        {
            work.jobs.remove(at);
            inbox.post(Message::Solved { job: number, challenge });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gossip_core::pow::Target;
    use mio::{Events, Poll, Token, Waker};
    use std::sync::mpsc::Receiver;
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn solver() -> (Solver, Receiver<Message>, Poll) {
        let poll = Poll::new().unwrap();
        let (inbox, messages) = Inbox::new(Waker::new(poll.registry(), Token(0)).unwrap());
        (Solver::new(inbox), messages, poll)
    }

    fn solved(messages: &Receiver<Message>) -> (u64, u64) {
        match messages.recv_timeout(PATIENCE).expect("a proof in time") {
            Message::Solved { job, challenge } => (job, challenge),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_puzzle_is_solved_and_the_loop_is_woken() {
        let (mut solver, messages, mut poll) = solver();
        let puzzle = Puzzle { nonce: 11, target: Target::ZeroBits(16) };
        solver.solve(ConnectionId::dialed(1), puzzle, u64::MAX - 3);
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, Some(PATIENCE)).unwrap();
        assert!(!events.is_empty());
        let (job, challenge) = solved(&messages);
        assert!(puzzle.accepts(challenge));
        assert_eq!(solver.take(job), Some(ConnectionId::dialed(1)));
        assert_eq!(solver.take(job), None);
    }

    #[test]
    fn a_cancelled_puzzle_makes_room_for_the_next_and_is_never_reported() {
        let (mut solver, messages, _poll) = solver();
        let hopeless = Puzzle { nonce: 12, target: Target::ZeroBits(64) };
        let easy = Puzzle { nonce: 13, target: Target::ZeroBits(8) };
        solver.solve(ConnectionId::dialed(1), hopeless, 0);
        solver.solve(ConnectionId::dialed(2), easy, 0);
        solver.cancel(ConnectionId::dialed(1));
        let (job, challenge) = solved(&messages);
        assert!(easy.accepts(challenge));
        assert_eq!(solver.take(job), Some(ConnectionId::dialed(2)));
        assert!(solver.wanted.is_empty() && solver.shared.lock().jobs.is_empty());
    }

    #[test]
    fn a_second_puzzle_of_one_connection_replaces_the_first() {
        let (mut solver, messages, _poll) = solver();
        let connection = ConnectionId::dialed(1);
        solver.solve(connection, Puzzle { nonce: 1, target: Target::ZeroBits(4) }, 0);
        let second = Puzzle { nonce: 2, target: Target::ZeroBits(18) };
        solver.solve(connection, second, 0);
        // The first may have been found before it was replaced: then its job is nobody's.
        let (mut job, mut challenge) = solved(&messages);
        let mut wants = solver.take(job);
        if wants.is_none() {
            (job, challenge) = solved(&messages);
            wants = solver.take(job);
        }
        assert_eq!(wants, Some(connection));
        assert!(second.accepts(challenge));
    }

    #[test]
    fn several_puzzles_are_each_answered() {
        let (mut solver, messages, _poll) = solver();
        let puzzle = |n| Puzzle { nonce: n, target: Target::ZeroBits(14) };
        (0..8).for_each(|n| solver.solve(ConnectionId::dialed(n), puzzle(n), n));
        for _ in 0..8 {
            let (job, challenge) = solved(&messages);
            let connection = solver.take(job).expect("each once");
            assert!(puzzle(connection.as_u64() & !(1 << 63)).accepts(challenge));
        }
    }
}
