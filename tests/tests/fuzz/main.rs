//! The bodies of the fuzzers (docs/TESTING.md, Fuzzing) on what is committed of their findings and on seeded inputs.

mod inputs;
mod planted;
mod smoke;
