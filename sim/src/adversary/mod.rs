//! Adversaries: scripted hosts that speak the protocol's bytes, or what looks like it, with bad intentions.
//!
//! Each attack is a script (`Script`) over a `Crew`, which does what all of them need: hosts, connections, the
//! handshake in either role. Like the peers' core it opens nothing by itself: it is told what happened and says what is
//! to be done ([`Deed`]).

mod address;
mod crew;
mod member;

mod ask;
mod ask_again;
mod black_hole;
mod challenges;
mod churn;
mod collide;
mod drip;
mod eclipse;
mod empty_offers;
mod false_parent;
mod flood;
mod forged_ttl;
mod garbage;
mod half_frame;
mod hello_flood;
mod invalid;
mod poison;
mod replay;
mod sizes;
mod slow_reader;
mod turn_all;
mod wrong_proofs;

pub use address::{Whose, whose};
pub use crew::{Crew, Deed, Link, Stage};

use crate::scenario::Attack;
use gossip_core::wire::{Digest, Features, Frame, Interest, PeerMessage, TreeAction};

/// What an attack does when something happens. What it does not say, an honest peer would do.
trait Script {
    /// Once each `every`, from the start on.
    fn act(&mut self, _crew: &mut Crew) {}

    /// What it says of itself in CAPABILITIES, beside being in need, where that matters.
    fn features(&self) -> Option<Features> {
        None
    }

    /// A connection that was dialed stands.
    fn connected(&mut self, crew: &mut Crew, link: u32) {
        if let Some(features) = self.features() {
            crew.introduce(link, Features::URGENT.with(features));
        }
        crew.say_hello(link);
    }

    /// 506 came.
    fn challenged(&mut self, crew: &mut Crew, link: u32, nonce: u64) {
        crew.prove(link, nonce);
    }

    /// A peer dialed and said HELLO.
    fn greeted(&mut self, crew: &mut Crew, link: u32) {
        if let Some(features) = self.features() {
            crew.introduce(link, features);
        }
        crew.challenge(link);
    }

    /// A peer that dialed has done its work: true if it is let in.
    fn answered(&mut self, crew: &mut Crew, link: u32) -> bool {
        crew.tell_addresses(link, member::TOLD);
        true
    }

    /// The peer at the other end takes it for a neighbour.
    fn joined(&mut self, _crew: &mut Crew, _link: u32) {}

    /// A neighbour said something that is not about being neighbours.
    fn heard(&mut self, _crew: &mut Crew, _link: u32, _message: &PeerMessage<'_>) {}
}

/// Says a frame that has no message of its own type to be made of.
fn say(crew: &mut Crew, link: u32, frame: &Frame) {
    let bytes = frame.to_vec();
    if let Ok(message) = PeerMessage::decode(frame.kind(), &bytes[4..]) {
        crew.send(link, &message);
    }
}

/// Claims to be interested in all types: that is in one more than can be named.
fn want_everything(crew: &mut Crew, link: u32) {
    let types: Vec<u16> = (0..=256).collect();
    say(crew, link, &Interest::frame_of(&types));
}

/// As PROTOCOL.md has it, section 12.
fn digest_of(id: u16, data_type: u16, data: &[u8]) -> Digest {
    use sha2::{Digest as _, Sha256};
    let head = [id.to_be_bytes(), data_type.to_be_bytes()].concat();
    let hash = Sha256::new().chain_update(head).chain_update(data).finalize();
    hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// The scripts by their kind.
fn script(attack: Attack) -> Box<dyn Script> {
    match attack {
        Attack::HelloFlood => Box::new(hello_flood::HelloFlood),
        Attack::HalfFrame => Box::new(half_frame::HalfFrame),
        Attack::Drip => Box::new(drip::Drip),
        Attack::Sizes => Box::new(sizes::Sizes),
        Attack::Garbage => Box::new(garbage::Garbage),
        Attack::WrongProofs => Box::new(wrong_proofs::WrongProofs::default()),
        Attack::Challenges => Box::new(challenges::Challenges),
        Attack::Poison => Box::new(poison::Poison),
        Attack::Eclipse => Box::new(eclipse::Eclipse),
        Attack::BlackHole => Box::new(black_hole::BlackHole),
        Attack::Collide => Box::new(collide::Collide),
        Attack::Replay => Box::new(replay::Replay::default()),
        Attack::Invalid => Box::new(invalid::Invalid),
        Attack::ForgedTtl => Box::new(forged_ttl::ForgedTtl),
        Attack::SlowReader => Box::new(slow_reader::SlowReader),
        Attack::Churn => Box::new(churn::Churn),
        Attack::Ask => Box::new(ask::Ask),
        Attack::Flood => Box::new(flood::Flood),
        Attack::EmptyOffers => Box::new(empty_offers::EmptyOffers),
        Attack::PruneAll => Box::new(turn_all::TurnAll(TreeAction::Prune)),
        Attack::GraftAll => Box::new(turn_all::TurnAll(TreeAction::Graft)),
        Attack::FalseParent => Box::new(false_parent::FalseParent::default()),
        Attack::AskAgain => Box::new(ask_again::AskAgain::default()),
    }
}

/// A crew and what it is up to.
pub struct Gang {
    script: Box<dyn Script>,
    /// Its hosts and connections.
    pub crew: Crew,
}

impl Gang {
    /// The hosts of `crew`, with the script of their kind.
    pub fn new(crew: Crew) -> Self {
        Self { script: script(crew.plan().kind), crew }
    }

    /// Time has passed: acts if it is time to, and says when to be woken again.
    pub fn wake(&mut self, now: u64) -> Option<u64> {
        self.crew.now = now;
        if now >= self.crew.plan().stop {
            self.crew.leave();
            return None;
        }
        if now >= self.crew.act_at {
            self.crew.act_at = now + self.crew.plan().every;
            self.script.act(&mut self.crew);
        }
        self.crew.keep_up();
        Some(self.crew.wake_at())
    }

    /// A dial succeeded.
    pub fn connected(&mut self, now: u64, link: u32) {
        self.crew.now = now;
        if self.crew.stands(link) {
            self.script.connected(&mut self.crew, link);
        }
    }

    /// Bytes came.
    pub fn received(&mut self, now: u64, link: u32, bytes: &[u8]) {
        self.crew.now = now;
        member::received(&mut *self.script, &mut self.crew, link, bytes);
    }

    /// A proof of work is done.
    pub fn proved(&mut self, now: u64, link: u32) {
        self.crew.now = now;
        self.crew.say_proof(link);
    }
}
