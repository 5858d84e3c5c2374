//! The bytes of settings, both ways.

use super::encode::{Sink, Source};
use crate::pow::Target;
use crate::settings::{Addresses, Endpoint, Settings, Spreading};
use crate::time::Duration;

impl Sink {
    /// Every field: the compiler says so when one is missing.
    pub(super) fn settings(&mut self, settings: &Settings) {
        let Settings {
            cache_size,
            degree,
            p2p_address,
            advertised_address,
            bootstrapper,
            p2p_ttl,
            max_peers,
            target_peers,
            min_peers,
            push_fanout,
            discovery,
            announcer_vouches,
            validation_timeout,
            suppression_time,
            pow,
            pow_per_minute,
            connect_timeout,
            hello_timeout,
            verification_timeout,
            ping_interval,
            peer_timeout,
            ban_time,
            seen_max,
            pending_max,
            pending_bytes,
            api_queue,
            peer_queue,
            api_stall_timeout,
            peer_stall_timeout,
            unverified_max,
            unverified_per_ip,
            check_source_ip,
            handshakes_per_minute,
            peer_requests_per_minute,
            pushes_per_minute,
            look_ups_per_minute,
            partial_bytes,
            subnet_share,
            repair_interval,
            cache_bytes,
            replay,
            spreading,
        } = settings;
        self.addresses(p2p_address);
        self.addresses(advertised_address);
        self.number(bootstrapper.len() as u64);
        bootstrapper.iter().for_each(|endpoint| self.endpoint(endpoint));
        for n in [cache_size, degree, max_peers, target_peers, min_peers, push_fanout, pow_per_minute] {
            self.number(u64::from(*n));
        }
        for n in [seen_max, pending_max, unverified_max, unverified_per_ip] {
            self.number(u64::from(*n));
        }
        for n in [pending_bytes, api_queue, peer_queue] {
            self.number(*n);
        }
        for span in [validation_timeout, suppression_time, connect_timeout, hello_timeout, verification_timeout] {
            self.number(span.as_micros());
        }
        for span in [ping_interval, peer_timeout, ban_time, api_stall_timeout, peer_stall_timeout] {
            self.number(span.as_micros());
        }
        for switch in [discovery, announcer_vouches, check_source_ip] {
            self.u8(u8::from(*switch));
        }
        self.number(u64::from(*p2p_ttl));
        self.u8(match pow {
            Target::ZeroBits(bits) => *bits,
            Target::AsciiZeros => u8::MAX,
        });
        for n in [handshakes_per_minute, peer_requests_per_minute, pushes_per_minute, look_ups_per_minute] {
            self.number(u64::from(*n));
        }
        self.number(*partial_bytes);
        self.number(u64::from(*subnet_share));
        self.number(repair_interval.as_micros());
        self.number(*cache_bytes);
        self.u8(u8::from(*replay));
        self.u8(u8::from(*spreading == Spreading::Tree));
    }

    fn addresses(&mut self, addresses: &Addresses) {
        self.number(addresses.iter().count() as u64);
        addresses.iter().for_each(|address| self.address(address));
    }

    fn endpoint(&mut self, endpoint: &Endpoint) {
        match endpoint {
            Endpoint::Address(address) => {
                self.u8(0);
                self.address(*address);
            }
            Endpoint::Name { host, port } => {
                self.u8(1);
                self.bytes(host.as_bytes());
                self.number(u64::from(*port));
            }
        }
    }
}

impl Source<'_> {
    pub(super) fn settings(&mut self) -> Option<Settings> {
        let (p2p_address, advertised_address) = (self.addresses()?, self.addresses()?);
        let mut bootstrapper = Vec::new();
        for _ in 0..self.length()? {
            bootstrapper.push(self.endpoint()?);
        }
        // In the order of the fields' bytes above: a struct's fields are evaluated as they are written.
        Some(Settings {
            p2p_address,
            advertised_address,
            bootstrapper,
            cache_size: self.u32()?,
            degree: self.u32()?,
            max_peers: self.u32()?,
            target_peers: self.u32()?,
            min_peers: self.u32()?,
            push_fanout: self.u32()?,
            pow_per_minute: self.u32()?,
            seen_max: self.u32()?,
            pending_max: self.u32()?,
            unverified_max: self.u32()?,
            unverified_per_ip: self.u32()?,
            pending_bytes: self.number()?,
            api_queue: self.number()?,
            peer_queue: self.number()?,
            validation_timeout: self.span()?,
            suppression_time: self.span()?,
            connect_timeout: self.span()?,
            hello_timeout: self.span()?,
            verification_timeout: self.span()?,
            ping_interval: self.span()?,
            peer_timeout: self.span()?,
            ban_time: self.span()?,
            api_stall_timeout: self.span()?,
            peer_stall_timeout: self.span()?,
            discovery: self.switch()?,
            announcer_vouches: self.switch()?,
            check_source_ip: self.switch()?,
            p2p_ttl: u16::try_from(self.number()?).ok()?,
            pow: match self.u8()? {
                u8::MAX => Target::AsciiZeros,
                bits => Target::ZeroBits(bits),
            },
            handshakes_per_minute: self.u32()?,
            peer_requests_per_minute: self.u32()?,
            pushes_per_minute: self.u32()?,
            look_ups_per_minute: self.u32()?,
            partial_bytes: self.number()?,
            subnet_share: self.u32()?,
            repair_interval: self.span()?,
            cache_bytes: self.number()?,
            replay: self.switch()?,
            spreading: if self.switch()? { Spreading::Tree } else { Spreading::Push },
        })
    }

    fn u32(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn span(&mut self) -> Option<Duration> {
        self.number().map(Duration::from_micros)
    }

    fn switch(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn addresses(&mut self) -> Option<Addresses> {
        let mut addresses = Addresses::default();
        for _ in 0..self.length()? {
            addresses.set(self.address()?);
        }
        Some(addresses)
    }

    fn endpoint(&mut self) -> Option<Endpoint> {
        match self.u8()? {
            0 => self.address().map(Endpoint::Address),
            1 => {
                let host = String::from_utf8(self.bytes()?.to_vec()).ok()?;
                Some(Endpoint::Name { host, port: u16::try_from(self.number()?).ok()? })
            }
            _ => None,
        }
    }
}
