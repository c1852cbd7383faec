//! The values that a field gives to an aggregation: those that an index keeps by document.

use crate::search::field_index::{CollectionIndex, FieldColumn, GuessedKind};
use crate::search::{
    Context, bad,
    document::Document,
    field::{Source, Type, resolve_field},
    indexed::held_number,
    leaf,
    sort::value::{SortValue, compare_values, sort_values},
    unsupported,
};
use serde_json::Value;
use std::{cell::RefCell, cmp::Ordering, collections::BTreeSet};
use store::{
    StoreError,
    mapping::{
        coerce::Number,
        date::{self, DateFormat, Detected},
    },
};

/// A value, ordered as keys of buckets are.
#[derive(Clone, Debug, PartialEq)]
pub struct BucketKey(pub SortValue);

impl Eq for BucketKey {}

impl PartialOrd for BucketKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BucketKey {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_values(&self.0, &other.0)
    }
}

/// How the numbers of a field are spelled.
#[derive(Clone, Debug, PartialEq)]
pub enum Spelling {
    Plain,
    Truth,
    Date(Vec<DateFormat>),
}

#[derive(Debug)]
pub struct AggregatedField {
    pub name: String,
    sources: Vec<Source>,
    spelling: Spelling,
    /// What the values of a field that is not mapped turned out to be.
    learned: RefCell<Option<LearnedValues>>,
    /// Other formats of dates than the field's own.
    formats: Option<Vec<DateFormat>>,
}

#[derive(Clone, Debug, PartialEq)]
enum LearnedValues {
    Spelled(Spelling),
    Text,
}

impl LearnedValues {
    fn of(kind: GuessedKind) -> Self {
        Self::Spelled(match kind {
            GuessedKind::Text => return Self::Text,
            GuessedKind::Whole | GuessedKind::Fraction => Spelling::Plain,
            GuessedKind::Truth => Spelling::Truth,
            GuessedKind::Date => Spelling::Date(Detected::Iso.formats()),
            GuessedKind::SlashedDate => Spelling::Date(Detected::Slashes.formats()),
        })
    }
}

/// What an aggregation makes of values.
#[derive(Clone, Copy, PartialEq)]
pub enum ValueUse {
    Any,
    Numbers,
}

impl AggregatedField {
    pub fn read(
        context: &Context<'_>,
        name: &str,
        wanted: ValueUse,
        clause: &str,
        at: &str,
    ) -> Result<Self, StoreError> {
        let sources = resolve_field(context.mapping, name, clause, at)?;
        let mut spelling = Spelling::Plain;
        for source in &sources {
            let refuse = |why: &str| Err(bad(format!("`{name}` {why}"), at));
            match &source.kind {
                Type::Text(options) if !options.fielddata => {
                    return refuse("is text, which is kept for searching only");
                }
                Type::Id | Type::GeoPoint(_) | Type::Leaves { .. } => {
                    return Err(unsupported(format!("{clause} on such a field"), at));
                }
                _ if source.is_key => {
                    return Err(unsupported(format!("{clause} on a key of a field"), at));
                }
                Type::Object => return Err(unsupported(format!("{clause} on an object"), at)),
                _ if !source.doc_values && !matches!(source.kind, Type::Text(_)) => {
                    return refuse("is kept without doc values");
                }
                Type::Text(_) | Type::Keyword { .. } | Type::GuessedKeyword | Type::Ip
                    if wanted == ValueUse::Numbers =>
                {
                    return refuse("holds no numbers");
                }
                Type::Boolean => spelling = Spelling::Truth,
                Type::Date(formats) => spelling = Spelling::Date(formats.clone()),
                _ => {}
            }
        }
        Ok(Self {
            name: name.to_owned(),
            sources,
            spelling,
            learned: RefCell::default(),
            formats: None,
        })
    }

    /// A field that nothing maps has dates of the default format where dates are asked for.
    pub fn expect_dates(&mut self) {
        if self.sources.is_empty() {
            self.spelling = Spelling::Date(DateFormat::read(None));
        }
    }

    pub fn name_members(&self, wanted: &mut BTreeSet<String>) {
        leaf::name_members(self.sources.iter(), wanted);
    }

    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Tells it what it would learn from all documents. False: only they tell.
    pub fn learn_indexed(&self, index: &CollectionIndex) -> bool {
        if !self.is_guessed() {
            return true;
        }
        let guessed = self
            .sources
            .iter()
            .filter(|source| matches!(source.kind, Type::Guessed { .. }));
        let mut all = Vec::new();
        for source in guessed {
            match index.column(source).and_then(FieldColumn::guessed_kinds) {
                Some(kinds) => all.extend(kinds.into_iter().map(LearnedValues::of)),
                None => return false,
            }
        }
        all.dedup();
        if let [one] = all.as_slice() {
            *self.learned.borrow_mut() = Some(one.clone());
        }
        all.len() <= 1
    }

    /// How numbers are spelled, as far as it is known.
    fn spelling(&self) -> Spelling {
        let spelling = match &*self.learned.borrow() {
            Some(LearnedValues::Spelled(spelling)) => spelling.clone(),
            _ => self.spelling.clone(),
        };
        match (&self.formats, spelling) {
            (Some(formats), Spelling::Date(_)) => Spelling::Date(formats.clone()),
            (_, spelling) => spelling,
        }
    }

    /// A number as the field would hold it.
    pub fn stored(&self, number: f64, at: &str) -> Result<f64, StoreError> {
        let Some(kind) = self.sources.first().map(|source| &source.kind) else {
            return Ok(number);
        };
        let is_short = matches!(kind, Type::Float | Type::HalfFloat);
        let stored = held_number(kind, Number::Real(number)).real();
        if is_short && stored.is_infinite() {
            return Err(bad(
                format!("{number} is beyond what `{}` holds", self.name),
                at,
            ));
        }
        Ok(stored)
    }

    /// Does the mapping say that it holds keywords or numbers?
    pub fn is_plain(&self) -> bool {
        let is_plain = |source: &Source| {
            matches!(
                source.kind,
                Type::Keyword { .. }
                    | Type::Whole { .. }
                    | Type::Double
                    | Type::Float
                    | Type::HalfFloat
            )
        };
        !self.sources.is_empty() && self.sources.iter().all(is_plain)
    }

    pub fn is_truth(&self) -> bool {
        self.spelling() == Spelling::Truth
    }

    pub fn is_date(&self) -> bool {
        self.date_formats().is_some()
    }

    /// By which dates are read and spelled, if it is known that it holds some.
    pub fn date_formats(&self) -> Option<Vec<DateFormat>> {
        match self.spelling() {
            Spelling::Date(formats) => Some(formats),
            Spelling::Plain | Spelling::Truth => None,
        }
    }

    /// Is its type known only by what documents hold?
    pub fn is_guessed(&self) -> bool {
        let is_guessed = |source: &Source| matches!(source.kind, Type::Guessed { .. });
        self.sources.iter().any(is_guessed)
    }

    /// Looks at what a document holds in a field that no mapping knows.
    pub fn learn(&self, document: &Document) {
        if self.learned.borrow().is_some() {
            return;
        }
        for source in &self.sources {
            let Type::Guessed { dates } = source.kind else {
                continue;
            };
            document.values(source, &mut |value| {
                let learned = match value {
                    Value::String(text) => match date::detect_date(text).filter(|_| dates) {
                        Some((how, _)) => LearnedValues::Spelled(Spelling::Date(how.formats())),
                        None => LearnedValues::Text,
                    },
                    Value::Bool(_) => LearnedValues::Spelled(Spelling::Truth),
                    Value::Number(_) => LearnedValues::Spelled(Spelling::Plain),
                    _ => return,
                };
                self.learned.borrow_mut().get_or_insert(learned);
            });
        }
    }

    /// It turned out to be text, which is kept for searching only.
    pub fn is_learned_text(&self) -> bool {
        *self.learned.borrow() == Some(LearnedValues::Text)
    }

    /// Other formats than the field's own.
    pub fn spelled(&mut self, formats: Vec<DateFormat>) {
        self.formats = Some(formats);
    }

    /// Each value of a document; texts come once.
    pub fn values(&self, document: &Document, take: &mut dyn FnMut(SortValue)) {
        for source in &self.sources {
            let mut texts: Vec<SortValue> = Vec::new();
            document.values(source, &mut |value| {
                let _has_no_order =
                    sort_values(source, value, document, &mut |value| match value {
                        SortValue::Text(_) | SortValue::Address(_) if texts.contains(&value) => {}
                        SortValue::Text(_) | SortValue::Address(_) => {
                            take(value.clone());
                            texts.push(value);
                        }
                        number => take(number),
                    });
            });
        }
    }

    pub fn numbers(&self, document: &Document, take: &mut dyn FnMut(f64)) {
        self.values(document, &mut |value| {
            if let SortValue::Number(number) = value {
                take(number.real());
            }
        });
    }

    pub fn has_value(&self, document: &Document) -> bool {
        let mut found = false;
        self.values(document, &mut |_| found = true);
        found
    }

    /// A bucket's key and, where it is spelled otherwise, its text.
    pub fn key(&self, key: &SortValue, at: &str) -> Result<(Value, Option<String>), StoreError> {
        let shown = key.shown();
        let SortValue::Number(number) = key else {
            return Ok((shown, None));
        };
        let text = self.text(number.real(), at)?;
        Ok((shown, text))
    }

    /// How a number of the field is spelled, if not as a number.
    pub fn text(&self, number: f64, at: &str) -> Result<Option<String>, StoreError> {
        match &self.spelling() {
            Spelling::Plain => Ok(None),
            Spelling::Truth => Ok(Some(
                if number == 0.0 { "false" } else { "true" }.to_owned(),
            )),
            Spelling::Date(formats) => {
                let spelled = date::spell_date(formats, number as i64);
                let unknown = || unsupported(format!("spelling the dates of `{}`", self.name), at);
                spelled.map(Some).ok_or_else(unknown)
            }
        }
    }
}
