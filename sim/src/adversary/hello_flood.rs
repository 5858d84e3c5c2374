//! HELLO, and never an answer: each takes a place among the unverified until it is too late.

use super::{Crew, Script};

pub(super) struct HelloFlood;

impl Script for HelloFlood {
    fn act(&mut self, crew: &mut Crew) {
        crew.targets().to_vec().into_iter().for_each(|peer| crew.dial(peer));
    }

    fn challenged(&mut self, _crew: &mut Crew, _link: u32, _nonce: u64) {}
}
