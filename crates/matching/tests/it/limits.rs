//! What a filter may cost is bounded, whatever it is: parsing, normalising and testing the worst
//! filters one can think of.

use std::time::{Duration, Instant};

use matching::document::MAX_NESTING;
use matching::normalise::{MAX_LITERALS, max_literals};
use matching::{Document, Filter, FilterError, Options, Term};
use serde_json::{Value, json};

/// Far more than any of these takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

fn literals(filter: &Filter) -> usize {
    filter.cost().literals
}

/// Parses and normalises within the time and size that are promised.
fn bounded(value: &Value) -> Result<Filter, FilterError> {
    let start = Instant::now();
    let filter = Filter::parse(value, &Options::default())?;
    let form = filter.normalise();
    form.room_id("index", "collection");
    assert!(start.elapsed() < PATIENCE, "{value}");
    let written = literals(&filter);
    assert!(
        written <= max_literals(2 * filter.conditions()),
        "{written} literals for {value}"
    );
    Ok(filter)
}

/// An `and` of `or`s: the form that multiplying out makes exponentially larger.
fn and_of_ors(groups: usize, members: usize) -> Value {
    let equals = |group: usize, member: usize| json!({"equals": {format!("f{group}"): member}});
    let or = |group: usize| json!({"or": (0..members).map(|member| equals(group, member)).collect::<Vec<_>>()});
    json!({"and": (0..groups).map(or).collect::<Vec<_>>()})
}

#[test]
fn an_and_of_ors_is_kept_as_a_tree_when_it_would_explode() {
    let small = bounded(&and_of_ors(3, 2)).unwrap().normalise();
    assert_eq!(small.conjunctions.len(), 8);
    assert!(small.conjunctions.iter().all(|conjunction| {
        conjunction
            .terms
            .iter()
            .all(|term| matches!(term, Term::Literal(_)))
    }));

    // 2^25 conjunctions of 25 literals.
    let large = bounded(&and_of_ors(25, 2)).unwrap();
    let form = large.normalise();
    assert_eq!(form.conjunctions.len(), 1);
    assert_eq!(form.conjunctions[0].terms.len(), 25);
    assert!(
        form.conjunctions[0]
            .terms
            .iter()
            .all(|term| matches!(term, Term::Tree(_)))
    );
    assert_eq!(literals(&large), 50);

    let document: Value = (0..25)
        .map(|group| (format!("f{group}"), Value::from(group % 2)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert!(large.matches(&Document::new(&document)));
    assert!(matching::normalise::normalised_holds(
        &form,
        &Document::new(&document)
    ));
}

#[test]
fn a_tree_has_one_form_whatever_the_order_and_repetition() {
    let one = and_of_ors(10, 5);
    let mut parts = one["and"].as_array().unwrap().clone();
    parts.reverse();
    for part in &mut parts {
        part["or"].as_array_mut().unwrap().rotate_left(2);
    }
    let repeated = json!({"and": [{"not": {"not": {"and": parts}}}]});
    let room = |value: &Value| {
        Filter::parse(
            value,
            &Options {
                max_conditions: 200,
                ..Options::default()
            },
        )
        .unwrap()
        .normalise()
        .room_id("i", "c")
    };
    assert_eq!(room(&one), room(&repeated));
}

#[test]
fn every_small_filter_may_multiply_out_to_so_many_literals() {
    assert_eq!(max_literals(3), MAX_LITERALS);
    assert_eq!(max_literals(5_000), 10_000);
}

#[test]
fn negations_do_not_make_the_form_explode() {
    let chain = |count: usize| -> Vec<Value> {
        let link = |at: usize| json!({"and": [{"equals": {format!("f{at}"): 1}}, {"not": {"equals": {format!("f{}", at + 1): 1}}}]});
        (0..count).map(link).collect()
    };
    bounded(&json!({"or": chain(24)})).unwrap();
    bounded(&json!({"not": {"or": chain(24)}})).unwrap();
    let values: Vec<String> = (0..49).map(|at| at.to_string()).collect();
    bounded(&json!({"not": {"in": {"a": values}}})).unwrap();
    let (first, second) = values.split_at(25);
    bounded(&json!({"or": [{"not": {"in": {"a": first}}}, {"not": {"in": {"a": second}}}]}))
        .unwrap();
    bounded(&json!({"or": [{"and": [{"not": {"in": {"a": first}}}, {"exists": "b"}]}, {"not": {"in": {"a": second}}}]})).unwrap();
}

#[test]
fn filters_may_only_nest_so_deep() {
    let nest = |depth: usize, wrap: fn(Value) -> Value| {
        (0..depth).fold(json!({"equals": {"value": 1}}), |inner, _| wrap(inner))
    };
    for wrap in [
        (|inner| json!({"not": inner})) as fn(Value) -> Value,
        |inner| json!({"or": [inner, {"exists": "x"}]}),
        |inner| json!({"select": {"field": "value", "index": 0, "query": inner}}),
        |inner| json!({"bool": {"should_not": [inner]}}),
    ] {
        bounded(&nest(20, wrap)).unwrap();
        let error = bounded(&nest(40, wrap)).unwrap_err();
        assert!(error.message.contains("deep"), "{error}");
    }
    // Deep JSON that is no filter: found without recursion.
    let error = bounded(&json!({"match": {"a": nest(5_000, |inner| json!([inner]))}})).unwrap_err();
    assert!(error.message.contains("nested"), "{error}");
}

#[test]
fn filters_may_only_hold_so_many_values() {
    let points: Vec<Value> = (0..30_000)
        .map(|at| json!(format!("{},0", at % 80)))
        .collect();
    assert!(bounded(&json!({"geoPolygon": {"pos": {"points": points}}})).is_err());
    let object: serde_json::Map<String, Value> = (0..10_000)
        .map(|at| (format!("k{at}"), Value::from(at)))
        .collect();
    let large = bounded(&json!({"match": object})).unwrap();
    assert_eq!(literals(&large), 1);
}

#[test]
fn patterns_are_bounded_or_refused() {
    for pattern in [
        "(a{1000}){1000}",
        "((a{100}){100}){100}",
        "(?:(?:x?){50}){500}",
        "a{1001}",
        "\\pL{1000}",
        &"(".repeat(500),
        &"(a|b)".repeat(2_000),
    ] {
        let error = bounded(&json!({"regexp": {"a": pattern}})).unwrap_err();
        assert_eq!(error.path.as_deref(), Some("regexp.a"));
    }
    let text = "x".repeat(20_000);
    for pattern in [
        "(x+x+)+y",
        "(x*)*y",
        "(x|x)*y",
        "(.*)(.*)(.*)(.*)y$",
        "\\w{1000}",
        "[^a]{500}y",
        "(a|b|c){300}",
    ] {
        let filter = bounded(&json!({"regexp": {"a": pattern}})).unwrap();
        let document = json!({"a": text});
        let start = Instant::now();
        filter.matches(&Document::new(&document));
        assert!(start.elapsed() < PATIENCE, "{pattern}");
    }
}

#[test]
fn documents_may_be_as_deep_and_as_large_as_they_like() {
    let wrap = |inner: Value| Value::Object(std::iter::once(("a".to_owned(), inner)).collect());
    let deep = (0..20_000).fold(json!(1), |inner, _| wrap(inner));
    for (depth, wanted) in [(MAX_NESTING, true), (MAX_NESTING + 1, false)] {
        let filter = Filter::parse(
            &json!({"exists": vec!["a"; depth].join(".")}),
            &Options::default(),
        )
        .unwrap();
        assert_eq!(filter.matches(&Document::new(&deep)), wanted);
    }
    let mut fields = 0;
    Document::new(&deep).each_field(&mut |_, _| fields += 1);
    assert_eq!(fields, MAX_NESTING);
    drop_deep(deep);

    // Every element may stand for every wanted one, and one is missing.
    let wanted = json!({"match": {"a": vec![json!({"x": 1}); 200]}});
    let filter = Filter::parse(&wanted, &Options::default()).unwrap();
    let document = json!({"a": vec![json!({"x": 1, "y": 2}); 199]});
    assert!(!filter.matches(&Document::new(&document)));
    let document = json!({"a": vec![json!({"x": 1, "y": 2}); 200]});
    assert!(filter.matches(&Document::new(&document)));
}

/// Such a value would overflow the stack when it is dropped as usual.
fn drop_deep(mut value: Value) {
    while let Value::Object(mut object) = value {
        value = object.remove("a").unwrap_or_default();
    }
}
