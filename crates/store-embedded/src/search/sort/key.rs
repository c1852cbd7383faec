//! One key of a sort: what a document's value is in it, and which of two comes first.

use super::value::{self, HasNoOrder, Learned, SortValue, compare_values};
use crate::search::{
    bad,
    document::Document,
    field::{Source, Type},
    place,
};
use serde_json::Value;
use std::{cell::Cell, cmp::Ordering};
use store::{
    StoreError,
    mapping::{
        coerce::Number,
        point::{Leniency, Point},
    },
};

#[derive(Debug)]
pub(super) enum By {
    Score,
    Values {
        sources: Vec<Source>,
        /// What the values of a field that is not mapped turned out to be.
        learned: Cell<Option<Learned>>,
        is_guessed: bool,
        /// The type of a field that turns out to be nowhere.
        fallback: Option<Type>,
    },
    Distance {
        source: Source,
        leniency: Leniency,
        from: Vec<Point>,
        unit: f64,
    },
}

#[derive(Debug)]
pub(super) struct Key {
    pub name: String,
    pub by: By,
    pub descending: bool,
    pub missing_first: bool,
    /// What stands for a missing value.
    pub missing: Option<SortValue>,
    pub greatest: bool,
}

impl Key {
    pub fn compare(&self, a: &SortValue, b: &SortValue) -> Ordering {
        let missing = |ordering: Ordering| {
            if self.missing_first {
                ordering.reverse()
            } else {
                ordering
            }
        };
        match (a, b) {
            (SortValue::Missing, SortValue::Missing) => Ordering::Equal,
            (SortValue::Missing, _) => missing(Ordering::Greater),
            (_, SortValue::Missing) => missing(Ordering::Less),
            (a, b) if self.descending => compare_values(a, b).reverse(),
            (a, b) => compare_values(a, b),
        }
    }

    /// Of several values the least counts upwards, the greatest downwards.
    pub fn value(&self, id: &str, document: &Document) -> Result<SortValue, StoreError> {
        let mut best = SortValue::Missing;
        let mut take = |value: SortValue| {
            let better = if self.greatest {
                Ordering::Greater
            } else {
                Ordering::Less
            };
            if best == SortValue::Missing || compare_values(&value, &best) == better {
                best = value;
            }
        };
        match &self.by {
            By::Score => {}
            By::Distance {
                source,
                leniency,
                from,
                unit,
            } => {
                document.any_point(source, *leniency, |point| {
                    let indexed = place::indexed_point(point);
                    from.iter().for_each(|from| {
                        let distance = place::arc_distance(*from, indexed) / unit;
                        take(SortValue::Number(Number::Real(distance)));
                    });
                    false
                });
                if best == SortValue::Missing {
                    best = SortValue::Number(Number::Real(f64::INFINITY));
                }
            }
            By::Values { sources, .. } => {
                let mut text = false;
                for source in sources {
                    if source.kind == Type::Id {
                        take(SortValue::Text(id.to_owned()));
                    }
                    document.values(source, &mut |value| {
                        if value::sort_values(source, value, document, &mut take) == Err(HasNoOrder)
                        {
                            text = true;
                        }
                    });
                }
                if text {
                    let name = &self.name;
                    return Err(bad(
                        format!("`{name}` is text, which has no order: sort by `{name}.keyword`"),
                        "/sort",
                    ));
                }
            }
        }
        match (&best, &self.missing) {
            (SortValue::Missing, Some(missing)) => Ok(missing.clone()),
            (SortValue::Missing, None) if !self.is_guessed() => Ok(self.absent()),
            _ => Ok(best),
        }
    }

    /// Is the type known only by what documents hold?
    pub fn is_guessed(&self) -> bool {
        let is_guessed = |source: &Source| matches!(source.kind, Type::Guessed { .. });
        match &self.by {
            By::Values { sources, .. } => sources.first().is_some_and(is_guessed),
            By::Distance { .. } | By::Score => false,
        }
    }

    /// The type of the field if it turns out to be nowhere, which only documents tell.
    pub fn open_fallback(&self) -> Option<&Type> {
        match &self.by {
            By::Values { fallback, .. } if self.is_guessed() => fallback.as_ref(),
            _ => None,
        }
    }

    /// The same, of a field that no document was found to have.
    pub fn absent_type(&self) -> Option<&Type> {
        let By::Values { learned, .. } = &self.by else {
            return None;
        };
        self.open_fallback().filter(|_| learned.get().is_none())
    }

    /// What an index takes a missing value for.
    pub fn absent(&self) -> SortValue {
        let By::Values {
            sources, learned, ..
        } = &self.by
        else {
            return SortValue::Missing;
        };
        let is_last = self.descending == self.missing_first;
        if let Some(kind) = self.absent_type() {
            return value::absent_value(kind, None, is_last);
        }
        sources.first().map_or(SortValue::Missing, |source| {
            value::absent_value(&source.kind, learned.get(), is_last)
        })
    }

    pub fn shown(&self, value: &SortValue) -> Value {
        match value {
            SortValue::Missing => self.absent().shown(),
            value => value.shown(),
        }
    }
}
