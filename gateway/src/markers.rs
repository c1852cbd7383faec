//! Deletion markers as intents to purge them: a page of what the record store lists, told apart by
//! the partitions that own them. What is plainly too young is not asked for; whether a marker goes
//! the owner of its partition decides. Nothing is written to a store here but where a list goes on.
//!
//! See ADR 38.

use crate::{
    Ports,
    access::Caller,
    audits::HiddenNames,
    error::{Code, Problem},
    intents::{NewIntent, publish_intent},
};
use catalog::Catalog;
use event_schema::{
    id::{EntityKey, RequestId},
    mutation::DocumentKey,
    outcome::LedgerEntry,
    purge::{MOST_MARKERS, MarkerToPurge, PURGE, PurgeIntent},
    repair::REPAIR,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::StoredMarker;

/// Markers of one page.
pub(crate) const MOST: usize = 1_000;
/// Where a list goes on is kept for so long, milliseconds.
const KEPT_MS: i64 = 86_400_000;
const DAY_MS: i64 = 86_400_000;

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MarkerOrder {
    index: Option<String>,
    collection: Option<String>,
    pub older_than_ms: i64,
    pub limit: usize,
    /// `next` of the page before.
    behind: Option<String>,
    pub dry_run: bool,
    reason: Option<String>,
}

impl Default for MarkerOrder {
    fn default() -> Self {
        Self {
            index: None,
            collection: None,
            older_than_ms: DAY_MS,
            limit: 500,
            behind: None,
            dry_run: false,
            reason: None,
        }
    }
}

impl MarkerOrder {
    fn names(&self, document: &DocumentKey) -> bool {
        let is =
            |asked: &Option<String>, found: &str| asked.as_deref().is_none_or(|it| it == found);
        is(&self.index, &document.index) && is(&self.collection, &document.collection)
    }
}

/// What becomes of a page.
#[derive(Debug, Default, Serialize)]
pub(crate) struct MarkerAnswer {
    /// Markers of the page, as far as they are asked for by name.
    found: usize,
    /// Those that the workers are asked to purge.
    asked: usize,
    requests: Vec<PurgeRequest>,
    /// Those of which they are not asked.
    left: Vec<UnaskedMarker>,
    /// Where the next page begins. None: that was all.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct PurgeRequest {
    request_id: RequestId,
    /// In the order by which its result names those that it left.
    markers: Vec<String>,
}

#[derive(Debug, Serialize)]
struct UnaskedMarker {
    key: String,
    why: &'static str,
}

/// Lists a page, and asks for what is old enough, unless it is a dry run.
pub(crate) async fn purge_page(
    ports: &Ports,
    caller: &Caller,
    order: MarkerOrder,
) -> Result<MarkerAnswer, Problem> {
    let after = match &order.behind {
        Some(name) => Some(kept_place(ports, name).await?),
        None => None,
    };
    let page = ports.record.scan_markers(after.as_ref(), order.limit);
    let page = page.await?;
    let mut markers = page.markers;
    markers.retain(|marker| order.names(&marker.key));
    let requests: Vec<RequestId> = markers.iter().map(|one| one.meta.request).collect();
    let entries = ports.record.ledger(&requests).await?;
    let catalog = ports.catalog.current();
    let hidden = HiddenNames {
        catalog: &catalog,
        keys: &ports.keys,
    };
    let mut answer = MarkerAnswer {
        found: markers.len(),
        ..MarkerAnswer::default()
    };
    let deleted_before = ports.clock.now().saturating_sub(order.older_than_ms);
    let mut owned: BTreeMap<u16, Vec<MarkerToPurge>> = BTreeMap::new();
    for (marker, entry) in markers.into_iter().zip(entries) {
        match wanted_marker(&catalog, &marker, entry, deleted_before) {
            Ok(wanted) => {
                let partition = wanted.key.partition(ports.layout.partitions);
                owned.entry(partition).or_default().push(wanted);
            }
            Err(why) => {
                let key = hidden.document(&marker.key);
                answer.left.push(UnaskedMarker { key, why });
            }
        }
    }
    for wanted in owned.values().flat_map(|some| some.chunks(MOST_MARKERS)) {
        answer.asked += wanted.len();
        if order.dry_run {
            continue;
        }
        let shown = wanted.iter().map(|one| hidden.document(&one.document));
        let markers = shown.collect();
        let intent = PurgeIntent {
            markers: wanted.to_vec(),
            older_than_ms: order.older_than_ms,
            reason: order.reason.clone(),
        };
        let Some(first) = wanted.first() else {
            continue;
        };
        let intent = NewIntent {
            operation: PURGE,
            key: first.key.clone(),
            asked: &intent,
        };
        let request_id = publish_intent(ports, caller, intent).await?;
        answer.requests.push(PurgeRequest {
            request_id,
            markers,
        });
    }
    if let Some(next) = page.next {
        answer.next = Some(keep_place(ports, &next).await?);
    }
    Ok(answer)
}

/// The marker with the key that owns it; or why it is not asked for.
fn wanted_marker(
    catalog: &Catalog,
    marker: &StoredMarker,
    entry: Option<LedgerEntry>,
    deleted_before: i64,
) -> Result<MarkerToPurge, &'static str> {
    let StoredMarker { key, meta } = marker;
    let decided = entry.as_ref().filter(|one| one.version >= meta.version);
    if decided.is_some_and(|one| one.times.decided >= deleted_before) {
        return Err("it is too young");
    }
    let owner = match entry {
        _ if !catalog.owns_collection(&key.index, &key.collection) => EntityKey(key.to_string()),
        // The key of such a record is that of one of many, or another's.
        Some(entry) if entry.operation != PURGE && entry.operation != REPAIR => entry.key,
        Some(_) | None => {
            return Err(
                "an operation owns its collection, and the ledger does not say under which key",
            );
        }
    };
    Ok(MarkerToPurge {
        document: key.clone(),
        version: meta.version,
        key: owner,
    })
}

/// Names of places are no documents' names, of which some are hidden.
async fn keep_place(ports: &Ports, place: &DocumentKey) -> Result<String, Problem> {
    let name = format!("m{:032x}", runtime::random::<u128>());
    let text = serde_json::to_string(place).expect("a key is made of texts");
    let until = ports.clock.now().saturating_add(KEPT_MS);
    let kept = kept_name(&name);
    ports.record.keep_text(&kept, &text, until).await?;
    Ok(name)
}

async fn kept_place(ports: &Ports, name: &str) -> Result<DocumentKey, Problem> {
    let text = match is_kept_name(name) {
        true => ports.record.kept_text(&kept_name(name)).await?,
        false => None,
    };
    let place = text.and_then(|text| serde_json::from_str(&text).ok());
    place.ok_or_else(|| {
        let detail = "no list goes on there, or not any longer: begin without `behind`";
        Problem::new(Code::Invalid, detail).at("/behind")
    })
}

/// As [`keep_place`] makes them.
fn is_kept_name(name: &str) -> bool {
    let digits = name.strip_prefix('m').unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn kept_name(name: &str) -> String {
    format!("markers/{name}")
}
