use super::*;

fn text(length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| b"abcdefghij"[(n * n / 7) % 10])
        .collect()
}

#[test]
fn what_is_deflated_inflates_to_itself() {
    for length in [64, 1_000, 1_024, 70_000, 1 << 20] {
        let plain = text(length);
        let packed = deflate_payload(&plain).unwrap();
        assert!(packed.len() < plain.len() && !packed.ends_with(&TAIL));
        assert_eq!(inflate_payload(&packed, length).unwrap(), plain, "{length}");
    }
}

#[test]
fn messages_do_not_depend_on_each_other() {
    let (one, two) = (
        deflate_payload(&text(5_000)).unwrap(),
        deflate_payload(&text(6_000)).unwrap(),
    );
    assert_eq!(inflate_payload(&two, 10_000).unwrap(), text(6_000));
    assert_eq!(inflate_payload(&one, 10_000).unwrap(), text(5_000));
    assert_eq!(deflate_payload(&text(5_000)).unwrap(), one);
}

#[test]
fn what_does_not_shrink_is_sent_as_it_is() {
    let noise: Vec<u8> = (0..2_000_u64)
        .map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8 ^ (n as u8))
        .collect();
    let packed = deflate_payload(&noise);
    assert!(packed.is_none_or(|packed| packed.len() < noise.len()));
    assert!(deflate_payload(b"ab").is_none());
}

#[test]
fn a_bomb_is_stopped_at_the_limit() {
    let packed = deflate_payload(&vec![b'0'; 16 << 20]).unwrap();
    assert!(packed.len() < 200_000);
    assert_eq!(
        inflate_payload(&packed, 1 << 20),
        Err(InflateError::TooLarge)
    );
}

#[test]
fn damage_is_told() {
    assert_eq!(
        inflate_payload(&[0xff; 40], 1_000),
        Err(InflateError::Damaged)
    );
    let mut packed = deflate_payload(&text(5_000)).unwrap();
    packed.truncate(packed.len() / 2);
    // Half a message: either damage, or at least not the whole.
    assert!(
        inflate_payload(&packed, 10_000).is_ok_and(|plain| plain.len() < 5_000)
            || inflate_payload(&packed, 10_000) == Err(InflateError::Damaged)
    );
    assert_eq!(inflate_payload(&[], 10), Ok(Vec::new()));
}
