//! Dynamic templates: what becomes of fields that are met. Names in braces stand for what is met,
//! and what they make of it is not known before.

use super::{Declared, Within};
use crate::{
    cell::join_pointer,
    mapping::{BadMapping, bad_mapping, read},
};
use serde_json::{Map, Value};

const KNOWN: [&str; 9] = [
    "match",
    "unmatch",
    "path_match",
    "path_unmatch",
    "match_mapping_type",
    "unmatch_mapping_type",
    "match_pattern",
    "mapping",
    "runtime",
];

impl Declared<'_> {
    pub fn templates(&self, value: &Value, at: &str) -> Result<(), BadMapping> {
        let Value::Array(templates) = value else {
            return Err(bad_mapping(at, "expected a list of templates"));
        };
        for (n, template) in templates.iter().enumerate() {
            let here = format!("{at}/{n}");
            let named = template.as_object().filter(|template| template.len() == 1);
            let Some((name, template)) = named.and_then(|named| named.iter().next()) else {
                return Err(bad_mapping(&here, "a template is an object with its name"));
            };
            let here = join_pointer(&here, name);
            let Value::Object(template) = template else {
                return Err(bad_mapping(&here, "expected an object"));
            };
            self.template(template, &here)?;
        }
        Ok(())
    }

    fn template(&self, template: &Map<String, Value>, at: &str) -> Result<(), BadMapping> {
        if let Some(unknown) = template.keys().find(|key| !KNOWN.contains(&key.as_str())) {
            let why = format!("a template has no parameter `{unknown}`");
            return Err(bad_mapping(&join_pointer(at, unknown), &why));
        }
        match (template.get("mapping"), template.get("runtime")) {
            (None, None) => Err(bad_mapping(at, "a template needs `mapping` or `runtime`")),
            (Some(_), Some(_)) => Err(bad_mapping(
                at,
                "a template has `mapping` or `runtime`, not both",
            )),
            (Some(mapping), None) => self.made(mapping, &format!("{at}/mapping")),
            (None, Some(_)) => Ok(()),
        }
    }

    fn made(&self, mapping: &Value, at: &str) -> Result<(), BadMapping> {
        let Value::Object(field) = mapping else {
            return Err(bad_mapping(at, "expected an object"));
        };
        let text = mapping.to_string();
        let open = ["{dynamic_type}", "{name}"]
            .iter()
            .any(|met| text.contains(met));
        if open || !field.contains_key("type") {
            return Ok(());
        }
        self.field(mapping, at, Within::Object)?;
        read::read_field(mapping, self.settings, at).map(drop)
    }
}
