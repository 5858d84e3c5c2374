//! The place where the parts meet.

use crate::action::Actions;
use crate::error::SettingsError;
use crate::event::Event;
use crate::limits;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::status::Status;
use crate::time::Instant;

/// One gossip node, pure and deterministic.
pub struct GossipState {
    settings: Settings,
    metrics: Metrics,
}

impl GossipState {
    /// A node that has just started. Same settings, same seed, same events: same actions.
    pub fn new(settings: Settings, _seed: [u8; 32], _now: Instant) -> Result<Self, SettingsError> {
        let conflicts = limits::check(&settings);
        if conflicts.is_empty() {
            Ok(Self { settings, metrics: Metrics::default() })
        } else {
            Err(SettingsError(conflicts))
        }
    }

    /// The only way in. Appends what is to be done to `actions`.
    pub fn handle(&mut self, _now: Instant, _event: Event<'_>, _actions: &mut Actions) {}

    /// When [`Event::Timer`] is wanted next.
    pub fn deadline(&self) -> Option<Instant> {
        None
    }

    /// How often each thing happened.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// How full everything is.
    pub fn status(&self, _now: Instant) -> Status {
        Status::default()
    }

    /// What it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
