//! The gossip state machine on real sockets.
