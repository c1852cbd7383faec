//! A document held against a specification: everything that is wrong with it, and where.

use super::{Specification, SpecifiedField, SpecifiedFields, kind::FieldType};
use matching::Document;
use serde_json::{Map, Value, json};

/// Something that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kuzzle) struct SpecificationFault {
    /// Of the field; none if it is the whole document's.
    pub path: Vec<String>,
    pub message: String,
}

impl Specification {
    /// In the order of the fields' names.
    pub(in crate::kuzzle) fn check(
        &self,
        id: Option<&str>,
        document: &Map<String, Value>,
    ) -> Vec<SpecificationFault> {
        let mut findings = Vec::new();
        if !self.fields.is_empty() {
            if let Some(name) = unknown_field(&self.fields, self.strict, document) {
                findings.push(SpecificationFault {
                    path: Vec::new(),
                    message: format!(
                        "The document validation is strict. Cannot add unspecified sub-field \"{name}\""
                    ),
                });
            }
            check_fields(&self.fields, self.strict, document, &mut findings);
        }
        if let Some(filter) = &self.validators {
            let mut whole = document.clone();
            if let Some(id) = id {
                whole.insert("_id".to_owned(), id.into());
            }
            if !filter.matches(&Document::new(&Value::Object(whole))) {
                findings.push(SpecificationFault {
                    path: Vec::new(),
                    message: "The document does not match validation filters.".to_owned(),
                });
            }
        }
        findings
    }
}

fn unknown_field<'a>(
    fields: &SpecifiedFields,
    strict: bool,
    document: &'a Map<String, Value>,
) -> Option<&'a String> {
    let others =
        |name: &&String| !fields.contains_key(*name) && *name != super::super::metadata::MEMBER;
    document.keys().find(others).filter(|_| strict)
}

fn check_fields(
    fields: &SpecifiedFields,
    strict: bool,
    document: &Map<String, Value>,
    findings: &mut Vec<SpecificationFault>,
) {
    for (name, field) in fields {
        let value = document.get(name).filter(|value| !value.is_null());
        match value {
            Some(value) => field.check(value, strict, findings),
            None if field.mandatory && field.default.is_none() => {
                findings.push(field.finding("The field is mandatory."));
            }
            None => {}
        }
    }
}

impl SpecifiedField {
    fn finding(&self, message: &str) -> SpecificationFault {
        SpecificationFault {
            path: self.path.clone(),
            message: message.to_owned(),
        }
    }

    fn check(&self, value: &Value, strict: bool, findings: &mut Vec<SpecificationFault>) {
        let values = match self.values(value) {
            Ok(values) => values,
            Err(why) => return findings.push(self.finding(&why)),
        };
        for value in values {
            if let Some(why) = self.kind.refusal(value) {
                return findings.push(self.finding(&why));
            }
            let (FieldType::Object { strict: own }, Value::Object(inner)) = (&self.kind, value)
            else {
                continue;
            };
            if self.children.is_empty() {
                continue;
            }
            let strict = own.unwrap_or(strict);
            if let Some(name) = unknown_field(&self.children, strict, inner) {
                findings.push(self.finding(&format!(
                    "The field is set to \"strict\"; cannot add unspecified sub-field \"{name}\"."
                )));
            }
            check_fields(&self.children, strict, inner, findings);
        }
    }

    fn values<'a>(&self, value: &'a Value) -> Result<&'a [Value], String> {
        match (self.many, value) {
            (None, Value::Array(_)) => {
                Err("The field is not a multivalued field; Multiple values provided.".to_owned())
            }
            (None, one) => Ok(std::slice::from_ref(one)),
            (Some(count), Value::Array(values)) => {
                let length = values.len() as u64;
                if let Some(least) = count.least.filter(|least| length < *least) {
                    return Err(format!(
                        "Not enough elements. Minimum count is set to {least}."
                    ));
                }
                match count.most.filter(|most| length > *most) {
                    Some(most) => Err(format!(
                        "Too many elements. Maximum count is set to {most}."
                    )),
                    None => Ok(values),
                }
            }
            (Some(_), _) => Err("The field must be multivalued, unary value provided.".to_owned()),
        }
    }
}

/// As `document:validate` shows them: by the document and by field.
pub(in crate::kuzzle) fn shown_findings(findings: &[SpecificationFault]) -> Value {
    let mut shown = json!({});
    for SpecificationFault { path, message } in findings {
        if path.is_empty() {
            push_message(&mut shown, "documentScope", message);
            continue;
        }
        let mut at = &mut shown["fieldScope"];
        for name in path {
            at = &mut at["children"][name.as_str()];
        }
        push_message(at, "messages", message);
    }
    shown
}

fn push_message(into: &mut Value, name: &str, message: &str) {
    match &mut into[name] {
        Value::Array(list) => list.push(message.into()),
        other => *other = json!([message]),
    }
}
