//! What VALIDATION does, and what it does not (PROTOCOL.md, section 5, rule 3 and Identity).

use gossip_tests::{Bed, Daemon, Ini, Module};
use std::time::Duration;

const TYPE: u16 = 700;
const OTHER_TYPE: u16 = 701;

/// A module to judge at one daemon, one that hears at its neighbour what was spread, and one that announces.
struct Court {
    judge: Module,
    other: Module,
    far: Module,
    announcer: Module,
    /// Last, so that the daemons outlive their modules' connections.
    daemons: [Daemon; 2],
    _bed: Bed,
}

impl Court {
    fn new(patience_s: u64) -> Self {
        let bed = Bed::new();
        let near = bed.start_with("near", &Ini::new(), &["-v", &patience_s.to_string()]);
        let far = bed.start("far", &Ini::new().calling(&[near.peers()]));
        near.knows(&[far.peers()]);
        far.knows(&[near.peers()]);
        Self {
            judge: near.subscriber(&[TYPE]),
            other: near.subscriber(&[OTHER_TYPE]),
            far: far.subscriber(&[TYPE, OTHER_TYPE]),
            announcer: near.module(),
            daemons: [near, far],
            _bed: bed,
        }
    }

    /// An announcement that the judge was told of, under this id.
    fn told(&mut self, said: &str) -> u16 {
        self.announcer.announce(0, TYPE, said);
        self.judge.expect(said)
    }

    /// All that was said before is decided: a message after it, which the judge vouches for, is the next one there.
    fn nothing_else_was_spread(&mut self) {
        let id = self.told("marker");
        self.judge.validate(id, true);
        self.far.expect("marker");
        self.far.expect_nothing();
    }
}

#[test]
fn a_message_is_spread_when_it_is_called_valid_and_not_before() {
    let mut court = Court::new(20);
    let id = court.told("good");
    court.far.expect_nothing();
    court.judge.validate(id, true);
    court.far.expect("good");
    court.nothing_else_was_spread();
}

#[test]
fn a_message_called_invalid_is_not_spread_and_its_module_stays_connected() {
    let mut court = Court::new(20);
    let id = court.told("bad");
    court.judge.validate(id, false);
    court.nothing_else_was_spread();
}

#[test]
fn the_first_validation_decides() {
    let mut court = Court::new(20);
    let (bad, good) = (court.told("first bad"), court.told("first good"));
    court.judge.validate(bad, false);
    court.judge.validate(bad, true);
    court.judge.validate(good, true);
    court.judge.validate(good, false);
    court.judge.validate(good, true);
    court.far.expect("first good");
    court.nothing_else_was_spread();
}

#[test]
fn a_validation_that_comes_late_has_no_effect() {
    let mut court = Court::new(1);
    let id = court.told("late");
    assert_eq!(court.judge.receive_within(Duration::from_millis(1_500)), None);
    court.judge.validate(id, true);
    court.nothing_else_was_spread();
}

#[test]
fn a_validation_of_an_id_never_told_has_no_effect() {
    let mut court = Court::new(20);
    let id = court.told("waits");
    for unknown in (0..=u16::MAX).filter(|unknown| *unknown != id).step_by(97) {
        court.judge.validate(unknown, true);
        court.judge.validate(unknown, false);
    }
    court.judge.is_heard();
    court.far.expect_nothing();
    court.judge.validate(id, true);
    court.far.expect("waits");
    court.nothing_else_was_spread();
}

#[test]
fn a_validation_from_a_module_that_was_not_told_has_no_effect() {
    let mut court = Court::new(20);
    let (refused, taken) = (court.told("not for the other to take"), court.told("not for the other to refuse"));
    court.other.validate(refused, true);
    court.other.validate(taken, false);
    court.announcer.validate(refused, true);
    court.announcer.validate(taken, false);
    court.other.is_heard();
    court.announcer.is_heard();
    court.far.expect_nothing();
    court.judge.validate(refused, false);
    court.judge.validate(taken, true);
    court.far.expect("not for the other to refuse");
    court.nothing_else_was_spread();
}

#[test]
fn a_message_whose_judges_all_went_is_not_spread() {
    let mut court = Court::new(20);
    court.told("abandoned");
    // The assignment closes the connection that was asked.
    court.judge = court.daemons[0].subscriber(&[TYPE]);
    court.nothing_else_was_spread();
}

#[test]
fn an_announcer_need_not_vouch_for_itself_unless_told_so() {
    let bed = Bed::new();
    let near = bed.start("near", &Ini::new().with("announcer_vouches", "no"));
    let far = bed.start("far", &Ini::new().calling(&[near.peers()]));
    near.knows(&[far.peers()]);
    far.knows(&[near.peers()]);
    let mut listener = far.subscriber(&[TYPE]);
    let mut announcer = near.subscriber(&[TYPE]);
    announcer.announce(0, TYPE, "mine");
    let id = announcer.expect("mine");
    listener.expect_nothing();
    announcer.validate(id, true);
    listener.expect("mine");
}
