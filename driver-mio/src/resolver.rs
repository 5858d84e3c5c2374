//! Host names, looked up off the loop: the system's resolver blocks for as long as it likes.

use crate::inbox::{Inbox, Message};
use gossip_core::ResolveId;
use std::collections::VecDeque;
use std::net::ToSocketAddrs;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Look-ups under way at once; the rest wait their turn.
const THREADS_MAX: usize = 4;

struct Query {
    id: ResolveId,
    host: String,
    port: u16,
}

#[derive(Default)]
struct Waiting {
    queries: VecDeque<Query>,
    threads: usize,
}

/// Threads that live as long as there are names to look up.
pub(crate) struct Resolver {
    inbox: Inbox,
    waiting: Arc<Mutex<Waiting>>,
}

impl Resolver {
    pub(crate) fn new(inbox: Inbox) -> Self {
        Self { inbox, waiting: Arc::default() }
    }

    /// Has a name looked up; exactly one [`Message::Resolved`] answers.
    pub(crate) fn resolve(&self, id: ResolveId, host: String, port: u16) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.queries.push_back(Query { id, host, port });
        if waiting.threads == THREADS_MAX {
            return;
        }
        waiting.threads += 1;
        let (inbox, queue) = (self.inbox.clone(), Arc::clone(&self.waiting));
        let spawned = thread::Builder::new().name("resolver".to_owned()).spawn(move || look_up_all(&queue, &inbox));
        if let Err(error) = spawned {
            waiting.threads -= 1;
            log::warn!("cannot start a thread to look up a name: {error}");
            // With no thread left to take them, what waits would wait for ever.
            if waiting.threads == 0 {
                for query in waiting.queries.drain(..) {
                    self.inbox.post(Message::Resolved { query: query.id, addresses: Vec::new() });
                }
            }
        }
    }
}

fn look_up_all(queue: &Mutex<Waiting>, inbox: &Inbox) {
    loop {
        let query = {
            let mut waiting = queue.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(query) = waiting.queries.pop_front() else {
                waiting.threads -= 1;
                return;
            };
            query
        };
        let addresses = match (query.host.as_str(), query.port).to_socket_addrs() {
            Ok(addresses) => addresses.collect(),
            Err(error) => {
                log::debug!("cannot look up {}: {error}", query.host);
                Vec::new()
            }
        };
        inbox.post(Message::Resolved { query: query.id, addresses });
    }
}
