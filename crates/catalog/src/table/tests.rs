//! Table definitions, and which values their columns take.

use super::*;
use serde_json::json;

fn table(change: impl Fn(&mut Value)) -> Result<OwnTable, String> {
    let mut definition = json!({"name": "T", "owner": "o", "partition_key": ["Id"], "columns": {"Id": "text", "aB": "list<map<text>>"}, "indexes": []});
    change(&mut definition);
    compile_table(&serde_json::from_value(definition).unwrap())
}

#[test]
fn names_are_kept_in_lower_case() {
    let own = table(|_| ()).unwrap();
    assert_eq!(
        (own.table.name.as_str(), own.table.key().collect::<Vec<_>>()),
        ("t", vec!["id"])
    );
    let list_of_maps = ColumnType::List(Box::new(ColumnType::Map(Box::new(ColumnType::Text))));
    assert_eq!(own.table.column("ab").unwrap().kind, list_of_maps);
}

#[test]
fn what_makes_no_table_is_told() {
    let told = |change: &dyn Fn(&mut Value)| table(change).unwrap_err();
    assert!(told(&|d| d["columns"]["id"] = json!("text")).contains("differ in more than case"));
    assert!(told(&|d| d["columns"]["x"] = json!("txt")).contains("`txt` is no type"));
    assert!(told(&|d| d["columns"]["x"] = json!(1)).contains("a type must be a string"));
    assert!(told(&|d| d["columns"]["a-b"] = json!("text")).contains("a-b"));
    assert!(told(&|d| d["partition_key"] = json!([])).contains("at least one"));
    assert!(told(&|d| d["partition_key"] = json!(["x"])).contains("no column `x`"));
    assert!(told(&|d| d["indexes"] = json!(["aB"])).contains("neither key nor index"));
    assert!(told(&|d| d["name"] = json!("1t")).contains("table names"));
}

#[test]
fn columns_take_what_fits() {
    let list = ColumnType::List(Box::new(ColumnType::Int));
    let map_of = |kind| ColumnType::Map(Box::new(kind));
    let fitting = [
        (ColumnType::Text, json!("")),
        (ColumnType::Int, json!(-2147483648i64)),
        (ColumnType::Bigint, json!(i64::MAX)),
        (ColumnType::Double, json!(1)),
        (ColumnType::Boolean, json!(false)),
        (ColumnType::Timestamp, json!(0)),
        (ColumnType::Timestamp, json!("2026-03-14T09:41:07.512Z")),
        (list.clone(), json!([1, 2])),
        (ColumnType::Map(Box::new(list.clone())), json!({"a": [1]})),
        (ColumnType::Set(Box::new(ColumnType::Text)), json!([])),
        (map_of(ColumnType::Text), json!({})),
        (map_of(list.clone()), json!({"a": []})),
    ];
    for (kind, value) in fitting {
        assert_eq!(check_value(&kind, &value), Ok(()), "{kind:?} {value}");
    }
    let unfit = [
        (ColumnType::Text, json!(1)),
        (ColumnType::Int, json!(2147483648i64)),
        (ColumnType::Int, json!(1.5)),
        (ColumnType::Bigint, json!(u64::MAX)),
        (ColumnType::Timestamp, json!("today")),
        (list.clone(), json!([1, null])),
        (list, json!(1)),
        (ColumnType::Map(Box::new(ColumnType::Text)), json!({"a": 1})),
        (ColumnType::Boolean, json!(null)),
        // What a store's collections do not keep.
        (map_of(map_of(ColumnType::Text)), json!({"a": {}})),
        (
            ColumnType::List(Box::new(map_of(ColumnType::Text))),
            json!([{}]),
        ),
    ];
    for (kind, value) in unfit {
        assert!(check_value(&kind, &value).is_err(), "{kind:?} {value}");
    }
    // Where it is within the value, without names that came with the request.
    let list = || ColumnType::List(Box::new(ColumnType::Int));
    let map = ColumnType::Map(Box::new(list()));
    let values = [
        (&list(), json!([1, "two"]), "/1"),
        (&map, json!({"a/b": [1, "two"]}), ""),
    ];
    for (kind, value, at) in values {
        let misfit = check_value(kind, &value).unwrap_err();
        assert_eq!(
            (misfit.at.as_str(), misfit.why.as_str()),
            (at, "takes a whole number of 32 bits, not a text")
        );
    }
    assert!(fits_key(&ColumnType::Text, &json!("")).is_err());
    assert!(fits_key(&ColumnType::Text, &json!("a".repeat(KEY_BYTES + 1))).is_err());
    assert_eq!(fits_key(&ColumnType::Text, &json!("a")), Ok(()));
}
