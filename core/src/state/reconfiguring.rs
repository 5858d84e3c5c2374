//! Other settings while running.

use super::GossipState;
use crate::event::ConnectionId;
use crate::limits;
use crate::settings::Settings;
use crate::util::bucket::Limit;
use std::sync::Arc;

impl GossipState {
    /// Nearly everything asks the settings when it needs them; here is what keeps numbers or times of its own. (Modules
    /// whose queues stall are looked at by the times that were set.)
    pub(super) fn take_over(&mut self, new: &Settings) {
        let mut settings = Settings::clone(&self.settings);
        settings.take_over(new);
        if !limits::check(&settings).is_empty() && !planted!(ConflictTakenOver) {
            return;
        }
        self.look_ups.refit(Limit::of_part(settings.look_ups_per_minute, limits::LOOK_UPS_PART), self.now);
        self.newcomers.refit(Limit::of_part(settings.handshakes_per_minute, limits::NEWCOMERS_PART), self.now);
        self.proofs.allow(self.now, settings.pow_per_minute);
        self.settings = Arc::new(settings);
        self.dissemination.settings_changed(self.now, &self.settings);
        // Whoever was silent for longer than it now may be is asked first: nobody did so by the times of before.
        let not_before = self.now.before(self.settings.ping_interval);
        let connections: Vec<ConnectionId> = self.peers.keys().copied().collect();
        for id in connections {
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.last_heard = peer.last_heard.max(not_before);
            }
            self.arm(id);
        }
        // More neighbours may be wanted.
        self.is_view_changed = true;
    }
}
