//! One collection drawn at random: a mapping of every field type and parameter, and documents for
//! it. What it draws may be wrong on purpose: both stores must say so.

use super::values;
use seeded_dice::SeededDice;
use serde_json::{Map, Value, json};
use store::{
    contract::{declarable, fixture::raw_text},
    mapping::{DynamicFields, Mapping},
};

/// A field that searches may name.
#[derive(Clone, Debug)]
pub struct Named {
    pub path: String,
    /// The type, or what a value of it looks like.
    pub kind: &'static str,
}

/// A document: its members as JSON text, so that `1e3` stays what it is.
pub type Members = Vec<(String, String)>;

#[derive(Clone, Debug)]
pub struct World {
    pub mappings: Value,
    pub documents: Vec<Members>,
    pub fields: Vec<Named>,
}

const TYPES: &[&str] = &[
    "keyword",
    "keyword",
    "keyword",
    "text",
    "text",
    "long",
    "integer",
    "short",
    "byte",
    "double",
    "float",
    "half_float",
    "boolean",
    "date",
    "date",
    "date",
    "geo_point",
    "geo_point",
    "ip",
    "flattened",
    "alias",
    "nested",
    "object",
    "object",
    "object",
];
/// Types whose values an index alone can read: documents of theirs may be refused late.
const RARE: &[&str] = &[
    "date_nanos",
    "integer_range",
    "long_range",
    "double_range",
    "float_range",
    "date_range",
    "ip_range",
    "completion",
    "binary",
    "dense_vector",
];
const FORMATS: &[&str] = &[
    "epoch_second",
    "epoch_millis",
    "strict_date_optional_time",
    "strict_date_optional_time_nanos",
    "date_optional_time",
    "iso8601",
    "yyyy-MM-dd",
    "strict_date",
    "date",
    "basic_date",
    "yyyy-MM-dd HH:mm:ss",
    "yyyy-MM-dd HH:mm:ss.SSS",
    "yyyy/MM/dd",
    "dd.MM.yyyy",
    "yyyy-MM-dd'T'HH:mm:ssX",
    "strict_date_hour_minute_second",
    "strict_year_month",
    "yyyy",
    "yyyy-MM-dd||epoch_second",
    "epoch_second||yyyy",
    "yyyy-MM-dd HH:mm:ss||strict_date",
    "uuuu-MM-dd",
    "strict_date_hour_minute_second_millis",
    "no such format",
    "",
];

/// A world whose mapping is mostly one that the rules take: of the others few say much.
pub fn draw(dice: &mut SeededDice) -> World {
    loop {
        let world = any(dice);
        if Mapping::read(Some(&world.mappings), None).is_ok() || dice.chance(1, 5) {
            return world;
        }
    }
}

fn any(dice: &mut SeededDice) -> World {
    let mut fields = Vec::new();
    let mut properties = Map::new();
    for n in 0..3 + dice.below(6) {
        let name = match dice.below(14) {
            0 => format!("_f{n}"),
            1 => format!("o{n}.inner"),
            _ => format!("f{n}"),
        };
        let definition = field(dice, &name, &mut fields, 0);
        properties.insert(name, definition);
    }
    let mut mappings = Map::new();
    mappings.insert("properties".to_owned(), properties.into());
    if dice.chance(1, 3) {
        let dynamic = [
            json!("strict"),
            json!(false),
            json!("false"),
            json!(true),
            json!("runtime"),
            json!("maybe"),
        ];
        let known = if dice.chance(1, 9) { 6 } else { 4 };
        mappings.insert("dynamic".to_owned(), dice.pick(&dynamic[..known]).clone());
    }
    if dice.chance(1, 12) {
        let rules = [
            ("numeric_detection", json!(true)),
            ("dynamic_date_formats", json!(["yyyy", "dd.MM.yyyy"])),
            (
                "dynamic_templates",
                json!([{"t": {"match": "free*", "mapping": {"type": "keyword"}}}]),
            ),
        ];
        let (name, value) = dice.pick(&rules);
        mappings.insert((*name).to_owned(), value.clone());
    }
    if dice.chance(1, 8) {
        mappings.insert("date_detection".to_owned(), json!(dice.chance(1, 2)));
    }
    if dice.chance(1, 25) {
        mappings.insert("no_such_member".to_owned(), json!(1));
    }
    for kind in ["long", "float", "boolean", "date", "slash", "string"] {
        fields.push(Named {
            path: format!("free_{kind}"),
            kind: free(kind),
        });
    }
    fields.push(Named {
        path: "free_string.keyword".to_owned(),
        kind: "keyword",
    });
    let mappings = Value::Object(mappings);
    let read = Mapping::read(Some(&mappings), None).ok();
    let documents = (0..12 + dice.below(12))
        .map(|n| {
            let mut members = document(dice, &fields, n);
            if dice.chance(6, 7) {
                members.retain(|member| is_taken(read.as_ref(), member));
            }
            members
        })
        .collect();
    World {
        mappings,
        documents,
        fields,
    }
}

/// Settings that change what a mapping takes, of one collection in five. They have dice of their own.
pub fn settings(dice: &mut SeededDice) -> Map<String, Value> {
    let mut settings = Map::new();
    if !dice.chance(1, 5) {
        return settings;
    }
    let all = [
        ("mapping.ignore_malformed", json!(true)),
        ("index.mapping.coerce", json!("false")),
        ("mapping.depth.limit", json!(3)),
        ("mapping.total_fields.limit", json!(12)),
        ("mapping.nested_objects.limit", json!(2)),
        ("mapping.nested_fields.limit", json!(1)),
        ("mapping.field_name_length.limit", json!(22)),
    ];
    for _ in 0..1 + dice.below(2) {
        let (name, value) = dice.pick(&all);
        settings.insert((*name).to_owned(), value.clone());
    }
    settings
}

/// Would the member be taken by itself? Most documents hold only such, or few would be left.
fn is_taken(mapping: Option<&Mapping>, member: &(String, String)) -> bool {
    struct New;
    impl DynamicFields for New {
        fn has(&self, _: &str) -> bool {
            false
        }
    }
    let body = raw_text(&text(&vec![member.clone()]));
    mapping.is_none_or(|mapping| mapping.check("d", &body, &New).is_ok())
}

/// What a dynamic field of that kind is searched like.
fn free(kind: &str) -> &'static str {
    match kind {
        "long" => "free long",
        "float" => "free float",
        "boolean" => "free boolean",
        "date" => "free date",
        "slash" => "free slash",
        _ => "free text",
    }
}

fn field(dice: &mut SeededDice, path: &str, fields: &mut Vec<Named>, depth: usize) -> Value {
    let kind = if dice.chance(1, 14) {
        *dice.pick(RARE)
    } else {
        *dice.pick(TYPES)
    };
    let mut definition = Map::new();
    if matches!(kind, "object" | "nested") {
        return object(dice, path, fields, depth, kind);
    }
    definition.insert("type".to_owned(), kind.into());
    required(dice, kind, &mut definition);
    let parameters = if RARE.contains(&kind) {
        0
    } else {
        dice.below(3)
    };
    for _ in 0..parameters {
        let (name, value) = parameter(dice, kind);
        definition.insert(name, value);
    }
    // What an alias leads to is not known here.
    let drawn = ["keyword", "text", "long", "date"];
    fields.push(Named {
        path: path.to_owned(),
        kind: if kind == "alias" {
            drawn[dice.below(drawn.len())]
        } else {
            kind
        },
    });
    if kind == "flattened" {
        fields.extend(["a", "b", "b.c"].map(|key| Named {
            path: format!("{path}.{key}"),
            kind: "keyword",
        }));
    }
    if dice.chance(1, 6) && !matches!(kind, "alias" | "geo_point" | "flattened") {
        let sub = *dice.pick(&["keyword", "text", "long", "date", "boolean"]);
        let mut inner = Map::from_iter([("type".to_owned(), sub.into())]);
        if dice.chance(1, 3) {
            let (name, value) = parameter(dice, sub);
            inner.insert(name, value);
        }
        definition.insert("fields".to_owned(), json!({"raw": inner}));
        fields.push(Named {
            path: format!("{path}.raw"),
            kind: sub,
        });
    }
    definition.into()
}

fn object(
    dice: &mut SeededDice,
    path: &str,
    fields: &mut Vec<Named>,
    depth: usize,
    kind: &'static str,
) -> Value {
    let mut definition = Map::new();
    if kind == "nested" || dice.chance(1, 3) {
        definition.insert("type".to_owned(), kind.into());
    }
    if kind == "object" && dice.chance(1, 12) {
        definition.insert("subobjects".to_owned(), dice.chance(1, 3).into());
    }
    if dice.chance(1, 3) {
        let dynamic = [
            json!("strict"),
            json!(false),
            json!(true),
            json!("false"),
            json!("maybe"),
        ];
        let known = if dice.chance(1, 9) { 5 } else { 4 };
        definition.insert("dynamic".to_owned(), dice.pick(&dynamic[..known]).clone());
    }
    if dice.chance(1, 9) {
        definition.insert("enabled".to_owned(), dice.chance(1, 3).into());
    }
    fields.push(Named {
        path: path.to_owned(),
        kind,
    });
    if depth < 2 && dice.chance(4, 5) {
        let mut properties = Map::new();
        for n in 0..1 + dice.below(2) {
            let name = format!("p{n}");
            let inner = field(dice, &format!("{path}.{name}"), fields, depth + 1);
            properties.insert(name, inner);
        }
        definition.insert("properties".to_owned(), properties.into());
    } else if definition.is_empty() {
        definition.insert("properties".to_owned(), json!({}));
    }
    definition.into()
}

/// What a type cannot do without.
fn required(dice: &mut SeededDice, kind: &str, definition: &mut Map<String, Value>) {
    match kind {
        "alias" => definition.insert(
            "path".to_owned(),
            if dice.chance(1, 20) {
                "nowhere"
            } else {
                *dice.pick(&["f0", "f1", "f0", "f2.p0"])
            }
            .into(),
        ),
        "dense_vector" => definition.insert("dims".to_owned(), json!(3)),
        "date" if dice.chance(1, 2) => {
            let known = FORMATS.len() - if dice.chance(1, 12) { 0 } else { 2 };
            definition.insert("format".to_owned(), (*dice.pick(&FORMATS[..known])).into())
        }
        _ => None,
    };
}

/// A parameter that the type takes, or (now and then) one that it does not.
fn parameter(dice: &mut SeededDice, kind: &str) -> (String, Value) {
    let text = |name: &str, value: Value| (name.to_owned(), value);
    let common: &[(&str, Value)] = &[
        ("index", json!(false)),
        ("index", json!(true)),
        ("doc_values", json!(false)),
        ("store", json!(true)),
        ("copy_to", json!("f0")),
        ("copy_to", json!(["f1"])),
        ("copy_to", json!("f2")),
        ("copy_to", json!(["f3.p0", "nowhere"])),
        ("copy_to", json!("free_string")),
        ("meta", json!({"unit": "ms"})),
    ];
    let special: &[(&str, Value)] = match kind {
        "keyword" => &[
            ("ignore_above", json!(5)),
            ("ignore_above", json!(3)),
            ("null_value", json!("NULL")),
            ("normalizer", json!("lowercase")),
            ("norms", json!(true)),
            ("index_options", json!("freqs")),
            ("eager_global_ordinals", json!(true)),
            ("split_queries_on_whitespace", json!(true)),
            ("similarity", json!("boolean")),
        ],
        "text" => &[
            ("analyzer", json!("whitespace")),
            ("analyzer", json!("simple")),
            ("analyzer", json!("keyword")),
            ("analyzer", json!("standard")),
            ("search_analyzer", json!("whitespace")),
            ("fielddata", json!(true)),
            ("norms", json!(false)),
            ("index_options", json!("docs")),
            ("position_increment_gap", json!(0)),
            ("index_phrases", json!(true)),
            ("index_prefixes", json!({"min_chars": 1, "max_chars": 3})),
            ("term_vector", json!("yes")),
        ],
        "long" | "integer" | "short" | "byte" => &[
            ("coerce", json!(false)),
            ("ignore_malformed", json!(true)),
            ("null_value", json!(3)),
            ("null_value", json!("x")),
        ],
        "double" | "float" | "half_float" => &[
            ("coerce", json!(false)),
            ("ignore_malformed", json!(true)),
            ("null_value", json!(1.5)),
        ],
        "boolean" => &[
            ("null_value", json!(true)),
            ("null_value", json!("false")),
            ("ignore_malformed", json!(true)),
        ],
        "date" => &[
            ("ignore_malformed", json!(true)),
            ("null_value", json!("2020-01-01")),
            ("locale", json!("en")),
        ],
        "geo_point" => &[
            ("ignore_malformed", json!(true)),
            ("ignore_z_value", json!(false)),
            ("ignore_z_value", json!(true)),
            ("null_value", json!("1,2")),
        ],
        "ip" => &[
            ("ignore_malformed", json!(true)),
            ("null_value", json!("10.0.0.1")),
        ],
        "flattened" => &[
            ("ignore_above", json!(5)),
            ("depth_limit", json!(2)),
            ("null_value", json!("NULL")),
            ("split_queries_on_whitespace", json!(true)),
        ],
        _ => &[],
    };
    let listed = declarable::parameters_of(kind);
    match dice.below(600) {
        400..600 if !listed.is_empty() => {
            let (name, value) = dice.pick(&listed);
            text(name, value.clone())
        }
        0 => text("no_such_parameter", json!(1)),
        1 => text("ignore_above", json!(-1)),
        2 => text("index", json!("yes")),
        3 => text("coerce", json!(true)),
        4 => text("analyzer", json!("nope")),
        5..=225 if !special.is_empty() => {
            let (name, value) = dice.pick(special);
            text(name, value.clone())
        }
        _ => {
            let (name, value) = dice.pick(common);
            text(name, value.clone())
        }
    }
}

fn document(dice: &mut SeededDice, fields: &[Named], n: usize) -> Members {
    let mut members = Members::new();
    let mut put = |name: String, value: String| {
        // The parser of an index refuses a name that comes twice.
        if members.iter().all(|(known, _)| *known != name) {
            members.push((name, value));
        }
    };
    let tops: Vec<&Named> = fields
        .iter()
        .filter(|field| !field.path.ends_with(".raw"))
        .collect();
    for field in &tops {
        if field.kind.starts_with("free") {
            if dice.chance(1, 3) {
                let kind = field.path.trim_start_matches("free_");
                put(field.path.clone(), values::dynamic(dice, kind));
            }
        } else if field.path.contains("keyword") || dice.chance(1, 2) {
            continue;
        } else if let Some((outer, inner)) = field.path.split_once('.') {
            // Nested or dotted, both are the same field.
            let value = values::any(dice, field.kind);
            match dice.below(3) {
                0 => put(field.path.clone(), value),
                1 => put(outer.to_owned(), nest(inner, &value)),
                _ => put(
                    outer.to_owned(),
                    format!(
                        "[{},{}]",
                        nest(inner, &value),
                        nest(inner, values::one(dice, field.kind))
                    ),
                ),
            }
        } else if matches!(field.kind, "object" | "nested") {
            let value = match dice.below(6) {
                0 => "{}".to_owned(),
                1 => r#"{"free":"word"}"#.to_owned(),
                2 => r#"{"free":"word","p0":null}"#.to_owned(),
                3 => values::any(dice, "other"),
                _ => continue,
            };
            put(field.path.clone(), value);
        } else {
            put(field.path.clone(), values::any(dice, field.kind));
        }
    }
    if dice.chance(1, 6) {
        put(format!("mixed{n}"), values::mixed(dice));
    }
    if dice.chance(1, 12) {
        put("outer.free".to_owned(), r#""word""#.to_owned());
    }
    members
}

fn nest(path: &str, value: &str) -> String {
    path.rsplit('.').fold(value.to_owned(), |inner, name| {
        format!("{{\"{name}\":{inner}}}")
    })
}

/// The text of a document.
pub fn text(members: &Members) -> String {
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(name.as_str())))
        .collect();
    format!("{{{}}}", members.join(","))
}
