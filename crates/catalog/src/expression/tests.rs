//! What expressions come to, and what is said of those that mean nothing.

use super::*;
use crate::members::Members;
use crate::operation::{Program, Sight};
use serde_json::json;

const REQUEST: &str = r#"{"name":" Meera Nair ","mail":"Meera.Nair@Example.org","phone":"98450 12367","n":3,"x":1.5,"yes":true,"nil":null,
    "list":["b","a","b"],"who":{"id":7,"a/b":"slash"},"rows":[{"k":1},{"k":2},{}],"at":1773481267512}"#;

fn value(definition: Value) -> Result<Option<Value>, EvalError> {
    let names = Names::default();
    let expr = names.parse(&definition).unwrap();
    let members = Members::parse(REQUEST).unwrap();
    let (program, nothing) = (Program::default(), Map::new());
    Sight::new(&program, &members, &nothing, "me")
        .scope()
        .value(&expr)
}

fn made(definition: Value) -> Value {
    value(definition.clone())
        .unwrap()
        .unwrap_or_else(|| panic!("{definition} is absent"))
}

fn absent(definition: Value) -> bool {
    value(definition).unwrap().is_none()
}

#[test]
fn references_lead_into_values() {
    assert_eq!(made(json!("$request/who/id")), 7);
    assert_eq!(made(json!("$request/who/a~1b")), "slash");
    assert_eq!(made(json!("$request/list/1")), "a");
    assert_eq!(made(json!("$principal")), "me");
    assert_eq!(made(json!("$request")).as_object().unwrap().len(), 11);
    for nowhere in [
        "$request/none",
        "$request/who/id/more",
        "$request/list/9",
        "$request/list/x",
        "$item",
        "$index",
    ] {
        assert!(absent(json!(nowhere)), "{nowhere}");
    }
}

#[test]
fn constants_lists_and_objects_are_themselves() {
    assert_eq!(made(json!({"literal": {"a": "$5"}})), json!({"a": "$5"}));
    assert_eq!(
        made(json!(["$request/n", "$request/none", "x"])),
        json!([3, "x"])
    );
    assert_eq!(
        made(json!({"object": {"a": "$request/n", "b": "$request/none", "c": "$request/nil"}})),
        json!({"a": 3, "c": null})
    );
}

#[test]
fn texts() {
    assert_eq!(
        made(json!({"lower": "$request/mail"})),
        "meera.nair@example.org"
    );
    assert_eq!(made(json!({"trim": "$request/name"})), "Meera Nair");
    assert_eq!(made(json!({"text": "$request/x"})), "1.5");
    assert_eq!(
        made(json!({"concat": ["a-", "$request/n", "$request/yes"]})),
        "a-3true"
    );
    assert!(absent(json!({"concat": ["a", "$request/nil"]})));
    assert_eq!(made(json!({"join": ["$request/list", ", "]})), "b, a, b");
    assert_eq!(
        made(json!({"json_text": "$request/who"})),
        r#"{"id":7,"a/b":"slash"}"#
    );
    assert_eq!(
        made(json!({"sha256_join": ["a", "b"]})),
        "c1c47c45ea6d232eb5bed30848fb5c14d2c3ab7ce54e20c93618bd83ad5ed51b"
    );
    assert_eq!(
        made(json!({"mask_email": "$request/mail"})),
        "Me********@Example.org"
    );
    assert_eq!(made(json!({"mask_phone": "$request/phone"})), "******2367");
    assert_eq!(made(json!({"mask_phone": "1234567"})), "*******");
    assert_eq!(
        made(json!({"sunbird_time": "$request/at"})),
        "2026-03-14 09:41:07:512+0000"
    );
    assert_eq!(made(json!({"date": "$request/at"})), "2026-03-14");
    assert_eq!(
        made(json!({"rfc3339": "$request/at"})),
        "2026-03-14T09:41:07.512Z"
    );
    assert!(absent(json!({"lower": "$request/none"})) && absent(json!({"date": "$request/nil"})));
}

#[test]
fn choices() {
    assert_eq!(
        made(json!({"default": ["$request/none", "$request/nil", "z"]})),
        "z"
    );
    assert!(absent(json!({"default": "$request/none"})));
    assert_eq!(made(json!({"if": ["$request/yes", 1, 2]})), 1);
    assert!(absent(json!({"if": [{"not": "$request/yes"}, 1]})));
    for (condition, holds) in [
        (json!({"present": "$request/nil"}), false),
        (json!({"absent": "$request/nil"}), true),
        (json!({"blank": {"literal": "  "}}), true),
        (json!({"blank": "$request/n"}), false),
        (json!({"equals": ["$request/n", 3]}), true),
        (json!({"equals": ["$request/none", "$request/nil"]}), false),
        (json!({"less": ["$request/x", "$request/n"]}), true),
        (json!({"less": ["b", "a"]}), false),
        (json!({"less": ["$request/none", 1]}), false),
        (json!({"any": [false, "$request/yes"]}), true),
        (json!({"all": [true, "$request/none"]}), false),
        (json!({"in": ["a", "$request/list"]}), true),
        (json!({"in": ["c", ["a", "b"]]}), false),
        (json!({"distinct": "$request/list"}), false),
        (json!({"distinct": "$request/none"}), true),
    ] {
        assert_eq!(made(condition.clone()), holds, "{condition}");
    }
}

#[test]
fn objects_and_lists() {
    assert_eq!(
        made(json!({"without": ["$request/who", ["id"]]})),
        json!({"a/b": "slash"})
    );
    assert_eq!(
        made(json!({"only": ["$request/who", ["id", "none"]]})),
        json!({"id": 7})
    );
    assert_eq!(
        made(json!({"merge": ["$request/who", "$request/none", {"object": {"id": 8}}]})),
        json!({"id": 8, "a/b": "slash"})
    );
    assert_eq!(made(json!({"at": ["$request/list", 2]})), "b");
    assert!(absent(json!({"at": ["$request/list", 3]})));
    assert_eq!(made(json!({"count": "$request/list"})), 3);
    assert_eq!(
        made(json!({"union": ["$request/list", ["c"]]})),
        json!(["b", "a", "c"])
    );
    assert_eq!(made(json!({"as_list": "$request/n"})), json!([3]));
    assert_eq!(
        made(json!({"as_list": "$request/list"})),
        json!(["b", "a", "b"])
    );
    assert_eq!(
        made(json!({"map": ["$request/rows", {"concat": ["$index", ":", "$item/k"]}]})),
        json!(["0:1", "1:2"])
    );
    assert!(absent(json!({"map": ["$request/none", "$item"]})));
}

#[test]
fn numbers() {
    assert_eq!(made(json!({"add": ["$request/n", 1, "$request/none"]})), 4);
    assert_eq!(made(json!({"add": ["$request/n", "$request/x"]})), 4.5);
    assert_eq!(made(json!({"greatest": ["$request/n", "$request/x"]})), 3);
    assert_eq!(made(json!({"least": ["$request/n", "$request/x"]})), 1.5);
    assert!(value(json!({"add": [i64::MAX, 1]})).is_err());
}

#[test]
fn wrong_types_are_errors_not_guesses() {
    for definition in [
        json!({"lower": "$request/n"}),
        json!({"count": "$request/n"}),
        json!({"merge": ["$request/list", "$request/who"]}),
        json!({"add": ["$request/mail", 1]}),
        json!({"date": "$request/mail"}),
        json!({"not": "$request/n"}),
        json!({"less": ["$request/n", "$request/mail"]}),
        json!({"map": ["$request/who", 1]}),
    ] {
        assert!(value(definition.clone()).is_err(), "{definition}");
    }
}

#[test]
fn misspelt_names_are_told_with_the_near_one() {
    let names = Names {
        looked: vec![],
        lets: vec!["profile"],
        let_reach: vec![Reach::default()],
        generated: vec!["id"],
        writes: vec!["document"],
    };
    let told = |definition: Value| names.parse(&definition).unwrap_err();
    assert_eq!(
        told(json!("$reqest/a")),
        "`$reqest/a` starts from nowhere known: did you mean `request`?"
    );
    assert_eq!(
        told(json!("$let/profil")),
        "`$let/profil`: there is no let `profil`: did you mean `profile`?"
    );
    assert_eq!(
        told(json!("$generated")),
        "`$generated` must name generated value"
    );
    assert_eq!(
        told(json!({"lowr": "x"})),
        "there is no function `lowr`: did you mean `lower`?"
    );
    assert_eq!(
        told(json!({"object": {"a": {"lower": "$nope"}}})),
        "object: a: lower: `$nope` starts from nowhere known"
    );
    assert_eq!(
        told(json!({"equals": [1]})),
        "equals: takes 2 arguments, not 1"
    );
    assert!(told(json!({"a": 1, "b": 2})).contains("{object: …}"));
    assert!(told(json!({"map": ["$request/a"]})).starts_with("map: takes"));
}

#[test]
fn reach_is_what_an_expression_looks_at() {
    let names = Names {
        looked: vec![],
        lets: vec!["p"],
        let_reach: vec![Reach::CURRENT],
        generated: vec!["id"],
        writes: vec!["document"],
    };
    let reach = |definition: Value| names.reach(&names.parse(&definition).unwrap());
    assert_eq!(reach(json!("x")), Reach::default());
    assert_eq!(
        reach(json!(["$request/a", "$generated/id"])),
        Reach::REQUEST.and(Reach::GENERATED)
    );
    assert_eq!(reach(json!({"lower": "$let/p"})), Reach::CURRENT);
    assert_eq!(
        reach(json!({"map": ["$request/a", {"concat": ["$item", "$principal"]}]})),
        Reach::REQUEST.and(Reach::PRINCIPAL)
    );
    assert_eq!(
        reach(json!({"object": {"a": "$written/document/id"}})).beyond(Reach::REQUEST),
        "$written"
    );
}

#[test]
fn nearest_is_near_or_nothing() {
    let known = ["user.create", "user.update", "location.create"];
    assert_eq!(nearest_name("usr.create", known), Some("user.create"));
    assert_eq!(nearest_name("createUser", known), None);
    assert_eq!(nearest_name("", known), None);
}

#[test]
fn lines_of_cells_are_objects() {
    let text =
        "\u{feff}NAME,Mobile Phone,Roles\r\n\"Das, Arun\",984,\"A,\"\"B\"\"\"\r\n\r\nLeela,,C\n";
    let rows = json!([{"name": "Das, Arun", "mobile phone": "984", "roles": "A,\"B\""}, {"name": "Leela", "roles": "C"}]);
    assert_eq!(made(json!({"csv": {"literal": text}})), rows);
    let all = json!({"every": [{"csv": {"literal": text}}, {"all": [{"present": {"default": ["$item/name", "$item/x"]}}, {"present": "$item/roles"}]}]});
    assert_eq!(made(all), true);
    assert_eq!(
        made(json!({"csv_names": {"literal": "A,b\n1,2"}})),
        json!(["a", "b"])
    );
    for broken in ["", "a,a\n1,2", "a,,b\n1", "a\n1,2", "a\n\"1"] {
        assert!(absent(json!({"csv": {"literal": broken}})), "{broken:?}");
    }
}

#[test]
fn elements_are_put_in_and_taken_out_by_a_member() {
    let list = json!([{"object": {"id": "a", "n": 1}}, {"object": {"id": "b", "n": 2}}]);
    let more = json!([{"object": {"id": "b", "m": 3}}, {"object": {"id": "c"}}]);
    assert_eq!(
        made(json!({"put_in": [list, "id", more]})),
        json!([{"id": "a", "n": 1}, {"id": "b", "n": 2, "m": 3}, {"id": "c"}])
    );
    assert_eq!(
        made(json!({"take_out": [list, "id", ["a", "x"]]})),
        json!([{"id": "b", "n": 2}])
    );
    assert_eq!(
        made(json!({"difference": [["a", "b"], ["b"]]})),
        json!(["a"])
    );
    assert_eq!(
        made(json!({"append": [["a"], ["a", "b"]]})),
        json!(["a", "a", "b"])
    );
    assert_eq!(made(json!({"sum": [1, 2.5]})), 3.5);
    assert_eq!(made(json!({"minus": [1, 3]})), -2);
}

#[test]
fn elements_are_chosen_and_the_outer_one_is_seen() {
    assert_eq!(
        made(json!({"filter": ["$request/rows", {"present": "$item/k"}]})),
        json!([{"k": 1}, {"k": 2}])
    );
    assert_eq!(
        made(json!({"find": ["$request/rows", {"equals": ["$item/k", 2]}]})),
        json!({"k": 2})
    );
    assert!(absent(
        json!({"find": ["$request/rows", {"equals": ["$item/k", 9]}]})
    ));
    assert_eq!(made(json!({"some": ["$request/none", true]})), false);
    assert_eq!(made(json!({"every": ["$request/none", false]})), true);
    let seen =
        json!({"map": [[1, 3], {"some": ["$request/rows", {"equals": ["$item/k", "$outer"]}]}]});
    assert_eq!(made(seen), json!([true, false]));
    assert_eq!(
        made(json!({"to_object": [["a", "b"], {"concat": ["$item", "!"]}]})),
        json!({"a": "a!", "b": "b!"})
    );
    assert_eq!(
        made(json!({"names_where": [{"object": {"a": 1, "b": 2, "c": 1}}, 1]})),
        json!(["a", "c"])
    );
    assert_eq!(
        made(json!({"object_of": [["a"], true]})),
        json!({"a": true})
    );
}

#[test]
fn the_later_of_two_times_is_kept_as_it_was_written() {
    let (east, utc) = (
        "2026-03-14 18:22:40:105+0530",
        "2026-03-14 13:22:40:105+0000",
    );
    assert_eq!(
        made(json!({"latest": [east, utc, "$request/none", "no time"]})),
        utc
    );
    assert_eq!(
        made(json!({"latest": [east, "2026-03-14 12:22:40:105+0000"]})),
        east
    );
    assert_eq!(
        made(json!({"slug": "Coastal Schools, West!"})),
        "coastal-schools-west"
    );
    assert_eq!(
        made(json!({"get": [{"parse_json": "{\"a\":[1]}"}, "a"]})),
        json!([1])
    );
    assert_eq!(
        made(json!({"split": ["a, b,,c", ","]})),
        json!(["a", "b", "c"])
    );
    assert!(
        absent(json!({"secret_digits": ["x"]})),
        "no one who accepts has the secret"
    );
}
