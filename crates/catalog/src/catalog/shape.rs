//! What is known of a value before there is one: which members it can have at most. Never more is
//! claimed than definitions say: what nothing is known of is open.

use crate::expression::did_you_mean;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const DEPTH: usize = 20;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum MemberShape {
    Open,
    /// Null or absent, at all times.
    Nothing,
    /// A text, a number, true or false.
    Plain,
    /// An object with no other members than these.
    Closed(BTreeMap<String, MemberShape>),
    List(Box<MemberShape>),
}

impl MemberShape {
    /// Of what a JSON Schema lets through.
    pub fn of_schema(schema: &Value) -> Self {
        of_node(schema, schema, 0)
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
            Self::Plain => Err(format!("a plain value has no member `{name}`")),
            Self::Closed(members) => members.get(name).cloned().ok_or_else(|| {
                let hint = did_you_mean(name, members.keys().map(String::as_str));
                format!("there is no member `{name}`{hint}")
            }),
        }
    }

    /// Of one of these.
    pub fn joined(shapes: Vec<Self>) -> Self {
        shapes.into_iter().fold(Self::Nothing, Self::or)
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, shape) | (shape, Self::Nothing) => shape,
            (Self::Plain, Self::Plain) => Self::Plain,
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
                arguments.retain(|shape| *shape != Self::Plain);
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
            "split" | "names_where" | "csv_names" => Self::List(Box::new(Self::Plain)),
            "parse_json" | "csv" | "object_of" | "get" => Self::Open,
            _ => Self::Plain,
        }
    }
}

fn of_node(node: &Value, root: &Value, depth: usize) -> MemberShape {
    let Some(node) = node.as_object().filter(|_| depth < DEPTH) else {
        return MemberShape::Open;
    };
    if let Some(pointer) = node.get("$ref").and_then(Value::as_str) {
        let found = pointer.strip_prefix('#').and_then(|at| root.pointer(at));
        return found.map_or(MemberShape::Open, |found| of_node(found, root, depth + 1));
    }
    match node.get("type").and_then(Value::as_str) {
        Some("string" | "number" | "integer" | "boolean") => MemberShape::Plain,
        Some("array") => {
            let items = node.get("items");
            let element = items.map_or(MemberShape::Open, |items| of_node(items, root, depth + 1));
            MemberShape::List(Box::new(element))
        }
        Some("object") if is_closed(node) => {
            let properties = node.get("properties").and_then(Value::as_object);
            let member =
                |(name, node): (&String, &Value)| (name.clone(), of_node(node, root, depth + 1));
            MemberShape::Closed(properties.into_iter().flatten().map(member).collect())
        }
        _ => MemberShape::Open,
    }
}

fn is_closed(node: &Map<String, Value>) -> bool {
    let has = |name: &str| node.contains_key(name);
    node.get("additionalProperties") == Some(&Value::Bool(false)) && !has("patternProperties")
}
