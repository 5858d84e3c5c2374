//! Nothing is spread that nobody here vouched for (section 5, rules 1 to 4).

use super::Broken;
use super::ledger::Message;

pub(super) fn check(message: &Message, peer: u32) -> Result<(), Broken> {
    if message.peers[peer as usize].vouched {
        return Ok(());
    }
    let detail = format!("message announced by peer {} at {} us", message.announced.peer, message.announced.at);
    Err(("nothing is spread that was not vouched for", detail))
}
