//! What is known of one connection.

pub(crate) mod handshake;
pub(crate) mod module;
pub(crate) mod outbox;
pub(crate) mod partial;
pub(crate) mod peer;
