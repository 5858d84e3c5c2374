//! What peers' faults add up to (PROTOCOL.md, section 7): points within ten minutes, and bans that expire.

use crate::address::of_holder;
use crate::limits::{FAULT_POINTS_MAX, FAULT_WINDOW, FAULTY_MAX};
use crate::time::{Duration, Instant};
use crate::util::memory::Memory;
use crate::util::sorted::SortedMap;
use std::net::{IpAddr, SocketAddr};

/// Points of the last [`FAULT_WINDOW`], kept by tenths of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Score {
    tenths: [u8; Self::TENTHS],
    /// The number of the tenth that the last entry of `tenths` counts.
    latest: u32,
}

impl Score {
    const TENTHS: usize = 10;
    /// Without a fault.
    pub(crate) const CLEAN: Self = Self { tenths: [0; Self::TENTHS], latest: 0 };

    /// Adds points; says whether they are too many now.
    pub(crate) fn add(&mut self, now: Instant, points: u32) -> bool {
        let tenth = FAULT_WINDOW.part(Self::TENTHS as u64).as_micros();
        let number = now.as_micros().checked_div(tenth).unwrap_or(0);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let passed = usize::try_from(number.saturating_sub(self.latest)).unwrap_or(Self::TENTHS);
        for _ in 0..passed.min(Self::TENTHS) {
            self.tenths.rotate_left(1);
            if let Some(latest) = self.tenths.last_mut() {
                *latest = 0;
            }
        }
        self.latest = self.latest.max(number);
        if let Some(latest) = self.tenths.last_mut() {
            *latest = latest.saturating_add(u8::try_from(points).unwrap_or(u8::MAX));
        }
        self.tenths.iter().fold(0u32, |sum, points| sum.saturating_add(u32::from(*points))) >= FAULT_POINTS_MAX
    }
}

/// Who is charged beside the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Offender {
    /// Who holds the source of an accepted connection; the listening port that it claims proves nothing.
    Ip(IpAddr),
    /// The address that we dialed.
    Address(SocketAddr),
}

impl Offender {
    fn address(self) -> SocketAddr {
        match self {
            Self::Ip(ip) => of_holder(ip),
            Self::Address(address) => address,
        }
    }
}

/// Points and bans. Capacity: [`FAULTY_MAX`] each. When the points' table is full, the longest without a fault goes.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    scores: SortedMap<Offender, (Score, Instant)>,
    /// The holder of an IP as an address with port 0, where nobody listens.
    banned: Memory,
}

impl Faults {
    pub(crate) const fn new() -> Self {
        Self { scores: SortedMap::new(), banned: Memory::new(FAULTY_MAX) }
    }

    /// Those with points, or those banned, whichever are more.
    pub(crate) fn len(&self) -> usize {
        self.scores.len().max(self.banned.len())
    }

    /// Forgets points and bans that have expired.
    pub(crate) fn tidy(&mut self, now: Instant) {
        self.forget_old_points(now);
        self.banned.expire(now);
    }

    fn forget_old_points(&mut self, now: Instant) {
        self.scores.retain(|_, (_, last)| now.since(*last) < FAULT_WINDOW);
    }

    /// Charges an offender; says whether the points are too many now.
    pub(crate) fn charge(&mut self, now: Instant, offender: Offender, points: u32) -> bool {
        if !self.scores.contains_key(&offender) && self.scores.len() >= FAULTY_MAX {
            self.forget_old_points(now);
            if self.scores.len() >= FAULTY_MAX
                && let Some(oldest) = self.scores.iter().min_by_key(|(_, (_, last))| *last).map(|(who, _)| *who)
            {
                self.scores.remove(&oldest);
            }
        }
        self.scores.change(
            offender,
            || (Score::default(), now),
            |(score, last)| {
                *last = now;
                score.add(now, points)
            },
        )
    }

    /// Refuses an offender for a while; its points are paid with that.
    pub(crate) fn ban(&mut self, now: Instant, offender: Offender, time: Duration) {
        self.scores.remove(&offender);
        self.banned.insert(now, offender.address(), now.after(time));
    }

    /// May a connection from this IP come in?
    pub(crate) fn refuses_ip(&self, now: Instant, ip: IpAddr) -> bool {
        self.banned.contains(now, &of_holder(ip))
    }

    /// Until when this address is not to be dialed.
    pub(crate) fn refuses_address_until(&self, now: Instant, address: SocketAddr) -> Option<Instant> {
        let of_address = self.banned.until(now, &address);
        of_address.max(self.banned.until(now, &of_holder(address.ip())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(n: u64) -> Instant {
        Instant::ZERO.after(Duration::from_secs(60 * n))
    }

    #[test]
    fn a_hundred_points_within_ten_minutes_are_too_many() {
        let mut score = Score::default();
        assert!(!score.add(minutes(0), 50));
        assert!(!score.add(minutes(5), 49));
        assert!(score.add(minutes(9), 1));
    }

    #[test]
    fn points_older_than_ten_minutes_do_not_count() {
        let mut score = Score::default();
        assert!(!score.add(minutes(0), 99));
        assert!(!score.add(minutes(10), 99));
        assert!(score.add(minutes(11), 1));
        assert!(!score.add(minutes(1_000), 99));
    }

    #[test]
    fn bans_expire_and_their_points_are_paid() {
        let mut faults = Faults::new();
        let ip: IpAddr = "10.0.0.1".parse().unwrap();
        assert!(faults.charge(minutes(0), Offender::Ip(ip), 100));
        faults.ban(minutes(0), Offender::Ip(ip), Duration::from_secs(600));
        assert!(faults.refuses_ip(minutes(9), ip));
        assert_eq!(faults.refuses_address_until(minutes(9), SocketAddr::new(ip, 5)), Some(minutes(10)));
        assert!(!faults.refuses_ip(minutes(10), ip));
        assert!(!faults.charge(minutes(10), Offender::Ip(ip), 20));
    }

    #[test]
    fn the_table_of_points_is_bounded() {
        let mut faults = Faults::new();
        let most = u32::try_from(FAULTY_MAX).unwrap();
        for n in 0..most + 100 {
            faults.charge(Instant::from_micros(u64::from(n)), Offender::Ip(std::net::Ipv4Addr::from(n).into()), 99);
        }
        assert_eq!(faults.scores.len(), FAULTY_MAX);
        let last = Offender::Ip(std::net::Ipv4Addr::from(most + 99).into());
        assert!(faults.charge(minutes(1), last, 1), "the latest is kept");
        assert_eq!(faults.scores.len(), FAULTY_MAX, "who is in it already costs nobody a place");
    }

    #[test]
    fn points_and_bans_that_have_expired_take_no_place() {
        let mut faults = Faults::new();
        let [faulty, banned] = ["91.0.0.1", "91.0.0.2"].map(|ip| Offender::Ip(ip.parse().unwrap()));
        faults.charge(minutes(0), faulty, 10);
        faults.ban(minutes(0), banned, Duration::from_secs(600));
        faults.tidy(minutes(9));
        assert_eq!((faults.scores.len(), faults.banned.len()), (1, 1));
        faults.tidy(minutes(11));
        assert_eq!((faults.scores.len(), faults.banned.len()), (0, 0));
    }
}
