//! The gossip API's bytes, both ways.

use crate::{GOSSIP_BROKEN, GOSSIP_LOST, GOSSIP_MISUSE, GOSSIP_OK, GOSSIP_SOME, guard, slice};
use gossip_core::limits::DATA_MAX;
use gossip_core::wire::{ApiMessage, Deframer, Next};
use std::ffi::c_int;

/// A message of the gossip API. Fields that its type does not use are zero.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct GossipMessage {
    /// 500 ANNOUNCE, 501 NOTIFY, 502 NOTIFICATION, 503 VALIDATION; any other: not the API's, without fields.
    pub kind: u16,
    /// Was its body of the wrong length? Then it has no other fields.
    pub malformed: bool,
    /// Of ANNOUNCE: how many hops; 0 is no limit.
    pub ttl: u8,
    /// Of NOTIFICATION and VALIDATION: which message.
    pub id: u16,
    /// Of all but VALIDATION.
    pub data_type: u16,
    /// Of VALIDATION: may it be spread?
    pub valid: bool,
    /// Of ANNOUNCE and NOTIFICATION; until the next call with this deframer.
    pub data: *const u8,
    /// How many bytes.
    pub data_len: usize,
}

/// Writes a message as a frame. Returns its size; with less `room` than that, nothing is written. 0: `message` is null or
/// has a type or more data (65,525 bytes) than can be sent.
///
/// # Safety
///
/// `message` is null or a message whose data can be read; `room` bytes can be written at `frame`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_encode(message: *const GossipMessage, frame: *mut u8, room: usize) -> usize {
    let mut size = 0;
    guard(|| {
        // SAFETY: null or a message, as the caller promises.
        let Some(message) = (unsafe { message.as_ref() }) else { return GOSSIP_MISUSE };
        let GossipMessage { ttl, id, data_type, valid, .. } = *message;
        // SAFETY: its data can be read, as the caller promises.
        let data = match unsafe { slice(message.data, message.data_len) } {
            Some(data) if data.len() <= DATA_MAX => data,
            _ => return GOSSIP_MISUSE,
        };
        let message = match message.kind {
            500 => ApiMessage::Announce { ttl, data_type, data },
            501 => ApiMessage::Notify { data_type },
            502 => ApiMessage::Notification { id, data_type, data },
            503 => ApiMessage::Validation { id, valid },
            _ => return GOSSIP_MISUSE,
        };
        let bytes = message.frame().to_vec();
        size = bytes.len();
        if size <= room && !frame.is_null() {
            // SAFETY: `room` bytes can be written there, as the caller promises; `bytes` is ours, so they do not overlap.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), frame, size) };
        }
        GOSSIP_OK
    });
    size
}

/// The receiving end of one connection of the gossip API.
#[derive(Default)]
pub struct GossipDeframer {
    deframer: Deframer,
    data: Vec<u8>,
    is_broken: bool,
}

/// Makes one.
#[unsafe(no_mangle)]
pub extern "C" fn gossip_deframer_new() -> *mut GossipDeframer {
    Box::into_raw(Box::default())
}

/// Frees one; null is none.
///
/// # Safety
///
/// `deframer` came from `gossip_deframer_new` and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_deframer_free(deframer: *mut GossipDeframer) {
    if !deframer.is_null() {
        // SAFETY: it came from Box::into_raw, and is the caller's to give back.
        drop(unsafe { Box::from_raw(deframer) });
    }
}

/// Takes the next message off the front of `*len` bytes at `*bytes`, and moves both past what it took: `GOSSIP_SOME` with
/// the message; `GOSSIP_OK` when the bytes are used up; `GOSSIP_LOST` when they are not the gossip protocol's.
///
/// # Safety
///
/// `deframer` is null or a deframer; `bytes`, `len` and `message` are null or can be read and written, and `*len` bytes
/// can be read at `*bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gossip_deframer_next(
    deframer: *mut GossipDeframer,
    bytes: *mut *const u8,
    len: *mut usize,
    message: *mut GossipMessage,
) -> c_int {
    // SAFETY: null or a deframer that nobody else uses, as the caller promises.
    let Some(deframer) = (unsafe { deframer.as_mut() }) else { return GOSSIP_MISUSE };
    if deframer.is_broken {
        return GOSSIP_BROKEN;
    }
    // SAFETY: null, or can be read and written, as the caller promises.
    let (Some(bytes), Some(len)) = (unsafe { (bytes.as_mut(), len.as_mut()) }) else { return GOSSIP_MISUSE };
    // SAFETY: so many bytes can be read there, as the caller promises.
    let Some(mut input) = (unsafe { slice(*bytes, *len) }) else { return GOSSIP_MISUSE };
    if message.is_null() {
        return GOSSIP_MISUSE;
    }
    let status = guard(|| {
        let (status, next) = deframer.next(&mut input);
        if let Some(next) = next {
            // SAFETY: not null, and can be written, as the caller promises.
            unsafe { message.write(next) };
        }
        status
    });
    deframer.is_broken = status == GOSSIP_BROKEN;
    (*bytes, *len) = (input.as_ptr(), input.len());
    status
}

impl GossipDeframer {
    fn next(&mut self, input: &mut &[u8]) -> (c_int, Option<GossipMessage>) {
        let mut flat = GossipMessage {
            kind: 0,
            malformed: false,
            ttl: 0,
            id: 0,
            data_type: 0,
            valid: false,
            data: std::ptr::null(),
            data_len: 0,
        };
        match self.deframer.next(input, |kind, _| (500..=503).contains(&kind)) {
            Next::More => return (GOSSIP_OK, None),
            Next::Lost { .. } => return (GOSSIP_LOST, None),
            Next::Skipped { kind, .. } => flat.kind = kind,
            Next::Frame { kind, body } => {
                flat.kind = kind;
                let data = match ApiMessage::decode(kind, body) {
                    Ok(ApiMessage::Announce { ttl, data_type, data }) => {
                        (flat.ttl, flat.data_type) = (ttl, data_type);
                        data
                    }
                    Ok(ApiMessage::Notify { data_type }) => {
                        flat.data_type = data_type;
                        &[]
                    }
                    Ok(ApiMessage::Notification { id, data_type, data }) => {
                        (flat.id, flat.data_type) = (id, data_type);
                        data
                    }
                    Ok(ApiMessage::Validation { id, valid }) => {
                        (flat.id, flat.valid) = (id, valid);
                        &[]
                    }
                    Err(_) => {
                        flat.malformed = true;
                        &[]
                    }
                };
                self.data = data.to_vec();
                (flat.data, flat.data_len) = (self.data.as_ptr(), self.data.len());
            }
        }
        (GOSSIP_SOME, Some(flat))
    }
}
