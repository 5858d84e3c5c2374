//! Proof of work (PROTOCOL.md, section 2): one SHA-256 over nonce and challenge, sixteen bytes, one block a try.

use sha2::block_api::compress256;

/// SHA-256's initial state (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Blocks that are written before the first of them is hashed: a processor that reads sixteen bytes of which eight have
/// only just been written waits until they have arrived.
const AT_ONCE: usize = 8;

/// What the hash must begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// So many zero bits, 0..=64: `pow_scheme = zero-bits`.
    ZeroBits(u8),
    /// The bytes 30 30 30, the text `000`, as the Gossip-5 program has it: `pow_scheme = ascii-zeros`.
    AsciiZeros,
}

impl Target {
    /// Which of the hash's first 64 bits count, and what they must be.
    const fn mask_and_value(self) -> (u64, u64) {
        match self {
            Self::ZeroBits(0) => (0, 0),
            Self::ZeroBits(bits @ 1..=63) => (!(u64::MAX >> bits), 0),
            Self::ZeroBits(_) => (u64::MAX, 0),
            Self::AsciiZeros => (0xffff_ff00_0000_0000, 0x3030_3000_0000_0000),
        }
    }

    /// How many of the hash's bits are fixed: the work is 2 to that power on average.
    pub const fn bits(self) -> u8 {
        match self {
            Self::ZeroBits(bits) => bits,
            Self::AsciiZeros => 24,
        }
    }
}

/// A nonce and what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Puzzle {
    /// The acceptor's 64 random bits.
    pub nonce: u64,
    /// What the hash must begin with.
    pub target: Target,
}

impl Puzzle {
    /// Is `challenge` a proof?
    pub fn accepts(&self, challenge: u64) -> bool {
        self.search(challenge, 1).is_some()
    }

    /// The first challenge among `tries` many from `start` on (wrapping) that is a proof.
    ///
    /// Takes a time proportional to `tries`; a worker calls it in slices, so that it can be cancelled between them.
    ///
    /// ```
    /// use gossip_core::pow::{Puzzle, Target};
    /// let puzzle = Puzzle { nonce: 7, target: Target::ZeroBits(8) };
    /// let challenge = puzzle.search(0, 100_000).unwrap();
    /// assert!(puzzle.accepts(challenge));
    /// ```
    pub fn search(&self, start: u64, tries: u64) -> Option<u64> {
        let (mask, value) = self.target.mask_and_value();
        let mask = if planted!(ProofOneBitShort) { mask << 1 } else { mask };
        // Sixteen bytes of message, the padding bit, and the length, 128 bits, in the last eight bytes.
        let mut block = [0u8; 64];
        block[..8].copy_from_slice(&self.nonce.to_be_bytes());
        block[16] = 0x80;
        block[56..].copy_from_slice(&128u64.to_be_bytes());
        let mut blocks = [block; AT_ONCE];
        let (mut challenge, mut left) = (start, tries);
        while left > 0 {
            let mut next = challenge;
            for block in &mut blocks {
                block[8..16].copy_from_slice(&next.to_be_bytes());
                next = next.wrapping_add(1);
            }
            let count = left.min(AT_ONCE as u64);
            for (block, _) in blocks.iter().zip(0..count) {
                let mut state = INITIAL;
                compress256(&mut state, std::slice::from_ref(block));
                let head = (u64::from(state[0]) << 32) | u64::from(state[1]);
                if head & mask == value {
                    return Some(challenge);
                }
                challenge = challenge.wrapping_add(1);
            }
            left = left.saturating_sub(count);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn plain_hash(nonce: u64, challenge: u64) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(nonce.to_be_bytes());
        hasher.update(challenge.to_be_bytes());
        hasher.finalize().into()
    }

    #[test]
    fn ascii_zeros_vector_of_section_2() {
        let puzzle = Puzzle { nonce: 0, target: Target::AsciiZeros };
        assert!(puzzle.accepts(6_049_217));
        assert_eq!(plain_hash(0, 6_049_217)[..3], [0x30, 0x30, 0x30]);
        assert!(!puzzle.accepts(6_049_216));
    }

    #[test]
    fn one_block_a_try_gives_the_hash_of_the_sixteen_bytes() {
        for (nonce, start) in [(0, 0), (u64::MAX, u64::MAX - 100), (0x0123_4567_89ab_cdef, 42)] {
            for bits in [1, 5, 9, 12] {
                let puzzle = Puzzle { nonce, target: Target::ZeroBits(bits) };
                let found = puzzle.search(start, 1 << 20).expect("a million tries find twelve bits");
                let head = u64::from_be_bytes(plain_hash(nonce, found)[..8].try_into().unwrap());
                assert!(head.leading_zeros() >= u32::from(bits), "nonce {nonce:x} bits {bits}");
            }
        }
    }

    #[test]
    fn search_finds_the_first_proof_and_no_earlier_one() {
        let puzzle = Puzzle { nonce: 99, target: Target::ZeroBits(6) };
        let found = puzzle.search(0, 1 << 16).unwrap();
        assert!((0..found).all(|challenge| !puzzle.accepts(challenge)));
        assert_eq!(puzzle.search(0, found), None);
        assert_eq!(puzzle.search(found, 1), Some(found));
    }

    #[test]
    fn the_bits_of_a_target_are_the_work_that_it_asks() {
        assert_eq!([0, 1, 24, 64].map(|bits| Target::ZeroBits(bits).bits()), [0, 1, 24, 64]);
        assert_eq!(Target::AsciiZeros.bits(), 24);
    }

    #[test]
    fn no_bits_ask_no_work_and_64_bits_mask_everything() {
        assert!(Puzzle { nonce: 3, target: Target::ZeroBits(0) }.accepts(0));
        assert_eq!(Target::ZeroBits(64).mask_and_value(), (u64::MAX, 0));
        assert_eq!(Target::ZeroBits(24).mask_and_value(), (0xffff_ff00_0000_0000, 0));
    }
}
