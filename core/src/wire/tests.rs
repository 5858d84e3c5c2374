use super::*;
use crate::limits::{ANNOUNCE_DATA_MAX, DATA_MAX, FRAME_MAX};
use crate::testing::{check, for_seeds};
use quickcheck::{Arbitrary, Gen};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// Each type once, IPv6 forms and a few special values included, as bytes written by hand from section 1 and 8.
const VECTORS: &[(&str, &[u8])] = &[
    ("500", &[0, 11, 1, 0xf4, 3, 0, 5, 0x39, b'a', b'b', b'c']),
    ("500 without data", &[0, 8, 1, 0xf4, 255, 0, 0xff, 0xff]),
    ("501", &[0, 8, 1, 0xf5, 0, 0, 5, 0x39]),
    ("502", &[0, 10, 1, 0xf6, 0xab, 0xcd, 5, 0x39, 0, 255]),
    ("503 valid", &[0, 8, 1, 0xf7, 0xab, 0xcd, 0, 1]),
    ("503 invalid", &[0, 8, 1, 0xf7, 0xab, 0xcd, 0, 0]),
    ("504", &[0, 4, 1, 0xf8]),
    ("505 of none", &[0, 4, 1, 0xf9]),
    ("505 of two", &[0, 16, 1, 0xf9, 10, 0, 0, 1, 0x17, 0x71, 10, 0, 0, 2, 0, 1]),
    ("506", &[0, 12, 1, 0xfa, 1, 2, 3, 4, 5, 6, 7, 8]),
    ("507", &[0, 26, 1, 0xfb, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 127, 0, 0, 1, 0x17, 0x71]),
    ("508", &[0, 10, 1, 0xfc, 192, 168, 2, 1, 0x1b, 0x59]),
    ("509", &[0, 12, 1, 0xfd, 1, 5, 192, 168, 2, 1, 0x1b, 0x59]),
    ("510", &[0, 4, 1, 0xfe]),
    ("511", &[0, 12, 1, 0xff, 7, 0, 0xab, 0xcd, 5, 0x39, b'h', b'i']),
    ("512", &[0, 18, 2, 0, 0, 1, 0, 0, 0, 1, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]),
    (
        "512 with hints",
        &[
            0, 44, 2, 0, 0, 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, // version, features, instance
            4, 10, 0, 0, 1, 0x17, 0x71, // IPv4
            6, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80, // IPv6
        ],
    ),
    ("513 505 of none", &[0, 6, 2, 1, 1, 0xf9]),
    ("513 505 of one", &[0, 24, 2, 1, 1, 0xf9, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x17, 0x71]),
    (
        "513 507",
        &[
            0, 40, 2, 1, 1, 0xfb, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, // nonce, challenge
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x17, 0x71,
        ],
    ),
    ("513 508", &[0, 24, 2, 1, 1, 0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x17, 0x71]),
    ("513 509", &[0, 26, 2, 1, 1, 0xfd, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x17, 0x71]),
    ("514", &[0, 4, 2, 2]),
    ("515 of none", &[0, 4, 2, 3]),
    ("515 of two", &[0, 24, 2, 3, 1, 2, 3, 4, 5, 6, 7, 8, 0, 7, 9, 8, 7, 6, 5, 4, 3, 2, 255, 255]),
    ("516 of none", &[0, 4, 2, 4]),
    ("516 of two", &[0, 20, 2, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4, 3, 2]),
    ("517 prune", &[0, 8, 2, 5, 0, 0, 5, 0x39]),
    ("517 graft", &[0, 8, 2, 5, 0, 1, 5, 0x39]),
    ("517 of two", &[0, 28, 2, 5, 0, 2, 5, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0, 7, 9, 8, 7, 6, 5, 4, 3, 2, 0, 1]),
    ("518 of none", &[0, 6, 2, 6, 0, 0]),
    ("518 of all", &[0, 6, 2, 6, 0, 1]),
    ("518 of two", &[0, 10, 2, 6, 0, 0, 5, 0x39, 0xff, 0xff]),
    ("519", &[0, 6, 2, 7, 0, 0]),
    ("519 of a later version", &[0, 6, 2, 7, 0x12, 0x34]),
];

fn vector(name: &str) -> &'static [u8] {
    VECTORS.iter().find(|(of, _)| *of == name).unwrap_or_else(|| panic!("no vector {name}")).1
}

fn addresses(list: AddressList<'_>) -> Vec<SocketAddr> {
    list.iter().collect()
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Either port's message, written back.
fn decoded_frame(kind: u16, body: &[u8]) -> Result<Frame, DecodeError> {
    match kind {
        kind::ANNOUNCE..=kind::VALIDATION => ApiMessage::decode(kind, body).map(|message| message.frame()),
        _ => PeerMessage::decode(kind, body).map(|message| message.frame()),
    }
}

fn parts_of(frame: &[u8]) -> (u16, &[u8]) {
    assert_eq!(usize::from(u16::from_be_bytes([frame[0], frame[1]])), frame.len(), "the size counts the whole frame");
    (u16::from_be_bytes([frame[2], frame[3]]), &frame[4..])
}

/// The lengths that sections 1 and 8 allow, said a second time, independent of the codec; the body's first two bytes
/// are 513's original type.
fn fits(kind: u16, body: &[u8]) -> Result<(), DecodeError> {
    let len = body.len();
    let right = match kind {
        500 | 502 => len >= 4,
        501 | 503 => len == 4,
        504 | 510 => len == 0,
        505 => len.is_multiple_of(6),
        506 => len == 8,
        507 => len == 22,
        508 => len == 6,
        509 => len == 8,
        511 => len >= 6,
        512 => len >= 14,
        513 if len < 2 => false,
        513 => match u16::from_be_bytes([body[0], body[1]]) {
            505 => true,
            507 => len >= 2 + 34,
            508 => len >= 2 + 18,
            509 => len >= 2 + 20,
            _ => return Err(DecodeError::UnknownType),
        },
        514 => true,
        515 | 516 => true,
        517 => len >= 4,
        518 | 519 => len >= 2,
        _ => return Err(DecodeError::UnknownType),
    };
    if right { Ok(()) } else { Err(DecodeError::WrongLength) }
}

/// A body as it is sent back: reserved bits 0, trailing bytes of extensions gone. For bodies that fit.
fn canonical(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    match kind {
        500 | 511 => body[1] = 0,
        501 => body[..2].fill(0),
        503 => {
            body[2] = 0;
            body[3] &= 1;
        }
        512 => body.truncate(14 + hints_len(&body[14..])),
        513 => body.truncate(match u16::from_be_bytes([body[0], body[1]]) {
            505 => 2 + (body.len() - 2) / 18 * 18,
            507 => 36,
            508 => 20,
            _ => 22,
        }),
        514 => body.clear(),
        515 => body.truncate(body.len() / 10 * 10),
        516 => body.truncate(body.len() / 8 * 8),
        517 if body[..2] == [0, 2] => body.truncate(4 + (body.len() - 4) / 10 * 10),
        517 => body.truncate(4),
        518 => body.truncate(body.len() / 2 * 2),
        519 => body.truncate(2),
        _ => {}
    }
    body
}

/// How many bytes of whole, known hints there are.
fn hints_len(bytes: &[u8]) -> usize {
    let len = match bytes.first() {
        Some(4) => 7,
        Some(6) => 19,
        _ => return 0,
    };
    bytes.get(len..).map_or(0, |rest| len + hints_len(rest))
}

#[test]
fn every_vector_is_read_and_written_back_byte_for_byte() {
    for (name, bytes) in VECTORS {
        let (kind, body) = parts_of(bytes);
        let frame = decoded_frame(kind, body).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(frame.to_vec(), *bytes, "{name}");
        assert_eq!((frame.kind(), frame.len()), (kind, bytes.len()), "{name}");
    }
}

#[test]
fn api_vectors_mean_what_section_1_says() {
    let read = |name| {
        let (kind, body) = parts_of(vector(name));
        ApiMessage::decode(kind, body).unwrap()
    };
    assert_eq!(read("500"), ApiMessage::Announce { ttl: 3, data_type: 1337, data: b"abc" });
    assert_eq!(read("500 without data"), ApiMessage::Announce { ttl: 255, data_type: 65_535, data: &[] });
    assert_eq!(read("501"), ApiMessage::Notify { data_type: 1337 });
    assert_eq!(read("502"), ApiMessage::Notification { id: 0xabcd, data_type: 1337, data: &[0, 255] });
    assert_eq!(read("503 valid"), ApiMessage::Validation { id: 0xabcd, valid: true });
    assert_eq!(read("503 invalid"), ApiMessage::Validation { id: 0xabcd, valid: false });
}

#[test]
fn peer_vectors_mean_what_section_1_says() {
    let read = |name| {
        let (kind, body) = parts_of(vector(name));
        PeerMessage::decode(kind, body).unwrap()
    };
    let (nonce, challenge) = (0x0102_0304_0506_0708, 0x090a_0b0c_0d0e_0f10);
    assert_eq!(read("504"), PeerMessage::PeerRequest);
    let PeerMessage::PeerResponse(none) = read("505 of none") else { panic!() };
    assert!(none.is_empty() && !none.is_v6() && addresses(none).is_empty());
    let PeerMessage::PeerResponse(two) = read("505 of two") else { panic!() };
    assert_eq!((two.len(), two.is_v6()), (2, false));
    assert_eq!(addresses(two), [address("10.0.0.1:6001"), address("10.0.0.2:1")]);
    assert_eq!(read("506"), PeerMessage::VerificationRequest { nonce });
    let v4 = address("127.0.0.1:6001");
    assert_eq!(read("507"), PeerMessage::VerificationResponse { nonce, challenge, address: v4 });
    assert_eq!(read("508"), PeerMessage::Hello { address: address("192.168.2.1:7001") });
    assert_eq!(read("509"), PeerMessage::Push { ttl: 0x105, address: address("192.168.2.1:7001") });
    assert_eq!(read("510"), PeerMessage::Ping);
    assert_eq!(read("511"), PeerMessage::PeerNotification { ttl: 7, id: 0xabcd, data_type: 1337, data: b"hi" });
}

#[test]
fn extension_vectors_mean_what_section_8_says() {
    let read = |name| {
        let (kind, body) = parts_of(vector(name));
        PeerMessage::decode(kind, body).unwrap()
    };
    let PeerMessage::Capabilities(plain) = read("512") else { panic!() };
    assert_eq!((plain.version, plain.instance), (1, 0x1122_3344_5566_7788));
    assert!(plain.features.has(Features::LOOK_UP) && plain.hints.iter().next().is_none());
    let PeerMessage::Capabilities(hinting) = read("512 with hints") else { panic!() };
    assert_eq!((hinting.version, hinting.features, hinting.instance), (2, Features(1 << 31), 9));
    assert!(!hinting.features.has(Features::LOOK_UP));
    let hints: Vec<_> = hinting.hints.iter().collect();
    assert_eq!(hints, [address("10.0.0.1:6001"), address("[2001:db8::1]:80")]);

    let v6 = address("[::1]:6001");
    let (nonce, challenge) = (0x0102_0304_0506_0708, 0x090a_0b0c_0d0e_0f10);
    let PeerMessage::PeerResponse(none) = read("513 505 of none") else { panic!() };
    assert!(none.is_empty() && none.is_v6());
    let PeerMessage::PeerResponse(one) = read("513 505 of one") else { panic!() };
    assert_eq!((one.len(), addresses(one)), (1, vec![address("[2001:db8::1]:6001")]));
    assert_eq!(read("513 507"), PeerMessage::VerificationResponse { nonce, challenge, address: v6 });
    assert_eq!(read("513 508"), PeerMessage::Hello { address: v6 });
    assert_eq!(read("513 509"), PeerMessage::Push { ttl: 0x105, address: v6 });
    assert_eq!(read("514"), PeerMessage::Pong);
    assert_eq!(read("519"), PeerMessage::Goodbye { reason: GoodbyeReason::ShuttingDown });
    assert_eq!(read("519 of a later version"), PeerMessage::Goodbye { reason: GoodbyeReason::Other(0x1234) });
}

#[test]
fn repair_vectors_mean_what_section_12_says() {
    let read = |name| {
        let (kind, body) = parts_of(vector(name));
        PeerMessage::decode(kind, body).unwrap()
    };
    let PeerMessage::IHave(none) = read("515 of none") else { panic!() };
    assert_eq!(none.iter().count(), 0);
    let PeerMessage::IHave(two) = read("515 of two") else { panic!() };
    let (first, second) = (0x0102_0304_0506_0708, 0x0908_0706_0504_0302);
    let offers = [Offer { digest: first, age: 7 }, Offer { digest: second, age: Offer::GONE }];
    assert_eq!(two.iter().collect::<Vec<_>>(), offers);
    assert_eq!(Offers::frame_of(&offers).to_vec(), vector("515 of two"));
    let PeerMessage::IWant(two) = read("516 of two") else { panic!() };
    assert_eq!(two.iter().collect::<Vec<_>>(), [first, second]);
    assert_eq!(Digests::frame_of(&[first, second]).to_vec(), vector("516 of two"));
    let PeerMessage::Tree(prune) = read("517 prune") else { panic!() };
    assert_eq!((prune.action, prune.data_type, prune.offers.iter().count()), (TreeAction::Prune, 1337, 0));
    assert_eq!(Tree::turn(TreeAction::Prune, 1337).to_vec(), vector("517 prune"));
    assert_eq!(Tree::turn(TreeAction::Graft, 1337).to_vec(), vector("517 graft"));
    let PeerMessage::Tree(two) = read("517 of two") else { panic!() };
    let offers = [Offer { digest: first, age: 7 }, Offer { digest: second, age: 1 }];
    assert_eq!(
        (two.action, two.data_type, two.offers.iter().collect::<Vec<_>>()),
        (TreeAction::Offer, 1337, offers.to_vec())
    );
    assert_eq!(Tree::frame_of(1337, &offers).to_vec(), vector("517 of two"));
    let PeerMessage::Interest(none) = read("518 of none") else { panic!() };
    assert!(!none.is_all() && none.iter().next().is_none());
    assert!(matches!(read("518 of all"), PeerMessage::Interest(all) if all.is_all()));
    let PeerMessage::Interest(two) = read("518 of two") else { panic!() };
    assert_eq!((two.is_all(), two.iter().collect::<Vec<_>>()), (false, vec![1337, 65_535]));
    assert_eq!(Interest::frame_of(&[1337, 65_535]).to_vec(), vector("518 of two"));
}

#[test]
fn lists_of_repair_end_with_their_last_whole_entry_and_are_read_to_their_bound() {
    for name in ["515 of two", "516 of two", "517 of two", "518 of two"] {
        let (kind, body) = parts_of(vector(name));
        let message = PeerMessage::decode(kind, body).unwrap();
        let trailing = if kind == kind::INTEREST { 1 } else { 7 };
        for trailing in 1..=trailing {
            let longer = [body, &[7; 7][..trailing]].concat();
            assert_eq!(PeerMessage::decode(kind, &longer), Ok(message), "{name} with {trailing} bytes more");
        }
    }
    let body = [1; 65_000];
    let read = |kind| PeerMessage::decode(kind, &body).unwrap();
    let PeerMessage::IHave(offers) = read(kind::IHAVE) else { panic!() };
    let PeerMessage::IWant(digests) = read(kind::IWANT) else { panic!() };
    assert_eq!((offers.iter().count(), digests.iter().count()), (512, 512));
    let types: Vec<u16> = (0..257).collect();
    assert_eq!(Interest::frame_of(&types).to_vec(), vector("518 of all"), "too many to say");
    let frame = Interest::frame_of(&types[..256]).to_vec();
    let read = |body| match PeerMessage::decode(kind::INTEREST, body) {
        Ok(PeerMessage::Interest(interest)) => (interest.is_all(), interest.iter().count()),
        other => panic!("{other:?}"),
    };
    assert_eq!((frame.len(), read(&frame[4..])), (6 + 512, (false, 256)));
    assert_eq!(read(&[&frame[4..], &[1, 0][..]].concat()), (true, 256), "more than are read are all");
}

#[test]
fn goodbye_reasons_have_the_numbers_of_section_8() {
    use GoodbyeReason::{Duplicate, Evicted, Fault, Other, ShuttingDown, ViewFull};
    for (number, reason) in [ShuttingDown, Evicted, ViewFull, Duplicate, Fault, Other(5)].into_iter().enumerate() {
        let frame = PeerMessage::Goodbye { reason }.frame().to_vec();
        assert_eq!(frame, [0, 6, 2, 7, 0, u8::try_from(number).unwrap()]);
        assert_eq!(PeerMessage::decode(kind::GOODBYE, &frame[4..]), Ok(PeerMessage::Goodbye { reason }));
    }
}

#[test]
fn every_wrong_length_is_refused_and_every_right_one_is_not() {
    let filling: Vec<u8> = (0..=255).cycle().take(130).collect();
    let originals = [505u16, 507, 508, 509, 0, 504, 506, 510, 513];
    for kind in (490..=530).chain([0, 65_535]) {
        for original in originals {
            let mut body = filling.clone();
            body[..2].copy_from_slice(&original.to_be_bytes());
            for len in 0..=body.len() {
                let body = &body[..len];
                let expected = fits(kind, body);
                assert_eq!(
                    decoded_frame(kind, body).map(|_| ()),
                    expected,
                    "type {kind}, {len} bytes, 513 of {original}"
                );
            }
        }
    }
}

#[test]
fn each_port_refuses_the_other_ports_types() {
    let body = [0; 64];
    for kind in 0..=u16::MAX {
        let api = ApiMessage::decode(kind, &body) != Err(DecodeError::UnknownType);
        assert_eq!(api, (500..=503).contains(&kind), "type {kind} on the API port");
        // 513 needs an original type to be known.
        let peer = PeerMessage::decode(kind, &[&[1, 0xfc], &body[..]].concat()) != Err(DecodeError::UnknownType);
        assert_eq!(peer, (504..=519).contains(&kind), "type {kind} between peers");
        assert_eq!(PeerMessage::knows(kind), peer, "type {kind}");
    }
}

#[test]
fn a_truncated_frame_is_refused_or_read_as_its_length_says() {
    for (name, bytes) in VECTORS {
        let (kind, body) = parts_of(bytes);
        for len in 0..body.len() {
            let result = decoded_frame(kind, &body[..len]);
            assert_eq!(result.as_ref().map(|_| ()).map_err(|e| *e), fits(kind, &body[..len]), "{name} cut to {len}");
            if let Ok(frame) = result {
                assert_eq!(frame.to_vec()[4..], canonical(kind, &body[..len]), "{name} cut to {len}");
            }
        }
    }
}

#[test]
fn any_body_is_refused_or_written_back_less_what_is_ignored() {
    fn property(kind: u8, original: u8, mut body: Vec<u8>, right_type: bool) -> bool {
        let kind = 499 + u16::from(kind % 22);
        if kind == kind::IPV6 && right_type && body.len() >= 2 {
            body[..2].copy_from_slice(&(504 + u16::from(original % 6)).to_be_bytes());
        }
        match decoded_frame(kind, &body) {
            Ok(frame) => {
                let canonical = canonical(kind, &body);
                let again = decoded_frame(kind, &canonical).unwrap();
                fits(kind, &body).is_ok() && parts_of(&frame.to_vec()) == (kind, &canonical[..]) && again == frame
            }
            Err(error) => fits(kind, &body) == Err(error),
        }
    }
    check(60, property as fn(u8, u8, Vec<u8>, bool) -> bool);
}

#[test]
fn reserved_bits_are_ignored_and_sent_as_zero() {
    for reserved in 1..=255u8 {
        let body = [9, reserved, 0, 1, b'x'];
        let announce = ApiMessage::decode(kind::ANNOUNCE, &body).unwrap();
        assert_eq!(announce, ApiMessage::Announce { ttl: 9, data_type: 1, data: b"x" });
        assert_eq!(announce.frame().to_vec(), [0, 9, 1, 0xf4, 9, 0, 0, 1, b'x']);
        let body = [reserved, reserved, 0, 1];
        let notify = ApiMessage::decode(kind::NOTIFY, &body).unwrap();
        assert_eq!(notify.frame().to_vec(), [0, 8, 1, 0xf5, 0, 0, 0, 1]);
        let body = [0, 1, reserved, reserved];
        let validation = ApiMessage::decode(kind::VALIDATION, &body).unwrap();
        assert_eq!(validation, ApiMessage::Validation { id: 1, valid: reserved % 2 == 1 });
        assert_eq!(validation.frame().to_vec(), [0, 8, 1, 0xf7, 0, 1, 0, reserved % 2]);
        let body = [9, reserved, 0, 2, 0, 1];
        let spread = PeerMessage::decode(kind::PEER_NOTIFICATION, &body).unwrap();
        assert_eq!(spread, PeerMessage::PeerNotification { ttl: 9, id: 2, data_type: 1, data: &[] });
        assert_eq!(spread.frame().to_vec(), [0, 10, 1, 0xff, 9, 0, 0, 2, 0, 1]);
    }
}

#[test]
fn trailing_bytes_of_extensions_are_ignored() {
    let is_list = |kind| matches!(kind, kind::IHAVE | kind::IWANT | kind::TREE | kind::INTEREST);
    let of_section_8 = |kind| kind >= kind::CAPABILITIES && !is_list(kind);
    let extensions = VECTORS.iter().filter(|(_, bytes)| of_section_8(parts_of(bytes).0));
    let mut met = 0;
    for (name, bytes) in extensions {
        let (kind, body) = parts_of(bytes);
        let message = PeerMessage::decode(kind, body).unwrap();
        // No kind of hint begins with 7, and 505's list ends with its last whole address.
        for trailing in 1..=17 {
            let longer = [body, &[7; 17][..trailing]].concat();
            assert_eq!(PeerMessage::decode(kind, &longer), Ok(message), "{name} with {trailing} bytes more");
        }
        met += 1;
    }
    assert_eq!(met, 10);
}

#[test]
fn hints_end_at_the_first_that_is_cut_or_of_an_unknown_kind() {
    let (_, body) = parts_of(vector("512 with hints"));
    let hints_of = |body: &[u8]| match PeerMessage::decode(kind::CAPABILITIES, body) {
        Ok(PeerMessage::Capabilities(capabilities)) => capabilities.hints.iter().collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let whole = hints_of(body);
    for len in 14..=body.len() {
        let expected = if len < 21 {
            0
        } else if len < 40 {
            1
        } else {
            2
        };
        assert_eq!(hints_of(&body[..len]), whole[..expected], "{len} bytes");
    }
    let mut unknown = body.to_vec();
    unknown[21] = 5;
    assert_eq!(hints_of(&unknown), whole[..1]);
    unknown[14] = 0;
    assert!(hints_of(&unknown).is_empty());
}

/// What generated messages borrow from.
struct Material {
    data: Vec<u8>,
    list: Vec<u8>,
    hints: Vec<SocketAddr>,
}

impl Arbitrary for Material {
    fn arbitrary(g: &mut Gen) -> Self {
        let addresses: Vec<()> = Vec::arbitrary(g);
        let width = *g.choose(&[6, 18]).unwrap();
        let list = (0..addresses.len() * width).map(|_| u8::arbitrary(g)).collect();
        let hints: Vec<bool> = Vec::arbitrary(g);
        Self { data: Vec::arbitrary(g), list, hints: hints.into_iter().map(|v6| any_address(g, v6)).collect() }
    }
}

impl Clone for Material {
    fn clone(&self) -> Self {
        Self { data: self.data.clone(), list: self.list.clone(), hints: self.hints.clone() }
    }
}

fn any_address(g: &mut Gen, v6: bool) -> SocketAddr {
    let port = u16::arbitrary(g);
    if v6 {
        (Ipv6Addr::from_bits(u128::arbitrary(g)), port).into()
    } else {
        (Ipv4Addr::from_bits(u32::arbitrary(g)), port).into()
    }
}

fn any_peer_message<'a>(g: &mut Gen, which: usize, material: &'a Material) -> PeerMessage<'a> {
    let v6 = bool::arbitrary(g);
    let address = any_address(g, v6);
    let (nonce, challenge) = (u64::arbitrary(g), u64::arbitrary(g));
    match which {
        0 => PeerMessage::PeerRequest,
        1 if material.list.len().is_multiple_of(18) && v6 => {
            let body = [&[1, 0xf9], &material.list[..]].concat();
            PeerMessage::decode(kind::IPV6, body.leak()).unwrap()
        }
        1 => PeerMessage::decode(kind::PEER_RESPONSE, &material.list).unwrap(),
        2 => PeerMessage::VerificationRequest { nonce },
        3 => PeerMessage::VerificationResponse { nonce, challenge, address },
        4 => PeerMessage::Hello { address },
        5 => PeerMessage::Push { ttl: u16::arbitrary(g), address },
        6 => PeerMessage::Ping,
        7 => PeerMessage::PeerNotification {
            ttl: u8::arbitrary(g),
            id: u16::arbitrary(g),
            data_type: u16::arbitrary(g),
            data: &material.data,
        },
        8 => PeerMessage::Capabilities(Capabilities {
            version: u16::arbitrary(g),
            features: Features(u32::arbitrary(g)),
            instance: nonce,
            hints: Hints::new(&material.hints),
        }),
        9 => PeerMessage::Pong,
        10 => PeerMessage::decode(kind::IHAVE, &material.list).unwrap(),
        11 => PeerMessage::decode(kind::IWANT, &material.list).unwrap(),
        12 if material.list.len() >= 2 => PeerMessage::decode(kind::INTEREST, &material.list).unwrap(),
        13 if material.list.len() >= 4 => PeerMessage::decode(kind::TREE, &material.list).unwrap(),
        _ => PeerMessage::Goodbye { reason: u16::arbitrary(g).into() },
    }
}

#[test]
fn every_peer_message_survives_its_frame() {
    for_seeds(40, |g| {
        for which in 0..=14 {
            let material = Material::arbitrary(g);
            let message = any_peer_message(g, which, &material);
            let bytes = message.frame().to_vec();
            let (kind, body) = parts_of(&bytes);
            assert_eq!(PeerMessage::decode(kind, body), Ok(message), "{bytes:02x?}");
        }
    });
}

#[test]
fn every_api_message_survives_its_frame() {
    fn property(n: u16, data_type: u16, small: u8, data: Vec<u8>) -> bool {
        let data = &data[..];
        [
            ApiMessage::Announce { ttl: small, data_type, data },
            ApiMessage::Notify { data_type },
            ApiMessage::Notification { id: n, data_type, data },
            ApiMessage::Validation { id: n, valid: small.is_multiple_of(2) },
        ]
        .into_iter()
        .all(|message| {
            let bytes = message.frame().to_vec();
            let (kind, body) = parts_of(&bytes);
            ApiMessage::decode(kind, body) == Ok(message)
        })
    }
    check(60, property as fn(u16, u16, u8, Vec<u8>) -> bool);
}

#[test]
fn frames_of_a_shared_payload_say_the_same_as_their_messages() {
    fn property(id: u16, data_type: u16, ttl: u8, data: Vec<u8>) -> bool {
        let payload = Payload::new(data_type, &data);
        let data = &data[..];
        let api = ApiMessage::Notification { id, data_type, data }.frame();
        let peer = PeerMessage::PeerNotification { ttl, id, data_type, data }.frame();
        (payload.data_type(), payload.data(), payload.len()) == (data_type, data, data.len() + 2)
            && notification(id, &payload) == api
            && peer_notification(ttl, id, &payload) == peer
            && notification(id, &payload).to_vec() == api.to_vec()
            && peer_notification(ttl, id, &payload).to_vec() == peer.to_vec()
    }
    check(60, property as fn(u16, u16, u8, Vec<u8>) -> bool);
}

#[test]
fn frames_are_equal_only_if_their_bytes_are() {
    let frame = |data: &[u8]| ApiMessage::Announce { ttl: 1, data_type: 2, data }.frame();
    assert_eq!(frame(b"abc"), frame(b"abc"));
    assert_ne!(frame(b"abc"), frame(b"abd"));
    assert_ne!(frame(b"ab"), frame(b"abc"));
    assert_ne!(frame(&[1; 40]), frame(&[[1; 39].as_slice(), &[2]].concat()));
}

#[test]
fn the_largest_frames_have_room_for_what_section_1_says() {
    let data = vec![0xa5; FRAME_MAX];
    let announced = &data[..ANNOUNCE_DATA_MAX];
    let spread = &data[..DATA_MAX];
    let payload = Payload::new(1, spread);
    let frames = [
        ApiMessage::Announce { ttl: 1, data_type: 1, data: announced }.frame(),
        ApiMessage::Notification { id: 1, data_type: 1, data: announced }.frame(),
        PeerMessage::PeerNotification { ttl: 1, id: 1, data_type: 1, data: spread }.frame(),
        peer_notification(1, 1, &payload),
    ];
    for frame in frames {
        let bytes = frame.to_vec();
        assert_eq!(bytes.len(), FRAME_MAX);
        let (kind, body) = parts_of(&bytes);
        assert_eq!(decoded_frame(kind, body).unwrap(), frame);
        for cut in [1, 3, 4, 5, 40_000, FRAME_MAX - 1] {
            assert_eq!(cut_out(&[&bytes[..cut], &bytes[cut..]], |_, _| true), [Out::Frame(kind, body.to_vec())]);
        }
    }
}

#[test]
fn lists_are_bounded_by_the_frame_and_hold_one_family() {
    let v4: SocketAddr = address("10.1.2.3:4");
    let v6: SocketAddr = address("[2001:db8::7]:8");
    let mixed: Vec<_> = [v4, v6].into_iter().cycle().take(40_000).collect();
    for (wants_v6, kind, most) in [(false, kind::PEER_RESPONSE, 10_921), (true, kind::IPV6, 3_640)] {
        let bytes = AddressList::frame_of(&mixed, wants_v6).to_vec();
        let (got, body) = parts_of(&bytes);
        assert_eq!(got, kind);
        let Ok(PeerMessage::PeerResponse(list)) = PeerMessage::decode(kind, body) else { panic!() };
        assert_eq!((list.len(), list.is_v6()), (most, wants_v6));
        assert!(list.iter().all(|address| address == if wants_v6 { v6 } else { v4 }));
        let few = AddressList::frame_of(&mixed[..4], wants_v6).to_vec();
        assert_eq!(few.len(), if wants_v6 { 6 + 2 * 18 } else { 4 + 2 * 6 });
    }
}

/// What came out of a stream.
#[derive(Debug, PartialEq, Eq)]
enum Out {
    Frame(u16, Vec<u8>),
    Skipped(u16, u16),
    Lost(u16),
}

/// Takes everything out of `input`; stops where the stream is lost.
fn drain(deframer: &mut Deframer, mut input: &[u8], wanted: impl Fn(u16, u16) -> bool, out: &mut Vec<Out>) {
    loop {
        assert!(out.len() < 1_000, "no test has so many frames: the same one comes again and again");
        match deframer.next(&mut input, &wanted) {
            Next::Frame { kind, body } => out.push(Out::Frame(kind, body.to_vec())),
            Next::Skipped { kind, size } => out.push(Out::Skipped(kind, size)),
            Next::Lost { size } => return out.push(Out::Lost(size)),
            Next::More => break,
        }
    }
    assert!(input.is_empty(), "{} bytes left behind", input.len());
}

fn cut_out(pieces: &[&[u8]], wanted: impl Fn(u16, u16) -> bool) -> Vec<Out> {
    let (mut deframer, mut out) = (Deframer::default(), Vec::new());
    for piece in pieces {
        drain(&mut deframer, piece, &wanted, &mut out);
    }
    assert_eq!(deframer.kept(), 0);
    out
}

/// Frames of all sizes with arbitrary types, and what should come of each.
fn any_stream(g: &mut Gen, wanted: impl Fn(u16, u16) -> bool) -> (Vec<u8>, Vec<Out>) {
    let (mut stream, mut expected) = (Vec::new(), Vec::new());
    let bodies: Vec<Vec<u8>> = Vec::arbitrary(g);
    for mut body in bodies {
        if u8::arbitrary(g) < 8 {
            body = vec![0x5a; *g.choose(&[4_091, 4_092, 4_093, 65_530, 65_531]).unwrap()];
        }
        let kind = *g.choose(&[kind::PING, kind::PEER_NOTIFICATION, kind::NOTIFY, 0, u16::MAX]).unwrap();
        let size = u16::try_from(body.len() + 4).unwrap();
        stream.extend(size.to_be_bytes());
        stream.extend(kind.to_be_bytes());
        stream.extend(&body);
        expected.push(if wanted(kind, size) { Out::Frame(kind, body) } else { Out::Skipped(kind, size) });
    }
    (stream, expected)
}

/// Cuts a stream into pieces, some of them empty or of one byte.
fn any_cut<'a>(g: &mut Gen, mut stream: &'a [u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while !stream.is_empty() {
        let len = *g.choose(&[0, 1, 2, 3, 4, 5, 7, 30, 1_000, 30_000]).unwrap();
        let (piece, rest) = stream.split_at(len.min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces
}

const WANTED: [fn(u16, u16) -> bool; 4] =
    [|_, _| true, |kind, _| kind != kind::PEER_NOTIFICATION, |_, size| size < 9, |_, _| false];

#[test]
fn the_same_frames_come_out_however_the_stream_is_cut() {
    for wanted in WANTED {
        for_seeds(24, |g| {
            let (stream, expected) = any_stream(g, wanted);
            assert_eq!(cut_out(&[&stream], wanted), expected, "in one piece");
            for _ in 0..8 {
                let pieces = any_cut(g, &stream);
                assert_eq!(
                    cut_out(&pieces, wanted),
                    expected,
                    "{:?}",
                    pieces.iter().map(|p| p.len()).collect::<Vec<_>>()
                );
            }
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(cut_out(&bytes, wanted), expected, "byte by byte");
        });
    }
}

#[test]
fn every_single_cut_of_two_frames_gives_both() {
    let stream = [vector("511"), vector("505 of two")].concat();
    let expected = cut_out(&[&stream], |_, _| true);
    assert_eq!(expected.len(), 2);
    for first in 0..=stream.len() {
        for second in first..=stream.len() {
            let pieces = [&stream[..first], &stream[first..second], &stream[second..]];
            assert_eq!(cut_out(&pieces, |_, _| true), expected, "cut at {first} and {second}");
        }
    }
}

#[test]
fn a_backlog_that_was_kept_comes_out_in_order() {
    for wanted in WANTED {
        for_seeds(24, |g| {
            let (stream, expected) = any_stream(g, wanted);
            let (mut deframer, mut out) = (Deframer::default(), Vec::new());
            for piece in any_cut(g, &stream) {
                // Reading stops and goes on at random: sometimes after one frame, the rest of the piece put away.
                let mut input = piece;
                match *g.choose(&["read", "keep", "one"]).unwrap() {
                    "read" => drain(&mut deframer, input, wanted, &mut out),
                    "keep" => deframer.keep(&mut input),
                    _ => {
                        match deframer.next(&mut input, wanted) {
                            Next::Frame { kind, body } => out.push(Out::Frame(kind, body.to_vec())),
                            Next::Skipped { kind, size } => out.push(Out::Skipped(kind, size)),
                            Next::Lost { size } => out.push(Out::Lost(size)),
                            Next::More => {}
                        }
                        deframer.keep(&mut input);
                    }
                }
            }
            drain(&mut deframer, &[], wanted, &mut out);
            assert_eq!(out, expected);
            assert_eq!(deframer.kept(), 0);
        });
    }
}

#[test]
fn an_unwanted_frame_is_never_stored() {
    let frame = [&[0xff, 0xff, 0x02, 0x03][..], &[9; FRAME_MAX - 4]].concat();
    let mut deframer = Deframer::default();
    let mut met = 0;
    for (at, byte) in frame.chunks(1).enumerate() {
        let mut input = byte;
        match deframer.next(&mut input, |kind, _| kind != 515) {
            Next::Skipped { kind: 515, size: 65_535 } => met += 1,
            Next::More => {}
            other => panic!("{other:?}"),
        }
        assert!(deframer.kept() <= if at < 3 { 3 } else { 0 }, "{} bytes kept after byte {at}", deframer.kept());
    }
    assert_eq!(met, 1);
    // Nor is it when reading has been stopped in its middle.
    let (start, end) = frame.split_at(1_000);
    assert!(matches!(deframer.next(&mut &*start, |_, _| false), Next::Skipped { .. }));
    deframer.keep(&mut &*end);
    assert_eq!(deframer.kept(), 0);
    let out = deframer.next(&mut vector("510"), |_, _| true);
    assert_eq!(out, Next::Frame { kind: kind::PING, body: &[] });
}

#[test]
fn only_what_is_missing_of_a_wanted_frame_is_stored() {
    let stream = [vector("511"), vector("510"), vector("501")].concat();
    let mut deframer = Deframer::default();
    let mut input = &stream[..5];
    assert_eq!(deframer.next(&mut input, |_, _| true), Next::More);
    assert_eq!((deframer.kept(), input.len()), (5, 0));
    let mut input = &stream[5..];
    assert_eq!(deframer.next(&mut input, |_, _| true), Next::Frame { kind: 511, body: &vector("511")[4..] });
    assert_eq!((deframer.kept(), input), (0, &stream[vector("511").len()..]));
}

#[test]
fn a_size_below_the_headers_own_is_lost_wherever_it_is_cut() {
    for size in 0..4u8 {
        let stream = [vector("511"), &[0, size, 1, 0xfe, 0, 4, 1, 0xfe]].concat();
        let expected = [Out::Frame(511, vector("511")[4..].to_vec()), Out::Lost(size.into())];
        let end = vector("511").len() + 4;
        for cut in 0..=end {
            for wanted in [true, false] {
                let (mut deframer, mut out) = (Deframer::default(), Vec::new());
                drain(&mut deframer, &stream[..cut], |_, _| wanted, &mut out);
                if cut < end {
                    drain(&mut deframer, &stream[cut..], |_, _| wanted, &mut out);
                }
                assert_eq!(out.last(), expected.last(), "size {size}, cut at {cut}");
                assert!(!wanted || out == expected, "size {size}, cut at {cut}: {out:?}");
            }
        }
    }
}

#[test]
fn errors_say_what_is_wrong() {
    assert_eq!(DecodeError::UnknownType.to_string(), "type unknown on this port");
    assert_eq!(DecodeError::WrongLength.to_string(), "body of the wrong length");
}

#[test]
fn a_list_is_cut_where_the_frame_ends_and_never_within_an_address() {
    let many: Vec<SocketAddr> = (0..20_000u16).map(|n| ([10, 0, 0, 1], n).into()).collect();
    let frame = AddressList::frame_of(&many, false);
    assert_eq!(frame.len(), 4 + 10_921 * 6);
    let bytes = frame.to_vec();
    let Ok(PeerMessage::PeerResponse(list)) = PeerMessage::decode(frame.kind(), &bytes[4..]) else { panic!() };
    assert_eq!((list.len(), list.is_empty(), addresses(list)), (10_921, false, many[..10_921].to_vec()));
    let many_v6: Vec<SocketAddr> = (0..5_000u16).map(|n| (Ipv6Addr::LOCALHOST, n).into()).collect();
    assert_eq!(AddressList::frame_of(&many_v6, true).len(), 4 + 2 + 3_640 * 18);
    let none = AddressList::frame_of(&many, true);
    let bytes = none.to_vec();
    let Ok(PeerMessage::PeerResponse(list)) = PeerMessage::decode(none.kind(), &bytes[4..]) else { panic!() };
    assert_eq!((list.len(), list.is_empty()), (0, true));
}

#[test]
fn features_are_a_set() {
    let both = Features::LOOK_UP.with(Features::TREE);
    assert_eq!(both.with(Features::TREE).with(both), both);
    assert!(both.has(Features::LOOK_UP) && both.has(both) && !both.has(Features::REPAIR));
    assert!(!Features::TREE.has(both) && both.has(Features::default()));
}

#[test]
fn hints_are_equal_only_if_they_say_the_same_addresses() {
    let [one, other] = ["10.0.0.1:1", "[::1]:1"].map(address);
    assert_eq!(Hints::new(&[one, other]), Hints::new(&[one, other]));
    assert_ne!(Hints::new(&[one, other]), Hints::new(&[other, one]));
    assert_ne!(Hints::new(&[one]), Hints::new(&[]));
}

#[test]
fn nothing_that_is_sent_is_empty_and_a_log_has_lengths_not_bytes() {
    let payload = Payload::new(1337, b"");
    assert_eq!((payload.len(), payload.is_empty()), (2, false));
    assert_eq!(format!("{:?}", Payload::new(1337, b"abc")), "Payload(type 1337, 3 bytes)");
    let frame = PeerMessage::Ping.frame();
    assert_eq!((frame.len(), frame.is_empty()), (4, false));
    assert_eq!(format!("{frame:?}"), format!("Frame({}, 4 bytes)", kind::PING));
}
