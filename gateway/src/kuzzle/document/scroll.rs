//! Scrolling without state: the scroll id is the search itself, where it stands and until when it
//! is taken, signed. It is no snapshot: a document that is written meanwhile is seen as it is when
//! its page is read.

use super::{
    super::{Call, Fault, Reply, fault::Id, place},
    search,
};
use crate::access::Caller;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use event_schema::signing::Keyring;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Collection, SearchRequest, SearchResult};

const PURPOSE: &str = "scroll";
/// The longest time between two pages, milliseconds.
const LONGEST: i64 = 24 * 60 * 60 * 1_000;

/// A search that is read page by page.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Scroll {
    index: String,
    collection: String,
    incarnation: String,
    pub request: SearchRequest,
    pub seen: u64,
    /// Milliseconds from page to page.
    keep: i64,
    /// Unix milliseconds.
    #[serde(default)]
    until: i64,
}

impl Scroll {
    pub(super) fn begin(collection: &Collection, request: SearchRequest, keep: i64) -> Self {
        let Collection {
            index,
            collection,
            incarnation,
            ..
        } = collection.clone();
        Self {
            index,
            collection,
            incarnation,
            request,
            seen: 0,
            keep,
            until: 0,
        }
    }

    /// The next page begins behind this one.
    pub(super) fn advance(&mut self, page: &SearchResult) {
        self.seen += (self.request.from + page.hits.len()) as u64;
        self.request.from = 0;
        if let Some(last) = page.hits.last() {
            self.request.search_after = Some(last.sort.clone());
        }
    }

    pub(super) fn sign(&mut self, keys: &Keyring, caller: &Caller, now: i64) -> String {
        self.until = now.saturating_add(self.keep);
        let payload = BASE64.encode(serde_json::to_vec(self).expect("a scroll is plain JSON"));
        let mut signature = vec![keys.id()];
        signature.extend_from_slice(&keys.tag(PURPOSE, &scope(caller, &payload))[..16]);
        format!("{payload}.{}", BASE64.encode(signature))
    }

    /// `None`: it was not made here, or its time is over.
    fn open(text: &str, keys: &Keyring, caller: &Caller, now: i64) -> Option<Self> {
        let (payload, signature) = text.split_once('.')?;
        let signature = BASE64.decode(signature).ok()?;
        let (id, tag) = signature.split_first()?;
        let ours = *id == keys.id()
            && tag.len() == 16
            && keys.verify(PURPOSE, &scope(caller, payload), tag);
        let scroll: Self =
            serde_json::from_slice(&BASE64.decode(payload).ok().filter(|_| ours)?).ok()?;
        (now <= scroll.until).then_some(scroll)
    }
}

/// A scroll is for whom it was made.
fn scope<'a>(caller: &'a Caller, payload: &'a str) -> [&'a [u8]; 3] {
    [&caller.tenant, &caller.name, payload].map(str::as_bytes)
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
pub(super) fn duration(text: &str) -> Result<i64, Fault> {
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

pub(crate) async fn scroll(call: Call<'_>) -> Result<Reply, Fault> {
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
    let mut scroll = Scroll::open(
        id,
        &call.app.ports.keys,
        &call.request.caller,
        call.app.now(),
    )
    .ok_or_else(unknown)?;
    if let Some(keep) = call.request.text("scroll")? {
        scroll.keep = duration(keep)?;
    }
    let collection = place::find(call, &scroll.index, &scroll.collection)
        .await
        .map_err(|_| unknown())?;
    match collection.incarnation == scroll.incarnation {
        true => search::page(call, &search::view(call)?, &collection, scroll).await,
        false => Err(unknown()),
    }
}

#[cfg(test)]
mod tests;
