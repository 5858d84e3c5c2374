//! In and out: half of them as neighbours, half before they were asked anything.

use super::{Crew, Script};
use gossip_core::Flush;

pub(super) struct Churn;

impl Script for Churn {
    fn act(&mut self, crew: &mut Crew) {
        crew.targets().to_vec().into_iter().for_each(|peer| crew.dial(peer));
    }

    fn connected(&mut self, crew: &mut Crew, link: u32) {
        crew.say_hello(link);
        if link.is_multiple_of(2) {
            crew.close(link, Flush::Discard);
        }
    }

    fn joined(&mut self, crew: &mut Crew, link: u32) {
        crew.close(link, Flush::Discard);
    }
}
