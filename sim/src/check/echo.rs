//! No peer sends a message to where it came from (section 5, rule 4).

use super::Broken;
use super::ledger::Message;
use crate::network::EndId;

pub(super) fn check(message: &Message, end: EndId) -> Result<(), Broken> {
    let came = end.other().index();
    if !message.is_forged && message.crossed.get(came / 64).is_some_and(|word| word >> (came % 64) & 1 == 1) {
        let detail = format!("message announced by peer {} at {} us", message.announced.peer, message.announced.at);
        return Err(("no peer sends a message to where it came from", detail));
    }
    Ok(())
}
