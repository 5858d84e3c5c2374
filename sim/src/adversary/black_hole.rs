//! Good neighbours that forward nothing.

use super::Script;

pub(super) struct BlackHole;

impl Script for BlackHole {}
