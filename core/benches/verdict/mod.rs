//! What a count is worth beside the committed one.

/// Growth that is not taken for chance, percent.
pub(crate) const TOLERANCE: u64 = 5;

/// See [`verdict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Within the tolerance.
    Same,
    /// By more than the tolerance.
    Shrank,
    /// By more than the tolerance.
    Grew,
    /// It is counted, but not in the file.
    NotInTheFile,
    /// It is in the file, but no longer counted.
    Gone,
}

/// Holds a count against the one of the file; none where there is none.
pub(crate) fn verdict(now: Option<u64>, before: Option<u64>) -> Verdict {
    match (now, before) {
        (_, None) => Verdict::NotInTheFile,
        (None, _) => Verdict::Gone,
        (Some(now), Some(before)) if now * 100 > before * (100 + TOLERANCE) => Verdict::Grew,
        (Some(now), Some(before)) if now * (100 + TOLERANCE) < before * 100 => Verdict::Shrank,
        _ => Verdict::Same,
    }
}

impl Verdict {
    /// Must somebody change something?
    pub(crate) const fn is_failure(self) -> bool {
        matches!(self, Self::Grew | Self::NotInTheFile | Self::Gone)
    }

    /// For a person.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Same => "",
            Self::Shrank => "shrank: --renew would keep it so",
            Self::Grew => "GREW",
            Self::NotInTheFile => "NOT IN THE FILE",
            Self::Gone => "IN THE FILE, BUT NO LONGER COUNTED",
        }
    }
}
