//! Members that definitions refer to and that nothing can have, wherever it is known what a value has: what
//! a list of the request holds (`$item/nmae`), a named value, columns of a row, the names of `only`,
//! `without` and `get`, and what a part's operation takes. And what a function is given that it never takes:
//! a list of the request where it takes a text, or a text where it takes a number; likewise for conditions,
//! columns and parts. Only files are looked at as they are read, never
//! definitions that travel. It must never tell of what might be there: who does not know, says nothing.

mod expected;

use super::{CatalogError, shape::MemberShape};
use crate::{
    definition::{
        FileDefinition, LookUpDefinition, OperationDefinition, PartDefinition, RowTarget,
        TableDefinition,
    },
    expression::{Function, Names, ValueShape, did_you_mean},
    table::parse_type,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

type OperationsByName<'a> = BTreeMap<&'a str, &'a OperationDefinition>;
type TablesByName<'a> = BTreeMap<&'a str, &'a TableDefinition>;

/// A mistake for each name that leads nowhere.
pub(super) fn check_member_names(files: &[(String, FileDefinition)]) -> Vec<CatalogError> {
    let all = || files.iter().map(|(_, file)| file);
    let operations: OperationsByName<'_> = all()
        .flat_map(|file| &file.operations)
        .map(|operation| (operation.name.as_str(), operation))
        .collect();
    let tables: TablesByName<'_> = all()
        .flat_map(|file| &file.tables)
        .map(|table| (table.name.as_str(), table))
        .collect();
    let mut mistakes = Vec::new();
    for (file, definition) in files {
        for operation in &definition.operations {
            let mut reader = ShapeReader::of(operation, &tables);
            reader.operation(operation, &operations);
            let name = &operation.name;
            let told = |why| CatalogError(format!("{file}: operation `{name}`: {why}"));
            mistakes.extend(reader.mistakes.into_iter().map(told));
        }
    }
    mistakes
}

/// What values have, as far as the definitions say.
struct ShapeReader<'a> {
    request: MemberShape,
    lets: BTreeMap<&'a str, MemberShape>,
    looked: BTreeMap<&'a str, MemberShape>,
    current: BTreeMap<&'a str, MemberShape>,
    before: MemberShape,
    /// `$item` of each list around, the innermost last.
    items: Vec<MemberShape>,
    tables: &'a TablesByName<'a>,
    place: String,
    mistakes: Vec<String>,
}

impl<'a> ShapeReader<'a> {
    fn of(operation: &'a OperationDefinition, tables: &'a TablesByName<'a>) -> Self {
        Self {
            request: MemberShape::of_schema(&operation.request),
            lets: BTreeMap::new(),
            looked: BTreeMap::new(),
            current: BTreeMap::new(),
            before: MemberShape::Open,
            items: Vec::new(),
            tables,
            place: String::new(),
            mistakes: Vec::new(),
        }
    }

    fn operation(&mut self, operation: &'a OperationDefinition, all: &OperationsByName<'_>) {
        self.collect_read(operation);
        for (name, value) in &operation.look_up {
            if let Ok(look_up) = serde_json::from_value::<LookUpDefinition>(value.clone()) {
                self.place = format!("look_up.{name}");
                self.look_up(&look_up);
            }
        }
        for (name, value) in &operation.lets {
            self.place = format!("let.{name}");
            let shape = self.value(value);
            self.lets.insert(name, shape);
        }
        for (n, rule) in operation.rules.iter().enumerate() {
            self.at(format!("rules[{n}]"), &rule.that);
        }
        for (n, guard) in operation.guards.iter().enumerate() {
            self.at(format!("guards[{n}]"), &guard.that);
        }
        for value in operation.already.iter() {
            self.at("already".to_owned(), value);
        }
        for (n, claim) in operation.claims.iter().enumerate() {
            let unique = [&claim.take, &claim.release].into_iter().flatten();
            self.place = format!("claims[{n}]");
            self.for_each(&claim.for_each, |reader| {
                unique.for_each(|unique| drop(reader.value(&unique.value)));
                claim.when.iter().for_each(|when| reader.condition(when));
            });
        }
        self.writes(operation);
        for (n, part) in operation.parts.iter().enumerate() {
            self.place = format!("parts[{n}]");
            self.for_each(&part.for_each, |reader| reader.part(part, all));
        }
        for result in operation.result.iter() {
            self.place = "result".to_owned();
            self.body(result);
        }
    }

    /// What look-ups and writes find, where that has columns.
    fn collect_read(&mut self, operation: &'a OperationDefinition) {
        for (name, value) in &operation.look_up {
            let look_up = serde_json::from_value::<LookUpDefinition>(value.clone());
            let found = look_up.map_or(MemberShape::Open, |look_up| {
                let one = match (&look_up.row, &look_up.owner_of) {
                    (Some(row), _) => self.row(row),
                    (None, Some(_)) => MemberShape::TEXT,
                    (None, None) => MemberShape::Open,
                };
                one.listed_if(look_up.for_each.is_some())
            });
            self.looked.insert(name, found);
        }
        for write in &operation.write {
            if let Some(name) = &write.name {
                let one = write
                    .row
                    .as_ref()
                    .map_or(MemberShape::Open, |row| self.row(row));
                let found = one.listed_if(write.for_each.is_some());
                self.current.insert(name, found);
            }
        }
    }

    fn row(&self, row: &RowTarget) -> MemberShape {
        let table = self.tables.get(row.table.as_str());
        table.map_or(MemberShape::Open, |table| {
            let column = |(name, kind): (&String, &Value)| {
                let kind = kind.as_str().and_then(|kind| parse_type(kind).ok());
                let shape = kind.map_or(MemberShape::Open, |kind| MemberShape::of_column(&kind));
                (name.to_lowercase(), shape)
            };
            let columns = table.columns.iter().map(column);
            let expires = ("_expires".to_owned(), MemberShape::NUMBER);
            MemberShape::Closed(columns.chain([expires]).collect())
        })
    }

    fn look_up(&mut self, look_up: &LookUpDefinition) {
        self.for_each(&look_up.for_each, |reader| {
            look_up.when.iter().for_each(|when| reader.condition(when));
            for row in look_up.row.iter() {
                row.key.values().for_each(|value| drop(reader.value(value)));
            }
            for document in look_up.document.iter() {
                reader.value(&document.id);
            }
            for unique in look_up.owner_of.iter() {
                reader.value(&unique.value);
            }
        });
    }

    fn writes(&mut self, operation: &'a OperationDefinition) {
        for (n, write) in operation.write.iter().enumerate() {
            self.place = format!("write[{n}]");
            let before = write
                .row
                .as_ref()
                .map_or(MemberShape::Open, |row| self.row(row));
            self.before = before;
            self.for_each(&write.for_each, |reader| {
                write.when.iter().for_each(|when| reader.condition(when));
                for value in write.expires.iter() {
                    let shape = reader.value(value);
                    reader.expect("expires", &shape, &MemberShape::NUMBER);
                }
                for row in write.row.iter() {
                    let key = reader.fields(&row.key);
                    reader.fits_columns(row, &key);
                }
                for document in write.document.iter() {
                    reader.value(&document.id);
                }
                for body in write.put.iter().chain(&write.merge) {
                    let body = reader.body(body);
                    write
                        .row
                        .iter()
                        .for_each(|row| reader.fits_columns(row, &body));
                }
                for upsert in write.upsert.iter() {
                    reader.body(&upsert.changes);
                    reader.body(&upsert.default);
                }
            });
            self.before = MemberShape::Open;
        }
    }

    fn part(&mut self, part: &PartDefinition, all: &OperationsByName<'_>) {
        part.when.iter().for_each(|when| self.condition(when));
        let given = self.body(&part.request);
        let looked = part.looked.as_ref().map(|looked| self.body(looked));
        let name = &part.operation;
        let Some(operation) = all.get(name.as_str()) else {
            return;
        };
        let request = format!("the request of `{name}`");
        self.fits(
            &given,
            &MemberShape::of_schema(&operation.request),
            &request,
        );
        if let MemberShape::Closed(members) = &given {
            let required = operation.request.get("required").and_then(Value::as_array);
            for needed in required.into_iter().flatten().filter_map(Value::as_str) {
                if !members.contains_key(needed) {
                    self.tell(format!(
                        "{request} has no member `{needed}`, which it needs"
                    ));
                }
            }
        }
        let Some(looked) = looked else { return };
        let known = operation
            .look_up
            .keys()
            .map(|name| (name.clone(), MemberShape::Open));
        let what = format!("what `{name}` looks up");
        self.fits(&looked, &MemberShape::Closed(known.collect()), &what);
    }

    fn tell(&mut self, why: String) {
        let told = format!("{}: {why}", self.place);
        if !self.mistakes.contains(&told) {
            self.mistakes.push(told);
        }
    }

    fn at(&mut self, place: String, value: &Value) {
        self.place = place;
        self.condition(value);
    }

    fn for_each(&mut self, list: &Option<Value>, inside: impl FnOnce(&mut Self)) {
        let Some(list) = list else {
            return inside(self);
        };
        let element = self.value(list).element();
        self.items.push(element);
        inside(self);
        self.items.pop();
    }

    /// A document, a row, a request: names and values, or several merged.
    fn body(&mut self, body: &Value) -> MemberShape {
        match body {
            Value::Object(fields) => self.fields(fields),
            Value::Array(bodies) => {
                let one = |one: &Value| match one {
                    Value::Object(fields) if !Names::default().is_call(fields) => {
                        self.fields(fields)
                    }
                    other => self.value(other),
                };
                let bodies: Vec<MemberShape> = bodies.iter().map(one).collect();
                MemberShape::merged(bodies)
            }
            other => self.value(other),
        }
    }

    fn fields(&mut self, fields: &Map<String, Value>) -> MemberShape {
        let field = |(name, value): (&String, &Value)| (name.clone(), self.value(value));
        MemberShape::Closed(fields.iter().map(field).collect())
    }

    fn value(&mut self, value: &Value) -> MemberShape {
        match value {
            Value::String(text) if text.starts_with('$') => self.reference(text),
            Value::Array(items) => {
                let shapes: Vec<MemberShape> = items.iter().map(|item| self.value(item)).collect();
                MemberShape::List(Box::new(MemberShape::joined(shapes)))
            }
            Value::Object(members) => match members.iter().next() {
                Some((name, argument)) if members.len() == 1 => self.call(name, argument),
                _ => MemberShape::Open,
            },
            Value::Null => MemberShape::Nothing,
            Value::Bool(_) => MemberShape::TRUTH,
            Value::Number(_) => MemberShape::NUMBER,
            Value::String(_) => MemberShape::TEXT,
        }
    }

    fn reference(&mut self, text: &str) -> MemberShape {
        let mut steps = text[1..].split('/');
        let root = steps.next().unwrap_or_default();
        let around = self.items.len();
        let mut named = |known: &BTreeMap<&str, MemberShape>| {
            let name = steps.next().unwrap_or_default();
            known.get(name).cloned().unwrap_or(MemberShape::Open)
        };
        let found = match root {
            "request" => self.request.clone(),
            "let" => named(&self.lets),
            "looked" => named(&self.looked),
            "current" => named(&self.current),
            "before" => self.before.clone(),
            "item" => self.items.last().cloned().unwrap_or(MemberShape::Open),
            "outer" if around > 1 => self.items[around - 2].clone(),
            "index" => MemberShape::NUMBER,
            "principal" => MemberShape::TEXT,
            _ => return MemberShape::Open,
        };
        let steps = steps.map(|step| step.replace("~1", "/").replace("~0", "~"));
        steps.fold(found, |shape, step| match shape.member(&step) {
            Ok(member) => member,
            // Told where references to the request are.
            Err(_) if root == "request" => MemberShape::Open,
            Err(why) => {
                self.tell(format!("`{text}`: {why}"));
                MemberShape::Open
            }
        })
    }

    fn call(&mut self, name: &str, argument: &Value) -> MemberShape {
        let arguments: &[Value] = match argument {
            Value::Array(items) => items,
            one => std::slice::from_ref(one),
        };
        match (name, arguments) {
            ("literal", _) => MemberShape::Open,
            ("object", _) => argument
                .as_object()
                .map_or(MemberShape::Open, |fields| self.fields(fields)),
            ("map" | "filter" | "find" | "some" | "every" | "to_object", [list, each]) => {
                let listed = self.value(list);
                self.check_kind((name, ValueShape::List), (1, list), &listed);
                self.items.push(listed.element());
                let made = self.value(each);
                let element = self.items.pop().unwrap_or(MemberShape::Open);
                if !matches!(name, "map" | "to_object") {
                    self.expect("a condition", &made, &MemberShape::TRUTH);
                }
                match name {
                    "map" => MemberShape::List(Box::new(made)),
                    "filter" => listed,
                    "find" => element,
                    "to_object" => MemberShape::Open,
                    _ => MemberShape::TRUTH,
                }
            }
            ("only" | "without" | "get", [of, names]) => {
                let of = self.value(of);
                self.value(names);
                self.named_members(name, of, names)
            }
            _ => self.plain_call(name, argument),
        }
    }

    /// Of a function that is given its arguments as they are.
    fn plain_call(&mut self, name: &str, argument: &Value) -> MemberShape {
        let function = Function::named(name);
        let takes_many = function.is_none_or(Function::takes_many);
        let arguments: &[Value] = match argument {
            Value::Array(items) if takes_many => items,
            one => std::slice::from_ref(one),
        };
        let shapes: Vec<MemberShape> = arguments.iter().map(|one| self.value(one)).collect();
        for (n, (argument, shape)) in arguments.iter().zip(&shapes).enumerate() {
            let wanted = function.map_or(ValueShape::Any, |function| function.wanted(n));
            self.check_kind((name, wanted), (n + 1, argument), shape);
        }
        if let ("less", [one, other]) = (name, &shapes[..]) {
            self.comparable(one, other);
        }
        MemberShape::of_call(name, shapes)
    }

    /// What is left of an object, or one member of it.
    fn named_members(&mut self, function: &str, of: MemberShape, names: &Value) -> MemberShape {
        let names: &[Value] = match names {
            Value::Array(names) => names,
            one => std::slice::from_ref(one),
        };
        let constant = |name: &Value| {
            name.as_str()
                .filter(|name| !name.starts_with('$'))
                .map(str::to_owned)
        };
        let constants: Vec<String> = names.iter().filter_map(constant).collect();
        let mut found = Vec::new();
        for name in &constants {
            match of.member(name) {
                Ok(member) => found.push((name.clone(), member)),
                Err(why) => self.tell(format!("{function}: {why}")),
            }
        }
        if constants.len() < names.len() {
            return if function == "get" {
                MemberShape::Open
            } else {
                of
            };
        }
        match (function, of) {
            ("get", _) => found.pop().map_or(MemberShape::Open, |(_, member)| member),
            ("only", MemberShape::Closed(_)) => MemberShape::Closed(found.into_iter().collect()),
            ("without", MemberShape::Closed(mut members)) => {
                members.retain(|name, _| !constants.contains(name));
                MemberShape::Closed(members)
            }
            (_, other) => other,
        }
    }
}

#[cfg(test)]
mod tests;
