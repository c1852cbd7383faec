//! What a leaf of a query accepts, in each form in which a value may be indexed, and whether a
//! document has such a value.

use super::{
    analyze,
    document::Document,
    field::{GUESSED_KEYWORD, Source, Type},
};
use serde_json::Value;
use std::{
    cmp::Ordering,
    collections::HashSet,
    ops::{Bound, RangeBounds},
};
use store::mapping::{
    coerce::{self, Number},
    date,
};

/// Numbers from one bound to another.
pub type Interval = (Bound<Number>, Bound<Number>);

/// Texts (whole, or the terms of a text).
#[derive(Clone, Debug, PartialEq)]
pub enum Texts {
    /// At least `need` of these.
    Of {
        texts: HashSet<String>,
        need: usize,
    },
    Range(Bound<String>, Bound<String>),
    Prefix(String),
}

/// `None` accepts nothing of that form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accept {
    pub keywords: Option<Texts>,
    pub terms: Option<Texts>,
    pub numbers: Vec<Interval>,
    pub truths: Vec<bool>,
    /// Milliseconds, both ends included.
    pub dates: Vec<(i64, i64)>,
}

/// Exactly: neither is rounded to the other's type.
pub fn compare(a: Number, b: Number) -> Ordering {
    match (a, b) {
        (Number::Whole(a), Number::Whole(b)) => a.cmp(&b),
        (Number::Real(a), Number::Real(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (Number::Whole(a), Number::Real(b)) => whole_to_real(a, b),
        (Number::Real(a), Number::Whole(b)) => whole_to_real(b, a).reverse(),
    }
}

fn whole_to_real(whole: i128, real: f64) -> Ordering {
    if real.abs() >= 1e37 {
        return if real > 0.0 {
            Ordering::Less
        } else {
            Ordering::Greater
        };
    }
    let floor = real.floor();
    whole.cmp(&(floor as i128)).then(if real > floor {
        Ordering::Less
    } else {
        Ordering::Equal
    })
}

fn within(number: Number, (from, to): &Interval) -> bool {
    let above = match from {
        Bound::Unbounded => true,
        Bound::Included(from) => compare(number, *from).is_ge(),
        Bound::Excluded(from) => compare(number, *from).is_gt(),
    };
    let below = match to {
        Bound::Unbounded => true,
        Bound::Included(to) => compare(number, *to).is_le(),
        Bound::Excluded(to) => compare(number, *to).is_lt(),
    };
    above && below
}

/// A number as a field of this type holds it.
pub fn held(kind: &Type, number: Number) -> Option<Number> {
    match kind {
        Type::Whole => number.truncated().map(|whole| Number::Whole(whole.into())),
        Type::Double => Some(Number::Real(number.real())),
        Type::Float => Some(Number::Real(f64::from(number.real() as f32))),
        _ => Some(number),
    }
}

/// Milliseconds of a value in a date field.
pub fn millis(formats: &[date::DateFormat], value: &Value, up: bool) -> Option<i64> {
    match value {
        Value::String(text) => date::parse(formats, text, up).ok().flatten(),
        Value::Number(number) => date::parse(formats, &number.to_string(), up).ok().flatten(),
        _ => None,
    }
}

/// A text as its keyword is indexed, if it is.
pub fn keyword<'v>(kind: &Type, value: &'v Value) -> Option<std::borrow::Cow<'v, str>> {
    let text = match kind {
        Type::GuessedKeyword => value.as_str().map(Into::into),
        _ => coerce::text(value),
    }?;
    let limit = match kind {
        Type::Keyword { ignore_above } => *ignore_above,
        _ => Some(GUESSED_KEYWORD),
    };
    limit
        .is_none_or(|limit| text.encode_utf16().count() <= limit)
        .then_some(text)
}

impl Texts {
    fn has(&self, text: &str) -> bool {
        match self {
            Self::Of { texts, .. } => texts.contains(text),
            // Texts in Rust are ordered by their UTF-8 bytes, as terms are in an index.
            Self::Range(from, to) => RangeBounds::<str>::contains(
                &(
                    from.as_ref().map(String::as_str),
                    to.as_ref().map(String::as_str),
                ),
                text,
            ),
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
        }
    }
}

/// How much of what is needed was met: several values of a field count together.
struct Tally<'a> {
    accept: &'a Accept,
    met: HashSet<String>,
    found: bool,
}

impl Accept {
    pub fn is_met(&self, source: &Source, id: &str, document: &Document) -> bool {
        let mut tally = Tally {
            accept: self,
            met: HashSet::new(),
            found: false,
        };
        match source.kind {
            Type::Id => tally.text(&self.keywords, id.into()),
            Type::GeoPoint | Type::Object => {}
            _ => document.each(&source.path, &mut |value| {
                if !tally.found {
                    tally.value(&source.kind, value);
                }
            }),
        }
        tally.found
    }
}

impl Tally<'_> {
    fn value(&mut self, kind: &Type, value: &Value) {
        match kind {
            Type::Keyword { .. } | Type::GuessedKeyword => {
                if let Some(text) = keyword(kind, value) {
                    self.text(&self.accept.keywords, text);
                }
            }
            Type::Text => self.terms(value),
            Type::Whole | Type::Double | Type::Float => {
                self.number(coerce::number(value).and_then(|number| held(kind, number)))
            }
            Type::Boolean => self.truth(coerce::boolean(value)),
            Type::Date(formats) => self.date(millis(formats, value, false)),
            Type::Guessed { dates } => match value {
                Value::String(text) => match date::detected(text).filter(|_| *dates) {
                    Some(millis) => self.date(Some(millis)),
                    None => self.terms(value),
                },
                Value::Number(_) => self.number(coerce::number(value)),
                Value::Bool(truth) => self.truth(Some(*truth)),
                Value::Null | Value::Array(_) | Value::Object(_) => {}
            },
            Type::Id | Type::GeoPoint | Type::Object => {}
        }
    }

    fn text(&mut self, accepted: &Option<Texts>, text: std::borrow::Cow<'_, str>) {
        let Some(accepted) = accepted else { return };
        if !accepted.has(&text) {
            return;
        }
        let need = if let Texts::Of { need, .. } = accepted {
            *need
        } else {
            1
        };
        if need > 1 {
            self.met.insert(text.into_owned());
        }
        self.found |= need <= 1 || self.met.len() >= need;
    }

    fn terms(&mut self, value: &Value) {
        let accept = self.accept;
        if accept.terms.is_some()
            && let Some(text) = coerce::text(value)
        {
            analyze::each(&text, &mut |term| self.text(&accept.terms, term.into()));
        }
    }

    fn number(&mut self, number: Option<Number>) {
        self.found |= number.is_some_and(|number| {
            self.accept
                .numbers
                .iter()
                .any(|interval| within(number, interval))
        });
    }

    fn truth(&mut self, truth: Option<bool>) {
        self.found |= truth.is_some_and(|truth| self.accept.truths.contains(&truth));
    }

    fn date(&mut self, millis: Option<i64>) {
        self.found |= millis.is_some_and(|millis| {
            self.accept
                .dates
                .iter()
                .any(|(from, to)| (*from..=*to).contains(&millis))
        });
    }
}
