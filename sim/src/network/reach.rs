//! Who can hear whom: partitions, one-way cuts, hosts that are down.

/// Names a cut, to heal it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutId(u32);

#[derive(Debug)]
struct Cut {
    id: CutId,
    from: Vec<bool>,
    to: Vec<bool>,
}

/// The reachability of hosts. A host hears another unless something is in the way.
#[derive(Debug, Default)]
pub struct Reach {
    cuts: Vec<Cut>,
    down: Vec<bool>,
    any_down: usize,
    next: u32,
}

impl Reach {
    /// Nothing of `from` reaches `to` from now on; the way back stays open.
    pub fn cut(&mut self, from: Vec<bool>, to: Vec<bool>) -> CutId {
        let id = CutId(self.next);
        self.next += 1;
        self.cuts.push(Cut { id, from, to });
        id
    }

    /// Takes a cut back.
    pub fn heal(&mut self, id: CutId) {
        self.cuts.retain(|cut| cut.id != id);
    }

    /// A host without power neither sends nor hears.
    pub fn set_down(&mut self, host: u32, down: bool) {
        let host = host as usize;
        if self.down.len() <= host {
            self.down.resize(host + 1, false);
        }
        if self.down[host] != down {
            self.down[host] = down;
            if down { self.any_down += 1 } else { self.any_down -= 1 }
        }
    }

    /// Is this host without power?
    pub fn is_down(&self, host: u32) -> bool {
        self.any_down > 0 && at(&self.down, host)
    }

    /// Does nothing get from `from` to `to`?
    pub fn blocked(&self, from: u32, to: u32) -> bool {
        self.is_down(from) || self.is_down(to) || self.cuts.iter().any(|cut| at(&cut.from, from) && at(&cut.to, to))
    }
}

fn at(set: &[bool], host: u32) -> bool {
    set.get(host as usize).copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_blocks_one_way_until_it_heals() {
        let mut reach = Reach::default();
        let cut = reach.cut(vec![true, false], vec![false, true]);
        assert!(reach.blocked(0, 1) && !reach.blocked(1, 0) && !reach.blocked(0, 2));
        reach.heal(cut);
        assert!(!reach.blocked(0, 1));
    }

    #[test]
    fn a_host_that_is_down_is_cut_off_both_ways() {
        let mut reach = Reach::default();
        reach.set_down(3, true);
        reach.set_down(3, true);
        assert!(reach.blocked(3, 0) && reach.blocked(0, 3) && !reach.blocked(0, 1));
        reach.set_down(3, false);
        assert!(!reach.blocked(3, 0));
    }
}
