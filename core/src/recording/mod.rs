//! Recordings: the settings, the seed and every event that a state was given, and a running digest of what it did, so
//! that a run can be repeated byte for byte elsewhere and later.
//!
//! Pure bytes in and out: whoever records writes them to where they shall be kept, and flushes as often as a crash may
//! not cost more. A recording holds the seed and all data: it is as secret as what passed through the node.
//!
//! # Format
//!
//! ```text
//! magic "VPGOSSIP" | version u16 | chunks
//! chunk: kind u8 | length u32 | checksum 8 bytes | payload     (checksum: SHA-256 of kind, length and payload, cut)
//! kind 0, once, first: seed 32 bytes, start of time, settings
//! kind 1: events since the chunk before, their count, and the digest of all actions up to then (32 bytes)
//! kind 2, last: why it ends
//! ```
//!
//! Integers without a size in the table are LEB128. Times are microseconds since the event before.

mod digest;
mod encode;
mod reader;
mod settings;
#[cfg(test)]
mod tests;
mod writer;

pub use digest::ActionDigest;
pub use reader::{Entry, Reader, RecordingError};
pub use writer::Recorder;

#[cfg(feature = "fuzzing")]
pub(crate) use writer::sealed;

/// What a recording begins with.
const MAGIC: [u8; 8] = *b"VPGOSSIP";
/// The version of the format that this code writes, and the only one that it reads.
const VERSION: u16 = 4;
/// Bytes of a chunk before its payload: kind, length, checksum.
const CHUNK_HEADER: usize = 13;
const CHUNK_HEAD: u8 = 0;
const CHUNK_EVENTS: u8 = 1;
const CHUNK_END: u8 = 2;

/// Why a recording ends where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The node was shut down.
    Finished,
    /// The recording reached its size limit; the node went on.
    Limit,
}

fn checksum(kind: u8, payload: &[u8]) -> [u8; 8] {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    hasher.update([kind]);
    hasher.update((payload.len() as u64).to_be_bytes());
    hasher.update(payload);
    let hash: [u8; 32] = hasher.finalize().into();
    hash.first_chunk().copied().unwrap_or_default()
}
