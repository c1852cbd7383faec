//! What a leaf of a query accepts, in each form in which a value may be indexed, and whether a
//! document has such a value.

use super::{
    analyze::{self, Token},
    document::Document,
    field::{Source, Type},
    fuzzy::NearTerms,
    indexed,
    phrase::Phrase,
};
use regex::Regex;
use serde_json::Value;
use std::{
    borrow::Cow,
    cmp::Ordering,
    collections::{BTreeMap, HashSet},
    ops::{Bound, RangeBounds},
};
use store::mapping::{
    Analyzer,
    coerce::{self, Number, Reader},
    date::{self, Detected, Reading},
};

/// Numbers from one bound to another.
pub type Interval = (Bound<Number>, Bound<Number>);

/// Texts (whole, or the terms of a text).
#[derive(Clone, Debug)]
pub enum Texts {
    /// At least `need` of these; the number says how often a text is asked for.
    Of {
        texts: BTreeMap<String, usize>,
        need: usize,
    },
    Range(Bound<String>, Bound<String>),
    Prefix(String),
    Pattern(Regex),
    Near(NearTerms),
    Phrase(Phrase),
}

/// `None` accepts nothing of that form.
#[derive(Clone, Debug, Default)]
pub struct Accept {
    /// Terms count as the collection's figures say; else each met field counts the same.
    pub is_scored: bool,
    pub keywords: Option<Texts>,
    pub terms: Option<Texts>,
    pub numbers: Vec<Interval>,
    /// Fractions of a field that is not mapped, which an index keeps with 32 bits.
    pub fractions: Vec<Interval>,
    pub truths: Vec<bool>,
    /// Milliseconds, both ends included.
    pub dates: Vec<(i64, i64)>,
    /// Those of a field that is not mapped and holds dates with slashes.
    pub slashed: Vec<(i64, i64)>,
    pub addresses: Vec<(u128, u128)>,
}

/// Exactly: neither is rounded to the other's type.
pub fn compare_numbers(a: Number, b: Number) -> Ordering {
    match (a, b) {
        (Number::Whole(a), Number::Whole(b)) => a.cmp(&b),
        // An index has -0 below 0.
        (Number::Real(a), Number::Real(b)) => a.total_cmp(&b),
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

fn is_within(number: Number, (from, to): &Interval) -> bool {
    let above = match from {
        Bound::Unbounded => true,
        Bound::Included(from) => compare_numbers(number, *from).is_ge(),
        Bound::Excluded(from) => compare_numbers(number, *from).is_gt(),
    };
    let below = match to {
        Bound::Unbounded => true,
        Bound::Included(to) => compare_numbers(number, *to).is_le(),
        Bound::Excluded(to) => compare_numbers(number, *to).is_lt(),
    };
    above && below
}

impl Texts {
    pub fn any(texts: impl IntoIterator<Item = String>) -> Self {
        let texts = texts.into_iter().map(|text| (text, 1)).collect();
        Self::Of { texts, need: 1 }
    }

    /// Is it one of the terms by which a score is reckoned?
    pub fn looks_for(&self, term: &str) -> bool {
        match self {
            Self::Of { texts, .. } => texts.contains_key(term),
            Self::Phrase(phrase) => phrase.looks_for(term),
            Self::Near(near) => near.is_near(term),
            Self::Range(..) | Self::Prefix(_) | Self::Pattern(_) => false,
        }
    }

    fn has(&self, text: &str) -> bool {
        match self {
            Self::Of { texts, .. } => texts.contains_key(text),
            // Texts in Rust are ordered by their UTF-8 bytes, as terms are in an index.
            Self::Range(from, to) => RangeBounds::<str>::contains(
                &(
                    from.as_ref().map(String::as_str),
                    to.as_ref().map(String::as_str),
                ),
                text,
            ),
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Pattern(pattern) => pattern.is_match(text),
            Self::Near(near) => near.has(text),
            Self::Phrase(_) => false,
        }
    }
}

/// How much of what is needed was met: several values of a field count together.
struct Tally<'a> {
    accept: &'a Accept,
    met: HashSet<String>,
    count: usize,
    found: bool,
    /// All terms of a text so far, for phrases.
    tokens: Vec<Token>,
    place: usize,
}

impl Accept {
    pub fn is_met(&self, source: &Source, id: &str, document: &Document) -> bool {
        let mut tally = Tally {
            accept: self,
            met: HashSet::new(),
            count: 0,
            found: false,
            tokens: Vec::new(),
            place: 0,
        };
        match source.kind {
            Type::Id => tally.text(&self.keywords, id.into()),
            Type::GeoPoint(_) | Type::Object => {}
            _ => document.values(source, &mut |value| {
                if !tally.found {
                    tally.value(source, value, document);
                }
            }),
        }
        if let Some(Texts::Phrase(phrase)) = &self.terms
            && !tally.tokens.is_empty()
        {
            tally.found |= phrase.is_in(&tally.tokens);
        }
        tally.found
    }
}

impl Tally<'_> {
    fn value(&mut self, source: &Source, value: &Value, document: &Document) {
        match &source.kind {
            Type::Keyword { .. } | Type::GuessedKeyword | Type::Leaves { .. } => {
                if let Some(text) = indexed::indexed_keyword(&source.kind, value) {
                    self.text(&self.accept.keywords, text);
                }
            }
            Type::Text(options) => self.terms(value, options.analyzer, options.gap),
            Type::Whole { .. } | Type::Double | Type::Float | Type::HalfFloat => {
                self.number(indexed::indexed_number(source, value), false);
            }
            Type::Boolean => self.truth(coerce::read_boolean(value)),
            Type::Date(formats) => self.date(document.millis(formats, value)),
            Type::Ip => {
                let address = indexed::indexed_address(value);
                self.found |= address.is_some_and(|address| {
                    let all = &self.accept.addresses;
                    all.iter()
                        .any(|(from, to)| (*from..=*to).contains(&address))
                });
            }
            Type::Guessed { dates } => match value {
                Value::String(text) => match date::detect_date(text).filter(|_| *dates) {
                    Some((Detected::Slashes, Reading::Millis(millis))) => {
                        let all = &self.accept.slashed;
                        self.found |= all.iter().any(|(from, to)| (*from..=*to).contains(&millis));
                    }
                    Some((Detected::Iso, Reading::Millis(millis))) => self.date(Some(millis)),
                    Some((_, Reading::Regional(_))) => document.meet_region(),
                    None => self.terms(value, Analyzer::Standard, 100),
                },
                Value::Number(number) => {
                    self.number(coerce::read_number(value, Reader::Exact), number.is_f64());
                }
                Value::Bool(truth) => self.truth(Some(*truth)),
                Value::Null | Value::Array(_) | Value::Object(_) => {}
            },
            Type::Id | Type::GeoPoint(_) | Type::Object => {}
        }
    }

    fn text(&mut self, accepted: &Option<Texts>, text: Cow<'_, str>) {
        let Some(accepted) = accepted else { return };
        if !accepted.has(&text) {
            return;
        }
        let Texts::Of { texts, need } = accepted else {
            self.found = true;
            return;
        };
        if *need <= 1 {
            self.found = true;
        } else if !self.met.contains(text.as_ref()) {
            self.count += texts[text.as_ref()];
            self.met.insert(text.into_owned());
            self.found |= self.count >= *need;
        }
    }

    fn terms(&mut self, value: &Value, analyzer: Analyzer, gap: usize) {
        let accept = self.accept;
        let Some(text) = coerce::scalar_text(value).filter(|_| accept.terms.is_some()) else {
            return;
        };
        if let Some(Texts::Phrase(_)) = accept.terms {
            let tokens = analyze::analyze_text(analyzer, &text);
            let start = self.place;
            self.place = start + tokens.last().map_or(0, |(_, place)| place + 1) + gap;
            let placed = tokens
                .into_iter()
                .map(|(term, place)| (term, start + place));
            self.tokens.extend(placed);
        } else if analyzer == Analyzer::Standard {
            analyze::each_term(&text, &mut |term| self.text(&accept.terms, term.into()));
        } else {
            for (term, _) in analyze::analyze_text(analyzer, &text) {
                self.text(&accept.terms, term.into());
            }
        }
    }

    fn number(&mut self, number: Option<Number>, is_fraction: bool) {
        let accept = self.accept;
        self.found |= number.is_some_and(|number| {
            if is_fraction {
                let short = Number::Real(f64::from(number.real() as f32));
                accept
                    .fractions
                    .iter()
                    .any(|interval| is_within(short, interval))
            } else {
                accept
                    .numbers
                    .iter()
                    .any(|interval| is_within(number, interval))
            }
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
