//! A specification from its JSON. Everything that is wrong is found, not only the first.

use super::{ElementCount, Specification, SpecifiedField, SpecifiedFields, kind::FieldType};
use matching::Filter;
use serde_json::{Map, Value, json};

const PROPERTIES: [&str; 6] = [
    "mandatory",
    "type",
    "defaultValue",
    "description",
    "multivalued",
    "typeOptions",
];

fn unexpected_properties(object: &str, allowed: &[&str]) -> String {
    let allowed = allowed.join(", ");
    format!("The object \"{object}\" contains unexpected properties (allowed: {allowed}).")
}

/// The members, if there are no others than these.
fn only_members<'a>(
    value: &'a Value,
    name: &str,
    allowed: &[&str],
) -> Result<&'a Map<String, Value>, String> {
    let members = value.as_object();
    members
        .filter(|members| members.keys().all(|key| allowed.contains(&key.as_str())))
        .ok_or_else(|| unexpected_properties(name, allowed))
}

fn read_flag(members: &Map<String, Value>, name: &str, place: &str) -> Result<bool, String> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(format!(
            "Wrong type for parameter \"{place}.{name}\" (expected: boolean)."
        )),
    }
}

pub(super) fn read_specification(value: &Value, place: &str) -> Result<Specification, Vec<String>> {
    let members =
        only_members(value, place, &["strict", "fields", "validators"]).map_err(|why| vec![why])?;
    let mut faults = Vec::new();
    let strict = read_flag(members, "strict", place).unwrap_or_else(|why| {
        faults.push(why);
        false
    });
    let fields = match members.get("fields") {
        None | Some(Value::Null) => SpecifiedFields::new(),
        Some(Value::Object(given)) => read_fields(given, place, &mut faults),
        Some(_) => {
            faults.push(format!(
                "Wrong type for parameter \"{place}.fields\" (expected: object)."
            ));
            SpecifiedFields::new()
        }
    };
    let validators = match members.get("validators") {
        None | Some(Value::Null) => None,
        Some(given) => read_validators(given).map_err(|why| faults.push(why)).ok(),
    };
    if faults.is_empty() {
        Ok(Specification {
            strict,
            fields,
            validators,
        })
    } else {
        Err(faults)
    }
}

fn read_validators(given: &Value) -> Result<Filter, String> {
    if !given.is_array() {
        return Err("Invalid filters validator: an array of filters is expected".to_owned());
    }
    let options = matching::Options::default();
    Filter::parse(&json!({"bool": {"must": given}}), &options)
        .map_err(|error| format!("Invalid filters validator: {error}"))
}

/// Names with slashes are those of fields within fields: a parent stands before its children.
fn read_fields(
    given: &Map<String, Value>,
    place: &str,
    faults: &mut Vec<String>,
) -> SpecifiedFields {
    let mut paths: Vec<(&String, Vec<String>)> = given
        .keys()
        .map(|name| (name, name.split('/').map(str::to_owned).collect()))
        .collect();
    paths.sort_by_key(|(_, path)| path.len());
    let mut fields = SpecifiedFields::new();
    for (name, path) in paths {
        let read = read_field(&given[name], &format!("{place}.{name}"), path);
        match read.and_then(|field| insert_field(&mut fields, field, 0)) {
            Ok(()) => {}
            Err(why) => faults.push(why),
        }
    }
    fields
}

fn insert_field(
    fields: &mut SpecifiedFields,
    field: SpecifiedField,
    depth: usize,
) -> Result<(), String> {
    let name = &field.path[depth];
    if depth + 1 == field.path.len() {
        fields.insert(name.clone(), field);
        return Ok(());
    }
    let parent = fields.get_mut(name).ok_or_else(|| {
        let path = field.path.join(".");
        format!("The parent field of the field \"{path}\" is not defined.")
    })?;
    if !matches!(parent.kind, FieldType::Object { .. }) {
        let path = parent.path.join(".");
        return Err(format!(
            "The field \"{path}\" is not allowed to have children fields."
        ));
    }
    insert_field(&mut parent.children, field, depth + 1)
}

fn read_field(value: &Value, place: &str, path: Vec<String>) -> Result<SpecifiedField, String> {
    let members = only_members(value, place, &PROPERTIES)?;
    let name = members.get("type").and_then(Value::as_str);
    let name = name.ok_or_else(|| format!("Missing property \"type\" in field \"{place}\"."))?;
    let none = Map::new();
    let options = match members.get("typeOptions") {
        None => &none,
        Some(options) => options.as_object().ok_or_else(|| {
            format!("Wrong type for parameter \"{place}.typeOptions\" (expected: object).")
        })?,
    };
    Ok(SpecifiedField {
        path,
        kind: FieldType::read(name, options).map_err(|why| format!("In \"{place}\": {why}"))?,
        mandatory: read_flag(members, "mandatory", place)?,
        default: members.get("defaultValue").cloned(),
        many: match members.get("multivalued") {
            None => None,
            Some(many) => read_multivalued(many, place)?,
        },
        children: SpecifiedFields::new(),
    })
}

fn read_multivalued(value: &Value, place: &str) -> Result<Option<ElementCount>, String> {
    let name = format!("{place}.multivalued");
    let members = only_members(value, &name, &["value", "minCount", "maxCount"])?;
    if !members.contains_key("value") {
        return Err(format!("Missing property \"value\" in field \"{name}\"."));
    }
    let many = read_flag(members, "value", &name)?;
    let count = |which: &str| match members.get(which) {
        None => Ok(None),
        Some(_) if !many => Err(format!(
            "SpecifiedField \"{place}\": cannot set a property \"{which}\" if the field is not multivalued."
        )),
        Some(count) => count.as_u64().map(Some).ok_or_else(|| {
            format!("Wrong type for parameter \"{name}.{which}\" (expected: integer).")
        }),
    };
    let (least, most) = (count("minCount")?, count("maxCount")?);
    if least.zip(most).is_some_and(|(least, most)| least > most) {
        Err(format!(
            "Property \"{place}\": invalid range (minCount > maxCount)."
        ))
    } else {
        Ok(many.then_some(ElementCount { least, most }))
    }
}
