//! Small containers with a bound and a clock.

pub(crate) mod addresses;
pub(crate) mod bucket;
pub(crate) mod memory;
pub(crate) mod sorted;
pub(crate) mod spare;
