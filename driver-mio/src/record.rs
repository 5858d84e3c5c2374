//! A node that writes down everything it is given, to be replayed elsewhere.

use crate::event_loop::Machine;
use crate::system;
use gossip_core::recording::{End, Recorder};
use gossip_core::time::{Duration, Instant};
use gossip_core::{Actions, Event, GossipState, Settings, SettingsError};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// A crash loses at most what happened within this time, or so many bytes.
const FLUSH_PAUSE: Duration = Duration::from_secs(1);
const FLUSH_BYTES: usize = 64 << 10;

/// A [`GossipState`], recorded if a file is given for it.
///
/// Recording never harms the node: a file that is full, or a disk, ends the recording with a warning and nothing else.
pub struct Recorded {
    state: GossipState,
    tape: Option<Tape>,
}

struct Tape {
    recorder: Recorder,
    file: File,
    /// Bytes that the file may still take.
    room: u64,
    /// Bytes of it that are whole chunks.
    whole: u64,
    /// When what is not flushed yet will be.
    flush_at: Option<Instant>,
}

/// Opens a recording's file, readable for its owner only: it holds the seed and all that passes through the node. A
/// recording that stands there already, perhaps of the run that ended badly, is moved aside to FILE.old.
///
/// # Errors
///
/// The system's, of moving or opening the file.
pub fn create(path: &Path) -> io::Result<File> {
    match fs::metadata(path) {
        Ok(known) if known.is_file() && known.len() > 0 => {
            let mut aside = path.as_os_str().to_owned();
            aside.push(".old");
            fs::rename(path, aside)?;
        }
        // Not worth keeping, and perhaps readable for others.
        Ok(known) if known.is_file() => fs::remove_file(path)?,
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    system::for_the_owner_only(&mut options);
    options.open(path)
}

impl Recorded {
    /// Makes the state, and begins to record it if there is a file; so many bytes at most.
    ///
    /// # Errors
    ///
    /// What [`GossipState::new`] finds wrong with the settings.
    pub fn new(
        settings: Settings,
        seed: [u8; 32],
        now: Instant,
        file: Option<(File, u64)>,
    ) -> Result<Self, SettingsError> {
        let state = GossipState::new(settings, seed, now)?;
        let tape = file.map(|(file, limit)| {
            let (recorder, head) = Recorder::new(state.settings(), seed, now);
            let mut tape = Tape { recorder, file, room: limit, whole: 0, flush_at: None };
            let begun = tape.write(&head);
            (tape, begun)
        });
        let mut recorded = Self { state, tape: None };
        if let Some((tape, begun)) = tape {
            recorded.tape = Some(tape);
            recorded.stop_unless(begun);
        }
        Ok(recorded)
    }

    /// The state, to look at.
    pub fn state(&self) -> &GossipState {
        &self.state
    }

    /// The node has ended in good order: so does the recording.
    pub fn finish(&mut self) {
        if let Some(mut tape) = self.tape.take() {
            let end = tape.recorder.end(End::Finished);
            if let Err(error) = tape.write(&end).and_then(|_| tape.file.sync_all()) {
                log::warn!("the last of the recording cannot be written: {error}");
                tape.end_where_it_was_whole();
            }
        }
    }

    fn flush(&mut self) {
        if let Some(tape) = &mut self.tape {
            tape.flush_at = None;
            let bytes = tape.recorder.flush();
            let written = tape.write(&bytes);
            self.stop_unless(written);
        }
    }

    /// Ends the recording where it cannot go on.
    fn stop_unless(&mut self, written: io::Result<bool>) {
        match written {
            Ok(true) => {}
            Ok(false) => {
                log::warn!("the recording has reached its limit and ends; the node goes on");
                self.tape = None;
            }
            Err(error) => {
                log::warn!("the recording cannot be written and ends: {error}; the node goes on");
                if let Some(mut tape) = self.tape.take() {
                    tape.end_where_it_was_whole();
                }
            }
        }
    }
}

impl Tape {
    /// Writes bytes, or the mark of the limit if these are too many. False: that was the end.
    fn write(&mut self, bytes: &[u8]) -> io::Result<bool> {
        match self.room.checked_sub(bytes.len() as u64) {
            Some(room) => {
                self.room = room;
                self.file.write_all(bytes)?;
                self.whole += bytes.len() as u64;
                Ok(true)
            }
            None => {
                // The mark is a few bytes; what a chunk too many would have held is not in the file.
                let mark = self.recorder.end(End::Limit);
                self.file.write_all(&mark)?;
                Ok(false)
            }
        }
    }

    /// A chunk that a full disk took in part goes; the mark is small enough to find room in its place. Where even that
    /// fails, the recording is one that was cut short.
    fn end_where_it_was_whole(&mut self) {
        if self.whole == 0 {
            return;
        }
        let mark = self.recorder.end(End::Limit);
        let cut = self.file.set_len(self.whole).and_then(|()| self.file.seek(SeekFrom::Start(self.whole)));
        if let Err(error) = cut.and_then(|_| self.file.write_all(&mark)) {
            log::debug!("the recording lacks its end: {error}");
        }
    }
}

impl Machine for Recorded {
    fn handle(&mut self, now: Instant, event: Event<'_>, actions: &mut Actions) {
        let Some(tape) = &mut self.tape else {
            self.state.handle(now, event, actions);
            return;
        };
        let before = actions.len();
        tape.recorder.event(now, &event);
        self.state.handle(now, event, actions);
        tape.recorder.actions(actions.get(before..).unwrap_or(&[]));
        let flush_at = *tape.flush_at.get_or_insert(now.after(FLUSH_PAUSE));
        if now >= flush_at || tape.recorder.unflushed() >= FLUSH_BYTES {
            self.flush();
        }
    }

    fn inspect(&self) -> Option<&GossipState> {
        Some(&self.state)
    }

    fn deadline(&self) -> Option<Instant> {
        let flush_at = self.tape.as_ref().and_then(|tape| tape.flush_at);
        [self.state.deadline(), flush_at].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gossip_core::Addresses;
    use gossip_core::recording::{ActionDigest, Entry, Reader, RecordingError};

    fn settings() -> Settings {
        let mut settings = Settings::new(50, 4, Addresses::of("127.0.0.1:6001".parse().unwrap()));
        settings.bootstrapper = vec![gossip_core::Endpoint::Address("127.0.0.1:6002".parse().unwrap())];
        settings
    }

    fn seconds(n: u64) -> Instant {
        Instant::ZERO.after(Duration::from_secs(n))
    }

    /// Events and the end, after every digest on the way was found right.
    fn replayed(bytes: &[u8]) -> Result<(usize, Option<End>), RecordingError> {
        let mut reader = Reader::new(bytes)?;
        let mut state = GossipState::new(reader.settings().clone(), reader.seed(), reader.time()).unwrap();
        let (mut digest, mut actions, mut events, mut end) = (ActionDigest::default(), Vec::new(), 0, None);
        while let Some(entry) = reader.next()? {
            match entry {
                Entry::Event(timed) => {
                    state.handle(timed.at, timed.event, &mut actions);
                    actions.drain(..).for_each(|action| digest.add(&action));
                    events += 1;
                }
                Entry::Check { digest: expected } => assert_eq!(digest.value(), expected),
                Entry::End(why) => end = Some(why),
            }
        }
        Ok((events, end))
    }

    fn run(limit: u64, turns: u64, finish: bool) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.rec");
        let file = create(&path).unwrap();
        let mut node = Recorded::new(settings(), [3; 32], Instant::ZERO, Some((file, limit))).unwrap();
        let mut actions = Actions::new();
        for turn in 0..turns {
            node.handle(seconds(turn), Event::Timer, &mut actions);
        }
        if finish {
            node.finish();
        }
        fs::read(path).unwrap()
    }

    #[test]
    fn a_recorded_node_replays_to_the_same_actions() {
        assert_eq!(replayed(&run(1 << 20, 100, true)), Ok((100, Some(End::Finished))));
    }

    #[test]
    fn a_crash_loses_no_more_than_the_last_second() {
        let bytes = run(1 << 20, 100, false);
        assert!(matches!(replayed(&bytes), Err(RecordingError::CutShort { at }) if at == bytes.len()));
        let mut reader = Reader::new(&bytes).unwrap();
        let mut events = 0;
        while let Ok(Some(entry)) = reader.next() {
            events += usize::from(matches!(entry, Entry::Event(_)));
        }
        assert!(events >= 98, "{events}");
    }

    #[test]
    fn at_its_limit_it_ends_with_a_mark_and_the_node_goes_on() {
        let whole = run(1 << 20, 100, true).len() as u64;
        let bytes = run(whole / 2, 100, true);
        let (events, end) = replayed(&bytes).unwrap();
        assert_eq!(end, Some(End::Limit));
        assert!((20..100).contains(&events), "{events}");
    }

    #[test]
    fn where_the_disk_is_full_it_ends_with_a_mark_and_the_node_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.rec");
        let file = create(&path).unwrap();
        let mut node = Recorded::new(settings(), [3; 32], Instant::ZERO, Some((file, 1 << 20))).unwrap();
        let mut actions = Actions::new();
        for turn in 0..100 {
            node.handle(seconds(turn), Event::Timer, &mut actions);
            if turn == 50 {
                // What the system took of a chunk that it had no room for.
                let tape = node.tape.as_mut().unwrap();
                let lost = tape.recorder.flush();
                tape.file.write_all(&lost[..lost.len() / 2]).unwrap();
                node.stop_unless(Err(io::ErrorKind::StorageFull.into()));
            }
        }
        node.finish();
        let (events, end) = replayed(&fs::read(path).unwrap()).unwrap();
        assert_eq!(end, Some(End::Limit));
        assert!((48..=51).contains(&events), "{events}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_disk_that_was_full_from_the_start_is_no_reason_to_stop() {
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut node = Recorded::new(settings(), [3; 32], Instant::ZERO, Some((file, 1 << 20))).unwrap();
        assert!(node.tape.is_none());
        node.handle(seconds(1), Event::Timer, &mut Actions::new());
        node.finish();
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_owners_only_and_an_older_recording_is_moved_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.rec");
        create(&path).unwrap().write_all(b"an older one").unwrap();
        create(&path).unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, Vec::new()));
        assert_eq!(fs::read(folder.path().join("run.rec.old")).unwrap(), b"an older one");
    }

    #[cfg(unix)]
    #[test]
    fn an_empty_file_that_others_may_read_is_replaced_by_one_that_they_may_not() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.rec");
        File::create(&path).unwrap().set_permissions(fs::Permissions::from_mode(0o644)).unwrap();
        create(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert!(!folder.path().join("run.rec.old").exists());
    }

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        std::os::unix::fs::MetadataExt::mode(&fs::metadata(path).unwrap()) & 0o777
    }
}
