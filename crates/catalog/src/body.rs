//! What a document's body may look like so that every store takes it: checked on the text, without
//! building it in memory. A body that a store would refuse later, when it is acknowledged already,
//! would be a dead letter.

use crate::{
    members::Name,
    violation::{Violation, escape_step},
};
use json_text::JsonText;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::{cell::RefCell, fmt};

/// Objects nest at most this deep, the body itself being the first level and dots in names counting
/// as levels.
const DEPTH: usize = 20;

/// Names that stores keep for themselves at the top of a document.
const RESERVED: [&str; 12] = [
    "_consign",
    "_data_stream_timestamp",
    "_field_names",
    "_id",
    "_ignored",
    "_index",
    "_nested_path",
    "_routing",
    "_seq_no",
    "_source",
    "_tier",
    "_version",
];

/// Lists and objects together nest at most this deep, so that no text can exhaust the stack.
const NESTING: usize = 100;

// What the scan found to be plain keeps every rule here, and is not read again.
// A body that came by itself is a level deeper in its request.
const _: () = assert!(json_text::PLAIN_DEPTH + 1 < DEPTH);

/// Checks the object `raw` that the request holds at `pointer`. Only the first violation is told.
pub(crate) fn check_body(raw: JsonText<'_>, pointer: &str) -> Result<(), Violation> {
    let state = State::default();
    let mut deserializer = serde_json::Deserializer::from_str(raw.get());
    match (Level {
        state: &state,
        depth: 0,
        nesting: 0,
    })
    .deserialize(&mut deserializer)
    {
        Ok(()) => Ok(()),
        Err(error) => {
            let (rule, message) = state
                .found
                .take()
                .unwrap_or_else(|| ("json", error.to_string()));
            let path: String = state
                .path
                .take()
                .iter()
                .rev()
                .map(|step| format!("/{}", escape_step(step)))
                .collect();
            Err(Violation {
                pointer: format!("{pointer}{path}"),
                rule: rule.to_owned(),
                message,
            })
        }
    }
}

/// What is known of a violation; untouched while there is none.
#[derive(Default)]
struct State {
    /// Innermost step first: filled on the way out.
    path: RefCell<Vec<String>>,
    found: RefCell<Option<(&'static str, String)>>,
}

impl State {
    fn refuse<E: Error>(&self, rule: &'static str, message: String) -> E {
        self.found.replace(Some((rule, message)));
        E::custom(rule)
    }
}

/// One value, `depth` objects below the body's own level.
#[derive(Clone, Copy)]
struct Level<'s> {
    state: &'s State,
    depth: usize,
    nesting: usize,
}

impl Level<'_> {
    fn check_name<E: Error>(&self, name: &str) -> Result<(), E> {
        if self.depth == 0 && RESERVED.contains(&name) {
            return Err(self.state.refuse(
                "reserved",
                format!("`{name}` is a name that stores keep for themselves"),
            ));
        }
        if name.split('.').any(|part| part.trim().is_empty()) {
            Err(self.state.refuse(
                "fieldName",
                "a field name has something before, between and after its dots".into(),
            ))
        } else {
            Ok(())
        }
    }

    fn check_depth<E: Error>(&self) -> Result<(), E> {
        if self.depth >= DEPTH || self.nesting >= NESTING {
            Err(self.state.refuse(
                "depth",
                format!("objects nest at most {DEPTH} levels deep, lists and objects {NESTING}"),
            ))
        } else {
            Ok(())
        }
    }
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.check_depth()?;
        while let Some(Name(name)) = map.next_key()? {
            let below = Level {
                state: self.state,
                depth: self.depth + 1 + name.matches('.').count(),
                nesting: self.nesting + 1,
            };
            self.check_name(&name)
                .and_then(|()| map.next_value_seed(below))
                .inspect_err(|_| self.state.path.borrow_mut().push(name.into_owned()))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.check_depth()?;
        let mut n = 0usize;
        let below = Level {
            nesting: self.nesting + 1,
            ..self
        };
        while seq
            .next_element_seed(below)
            .inspect_err(|_| self.state.path.borrow_mut().push(n.to_string()))?
            .is_some()
        {
            n += 1;
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
