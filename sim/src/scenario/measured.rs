//! What was measured, exactly.

use super::Relation;

/// A fraction in its measure's unit: shares are rarely whole millionths, and nothing is rounded before it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    over: u128,
    /// Never 0.
    under: u128,
}

impl Measured {
    /// A whole number.
    pub fn whole(value: u64) -> Self {
        Self { over: value.into(), under: 1 }
    }

    /// So many for each of so many, `unit` for one each; `None` if there was nothing to have them.
    pub fn ratio(part: u64, whole: u64, unit: u64) -> Option<Self> {
        (whole > 0).then(|| Self { over: u128::from(part) * u128::from(unit), under: whole.into() })
    }

    /// Does it relate so to `bound`?
    pub fn holds(self, relation: Relation, bound: u64) -> bool {
        // A bound and a count have 64 bits each.
        let bound = u128::from(bound) * self.under;
        match relation {
            Relation::AtLeast => self.over >= bound,
            Relation::AtMost => self.over <= bound,
            Relation::Equal => self.over == bound,
        }
    }

    /// Rounded down.
    pub fn floor(self) -> u64 {
        u64::try_from(self.over / self.under).unwrap_or(u64::MAX)
    }

    /// Rounded down, but where that would contradict the verdict: what is a little more than the bound is shown as more.
    pub fn against(self, relation: Relation, bound: u64) -> u64 {
        let floor = self.floor();
        let says_the_same = Self::whole(floor).holds(relation, bound) == self.holds(relation, bound);
        if says_the_same { floor } else { floor.saturating_add(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Relation::{AtLeast, AtMost, Equal};

    #[test]
    fn nothing_is_rounded_before_it_is_compared() {
        // 36 and a thousandth of a millionth, in thousandths.
        let little_more = Measured::ratio(36_000_000_001, 1_000_000_000, 1_000).unwrap();
        assert_eq!([AtLeast, AtMost, Equal].map(|relation| little_more.holds(relation, 36_000)), [true, false, false]);
        let little_less = Measured::ratio(35_999_999_999, 1_000_000_000, 1_000).unwrap();
        assert_eq!([AtLeast, AtMost, Equal].map(|relation| little_less.holds(relation, 36_000)), [false, true, false]);
        for exact in [Measured::ratio(72, 2, 1_000).unwrap(), Measured::whole(36_000)] {
            assert_eq!([AtLeast, AtMost, Equal].map(|relation| exact.holds(relation, 36_000)), [true, true, true]);
        }
        let five = Measured::whole(5);
        assert!(five.holds(AtLeast, 5) && !five.holds(AtLeast, 6) && five.holds(AtMost, 5) && !five.holds(AtMost, 4));
        assert!(Measured::whole(u64::MAX).holds(AtMost, u64::MAX));
        assert_eq!(Measured::ratio(5, 0, 1_000), None);
    }

    #[test]
    fn what_is_shown_is_rounded_down_but_never_contradicts_the_verdict() {
        let shown = Measured::ratio(15, 2, 1).unwrap();
        assert_eq!([shown.against(AtMost, 9), shown.against(AtMost, 7), shown.against(AtLeast, 8)], [7, 8, 7]);
        for over in 0..40 {
            for under in 1..8 {
                for relation in [AtLeast, AtMost, Equal] {
                    for bound in 0..8 {
                        let measured = Measured::ratio(over, under, 1).unwrap();
                        let shown = Measured::whole(measured.against(relation, bound));
                        assert_eq!(shown.holds(relation, bound), measured.holds(relation, bound), "{over}/{under}");
                    }
                }
            }
        }
    }
}
