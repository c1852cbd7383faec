//! Reading mappings: what an index of 8.19 refuses at creation is refused here, with a pointer.

use super::{
    Analyzer, BadMapping, Dynamic, Field, Fields, Kind, Mapping, TextOptions, bad,
    coerce::{self, Reader},
    date::{self, DateFormat},
    parameter,
    point::{self, Leniency},
};
use crate::cell::pointer;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Names at the top that are the index's own.
pub const METADATA: [&str; 12] = [
    "_id",
    "_index",
    "_source",
    "_routing",
    "_field_names",
    "_ignored",
    "_version",
    "_seq_no",
    "_tier",
    "_nested_path",
    "_ignored_source",
    "_doc_count",
];

const ROOT: [&str; 12] = [
    "dynamic",
    "enabled",
    "properties",
    "date_detection",
    "numeric_detection",
    "dynamic_templates",
    "dynamic_date_formats",
    "subobjects",
    "runtime",
    "_source",
    "_routing",
    "_meta",
];

pub(super) fn root(top: &Map<String, Value>, has_analysis: bool) -> Result<Fields, BadMapping> {
    if let Some(other) = top.keys().find(|name| !ROOT.contains(&name.as_str())) {
        return Err(bad(&pointer("", other), "a mapping has no such member"));
    }
    for name in ["date_detection", "numeric_detection"] {
        if top
            .get(name)
            .is_some_and(|value| coerce::strict_boolean(value).is_none())
        {
            return Err(bad(&pointer("", name), "expected true or false"));
        }
    }
    let fields = Reading { has_analysis }.object(top, "")?;
    if let Some(name) = fields
        .properties
        .keys()
        .find(|name| METADATA.contains(&name.as_str()))
    {
        return Err(bad(
            &pointer("/properties", name),
            "the name belongs to the index itself",
        ));
    }
    Ok(fields)
}

struct Reading {
    /// The settings define analyzers, so an unknown name may be one of them.
    has_analysis: bool,
}

impl Reading {
    fn object(&self, object: &Map<String, Value>, at: &str) -> Result<Fields, BadMapping> {
        let dynamic = object
            .get("dynamic")
            .map(|value| dynamic(value, &pointer(at, "dynamic")))
            .transpose()?;
        let enabled = object
            .get("enabled")
            .and_then(coerce::strict_boolean)
            .unwrap_or(true);
        let subobjects = match object.get("subobjects") {
            None => true,
            Some(value) => match coerce::strict_boolean(value) {
                Some(flag) => flag,
                None if value == "auto" => false,
                None => return Err(bad(&pointer(at, "subobjects"), "expected true or false")),
            },
        };
        let properties = self.properties(object.get("properties"), &pointer(at, "properties"))?;
        Ok(Fields {
            dynamic,
            enabled,
            subobjects,
            properties,
        })
    }

    fn properties(
        &self,
        properties: Option<&Value>,
        at: &str,
    ) -> Result<BTreeMap<String, Field>, BadMapping> {
        let empty = Map::new();
        let members = match properties {
            None => &empty,
            Some(Value::Array(items)) if items.is_empty() => &empty,
            Some(Value::Object(members)) => members,
            Some(_) => return Err(bad(at, "expected an object")),
        };
        let mut fields = BTreeMap::new();
        for (name, definition) in members {
            let here = pointer(at, name);
            if name.split('.').any(|part| part.trim().is_empty()) {
                return Err(bad(&here, "a field's name cannot be empty"));
            }
            insert(
                &mut fields,
                name,
                self.field(definition, &here, false)?,
                &here,
            )?;
        }
        Ok(fields)
    }

    fn field(&self, definition: &Value, at: &str, is_sub: bool) -> Result<Field, BadMapping> {
        let object = definition
            .as_object()
            .ok_or_else(|| bad(at, "expected an object"))?;
        let name = match object.get("type") {
            None if object.contains_key("properties") => "object",
            None if object.len() == 1 && object.contains_key("enabled") => "object",
            None => return Err(bad(at, "the field has no type")),
            Some(Value::String(name)) => name,
            Some(_) => return Err(bad(&pointer(at, "type"), "expected the name of a type")),
        };
        if !parameter::is_type(name) {
            return Err(bad(&pointer(at, "type"), "there is no such type"));
        }
        if let Some((parameter, message)) = parameter::misfit(name, object.iter()) {
            return Err(bad(&pointer(at, parameter), &message));
        }
        if is_sub {
            let outer = ["object", "nested", "alias"].contains(&name);
            if outer || object.contains_key("copy_to") {
                return Err(bad(at, "a sub-field cannot be this"));
            }
            if object
                .get("fields")
                .and_then(Value::as_object)
                .is_some_and(|f| !f.is_empty())
            {
                return Err(bad(&pointer(at, "fields"), "sub-fields have no sub-fields"));
            }
        }
        let mut field = Field::plain(self.kind(name, object, at)?);
        self.parameters(&mut field, object, at)?;
        field.fields = self.sub_fields(object.get("fields"), &pointer(at, "fields"))?;
        if matches!(field.kind, Kind::Flattened { .. }) {
            let given = [
                ("fields", !field.fields.is_empty()),
                ("copy_to", !field.copy_to.is_empty()),
            ];
            if let Some((name, _)) = given.iter().find(|(_, given)| *given) {
                return Err(bad(
                    &pointer(at, name),
                    "a flattened field cannot have this",
                ));
            }
        }
        Ok(field)
    }

    fn sub_fields(
        &self,
        fields: Option<&Value>,
        at: &str,
    ) -> Result<BTreeMap<String, Field>, BadMapping> {
        let members = fields.and_then(Value::as_object).into_iter().flatten();
        members
            .map(|(name, definition)| {
                let here = pointer(at, name);
                if name.contains('.') || name.trim().is_empty() {
                    return Err(bad(
                        &here,
                        "a sub-field's name cannot be empty, nor have a dot",
                    ));
                }
                Ok((name.clone(), self.field(definition, &here, true)?))
            })
            .collect()
    }

    fn kind(&self, name: &str, object: &Map<String, Value>, at: &str) -> Result<Kind, BadMapping> {
        let whole = |least: i64, greatest: i64| Kind::Whole { least, greatest };
        let limit = |name: &str| object.get(name).and_then(parameter::count);
        Ok(match name {
            "keyword" => Kind::Keyword {
                ignore_above: limit("ignore_above"),
            },
            "text" => Kind::Text,
            "long" => whole(i64::MIN, i64::MAX),
            "integer" => whole(i32::MIN.into(), i32::MAX.into()),
            "short" => whole(i16::MIN.into(), i16::MAX.into()),
            "byte" => whole(i8::MIN.into(), i8::MAX.into()),
            "double" => Kind::Double,
            "float" => Kind::Float,
            "half_float" => Kind::HalfFloat,
            "boolean" => Kind::Boolean,
            "date" => Kind::Date(match object.get("format") {
                Some(Value::String(format)) => DateFormat::read(Some(format)),
                Some(other) => DateFormat::read(Some(&other.to_string())),
                None => DateFormat::read(None),
            }),
            "geo_point" => Kind::GeoPoint {
                ignore_z: object
                    .get("ignore_z_value")
                    .and_then(coerce::strict_boolean)
                    .unwrap_or(true),
            },
            "ip" => Kind::Ip,
            "flattened" => Kind::Flattened {
                depth: limit("depth_limit").unwrap_or(20),
                ignore_above: limit("ignore_above"),
            },
            "object" => Kind::Object(self.object(object, at)?),
            "nested" => Kind::Nested(self.object(object, at)?),
            "alias" => match object.get("path") {
                Some(Value::String(path)) => Kind::Alias(path.clone()),
                _ => return Err(bad(at, "an alias has a path")),
            },
            other => Kind::Other(other.to_owned()),
        })
    }

    fn parameters(
        &self,
        field: &mut Field,
        object: &Map<String, Value>,
        at: &str,
    ) -> Result<(), BadMapping> {
        let flag = |name: &str, default: bool| {
            let value = object.get(name).and_then(coerce::strict_boolean);
            value.unwrap_or(default)
        };
        field.ignore_malformed = flag("ignore_malformed", false);
        field.coerce = flag("coerce", true);
        field.index = flag("index", true);
        field.doc_values = flag("doc_values", true);
        field.store = flag("store", false);
        field.split = flag("split_queries_on_whitespace", false);
        if object.contains_key("copy_to") && !matches!(field.kind, Kind::Object(_)) {
            field.copy_to = copied(&object["copy_to"]);
        }
        if let Some(value) = object.get("null_value").filter(|value| !value.is_null()) {
            if !is_null_value(field, value) {
                return Err(bad(
                    &pointer(at, "null_value"),
                    "the field cannot hold this value",
                ));
            }
            field.null_value = Some(value.clone());
        }
        match object.get("normalizer") {
            None | Some(Value::Null) => {}
            Some(Value::String(name)) if name == "lowercase" => field.lowercase = true,
            Some(Value::String(_)) if self.has_analysis => {
                field.special = Some("normalizer".to_owned());
            }
            Some(_) => {
                return Err(bad(
                    &pointer(at, "normalizer"),
                    "there is no such normalizer",
                ));
            }
        }
        let has_script = object.contains_key("script");
        if has_script {
            field.special = Some("script".to_owned());
        }
        if matches!(field.kind, Kind::Text) {
            field.text = self.text(object, at, field.index)?;
            let unknown = [&field.text.analyzer, &field.text.search_analyzer]
                .into_iter()
                .any(|analyzer| matches!(analyzer, Analyzer::Other));
            if unknown || self.has_analysis {
                field.special = Some("analyzer".to_owned());
            }
        }
        let similarity = object.get("similarity").and_then(Value::as_str);
        let is_unknown = similarity.is_some_and(|given| !["BM25", "boolean"].contains(&given));
        if is_unknown && !self.has_analysis {
            return Err(bad(
                &pointer(at, "similarity"),
                "there is no such similarity",
            ));
        }
        Ok(())
    }

    fn text(
        &self,
        object: &Map<String, Value>,
        at: &str,
        is_indexed: bool,
    ) -> Result<TextOptions, BadMapping> {
        let analyzer = |name: &str| match object.get(name).and_then(Value::as_str) {
            None => Ok(None),
            Some(given) => Analyzer::named(given)
                .or(self.has_analysis.then_some(Analyzer::Other))
                .map(Some)
                .ok_or_else(|| bad(&pointer(at, name), "there is no such analyzer")),
        };
        let flag = |name: &str, default: bool| {
            let value = object.get(name).and_then(coerce::strict_boolean);
            value.unwrap_or(default)
        };
        let (index, search) = (analyzer("analyzer")?, analyzer("search_analyzer")?);
        analyzer("search_quote_analyzer")?;
        let index = index.unwrap_or(Analyzer::Standard);
        let search_analyzer = search.unwrap_or(index);
        let options = object.get("index_options").and_then(Value::as_str);
        let positions = is_indexed && !matches!(options, Some("docs" | "freqs"));
        let prefixes = object.get("index_prefixes").is_some_and(Value::is_object);
        if (flag("index_phrases", false) || prefixes) && !positions && (!is_indexed || !prefixes) {
            return Err(bad(at, "phrases and prefixes need an index with positions"));
        }
        Ok(TextOptions {
            analyzer: index,
            search_analyzer,
            positions,
            norms: is_indexed && flag("norms", true),
            fielddata: flag("fielddata", false),
            gap: object
                .get("position_increment_gap")
                .and_then(parameter::count)
                .unwrap_or(100),
        })
    }
}

fn copied(value: &Value) -> Vec<String> {
    let text = |value: &Value| coerce::text(value).unwrap_or_default().into_owned();
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        other => vec![text(other)],
    }
}

fn is_null_value(field: &Field, value: &Value) -> bool {
    match &field.kind {
        Kind::Whole { least, greatest } => {
            let number = coerce::number(value, field.reader());
            let whole = number.filter(|number| number.is_whole() || field.coerce);
            whole
                .and_then(coerce::Number::truncated)
                .is_some_and(|whole| (*least..=*greatest).contains(&whole))
        }
        Kind::Double | Kind::Float | Kind::HalfFloat => {
            coerce::number(value, Reader::Float).is_some()
        }
        Kind::Boolean => coerce::strict_boolean(value).is_some(),
        Kind::Date(formats) => {
            date::of_document(formats, value) != Err(date::NotAMoment::Malformed)
        }
        Kind::GeoPoint { ignore_z } => {
            let leniency = Leniency {
                ignore_z: *ignore_z,
                ignore_malformed: field.ignore_malformed,
            };
            point::points(value, leniency).is_ok()
        }
        Kind::Ip => value
            .as_str()
            .is_some_and(|text| super::ip::parse(text).is_some()),
        _ => true,
    }
}

fn dynamic(value: &Value, at: &str) -> Result<Dynamic, BadMapping> {
    match coerce::strict_boolean(value) {
        Some(true) => Ok(Dynamic::True),
        Some(false) => Ok(Dynamic::False),
        None => match value.as_str().map(str::to_ascii_lowercase).as_deref() {
            Some("strict") => Ok(Dynamic::Strict),
            Some("runtime") => Ok(Dynamic::Runtime),
            _ => Err(bad(at, "expected true, false, \"runtime\" or \"strict\"")),
        },
    }
}

/// `a.b` is `b` within the object `a`.
fn insert(
    fields: &mut BTreeMap<String, Field>,
    name: &str,
    field: Field,
    at: &str,
) -> Result<(), BadMapping> {
    let Some((outer, inner)) = name.split_once('.') else {
        return match (fields.get_mut(name), field.kind) {
            (None, kind) => {
                fields.insert(name.to_owned(), Field { kind, ..field });
                Ok(())
            }
            (
                Some(Field {
                    kind: Kind::Object(known),
                    ..
                }),
                Kind::Object(more),
            ) => {
                known.dynamic = more.dynamic.or(known.dynamic);
                known.enabled &= more.enabled;
                for (name, field) in more.properties {
                    insert(&mut known.properties, &name, field, at)?;
                }
                Ok(())
            }
            (Some(_), _) => Err(bad(at, "the field is defined twice")),
        };
    };
    let object = || {
        Kind::Object(Fields {
            dynamic: None,
            enabled: true,
            subobjects: true,
            properties: BTreeMap::new(),
        })
    };
    let entry = fields
        .entry(outer.to_owned())
        .or_insert_with(|| Field::plain(object()));
    match &mut entry.kind {
        Kind::Object(around) => insert(&mut around.properties, inner, field, at),
        _ => Err(bad(at, "the field lies within a value")),
    }
}

impl Mapping {
    /// An alias leads to a field that is there and is a value; a copy goes to a value.
    pub(super) fn check_paths(&self, fields: &Fields, at: &str) -> Result<(), BadMapping> {
        for (name, field) in &fields.properties {
            let here = pointer(&pointer(at, "properties"), name);
            match &field.kind {
                Kind::Alias(path) => {
                    let leads = match self.find(path) {
                        super::Found::Field(target) => !matches!(
                            target.kind,
                            Kind::Alias(_) | Kind::Object(_) | Kind::Nested(_)
                        ),
                        super::Found::Sub { .. } => true,
                        super::Found::Unmapped(_) | super::Found::Key { .. } => false,
                    };
                    if !leads {
                        return Err(bad(
                            &pointer(&here, "path"),
                            "an alias leads to a mapped value",
                        ));
                    }
                }
                Kind::Object(inner) | Kind::Nested(inner) => self.check_paths(inner, &here)?,
                _ => {}
            }
            for target in &field.copy_to {
                let wrong = match self.find(target) {
                    super::Found::Sub { .. } => true,
                    super::Found::Field(target) => matches!(
                        target.kind,
                        Kind::Object(_) | Kind::Nested(_) | Kind::Alias(_)
                    ),
                    _ => false,
                };
                if wrong {
                    return Err(bad(
                        &pointer(&here, "copy_to"),
                        "a copy goes to a field with a value",
                    ));
                }
            }
        }
        Ok(())
    }
}
