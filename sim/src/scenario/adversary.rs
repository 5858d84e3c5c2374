//! Who attacks, and how.

use super::Who;

/// Scripted hosts that are alike and work together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adversary {
    /// Its name.
    pub name: String,
    /// What they do.
    pub kind: Attack,
    /// How many hosts there are, each with an IP of its own and all its ports.
    pub hosts: u32,
    /// Is each connection another peer, at another port? Else each host is one.
    pub is_many: bool,
    /// Over so many /16 networks these are spread.
    pub networks: u32,
    /// Which peers they attack.
    pub targets: Who,
    /// So many connections to each of these they keep up, all hosts together.
    pub connections: u32,
    /// The pause between two acts against each target or on each connection, microseconds.
    pub every: u64,
    /// From this time on, microseconds.
    pub start: u64,
    /// Until this time: then they are gone without a word.
    pub stop: u64,
    /// Bytes of data of what they make up.
    pub size: u32,
    /// The data type of messages that they make up.
    pub data_type: u16,
    /// Whose addresses they pass on.
    pub addresses: Lure,
    /// SHA-256 a second of one of their hosts.
    pub hash_rate: u64,
}

/// Whose addresses an adversary passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lure {
    /// Its own.
    Own,
    /// Nobody's: no answer ever comes from there.
    Dead,
    /// All ports of one host that has no part in this.
    Victim,
}

/// What [`Lure`]s are called.
pub(super) const LURES: &[&str] = &["own", "dead", "victim"];

macro_rules! attacks {
    ($($name:ident $word:literal $sentence:literal,)+) => {
        /// What an adversary does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Attack {
            $(#[doc = $sentence] $name,)+
        }

        /// Every kind of attack: what it is called, which it is, and what its hosts do.
        pub const ATTACKS: &[(&str, Attack, &str)] = &[$(($word, Attack::$name, $sentence),)+];
    };
}

attacks! {
    HelloFlood "hello-flood" "Connect, say HELLO and never answer; once for each `every` and target.",
    HalfFrame "half-frame" "Connect, say half of HELLO and no more.",
    Drip "drip" "Say a byte each `every`: half of them before they are neighbours, half as neighbours.",
    Sizes "sizes" "Connect and send frames with impossible sizes.",
    Garbage "garbage" "Become neighbours, then send `size` random bytes each `every`.",
    WrongProofs "wrong-proofs" "Answer with wrong and with replayed proofs of work.",
    Challenges "challenges" "Make themselves known, and ask who dials them for one proof of work after the other.",
    Poison "poison" "Become neighbours and spread `addresses` by PUSH and PEER RESPONSE.",
    Eclipse "eclipse" "Push into views by paid identities that claim to be urgent, name only each other, and forward nothing.",
    BlackHole "black-hole" "Be neighbours as one should, but forward nothing.",
    Collide "collide" "Spread other data under the id of each message heard, at once.",
    Replay "replay" "Send old notifications again, as they were and under other ids.",
    Invalid "invalid" "Send a new message that modules refuse on each connection each `every`.",
    ForgedTtl "forged-ttl" "Pass on what is heard at once, with a ttl of 0, 1 or 255.",
    SlowReader "slow-reader" "Become neighbours and never read.",
    Churn "churn" "Become neighbours and leave at once, over and over.",
    Ask "ask" "Send PEER REQUEST on each connection, and a look-up to each target, each `every`.",
    Flood "flood" "Send a new message that modules like on each connection each `every`.",
    EmptyOffers "empty-offers" "Offer what is heard at once, and each `every` 64 messages that there are not; send none.",
    AskAgain "ask-again" "Ask for everything that is offered twice, and for all of it again each `every`.",
    PruneAll "prune-all" "Tell each neighbour each `every` to send offers only, and pass nothing on.",
    GraftAll "graft-all" "Ask each neighbour each `every` to send everything in full, and pass nothing on.",
    FalseParent "false-parent" "Pass on what is heard at once for five acts, then offer it and send none for five, and so on.",
}

impl Attack {
    /// What files call it.
    pub fn word(self) -> &'static str {
        ATTACKS.iter().find(|(_, attack, _)| *attack == self).map_or("", |(word, ..)| word)
    }
}
