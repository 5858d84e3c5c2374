//! A look inside from this host: a small HTTP server in the event loop.
//!
//! It must never slow the loop. So everything has a bound: how many connections are accepted a second
//! (`pace::INTERVAL`), how many there are at once (`CONNECTIONS_MAX`), how long a request may be
//! (`http::HEAD_MAX`) and how long it and its answer may take. An answer is worked out when a whole request has come,
//! and its cost is bounded by `max_peers`.

mod answers;
mod events;
mod exchange;
mod http;
mod look;
mod metrics;
mod pace;
mod page;
mod report;

pub use events::{EventsReport, LoggedEvent};
pub use metrics::{Kind, Metric, catalogue};
pub use report::{
    AddressReport, ConnectionReport, Direction, LimitReport, MessageReport, NeighbourReport, ProofReport, StatusReport,
    SubscriptionReport, TypeReport,
};

pub(crate) use events::EventLog;
pub(crate) use look::{About, Window};

use answers::Answers;
use exchange::Exchange;
use gossip_core::time::{Duration, Instant};
use mio::net::TcpListener;
use mio::{Interest, Registry, Token};
use pace::Pace;
use page::Page;
use slab::Slab;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// Connections at once. The one that has been there the longest makes room: whoever asks without dawdling is answered
/// long before.
const CONNECTIONS_MAX: usize = 16;
/// How long accepting pauses when the system has nothing to accept with.
const PAUSE: Duration = Duration::from_millis(250);
/// Tokens from here on are this server's: the listener, then connections. Those of the loop's connections count up from
/// zero, and there are never so many.
const TOKENS: usize = usize::MAX / 2;

/// See the module.
pub(crate) struct Server {
    listener: TcpListener,
    answers: Answers,
    exchanges: Slab<Exchange>,
    /// There may be connections to accept: an edge was seen, and no WouldBlock since.
    is_accepting: bool,
    /// Nothing is accepted until then.
    paused_until: Option<Instant>,
    pace: Pace,
    /// Connections accepted so far.
    accepted: u64,
}

impl Server {
    pub(crate) fn new(
        mut listener: TcpListener,
        at: SocketAddr,
        api: &[SocketAddr],
        registry: &Registry,
    ) -> io::Result<Self> {
        registry.register(&mut listener, Token(TOKENS), Interest::READABLE)?;
        let started = jiff::Timestamp::now();
        let about = About {
            started: format!("{started:.3}"),
            started_seconds: started.as_duration().as_secs_f64(),
            api: api.to_vec(),
            status: at,
        };
        Ok(Self {
            listener,
            answers: Answers { about, page: Page::new(), answered: 0 },
            exchanges: Slab::with_capacity(CONNECTIONS_MAX),
            is_accepting: false,
            paused_until: None,
            pace: Pace::default(),
            accepted: 0,
        })
    }

    /// Is an event with this token for this server?
    pub(crate) const fn owns(token: usize) -> bool {
        token >= TOKENS && token - TOKENS <= CONNECTIONS_MAX
    }

    /// Remembers what the system says.
    pub(crate) fn note(&mut self, event: &mio::event::Event) {
        match (event.token().0 - TOKENS).checked_sub(1) {
            None => self.is_accepting = true,
            Some(slot) => {
                if let Some(exchange) = self.exchanges.get_mut(slot) {
                    exchange.note(event);
                }
            }
        }
    }

    /// When there is something to do next; in the past if there is now.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let accepting = self.is_accepting.then(|| self.paused_until.unwrap_or(Instant::ZERO));
        let exchanges = self.exchanges.iter().map(|(_, exchange)| exchange.deadline());
        exchanges.chain(accepting).min()
    }

    /// Does what there is to do.
    pub(crate) fn serve(&mut self, registry: &Registry, window: &Window<'_>) {
        self.accept(registry, window.now);
        let Self { exchanges, answers, .. } = self;
        exchanges.retain(|_, exchange| {
            exchange.advance(window.now, |request| answers.answer(request, window));
            !exchange.is_over()
        });
    }

    fn accept(&mut self, registry: &Registry, now: Instant) {
        while self.is_accepting && self.paused_until.is_none_or(|until| until <= now) {
            self.paused_until = Some(self.pace.ready_at()).filter(|at| *at > now);
            if self.paused_until.is_some() {
                return;
            }
            match self.listener.accept() {
                Ok((stream, _)) => {
                    self.pace.take(now);
                    self.make_room();
                    let entry = self.exchanges.vacant_entry();
                    let token = Token(TOKENS + 1 + entry.key());
                    match Exchange::new(stream, registry, token, self.accepted, now) {
                        Ok(exchange) => drop(entry.insert(exchange)),
                        Err(error) => log::debug!("cannot watch a connection to the status address: {error}"),
                    }
                    self.accepted += 1;
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => self.is_accepting = false,
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => {}
                    _ => {
                        log::debug!("cannot accept a connection to the status address: {error}");
                        self.paused_until = Some(now.after(PAUSE));
                    }
                },
            }
        }
    }

    fn make_room(&mut self) {
        if self.exchanges.len() >= CONNECTIONS_MAX
            && let Some((oldest, _)) = self.exchanges.iter().min_by_key(|(_, exchange)| exchange.number)
        {
            self.exchanges.remove(oldest);
        }
    }
}
