//! 34,006 real cities: written, read back to the byte, searched, and every distance checked against
//! a plain computation.

use crate::opened::{Opened, open};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    time::{Duration, Instant},
};
use store::{
    DocumentWrite, ItemVerdict, SearchRequest, View as _, contract::Fixture, document::Write,
};

fn lines() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/cities.jsonl.gz");
    let file = File::open(path).expect("the cities are part of the repository");
    BufReader::new(GzDecoder::new(file))
        .lines()
        .map(|line| line.expect("text"))
        .filter(|line| !line.is_empty())
        .collect()
}

fn mappings() -> Value {
    json!({"properties": {
        "name": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
        "country": {"type": "keyword"},
        "population": {"type": "long"},
        "location": {"type": "geo_point"},
    }})
}

async fn filled() -> (Opened, Fixture, Vec<(String, Value, String)>) {
    let opened = open().await;
    let fixture = Fixture::with_mappings(mappings());
    let cities: Vec<(String, Value, String)> = lines()
        .into_iter()
        .map(|line| {
            let city: Value = serde_json::from_str(&line).expect("a city");
            (city["id"].as_str().expect("an id").to_owned(), city, line)
        })
        .collect();
    store::Record::create_collection(&opened.store, &fixture.collection)
        .await
        .expect("a collection");
    let numbered: Vec<_> = (1..).zip(&cities).collect();
    for batch in numbered.chunks(2_000) {
        let writes: Vec<DocumentWrite> = batch
            .iter()
            .map(|(n, (id, _, line))| fixture.document(id, *n, Some(line)))
            .collect();
        for write in &writes {
            let body = write.body.as_ref().expect("a body");
            assert_eq!(
                opened.store.check(&fixture.collection, &write.key.id, body),
                Ok(())
            );
        }
        let writes: Vec<Write> = writes.into_iter().map(Write::Document).collect();
        let verdicts = store::Record::apply(&opened.store, &writes).await;
        assert!(
            verdicts.len() == batch.len()
                && verdicts.iter().all(|verdict| *verdict == ItemVerdict::Done)
        );
    }
    (opened, fixture, cities)
}

/// The haversine formula in its textbook form.
fn metres(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat, lon) = ((b.0 - a.0).to_radians(), (b.1 - a.1).to_radians());
    let h = (lat / 2.0).sin().powi(2)
        + a.0.to_radians().cos() * b.0.to_radians().cos() * (lon / 2.0).sin().powi(2);
    2.0 * 6_371_008.771_4 * h.sqrt().asin()
}

fn place(city: &Value) -> (f64, f64) {
    (
        city["location"]["lat"].as_f64().expect("lat"),
        city["location"]["lon"].as_f64().expect("lon"),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_cities_are_kept_and_found() {
    let (opened, fixture, cities) = filled().await;
    assert_eq!(cities.len(), 34_006);
    assert_eq!(
        opened.store.count(&fixture.collection, None).await,
        Ok(34_006)
    );
    kept_to_the_byte(&opened, &fixture, &cities).await;
    near(&opened, &fixture, &cities).await;
    agree_with_plain_code(&opened, &fixture, &cities).await;
    pages_begin_with_the_first(&opened, &fixture, &cities).await;
}

/// The first of so many that most of them are dropped on the way.
async fn pages_begin_with_the_first(
    opened: &Opened,
    fixture: &Fixture,
    cities: &[(String, Value, String)],
) {
    let people = |city: &Value| city["population"].as_i64().unwrap_or(0);
    let most = json!({"range": {"population": {"gte": 1_000_000}}});
    let most = json!({"bool": {"must": {"match_all": {}}, "should": {"constant_score": {"filter": most}}}});
    let mut by_id: Vec<_> = cities.iter().collect();
    by_id.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    let (mut by_people, mut by_score) = (by_id.clone(), by_id.clone());
    by_people.sort_by_key(|(_, city, _)| -people(city));
    let mut by_least = by_id.clone();
    by_least.sort_by_key(|(_, city, _)| people(city));
    by_score.sort_by_key(|(_, city, _)| people(city) < 1_000_000);
    for (body, expected) in [
        (json!({}), &by_id),
        (json!({"sort": [{"population": "desc"}]}), &by_people),
        (
            json!({"sort": [{"population": "desc"}], "size": 10_000}),
            &by_people,
        ),
        (json!({"sort": ["population"], "size": 10_000}), &by_least),
        (json!({"query": most}), &by_score),
    ] {
        let request: SearchRequest = serde_json::from_value(body.clone()).expect("a search");
        let result = opened.store.search(&fixture.collection, &request).await;
        let result = result.expect("an answer");
        let found: Vec<&str> = result.hits.iter().map(|hit| hit.id.as_str()).collect();
        let first = expected
            .iter()
            .take(request.size)
            .map(|(id, ..)| id.as_str());
        assert_eq!(found, first.collect::<Vec<_>>(), "{body}");
        assert_eq!(result.count(), 34_006, "{body}");
    }
}

async fn kept_to_the_byte(opened: &Opened, fixture: &Fixture, cities: &[(String, Value, String)]) {
    for chunk in cities.chunks(5_000) {
        let keys: Vec<_> = chunk.iter().map(|(id, ..)| fixture.key(id)).collect();
        let found = store::Record::documents(&opened.store, &keys)
            .await
            .expect("a read");
        for (found, (id, _, line)) in found.into_iter().zip(chunk) {
            assert_eq!(
                found
                    .and_then(|document| document.body)
                    .map(|body| body.get().to_owned())
                    .as_ref(),
                Some(line),
                "{id}"
            );
        }
    }
}

/// Ids near a point by the store and by plain code; a city closer to the line than the index's
/// rounding may be on either side.
async fn near(opened: &Opened, fixture: &Fixture, cities: &[(String, Value, String)]) {
    for (centre, km) in [
        ((52.52, 13.405), 50.0),
        ((-17.8, 179.9), 500.0),
        ((0.0, 0.0), 2_000.0),
        ((89.0, 0.0), 3_000.0),
        ((35.7, 139.7), 20.0),
    ] {
        let radius = km * 1_000.0;
        let sure: Vec<&str> = cities
            .iter()
            .filter(|(_, city, _)| metres(centre, place(city)) < radius - 0.1)
            .map(|(id, ..)| id.as_str())
            .collect();
        let maybe = cities
            .iter()
            .filter(|(_, city, _)| metres(centre, place(city)) < radius + 0.1)
            .count();
        let query = json!({"geo_distance": {"distance": format!("{km}km"), "location": {"lat": centre.0, "lon": centre.1}}});
        let sort = json!([{"_geo_distance": {"location": {"lat": centre.0, "lon": centre.1}}}]);
        let request: SearchRequest =
            serde_json::from_value(json!({"query": query, "sort": sort, "size": 10_000}))
                .expect("a search");
        let result = opened
            .store
            .search(&fixture.collection, &request)
            .await
            .expect("an answer");
        assert!(
            (sure.len()..=maybe).contains(&(result.count() as usize)),
            "{} of {} to {maybe}",
            result.count(),
            sure.len()
        );
        let found: std::collections::HashSet<&str> =
            result.hits.iter().map(|hit| hit.id.as_str()).collect();
        assert!(
            sure.iter().all(|id| found.contains(id)),
            "all within {km} km of {centre:?}"
        );
        let distances: Vec<f64> = result
            .hits
            .iter()
            .map(|hit| hit.sort[0].as_f64().expect("metres"))
            .collect();
        assert!(distances.is_sorted());
    }
}

async fn agree_with_plain_code(
    opened: &Opened,
    fixture: &Fixture,
    cities: &[(String, Value, String)],
) {
    let count = |test: &dyn Fn(&Value) -> bool| {
        cities.iter().filter(|(_, city, _)| test(city)).count() as u64
    };
    let people = |city: &Value| city["population"].as_i64().unwrap_or(0);
    for (query, expected) in [
        (
            json!({"term": {"country": "DE"}}),
            count(&|city| city["country"] == "DE"),
        ),
        (
            json!({"range": {"population": {"gte": 1_000_000, "lt": 2_000_000}}}),
            count(&|city| (1_000_000..2_000_000).contains(&people(city))),
        ),
        (
            json!({"term": {"name.keyword": "Berlin"}}),
            count(&|city| city["name"] == "Berlin"),
        ),
        (
            json!({"prefix": {"name.keyword": "San "}}),
            count(&|city| {
                city["name"]
                    .as_str()
                    .is_some_and(|name| name.starts_with("San "))
            }),
        ),
        (
            json!({"term": {"alternate_names.keyword": "Berlin"}}),
            count(&|city| {
                city["alternate_names"]
                    .as_array()
                    .is_some_and(|names| names.contains(&json!("Berlin")))
            }),
        ),
        (
            json!({"bool": {"filter": [{"term": {"country": "IN"}}], "must_not": [{"range": {"population": {"lt": 500_000}}}]}}),
            count(&|city| city["country"] == "IN" && people(city) >= 500_000),
        ),
    ] {
        let started = Instant::now();
        let found = opened
            .store
            .count(&fixture.collection, Some(&query))
            .await
            .expect("an answer");
        assert_eq!(found, expected, "{query}");
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "{query} took {:?}",
            started.elapsed()
        );
    }
}
