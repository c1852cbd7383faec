//! Values of documents as a field of their type holds them; nothing where the index passes over
//! them.

use super::{
    analyze,
    document::Document,
    field::{GUESSED_KEYWORD, Source, Type},
};
use serde_json::Value;
use std::borrow::Cow;
use store::mapping::{
    coerce::{self, Number, Reader, to_half_float},
    ip,
};

/// Where numbers are coerced, the empty text is as good as `null`.
pub fn is_empty(source: &Source, value: &Value) -> bool {
    let is_number = matches!(
        source.kind,
        Type::Whole { .. } | Type::Double | Type::Float | Type::HalfFloat
    );
    is_number && source.coerce && value == ""
}

/// A number as the field holds it.
pub fn indexed_number(source: &Source, value: &Value) -> Option<Number> {
    // Java's cast of what is no number.
    if value == "NaN" && is_whole(source) && source.reader() == Reader::Float && source.coerce {
        return Some(Number::Whole(0));
    }
    let number = coerce::read_number(value, source.reader())?;
    if !source.coerce && (value.is_string() || !number.is_whole() && is_whole(source)) {
        return None;
    }
    match source.kind {
        Type::Whole { least, greatest } => {
            let whole = number.truncated()?;
            (least..=greatest)
                .contains(&whole)
                .then_some(Number::Whole(whole.into()))
        }
        _ => Some(held_number(&source.kind, number)).filter(|number| number.real().is_finite()),
    }
}

fn is_whole(source: &Source) -> bool {
    matches!(source.kind, Type::Whole { .. })
}

/// A number rounded to the field's type.
pub fn held_number(kind: &Type, number: Number) -> Number {
    match kind {
        Type::Double => Number::Real(number.real()),
        Type::Float => Number::Real(f64::from(number.real() as f32)),
        Type::HalfFloat => Number::Real(to_half_float(number.real())),
        _ => number,
    }
}

/// A text as its keyword is indexed, if it is.
pub fn indexed_keyword<'v>(kind: &Type, value: &'v Value) -> Option<Cow<'v, str>> {
    let text = match kind {
        Type::GuessedKeyword => value.as_str().map(Into::into),
        _ => coerce::scalar_text(value),
    }?;
    let limit = match kind {
        Type::Keyword { ignore_above, .. } | Type::Leaves { ignore_above } => *ignore_above,
        _ => Some(GUESSED_KEYWORD),
    };
    let is_short = limit.is_none_or(|limit| text.encode_utf16().count() <= limit);
    match kind {
        _ if !is_short => None,
        Type::Keyword {
            lowercase: true, ..
        } => Some(analyze::lowercase_text(&text).into()),
        _ => Some(text),
    }
}

pub fn indexed_address(value: &Value) -> Option<u128> {
    value.as_str().and_then(ip::parse)
}

/// Does an index keep anything by which it tells whether the field is there?
pub fn is_kept(source: &Source) -> bool {
    match &source.kind {
        _ if source.is_key => source.index,
        Type::Text(options) => options.norms || source.index || source.store,
        _ => source.index || source.doc_values || source.store,
    }
}

/// Is any value of the field there, as an index tells it?
pub fn field_exists(source: &Source, document: &Document) -> bool {
    let kind = &source.kind;
    if !is_kept(source) {
        return false;
    }
    match kind {
        Type::Id => return true,
        Type::Object | Type::Guessed { .. } => {
            return source.paths.iter().any(|path| document.has(path));
        }
        Type::GeoPoint(leniency) => return document.any_point(source, *leniency, |_| true),
        _ => {}
    }
    let mut found = false;
    document.values(source, &mut |value| {
        found |= match kind {
            Type::Keyword { .. } | Type::GuessedKeyword | Type::Leaves { .. } => {
                indexed_keyword(kind, value).is_some()
            }
            Type::Text(_) => coerce::scalar_text(value).is_some(),
            Type::Whole { .. } | Type::Double | Type::Float | Type::HalfFloat => {
                indexed_number(source, value).is_some()
            }
            Type::Boolean => coerce::read_boolean(value).is_some(),
            Type::Date(formats) => document.is_date(formats, value),
            Type::Ip => indexed_address(value).is_some(),
            Type::Id | Type::GeoPoint(_) | Type::Object | Type::Guessed { .. } => false,
        }
    });
    found
}
