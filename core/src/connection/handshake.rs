//! The two halves of joining (PROTOCOL.md, section 3). A connection may run both: an old peer that we dialed may ask to
//! be verified on it.

use crate::settings::Settings;
use crate::time::Instant;

/// What we do to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prover {
    /// Nothing: it dialed us, or we are done.
    Idle,
    /// HELLO is out, 506 is awaited.
    HelloSent {
        /// When it went out.
        since: Instant,
    },
    /// 506 came; which of two connections stays is not decided yet.
    Held {
        /// What 506 said.
        nonce: u64,
    },
    /// A proof is wanted, or being looked for.
    Solving {
        /// What 506 said.
        nonce: u64,
        /// When it came.
        since: Instant,
    },
    /// 507 is out, 505 is awaited.
    ProofSent {
        /// When it went out.
        since: Instant,
    },
}

impl Prover {
    /// When this step has taken too long. A proof that takes longer than a verifier would wait is given up, so that it
    /// does not keep others from their turn.
    pub(crate) fn overdue_at(&self, settings: &Settings) -> Option<Instant> {
        match *self {
            Self::Idle | Self::Held { .. } => None,
            Self::HelloSent { since } | Self::ProofSent { since } => Some(since.after(settings.hello_timeout)),
            Self::Solving { since, .. } => Some(since.after(settings.verification_timeout)),
        }
    }
}

/// What we ask of who wants in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verifier {
    /// Nothing: we dialed it.
    Quiet,
    /// HELLO is awaited.
    AwaitHello {
        /// When it was accepted.
        since: Instant,
    },
    /// HELLO came; which of two connections stays is not decided yet.
    Held,
    /// 506 is out, 507 is awaited.
    Challenged {
        /// What 506 said. Used once.
        nonce: u64,
        /// When it went out.
        since: Instant,
    },
    /// 507 was right.
    Verified,
}

impl Verifier {
    /// When this step has taken too long.
    pub(crate) fn overdue_at(&self, settings: &Settings) -> Option<Instant> {
        match *self {
            Self::Quiet | Self::Held | Self::Verified => None,
            Self::AwaitHello { since } => Some(since.after(settings.hello_timeout)),
            Self::Challenged { .. } if planted!(VerificationNotTimed) => None,
            Self::Challenged { since, .. } => Some(since.after(settings.verification_timeout)),
        }
    }

    /// Was this nonce issued here and not answered yet?
    pub(crate) fn issued(&self, nonce: u64) -> bool {
        matches!(*self, Self::Challenged { nonce: issued, .. } if issued == nonce)
    }
}
