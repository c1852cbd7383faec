//! Each obstacle by itself, and a property: what goes is below the window, old, the very marker, and
//! of a key that holds nothing.

use super::*;
use event_schema::{
    id::{EntityKey, RequestId},
    mutation::DocumentKey,
    offset::{ChangesOffset, TransactionsOffset},
    position::Position,
    signing::Keyring,
    to_raw,
};
use proptest::prelude::*;
use store::Meta;

fn version(offset: u64) -> Version {
    Version::new(1, ChangesOffset::new(offset))
}

fn asked(offset: u64) -> MarkerToPurge {
    let document = DocumentKey {
        index: "geo".into(),
        collection: "cities".into(),
        incarnation: "x".into(),
        id: "a".into(),
    };
    MarkerToPurge {
        key: EntityKey(document.to_string()),
        document,
        version: version(offset),
    }
}

fn stored(offset: u64, is_marker: bool) -> StoredDocument {
    let meta = Meta {
        version: version(offset),
        position: Position {
            generation: 1,
            partition: 0,
            offset: TransactionsOffset::new(offset),
        },
        revision: 2,
        request: RequestId::mint(&Keyring::new(1, *b"0123456789abcdef"), 1, 0, [0; 16]),
    };
    let body = (!is_marker).then(|| to_raw(&1));
    StoredDocument { meta, body }
}

fn judged(
    asked: &MarkerToPurge,
    stored: Option<&StoredDocument>,
    change: impl FnOnce(&mut MarkerFacts<'_>, &mut PurgeBounds),
) -> Option<MarkerObstacle> {
    let mut facts = MarkerFacts {
        asked,
        stored,
        is_owned: true,
        is_held: false,
        is_settled: true,
        collection: MarkerPlace::Standing,
        deleted: Some(999),
    };
    let mut bounds = PurgeBounds {
        reapplied_from: Some(version(100)),
        deleted_before: 1_000,
    };
    change(&mut facts, &mut bounds);
    find_obstacle(&facts, bounds)
}

#[test]
fn each_obstacle_keeps_a_marker() {
    use MarkerObstacle as Why;
    let (marker, held) = (asked(50), stored(50, true));
    let of =
        |change: fn(&mut MarkerFacts<'_>, &mut PurgeBounds)| judged(&marker, Some(&held), change);
    assert_eq!(of(|_, _| {}), None, "it goes");
    assert_eq!(of(|it, _| it.is_owned = false), Some(Why::NotOwned));
    assert_eq!(
        of(|it, _| it.collection = MarkerPlace::Gone),
        Some(Why::NoCollection)
    );
    assert_eq!(
        of(|it, _| it.collection = MarkerPlace::Changing),
        Some(Why::Rebuilding)
    );
    assert_eq!(of(|it, _| it.is_held = true), Some(Why::Held));
    assert_eq!(of(|it, _| it.is_settled = false), Some(Why::WrittenSince));
    assert_eq!(of(|it, _| it.deleted = Some(1_000)), Some(Why::TooYoung));
    assert_eq!(of(|it, _| it.deleted = None), Some(Why::UnknownAge));
    let window = |from: Option<u64>| {
        judged(&marker, Some(&held), |_, bounds| {
            bounds.reapplied_from = from.map(version);
        })
    };
    assert_eq!(window(Some(51)), None);
    assert_eq!(window(Some(50)), Some(Why::InWindow), "the deletion itself");
    assert_eq!(window(None), Some(Why::InWindow), "no mark: from the first");
}

#[test]
fn only_the_very_marker_goes() {
    let marker = asked(50);
    let of = |stored: Option<&StoredDocument>| judged(&marker, stored, |_, _| {});
    let since = Some(MarkerObstacle::WrittenSince);
    assert_eq!(of(None), since, "it is gone");
    assert_eq!(of(Some(&stored(50, false))), since, "a document");
    assert_eq!(of(Some(&stored(51, true))), since, "deleted once more");
    assert_eq!(of(Some(&stored(49, true))), since, "the store went back");
}

proptest! {
    #[test]
    fn what_goes_can_never_come_back(
        (at, stands, from) in (0..200_u64, 0..200_u64, proptest::option::of(0..200_u64)),
        (is_marker, is_owned, is_held, is_settled) in any::<(bool, bool, bool, bool)>(),
        deleted in proptest::option::of(0..2_000_i64),
    ) {
        let (marker, held) = (asked(at), stored(stands, is_marker));
        let obstacle = judged(&marker, Some(&held), |it, bounds| {
            (it.is_owned, it.is_held, it.is_settled) = (is_owned, is_held, is_settled);
            it.deleted = deleted;
            bounds.reapplied_from = from.map(version);
        });
        let is_safe = is_owned && !is_held && is_settled && is_marker && at == stands
            && from.is_some_and(|from| at < from)
            && deleted.is_some_and(|deleted| deleted < 1_000);
        prop_assert_eq!(obstacle.is_none(), is_safe);
    }
}
