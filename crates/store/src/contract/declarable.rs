//! Which fields an index takes into its mapping, and what may become of one that is there: the
//! cases for mappings that are made and changed, tried on a real index
//! by its driver. Pure data.

mod combinations;
mod settings;

pub use combinations::{combinations, date_formats, is_taken, parameters_of, types};
pub use settings::{
    limits_of_mappings, settings_of_operators, settings_refused, settings_taken,
    settings_that_refuse,
};

use serde_json::{Value, json};

/// Fields that are taken.
pub fn taken() -> Vec<Value> {
    vec![
        json!({"type": "keyword", "ignore_above": "10"}),
        json!({"type": "keyword", "ignore_above": 0}),
        json!({"type": "keyword", "index": "false", "doc_values": false}),
        json!({"type": "keyword", "null_value": {"a": 1}}),
        json!({"type": "keyword", "normalizer": "lowercase"}),
        json!({"type": "keyword", "normalizer": null}),
        json!({"type": "keyword", "copy_to": ["a", "b"]}),
        json!({"type": "text", "fields": {"raw": {"type": "keyword"}}}),
        json!({"type": "text", "fields": []}),
        json!({"type": "text", "analyzer": "whitespace", "search_analyzer": "stop"}),
        json!({"type": "text", "index_prefixes": {}, "index_phrases": true, "norms": false}),
        json!({"type": "text", "meta": {"unit": "ms"}}),
        json!({"type": "long", "null_value": "1", "coerce": "false"}),
        json!({"type": "long", "null_value": null}),
        json!({"type": "boolean", "null_value": "true"}),
        json!({"type": "ip", "null_value": "::1"}),
        json!({"type": "date", "format": "yyyy/MM/dd||epoch_millis"}),
        json!({"type": "date", "format": "strict_date_hour_minute||YYYY-ww"}),
        json!({"type": "date", "format": "yyyy-MM-dd'at'HH:mm", "locale": "de"}),
        json!({"type": "date", "format": 5, "null_value": null}),
        json!({"type": "date", "format": "5||yyyy", "null_value": "2020"}),
        json!({"type": "geo_point", "ignore_z_value": true, "null_value": {"lat": 1, "lon": 2}}),
        json!({"type": "completion", "max_input_length": 20}),
        json!({"type": "flattened", "depth_limit": 5}),
        json!({"type": "date_range", "coerce": false}),
        json!({"type": "binary", "doc_values": true}),
        json!({"type": "nested", "include_in_root": true, "dynamic": "runtime"}),
        json!({"type": "object", "enabled": "false"}),
        json!({"enabled": false}),
        json!({"properties": []}),
        json!({"dynamic": "strict", "properties": {"_id": {"type": "keyword"}}}),
    ]
}

/// Fields that are refused, and the pointer within the field.
pub fn refused() -> Vec<(Value, &'static str)> {
    vec![
        (json!("keyword"), ""),
        (json!({}), ""),
        (json!({"dynamic": true}), ""),
        (json!({"type": null}), ""),
        (json!({"type": "strnig"}), "/type"),
        (json!({"type": "KEYWORD"}), "/type"),
        (json!({"type": 5}), "/type"),
        (json!({"type": ["keyword"]}), "/type"),
        (json!({"type": "alias"}), ""),
        (json!({"type": "alias", "path": "nowhere"}), "/path"),
        (
            json!({"type": "keyword", "ignore_abvoe": 3}),
            "/ignore_abvoe",
        ),
        (json!({"type": "keyword", "boost": 2}), "/boost"),
        (json!({"type": "keyword", "coerce": true}), "/coerce"),
        (
            json!({"type": "keyword", "properties": {"x": {"type": "long"}}}),
            "/properties",
        ),
        (
            json!({"type": "keyword", "ignore_above": -1}),
            "/ignore_above",
        ),
        (
            json!({"type": "keyword", "ignore_above": 1.5}),
            "/ignore_above",
        ),
        (
            json!({"type": "keyword", "ignore_above": null}),
            "/ignore_above",
        ),
        (json!({"type": "keyword", "index": "yes"}), "/index"),
        (json!({"type": "keyword", "doc_values": 1}), "/doc_values"),
        (
            json!({"type": "keyword", "doc_values": null}),
            "/doc_values",
        ),
        (
            json!({"type": "keyword", "normalizer": "nope"}),
            "/normalizer",
        ),
        (
            json!({"type": "keyword", "index_options": "offsets"}),
            "/index_options",
        ),
        (json!({"type": "keyword", "copy_to": null}), "/copy_to"),
        (json!({"type": "keyword", "meta": {"a": 5}}), "/meta"),
        (json!({"type": "text", "analyzer": "nope"}), "/analyzer"),
        (
            json!({"type": "text", "search_analyzer": "nope"}),
            "/search_analyzer",
        ),
        (
            json!({"type": "text", "position_increment_gap": -1}),
            "/position_increment_gap",
        ),
        (
            json!({"type": "text", "index": false, "index_phrases": true}),
            "/index_phrases",
        ),
        (
            json!({"type": "text", "index_prefixes": 5}),
            "/index_prefixes",
        ),
        (json!({"type": "text", "fields": "x"}), "/fields"),
        (json!({"type": "text", "fields": null}), "/fields"),
        (
            json!({"type": "text", "fields": {"r": "keyword"}}),
            "/fields/r",
        ),
        (json!({"type": "text", "fields": {"r": {}}}), "/fields/r"),
        (
            json!({"type": "text", "fields": {"r": {"type": 5}}}),
            "/fields/r/type",
        ),
        (
            json!({"type": "text", "fields": {"r": {"type": "object"}}}),
            "/fields/r/type",
        ),
        (
            json!({"type": "text", "fields": {"a.b": {"type": "keyword"}}}),
            "/fields/a.b",
        ),
        (
            json!({"type": "text", "fields": {"r": {"type": "text", "fields": {"z": {"type": "keyword"}}}}}),
            "/fields/r/fields",
        ),
        (
            json!({"type": "text", "fields": {"r": {"type": "keyword", "copy_to": "x"}}}),
            "/fields/r/copy_to",
        ),
        (json!({"type": "long", "null_value": "x"}), "/null_value"),
        (json!({"type": "long", "coerce": null}), "/coerce"),
        (json!({"type": "boolean", "null_value": 1}), "/null_value"),
        (json!({"type": "ip", "null_value": "x"}), "/null_value"),
        (
            json!({"type": "date", "format": "no such format"}),
            "/format",
        ),
        (
            json!({"type": "date", "format": "strict_date||nope"}),
            "/format",
        ),
        (json!({"type": "date", "format": ""}), "/format"),
        // No text is a date of a format without letters.
        (
            json!({"type": "date", "format": 5, "null_value": "2020-01-01"}),
            "/null_value",
        ),
        (
            json!({"type": "date", "format": 5, "null_value": "5"}),
            "/null_value",
        ),
        (
            json!({"type": "date", "format": "'now'", "null_value": "now"}),
            "/null_value",
        ),
        (
            json!({"type": "date_nanos", "format": 1.5, "null_value": "2020-01-01"}),
            "/null_value",
        ),
        (json!({"type": "flattened", "copy_to": "x"}), "/copy_to"),
        (json!({"type": "completion", "contexts": []}), "/contexts"),
        (json!({"type": "object", "dynamic": "maybe"}), "/dynamic"),
        (json!({"type": "object", "dynamic": null}), "/dynamic"),
        (json!({"type": "object", "enabled": "no"}), "/enabled"),
        (json!({"type": "object", "properties": "x"}), "/properties"),
        (
            json!({"properties": {"x": {"type": "object", "dynamic": "maybe"}}}),
            "/properties/x/dynamic",
        ),
        (
            json!({"properties": {" ": {"type": "long"}}}),
            "/properties/ ",
        ),
        (
            json!({"type": "nested", "subobjects": false}),
            "/subobjects",
        ),
    ]
}

/// Fields that stand, and what they may be mapped as again.
pub fn changes_taken() -> Vec<(Value, Value)> {
    let text = json!({"type": "text", "fields": {"raw": {"type": "keyword"}}});
    vec![
        (text.clone(), text.clone()),
        (text.clone(), json!({"type": "text"})),
        (
            text.clone(),
            json!({"type": "text", "fields": {"len": {"type": "keyword"}}}),
        ),
        (
            text,
            json!({"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 9}}}),
        ),
        (
            json!({"type": "keyword", "ignore_above": 5}),
            json!({"type": "keyword"}),
        ),
        (
            json!({"type": "keyword"}),
            json!({"type": "keyword", "doc_values": "true"}),
        ),
        (
            json!({"type": "keyword"}),
            json!({"type": "keyword", "copy_to": "x"}),
        ),
        (
            json!({"type": "text"}),
            json!({"type": "text", "norms": false}),
        ),
        (
            json!({"type": "text"}),
            json!({"type": "text", "analyzer": "default"}),
        ),
        (
            json!({"type": "text"}),
            json!({"type": "text", "search_analyzer": "whitespace"}),
        ),
        (
            json!({"type": "text"}),
            json!({"type": "text", "position_increment_gap": 100}),
        ),
        (
            json!({"type": "date"}),
            json!({"type": "date", "format": "strict_date_optional_time||epoch_millis", "locale": "en"}),
        ),
        (
            json!({"type": "long", "coerce": false}),
            json!({"type": "long", "ignore_malformed": true}),
        ),
        (
            json!({"properties": {"n": {"type": "long"}}}),
            json!({"properties": {"m": {"type": "keyword"}}}),
        ),
        (
            json!({"type": "object"}),
            json!({"properties": {}, "dynamic": "strict"}),
        ),
        (
            json!({"type": "object", "enabled": false}),
            json!({"type": "object"}),
        ),
        (
            json!({"type": "nested"}),
            json!({"type": "nested", "include_in_parent": false}),
        ),
    ]
}

/// Fields that stand, what they may not be mapped as, and the pointer within the field.
pub fn changes_refused() -> Vec<(Value, Value, &'static str)> {
    let is = |kind: &str| json!({"type": kind});
    let object = json!({"properties": {"n": {"type": "long"}}});
    let text = json!({"type": "text", "fields": {"raw": {"type": "keyword"}}});
    let seconds = json!({"type": "date", "format": "epoch_second"});
    vec![
        (seconds.clone(), is("date"), "/format"),
        (
            seconds,
            json!({"type": "date", "format": "epoch_millis"}),
            "/format",
        ),
        (
            is("date"),
            json!({"type": "date", "locale": "de"}),
            "/locale",
        ),
        (
            is("keyword"),
            json!({"type": "keyword", "index": false}),
            "/index",
        ),
        (
            json!({"type": "keyword", "index": false}),
            is("keyword"),
            "/index",
        ),
        (
            is("keyword"),
            json!({"type": "keyword", "doc_values": false}),
            "/doc_values",
        ),
        (
            is("keyword"),
            json!({"type": "keyword", "store": true}),
            "/store",
        ),
        (
            is("keyword"),
            json!({"type": "keyword", "normalizer": "lowercase"}),
            "/normalizer",
        ),
        (
            is("keyword"),
            json!({"type": "keyword", "null_value": "x"}),
            "/null_value",
        ),
        (
            json!({"type": "keyword", "null_value": "x"}),
            is("keyword"),
            "/null_value",
        ),
        (
            is("keyword"),
            json!({"type": "keyword", "similarity": "boolean"}),
            "/similarity",
        ),
        (
            is("text"),
            json!({"type": "text", "analyzer": "whitespace"}),
            "/analyzer",
        ),
        (
            is("text"),
            json!({"type": "text", "analyzer": "standard"}),
            "/analyzer",
        ),
        (
            json!({"type": "text", "norms": false}),
            is("text"),
            "/norms",
        ),
        (
            is("text"),
            json!({"type": "text", "term_vector": "yes"}),
            "/term_vector",
        ),
        (
            text.clone(),
            json!({"type": "text", "fields": {"raw": {"type": "long"}}}),
            "/fields/raw/type",
        ),
        (
            text,
            json!({"type": "text", "fields": {"raw": {"type": "keyword", "index": false}}}),
            "/fields/raw/index",
        ),
        (is("long"), is("integer"), "/type"),
        (
            object.clone(),
            json!({"properties": {"n": {"type": "keyword"}}}),
            "/properties/n/type",
        ),
        (object.clone(), is("keyword"), "/type"),
        (
            object.clone(),
            json!({"type": "object", "enabled": false}),
            "/enabled",
        ),
        (
            object.clone(),
            json!({"type": "object", "subobjects": false}),
            "/subobjects",
        ),
        (object, is("nested"), "/type"),
        (
            is("nested"),
            json!({"type": "nested", "include_in_parent": true}),
            "/include_in_parent",
        ),
        (
            json!({"type": "nested", "include_in_root": true}),
            is("nested"),
            "/include_in_root",
        ),
    ]
}
