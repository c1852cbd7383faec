//! The types and parameters of fields as one table: which types take a parameter, which values it
//! takes, and whether it may differ when the field is mapped again. Tried on Elasticsearch 8.19,
//! type by type; the types that only its modules bring are from its documentation. Must never
//! refuse what an index takes.

use serde_json::Value;

/// Types whose parameters are in the table.
const LISTED: &str = "alias binary boolean byte completion constant_keyword date date_nanos \
    date_range double double_range flattened float float_range geo_point geo_shape half_float \
    integer integer_range ip ip_range keyword long long_range nested object scaled_float \
    search_as_you_type short text token_count unsigned_long wildcard";

/// Types whose parameters the index alone knows. `semantic_text` is none of them, a write of which
/// waits for a model, nor `passthrough`, over which a server may not answer.
const UNLISTED: &str = "aggregate_metric_double annotated_text counted_keyword dense_vector \
    histogram join match_only_text murmur3 percolator point rank_feature \
    rank_features rank_vectors shape sparse_vector version";

pub(crate) fn type_names() -> impl Iterator<Item = &'static str> {
    LISTED.split(' ').chain(UNLISTED.split(' '))
}

pub(in crate::mapping) fn is_type(kind: &str) -> bool {
    type_names().any(|known| known == kind)
}

/// Does the table say which parameters the type has?
pub(in crate::mapping) fn is_listed(kind: &str) -> bool {
    LISTED.split(' ').any(|known| known == kind)
}

/// What a parameter's value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// true, false, or either as text.
    Flag,
    Text,
    /// A whole number from this one on, or its text.
    Count(i64),
    Number,
    OneOf(&'static [&'static str]),
    Analyzer,
    Normalizer,
    Similarity,
    Formats,
    /// The tag of a language.
    Locale,
    /// Whatever the field itself would take.
    Own,
    Object,
    /// Between which lengths the beginnings of terms are indexed.
    Prefixes,
    List,
    Labels,
    Targets,
    Fields,
    Anything,
}

/// What may become of a parameter when its field is mapped again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    Freely,
    Never,
    /// From not given to given, and never again.
    Once,
    /// From true to false.
    Off,
}

/// One parameter of some types.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub name: &'static str,
    /// Names, separated by blanks.
    types: &'static str,
    pub takes: Takes,
    pub(crate) changes: Changes,
    /// What it is where it is not given, as JSON.
    default: &'static str,
}

impl Parameter {
    /// The value that counts: normalised, and the default where none is given.
    pub(in crate::mapping) fn effective(&self, given: Option<&Value>) -> Value {
        match given {
            None | Some(Value::Null) => {
                serde_json::from_str(self.default).expect("the table holds JSON")
            }
            Some(Value::String(text)) if self.takes == Takes::Flag => (text == "true").into(),
            Some(Value::String(text)) if matches!(self.takes, Takes::Count(_)) => text
                .parse::<i64>()
                .map_or_else(|_| text.clone().into(), Value::from),
            Some(value) => value.clone(),
        }
    }
}

/// The parameter of this name for fields of this type.
pub(in crate::mapping) fn find_parameter(kind: &str, name: &str) -> Option<&'static Parameter> {
    let mut named = TABLE.iter().filter(|parameter| parameter.name == name);
    named.find(|parameter| parameter.is_of(kind))
}

/// All parameters of a type.
pub(crate) fn parameters_of(kind: &str) -> impl Iterator<Item = &'static Parameter> {
    TABLE.iter().filter(move |parameter| parameter.is_of(kind))
}

impl Parameter {
    fn is_of(&self, kind: &str) -> bool {
        self.types == "*" && !CONTAINERS.contains(&kind)
            || self.types.split_whitespace().any(|one| one == kind)
    }
}

/// A whole number that is not negative, also as text, as far as an index counts.
pub(in crate::mapping) fn whole_number(value: &Value) -> Option<i64> {
    let real = || value.as_f64().filter(|real| real.fract() == 0.0);
    let whole = match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_i64().or_else(|| real().map(|real| real as i64)),
        _ => None,
    };
    whole.filter(|whole| (0..=i64::from(i32::MAX)).contains(whole))
}

/// Types without parameters of their own in the common rows.
const CONTAINERS: [&str; 3] = ["object", "nested", "alias"];

macro_rules! table {
    ($($name:literal, $types:expr, $takes:expr, $changes:ident, $default:literal;)*) => {
        /// Every parameter; a name stands once for each group of types that it differs in.
        pub(crate) const TABLE: &[Parameter] = &[$(Parameter {
            name: $name, types: $types, takes: $takes, changes: Changes::$changes, default: $default,
        }),*];
    };
}

const VALUES: &str = "binary boolean byte completion constant_keyword date date_nanos date_range \
    double double_range float float_range geo_point geo_shape half_float integer integer_range ip \
    ip_range keyword long long_range scaled_float search_as_you_type short text token_count \
    unsigned_long wildcard";
const MOST: &str = "boolean byte date date_nanos date_range double double_range float float_range \
    geo_point geo_shape half_float integer integer_range ip ip_range keyword long long_range \
    scaled_float short text token_count unsigned_long";
const KEPT: &str = "boolean byte date date_nanos date_range double double_range flattened float \
    float_range geo_point geo_shape half_float integer integer_range ip ip_range keyword long \
    long_range scaled_float short token_count unsigned_long";
const NUMBERS: &str = "byte double float half_float integer long scaled_float short unsigned_long";
const COERCED: &str = "byte date_range double double_range float float_range geo_shape half_float \
    integer integer_range ip_range long long_range scaled_float short";
const LENIENT: &str = "boolean byte date date_nanos double float geo_point geo_shape half_float \
    integer ip long scaled_float short unsigned_long";
const NULLABLE: &str = "boolean byte date date_nanos double flattened float geo_point half_float \
    integer ip keyword long scaled_float short token_count unsigned_long wildcard";
const COMPUTED: &str = "boolean byte date date_nanos double float geo_point half_float integer ip \
    keyword long short";
const RANGES: &str = "date_range double_range float_range integer_range ip_range long_range";
const PLACES: Takes = Takes::OneOf(&["none", "arrays", "all"]);

table! {
    "copy_to", VALUES, Takes::Targets, Freely, "[]";
    "copy_to", "flattened", Takes::List, Never, "[]";
    "fields", VALUES, Takes::Fields, Freely, "{}";
    "meta", "*", Takes::Labels, Freely, "{}";
    "synthetic_source_keep", "*", PLACES, Freely, "null";
    "synthetic_source_keep", "object", PLACES, Never, "null";
    "synthetic_source_keep", "nested", Takes::OneOf(&["none", "all"]), Never, "null";
    "doc_values", KEPT, Takes::Flag, Never, "true";
    "doc_values", "binary", Takes::Flag, Freely, "false";
    "index", MOST, Takes::Flag, Never, "true";
    "index", "flattened search_as_you_type", Takes::Flag, Never, "true";
    "store", MOST, Takes::Flag, Never, "false";
    "store", "binary search_as_you_type", Takes::Flag, Never, "false";
    "ignore_malformed", LENIENT, Takes::Flag, Freely, "false";
    "coerce", COERCED, Takes::Flag, Freely, "true";
    "null_value", NULLABLE, Takes::Own, Never, "null";
    "time_series_dimension", "boolean byte double float geo_point half_float integer ip keyword \
        long short unsigned_long", Takes::Flag, Never, "false";
    "time_series_metric", NUMBERS, Takes::OneOf(&["gauge", "counter"]), Never, "null";
    "time_series_metric", "geo_point", Takes::OneOf(&["position"]), Never, "null";
    "time_series_dimensions", "flattened", Takes::List, Never, "[]";
    "script", COMPUTED, Takes::Anything, Never, "null";
    "on_script_error", COMPUTED, Takes::OneOf(&["fail", "continue"]), Never, "\"fail\"";
    "analyzer", "text search_as_you_type", Takes::Analyzer, Never, "\"default\"";
    "analyzer", "completion", Takes::Analyzer, Never, "\"simple\"";
    "analyzer", "token_count", Takes::Analyzer, Never, "null";
    "search_analyzer", "text completion search_as_you_type", Takes::Analyzer, Freely, "null";
    "search_quote_analyzer", "text search_as_you_type", Takes::Analyzer, Freely, "null";
    "max_input_length", "completion", Takes::Count(1), Freely, "50";
    "preserve_separators", "completion", Takes::Flag, Never, "true";
    "preserve_position_increments", "completion", Takes::Flag, Never, "true";
    "contexts", "completion", Takes::List, Never, "null";
    "format", "date date_range", Takes::Formats, Never,
        "\"strict_date_optional_time||epoch_millis\"";
    "format", "date_nanos", Takes::Formats, Never,
        "\"strict_date_optional_time_nanos||epoch_millis\"";
    "locale", "date date_nanos", Takes::Locale, Never, "\"en\"";
    "locale", RANGES, Takes::Locale, Never, "\"en\"";
    "depth_limit", "flattened", Takes::Count(0), Freely, "20";
    "eager_global_ordinals", "flattened keyword text", Takes::Flag, Freely, "false";
    "ignore_above", "flattened keyword wildcard", Takes::Count(0), Freely, "2147483647";
    "index_options", "flattened keyword", Takes::OneOf(&["docs", "freqs"]), Never, "\"docs\"";
    "index_options", "text search_as_you_type",
        Takes::OneOf(&["docs", "freqs", "positions", "offsets"]), Never, "\"positions\"";
    "similarity", "flattened keyword text search_as_you_type", Takes::Similarity, Never, "null";
    "split_queries_on_whitespace", "flattened keyword", Takes::Flag, Freely, "false";
    "ignore_z_value", "geo_point geo_shape", Takes::Flag, Freely, "true";
    "norms", "text search_as_you_type", Takes::Flag, Off, "true";
    "norms", "keyword", Takes::Flag, Off, "false";
    "normalizer", "keyword", Takes::Normalizer, Never, "null";
    "include_in_parent", "nested", Takes::Flag, Never, "false";
    "include_in_root", "nested", Takes::Flag, Never, "false";
    "fielddata", "text", Takes::Flag, Freely, "false";
    "fielddata_frequency_filter", "text", Takes::Object, Freely, "null";
    "index_phrases", "text", Takes::Flag, Never, "false";
    "index_prefixes", "text", Takes::Prefixes, Never, "null";
    "position_increment_gap", "text", Takes::Count(0), Never, "100";
    "term_vector", "text search_as_you_type", Takes::OneOf(&["no", "yes", "with_offsets",
        "with_positions", "with_positions_offsets", "with_positions_payloads",
        "with_positions_offsets_payloads"]), Never, "\"no\"";
    "path", "alias", Takes::Text, Freely, "null";
    "scaling_factor", "scaled_float", Takes::Number, Never, "null";
    "value", "constant_keyword", Takes::Text, Once, "null";
    "max_shingle_size", "search_as_you_type", Takes::Count(2), Never, "3";
    "enable_position_increments", "token_count", Takes::Flag, Never, "true";
    "orientation", "geo_shape", Takes::Text, Freely, "\"right\"";
}
