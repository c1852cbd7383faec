//! A cursor says what it was made of, for the tenant and the room it was made for.

use super::*;
use proptest::prelude::*;

const SCOPE: CursorScope<'static> = CursorScope {
    tenant: "t",
    room: "r",
};

fn keys() -> Keyring {
    Keyring::new(1, *b"a secret of thirty-two bytes.....")
}

fn cursor() -> Cursor {
    let point = FeedPosition {
        resume: ChangesOffset::new(7),
        epoch: Some(Epoch::begun_at(ChangesOffset::new(3))),
        next: ChangesOffset::new(1 << 40),
        emitted: 2,
        informative: InformativeOffset::new(300),
    };
    Cursor {
        generation: 1,
        expires: 100,
        points: vec![point, FeedPosition::default()],
    }
}

#[test]
fn it_is_good_for_its_tenant_and_room_until_it_expires() {
    let text = cursor().sign(&keys(), SCOPE);
    let open = |scope, now| Cursor::open(&text, &keys(), scope, now);
    assert_eq!(open(SCOPE, 100), Ok(cursor()));
    assert_eq!(open(SCOPE, 101), Err(BadCursor::Expired));
    for other in [
        CursorScope {
            tenant: "u",
            ..SCOPE
        },
        CursorScope { room: "s", ..SCOPE },
    ] {
        assert_eq!(open(other, 1), Err(BadCursor::Foreign));
    }
    assert_eq!(
        Cursor::open(&text, &Keyring::new(1, *b"another secret.."), SCOPE, 1),
        Err(BadCursor::Foreign)
    );
    for nonsense in ["", "c1.", "c1.AA", "t1.AA", "c1.!!!!", "x"] {
        assert_eq!(
            Cursor::open(nonsense, &keys(), SCOPE, 1),
            Err(BadCursor::Malformed),
            "{nonsense:?}"
        );
    }
}

#[test]
fn no_letter_of_it_may_be_changed() {
    let text = cursor().sign(&keys(), SCOPE);
    for at in 3..text.len() {
        let mut other = text.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert!(Cursor::open(&other, &keys(), SCOPE, 1).is_err(), "{at}");
    }
}

#[test]
fn it_is_short() {
    let point = FeedPosition {
        resume: ChangesOffset::new(1_000_000),
        epoch: Some(Epoch::begun_at(ChangesOffset::new(999_000))),
        next: ChangesOffset::new(1_000_002),
        emitted: 1,
        informative: InformativeOffset::new(5_000),
    };
    let cursor = Cursor {
        generation: 1,
        expires: 1_790_000_000,
        points: vec![point; 4],
    };
    assert!(cursor.sign(&keys(), SCOPE).len() < 100);
}

proptest! {
    #[test]
    fn any_numbers_come_back(numbers in prop::collection::vec((any::<u64>(), any::<u64>(), prop::option::of(0..u64::MAX), any::<u32>(), any::<u64>()), 0..5)) {
        let position = |(one, other, epoch, emitted, informative): (u64, u64, Option<u64>, u32, u64)| FeedPosition {
            resume: ChangesOffset::new(one.min(other)),
            next: ChangesOffset::new(one.max(other)),
            epoch: epoch.map(|open| Epoch::begun_at(ChangesOffset::new(open))),
            emitted,
            informative: InformativeOffset::new(informative),
        };
        let cursor = Cursor { generation: 9, expires: u64::MAX, points: numbers.into_iter().map(position).collect() };
        prop_assert_eq!(Cursor::open(&cursor.sign(&keys(), SCOPE), &keys(), SCOPE, 0), Ok(cursor));
    }

    #[test]
    fn nothing_panics(text in "(c1\\.)?[A-Za-z0-9_-]{0,60}") {
        prop_assert!(Cursor::open(&text, &keys(), SCOPE, 0).is_err());
    }
}
