//! Conditions of the filter language that the view has no clause for, such as `select`: the
//! documents that may be found are read, and the language's own engine tells which satisfy them. It
//! reads a bounded number of documents, and refuses where there are more.

use super::{
    super::super::{Fault, fault::Id},
    LEFT, put_clauses,
};
use crate::read::refused_search;
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
pub(super) async fn settle_query(
    mut query: Value,
    left: &[LeftCondition],
    view: &dyn View,
    collection: &Collection,
) -> Result<Value, Fault> {
    let candidates = candidate_query(&query, left);
    let found = satisfying_ids(&candidates, left, view, collection).await?;
    put_clauses(&mut query, &mut |place| {
        let ids = found.get(place_position(place)?)?;
        Some(json!({"ids": {"values": ids}}))
    });
    Ok(json!({"bool": {"filter": [candidates, query]}}))
}

fn place_position(place: &str) -> Option<usize> {
    place.strip_prefix(LEFT)?.parse().ok()
}

/// Finds whatever the query may find, whichever documents satisfy the conditions.
fn candidate_query(query: &Value, left: &[LeftCondition]) -> Value {
    let mut candidates = query.clone();
    put_clauses(&mut candidates, &mut |place| {
        Some(if left.get(place_position(place)?)?.is_negated {
            json!({"match_none": {}})
        } else {
            json!({"match_all": {}})
        })
    });
    candidates
}

/// The ids of the documents that satisfy each condition.
async fn satisfying_ids(
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
        let page = view
            .search(collection, &request)
            .await
            .map_err(refused_search)?;
        if page.count() > MOST {
            let because = format!("of more than {MOST} documents");
            return Err(left[0].refused(&because));
        }
        for hit in &page.hits {
            let document = hit_document(hit);
            let document = Document::new(&document);
            for (one, ids) in left.iter().zip(&mut found) {
                if evaluate::condition_holds(&one.condition, &document) {
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
fn hit_document(hit: &Hit) -> Value {
    let mut document = serde_json::from_str(hit.source_text()).unwrap_or(Value::Null);
    if let Value::Object(members) = &mut document {
        members.insert("_id".to_owned(), hit.id.as_str().into());
    }
    document
}
