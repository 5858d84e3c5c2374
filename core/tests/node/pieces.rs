//! How a neighbour's bytes are cut makes no difference to what its messages are taken for.

use crate::harness::{Got, Node, Told};
use gossip_core::wire::{Payload, PeerMessage, peer_notification};

const TYPE: u16 = 1337;

/// Three hundred frames: messages of which many are copies of one before or share an id with it, of sizes short and long,
/// some of a type that nobody wants; and PINGs between them.
fn frames() -> Vec<Vec<u8>> {
    let mut random = 1u32;
    let mut draw = |below: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 16) % below
    };
    let mut one = || match draw(12) {
        0 => PeerMessage::Ping.frame(),
        kind => {
            let data_type = TYPE + u16::from(kind == 1);
            let data = vec![u8::try_from(draw(4)).unwrap(); [0, 3, 64, 700][draw(4) as usize]];
            peer_notification(9, u16::try_from(draw(5)).unwrap(), &Payload::new(data_type, &data))
        }
    };
    (0..300).map(|_| one().to_vec()).collect()
}

/// What a module is told, what another neighbour gets, and how many were new, copies and unwanted.
type Outcome = (Vec<Told>, Vec<Got>, [u64; 3]);

fn carried<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let mut node = Node::new(|_| {});
    let (sender, other, module) = (node.neighbour(), node.neighbour(), node.subscriber(TYPE));
    pieces.for_each(|piece| node.say_bytes(sender, piece));
    let told = node.told(module);
    told.iter().for_each(|one| node.validate(module, one.id, true));
    let metrics = node.metrics();
    let counts = [metrics.messages_valid, metrics.messages_duplicate, metrics.messages_unwanted];
    (told, node.got(other), counts)
}

#[test]
fn messages_are_told_and_spread_alike_however_the_stream_is_cut() {
    let frames = frames();
    let stream = frames.concat();
    let alone = carried(frames.iter().map(Vec::as_slice));
    let (told, got, [new, copies, unwanted]) = &alone;
    assert!(told.len() > 40 && got.len() == told.len() && *new == told.len() as u64, "{new} new, {} got", got.len());
    assert!(*copies > 100 && *unwanted > 10, "{copies} copies, {unwanted} unwanted");
    for size in [1, 5, 73, 1_000, 4_096, stream.len()] {
        assert!(carried(stream.chunks(size)) == alone, "pieces of {size}");
    }
}
