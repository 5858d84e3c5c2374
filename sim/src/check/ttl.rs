//! A ttl only falls (section 5, rule 5).

use super::Broken;
use super::ledger::Message;

pub(super) fn check(message: &Message, peer: u32, ttl: u8) -> Result<(), Broken> {
    let below = message.peers[peer as usize].ttl_below;
    // What no limit was set for leaves its announcer with 255: one more than "below 255".
    let unlimited = message.announced.peer == peer && message.announced.ttl == 0;
    if ttl < below || unlimited {
        return Ok(());
    }
    Err(("a ttl only falls", format!("sent with {ttl}, though it had to be below {below}")))
}
