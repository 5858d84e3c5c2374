//! Bootstrappers: called for ever while the view is empty, looked up now and then later (PROTOCOL.md, section 4).

use super::Next;
use super::lost::grown;
use crate::address::holder;
use crate::connection::peer::Origin;
use crate::limits::REDIAL_PAUSE;
use crate::rng::Rng;
use crate::settings::Endpoint;
use crate::time::{Duration, Instant};
use std::net::{IpAddr, SocketAddr};

/// The configured list, less ourselves.
#[derive(Clone, Debug)]
pub(crate) struct Bootstrappers {
    list: Vec<Bootstrapper>,
    /// The index that is looked up next.
    look_up: usize,
}

#[derive(Clone, Debug)]
struct Bootstrapper {
    endpoint: Endpoint,
    /// The literal address, or the one that its name led to last.
    address: Option<SocketAddr>,
    /// It is ourselves.
    is_struck: bool,
    /// Its name is being looked up.
    is_resolving: bool,
    /// Answers to look-ups: none known yet.
    answers_look_ups: Option<bool>,
    /// How many dials have failed: which of a name's addresses is next.
    attempts: usize,
    /// Its name led nowhere and that was said.
    is_lamented: bool,
    at: Instant,
    pause: Duration,
}

impl Bootstrappers {
    pub(crate) fn new(endpoints: &[Endpoint], own: &[SocketAddr], now: Instant) -> Self {
        let list = endpoints.iter().map(|endpoint| {
            let address = match endpoint {
                Endpoint::Address(address) => Some(crate::address::canonical(*address)),
                Endpoint::Name { .. } => None,
            };
            Bootstrapper {
                endpoint: endpoint.clone(),
                address,
                is_struck: address.is_some_and(|address| own.contains(&address)),
                is_resolving: false,
                answers_look_ups: None,
                attempts: 0,
                is_lamented: false,
                at: now,
                pause: REDIAL_PAUSE.0,
            }
        });
        Self { list: list.collect(), look_up: 0 }
    }

    /// Is there nobody to call?
    pub(crate) fn is_empty(&self) -> bool {
        self.list.iter().all(|one| one.is_struck)
    }

    /// Is it, or was it last, the address of one of them?
    pub(crate) fn contains(&self, address: &SocketAddr) -> bool {
        self.list.iter().any(|one| one.address == Some(*address))
    }

    /// Does one of them live, or did it last, with this holder of IPs?
    pub(crate) fn contains_holder(&self, ip: IpAddr) -> bool {
        self.list.iter().any(|one| one.address.is_some_and(|address| holder(address.ip()) == ip))
    }

    pub(crate) fn endpoint(&self, index: usize) -> Option<&Endpoint> {
        self.list.get(index).map(|one| &one.endpoint)
    }

    /// It is ourselves: struck.
    pub(crate) fn strike(&mut self, address: SocketAddr) {
        self.list.iter_mut().filter(|one| one.address == Some(address)).for_each(|one| one.is_struck = true);
    }

    /// Its name leads to ourselves: struck.
    pub(crate) fn strike_index(&mut self, index: usize) {
        if let Some(one) = self.list.get_mut(index) {
            one.is_struck = true;
        }
    }

    /// The one that has waited the longest, and when it may be called; none while `in_turn` and a name is being looked
    /// up.
    pub(crate) fn next(
        &self,
        in_turn: bool,
        dialable_at: impl Fn(&SocketAddr) -> Option<Instant>,
    ) -> Option<(Instant, usize)> {
        if in_turn && self.list.iter().any(|one| one.is_resolving) {
            return None;
        }
        let callable = |(index, one): (usize, &Bootstrapper)| {
            let allowed = match one.address {
                Some(address) => dialable_at(&address)?,
                None => Instant::ZERO,
            };
            (!one.is_struck && !one.is_resolving).then(|| (one.at.max(allowed), index))
        };
        self.list.iter().enumerate().filter_map(callable).min()
    }

    /// Calls it now. A name is looked up anew each time.
    pub(crate) fn call(&mut self, index: usize) -> Option<Next> {
        let one = self.list.get_mut(index)?;
        match one.endpoint {
            Endpoint::Address(address) => {
                Some(Next::Dial(crate::address::canonical(address), Origin::Bootstrapper(index)))
            }
            Endpoint::Name { .. } => {
                one.is_resolving = true;
                Some(Next::Resolve(index))
            }
        }
    }

    /// A name was looked up: which of its usable addresses to dial; none if there is none. `lament`: say so, once.
    pub(crate) fn resolved(&mut self, index: usize, usable: &[SocketAddr]) -> Resolved {
        let Some(one) = self.list.get_mut(index) else { return Resolved::Nowhere { lament: false } };
        one.is_resolving = false;
        let turn = one.attempts.checked_rem(usable.len()).unwrap_or(0);
        match usable.get(turn) {
            Some(address) => {
                one.address = Some(*address);
                one.is_lamented = false;
                Resolved::To(*address)
            }
            None => {
                let lament = !one.is_lamented;
                one.is_lamented = true;
                Resolved::Nowhere { lament }
            }
        }
    }

    pub(crate) fn established(&mut self, index: usize, now: Instant) -> Option<Duration> {
        let one = self.list.get_mut(index)?;
        one.attempts = 0;
        let pause = one.pause;
        one.at = now.after(pause);
        Some(pause)
    }

    pub(crate) fn failed(&mut self, index: usize, now: Instant, rng: &mut Rng) {
        if let Some(one) = self.list.get_mut(index) {
            one.attempts = one.attempts.wrapping_add(1);
            one.at = now.after(rng.jittered(one.pause));
            one.pause = grown(one.pause);
        }
    }

    /// A neighbour was lost that may be one of them.
    pub(crate) fn lost(&mut self, address: &SocketAddr, now: Instant, pause: Duration, rng: &mut Rng) {
        for one in self.list.iter_mut().filter(|one| one.address == Some(*address)) {
            one.at = now.after(rng.jittered(pause));
            one.pause = grown(pause);
        }
    }

    /// What is known of an address: does it answer look-ups?
    pub(crate) fn answers_look_ups(&mut self, address: &SocketAddr, answers: bool) {
        self.list
            .iter_mut()
            .filter(|one| one.address == Some(*address))
            .for_each(|one| one.answers_look_ups = Some(answers));
    }

    /// The next to be looked up, in turn: its address, or the index of the name to look up first. One that is known not
    /// to answer is passed over if `must_answer`.
    pub(crate) fn next_look_up(&mut self, must_answer: bool) -> Option<(usize, Option<SocketAddr>)> {
        for _ in 0..self.list.len() {
            let index = self.look_up.checked_rem(self.list.len()).unwrap_or(0);
            self.look_up = index.saturating_add(1);
            let Some(one) = self.list.get_mut(index) else { continue };
            if one.is_struck || one.is_resolving || (must_answer && one.answers_look_ups == Some(false)) {
                continue;
            }
            one.is_resolving = one.address.is_none();
            return Some((index, one.address));
        }
        None
    }
}

/// Where a name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// To this address.
    To(SocketAddr),
    /// Nowhere, as things stand.
    Nowhere {
        /// That has not been said yet.
        lament: bool,
    },
}
