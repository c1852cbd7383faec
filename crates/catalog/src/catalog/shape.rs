//! What is known of a value before there is one: which members it can have at most. Never more is
//! claimed than definitions say: what nothing is known of is open.

mod plain;

use crate::expression::{Function, ValueShape, did_you_mean};
use plain::PlainKinds;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const DEPTH: usize = 20;
/// Members that are read of one schema: definitions that refer to each other can have any number.
const MEMBERS: usize = 2_000;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum MemberShape {
    Open,
    /// Null or absent, at all times.
    Nothing,
    /// A text, a number, true or false.
    Plain(PlainKinds),
    /// An object with no other members than these.
    Closed(BTreeMap<String, MemberShape>),
    List(Box<MemberShape>),
}

impl MemberShape {
    /// Of what a JSON Schema lets through.
    pub fn of_schema(schema: &Value) -> Self {
        let mut reader = SchemaReader {
            root: schema,
            followed: Vec::new(),
            members: 0,
        };
        reader.node(schema, 0)
    }

    pub fn listed_if(self, is_list: bool) -> Self {
        if is_list {
            return Self::List(Box::new(self));
        }
        self
    }

    /// Of what a list has for elements.
    pub fn element(&self) -> Self {
        match self {
            Self::List(element) => (**element).clone(),
            _ => Self::Open,
        }
    }

    /// The member of that name, or why there is none.
    pub fn member(&self, name: &str) -> Result<Self, String> {
        let is_index = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        match self {
            Self::Open | Self::Nothing => Ok(Self::Open),
            Self::List(element) if is_index => Ok((**element).clone()),
            Self::List(_) => Err(format!("a list has no member `{name}`")),
            Self::Plain(_) => Err(format!("a plain value has no member `{name}`")),
            Self::Closed(members) => members.get(name).cloned().ok_or_else(|| {
                let hint = did_you_mean(name, members.keys().map(String::as_str));
                format!("there is no member `{name}`{hint}")
            }),
        }
    }

    /// What it may be to a function.
    pub fn kinds(&self) -> Vec<ValueShape> {
        match self {
            Self::Open | Self::Nothing => vec![ValueShape::Any],
            Self::Plain(kinds) => kinds.shapes(),
            Self::Closed(_) => vec![ValueShape::Object],
            Self::List(_) => vec![ValueShape::List],
        }
    }

    /// Of one of these.
    pub fn joined(shapes: Vec<Self>) -> Self {
        shapes.into_iter().fold(Self::Nothing, Self::or)
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, shape) | (shape, Self::Nothing) => shape,
            (Self::Plain(one), Self::Plain(other)) => Self::Plain(one.or(other)),
            (Self::List(one), Self::List(other)) => Self::List(Box::new(one.or(*other))),
            (Self::Closed(mut one), Self::Closed(other)) => {
                for (name, shape) in other {
                    let known = one.remove(&name).unwrap_or(Self::Nothing);
                    one.insert(name, known.or(shape));
                }
                Self::Closed(one)
            }
            _ => Self::Open,
        }
    }

    /// Of all of these put into one object.
    pub fn merged(shapes: Vec<Self>) -> Self {
        let is_object = |shape: &Self| matches!(shape, Self::Closed(_) | Self::Nothing);
        if shapes.iter().all(is_object) {
            return Self::joined(shapes);
        }
        Self::Open
    }

    /// Of what a function gives for these.
    pub fn of_call(name: &str, mut arguments: Vec<Self>) -> Self {
        match name {
            "merge" => Self::merged(arguments),
            "default" => Self::joined(arguments),
            "if" if !arguments.is_empty() => Self::joined(arguments.split_off(1)),
            "append" | "union" | "put_in" => {
                let is_list = |shape: &Self| matches!(shape, Self::List(_) | Self::Nothing);
                arguments.retain(|shape| !matches!(shape, Self::Plain(_)));
                match arguments.iter().all(is_list) {
                    true => Self::joined(arguments),
                    false => Self::Open,
                }
            }
            "difference" | "take_out" if !arguments.is_empty() => arguments.swap_remove(0),
            "at" if !arguments.is_empty() => arguments[0].element(),
            "as_list" => match arguments.pop() {
                Some(Self::Open | Self::Nothing) | None => Self::Open,
                Some(list @ Self::List(_)) => list,
                Some(one) => Self::List(Box::new(one)),
            },
            "split" | "names_where" | "csv_names" => Self::List(Box::new(Self::TEXT)),
            "csv" => Self::Open,
            _ => Function::named(name).map_or(Self::Open, |known| Self::of_value(known.gives())),
        }
    }
}

/// Reads a schema, with what keeps a schema that refers to itself from being read without end.
struct SchemaReader<'a> {
    root: &'a Value,
    /// References that are followed at the moment: what leads into one of them again is open.
    followed: Vec<&'a str>,
    members: usize,
}

impl<'a> SchemaReader<'a> {
    fn node(&mut self, node: &'a Value, depth: usize) -> MemberShape {
        let Some(node) = node.as_object().filter(|_| depth < DEPTH) else {
            return MemberShape::Open;
        };
        if let Some(pointer) = node.get("$ref").and_then(Value::as_str) {
            return self.referred(pointer, depth);
        }
        match node.get("type").and_then(Value::as_str) {
            Some("string") => MemberShape::TEXT,
            Some("number" | "integer") => MemberShape::NUMBER,
            Some("boolean") => MemberShape::TRUTH,
            Some("array") => {
                // The first elements have schemas of their own then.
                let is_uniform = !node.contains_key("prefixItems");
                let items = node.get("items").filter(|_| is_uniform);
                let element = items.map_or(MemberShape::Open, |items| self.node(items, depth + 1));
                MemberShape::List(Box::new(element))
            }
            Some("object") if is_closed(node) => {
                let properties = node.get("properties").and_then(Value::as_object);
                let mut members = BTreeMap::new();
                for (name, node) in properties.into_iter().flatten() {
                    self.members += 1;
                    if self.members > MEMBERS {
                        return MemberShape::Open;
                    }
                    members.insert(name.clone(), self.node(node, depth + 1));
                }
                MemberShape::Closed(members)
            }
            _ => MemberShape::Open,
        }
    }

    fn referred(&mut self, pointer: &'a str, depth: usize) -> MemberShape {
        let found = pointer
            .strip_prefix('#')
            .and_then(|at| self.root.pointer(at));
        let Some(found) = found.filter(|_| !self.followed.contains(&pointer)) else {
            return MemberShape::Open;
        };
        self.followed.push(pointer);
        let shape = self.node(found, depth + 1);
        self.followed.pop();
        shape
    }
}

fn is_closed(node: &Map<String, Value>) -> bool {
    let has = |name: &str| node.contains_key(name);
    node.get("additionalProperties") == Some(&Value::Bool(false)) && !has("patternProperties")
}

#[cfg(test)]
mod tests {
    use super::MemberShape;
    use serde_json::{Map, Value, json};

    fn closed(names: &[&str], to: &str) -> Value {
        let reference = |name: &&str| ((*name).to_owned(), json!({"$ref": to}));
        let properties: Map<String, Value> = names.iter().map(reference).collect();
        json!({"type": "object", "additionalProperties": false, "properties": properties})
    }

    fn count(shape: &MemberShape) -> usize {
        match shape {
            MemberShape::Closed(members) => members.values().map(|one| 1 + count(one)).sum(),
            MemberShape::List(element) => count(element),
            _ => 0,
        }
    }

    /// Ten levels of either would be more members than memory has room for.
    #[test]
    fn definitions_that_lead_to_themselves_or_to_many_are_read_to_an_end() {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let mut itself = closed(&names, "#/$defs/one");
        itself["$defs"] = json!({"one": closed(&names, "#/$defs/one")});
        let shape = MemberShape::of_schema(&itself);
        assert_eq!(count(&shape), 110, "the object, and each member of it once");
        let member = shape.member("a").unwrap();
        assert!(member.member("k").is_err(), "{member:?}");
        assert_eq!(member.member("a"), Ok(MemberShape::Open));

        let mut chain = closed(&names, "#/$defs/level0");
        chain["$defs"] = json!({});
        for level in 0..9 {
            let next = format!("#/$defs/level{}", level + 1);
            chain["$defs"][format!("level{level}")] = closed(&names, &next);
        }
        chain["$defs"]["level9"] = json!({"type": "string"});
        assert_eq!(MemberShape::of_schema(&chain), MemberShape::Open);
    }

    #[test]
    fn elements_that_differ_by_their_place_are_open() {
        let item = json!({"type": "object", "additionalProperties": false, "properties": {}});
        let shape = |schema: Value| MemberShape::of_schema(&schema).element().member("name");
        assert!(shape(json!({"type": "array", "items": item})).is_err());
        let mixed = json!({"type": "array", "prefixItems": [{"type": "object"}], "items": item});
        assert_eq!(shape(mixed), Ok(MemberShape::Open));
    }
}
