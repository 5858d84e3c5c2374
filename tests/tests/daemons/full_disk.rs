//! A full disk (issue 4, point 4): it costs lines of the log, and the recording, and nothing else.
//!
//! A limit of file sizes stands for it: writes past it fail in the same way, and truncating a file makes room.

use gossip_tests::{Bed, Ini, Peer};
use std::fs::{self, File};
use std::time::{Duration, Instant};

const TYPE: u16 = 21;

#[test]
fn a_full_disk_costs_lines_and_the_recording_and_the_log_resumes_when_there_is_room() {
    let bed = Bed::new();
    let (log, recording) = (bed.folder().join("gossip.log"), bed.folder().join("run.rec"));
    let arguments = ["--log-file", log.to_str().unwrap(), "--record", recording.to_str().unwrap()];
    // In blocks of 512 or 1,024 bytes, by the shell.
    let node = bed.start_within("-f 8", "node", &Ini::new(), &arguments);
    let mut module = node.subscriber(&[TYPE]);
    // Each of these costs a line of the log, and as much of the recording.
    let deadline = Instant::now() + Duration::from_secs(20);
    let has = |part: &str| node.log().iter().filter(|line| line.contains(part)).count();
    while has("cannot log to") == 0 || has("the recording cannot be written and ends") == 0 {
        assert!(Instant::now() < deadline, "the disk is not full: {:?}", fs::metadata(&log));
        Peer::connect(node.peers());
        module.announce(1, TYPE, vec![b'x'; 500]);
        module.receive();
    }
    let size = fs::metadata(&log).unwrap().len();
    assert!((4_096..=8_192).contains(&size), "{size}");
    // It goes on, and says it once only.
    let mut fresh = node.subscriber(&[TYPE]);
    for n in 0..50 {
        Peer::connect(node.peers());
        module.announce(1, TYPE, format!("still here {n}"));
        fresh.expect(format!("still here {n}"));
    }
    assert_eq!((has("cannot log to"), has("the recording cannot be written and ends")), (1, 1));
    assert_eq!(fs::metadata(&log).unwrap().len(), size);
    // The mark that ends a recording found room.
    assert!(fs::metadata(&recording).unwrap().len() <= 8_192);

    File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
    let resumed = loop {
        assert!(Instant::now() < deadline + Duration::from_secs(10), "the log does not resume");
        Peer::connect(node.peers());
        node.subscriber(&[TYPE]);
        let text = fs::read_to_string(&log).unwrap();
        if text.lines().count() > 2 {
            break text;
        }
    };
    let first = resumed.lines().find(|line| !line.is_empty()).unwrap();
    assert!(first.contains("lines are missing here: they could not be written"), "{first}");
}
