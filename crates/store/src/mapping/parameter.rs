//! Which parameters the definition of a field may have, type by type, and what their values look
//! like: the table of Elasticsearch 8.19. Must never refuse what an index takes.

use super::{coerce, date};
use serde_json::Value;

/// What a parameter's value must be.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Flag,
    /// A whole number that is not negative, also as text.
    Count,
    Text,
    OneOf(&'static [&'static str]),
    Anything,
    /// Anything; `null` is as if it were not there.
    Nullable,
    /// Texts by name.
    Meta,
    Members,
    Format,
}

type Row = (&'static str, Shape);

const EVERY: &[Row] = &[
    ("copy_to", Shape::Anything),
    ("fields", Shape::Members),
    ("meta", Shape::Meta),
    (
        "synthetic_source_keep",
        Shape::OneOf(&["all", "none", "arrays"]),
    ),
    ("type", Shape::Anything),
];
const INDEXED: &[Row] = &[("index", Shape::Flag), ("store", Shape::Flag)];
const VALUES: &[Row] = &[("doc_values", Shape::Flag)];
const COMPUTED: &[Row] = &[
    ("script", Shape::Anything),
    ("on_script_error", Shape::OneOf(&["fail", "continue"])),
];
const LENIENT: &[Row] = &[
    ("ignore_malformed", Shape::Flag),
    ("null_value", Shape::Nullable),
];
const SERIES: &[Row] = &[
    ("time_series_dimension", Shape::Flag),
    (
        "time_series_metric",
        Shape::OneOf(&["gauge", "counter", "position"]),
    ),
];
const KEYWORD: &[Row] = &[
    ("eager_global_ordinals", Shape::Flag),
    ("ignore_above", Shape::Count),
    ("index_options", Shape::OneOf(&["docs", "freqs"])),
    ("null_value", Shape::Nullable),
    ("similarity", Shape::Text),
    ("split_queries_on_whitespace", Shape::Flag),
];
const ANALYZED: &[Row] = &[("norms", Shape::Flag), ("normalizer", Shape::Nullable)];
const TEXT: &[Row] = &[
    ("analyzer", Shape::Text),
    ("eager_global_ordinals", Shape::Flag),
    ("fielddata", Shape::Flag),
    ("fielddata_frequency_filter", Shape::Anything),
    (
        "index_options",
        Shape::OneOf(&["docs", "freqs", "positions", "offsets"]),
    ),
    ("index_phrases", Shape::Flag),
    ("index_prefixes", Shape::Nullable),
    ("norms", Shape::Flag),
    ("position_increment_gap", Shape::Count),
    ("search_analyzer", Shape::Text),
    ("search_quote_analyzer", Shape::Text),
    ("similarity", Shape::Text),
    (
        "term_vector",
        Shape::OneOf(&[
            "no",
            "yes",
            "with_offsets",
            "with_positions",
            "with_positions_offsets",
            "with_positions_payloads",
            "with_positions_offsets_payloads",
        ]),
    ),
];
const DATE: &[Row] = &[("format", Shape::Format), ("locale", Shape::Text)];
const POINT: &[Row] = &[("ignore_z_value", Shape::Flag)];
const NUMBER: &[Row] = &[("coerce", Shape::Flag)];
const RANGE: &[Row] = &[("coerce", Shape::Flag), ("locale", Shape::Text)];
const TREE: &[Row] = &[
    ("depth_limit", Shape::Count),
    ("time_series_dimensions", Shape::Anything),
];
const OBJECT: &[Row] = &[
    ("dynamic", Shape::Anything),
    ("enabled", Shape::Flag),
    ("include_in_all", Shape::Anything),
    ("properties", Shape::Members),
    (
        "synthetic_source_keep",
        Shape::OneOf(&["all", "none", "arrays"]),
    ),
    ("type", Shape::Anything),
];
const PLAIN: &[Row] = &[
    ("store_array_source", Shape::Flag),
    ("subobjects", Shape::Anything),
];
const NESTED: &[Row] = &[
    ("include_in_parent", Shape::Flag),
    ("include_in_root", Shape::Flag),
];
const ALIAS: &[Row] = &[("path", Shape::Text), ("type", Shape::Anything)];

/// The parameters of a type; `None` where only the index knows them.
fn of(kind: &str) -> Option<&'static [&'static [Row]]> {
    Some(match kind {
        "keyword" => &[EVERY, INDEXED, VALUES, KEYWORD, ANALYZED, COMPUTED, SERIES],
        "text" => &[EVERY, INDEXED, TEXT],
        "long" | "integer" | "short" | "byte" | "double" | "float" | "half_float" => {
            &[EVERY, INDEXED, VALUES, NUMBER, LENIENT, COMPUTED, SERIES]
        }
        "boolean" | "ip" => &[EVERY, INDEXED, VALUES, LENIENT, COMPUTED, SERIES],
        "date" | "date_nanos" => &[EVERY, INDEXED, VALUES, DATE, LENIENT, COMPUTED],
        "geo_point" => &[EVERY, INDEXED, VALUES, POINT, LENIENT, COMPUTED, SERIES],
        "flattened" => &[EVERY, VALUES, KEYWORD, TREE, &[("index", Shape::Flag)]],
        "object" => &[OBJECT, PLAIN],
        "nested" => &[OBJECT, NESTED],
        "integer_range" | "long_range" | "float_range" | "double_range" | "ip_range" => {
            &[EVERY, INDEXED, VALUES, RANGE]
        }
        "date_range" => &[EVERY, INDEXED, VALUES, RANGE, DATE],
        "binary" => &[EVERY, VALUES, &[("store", Shape::Flag)]],
        "alias" => &[ALIAS],
        _ => return None,
    })
}

/// Types of an index that has all of its modules; their values are read by the index alone.
const ELSEWHERE: &[&str] = &[
    "aggregate_metric_double",
    "annotated_text",
    "completion",
    "constant_keyword",
    "counted_keyword",
    "dense_vector",
    "geo_shape",
    "histogram",
    "join",
    "match_only_text",
    "murmur3",
    "passthrough",
    "percolator",
    "point",
    "rank_feature",
    "rank_features",
    "rank_vectors",
    "scaled_float",
    "search_as_you_type",
    "semantic_text",
    "shape",
    "sparse_vector",
    "token_count",
    "unsigned_long",
    "version",
    "wildcard",
];

pub fn is_type(kind: &str) -> bool {
    of(kind).is_some() || ELSEWHERE.contains(&kind)
}

/// The first parameter that is not one, or whose value is none, and why.
pub fn misfit<'d>(
    kind: &str,
    definition: impl Iterator<Item = (&'d String, &'d Value)>,
) -> Option<(&'d str, String)> {
    let rows = of(kind)?;
    for (name, value) in definition {
        let row = rows
            .iter()
            .copied()
            .flatten()
            .find(|(known, _)| known == name);
        let Some((_, shape)) = row else {
            return Some((
                name,
                format!("`{name}` is not a parameter of the type `{kind}`"),
            ));
        };
        if !shape.fits(value) {
            return Some((
                name,
                format!("`{name}` cannot be {}", crate::cell::shown(value)),
            ));
        }
    }
    None
}

impl Shape {
    fn fits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Nullable, _) => true,
            (_, Value::Null) => false,
            (Self::Anything, _) => true,
            (Self::Flag, value) => coerce::strict_boolean(value).is_some(),
            (Self::Count, value) => count(value).is_some(),
            (Self::Text, Value::String(_)) => true,
            (Self::OneOf(known), Value::String(text)) => known.contains(&text.as_str()),
            (Self::Members, Value::Array(items)) => items.is_empty(),
            (Self::Members, Value::Object(_)) => true,
            (Self::Meta, Value::Object(members)) => {
                members.len() <= 5 && members.values().all(Value::is_string)
            }
            (Self::Format, Value::String(text)) => date::is_format(text),
            (Self::Format, Value::Number(_)) => true,
            _ => false,
        }
    }
}

/// A whole number that is not negative, also as text.
pub fn count(value: &Value) -> Option<usize> {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    number
        .and_then(|number| u32::try_from(number).ok())
        .map(|number| number as usize)
}
