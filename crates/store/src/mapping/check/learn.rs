//! What a document makes of fields that the mapping leaves to chance. Never refuses a value that a
//! field of an earlier document might take.

use super::{Dynamic, NOTHING_MAPPED, Walk};
use crate::{
    Unmappable,
    mapping::{
        coerce::{self, Reader},
        date::{self, Detected},
    },
};
use serde_json::Value;

/// The type that an index gives to a new field by one of its values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum LearnedField {
    Truth,
    Whole,
    Real,
    Date(Detected),
    Text,
    Object,
}

impl Walk<'_> {
    /// A value that the mapping leaves to chance.
    pub(super) fn dynamic(&mut self, path: &str, value: &Value) -> Result<(), Unmappable> {
        match value {
            Value::Null => Ok(()),
            Value::Array(items) => self.each(items, |walk, item| walk.dynamic(path, item)),
            Value::Object(members) => {
                self.learn_object(path)?;
                self.object(&NOTHING_MAPPED, Dynamic::True, path, members)
            }
            _ if self.mapping.guesses => Ok(()),
            scalar => self.learn(path, scalar),
        }
    }

    /// A field that is new has a name within the limit.
    fn named(&self, path: &str) -> Result<(), Unmappable> {
        let limit = self.mapping.settings.name_length;
        let name = path.rsplit('.').next().unwrap_or(path);
        if limit == usize::MAX || name.encode_utf16().count() <= limit || self.known.has(path) {
            return Ok(());
        }
        Err(self.no(format!("`{name}` is longer than the limit of {limit}")))
    }

    fn learn(&mut self, path: &str, value: &Value) -> Result<(), Unmappable> {
        self.named(path)?;
        let found = self.type_of(value);
        let before = *self.learned.entry(path.to_owned()).or_insert_with(|| {
            self.new_fields += if found == LearnedField::Text { 2 } else { 1 };
            found
        });
        let number = coerce::read_number(value, Reader::Float);
        let fits = before == found
            && match found {
                LearnedField::Whole => number.is_some_and(|number| number.truncated().is_some()),
                LearnedField::Real => {
                    number.is_some_and(|number| (number.real() as f32).is_finite())
                }
                _ => true,
            };
        let what = || {
            format!(
                "`{path}` cannot take {value} beside what else it holds, or as what the index would make of it"
            )
        };
        if fits || (before != LearnedField::Object && self.known.has(path)) {
            Ok(())
        } else {
            Err(self.no(what()))
        }
    }

    fn type_of(&self, value: &Value) -> LearnedField {
        match value {
            Value::Bool(_) => LearnedField::Truth,
            Value::Number(number) if number.is_f64() && !self.is_whole_literal(number) => {
                LearnedField::Real
            }
            Value::Number(_) => LearnedField::Whole,
            Value::String(text) if self.mapping.date_detection => date::detect_date(text)
                .map_or(LearnedField::Text, |(how, _)| LearnedField::Date(how)),
            _ => LearnedField::Text,
        }
    }

    pub(super) fn learn_object(&mut self, path: &str) -> Result<(), Unmappable> {
        let limit = self.mapping.settings.depth;
        if path.split('.').count() >= limit {
            return Err(self.no(format!("objects nest deeper than the limit of {limit}")));
        }
        self.named(path)?;
        let known = *self.learned.entry(path.to_owned()).or_insert_with(|| {
            self.new_fields += 1;
            LearnedField::Object
        });
        (known == LearnedField::Object)
            .then_some(())
            .ok_or_else(|| self.no(format!("`{path}` holds both objects and values")))
    }
}
