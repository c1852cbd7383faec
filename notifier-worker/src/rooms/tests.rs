//! Equal filters share a room; it goes with its last subscription.

use super::*;
use matching::Options;
use serde_json::json;

fn filter(value: serde_json::Value) -> Filter {
    Filter::parse(&value, &Options::default()).unwrap()
}

#[test]
fn equal_filters_share_a_room_until_the_last_one_leaves() {
    let mut rooms = Rooms::default();
    let one = rooms.enter("i", "c", &filter(json!({"and": [{"equals": {"a": 1}}, {"exists": "b"}]})));
    let same = rooms.enter("i", "c", &filter(json!({"and": [{"exists": "b"}, {"equals": {"a": 1}}]})));
    let elsewhere = rooms.enter("i", "d", &filter(json!({"and": [{"exists": "b"}, {"equals": {"a": 1}}]})));
    assert_eq!(one, same);
    assert_ne!(one, elsewhere);
    assert_eq!(rooms.count("i", "c", &one), 2);
    let document = json!({"a": 1, "b": 2});
    assert_eq!(rooms.matching("i", "c", &Document::new(&document)), [&one]);
    assert_eq!(rooms.leave("i", "c", &one), Some(1));
    assert_eq!(rooms.leave("i", "c", &one), Some(0));
    assert_eq!(rooms.leave("i", "c", &one), None);
    assert!(rooms.matching("i", "c", &Document::new(&document)).is_empty());
    assert!(!rooms.listened("i", "c") && rooms.listened("i", "d"));
}
