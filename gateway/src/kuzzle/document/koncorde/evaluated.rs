//! Conditions of the filter language that the view has no clause for, such as `select`: the
//! documents that may be found are read, and the language's own engine tells which satisfy them. It
//! reads a bounded number of documents, and refuses where there are more.

use super::{
    super::super::{Fault, fault::Id},
    LEFT, put,
};
use crate::routes::documents::search::refused;
use matching::{Condition, Document, Untranslatable, evaluate};
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Collection, Hit, SearchRequest, View};

/// Documents that are read for one search.
const MOST: u64 = 50_000;
/// Documents that are read at once.
const PAGE: usize = 1_000;

/// A condition, and why the view has no clause for it.
#[derive(Debug)]
pub(super) struct LeftCondition {
    condition: Arc<Condition>,
    is_negated: bool,
    why: Untranslatable,
}

impl LeftCondition {
    pub(super) fn new(condition: &Arc<Condition>, is_negated: bool, why: Untranslatable) -> Self {
        Self {
            condition: condition.clone(),
            is_negated,
            why,
        }
    }

    pub(super) fn refused(&self, because: &str) -> Fault {
        let why = format!("{}, and {because} it is not evaluated", self.why);
        Fault::new(Id::KoncordeUnsupported, why).props([&self.why.keyword])
    }
}

/// The query in whose places stand the ids of the documents that satisfy the conditions.
pub(super) async fn settle(
    mut query: Value,
    left: &[LeftCondition],
    view: &dyn View,
    collection: &Collection,
) -> Result<Value, Fault> {
    let candidates = candidates(&query, left);
    let found = satisfying(&candidates, left, view, collection).await?;
    put(&mut query, &mut |place| {
        let ids = found.get(position(place)?)?;
        Some(json!({"ids": {"values": ids}}))
    });
    Ok(json!({"bool": {"filter": [candidates, query]}}))
}

fn position(place: &str) -> Option<usize> {
    place.strip_prefix(LEFT)?.parse().ok()
}

/// Finds whatever the query may find, whichever documents satisfy the conditions.
fn candidates(query: &Value, left: &[LeftCondition]) -> Value {
    let mut candidates = query.clone();
    put(&mut candidates, &mut |place| {
        Some(match left.get(position(place)?)?.is_negated {
            true => json!({"match_none": {}}),
            false => json!({"match_all": {}}),
        })
    });
    candidates
}

/// The ids of the documents that satisfy each condition.
async fn satisfying(
    candidates: &Value,
    left: &[LeftCondition],
    view: &dyn View,
    collection: &Collection,
) -> Result<Vec<Vec<String>>, Fault> {
    let mut found = vec![Vec::new(); left.len()];
    let mut after = None;
    loop {
        let request = SearchRequest {
            query: Some(candidates.clone()),
            sort: Some(json!(["_id"])),
            from: 0,
            size: PAGE,
            search_after: after.take(),
            ..SearchRequest::default()
        };
        let page = view.search(collection, &request).await.map_err(refused)?;
        if page.count() > MOST {
            let because = format!("of more than {MOST} documents");
            return Err(left[0].refused(&because));
        }
        for hit in &page.hits {
            let document = document(hit);
            let document = Document::new(&document);
            for (one, ids) in left.iter().zip(&mut found) {
                if evaluate::condition(&one.condition, &document) {
                    ids.push(hit.id.clone());
                }
            }
        }
        match page.hits.last() {
            Some(last) if page.hits.len() == PAGE => after = Some(vec![last.id.as_str().into()]),
            Some(_) | None => return Ok(found),
        }
    }
}

/// The document as filters see it, with its id.
fn document(hit: &Hit) -> Value {
    let mut document = serde_json::from_str(hit.source_text()).unwrap_or(Value::Null);
    if let Value::Object(members) = &mut document {
        members.insert("_id".to_owned(), hit.id.as_str().into());
    }
    document
}
