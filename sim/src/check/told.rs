//! No module is told of a message twice within the suppression time (section 5, rule 6).

use super::Broken;
use super::ledger::Message;

pub(super) fn check(message: &mut Message, module: u32, now: u64, least: u64) -> Result<(), Broken> {
    let before = message.told_at(module);
    message.tell(module, now);
    match before {
        Some(before) if now - before < least && !message.is_forged => {
            let detail = format!("module {module} was told {} us ago", now - before);
            Err(("no module is told twice within the suppression time", detail))
        }
        Some(_) => {
            // Where it came from before is forgotten with it.
            message.crossed.clear();
            Ok(())
        }
        None => Ok(()),
    }
}
