//! Faults planted on purpose, each a one-line mistake as people make them, to show that the simulator finds such
//! mistakes (docs/SIMULATION.md, Planted faults). A device of the tests and nothing else.
//!
//! It exists only in builds with the feature `planted` *and* debug assertions; everywhere else `planted!` is the
//! constant `false`, and neither the faults nor the switch are there at all. The switch belongs to the thread and holds
//! for the length of one call: every run has its own.

/// Is this fault planted here and now?
#[cfg(all(feature = "planted", debug_assertions))]
macro_rules! planted {
    ($fault:ident) => {
        crate::planted::is($crate::planted::Planted::$fault)
    };
}

/// No fault is planted in such a build.
#[cfg(not(all(feature = "planted", debug_assertions)))]
macro_rules! planted {
    ($fault:ident) => {
        false
    };
}

#[cfg(all(feature = "planted", debug_assertions))]
pub use faults::{Planted, with};

#[cfg(all(feature = "planted", debug_assertions))]
pub(crate) use faults::is;

#[cfg(all(feature = "planted", debug_assertions))]
mod faults {
    use std::cell::Cell;

    macro_rules! faults {
        (
            of_nodes { $($(#[doc = $rule:literal])+ $fault:ident,)+ }
            of_readers { $($(#[doc = $broken:literal])+ $of_reader:ident,)+ }
        ) => {
            /// What can be planted. Each says which rule of PROTOCOL.md, or of a format, it breaks, and how.
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
            pub enum Planted {
                $($(#[doc = $rule])+ $fault,)+
                $($(#[doc = $broken])+ $of_reader,)+
            }

            impl Planted {
                /// Those that a network of sound nodes meets: the simulator finds them.
                pub const ALL: &[Self] = &[$(Self::$fault),+];
                /// Those that a network of sound nodes does not meet: the fuzzers find them (docs/TESTING.md).
                pub const OF_READERS: &[Self] = &[$(Self::$of_reader),+];
            }
        };
    }

    faults! { of_nodes {
        /// Section 5, rule 6: a copy of a message that is remembered is taken for a new one.
        SuppressionForgotten,
        /// Section 5, rule 6: a message is forgotten before its time.
        ForgottenTooEarly,
        /// Section 5, rule 6: no message is ever forgotten.
        NeverForgotten,
        /// Section 5, rule 5: a message goes on with the ttl that it came with.
        TtlNotLowered,
        /// Section 5, rule 4: a message goes to neighbours that it came from.
        SentBack,
        /// Section 5, rule 3: a message that a module refused is spread.
        RefusedIsSpread,
        /// Section 5, rule 3: a message is spread before a module has said anything about it.
        SpreadUnvouched,
        /// Section 5, rule 2: a message that nobody answers for waits for ever.
        WaitsForever,
        /// Section 5, Pressure: a message that waits no more still counts as waiting in the sum of their bytes.
        WaitingBytesLeaked,
        /// Section 5, Pressure: an ANNOUNCE that is parked no more still counts in the sum of their bytes.
        ParkedBytesLeaked,
        /// Section 5, Pressure: a neighbour's queue takes messages without end.
        QueueUnbounded,
        /// Section 5, Pressure: what a connection's driver has written still counts as queued.
        WrittenForgotten,
        /// Section 6: subscriptions outlive their connection.
        SubscriptionsOutlive,
        /// Section 2: the proof of work is asked for, found and checked with one bit too few.
        ProofOneBitShort,
        /// Section 3: who dials is let in without being asked for a proof of work.
        UnverifiedAdmitted,
        /// Section 3: every VERIFICATION REQUEST carries the same nonce.
        NonceReused,
        /// Section 3: the time to answer a VERIFICATION REQUEST is not limited: its timer is never armed.
        VerificationNotTimed,
        /// Section 3: the time that a dialer waits runs out, and the connection stays.
        LeftOpenPastTimeout,
        /// Section 3: a proof of work for a connection that ended is still waited for.
        ProofNotCancelled,
        /// Section 3: a connection's timer is not cancelled when it ends.
        TimerNotCancelled,
        /// Section 3: something is said after the last word on a connection.
        WritesAfterClose,
        /// Section 4: one neighbour more than `max_peers` finds a place.
        ViewBoundOffByOne,
        /// Section 4: newcomers displace neighbours that were chosen.
        EvictsChosen,
        /// Section 4: GOODBYE is not listened to, so who evicted us is dialed again at once.
        GoodbyeIgnored,
        /// Section 4: a neighbour stays in the view though its last connection is gone.
        NeighbourOutlives,
        /// Section 4, Finding back: nobody looks for lost neighbours.
        LostNotLookedFor,
        /// Section 4: no candidate is ever dialed.
        CandidatesNotDialed,
        /// Section 8: nobody notices that a neighbour has been silent for too long.
        SilenceUnnoticed,
    } of_readers {
        /// Section 1: a size of 3 passes for that of a frame.
        SizeBelowHeader,
        /// Section 1: of a frame that is not wanted one byte too few is skipped.
        SkippedTooLittle,
        /// Section 1: bytes after a body's last field are overlooked.
        TrailingBytesOverlooked,
        /// Recordings: nobody compares the checksum.
        ChecksumNotCompared,
        /// Section 9: an IPv6 address is written without the brackets that it is read with.
        BracketsForgotten,
        /// Section 13: a neighbour that takes part in repair is told of trees, whether it can do with them or not.
        TreesUnasked,
        /// Other settings are taken over though they do not go together.
        ConflictTakenOver,
    } }

    thread_local! {
        static PLANTED: Cell<Option<Planted>> = const { Cell::new(None) };
    }

    pub(crate) fn is(fault: Planted) -> bool {
        PLANTED.get() == Some(fault)
    }

    /// Calls `run` with this fault planted, on this thread; it is gone afterwards, also when `run` panics.
    pub fn with<T>(fault: Planted, run: impl FnOnce() -> T) -> T {
        struct Uproot(Option<Planted>);
        impl Drop for Uproot {
            fn drop(&mut self) {
                PLANTED.set(self.0);
            }
        }
        let _uproot = Uproot(PLANTED.replace(Some(fault)));
        run()
    }
}
