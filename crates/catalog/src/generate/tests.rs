//! Ids look as they should, derive from the seed alone, and differ where they must.

use super::*;
use crate::members::Members;
use crate::operation::{Program, Sight};
use serde_json::json;

fn generate(definition: Value, request: &str, seed: Seed) -> Map<String, Value> {
    let names = Names::default();
    let generator = Generator::compile("x", &definition, &names).unwrap();
    let (program, nothing, members) = (
        Program::default(),
        Map::new(),
        Members::parse(request).unwrap(),
    );
    let mut generated = Map::new();
    generator
        .run(
            &Sight::new(&program, &members, &nothing, "").scope(),
            &seed,
            &mut generated,
        )
        .unwrap();
    generated
}

const SEED: Seed = Seed {
    unique: [3; 16],
    now: 5,
};

#[test]
fn ids_have_their_form() {
    let id = generate(json!("uuid"), "{}", SEED)["x"]
        .as_str()
        .unwrap()
        .to_owned();
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12]);
    assert!(
        id[14..].starts_with('4') && matches!(&id[19..20], "8" | "9" | "a" | "b"),
        "{id}"
    );
    for unique in 0..=255 {
        let number = generate(
            json!("decimal"),
            "{}",
            Seed {
                unique: [unique; 16],
                now: 0,
            },
        )["x"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(
            number.len() == 24
                && number.bytes().all(|b| b.is_ascii_digit())
                && !number.starts_with('0'),
            "{number}"
        );
    }
    assert_eq!(make_decimal([255; 16]).len(), 24);
    assert_eq!(generate(json!("time"), "{}", SEED)["x"], 5);
}

#[test]
fn ids_of_later_requests_come_later() {
    let id = |time: u8, rest: u8| {
        let mut unique = [rest; 16];
        unique[..6].copy_from_slice(&[1, 2, 3, 4, 5, time]);
        unique[6] = 0x70;
        generate(
            json!({"make": "uuid", "each": "$request/list"}),
            r#"{"list":[0,0]}"#,
            Seed { unique, now: 0 },
        )["x"]
            .clone()
    };
    let (earlier, same, later) = (id(8, 200), id(8, 9), id(9, 3));
    let text = |id: &Value, n: usize| id[n].as_str().unwrap().to_owned();
    assert!(
        text(&earlier, 0).starts_with("01020304-0508-7"),
        "{earlier}"
    );
    assert!(text(&earlier, 0) < text(&later, 0) && text(&same, 1) < text(&later, 0));
    assert!(text(&earlier, 0) != text(&same, 0) && text(&earlier, 0) != text(&earlier, 1));
}

#[test]
fn each_element_has_its_own_and_no_list_has_none() {
    let each = json!({"make": "uuid", "each": "$request/list"});
    let ids = generate(each.clone(), r#"{"list":[0,0,0]}"#, SEED)["x"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(ids.len(), 3);
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
    assert!(generate(each, "{}", SEED).is_empty());
}

#[test]
fn what_was_given_is_not_made() {
    let unless = json!({"make": "uuid", "unless": "$request/_id"});
    assert!(generate(unless.clone(), r#"{"_id":"1"}"#, SEED).is_empty());
    assert_eq!(generate(unless, r#"{"_id":null}"#, SEED).len(), 1);
}

#[test]
fn what_cannot_be_made_is_told() {
    for definition in [
        json!("uid"),
        json!({"make": "uuid", "ech": 1}),
        json!(1),
        json!({"make": "uuid", "each": "$reqest/a"}),
    ] {
        assert!(
            Generator::compile("x", &definition, &Names::default()).is_err(),
            "{definition}"
        );
    }
}
