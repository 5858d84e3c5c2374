//! Whom to call, and when to ask (PROTOCOL.md, section 4).

use super::Membership;
use crate::address::{Scope, holder, of_holder, scope};
use crate::connection::peer::Origin;
use crate::limits;
use crate::rng::Rng;
use crate::settings::Settings;
use crate::time::{Instant, earliest};
use std::net::{IpAddr, SocketAddr};

/// Dials that are under way, and whom not to dial besides neighbours.
pub(crate) struct UnderWay<'a> {
    /// Connections dialed to become neighbours, not established yet.
    pub(crate) dials: usize,
    /// Those of them that may still wait for their 506.
    pub(crate) unanswered: usize,
    /// Where they lead: holders of IPs.
    pub(crate) dialing: &'a [IpAddr],
    /// One of them is to a bootstrapper.
    pub(crate) bootstrapping: bool,
    /// Addresses with a connection that may yet become a neighbour.
    pub(crate) busy: &'a [SocketAddr],
    /// Until when an address is banned.
    pub(crate) banned_until: &'a dyn Fn(SocketAddr) -> Option<Instant>,
}

/// What to do about the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Dial this one now, and ask again.
    Dial(SocketAddr, Origin),
    /// Look the name of the bootstrapper with this index up, and ask again.
    Resolve(usize),
    /// Nothing before this time, unless something happens.
    Wait(Option<Instant>),
}

impl Membership {
    /// Would more neighbours be welcome, counting these dials as if they were?
    pub(super) fn needs(&self, settings: &Settings, dials: usize) -> bool {
        let (chosen, all) = (self.view.chosen().saturating_add(dials), self.view.len().saturating_add(dials));
        let wanted = chosen < settings.target_peers as usize || all < settings.min_peers as usize;
        wanted && all < settings.max_peers as usize
    }

    /// With an empty view the bootstrappers are called, in turn. When two of them had no room but addresses, those come
    /// first: the others would be as full.
    fn wants_bootstrapper(&self, now: Instant, under_way: &UnderWay<'_>) -> bool {
        let are_asked = self.refusals >= 2 && (under_way.dials > 0 || !self.candidates.is_all_parked(now));
        self.view.is_empty() && !under_way.bootstrapping && !are_asked
    }

    /// Is a place free for one that we choose though the view is satisfied, with at most so many chosen beyond
    /// `target_peers` before it?
    fn has_spare(&self, settings: &Settings, dials: usize, beyond: usize) -> bool {
        let (chosen, all) = (self.view.chosen().saturating_add(dials), self.view.len().saturating_add(dials));
        chosen <= (settings.target_peers as usize).saturating_add(beyond) && all < settings.max_peers as usize
    }

    /// When an address may be dialed; none if never, as things stand.
    fn dialable_at(
        &self,
        now: Instant,
        settings: &Settings,
        under_way: &UnderWay<'_>,
        address: &SocketAddr,
    ) -> Option<Instant> {
        let is_out = under_way.busy.contains(address)
            || self.is_own(address)
            || self.addresses.told_to(address).is_none()
            || self.view.by_address(address).is_some()
            || self.is_of_crowded_network(settings, address);
        if is_out {
            return None;
        }
        let refused = self.refused.until(now, address);
        Some(refused.max((under_way.banned_until)(*address)).unwrap_or(Instant::ZERO))
    }

    /// When an address that others told us of may be dialed. A public IP gets one dial at a time, and a pause after one
    /// that failed, whatever the ports: else whoever spreads a victim's IP with many ports has us storm it.
    pub(super) fn hearsay_dialable_at(
        &self,
        now: Instant,
        settings: &Settings,
        under_way: &UnderWay<'_>,
        address: &SocketAddr,
    ) -> Option<Instant> {
        let at = self.dialable_at(now, settings, under_way, address)?;
        if scope(address.ip()) != Scope::Global {
            return Some(at);
        }
        let is_tried = under_way.dialing.contains(&holder(address.ip()));
        let until = self.unreachable.until(now, &of_holder(address.ip()));
        (!is_tried).then(|| until.map_or(at, |until| at.max(until)))
    }

    /// Whom to dial now, or when to ask again (section 4).
    pub(crate) fn next_dial(&mut self, now: Instant, settings: &Settings, under_way: &UnderWay<'_>) -> Next {
        self.is_short = false;
        if under_way.unanswered >= limits::DIALS_MAX {
            return Next::Wait(None);
        }
        let has_room = self.view.len().saturating_add(under_way.dials) < settings.max_peers as usize;
        let calls_bootstrapper = if settings.discovery { self.wants_bootstrapper(now, under_way) } else { has_room };
        let mut wake: Option<Instant> = None;
        let mut wait_for = |at: Option<Instant>| wake = earliest([wake, at]);
        if calls_bootstrapper {
            let dialable = |address: &SocketAddr| self.dialable_at(now, settings, under_way, address);
            match self.bootstrappers.next(settings.discovery, dialable) {
                Some((at, index)) if at <= now => {
                    if let Some(next) = self.bootstrappers.call(index) {
                        return next;
                    }
                }
                later => wait_for(later.map(|(at, _)| at)),
            }
        }
        if !settings.discovery {
            return Next::Wait(wake);
        }
        let dials = under_way.dials;
        // The place that is kept for the lost.
        let (needs, has_spare) = (self.needs(settings, dials), self.has_spare(settings, dials, 0));
        // Two networks grow together only if a stranger is dialed though the view is satisfied and the spare place taken:
        // one place more, so that it does not go on for ever.
        if let Some(address) = self.stranger.take()
            && self.has_spare(settings, dials, 1)
            && self.hearsay_dialable_at(now, settings, under_way, &address).is_some_and(|at| at <= now)
            && let Some(left) = self.strangers_left.checked_sub(1)
        {
            self.strangers_left = left;
            return Next::Dial(address, Origin::Stranger);
        }
        self.lost.expire(now);
        let dialable = |address: &SocketAddr| self.dialable_at(now, settings, under_way, address);
        let of_lost = if needs || has_spare { self.lost.pick(now, dialable) } else { Err(None) };
        // Until its time has come, it is enough to know that there is one.
        let enough = if self.dial_at.is_some_and(|at| at <= now) { usize::MAX } else { 1 };
        let of_candidates = if needs && !planted!(CandidatesNotDialed) {
            let dialable = |address: &SocketAddr| self.hearsay_dialable_at(now, settings, under_way, address);
            self.candidates.ready(now, enough, dialable)
        } else {
            Err(None)
        };
        if !needs {
            self.dial_at = None;
        }
        self.is_short = needs && of_candidates.is_err() && of_lost.is_err();
        if let Err(at) = of_lost {
            wait_for(at);
        }
        let candidate = match of_candidates {
            Err(at) => {
                wait_for(at);
                None
            }
            Ok(mut ready) => {
                let delay = |rng: &mut Rng| now.after(rng.between(limits::DIAL_DELAY.0, limits::DIAL_DELAY.1));
                let at = *self.dial_at.get_or_insert_with(|| delay(&mut self.rng));
                if at > now {
                    wait_for(Some(at));
                    None
                } else {
                    self.rng.choose(&mut ready, 1);
                    ready.pop()
                }
            }
        };
        match (of_lost.ok(), candidate) {
            (Some(lost), None) => Next::Dial(lost, Origin::Known),
            (Some(lost), Some(_)) if self.is_turn_of_lost => {
                self.is_turn_of_lost = false;
                Next::Dial(lost, Origin::Known)
            }
            (_, Some(candidate)) => {
                self.is_turn_of_lost = true;
                self.dial_at = None;
                Next::Dial(candidate, Origin::Known)
            }
            (None, None) => Next::Wait(wake),
        }
    }

    /// When a neighbour is to be asked for addresses, if one is: nobody can be dialed, and neighbours are wanted.
    pub(crate) fn next_ask(&self, settings: &Settings) -> Option<Instant> {
        (settings.discovery && self.is_short && !self.view.is_empty()).then_some(self.ask_at)
    }

    /// A neighbour is being asked; the pause before the next time grows until something new comes.
    pub(crate) fn asking(&mut self, now: Instant) {
        self.asked_at = now;
        let pause = self.rng.jittered(self.ask_pause);
        self.ask_at = now.after(pause);
        self.ask_pause = self.ask_pause.times(2).min(limits::PEER_REQUEST_PAUSE.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Addresses, Settings};

    #[test]
    fn a_dial_that_failed_brings_the_pause_also_if_its_address_was_crowded_out_meanwhile() {
        let own = Addresses::of("91.7.0.1:6001".parse().unwrap());
        let settings = Settings::new(50, 30, own);
        let mut membership = Membership::new(&settings, [7; 32], Instant::ZERO);
        let under_way = UnderWay {
            dials: 0,
            unanswered: 0,
            dialing: &[],
            bootstrapping: false,
            busy: &[],
            banned_until: &|_| None,
        };
        let [dialed, other]: [SocketAddr; 2] = ["91.80.0.1:7000", "91.80.0.1:7001"].map(|text| text.parse().unwrap());
        let mut pause = |address: SocketAddr, origin: Origin| {
            membership.failed(Instant::ZERO, address, origin);
            membership.hearsay_dialable_at(Instant::ZERO, &settings, &under_way, &other)
        };
        assert_eq!(
            pause(dialed, Origin::Bootstrapper(0)),
            Some(Instant::ZERO),
            "the administrator's word is no hearsay"
        );
        assert_eq!(pause(dialed, Origin::Known), Some(Instant::ZERO.after(limits::FAILURE_PAUSE)));
    }
}
