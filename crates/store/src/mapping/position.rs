//! Where a page begins, by the values of a document. An index reads values of documents and queries
//! by a field's normalizer and width, and those of `search_after` it does not, so that pages repeat:
//! they are read so here, before a view compares them. Hits' own sort values stay what they are.
//! What no index reads is refused here, by the place where it stands; what only an index can tell is
//! left to it.

mod reading;

use super::{Field, Found, Kind, Mapping, coerce};
use crate::{StoreError, cell::join_pointer};
pub use reading::{SearchAfterType, SearchAfterValue, UnreadSearchAfter};
use serde_json::{Value, json};

/// Why a page cannot begin where it is said to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSearchAfter {
    #[error("search_after needs a sort")]
    NoSort,
    #[error("search_after has {values} values, the sort has {keys} keys")]
    Count { values: usize, keys: usize },
    #[error("{value} in `search_after` is no value of `{name}`")]
    NoValue { name: String, value: Value },
    #[error("`{name}` in `search_after` cannot be null")]
    Null { name: String },
}

impl BadSearchAfter {
    /// `at`: where in the search it stands.
    #[must_use]
    pub fn refuse(self, at: &str) -> StoreError {
        StoreError::BadSearch {
            message: self.to_string(),
            pointer: at.to_owned(),
        }
    }
}

/// One key of a sort, and what it says beside the field's name.
#[derive(Clone, Copy)]
struct SortKey<'s> {
    name: &'s str,
    options: Option<&'s Value>,
}

impl Mapping {
    /// Refuses values of `search_after` that no index reads.
    ///
    /// # Errors
    /// [`StoreError::BadSearch`], with the pointer of what is wrong.
    pub fn check_search_after(
        &self,
        sort: Option<&Value>,
        after: &[Value],
    ) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        sort.into_iter().for_each(|sort| put_keys(sort, &mut keys));
        if keys.is_empty() || matches!(keys[..], [one] if is_order_without_sort(one)) {
            return Err(BadSearchAfter::NoSort.refuse("/search_after"));
        }
        let (values, wanted) = (after.len(), keys.len());
        if values != wanted {
            let keys = wanted;
            return Err(BadSearchAfter::Count { values, keys }.refuse("/search_after"));
        }
        for (n, (value, key)) in after.iter().zip(keys).enumerate() {
            self.check_value_after(key, value)
                .map_err(|bad| bad.refuse(&join_pointer("/search_after", &n.to_string())))?;
        }
        Ok(())
    }

    fn check_value_after(&self, key: SortKey<'_>, value: &Value) -> Result<(), BadSearchAfter> {
        let name = || key.name.to_owned();
        let no_value = || BadSearchAfter::NoValue {
            name: name(),
            value: value.clone(),
        };
        if value.is_array() || value.is_object() {
            return Err(no_value());
        }
        let Some(kind) = self.search_after_type(key) else {
            return Ok(());
        };
        if value.is_null() {
            let may_miss = kind.may_miss() && key.name != "_id";
            return may_miss
                .then_some(())
                .ok_or(BadSearchAfter::Null { name: name() });
        }
        match kind.read(value) {
            Ok(_) | Err(UnreadSearchAfter::Untold(_)) => Ok(()),
            Err(UnreadSearchAfter::NoValue) => Err(no_value()),
        }
    }

    /// `None`: only an index can tell.
    fn search_after_type(&self, key: SortKey<'_>) -> Option<SearchAfterType<'_>> {
        let reads_otherwise = |options: &Value| {
            let others = ["format", "numeric_type"];
            others.iter().any(|other| options.get(other).is_some())
        };
        match key.name {
            "_score" | "_geo_distance" => Some(SearchAfterType::Double),
            "_id" => Some(SearchAfterType::Text),
            _ if key.options.is_some_and(reads_otherwise) => None,
            name => SearchAfterType::of(self.value_field(name)?),
        }
    }

    /// The values of `search_after` as the fields of the sort hold them.
    pub fn positions(&self, sort: Option<&Value>, after: &[Value]) -> Vec<Value> {
        let mut keys = Vec::new();
        sort.into_iter().for_each(|sort| put_keys(sort, &mut keys));
        let named = keys.into_iter().map(Some).chain(std::iter::repeat(None));
        after
            .iter()
            .zip(named)
            .map(|(value, key)| {
                let held = key.and_then(|key| held_value(self.value_field(key.name)?, value));
                held.unwrap_or_else(|| value.clone())
            })
            .collect()
    }

    fn value_field(&self, path: &str) -> Option<&Field> {
        match self.find(path) {
            Found::Field(Field {
                kind: Kind::Alias(target),
                ..
            }) => match self.find(target) {
                Found::Field(field) | Found::Sub { field, .. } => Some(field),
                _ => None,
            },
            Found::Field(field) | Found::Sub { field, .. } => Some(field),
            _ => None,
        }
    }
}

/// The keys of a sort, in their order.
fn put_keys<'s>(sort: &'s Value, keys: &mut Vec<SortKey<'s>>) {
    match sort {
        Value::String(name) => keys.push(SortKey {
            name,
            options: None,
        }),
        Value::Array(all) => all.iter().for_each(|one| put_keys(one, keys)),
        Value::Object(members) => keys.extend(members.iter().map(|(name, options)| SortKey {
            name,
            options: Some(options),
        })),
        _ => {}
    }
}

/// The best first is the order without a sort.
fn is_order_without_sort(key: SortKey<'_>) -> bool {
    let order = key
        .options
        .map(|options| options.get("order").unwrap_or(options));
    let is_ascending = order
        .and_then(Value::as_str)
        .is_some_and(|order| order.eq_ignore_ascii_case("asc"));
    key.name == "_score" && !is_ascending
}

fn held_value(field: &Field, value: &Value) -> Option<Value> {
    match &field.kind {
        Kind::Keyword { .. } if field.lowercase => {
            let text = coerce::scalar_text(value)?;
            Some(coerce::lowercase_text(&text).into())
        }
        Kind::HalfFloat => {
            let real = coerce::to_half_float(coerce::read_number(value, field.reader())?.real());
            real.is_finite().then(|| json!(real))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
