//! Scrolling: a search is read page by page, and a scroll id stands for the search, where it
//! stands, and until when it is taken. Where the view has snapshots, all pages are of the moment of
//! the first; elsewhere a document that is written meanwhile is seen as it is when its page is read.

pub(in crate::kuzzle) mod cursor;

use super::{
    super::{Fault, KuzzleCall, Reply, admission, fault::Id, place},
    search,
};
use crate::read::refused_search;
use cursor::{ScrollCursor, ScrollPart, UntilThen};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Collection, SearchRequest, SearchResult, Snapshot, StoreError, View};

/// The longest time between two pages, milliseconds.
const LONGEST: i64 = 24 * 60 * 60 * 1_000;

/// What stays the same from page to page.
#[derive(Debug, Serialize, Deserialize)]
struct ScrolledSearch {
    collections: Vec<ScrolledCollection>,
    request: SearchRequest,
    /// None where the view has no snapshots.
    snapshot: Option<Snapshot>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ScrolledCollection {
    index: String,
    collection: String,
    incarnation: String,
}

/// What the next page begins behind.
#[derive(Debug, Default, Serialize, Deserialize)]
struct ScrollPosition {
    seen: u64,
    after: Option<Vec<Value>>,
}

/// A search that is read page by page.
#[derive(Debug)]
pub(super) struct Scroll {
    search: ScrolledSearch,
    position: ScrollPosition,
    /// Milliseconds from page to page.
    keep: i64,
    /// What only the first page says: how many documents it leaves out, and what is found beside
    /// hits.
    first: Option<SearchRequest>,
    /// The search as the last id had it.
    standing: Option<ScrollPart>,
}

impl Scroll {
    pub(super) async fn begin(
        view: &Arc<dyn View>,
        collections: &[Arc<Collection>],
        first: SearchRequest,
        keep: i64,
    ) -> Result<Self, Fault> {
        let searched: Vec<&Collection> = collections.iter().map(|one| &**one).collect();
        let one = |collection: &&Collection| ScrolledCollection {
            index: collection.index.clone(),
            collection: collection.collection.clone(),
            incarnation: collection.incarnation.clone(),
        };
        let request = SearchRequest {
            from: 0,
            search_after: None,
            aggregations: None,
            suggest: None,
            ..first.clone()
        };
        let snapshot = view.take_snapshot(&searched, keep).await;
        let search = ScrolledSearch {
            collections: searched.iter().map(one).collect(),
            request,
            snapshot: snapshot.map_err(refused_search)?,
        };
        let position = ScrollPosition {
            seen: 0,
            after: first.search_after.clone(),
        };
        Ok(Self {
            search,
            position,
            keep,
            first: Some(first),
            standing: None,
        })
    }

    /// What the next page is searched with.
    pub(super) fn request(&self) -> SearchRequest {
        let snapshot = self.search.snapshot.clone();
        SearchRequest {
            search_after: self.position.after.clone(),
            snapshot: snapshot.map(|snapshot| Snapshot {
                keep: self.keep,
                ..snapshot
            }),
            ..self.first.as_ref().unwrap_or(&self.search.request).clone()
        }
    }

    /// A page that was refused after the first was not is one of a snapshot that is gone.
    pub(super) fn fault(&self, error: StoreError) -> Fault {
        match (&self.first, &error) {
            (None, StoreError::BadSearch { .. }) if self.search.snapshot.is_some() => {
                unknown_scroll()
            }
            _ => refused_search(error).into(),
        }
    }

    /// The next page begins behind this one. How many documents are left then?
    pub(super) fn advance(&mut self, page: &SearchResult) -> u64 {
        let left_out = self.first.take().map_or(0, |first| first.from);
        self.position.seen += (left_out + page.hits.len()) as u64;
        if let Some(last) = page.hits.last() {
            self.position.after = Some(last.sort.clone());
        }
        let is_same = |new: &&Snapshot| {
            let standing = self.search.snapshot.as_ref();
            standing.is_some_and(|standing| standing.id == new.id)
        };
        if let Some(new) = page.snapshot.as_ref().filter(|new| !is_same(new)) {
            self.search.snapshot = Some(new.clone());
            self.standing = None;
        }
        page.count().saturating_sub(self.position.seen)
    }

    /// The id of the next page. What is too long for an id is kept in the record store.
    pub(super) async fn id(self, call: KuzzleCall<'_>) -> Result<String, Fault> {
        let until = call.app.now().saturating_add(self.keep);
        let then = UntilThen {
            until,
            keep: self.keep,
        };
        let search = match self.standing {
            Some(part) if part.stands_until(until) => part,
            standing => ScrollPart::of(call, &self.search, standing, then).await?,
        };
        let cursor = ScrollCursor {
            search,
            position: ScrollPart::of(call, &self.position, None, then).await?,
            keep: self.keep,
            until,
        };
        Ok(cursor.sign(&call.app.ports.keys, &call.request.caller))
    }

    /// `None`: the id was not made here, or its time is over.
    async fn open(call: KuzzleCall<'_>, id: &str) -> Result<Option<Self>, Fault> {
        let (keys, caller) = (&call.app.ports.keys, &call.request.caller);
        let Some(cursor) = ScrollCursor::open(id, keys, caller, call.app.now()) else {
            return Ok(None);
        };
        let (search, position) = (
            parse_state(cursor.search.text(call).await?),
            parse_state(cursor.position.text(call).await?),
        );
        Ok(search.zip(position).map(|(search, position)| Self {
            search,
            position,
            keep: cursor.keep,
            first: None,
            standing: Some(cursor.search),
        }))
    }
}

fn parse_state<T: DeserializeOwned>(text: Option<String>) -> Option<T> {
    serde_json::from_str(&text?).ok()
}

/// The sort, made to tell any two documents apart.
pub(super) fn total_order(sort: Option<Value>) -> Value {
    let mut keys = match sort {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(keys)) => keys,
        Some(Value::Object(members)) => members
            .into_iter()
            .map(|(name, order)| json!({name: order}))
            .collect(),
        Some(key) => vec![key],
    };
    let by_id = |key: &Value| key == "_id" || key.get("_id").is_some();
    if !keys.iter().any(by_id) {
        keys.push(json!({"_id": "asc"}));
    }
    keys.into()
}

/// `30s`, `1m`: milliseconds.
pub(in crate::kuzzle) fn parse_duration(text: &str) -> Result<i64, Fault> {
    let expected = "a duration such as \"30s\" or \"1m\", at most a day";
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: i64 = text[..digits]
        .parse()
        .map_err(|_| Fault::invalid("scroll", expected))?;
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(Fault::invalid("scroll", expected)),
    };
    number
        .checked_mul(unit)
        .filter(|millis| (1..=LONGEST).contains(millis))
        .ok_or_else(|| Fault::invalid("scroll", expected))
}

pub(crate) async fn scroll(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let body = call.request.members()?;
    let id = call
        .request
        .args
        .get("scrollId")
        .or_else(|| body.get("scrollId"));
    let id = id
        .and_then(Value::as_str)
        .ok_or_else(|| Fault::missing("scrollId"))?;
    let mut scroll = Scroll::open(call, id).await?.ok_or_else(unknown_scroll)?;
    if let Some(keep) = call.request.text("scroll")? {
        scroll.keep = parse_duration(keep)?;
    }
    let mut collections = Vec::with_capacity(scroll.search.collections.len());
    for one in &scroll.search.collections {
        admission::check_collection(call, &one.index, &one.collection)?;
        let collection = place::find_collection(call, &one.index, &one.collection).await;
        let collection = collection.map_err(|_| unknown_scroll())?;
        if collection.incarnation != one.incarnation {
            return Err(unknown_scroll());
        }
        collections.push(collection);
    }
    search::scroll_page(call, &search::search_view(call)?, &collections, scroll).await
}

fn unknown_scroll() -> Fault {
    Fault::new(
        Id::UnknownScroll,
        "the scroll id is not one of this deployment, or its time is over",
    )
}

#[cfg(test)]
mod tests;
