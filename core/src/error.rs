//! Errors by who is to blame: a peer ([`Fault`]), a module ([`ModuleFault`]), or whoever built the state
//! ([`SettingsError`]). One function says what a peer's fault costs.

use crate::limits::Conflict;
use std::fmt;

/// A rule that a peer broke (section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// VERIFICATION RESPONSE with a hash or a nonce that is not right.
    WrongProof,
    /// A frame whose size is below its own header: the stream is lost.
    ImpossibleSize,
    /// No HELLO, or no VERIFICATION RESPONSE, in time.
    UnverifiedSilence,
    /// A body whose length does not fit its type.
    WrongBodyLength,
    /// PEER RESPONSE that nobody asked for.
    UnaskedPeerResponse,
    /// PEER REQUEST, PUSH or a frame of repair more often than anybody needs.
    OverTheRate,
    /// It offered much, in IHAVE, and then had none of it.
    EmptyOffers,
    /// An address that nobody can dial in PEER RESPONSE or PUSH.
    UnusableAddress,
}

impl Fault {
    /// What it costs; [`FAULT_POINTS_MAX`](crate::limits::FAULT_POINTS_MAX) within ten minutes are too many.
    pub const fn points(self) -> u32 {
        match self {
            Self::WrongProof => 20,
            Self::ImpossibleSize | Self::EmptyOffers => 10,
            Self::WrongBodyLength => 5,
            Self::UnverifiedSilence => 2,
            Self::UnaskedPeerResponse | Self::OverTheRate | Self::UnusableAddress => 1,
        }
    }

    /// Does it end the connection by itself?
    pub const fn closes(self) -> bool {
        matches!(self, Self::WrongProof | Self::ImpossibleSize | Self::UnverifiedSilence)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongProof => "wrong proof of work",
            Self::ImpossibleSize => "frame size below 4",
            Self::UnverifiedSilence => "unverified and silent for too long",
            Self::WrongBodyLength => "body of the wrong length",
            Self::UnaskedPeerResponse => "peer response that was not asked for",
            Self::OverTheRate => "requests over the rate",
            Self::UnusableAddress => "address that cannot be dialed",
            Self::EmptyOffers => "offers of messages that it does not send",
        })
    }
}

/// A rule that a module broke (section 6). Costs a warning, nothing else, unless it loses the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ModuleFault {
    /// A frame whose size is below its own header: closed.
    ImpossibleSize {
        /// What the header says.
        size: u16,
    },
    /// A body whose length does not fit its type: dropped.
    WrongBodyLength {
        /// The frame's type.
        kind: u16,
        /// Its size, header included.
        size: u16,
        /// How it begins; unused bytes are zero.
        start: [u8; 16],
    },
    /// A type that has no business on the API port: dropped.
    UnknownType {
        /// The frame's type.
        kind: u16,
        /// Its size, header included.
        size: u16,
    },
    /// An ANNOUNCE with more data than a PEER NOTIFICATION can carry: dropped whole.
    TooLarge {
        /// Bytes of data.
        data: usize,
    },
}

impl fmt::Display for ModuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ImpossibleSize { size } => write!(f, "frame of size {size}, below its header's 4: disconnected"),
            Self::WrongBodyLength { kind, size, start } => {
                write!(f, "frame of type {kind} with the wrong length, size {size}, dropped; it begins")?;
                start.iter().take(usize::from(*size)).try_for_each(|byte| write!(f, " {byte:02x}"))
            }
            Self::UnknownType { kind, size } => {
                write!(f, "frame of type {kind}, size {size}, has no business on the API port: dropped")
            }
            Self::TooLarge { data } => write!(
                f,
                "announcement of {data} bytes dropped: {} is the most that crosses the network",
                crate::limits::DATA_MAX
            ),
        }
    }
}

/// Settings that cannot be used: all that is wrong with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError(pub Vec<Conflict>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings do not go together")?;
        self.0.iter().try_for_each(|conflict| write!(f, "; {}: {}", conflict.key, conflict.message))
    }
}

impl std::error::Error for SettingsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_do_not_go_together_are_all_named() {
        let conflict = |key, message: &str| Conflict { key, message: message.to_owned() };
        let error = SettingsError(vec![conflict("degree", "0 is out of range"), conflict("min_peers", "is too many")]);
        let said = "settings do not go together; degree: 0 is out of range; min_peers: is too many";
        assert_eq!(error.to_string(), said);
    }
}
