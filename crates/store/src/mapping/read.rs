//! Reads mappings that were checked field by field: what each is, and how they stand to each other.
//! What an index refuses of that is refused here as well, with a pointer.

use super::{
    Analyzer, BadMapping, Field, Fields, Found, IndexSettings, Kind, Mapping, TermScoring,
    TextOptions, bad_mapping,
    coerce::{self, Reader},
    date::{self, DateFormat},
    parameter,
    point::{self, Leniency},
};
use crate::cell::join_pointer;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(super) fn read_root(
    top: &Map<String, Value>,
    settings: &IndexSettings,
) -> Result<Fields, BadMapping> {
    Reading { settings }.object(top, "")
}

/// One field by itself.
pub(super) fn read_field(
    definition: &Value,
    settings: Option<&Value>,
    at: &str,
) -> Result<Field, BadMapping> {
    let settings = &IndexSettings::read(settings)?;
    Reading { settings }.field(definition, at)
}

struct Reading<'a> {
    settings: &'a IndexSettings,
}

impl Reading<'_> {
    fn object(&self, object: &Map<String, Value>, at: &str) -> Result<Fields, BadMapping> {
        let enabled = object.get("enabled").and_then(coerce::strict_boolean);
        let properties =
            self.properties(object.get("properties"), &join_pointer(at, "properties"))?;
        Ok(Fields {
            dynamic: object
                .get("dynamic")
                .map(|value| super::declaration::parse_dynamic(value, &join_pointer(at, "dynamic")))
                .transpose()?,
            enabled: enabled.unwrap_or(true),
            properties,
        })
    }

    fn properties(
        &self,
        properties: Option<&Value>,
        at: &str,
    ) -> Result<BTreeMap<String, Field>, BadMapping> {
        let mut fields = BTreeMap::new();
        for (name, definition) in properties.and_then(Value::as_object).into_iter().flatten() {
            let here = join_pointer(at, name);
            insert_field(&mut fields, name, self.field(definition, &here)?, &here)?;
        }
        Ok(fields)
    }

    fn field(&self, definition: &Value, at: &str) -> Result<Field, BadMapping> {
        let object = definition
            .as_object()
            .ok_or_else(|| bad_mapping(at, "expected an object"))?;
        let name = super::declaration::field_type(object, at)?;
        let mut field = Field::plain(self.kind(name, object, at)?);
        self.parameters(&mut field, object, at)?;
        let subs = object.get("fields").and_then(Value::as_object);
        for (name, definition) in subs.into_iter().flatten() {
            let sub = self.field(definition, &join_pointer(&join_pointer(at, "fields"), name))?;
            field.fields.insert(name.clone(), sub);
        }
        if matches!(field.kind, Kind::Flattened { .. }) && !field.fields.is_empty() {
            let why = "a flattened field has no sub-fields";
            return Err(bad_mapping(&join_pointer(at, "fields"), why));
        }
        Ok(field)
    }

    fn kind(&self, name: &str, object: &Map<String, Value>, at: &str) -> Result<Kind, BadMapping> {
        let whole = |least: i64, greatest: i64| Kind::Whole { least, greatest };
        let limit = |name: &str| {
            let count = object.get(name).and_then(parameter::whole_number);
            count.map(|count| count as usize)
        };
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
            "object"
                if object.get("subobjects").and_then(coerce::strict_boolean) == Some(false) =>
            {
                // A dot is a part of a name there: only the index reads such objects.
                let fields = self.object(object, at)?;
                check_flattening(&fields, at)?;
                Kind::Flat(fields)
            }
            "object" => Kind::Object(self.object(object, at)?),
            "nested" if has_dimension(object) => {
                return Err(bad_mapping(
                    at,
                    "a nested object has no time series dimension",
                ));
            }
            "nested" => Kind::Nested(self.object(object, at)?),
            "alias" => match object.get("path") {
                Some(Value::String(path)) => Kind::Alias(path.clone()),
                _ => return Err(bad_mapping(at, "an alias has a path")),
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
        let kind = super::declaration::field_type(object, at)?;
        let has = |name: &str| parameter::find_parameter(kind, name).is_some();
        let is_lenient = self.settings.ignore_malformed && has("ignore_malformed");
        field.ignore_malformed = flag("ignore_malformed", is_lenient);
        field.coerce = flag("coerce", self.settings.coerce || !has("coerce"));
        field.index = flag("index", true);
        field.doc_values = flag("doc_values", true);
        field.store = flag("store", false);
        for copying in ["include_in_parent", "include_in_root"] {
            if matches!(field.kind, Kind::Nested(_)) && flag(copying, false) {
                field.special = Some(copying.to_owned());
            }
        }
        let is_text = matches!(field.kind, Kind::Text);
        field.scoring = TermScoring {
            norms: field.index && flag("norms", is_text),
            frequencies: match object.get("index_options").and_then(Value::as_str) {
                Some(options) => options != "docs",
                None => is_text,
            },
            is_boolean: object
                .get("similarity")
                .is_some_and(|given| given == "boolean"),
        };
        if matches!(field.kind, Kind::Flattened { .. }) {
            // An index takes the parameters and keeps bare terms of leaves.
            field.scoring = TermScoring::default();
        }
        field.split = flag("split_queries_on_whitespace", false);
        if object.contains_key("copy_to") && !matches!(field.kind, Kind::Object(_)) {
            field.copy_to = copy_targets(&object["copy_to"]);
        }
        if let Some(value) = object.get("null_value").filter(|value| !value.is_null()) {
            if !is_null_value(field, value) {
                return Err(bad_mapping(
                    &join_pointer(at, "null_value"),
                    "the field cannot hold this value",
                ));
            }
            field.null_value = Some(match field.kind {
                Kind::Keyword { .. } | Kind::Flattened { .. } => spelled_null(value).into(),
                _ => number_of(field, value).unwrap_or_else(|| value.clone()),
            });
        }
        match object.get("normalizer").and_then(Value::as_str) {
            None => {}
            Some("lowercase") => field.lowercase = true,
            Some(_) => field.special = Some("normalizer".to_owned()),
        }
        let similarity = object.get("similarity").and_then(Value::as_str);
        let is_default = similarity.is_none() && self.settings.define_similarity();
        if is_default || similarity.is_some_and(|name| !["BM25", "boolean"].contains(&name)) {
            field.special = Some("similarity".to_owned());
        }
        if object.contains_key("script") {
            field.special = Some("script".to_owned());
        }
        if matches!(field.kind, Kind::Text) {
            field.text = text_options(object, field.index);
            let unknown = [&field.text.analyzer, &field.text.search_analyzer]
                .into_iter()
                .any(|analyzer| matches!(analyzer, Analyzer::Other));
            if unknown || self.settings.define_analysis() {
                field.special = Some("analyzer".to_owned());
            }
            let quoted = object.get("search_quote_analyzer").and_then(Value::as_str);
            if quoted.is_some_and(|name| Analyzer::named(name) != Some(field.text.search_analyzer))
            {
                field.special = Some("search_quote_analyzer".to_owned());
            }
        }
        Ok(())
    }
}

/// Is there a dimension of a time series anywhere below?
fn has_dimension(object: &Map<String, Value>) -> bool {
    let fields = object.get("properties").and_then(Value::as_object);
    fields
        .into_iter()
        .flat_map(|fields| fields.values())
        .any(|field| {
            let flag = field
                .get("time_series_dimension")
                .and_then(coerce::strict_boolean);
            flag == Some(true) || field.as_object().is_some_and(has_dimension)
        })
}

/// Objects within one without subobjects are only ways to write names with dots.
fn check_flattening(around: &Fields, at: &str) -> Result<(), BadMapping> {
    for (name, field) in &around.properties {
        let here = join_pointer(&join_pointer(at, "properties"), name);
        match &field.kind {
            Kind::Nested(_) => return Err(bad_mapping(&here, "nested objects need `subobjects`")),
            Kind::Object(inner) | Kind::Flat(inner) => {
                let differs = inner.dynamic.is_some() && inner.dynamic != around.dynamic;
                if differs || !inner.enabled {
                    return Err(bad_mapping(
                        &here,
                        "an object with rules of its own needs `subobjects`",
                    ));
                }
                check_flattening(inner, &here)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn text_options(object: &Map<String, Value>, is_indexed: bool) -> TextOptions {
    // What is not an index's own was found in the settings.
    let analyzer = |name: &str| {
        let given = object.get(name).and_then(Value::as_str);
        given.map(|given| Analyzer::named(given).unwrap_or(Analyzer::Other))
    };
    let flag = |name: &str, default: bool| {
        let value = object.get(name).and_then(coerce::strict_boolean);
        value.unwrap_or(default)
    };
    let index = analyzer("analyzer").unwrap_or(Analyzer::Standard);
    let options = object.get("index_options").and_then(Value::as_str);
    TextOptions {
        analyzer: index,
        search_analyzer: analyzer("search_analyzer").unwrap_or(index),
        positions: is_indexed && !matches!(options, Some("docs" | "freqs")),
        norms: is_indexed && flag("norms", true),
        fielddata: flag("fielddata", false),
        gap: object
            .get("position_increment_gap")
            .and_then(parameter::whole_number)
            .map_or(100, |gap| gap as usize),
    }
}

fn copy_targets(value: &Value) -> Vec<String> {
    let text = |value: &Value| coerce::scalar_text(value).unwrap_or_default().into_owned();
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        other => vec![text(other)],
    }
}

/// What stands for null in a keyword is a text, of arrays and objects as Java spells them.
fn spelled_null(value: &Value) -> String {
    let all = |texts: Vec<String>| texts.join(", ");
    match value {
        Value::Null => "null".to_owned(),
        Value::Array(items) => format!("[{}]", all(items.iter().map(spelled_null).collect())),
        Value::Object(members) => {
            let one = |(name, value): (&String, &Value)| format!("{name}={}", spelled_null(value));
            format!("{{{}}}", all(members.iter().map(one).collect()))
        }
        scalar => coerce::scalar_text(scalar).unwrap_or_default().into_owned(),
    }
}

/// What stands for null in a field of numbers is one, however it is spelled.
fn number_of(field: &Field, value: &Value) -> Option<Value> {
    let is_number = matches!(
        field.kind,
        Kind::Whole { .. } | Kind::Double | Kind::Float | Kind::HalfFloat
    );
    let number = coerce::read_number(value, field.reader()).filter(|_| is_number)?;
    let whole = number.truncated().filter(|_| number.is_whole());
    Some(whole.map_or_else(|| number.real().into(), Value::from))
}

fn is_null_value(field: &Field, value: &Value) -> bool {
    match &field.kind {
        Kind::Whole { least, greatest } => {
            let number = coerce::read_number(value, field.reader());
            let whole = number.filter(|number| number.is_whole());
            whole
                .and_then(coerce::Number::truncated)
                .is_some_and(|whole| (*least..=*greatest).contains(&whole))
        }
        Kind::Double | Kind::Float | Kind::HalfFloat => {
            coerce::read_number(value, Reader::Float).is_some()
        }
        Kind::Boolean => coerce::strict_boolean(value).is_some(),
        Kind::Date(formats) => {
            date::of_document(formats, value) != Err(date::NotAMoment::Malformed)
        }
        // A server that has taken this takes no other change of the mapping.
        Kind::GeoPoint { .. } if value.as_array().is_some_and(Vec::is_empty) => false,
        Kind::GeoPoint { ignore_z } => {
            let leniency = Leniency {
                ignore_z: *ignore_z,
                ignore_malformed: field.ignore_malformed,
            };
            point::read_points(value, leniency).is_ok()
        }
        Kind::Ip => value
            .as_str()
            .is_some_and(|text| super::ip::parse(text).is_some()),
        _ => true,
    }
}

/// `a.b` is `b` within the object `a`.
fn insert_field(
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
                    insert_field(&mut known.properties, &name, field, at)?;
                }
                Ok(())
            }
            (Some(_), _) => Err(bad_mapping(at, "the field is defined twice")),
        };
    };
    let object = || {
        Kind::Object(Fields {
            dynamic: None,
            enabled: true,
            properties: BTreeMap::new(),
        })
    };
    let entry = fields
        .entry(outer.to_owned())
        .or_insert_with(|| Field::plain(object()));
    match &mut entry.kind {
        Kind::Object(around) => insert_field(&mut around.properties, inner, field, at),
        _ => Err(bad_mapping(at, "the field lies within a value")),
    }
}

impl Mapping {
    /// An alias leads to a field that is there and is a value; a copy goes to a value. Both stay in
    /// their nested object (`nested` is its path), but for copies to what is around it.
    pub(super) fn check_paths(
        &self,
        fields: &Fields,
        at: &str,
        path: &str,
        nested: &str,
    ) -> Result<(), BadMapping> {
        for (name, field) in &fields.properties {
            let here = join_pointer(&join_pointer(at, "properties"), name);
            let path = super::path_below(path, name);
            match &field.kind {
                Kind::Alias(target)
                    if !self.is_value(target)
                        || self.is_within_value(target)
                        || self.innermost_nested(target) != nested =>
                {
                    let why = "an alias leads to a mapped value";
                    return Err(bad_mapping(&join_pointer(&here, "path"), why));
                }
                Kind::Object(inner) | Kind::Flat(inner) => {
                    self.check_paths(inner, &here, &path, nested)?;
                }
                Kind::Nested(inner) => self.check_paths(inner, &here, &path, &path)?,
                _ => {}
            }
            for target in &field.copy_to {
                let around = self.innermost_nested(target);
                let is_seen = around.is_empty() || super::is_at_or_below(nested, &around);
                if !is_seen || self.is_no_copy(target) {
                    let why = "a copy goes to a field with a value";
                    return Err(bad_mapping(&join_pointer(&here, "copy_to"), why));
                }
            }
        }
        Ok(())
    }

    fn innermost_nested(&self, path: &str) -> String {
        let mut around = self.nested_around(path);
        around.pop().map(|(path, _)| path).unwrap_or_default()
    }

    /// Does the path lead into a field of a type that has nothing below but its sub-fields?
    fn is_within_value(&self, path: &str) -> bool {
        const WITH_FIELDS_OF_THEIR_OWN: [&str; 2] = ["join", "search_as_you_type"];
        path.match_indices('.').any(|(dot, _)| {
            let (parent, below) = (&path[..dot], &path[dot + 1..]);
            let Found::Field(field) = self.find_within(parent, parent) else {
                return false;
            };
            matches!(&field.kind, Kind::Other(kind) if !WITH_FIELDS_OF_THEIR_OWN.contains(&kind.as_str()))
                && !field.fields.contains_key(below)
        })
    }

    fn is_value(&self, path: &str) -> bool {
        match self.find_within(path, path) {
            Found::Field(target) => !matches!(
                target.kind,
                Kind::Alias(_) | Kind::Object(_) | Kind::Nested(_) | Kind::Flat(_)
            ),
            Found::Sub { .. } => true,
            Found::Unmapped(_) | Found::Key { .. } => false,
        }
    }

    fn is_no_copy(&self, path: &str) -> bool {
        match self.find_within(path, path) {
            Found::Sub { .. } => true,
            Found::Field(target) => {
                matches!(
                    target.kind,
                    Kind::Object(_) | Kind::Nested(_) | Kind::Flat(_)
                )
            }
            _ => false,
        }
    }
}
