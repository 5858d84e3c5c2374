//! What other threads tell the loop: a channel, and the one waker that makes the loop look into it.

use gossip_core::{ResolveId, Settings};
use mio::Waker;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Something that happened off the loop.
#[derive(Debug)]
pub(crate) enum Message {
    /// A proof of work was found.
    Solved {
        /// Which job of the solver.
        job: u64,
        /// The proof.
        challenge: u64,
    },
    /// A name was looked up.
    Resolved {
        /// Which query.
        query: ResolveId,
        /// Its addresses; none if the look-up failed.
        addresses: Vec<SocketAddr>,
    },
    /// The operator wants other settings.
    Settings(Box<Settings>),
    /// The loop shall end.
    ShutDown,
}

/// Where other threads put messages for a loop.
#[derive(Clone)]
pub(crate) struct Inbox {
    sender: Sender<Message>,
    waker: Arc<Waker>,
}

impl Inbox {
    pub(crate) fn new(waker: Waker) -> (Self, Receiver<Message>) {
        let (sender, receiver) = channel();
        (Self { sender, waker: Arc::new(waker) }, receiver)
    }

    /// Hands over a message. A loop that has ended already no longer cares.
    pub(crate) fn post(&self, message: Message) {
        if self.sender.send(message).is_ok()
            && let Err(error) = self.waker.wake()
        {
            log::error!("cannot wake the event loop: {error}");
        }
    }
}

/// Reaches a running [`EventLoop`](crate::EventLoop) from other threads.
#[derive(Clone)]
pub struct Handle {
    pub(crate) inbox: Inbox,
}

impl Handle {
    /// Has the node take over what it can of these settings ([`Settings::take_over`]).
    pub fn change_settings(&self, settings: Settings) {
        self.inbox.post(Message::Settings(Box::new(settings)));
    }

    /// Has the loop say goodbye, flush what is queued (2 s at most) and return from `run`. Asking again changes nothing.
    pub fn shut_down(&self) {
        self.inbox.post(Message::ShutDown);
    }
}
