//! Scrolling: a search is read page by page, and a scroll id stands for the search, where it
//! stands, and until when it is taken. It is no snapshot: a document that is written meanwhile is
//! seen as it is when its page is read.

pub(in crate::kuzzle) mod cursor;

use super::{
    super::{Fault, KuzzleCall, Reply, fault::Id, place},
    search,
};
use cursor::{ScrollCursor, ScrollPart, UntilThen};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use store::{Collection, SearchRequest, SearchResult};

/// The longest time between two pages, milliseconds.
const LONGEST: i64 = 24 * 60 * 60 * 1_000;

/// What stays the same from page to page.
#[derive(Debug, Serialize, Deserialize)]
struct ScrolledSearch {
    index: String,
    collection: String,
    incarnation: String,
    query: Option<Value>,
    sort: Option<Value>,
    size: usize,
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
    /// How many documents the first page leaves out.
    from: usize,
    /// The search as the last id had it.
    standing: Option<ScrollPart>,
}

impl Scroll {
    pub(super) fn begin(collection: &Collection, request: SearchRequest, keep: i64) -> Self {
        let search = ScrolledSearch {
            index: collection.index.clone(),
            collection: collection.collection.clone(),
            incarnation: collection.incarnation.clone(),
            query: request.query,
            sort: request.sort,
            size: request.size,
        };
        let position = ScrollPosition {
            seen: 0,
            after: request.search_after,
        };
        Self {
            search,
            position,
            keep,
            from: request.from,
            standing: None,
        }
    }

    /// What the next page is searched with.
    pub(super) fn request(&self) -> SearchRequest {
        SearchRequest {
            query: self.search.query.clone(),
            sort: self.search.sort.clone(),
            from: self.from,
            size: self.search.size,
            search_after: self.position.after.clone(),
        }
    }

    /// The next page begins behind this one. How many documents are left then?
    pub(super) fn advance(&mut self, page: &SearchResult) -> u64 {
        self.position.seen += (self.from + page.hits.len()) as u64;
        self.from = 0;
        if let Some(last) = page.hits.last() {
            self.position.after = Some(last.sort.clone());
        }
        page.total.saturating_sub(self.position.seen)
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
            read(cursor.search.text(call).await?),
            read(cursor.position.text(call).await?),
        );
        Ok(search.zip(position).map(|(search, position)| Self {
            search,
            position,
            keep: cursor.keep,
            from: 0,
            standing: Some(cursor.search),
        }))
    }
}

fn read<T: DeserializeOwned>(text: Option<String>) -> Option<T> {
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
pub(in crate::kuzzle) fn duration(text: &str) -> Result<i64, Fault> {
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
    let unknown = || {
        Fault::new(
            Id::UnknownScroll,
            "the scroll id is not one of this deployment, or its time is over",
        )
    };
    let mut scroll = Scroll::open(call, id).await?.ok_or_else(unknown)?;
    if let Some(keep) = call.request.text("scroll")? {
        scroll.keep = duration(keep)?;
    }
    let ScrolledSearch {
        index,
        collection,
        incarnation,
        ..
    } = &scroll.search;
    let collection = place::find(call, index, collection)
        .await
        .map_err(|_| unknown())?;
    match collection.incarnation == *incarnation {
        true => search::page(call, &search::view(call)?, &collection, scroll).await,
        false => Err(unknown()),
    }
}

#[cfg(test)]
mod tests;
