//! Ids: signed, telling their partition, refused when forged.

use super::*;

fn keys() -> Keyring {
    Keyring::new(1, *b"a secret of thirty-two bytes.....")
}

#[test]
fn the_text_form_comes_back_with_all_in_it() {
    let id = RequestId::mint(&keys(), 1, 517, [7; 16]);
    let text = id.to_string();
    assert_eq!(text.len(), 38);
    let back = RequestId::parse(&text, &keys()).unwrap();
    assert_eq!(
        (back, back.generation(), back.partition(), back.unique()),
        (id, 1, 517, [7; 16])
    );
}

#[test]
fn a_flipped_bit_or_another_secret_is_a_forgery() {
    let id = RequestId::mint(&keys(), 1, 3, [9; 16]);
    for byte in 0..LENGTH {
        let mut forged = id.0;
        forged[byte] ^= 1;
        assert_eq!(
            RequestId::parse(&RequestId(forged).to_string(), &keys()),
            Err(BadRequestId::Forged),
            "byte {byte}"
        );
    }
    assert_eq!(
        RequestId::parse(&id.to_string(), &Keyring::new(1, *b"another secret..")),
        Err(BadRequestId::Forged)
    );
    assert_eq!(
        RequestId::parse("r1short", &keys()),
        Err(BadRequestId::Malformed)
    );
}

/// Values of Kafka's own `Utils.murmur2` test.
#[test]
fn keys_hash_as_kafkas_clients_hash_them() {
    let expected: [(&str, i32); 7] = [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        (
            "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
            -58897971,
        ),
        ("abc", 479470107),
        ("", 275646681),
    ];
    for (text, hash) in expected {
        assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text:?}");
    }
}

#[test]
fn children_of_a_parent_that_begins_with_the_time_sort_in_their_order() {
    let mut parent = [9; 16];
    parent[6] = 0x7a;
    let children: Vec<_> = (0..10_000).map(|n| RequestId::child(&parent, n)).collect();
    assert!(children.is_sorted());
    assert!(children.iter().all(|child| child[..6] == parent[..6]));
    let older: Vec<_> = (0..100).map(|n| RequestId::child(&[9; 16], n)).collect();
    assert!(!older.is_sorted(), "others are a hash alone");
}
