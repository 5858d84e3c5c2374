//! The targets, their corpora, and inputs from a seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};
use std::path::PathBuf;

/// What the fuzzer and these tests call.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) body: fn(&[u8]),
    /// Seeded inputs of the smoke: a second or two in a build with debug assertions.
    pub(crate) inputs: u64,
}

/// All of them.
pub(crate) const TARGETS: &[Target] = &[
    Target { name: "frames", body: gossip_core::fuzzing::frames, inputs: 100_000 },
    Target { name: "messages", body: gossip_core::fuzzing::messages, inputs: 200_000 },
    Target { name: "handshakes", body: gossip_core::fuzzing::handshakes, inputs: 4_000 },
    Target { name: "events", body: gossip_core::fuzzing::events, inputs: 4_000 },
    Target { name: "recording", body: gossip_core::fuzzing::recording, inputs: 20_000 },
    Target { name: "ini", body: gossip_config::fuzzing::ini, inputs: 3_000 },
];

/// The longest random input, bytes.
const LEN_MAX: u64 = 256;

impl Target {
    pub(crate) fn of(name: &str) -> &'static Self {
        TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("there is no target {name}"))
    }

    pub(crate) fn folder(&self) -> PathBuf {
        gossip_tests::workspace().join("fuzz/corpus").join(self.name)
    }

    /// What is committed, in an order of its own.
    pub(crate) fn corpus(&self) -> Vec<(String, Vec<u8>)> {
        let folder = self.folder();
        let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut corpus: Vec<_> = files
            .map(|file| {
                let path = file.expect("a folder's entry").path();
                let name = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
                (name, std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
            })
            .collect();
        corpus.sort();
        corpus
    }

    /// The input of this seed: random bytes, or something of the corpus with a few changes.
    #[allow(clippy::cast_possible_truncation, reason = "each draw is below a bound that fits")]
    pub(crate) fn input(&self, corpus: &[(String, Vec<u8>)], seed: u64) -> Vec<u8> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |n: u64| rng.next_u64() % n.max(1);
        let mut input = match corpus.get(below(corpus.len() as u64) as usize) {
            Some((_, known)) if seed % 2 == 1 => known.clone(),
            _ => (0..below(LEN_MAX)).map(|_| below(256) as u8).collect(),
        };
        for _ in 0..below(4) * (seed % 2) {
            let at = below(input.len() as u64 + 1) as usize;
            match below(4) {
                0 => input.truncate(at),
                1 => input.insert(at, below(256) as u8),
                2 => input.extend((0..below(16)).map(|_| below(256) as u8)),
                _ => input.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << below(8)),
            }
        }
        input
    }
}
