//! A field's name in a query, to the paths where its values stand and what an index would make of
//! them there.

use super::unsupported;
use store::{
    StoreError,
    mapping::{Dynamic, Field, Found, Kind, Mapping, date::DateFormat},
};

/// How the values at a path are indexed.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Id,
    /// Longer texts (in UTF-16 units) are not indexed.
    Keyword {
        ignore_above: Option<usize>,
    },
    Text,
    Whole,
    Double,
    Float,
    Boolean,
    Date(Vec<DateFormat>),
    GeoPoint,
    Object,
    /// Not mapped: what the value itself tells. Strings are text, or dates where they look like
    /// dates.
    Guessed {
        dates: bool,
    },
    /// The `.keyword` that an index adds to a string that is not mapped.
    GuessedKeyword,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub path: String,
    pub kind: Type,
}

/// How much of a dynamic string's `.keyword` is indexed, in UTF-16 units.
pub const GUESSED_KEYWORD: usize = 256;

/// The places of a field; none where nothing can be there. `clause` and `pointer` are for what
/// cannot be told.
pub fn resolve(
    mapping: &Mapping,
    name: &str,
    clause: &str,
    pointer: &str,
) -> Result<Vec<Source>, StoreError> {
    let one = |path: &str, kind: Type| {
        vec![Source {
            path: path.to_owned(),
            kind,
        }]
    };
    if name == "_id" {
        return Ok(one(name, Type::Id));
    }
    if name.starts_with('_') && !name.contains('.') {
        return Err(unsupported(format!("{clause} on `{name}`"), pointer));
    }
    if name.contains('*') {
        return Err(unsupported(
            format!("{clause} on a pattern of fields"),
            pointer,
        ));
    }
    match mapping.find(name) {
        Found::Field(field) => Ok(one(name, kind(field, clause, pointer)?)),
        Found::Sub { field, parent } => Ok(one(&parent, kind(field, clause, pointer)?)),
        Found::Unmapped(Dynamic::False | Dynamic::Strict) => Ok(Vec::new()),
        Found::Unmapped(Dynamic::Runtime) => {
            Err(unsupported(format!("{clause} on a runtime field"), pointer))
        }
        Found::Unmapped(Dynamic::True)
            if mapping.dynamic_templates || mapping.numeric_detection =>
        {
            Err(unsupported(
                format!("{clause} on a field that dynamic templates or numeric detection map"),
                pointer,
            ))
        }
        Found::Unmapped(Dynamic::True) => {
            let mut sources = one(
                name,
                Type::Guessed {
                    dates: mapping.date_detection,
                },
            );
            if let Some(parent) = name.strip_suffix(".keyword") {
                sources.push(Source {
                    path: parent.to_owned(),
                    kind: Type::GuessedKeyword,
                });
            }
            Ok(sources)
        }
    }
}

fn kind(field: &Field, clause: &str, pointer: &str) -> Result<Type, StoreError> {
    if let Some(special) = &field.special {
        return Err(unsupported(
            format!("{clause} on a field with `{special}`"),
            pointer,
        ));
    }
    Ok(match &field.kind {
        Kind::Keyword { ignore_above } => Type::Keyword {
            ignore_above: *ignore_above,
        },
        Kind::Text => Type::Text,
        Kind::Whole { .. } => Type::Whole,
        Kind::Double => Type::Double,
        Kind::Float { greatest } if *greatest < f64::from(f32::MAX) => {
            return Err(unsupported(format!("{clause} on a half_float"), pointer));
        }
        Kind::Float { .. } => Type::Float,
        Kind::Boolean => Type::Boolean,
        Kind::Date(formats) => match formats
            .iter()
            .find(|format| matches!(format, DateFormat::Unknown(_)))
        {
            Some(_) => {
                return Err(unsupported(
                    format!("{clause} on a date of a format of its own"),
                    pointer,
                ));
            }
            None => Type::Date(formats.clone()),
        },
        Kind::GeoPoint => Type::GeoPoint,
        Kind::Object(_) => Type::Object,
        Kind::Other(name) => {
            return Err(unsupported(
                format!("{clause} on a field of type `{name}`"),
                pointer,
            ));
        }
    })
}
