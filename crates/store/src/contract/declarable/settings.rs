//! Settings of collections: taken, refused, an operator's, and which documents and mappings they
//! refuse. Pure data, tried on a real index by its driver.

use serde_json::{Value, json};

/// Settings that are taken.
pub fn settings_taken() -> Vec<Value> {
    let custom = json!({"type": "custom", "tokenizer": "standard", "filter": ["lowercase"]});
    vec![
        json!({}),
        json!({"number_of_shards": 2, "number_of_replicas": "0"}),
        json!({"index": {"number_of_shards": "1", "refresh_interval": "5s"}}),
        json!({"index.refresh_interval": "-1"}),
        json!({"refresh_interval": -1}),
        json!({"codec": "best_compression"}),
        json!({"index.codec": null}),
        json!({"translog": {"durability": "request"}}),
        json!({"index.translog.durability": "ASYNC"}),
        json!({"analysis": {"analyzer": {"mine": custom}}, "max_ngram_diff": 5}),
        json!({"similarity": {"mine": {"type": "BM25", "b": 0}}}),
        json!({"index.max_shingle_diff": "4"}),
        json!({"query.default_field": "a"}),
        json!({"query": {"default_field": ["a", "b*"]}}),
        json!({"mapping": {"total_fields": {"limit": 50}, "depth.limit": "5"}}),
        json!({"mapping.nested_fields.limit": 0, "mapping.nested_objects.limit": 3}),
        json!({"index.mapping.field_name_length.limit": 22}),
        json!({"mapping.ignore_malformed": true, "mapping.coerce": "false"}),
    ]
}

/// Settings that an index refuses as well, and the pointer.
pub fn settings_refused() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"no_such_setting": 1}), "/no_such_setting"),
        (json!({"index": {"no": {"such": 1}}}), "/index/no/such"),
        (json!({"analysi.analyzer": 1}), "/analysi.analyzer"),
        (json!({"number_of_shards": 0}), "/number_of_shards"),
        (json!({"number_of_shards": 1.5}), "/number_of_shards"),
        (json!({"number_of_shards": "many"}), "/number_of_shards"),
        (json!({"number_of_shards": 1025}), "/number_of_shards"),
        (json!({"number_of_replicas": -1}), "/number_of_replicas"),
        (json!({"refresh_interval": "soon"}), "/refresh_interval"),
        (json!({"refresh_interval": 5}), "/refresh_interval"),
        (json!({"refresh_interval": "1.5s"}), "/refresh_interval"),
        (json!({"codec": "zip"}), "/codec"),
        (
            json!({"translog.durability": "never"}),
            "/translog.durability",
        ),
        (json!({"mapping.depth.limit": 0}), "/mapping.depth.limit"),
        (
            json!({"mapping": {"total_fields": {"limit": -1}}}),
            "/mapping/total_fields/limit",
        ),
        (json!({"mapping.coerce": "no"}), "/mapping.coerce"),
        (json!({"mapping.coerce": 1}), "/mapping.coerce"),
        (
            json!({"mapping.ignore_malformed": "yes"}),
            "/mapping.ignore_malformed",
        ),
        (
            json!({"mapping.field_name_length.limit": 21}),
            "/mapping.field_name_length.limit",
        ),
    ]
}

/// Settings that an index takes, and with which it waits for somebody, keeps less of documents or
/// sends them elsewhere, or is read otherwise than its collection.
pub fn settings_of_operators() -> Vec<Value> {
    let named = [
        ("blocks.write", json!(true)),
        ("blocks.read_only", json!(true)),
        ("blocks.read_only_allow_delete", json!(true)),
        ("blocks.metadata", json!(true)),
        ("write.wait_for_active_shards", json!("all")),
        ("routing.allocation.require._name", json!("nobody")),
        (
            "routing.allocation.include._tier_preference",
            json!("data_cold"),
        ),
        ("routing.allocation.enable", json!("none")),
        ("routing.allocation.total_shards_per_node", json!(1)),
        ("default_pipeline", json!("theirs")),
        // Texts of queries would ask fields of the index itself.
        ("query.default_field", json!(["a", "_index^2"])),
        ("final_pipeline", json!("theirs")),
        ("mode", json!("time_series")),
        ("mapping.source.mode", json!("synthetic")),
        (
            "mapping.total_fields.ignore_dynamic_beyond_limit",
            json!(true),
        ),
        ("lifecycle.name", json!("delete-soon")),
        ("max_result_window", json!(1)),
        ("hidden", json!(true)),
        ("gc_deletes", json!("0s")),
        ("soft_deletes.enabled", json!(false)),
    ];
    let spelled = |(name, value): (&str, Value)| {
        let mut nested = value.clone();
        for part in name.rsplit('.') {
            nested = json!({part: nested});
        }
        [
            json!({name: value}),
            json!({format!("index.{name}"): value}),
            json!({"index": {name: value}}),
            nested,
        ]
    };
    named.into_iter().flat_map(spelled).collect()
}

/// Settings, mappings, a body, and whether the index takes it.
pub fn settings_that_refuse() -> Vec<(Value, Value, String, bool)> {
    let limit = |name: &str, count: usize| json!({format!("mapping.{name}.limit"): count});
    let nested = json!({"properties": {"v": {"type": "nested"}}});
    let typed = json!({"properties": {
        "i": {"type": "integer"}, "r": {"type": "double"}, "d": {"type": "date"}, "p": {"type": "geo_point"},
        "a": {"type": "ip"}, "b": {"type": "boolean"}, "k": {"type": "keyword"},
        "own": {"type": "integer", "ignore_malformed": false, "coerce": true},
    }});
    let (fits, long) = ("a".repeat(22), "b".repeat(23));
    let mut all = Vec::new();
    for (settings, mappings, body, is_taken) in [
        (
            limit("total_fields", 2),
            json!({}),
            json!({"a": 1, "b": 2}),
            true,
        ),
        (
            limit("total_fields", 3),
            json!({}),
            json!({"a": 1, "b": "x", "c": 2}),
            false,
        ),
        (
            limit("total_fields", 1),
            json!({}),
            json!({"a": {"b": 1}}),
            false,
        ),
        (limit("depth", 2), json!({}), json!({"a": {"b": 1}}), true),
        (
            limit("depth", 2),
            json!({}),
            json!({"a": {"b": {"c": 1}}}),
            false,
        ),
        (
            limit("nested_objects", 2),
            nested.clone(),
            json!({"v": [{}, {}]}),
            true,
        ),
        (
            limit("nested_objects", 2),
            nested,
            json!({"v": [{}, {}, {}]}),
            false,
        ),
        (
            limit("field_name_length", 22),
            json!({}),
            json!({fits: 1}),
            true,
        ),
        (
            limit("field_name_length", 22),
            json!({}),
            json!({long.clone(): 1}),
            false,
        ),
        (
            limit("field_name_length", 22),
            json!({}),
            json!({format!("a.{long}"): 1}),
            false,
        ),
        (
            limit("field_name_length", 22),
            json!({}),
            json!({long: {}}),
            false,
        ),
    ] {
        all.push((settings, mappings, body.to_string(), is_taken));
    }
    let lenient = json!({"mapping.ignore_malformed": true});
    let exact = json!({"index": {"mapping": {"coerce": "false"}}});
    for (settings, body, is_taken) in [
        (&lenient, json!({"i": "many"}), true),
        (&lenient, json!({"d": "yesterday"}), true),
        (&lenient, json!({"p": "nowhere at all"}), true),
        (&lenient, json!({"a": "x"}), true),
        (&lenient, json!({"b": "x"}), true),
        (&lenient, json!({"k": {"a": 1}}), false),
        (&lenient, json!({"own": "many"}), false),
        (&exact, json!({"i": 5}), true),
        (&exact, json!({"i": "5"}), false),
        (&exact, json!({"i": 5.5}), false),
        (&exact, json!({"r": "5"}), false),
        (&exact, json!({"own": "5"}), true),
    ] {
        all.push((settings.clone(), typed.clone(), body.to_string(), is_taken));
    }
    all
}

/// Settings, mappings, and whether the index takes them.
pub fn limits_of_mappings() -> Vec<(Value, Value, bool)> {
    let wide = |count: usize, kind: &str| {
        let fields = (0..count).map(|n| (format!("f{n}"), json!({"type": kind})));
        json!({"properties": fields.collect::<serde_json::Map<_, _>>()})
    };
    let deep = |depth: usize| {
        let inner = json!({"type": "keyword"});
        let object = (0..depth).fold(inner, |inner, _| json!({"properties": {"o": inner}}));
        json!({"properties": {"o": object}})
    };
    vec![
        (json!({}), wide(1_000, "long"), true),
        (json!({}), wide(1_001, "long"), false),
        (
            json!({"mapping.total_fields.limit": 3}),
            wide(3, "long"),
            true,
        ),
        (
            json!({"mapping.total_fields.limit": 3}),
            wide(4, "long"),
            false,
        ),
        (json!({}), wide(50, "nested"), true),
        (json!({}), wide(51, "nested"), false),
        (
            json!({"mapping.nested_fields.limit": 0}),
            wide(1, "nested"),
            false,
        ),
        (json!({}), deep(19), true),
        (json!({}), deep(20), false),
        (json!({"mapping.depth.limit": 3}), deep(2), true),
        (json!({"mapping.depth.limit": 3}), deep(3), false),
        (
            json!({"mapping.field_name_length.limit": 22}),
            json!({"properties": {"aaaaaaaaaaaaaaaaaaaaaa": {"type": "long"}}}),
            true,
        ),
        (
            json!({"mapping.field_name_length.limit": 22}),
            json!({"properties": {"bbbbbbbbbbbbbbbbbbbbbbb": {"type": "long"}}}),
            false,
        ),
        (
            json!({"mapping.field_name_length.limit": 22}),
            json!({"properties": {"a": {"type": "text", "fields": {"bbbbbbbbbbbbbbbbbbbbbbb": {"type": "long"}}}}}),
            false,
        ),
    ]
}
