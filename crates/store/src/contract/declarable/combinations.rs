//! Every type with every parameter, and every format of dates, made from the tables themselves: what
//! the rules say of each is tried on a real index. Must never leave a row of the tables out.

use crate::mapping::{Mapping, date::format, parameter};
use parameter::Takes;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Types that an index has without any of its modules.
const CORE: [&str; 24] = [
    "binary",
    "boolean",
    "byte",
    "completion",
    "date",
    "date_nanos",
    "date_range",
    "double",
    "double_range",
    "flattened",
    "float",
    "float_range",
    "geo_point",
    "half_float",
    "integer",
    "integer_range",
    "ip",
    "ip_range",
    "keyword",
    "long",
    "nested",
    "object",
    "short",
    "text",
];

/// A field of every type that a mapping may name, with what it cannot be without.
pub fn types() -> Vec<Value> {
    let field = |kind: &str| match kind {
        "scaled_float" => json!({"type": kind, "scaling_factor": 10}),
        "token_count" => json!({"type": kind, "analyzer": "standard"}),
        "dense_vector" => json!({"type": kind, "dims": 3}),
        _ => json!({"type": kind}),
    };
    parameter::type_names().map(field).collect()
}

/// Each type with each parameter of any type: with several values where it has it, so that some are
/// none, and with one where it has it not. Scripts are a module's.
pub fn combinations() -> Vec<Value> {
    let names: BTreeSet<&str> = parameter::TABLE.iter().map(|row| row.name).collect();
    let mut all = Vec::new();
    for kind in CORE {
        for name in names.iter().filter(|name| !name.contains("script")) {
            let takes = parameter::parameters_of(kind).find(|row| row.name == *name);
            let values = match takes {
                Some(row) => values(row.takes),
                None => vec![json!("x")],
            };
            all.extend(
                values
                    .iter()
                    .map(|value| json!({"type": kind, *name: value})),
            );
        }
    }
    all
}

/// Each parameter of a type with each value that the rules take by itself.
pub fn parameters_of(kind: &str) -> Vec<(&'static str, Value)> {
    let named = parameter::parameters_of(kind).filter(|row| !row.name.contains("script"));
    let each = named.flat_map(|row| values(row.takes).into_iter().map(|value| (row.name, value)));
    each.filter(|(name, value)| is_taken(&json!({"type": kind, *name: value})))
        .collect()
}

/// Would the rules take the field?
pub fn is_taken(field: &Value) -> bool {
    Mapping::read(Some(&json!({"properties": {"f": field}})), None).is_ok()
}

fn values(takes: Takes) -> Vec<Value> {
    let own: &[Value] = match takes {
        Takes::Flag => &[
            json!(true),
            json!(false),
            json!("true"),
            json!("yes"),
            json!(1),
        ],
        Takes::Text => &[json!("x"), json!({})],
        Takes::Count(_) => &[
            json!(0),
            json!(1),
            json!("5"),
            json!(10.0),
            json!(1.5),
            json!(-1),
            json!("1.5"),
            json!(2_147_483_647),
            json!(2_147_483_648_i64),
        ],
        Takes::Number => &[json!(1.5), json!("1.5"), json!("x")],
        Takes::OneOf(known) => {
            let known = known.iter().map(|value| json!(value));
            return known
                .chain([json!("nope"), json!(1), Value::Null])
                .collect();
        }
        Takes::Analyzer => &[json!("standard"), json!("keyword"), json!("nope"), json!(1)],
        Takes::Normalizer => &[json!("lowercase"), json!("standard"), json!(1)],
        Takes::Similarity => &[json!("BM25"), json!("boolean"), json!("classic"), json!(1)],
        Takes::Formats => &[
            json!("yyyy"),
            json!("nope"),
            json!(5),
            json!(1.5),
            json!(true),
        ],
        Takes::Locale => &[json!("en"), json!("de-DE"), json!(""), json!(true)],
        Takes::Own => &[
            json!(1),
            json!("1"),
            json!(" 1"),
            json!(300),
            json!(1.5),
            json!("x"),
            json!(""),
            json!(true),
            json!("true"),
            json!("2020-01-01"),
            json!("10.0.0.1"),
            json!("1,2"),
            json!([1, 2]),
            json!({"lat": 1, "lon": 2}),
        ],
        Takes::Object => &[json!({}), json!({"min": 0.1}), json!("x"), json!([])],
        Takes::Prefixes => &[
            json!({}),
            json!({"min_chars": 1, "max_chars": "10"}),
            json!({"min_chars": 0}),
            json!({"min_chars": 6}),
            json!({"max_chars": 20}),
            json!({"x": 1}),
            json!([]),
        ],
        Takes::List => &[json!([]), json!("x"), json!({})],
        Takes::Labels => &[
            json!({}),
            json!({"a": "b"}),
            json!({"a": 1}),
            json!({"a": null}),
            json!({"a": "fifty-one letters are more than a label may be long"}),
            json!({"1": "", "2": "", "3": "", "4": "", "5": "", "6": ""}),
            json!([]),
        ],
        Takes::Targets => &[json!("x"), json!(["x", "y"]), json!([]), json!(5)],
        Takes::Fields => &[
            json!({}),
            json!([]),
            json!("x"),
            json!({"r": {"type": "keyword"}}),
            json!({"r": {"type": "keyword", "copy_to": []}}),
            json!({"r": {"type": "nested"}}),
            json!({"r": {"type": "dense_vector"}}),
        ],
        Takes::Anything => &[],
    };
    own.iter().cloned().chain([Value::Null]).collect()
}

/// Names and patterns of dates: every name of the table, every letter some times in a row, and
/// marks that mean something.
pub fn date_formats() -> Vec<String> {
    let marks = [
        "",
        " ",
        "||",
        "yyyy||",
        "||yyyy",
        "yyyy||||MM",
        "yyyy||MM",
        "|",
        "8",
        "88",
        "8yyyy",
        "8strict_date",
        "nope",
        "strict_",
        "strict_strict_date",
        "STRICT_DATE",
        "week_year",
        "rfc3339_lenient",
        "strict_rfc3339_lenient",
        "dateOptionalTime",
        "[yyyy]",
        "[[yyyy]]",
        "[yyyy",
        "yyyy]",
        "yyyy-MM-dd[ HH:mm]",
        "[yyyy]||[MM",
        "[#]",
        "#",
        "{",
        "yyyy}",
        "'#'",
        "''",
        "'a'",
        "'a",
        "a'b",
        "yyyy'T'HH",
        "yyyy''MM",
        "yyyy-MM-ddTHH:mm",
        "é",
        "yyyy é",
        "ppH",
        "pM",
        "pp",
        "ppHH",
        "hh a",
        "yyyy\tMM",
        "EEE, d MMM yyyy HH:mm:ss Z",
    ];
    let letters = ('a'..='z').chain('A'..='Z');
    let runs = letters.flat_map(|letter| {
        let run = move |width| std::iter::repeat_n(letter, width).collect::<String>();
        [1, 2, 3, 4, 5, 6, 9, 10, 19, 20].map(run)
    });
    let names = format::format_names().map(|(name, _)| name);
    names.chain(marks.map(str::to_owned)).chain(runs).collect()
}
