use super::*;
use proptest::prelude::*;

const LIMIT: usize = 100_000;

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x12, 0x34, 0x56, 0x78];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=65_535 => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    bytes.extend(
        payload
            .iter()
            .enumerate()
            .map(|(n, byte)| byte ^ mask[n % 4]),
    );
    bytes
}

/// Everything that comes of bytes that arrive in pieces of this size.
fn read(
    decoder: &mut FrameDecoder,
    bytes: &[u8],
    piece: usize,
) -> Result<Vec<ClientMessage>, ProtocolViolation> {
    let mut messages = Vec::new();
    for mut piece in bytes.chunks(piece.max(1)) {
        while let Some(message) = decoder.next(&mut piece)? {
            messages.push(message);
        }
        assert!(piece.is_empty());
    }
    Ok(messages)
}

fn refused(bytes: &[u8]) -> ProtocolViolation {
    read(&mut FrameDecoder::new(LIMIT, true), bytes, bytes.len()).unwrap_err()
}

proptest! {
    #[test]
    fn messages_come_whole_however_they_are_cut(lengths in proptest::collection::vec(0..70_000_usize, 1..4), piece in 1..5_000_usize) {
        let texts: Vec<String> = lengths.iter().map(|length| "ab\u{e9}".repeat(length / 4)).collect();
        let bytes: Vec<u8> = texts.iter().flat_map(|text| frame(0x81, text.as_bytes())).collect();
        let mut decoder = FrameDecoder::new(LIMIT, false);
        let read = read(&mut decoder, &bytes, piece).unwrap();
        prop_assert_eq!(read, texts.into_iter().map(|text| ClientMessage::Text(text.into())).collect::<Vec<_>>());
        prop_assert!(!decoder.has_partial_message());
    }

    #[test]
    fn no_bytes_make_it_fall(bytes in proptest::collection::vec(any::<u8>(), 0..200), piece in 1..50_usize) {
        drop(read(&mut FrameDecoder::new(LIMIT, true), &bytes, piece));
    }
}

#[test]
fn a_message_in_pieces_with_a_ping_between() {
    let mut decoder = FrameDecoder::new(LIMIT, false);
    let bytes = [
        frame(0x01, b"{\"a\""),
        frame(0x89, b"there?"),
        frame(0x00, b":"),
        frame(0x80, b"1}"),
    ]
    .concat();
    let messages = read(&mut decoder, &bytes, 3).unwrap();
    assert_eq!(
        messages,
        [
            ClientMessage::Ping(Bytes::from_static(b"there?")),
            ClientMessage::Text(Bytes::from_static(b"{\"a\":1}"))
        ]
    );
}

#[test]
fn a_deflated_message_in_pieces() {
    let text = "a city, and a city, ".repeat(300);
    let packed = deflate::deflate_payload(text.as_bytes()).unwrap();
    let (one, two) = packed.split_at(packed.len() / 2);
    let bytes = [frame(0x41, one), frame(0x80, two)].concat();
    assert_eq!(
        read(&mut FrameDecoder::new(LIMIT, true), &bytes, 7).unwrap(),
        [ClientMessage::Text(text.into())]
    );
    let bomb = deflate::deflate_payload(&vec![b'0'; 10 * LIMIT]).unwrap();
    assert_eq!(refused(&frame(0xC1, &bomb)), ProtocolViolation::TooLarge);
    assert!(matches!(
        read(
            &mut FrameDecoder::new(LIMIT, false),
            &frame(0xC1, &packed),
            9
        ),
        Err(ProtocolViolation::Framing(_))
    ));
}

#[test]
fn a_frame_too_large_is_refused_by_its_head() {
    let mut decoder = FrameDecoder::new(1 << 20, false);
    let whole = frame(0x81, &vec![b'x'; 16 << 20]);
    let mut head = &whole[..14];
    assert_eq!(decoder.next(&mut head), Err(ProtocolViolation::TooLarge));
    let pieces = [
        frame(0x01, &vec![b'x'; 60_000]),
        frame(0x80, &vec![b'x'; 60_000]),
    ]
    .concat();
    assert_eq!(refused(&pieces), ProtocolViolation::TooLarge);
}

#[test]
fn what_breaks_the_protocol() {
    let mut bare = frame(0x81, b"x");
    bare[1] &= 0x7f;
    for bytes in [
        bare,
        frame(0xA1, b"x"),
        frame(0x83, b"x"),
        frame(0x80, b"x"),
        frame(0xC9, b"x"),
        frame(0x09, b"x"),
        frame(0x89, &[0; 126]),
        [frame(0x01, b"x"), frame(0x81, b"y")].concat(),
        frame(0x88, &[3]),
        frame(0x88, &999_u16.to_be_bytes()),
        frame(0x88, &1006_u16.to_be_bytes()),
    ] {
        assert!(
            matches!(refused(&bytes), ProtocolViolation::Framing(_)),
            "{bytes:?}"
        );
    }
    assert_eq!(
        refused(&frame(0x81, &[0xff, 0xfe])),
        ProtocolViolation::InvalidPayload
    );
}

#[test]
fn ends_and_binaries() {
    let bytes = [
        frame(0x82, &[1, 2]),
        frame(0x8A, b""),
        frame(0x88, &[]),
        frame(0x88, &1001_u16.to_be_bytes()),
    ]
    .concat();
    let messages = read(&mut FrameDecoder::new(LIMIT, true), &bytes, 100).unwrap();
    assert_eq!(
        messages,
        [
            ClientMessage::Binary(Bytes::from_static(&[1, 2])),
            ClientMessage::Pong,
            ClientMessage::Close(None),
            ClientMessage::Close(Some(1001))
        ]
    );
}
