use super::{canonical_value, fit_key, fit_mutation};
use crate::{
    contract::fixture::{object, row_key, tables},
    schema::ColumnType,
};
use event_schema::mutation::{RowAction, RowMutation};
use serde_json::{Value, json};

fn of(kind: ColumnType, value: Value) -> Result<Option<Value>, String> {
    canonical_value(&kind, &value, "/c").map_err(|misfit| misfit.pointer)
}

#[test]
fn one_form_for_each_value() {
    let text = || Box::new(ColumnType::Text);
    assert_eq!(
        of(ColumnType::Timestamp, json!("1970-01-01T00:00:01Z")),
        Ok(Some(json!(1000)))
    );
    assert_eq!(of(ColumnType::Double, json!(2)), Ok(Some(json!(2.0))));
    assert_eq!(
        of(ColumnType::Set(text()), json!(["b", "a", "b"])),
        Ok(Some(json!(["a", "b"])))
    );
    assert_eq!(of(ColumnType::Set(text()), json!([])), Ok(None));
    assert_eq!(of(ColumnType::List(text()), json!([])), Ok(Some(json!([]))));
    assert_eq!(of(ColumnType::Map(text()), json!({})), Ok(None));
    assert_eq!(of(ColumnType::Text, json!(null)), Ok(None));
    let map = of(ColumnType::Map(text()), json!({"z": "1", "a": "2"}))
        .map(|map| map.map(|map| map.to_string()));
    assert_eq!(map, Ok(Some(r#"{"a":"2","z":"1"}"#.to_owned())));
}

#[test]
fn a_misfit_says_where() {
    let ints = ColumnType::Map(Box::new(ColumnType::Set(Box::new(ColumnType::Int))));
    assert_eq!(
        of(ints, json!({"a/b": [1, "x"]})),
        Err("/c/a~1b/1".to_owned())
    );
    assert_eq!(of(ColumnType::Int, json!(2.0)), Err("/c".to_owned()));
    assert_eq!(
        of(ColumnType::Int, json!(i64::from(i32::MAX) + 1)),
        Err("/c".to_owned())
    );
}

#[test]
fn keys_follow_the_table() {
    let rows = tables().remove(0);
    let key =
        |value| fit_key(&rows, &row_key("contract_rows", value)).map_err(|misfit| misfit.pointer);
    assert_eq!(
        key(json!({"item": 1, "owner": "o"})),
        Ok(vec![json!("o"), json!(1)]),
        "the order is the table's"
    );
    assert_eq!(key(json!({"owner": "o"})), Err("/item".to_owned()));
    assert_eq!(
        key(json!({"owner": "", "item": 1})),
        Err("/owner".to_owned())
    );
    assert_eq!(
        key(json!({"owner": null, "item": 1})),
        Err("/owner".to_owned())
    );
    assert_eq!(
        key(json!({"owner": "o", "item": 1, "more": 2})),
        Err("/more".to_owned())
    );
    let mutation = RowMutation {
        key: row_key("contract_rows", json!({"owner": "o", "item": 1})),
        action: RowAction::Put,
        cells: object(json!({"owner": "p"})),
        before: None,
        expires_before: None,
        expires: None,
    };
    assert_eq!(
        fit_mutation(&rows, &mutation).map_err(|misfit| misfit.pointer),
        Err("/owner".to_owned())
    );
}
