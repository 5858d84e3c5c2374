//! Other settings while running.

use super::GossipState;
use crate::limits;
use crate::settings::Settings;
use crate::util::bucket::Limit;

impl GossipState {
    /// Nearly everything asks the settings when it needs them; here is what keeps numbers of its own.
    pub(super) fn take_over(&mut self, new: &Settings) {
        let mut settings = self.settings.clone();
        settings.take_over(new);
        if !limits::check(&settings).is_empty() {
            return;
        }
        self.look_ups.refit(Limit::of_part(settings.look_ups_per_minute, limits::LOOK_UPS_PART), self.now);
        self.newcomers.refit(Limit::of_part(settings.handshakes_per_minute, limits::NEWCOMERS_PART), self.now);
        self.proofs.allow(self.now, settings.pow_per_minute);
        self.settings = settings;
        // More neighbours may be wanted.
        self.is_view_changed = true;
    }
}
