//! Bodies of every type on both ports: what is understood is said again in the same words.

use super::Input;
use crate::limits::{DIGESTS_PER_FRAME, FRAME_HEADER, FRAME_MAX, INTEREST_TYPES_MAX};
use crate::wire::{
    ApiMessage, DecodeError, Digests, Frame, Offers, Payload, PeerMessage, Tree, TreeAction, kind, notification,
    peer_notification,
};

/// The type, two bytes; then the body.
pub fn messages(data: &[u8]) {
    let mut input = Input::new(data);
    let drawn = input.u16();
    // One in 256 is any type at all, the others are those that there are and their neighbours.
    let kind = if drawn & 0xff == 0xff { input.u16() } else { 498_u16.saturating_add(drawn % 24) };
    let body = input.bytes(FRAME_MAX.saturating_sub(FRAME_HEADER));
    of_module(kind, body);
    of_peer(kind, body);
}

fn of_module(kind: u16, body: &[u8]) {
    let message = match ApiMessage::decode(kind, body) {
        Ok(message) => message,
        Err(error) => return assert_eq!(error == DecodeError::UnknownType, !(500..=503).contains(&kind)),
    };
    let frame = message.frame();
    let again = say(&frame, kind, body.len());
    assert_eq!(ApiMessage::decode(kind, &again), Ok(message));
    if let ApiMessage::Notification { id, data_type, data } = message {
        assert_eq!(notification(id, &Payload::new(data_type, data)), frame);
    }
}

fn of_peer(kind: u16, body: &[u8]) {
    let message = match PeerMessage::decode(kind, body) {
        Ok(message) => message,
        Err(DecodeError::UnknownType) => return assert!(!PeerMessage::knows(kind) || kind == kind::IPV6, "{kind}"),
        Err(DecodeError::WrongLength) => return assert!(PeerMessage::knows(kind), "{kind}"),
    };
    assert!(PeerMessage::knows(kind), "{kind} is read and not known");
    // Of an extension, bytes after what is understood are ignored, and not said again.
    let len = if kind >= kind::CAPABILITIES { None } else { Some(body.len()) };
    let frame = message.frame();
    assert!(frame.len() <= body.len().saturating_add(FRAME_HEADER), "{} bytes of {}", frame.len(), body.len());
    let again = say(&frame, kind, len.unwrap_or(frame.len().saturating_sub(FRAME_HEADER)));
    assert_eq!(PeerMessage::decode(kind, &again), Ok(message));
    match message {
        PeerMessage::PeerNotification { ttl, id, data_type, data } => {
            assert_eq!(peer_notification(ttl, id, &Payload::new(data_type, data)), frame);
        }
        PeerMessage::IHave(offers) => {
            let offers: Vec<_> = offers.iter().collect();
            assert_eq!(offers.len(), (body.len() / 10).min(DIGESTS_PER_FRAME), "offers in {body:?}");
            assert_eq!(Offers::frame_of(&offers).to_vec().get(4..), body.get(..offers.len().saturating_mul(10)));
        }
        PeerMessage::Tree(tree) if tree.action == TreeAction::Offer => {
            let offers: Vec<_> = tree.offers.iter().collect();
            let len = offers.len().saturating_mul(10).saturating_add(4);
            assert_eq!(offers.len(), (body.len().saturating_sub(4) / 10).min(DIGESTS_PER_FRAME), "offers in {body:?}");
            assert_eq!(Tree::frame_of(tree.data_type, &offers).to_vec().get(4..), body.get(..len));
        }
        PeerMessage::IWant(digests) => {
            let digests: Vec<_> = digests.iter().collect();
            assert_eq!(digests.len(), (body.len() / 8).min(DIGESTS_PER_FRAME), "digests in {body:?}");
            assert_eq!(Digests::frame_of(&digests).to_vec().get(4..), body.get(..digests.len().saturating_mul(8)));
        }
        PeerMessage::Interest(interest) => {
            assert!(interest.iter().count() <= INTEREST_TYPES_MAX, "types in {interest:?}");
        }
        PeerMessage::PeerResponse(list) => {
            assert_eq!(list.iter().count(), list.len(), "addresses in {list:?}");
            assert!(list.iter().all(|address| address.is_ipv6() == list.is_v6()), "families in {list:?}");
        }
        _ => {}
    }
}

/// A frame's body, after a look at its header.
fn say(frame: &Frame, kind: u16, len: usize) -> Vec<u8> {
    let bytes = frame.to_vec();
    let (&[a, b, c, d], body) = bytes.split_first_chunk::<FRAME_HEADER>().unwrap_or((&[0; FRAME_HEADER], &[]));
    assert_eq!(usize::from(u16::from_be_bytes([a, b])), bytes.len(), "the size in the header");
    assert_eq!((u16::from_be_bytes([c, d]), body.len()), (kind, len), "type and length of what is said again");
    body.to_vec()
}
