//! Sizes that cannot be, and sizes that promise more than ever comes.

use super::{Crew, Script};

pub(super) struct Sizes;

impl Script for Sizes {
    fn act(&mut self, crew: &mut Crew) {
        crew.targets().to_vec().into_iter().for_each(|peer| crew.dial(peer));
    }

    fn connected(&mut self, crew: &mut Crew, link: u32) {
        let [_, low] = u16::try_from(link % 5).unwrap_or(0).to_be_bytes();
        match low {
            // 505 of the greatest size, HELLO likewise, with some of what they promise.
            4 => crew.raw(link, [&[255, 255, 1, 249][..], &[7; 2_000]].concat()),
            _ => crew.raw(link, vec![0, low, 1, 252, 0, 0, 0, 0]),
        }
    }
}
