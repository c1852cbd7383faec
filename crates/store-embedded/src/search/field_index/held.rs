//! What one document holds in one field, as an index of it keeps it. The values are read by the
//! code that judges documents reads them by; nothing here may read a value in a way of its own.

use super::{
    curve,
    dictionary::{HeldText, counted_texts},
    ordered::number_key,
};
use crate::search::{
    analyze,
    document::Document,
    field::{Source, Type},
    indexed::{self, field_exists, is_kept},
};
use serde_json::Value;
use store::mapping::{
    Analyzer,
    coerce::{self, Reader},
    date::{self, Detected, Reading},
};

/// The forms in which numbers are kept apart: a search asks for each of them by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberForm {
    Number,
    /// Of a field that is not mapped, with 32 bits.
    Fraction,
    Truth,
    /// Milliseconds.
    Date,
    /// Those of a field that is not mapped, written with slashes.
    SlashedDate,
    /// Points, along a curve.
    Place,
}

pub(crate) const FORMS: usize = 6;

#[derive(Debug, Default, PartialEq)]
pub(crate) struct HeldValues {
    pub exists: bool,
    /// A value is there of which it is not known what an index makes of it.
    pub unknown: bool,
    pub texts: Vec<HeldText>,
    pub numbers: [Vec<u64>; FORMS],
    pub addresses: Vec<u128>,
}

impl HeldValues {
    pub fn of(source: &Source, document: &Document) -> Self {
        let mut held = Self::default();
        let mut texts = Vec::new();
        match &source.kind {
            Type::Id | Type::Object => {}
            Type::GeoPoint(leniency) => {
                document.any_point(source, *leniency, |point| {
                    held.push(NumberForm::Place, curve::point_key(point));
                    false
                });
            }
            _ => document.values(source, &mut |value| {
                held.take(source, value, document, &mut texts);
            }),
        }
        held.texts = counted_texts(texts);
        for numbers in &mut held.numbers {
            numbers.sort_unstable();
            numbers.dedup();
        }
        held.addresses.sort_unstable();
        held.addresses.dedup();
        held.exists = match source.kind {
            // Whether it is there tells not each value of it.
            Type::Id | Type::Object | Type::Text(_) | Type::Guessed { .. } => {
                field_exists(source, document)
            }
            _ => is_kept(source) && held.has_values(),
        };
        held.unknown = document.take_unknown();
        held
    }

    fn has_values(&self) -> bool {
        let mut numbers = self.numbers.iter();
        !self.texts.is_empty()
            || !self.addresses.is_empty()
            || numbers.any(|numbers| !numbers.is_empty())
    }

    fn push(&mut self, form: NumberForm, key: u64) {
        self.numbers[form as usize].push(key);
    }

    fn number(&mut self, form: NumberForm, real: f64) {
        self.push(form, number_key(real));
    }

    fn take(
        &mut self,
        source: &Source,
        value: &Value,
        document: &Document,
        texts: &mut Vec<String>,
    ) {
        match &source.kind {
            Type::Keyword { .. } | Type::GuessedKeyword | Type::Leaves { .. } => {
                let text = indexed::indexed_keyword(&source.kind, value);
                texts.extend(text.map(std::borrow::Cow::into_owned));
            }
            Type::Text(options) => {
                if let Some(text) = coerce::scalar_text(value) {
                    let terms = analyze::analyze_text(options.analyzer, &text);
                    texts.extend(terms.into_iter().map(|(term, _)| term));
                }
            }
            Type::Whole { .. } | Type::Double | Type::Float | Type::HalfFloat => {
                if let Some(number) = indexed::indexed_number(source, value) {
                    self.number(NumberForm::Number, number.real());
                }
            }
            Type::Boolean => {
                if let Some(truth) = coerce::read_boolean(value) {
                    self.number(NumberForm::Truth, f64::from(u8::from(truth)));
                }
            }
            Type::Date(formats) => {
                if let Some(millis) = document.millis(formats, value) {
                    self.number(NumberForm::Date, millis as f64);
                }
            }
            Type::Ip => self.addresses.extend(indexed::indexed_address(value)),
            Type::Guessed { dates } => self.guess(*dates, value, document, texts),
            Type::Id | Type::GeoPoint(_) | Type::Object => {}
        }
    }

    /// Of a field that is not mapped each value speaks for itself.
    fn guess(&mut self, dates: bool, value: &Value, document: &Document, texts: &mut Vec<String>) {
        match value {
            Value::String(text) => match date::detect_date(text).filter(|_| dates) {
                Some((Detected::Slashes, Reading::Millis(millis))) => {
                    self.number(NumberForm::SlashedDate, millis as f64);
                }
                Some((Detected::Iso, Reading::Millis(millis))) => {
                    self.number(NumberForm::Date, millis as f64);
                }
                Some((_, Reading::Regional(_))) => document.meet_region(),
                None => {
                    let terms = analyze::analyze_text(Analyzer::Standard, text);
                    texts.extend(terms.into_iter().map(|(term, _)| term));
                }
            },
            Value::Number(number) => {
                if let Some(exact) = coerce::read_number(value, Reader::Exact) {
                    if number.is_f64() {
                        self.number(NumberForm::Fraction, f64::from(exact.real() as f32));
                    } else {
                        self.number(NumberForm::Number, exact.real());
                    }
                }
            }
            Value::Bool(truth) => self.number(NumberForm::Truth, f64::from(u8::from(*truth))),
            Value::Null | Value::Array(_) | Value::Object(_) => {}
        }
    }
}
