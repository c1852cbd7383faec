//! Searching: the same answers on every view for the clauses that all know. The expected answers
//! are Elasticsearch's.

use super::{
    answers::all_done,
    fixture::{Fixture, Searched, raw_text},
};
use crate::{
    DocumentWrite, SearchRequest, SearchResult, StoreError, document::Write, mapping::METADATA,
};
use serde_json::{Value, json};

pub mod cases;
pub mod declared;

/// Documents of every shape under a mapping of every type, in a collection of their own.
async fn zoo(stores: Searched<'_>) -> Fixture {
    let fixture = Fixture::with_mappings(cases::mappings());
    stores
        .fill(&fixture, &documents(&fixture, cases::DOCUMENTS))
        .await;
    fixture
}

fn documents(fixture: &Fixture, texts: &[(&str, &str)]) -> Vec<DocumentWrite> {
    texts
        .iter()
        .enumerate()
        .map(|(n, (id, text))| fixture.document(id, n as u64 + 1, Some(text)))
        .collect()
}

fn request(value: Value) -> SearchRequest {
    serde_json::from_value(value).expect("the contract writes searches")
}

async fn search(stores: Searched<'_>, fixture: &Fixture, body: &Value) -> SearchResult {
    let result = stores
        .view
        .search(&fixture.collection, &request(body.clone()))
        .await;
    result.unwrap_or_else(|error| panic!("{body} was not answered: {error:?}"))
}

fn ids(result: &SearchResult) -> Vec<&str> {
    result.hits.iter().map(|hit| hit.id.as_str()).collect()
}

/// Collects what differs, so that one run tells all of it.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare(&mut self, what: &Value, found: &str, expected: &str) {
        if found != expected {
            self.0.push(format!(
                "{what}\n    found {found:?}, expected {expected:?}"
            ));
        }
    }

    fn none(self) {
        assert!(
            self.0.is_empty(),
            "{} differences:\n{}",
            self.0.len(),
            self.0.join("\n")
        );
    }
}

pub async fn queries_find_the_same_everywhere(stores: Searched<'_>) {
    let fixture = zoo(stores).await;
    find(stores, &fixture, cases::queries()).await;
}

/// What fields say of themselves beside their type.
pub async fn declared_fields_find_the_same_everywhere(stores: Searched<'_>) {
    let fixture = Fixture::with_mappings(declared::mappings());
    let all = documents(&fixture, declared::DOCUMENTS);
    stores.fill(&fixture, &all).await;
    find(stores, &fixture, declared::queries()).await;
}

/// Each query finds these ids.
async fn find(stores: Searched<'_>, fixture: &Fixture, all: Vec<(Value, &'static str)>) {
    let mut differences = Differences::default();
    for (query, expected) in all {
        match stores
            .view
            .search(
                &fixture.collection,
                &request(json!({"query": query, "size": 100})),
            )
            .await
        {
            Ok(result) => {
                let mut found = ids(&result);
                found.sort_unstable();
                differences.compare(&query, &found.concat(), expected);
                differences.compare(
                    &query,
                    &result.count().to_string(),
                    &expected.len().to_string(),
                );
            }
            Err(error) => differences.compare(&query, &format!("{error:?}"), expected),
        }
    }
    differences.none();
}

pub async fn sorts_order_the_same_everywhere(stores: Searched<'_>) {
    let fixture = zoo(stores).await;
    let mut differences = Differences::default();
    for (sort, expected) in cases::sorts() {
        match stores
            .view
            .search(
                &fixture.collection,
                &request(json!({"sort": sort, "size": 100})),
            )
            .await
        {
            Ok(result) => differences.compare(&sort, &ids(&result).concat(), expected),
            Err(error) => differences.compare(&sort, &format!("{error:?}"), expected),
        }
    }
    differences.none();
}

/// 25 documents in groups of ten: `d00` … `d24`.
async fn herd(stores: Searched<'_>) -> Fixture {
    let fixture = Fixture::with_mappings(
        json!({"properties": {"group": {"type": "keyword"}, "n": {"type": "long"}, "at": {"type": "date"}}}),
    );
    let writes: Vec<_> = (0..25)
        .map(|n| {
            let rest = if n % 4 == 0 {
                String::new()
            } else {
                format!(r#","at":"2020-01-{:02}T00:00:00Z""#, n + 1)
            };
            let body = format!(r#"{{"group":"g{}","n":{n}{rest}}}"#, n / 10);
            fixture.document(&format!("d{n:02}"), n + 1, Some(&body))
        })
        .collect();
    stores.fill(&fixture, &writes).await;
    fixture
}

pub async fn pages_by_from_and_size(stores: Searched<'_>) {
    let fixture = herd(stores).await;
    let mut seen = Vec::new();
    for from in [0, 10, 20, 30] {
        let page = search(
            stores,
            &fixture,
            &json!({"sort": ["n"], "from": from, "size": 10}),
        )
        .await;
        assert_eq!(page.count(), 25);
        seen.extend(page.hits.into_iter().map(|hit| hit.id));
    }
    assert_eq!(
        seen,
        (0..25).map(|n| format!("d{n:02}")).collect::<Vec<_>>()
    );
    assert_eq!(
        search(stores, &fixture, &json!({})).await.hits.len(),
        10,
        "ten by default"
    );
    let nothing = search(stores, &fixture, &json!({"size": 0})).await;
    assert_eq!((nothing.hits.len(), nothing.count()), (0, 25));
}

pub async fn pages_by_search_after(stores: Searched<'_>) {
    let fixture = herd(stores).await;
    let sorts = [
        json!([{"n": "desc"}]),
        json!(["_id"]),
        json!([{"group": {"order": "desc"}}, {"_id": "desc"}]),
        json!([{"group": "asc"}, {"n": "desc"}]),
        json!([{"at": "asc"}, {"_id": "asc"}]),
        json!([{"at": {"order": "desc"}}, {"n": "asc"}]),
    ];
    for sort in sorts {
        let whole = search(stores, &fixture, &json!({"sort": sort, "size": 100})).await;
        let whole = ids(&whole)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        assert_eq!(whole.len(), 25, "{sort}");
        let (mut seen, mut body) = (Vec::new(), json!({"sort": sort, "size": 4}));
        loop {
            let page = search(stores, &fixture, &body).await;
            assert_eq!(page.count(), 25, "the total counts all pages: {sort}");
            let Some(last) = page.hits.last() else { break };
            body["search_after"] = json!(last.sort);
            seen.extend(page.hits.into_iter().map(|hit| hit.id));
        }
        assert_eq!(seen, whole, "{sort}");
    }
}

pub async fn deleted_documents_are_not_found(stores: Searched<'_>) {
    let fixture = herd(stores).await;
    stores
        .write(&[
            fixture.document("d03", 100, None),
            fixture.document("never", 101, None),
        ])
        .await;
    stores
        .view
        .refresh(std::slice::from_ref(&fixture.collection))
        .await
        .expect("a refresh");
    assert_eq!(
        search(stores, &fixture, &json!({"size": 100}))
            .await
            .count(),
        24
    );
    assert_eq!(
        search(
            stores,
            &fixture,
            &json!({"query": {"ids": {"values": ["d03", "never"]}}})
        )
        .await
        .count(),
        0
    );
    assert_eq!(
        search(stores, &fixture, &json!({"query": {"term": {"n": 3}}}))
            .await
            .count(),
        0
    );
    assert_eq!(
        search(
            stores,
            &fixture,
            &json!({"query": {"bool": {"must_not": {"term": {"n": 4}}}}})
        )
        .await
        .count(),
        23
    );
    assert_eq!(stores.view.count(&fixture.collection, None).await, Ok(24));
}

pub async fn counts_agree_with_searches(stores: Searched<'_>) {
    let fixture = zoo(stores).await;
    let all = stores.view.count(&fixture.collection, None).await;
    assert_eq!(all, Ok(cases::DOCUMENTS.len() as u64));
    let mut differences = Differences::default();
    for (query, expected) in cases::queries() {
        let found = stores.view.count(&fixture.collection, Some(&query)).await;
        differences.compare(
            &query,
            &format!("{found:?}"),
            &format!("Ok({})", expected.len()),
        );
    }
    differences.none();
}

pub async fn sizes_grow_with_documents(stores: Searched<'_>) {
    let (f, none) = (Fixture::new(), Fixture::new());
    let large = format!(r#"{{"text":"{}"}}"#, "0123456789é".repeat(2_000));
    for fixture in [&f, &none] {
        stores.fill(fixture, &[]).await;
    }
    let documents: Vec<_> = (0..10)
        .map(|n| f.document(&format!("d{n}"), n + 1, Some(&large)))
        .collect();
    stores.fill(&f, &documents).await;
    let both = [f.collection.clone(), none.collection.clone()];
    // An index packs what it holds, and knows its size of a moment ago.
    for _ in 0..200 {
        let sizes = stores.view.sizes(&both).await.expect("sizes");
        assert_eq!(sizes.len(), 2);
        if sizes[0] > 1_000 && sizes[0] > sizes[1] {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("the size does not follow");
}

pub async fn a_mapping_takes_more_fields(stores: Searched<'_>) {
    let mut f =
        Fixture::with_mappings(json!({"dynamic": "false", "properties": {"a": {"type": "long"}}}));
    stores
        .fill(&f, &[f.document("old", 1, Some(r#"{"a":1}"#))])
        .await;
    f.collection.mappings = Some(
        json!({"dynamic": "strict", "properties": {"a": {"type": "long"}, "b": {"type": "keyword"}}}),
    );
    stores
        .view
        .update_collection(&f.collection)
        .await
        .expect("the mapping is taken");
    assert!(
        stores
            .view
            .check(&f.collection, "x", &raw_text(r#"{"b":"x"}"#))
            .is_ok()
    );
    assert!(
        stores
            .view
            .check(&f.collection, "x", &raw_text(r#"{"c":"x"}"#))
            .is_err()
    );
    stores
        .fill(&f, &[f.document("new", 2, Some(r#"{"a":1,"b":"x"}"#))])
        .await;
    let found = search(stores, &f, &json!({"query": {"term": {"b": "x"}}})).await;
    assert_eq!(
        found
            .hits
            .iter()
            .map(|hit| hit.id.as_str())
            .collect::<Vec<_>>(),
        ["new"]
    );
}

pub async fn a_dropped_incarnation_is_empty(stores: Searched<'_>) {
    let f = Fixture::with_mappings(json!({"properties": {"n": {"type": "long"}}}));
    let mut again = f.document("d", 3, Some(r#"{"n":3}"#));
    stores
        .fill(
            &f,
            &[
                f.document("d", 1, Some(r#"{"n":1}"#)),
                f.document("e", 2, Some(r#"{"n":1}"#)),
            ],
        )
        .await;
    let mut anew = Fixture::new();
    anew.collection = crate::Collection {
        incarnation: "anew0000".to_owned(),
        ..f.collection.clone()
    };
    again.key = anew.key("d");
    stores.fill(&anew, &[again]).await;
    for _ in 0..2 {
        stores
            .view
            .drop_collection(&f.collection)
            .await
            .expect("dropped, and dropped again");
    }
    let found = search(stores, &anew, &json!({"query": {"match_all": {}}})).await;
    assert_eq!(
        (found.count(), found.hits[0].source_text()),
        (1, r#"{"n":3}"#),
        "the next one is whole"
    );
    stores
        .view
        .create_collection(&f.collection)
        .await
        .expect("it can be made again");
    assert_eq!(stores.view.count(&f.collection, None).await, Ok(0));
}

pub async fn bodies_of_hits_are_whole(stores: Searched<'_>) {
    let fixture = zoo(stores).await;
    let result = search(stores, &fixture, &json!({"size": 100})).await;
    for (id, text) in cases::DOCUMENTS {
        let hit = result
            .hits
            .iter()
            .find(|hit| hit.id == *id)
            .unwrap_or_else(|| panic!("{id} is found"));
        let (found, expected): (Value, Value) = (parse(hit.source_text()), parse(text));
        assert_eq!(found, expected, "{id}: nothing added, nothing lost");
        assert!(hit.sort.is_empty(), "no sort, no sort values");
    }
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("a body is JSON")
}

pub async fn malformed_searches_are_refused(stores: Searched<'_>) {
    let fixture = zoo(stores).await;
    for body in cases::malformed() {
        let answer = stores
            .view
            .search(&fixture.collection, &request(body.clone()))
            .await;
        assert!(
            matches!(answer, Err(StoreError::BadSearch { .. })),
            "{body} must be refused, not {answer:?}"
        );
    }
    let answer = stores
        .view
        .count(&fixture.collection, Some(&json!({"term": {}})))
        .await;
    assert!(
        matches!(answer, Err(StoreError::BadSearch { .. })),
        "a count too: {answer:?}"
    );
}

/// Every view names the same member of a page that cannot be.
pub async fn malformed_pages_are_named_the_same_everywhere(stores: Searched<'_>) {
    let fixture = zoo(stores).await;
    let mut differences = Differences::default();
    for (body, expected) in cases::misplaced() {
        let asked = request(body.clone());
        let answer = stores.view.search(&fixture.collection, &asked).await;
        let found = match answer {
            Err(StoreError::BadSearch { pointer, .. }) => pointer,
            other => format!("{other:?}"),
        };
        differences.compare(&body, &found, expected);
    }
    differences.none();
}

/// Fields of the index itself are refused by name, wherever they stand.
pub async fn fields_of_the_index_are_refused_by_name(stores: Searched<'_>) {
    let fixture = zoo(stores).await;
    let mut differences = Differences::default();
    for field in METADATA.iter().filter(|name| **name != "_id") {
        for (body, around) in cases::naming(field) {
            let asked = request(body.clone());
            let answer = stores.view.search(&fixture.collection, &asked).await;
            let found = match &answer {
                Err(StoreError::Unsupported { pointer, .. }) if pointer.starts_with(around) => {
                    around.to_owned()
                }
                other => format!("{other:?}"),
            };
            differences.compare(&body, &found, around);
        }
    }
    differences.none();
}

/// Two collections in one order: hits say where they are from, totals are summed up.
pub async fn several_collections_are_one_search(stores: Searched<'_>) {
    let (first, second) = (herd(stores).await, herd(stores).await);
    let both = [&first.collection, &second.collection];
    let body = json!({"query": {"range": {"n": {"lt": 3}}}, "sort": [{"n": "desc"}], "from": 1, "size": 4});
    let found = stores.view.search_together(&both, &request(body)).await;
    let found = found.expect("found");
    assert_eq!(ids(&found), ["d02", "d01", "d01", "d00"]);
    let mut places: Vec<usize> = found.hits.iter().map(|hit| hit.collection).collect();
    places[1..3].sort_unstable();
    assert_eq!((found.count(), &places[1..3]), (6, [0, 1].as_slice()));
}

/// `collapse` shows the first of each group, and counts all.
pub async fn groups_are_shown_once(stores: Searched<'_>) {
    let fixture = herd(stores).await;
    let body = json!({"sort": [{"n": "desc"}], "collapse": {"field": "group"}, "size": 2});
    let found = search(stores, &fixture, &body).await;
    assert_eq!((ids(&found), found.count()), (vec!["d24", "d19"], 25));
    assert_eq!(found.hits[1].fields, Some(json!({"group": ["g1"]})));
}

pub async fn a_refresh_makes_writes_visible(stores: Searched<'_>) {
    let fixture = herd(stores).await;
    for n in 0..5 {
        stores
            .write(&[fixture.document("d00", 200 + n, Some(&format!(r#"{{"n":{}}}"#, 1_000 + n)))])
            .await;
        stores
            .view
            .refresh(std::slice::from_ref(&fixture.collection))
            .await
            .expect("a refresh");
        let found = search(
            stores,
            &fixture,
            &json!({"query": {"term": {"n": 1_000 + n}}}),
        )
        .await;
        assert_eq!(ids(&found), ["d00"]);
    }
    stores
        .view
        .refresh(&[])
        .await
        .expect("a refresh of nothing");
}

pub async fn documents_are_read_back(stores: Searched<'_>) {
    let fixture = herd(stores).await;
    all_done(&stores.view.apply(&[]).await, 0);
    stores.write(&[fixture.document("gone", 100, None)]).await;
    let keys = ["d07", "missing", "d01", "gone"].map(|id| fixture.key(id));
    let found = stores.view.documents(&keys).await.expect("a read");
    assert_eq!(found.len(), 4);
    assert_eq!(
        found[0].as_ref().map(|body| parse(body.get())["n"].clone()),
        Some(json!(7))
    );
    assert_eq!(
        found[2].as_ref().map(|body| parse(body.get())["n"].clone()),
        Some(json!(1))
    );
    assert!(
        found[1].is_none() && found[3].is_none(),
        "neither what is missing nor a marker has a body"
    );
    if let Some(record) = stores.record {
        all_done(&record.apply(&[] as &[Write]).await, 0);
    }
}

pub async fn mappings_are_checked(stores: Searched<'_>) {
    for (mappings, id, body, pointer) in super::mappable::refused() {
        let fixture = Fixture::with_mappings(mappings);
        let found = stores
            .view
            .check(&fixture.collection, &id, &super::fixture::raw_text(&body));
        let shown: String = body.chars().take(200).collect();
        assert_eq!(
            found.map_err(|unmappable| unmappable.pointer),
            Err(pointer.to_owned()),
            "{shown}"
        );
    }
    for (mappings, id, body) in super::mappable::taken() {
        let fixture = Fixture::with_mappings(mappings);
        let found = stores
            .view
            .check(&fixture.collection, &id, &super::fixture::raw_text(&body));
        let shown: String = body.chars().take(200).collect();
        assert_eq!(found, Ok(()), "{shown}");
    }
}
