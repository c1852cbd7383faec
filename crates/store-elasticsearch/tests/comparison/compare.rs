//! Runs one case on both stores, through their ports, and names what differs. Never asks either of
//! them in another way than a worker or a gateway would.

use super::world::{Members, text};
use event_schema::Raw;
use futures::{StreamExt as _, stream};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use store::{
    Collection, DocumentWrite, ItemVerdict, SearchRequest, StoreError, View,
    contract::{Fixture, Searched},
    mapping::{Found, Mapping},
};
use store_elasticsearch::Elasticsearch;
use store_embedded::EmbeddedStore;

pub struct Stores {
    pub embedded: EmbeddedStore,
    pub elasticsearch: Elasticsearch,
}

/// A mapping, documents for it (`d0`, `d1` …), and searches.
#[derive(Clone, Debug)]
pub struct Case {
    pub mappings: Value,
    /// Beside those that every case has.
    pub settings: Map<String, Value>,
    pub documents: Vec<(String, Members)>,
    pub searches: Vec<Value>,
}

/// What a store made of a search.
#[derive(Clone, Debug)]
pub enum Outcome {
    Found {
        ids: Vec<String>,
        sorts: Vec<Vec<Value>>,
        total: u64,
        /// What hits show of their documents, or highlight, in the order of `ids`, if not all.
        sources: Vec<Value>,
        scores: Vec<Option<f64>>,
        aggregations: Option<Value>,
    },
    Malformed(#[allow(dead_code, reason = "shown")] String),
    Unsupported(String),
    Broken(#[allow(dead_code, reason = "shown")] String),
}

#[derive(Clone, Debug)]
pub struct Difference {
    pub about: About,
    pub embedded: String,
    pub elasticsearch: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum About {
    Mapping,
    /// By its place in the case.
    Document(usize),
    Search(usize),
}

/// What a run counted.
#[derive(Default)]
pub struct Tally {
    pub mappings: usize,
    pub documents: usize,
    pub searches: usize,
    pub refused_mappings: usize,
    pub refused_documents: usize,
    pub late: usize,
    pub malformed: usize,
    /// Searches that Elasticsearch failed at by an error of its own.
    pub unanswered: usize,
    /// Searches that the embedded store refused by name, by the clause.
    pub unsupported: BTreeMap<String, usize>,
}

/// Types whose values an index alone reads: what it refuses of them is refused late.
const LATE: &[&str] = &[
    "date_nanos",
    "integer_range",
    "long_range",
    "double_range",
    "float_range",
    "date_range",
    "ip_range",
    "completion",
    "binary",
    "dense_vector",
];

/// Members at the top of a mapping that only an index follows.
const RULES: &[&str] = &[
    "numeric_detection",
    "dynamic_date_formats",
    "dynamic_templates",
];

pub async fn run(stores: &Stores, case: &Case, tally: &mut Tally) -> Vec<Difference> {
    let mut fixture = Fixture::with_mappings(case.mappings.clone());
    let mut settings = case.settings.clone();
    settings.insert("number_of_shards".to_owned(), 1.into());
    settings.insert("refresh_interval".to_owned(), "-1".into());
    fixture.collection.settings = Some(settings.into());
    let mut differences = Vec::new();
    tally.mappings += 1;
    let Some(()) = create(stores, &fixture, tally, &mut differences).await else {
        return differences;
    };
    let taken = fill(stores, &fixture, case, tally, &mut differences).await;
    // A document that only one of them has would show in every search.
    if differences.is_empty() {
        let searched = search_all(stores, &fixture, (case, taken), tally).await;
        differences.extend(searched);
    }
    let dropped = stores
        .elasticsearch
        .drop_collection(&fixture.collection)
        .await;
    dropped.expect("the index is dropped");
    let dropped = stores.embedded.drop_collection(&fixture.collection).await;
    dropped.expect("the collection is dropped");
    differences
}

/// Some only if both took the mapping.
async fn create(
    stores: &Stores,
    fixture: &Fixture,
    tally: &mut Tally,
    differences: &mut Vec<Difference>,
) -> Option<()> {
    let theirs = stores
        .elasticsearch
        .create_collection(&fixture.collection)
        .await;
    let ours = View::create_collection(&stores.embedded, &fixture.collection).await;
    tally.refused_mappings += usize::from(theirs.is_err());
    if ours.is_ok() != theirs.is_ok() {
        differences.push(Difference {
            about: About::Mapping,
            embedded: shown(&ours),
            elasticsearch: shown(&theirs),
        });
    }
    if ours.is_err() && theirs.is_ok() {
        let dropped = stores
            .elasticsearch
            .drop_collection(&fixture.collection)
            .await;
        dropped.expect("the index is dropped");
    }
    (ours.is_ok() && theirs.is_ok()).then_some(())
}

fn shown<T>(answer: &Result<T, StoreError>) -> String {
    match answer {
        Ok(_) => "taken".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Writes the documents that both take; how many those are.
async fn fill(
    stores: &Stores,
    fixture: &Fixture,
    case: &Case,
    tally: &mut Tally,
    differences: &mut Vec<Difference>,
) -> usize {
    let writes: Vec<DocumentWrite> = (1_u64..)
        .zip(&case.documents)
        .map(|(n, (id, members))| fixture.document(id, n, Some(&text(members))))
        .collect();
    tally.documents += writes.len();
    // One by one, as an index learns from each what the next may be.
    let mut theirs = stores.elasticsearch.apply(&writes).await;
    for (write, verdict) in writes.iter().zip(&mut theirs) {
        // A busy server may need another try.
        let mut tries = 3;
        while let (ItemVerdict::Transient(_), 1..) = (&*verdict, tries) {
            tries -= 1;
            let again = stores
                .elasticsearch
                .apply(std::slice::from_ref(write))
                .await;
            *verdict = again.into_iter().next().expect("one write, one verdict");
        }
    }
    let mut taken = Vec::new();
    for (n, (write, verdict)) in writes.into_iter().zip(theirs).enumerate() {
        let ours = check(&stores.embedded, &fixture.collection, &write);
        let is_late = || {
            // What they say of fields that nobody mapped is the index's own.
            !case.settings.is_empty()
                || is_late_anywhere(&case.mappings)
                || case.documents[n]
                    .1
                    .iter()
                    .any(|(name, _)| names_late(&case.mappings, name))
        };
        match (ours, verdict) {
            (Ok(()), ItemVerdict::Done) => taken.push(write),
            (Err(_), ItemVerdict::Permanent { .. }) => tally.refused_documents += 1,
            (Ok(()), ItemVerdict::Permanent { .. }) if is_late() => tally.late += 1,
            (ours, theirs) => differences.push(Difference {
                about: About::Document(n),
                embedded: ours.map_or_else(|why| why, |()| "taken".to_owned()),
                elasticsearch: format!("{theirs:?}"),
            }),
        }
    }
    let only = Searched {
        record: Some(&stores.embedded),
        view: &stores.embedded,
    };
    only.fill(fixture, &taken).await;
    let refreshed = stores
        .elasticsearch
        .refresh(std::slice::from_ref(&fixture.collection))
        .await;
    refreshed.expect("a refresh");
    taken.len()
}

fn check(
    view: &EmbeddedStore,
    collection: &Collection,
    write: &DocumentWrite,
) -> Result<(), String> {
    let body: &Raw = write.body.as_ref().expect("no document is a marker");
    view.check(collection, &write.key.id, body)
        .map_err(|unmappable| format!("{}: {}", unmappable.pointer, unmappable.message))
}

/// Rules for new fields, and copies, which may lead to any field.
fn is_late_anywhere(mappings: &Value) -> bool {
    let text = mappings.to_string();
    let has_late = || {
        LATE.iter()
            .any(|kind| text.contains(&format!("\"type\":\"{kind}\"")))
    };
    RULES.iter().any(|rule| mappings.get(rule).is_some())
        || text.contains("\"copy_to\"") && (has_late() || leads_to_new(mappings))
}

/// Is there a copy to a field that is not mapped? Documents disagree about its type.
fn leads_to_new(mappings: &Value) -> bool {
    let Ok(read) = Mapping::read(Some(mappings), None) else {
        return false;
    };
    let mut values = vec![mappings];
    while let Some(value) = values.pop() {
        let targets: Vec<&Value> = match value.get("copy_to") {
            Some(Value::Array(targets)) => targets.iter().collect(),
            other => other.into_iter().collect(),
        };
        let is_new = |target: &&Value| {
            let name = target.as_str().unwrap_or_default();
            matches!(read.find(name), Found::Unmapped(_))
        };
        if targets.iter().any(is_new) {
            return true;
        }
        values.extend(
            value
                .as_object()
                .into_iter()
                .flat_map(|members| members.values()),
        );
    }
    false
}

fn names_late(mappings: &Value, member: &str) -> bool {
    let first = member.split('.').next().unwrap_or(member);
    let properties = mappings["properties"].as_object();
    let of_member = properties
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.split('.').next() == Some(first));
    of_member.map(|(_, field)| field.to_string()).any(|field| {
        field.contains("\"subobjects\":false")
            // Places of words beyond 31 bits.
            || field.contains("\"position_increment_gap\":") && field.contains("2147483647")
            || LATE
                .iter()
                .any(|kind| field.contains(&format!("\"type\":\"{kind}\"")))
    })
}

async fn search_all(
    stores: &Stores,
    fixture: &Fixture,
    (case, taken): (&Case, usize),
    tally: &mut Tally,
) -> Vec<Difference> {
    let (collection, mut differences) = (&fixture.collection, Vec::new());
    let pairs: Vec<(Outcome, Outcome)> = stream::iter(&case.searches)
        .map(|body| async move {
            tokio::join!(
                ask(&stores.embedded, collection, body),
                ask(&stores.elasticsearch, collection, body)
            )
        })
        .buffered(6)
        .collect()
        .await;
    for (n, (ours, theirs)) in pairs.into_iter().enumerate() {
        tally.searches += 1;
        match (&ours, &theirs) {
            (Outcome::Unsupported(clause), _) => {
                *tally.unsupported.entry(clause.clone()).or_default() += 1;
                continue;
            }
            (_, Outcome::Broken(what))
                if what.contains(": 500 search_phase_execution_exception") =>
            {
                tally.unanswered += 1;
                continue;
            }
            // A collection without documents may be sorted by fields that are still to come.
            (Outcome::Found { total: 0, .. }, Outcome::Malformed(what))
                if taken == 0 && what.contains("No mapping found for") =>
            {
                tally.malformed += 1;
                continue;
            }
            // An index does not read all of a search of which a part can find nothing.
            (Outcome::Malformed(_), Outcome::Malformed(_) | Outcome::Found { total: 0, .. }) => {
                tally.malformed += 1;
                continue;
            }
            // A page of nothing, after a value that only an unmapped type refuses.
            (Outcome::Found { total: 0, .. }, Outcome::Malformed(what))
                if what.contains("__anonymous_") =>
            {
                tally.malformed += 1;
                continue;
            }
            (Outcome::Malformed(what), Outcome::Found { .. })
                if is_left_unread(stores, collection, &case.searches[n], what).await =>
            {
                tally.malformed += 1;
                continue;
            }
            (Outcome::Malformed(what), Outcome::Found { .. })
                if holds_nothing(stores, collection, what).await =>
            {
                tally.malformed += 1;
                continue;
            }
            (ours, theirs) if ours.is_same(theirs, case.searches[n].get("sort").is_some()) => {
                continue;
            }
            _ => differences.push(Difference {
                about: About::Search(n),
                embedded: format!("{ours:?}"),
                elasticsearch: format!("{theirs:?}"),
            }),
        }
    }
    differences
}

/// Is the field that is complained of empty? An index does not read the bounds of a field that
/// nothing holds.
async fn holds_nothing(stores: &Stores, collection: &Collection, complaint: &str) -> bool {
    let Some((_, pointer)) = complaint.split_once("/range/") else {
        return false;
    };
    let field = pointer.split(['/', ':']).next().unwrap_or_default();
    let exists = json!({"exists": {"field": field}});
    let count = stores.elasticsearch.count(collection, Some(&exists)).await;
    count == Ok(0)
}

/// Is the clause that is complained of refused by an index as well when it stands alone? Among
/// others it does not read one that cannot change the answer.
async fn is_left_unread(
    stores: &Stores,
    collection: &Collection,
    search: &Value,
    complaint: &str,
) -> bool {
    let pointer = complaint.split(": ").next().unwrap_or_default();
    let mut clause = pointer;
    while let Some((around, _)) = clause.rsplit_once('/') {
        clause = around;
        if clause == "/query" || clause.is_empty() {
            return false;
        }
        let Some(query) = search.pointer(clause).filter(|value| value.is_object()) else {
            continue;
        };
        let alone = stores.elasticsearch.count(collection, Some(query)).await;
        if let Err(StoreError::BadSearch { message, .. }) = alone
            && !message.contains("[_na]")
            && !message.contains("unknown query")
        {
            return true;
        }
    }
    false
}

/// A search, or (`walk`) a search page by page.
async fn ask(view: &dyn View, collection: &Collection, body: &Value) -> Outcome {
    let mut body = body.clone();
    let is_walk = body
        .as_object_mut()
        .is_some_and(|body| body.shift_remove("walk").is_some());
    let (mut scores, mut aggregations) = (Vec::new(), None);
    let (mut ids, mut sorts, mut sources, mut pages) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let is_part = body.get("_source").is_some();
    let is_marked = body.get("highlight").is_some();
    loop {
        let request: SearchRequest =
            serde_json::from_value(body.clone()).expect("a search of the port");
        let result = match view.search(collection, &request).await {
            Ok(result) => result,
            Err(StoreError::BadSearch { message, pointer }) => {
                return Outcome::Malformed(format!("{pointer}: {message}"));
            }
            Err(StoreError::Unsupported { clause, .. }) => return Outcome::Unsupported(clause),
            Err(other) => return Outcome::Broken(other.to_string()),
        };
        pages += 1;
        if let Some(last) = result.hits.last() {
            body["search_after"] = last.sort.clone().into();
        }
        let is_last = result.hits.is_empty() || !is_walk || pages > 60;
        let total = result.count();
        let found = result.aggregations;
        aggregations = aggregations.or(found);
        for hit in result.hits {
            scores.push(hit.score);
            if is_part {
                sources.push(serde_json::from_str(hit.source_text()).unwrap_or_default());
            }
            if is_marked {
                sources.push(json!(hit.highlight));
            }
            ids.push(hit.id);
            sorts.push(hit.sort);
        }
        if is_last {
            return Outcome::Found {
                ids,
                sorts,
                total,
                sources,
                scores,
                aggregations,
            };
        }
    }
}

/// The same, numbers nearly.
fn is_close(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let mut members = a.iter();
            a.len() == b.len()
                && members.all(|(name, a)| b.get(name).is_some_and(|b| is_close(a, b)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_close(a, b))
        }
        (Value::Number(x), Value::Number(y)) => match (x.as_f64(), y.as_f64()) {
            _ if x == y => true,
            (Some(x), Some(y)) => (x - y).abs() <= 1e-5 * x.abs().max(y.abs()),
            _ => false,
        },
        _ => a == b,
    }
}

/// How far scores may be apart: they are reckoned with 32 bits in another order.
const CLOSE: f64 = 1e-5;

impl Outcome {
    fn is_same(&self, other: &Self, is_sorted: bool) -> bool {
        let (
            Self::Found {
                ids,
                sorts,
                total,
                sources,
                scores,
                aggregations,
            },
            Self::Found {
                ids: other_ids,
                sorts: other_sorts,
                total: other_total,
                sources: other_sources,
                scores: other_scores,
                aggregations: other_aggregations,
            },
        ) = (self, other)
        else {
            return false;
        };
        let shown = |ids: &[String], sources: &[Value]| -> BTreeMap<String, Value> {
            ids.iter().cloned().zip(sources.iter().cloned()).collect()
        };
        if shown(ids, sources) != shown(other_ids, other_sources) {
            return false;
        }
        let both = (aggregations.as_ref(), other_aggregations.as_ref());
        if !matches!(both, (None, None)) && !both.0.zip(both.1).is_some_and(|(a, b)| is_close(a, b))
        {
            return false;
        }
        if is_sorted {
            let same = |a: &Value, b: &Value| match (a.as_f64(), b.as_f64()) {
                _ if a == b => true,
                (Some(a), Some(b)) => (a - b).abs() <= 1e-7 * a.abs().max(b.abs()),
                _ => false,
            };
            let same_sorts = sorts
                .iter()
                .zip(other_sorts)
                .all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)));
            return ids == other_ids && same_sorts && total == other_total;
        }
        // The best first; equal ones follow the order in which they were written there.
        let ranked = |scores: &[Option<f64>]| {
            scores.is_sorted_by(|a, b| a.zip(*b).is_none_or(|(a, b)| a >= b - CLOSE * b.abs()))
        };
        let by_id = |ids: &[String], scores: &[Option<f64>]| -> BTreeMap<String, Option<f64>> {
            ids.iter().cloned().zip(scores.iter().copied()).collect()
        };
        let (ours, theirs) = (by_id(ids, scores), by_id(other_ids, other_scores));
        let is_close = |(a, b): (&Option<f64>, &Option<f64>)| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= CLOSE * a.abs().max(b.abs()),
            (a, b) => a == b,
        };
        if !ranked(scores) || !ours.values().zip(theirs.values()).all(is_close) {
            return false;
        }
        let (mut ids, mut other_ids) = (ids.clone(), other_ids.clone());
        ids.sort_unstable();
        other_ids.sort_unstable();
        ids == other_ids && total == other_total
    }

    /// The beginning of a message without names and numbers.
    pub fn words(text: &str) -> String {
        let plain = text
            .split_whitespace()
            .filter(|word| word.chars().all(char::is_alphabetic));
        plain.take(6).collect::<Vec<_>>().join(" ")
    }

    /// The kind of outcome, to tell whether two differences are of one kind.
    pub fn class(text: &str) -> &str {
        text.split([' ', '(', '{']).next().unwrap_or(text)
    }
}
