//! Real daemons on loopback: what issue 2 promises to a person, over real sockets. One program, so that it links once.

mod families;
#[cfg(target_os = "linux")]
mod floods;
#[cfg(unix)]
mod full_disk;
mod looking;
mod malformed;
mod meeting;
mod modules;
mod network;
mod old_peers;
mod spreading;
mod starting;
mod stopping;
mod tidy;
mod tools;
mod validating;
