//! A cursor says what it was made of, to whom it was given, for the room it was given for.

use super::*;
use proptest::prelude::*;

const BEARER: Bearer<'static> = Bearer {
    tenant: "t",
    principal: "p",
    room: "r",
};

fn keys() -> Keyring {
    Keyring::new(1, *b"a secret of thirty-two bytes.....")
}

fn cursor() -> Cursor {
    let point = Point {
        resume: 7,
        epoch: 3,
        next: 1 << 40,
        told: 2,
        informative: 300,
    };
    Cursor {
        generation: 1,
        expires: 100,
        points: vec![point, Point::default()],
    }
}

#[test]
fn it_is_its_bearers_until_it_expires() {
    let text = cursor().sign(&keys(), BEARER);
    let open = |bearer, now| Cursor::open(&text, &keys(), bearer, now);
    assert_eq!(open(BEARER, 100), Ok(cursor()));
    assert_eq!(open(BEARER, 101), Err(BadCursor::Expired));
    for other in [
        Bearer {
            tenant: "u",
            ..BEARER
        },
        Bearer {
            principal: "q",
            ..BEARER
        },
        Bearer {
            room: "s",
            ..BEARER
        },
    ] {
        assert_eq!(open(other, 1), Err(BadCursor::Foreign));
    }
    assert_eq!(
        Cursor::open(&text, &Keyring::new(1, *b"another secret.."), BEARER, 1),
        Err(BadCursor::Foreign)
    );
    for nonsense in ["", "c1.", "c1.AA", "t1.AA", "c1.!!!!", "x"] {
        assert_eq!(
            Cursor::open(nonsense, &keys(), BEARER, 1),
            Err(BadCursor::Malformed),
            "{nonsense:?}"
        );
    }
}

#[test]
fn no_letter_of_it_may_be_changed() {
    let text = cursor().sign(&keys(), BEARER);
    for at in 3..text.len() {
        let mut other = text.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert!(Cursor::open(&other, &keys(), BEARER, 1).is_err(), "{at}");
    }
}

#[test]
fn it_is_short() {
    let point = Point {
        resume: 1_000_000,
        epoch: 999_000,
        next: 1_000_002,
        told: 1,
        informative: 5_000,
    };
    let cursor = Cursor {
        generation: 1,
        expires: 1_790_000_000,
        points: vec![point; 4],
    };
    assert!(cursor.sign(&keys(), BEARER).len() < 100);
}

proptest! {
    #[test]
    fn any_numbers_come_back(numbers in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), any::<u32>(), any::<u64>()), 0..5)) {
        let point = |(one, other, epoch, told, informative): (u64, u64, u64, u32, u64)| {
            Point { resume: one.min(other), next: one.max(other), epoch, told, informative }
        };
        let cursor = Cursor { generation: 9, expires: u64::MAX, points: numbers.into_iter().map(point).collect() };
        prop_assert_eq!(Cursor::open(&cursor.sign(&keys(), BEARER), &keys(), BEARER, 0), Ok(cursor));
    }

    #[test]
    fn nothing_panics(text in "(c1\\.)?[A-Za-z0-9_-]{0,60}") {
        prop_assert!(Cursor::open(&text, &keys(), BEARER, 0).is_err());
    }
}
