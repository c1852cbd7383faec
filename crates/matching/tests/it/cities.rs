//! Real documents: 34,006 cities against 10,000 filters drawn from them, through the engine and by
//! plain evaluation.

use seeded_dice::SeededDice;
use std::io::Read;
use std::path::Path;

use matching::{Document, Engine, Filter, Options, Scratch};
use serde_json::{Value, json};

const FILTERS: usize = 10_000;

fn cities() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/cities.jsonl.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// One of a dozen shapes of filter about a city.
fn filter(random: &mut SeededDice, cities: &[Value]) -> Value {
    let city = random.pick(cities).clone();
    let (lat, lon) = (
        city["location"]["lat"].as_f64().unwrap(),
        city["location"]["lon"].as_f64().unwrap(),
    );
    let spread = *random.pick(&[0.01, 0.2, 1.5, 8.0]);
    match random.below(12) {
        0 => {
            json!({"geoDistance": {"location": {"lat": lat, "lon": lon}, "distance": random.pick(&["900m", "12km", "70 miles", "800km"])}})
        }
        1 => {
            json!({"geoDistanceRange": {"location": [lat, lon], "from": "3km", "to": random.pick(&["9km", "120km", "2000km"])}})
        }
        2 => {
            json!({"geoBoundingBox": {"location": {"top": lat + spread, "left": lon - spread, "bottom": lat - spread, "right": lon + spread}}})
        }
        // Across the antimeridian, all the way round but for a gap.
        3 => {
            json!({"geoBoundingBox": {"location": {"top": lat + 0.1, "left": lon + spread, "bottom": lat - 0.1, "right": lon - spread}}})
        }
        4 | 5 => polygon(random, lat, lon, spread),
        6 => range(random, &city, spread),
        7 => {
            json!({"regexp": {"name": {"value": pattern(random, city["name"].as_str().unwrap()), "flags": random.pick(&["", "i"])}}})
        }
        8 => {
            json!({"and": [{"equals": {"country": city["country"]}}, range(random, &city, spread), {"exists": "name"}]})
        }
        9 => {
            json!({"or": [{"equals": {"id": city["id"]}}, {"and": [{"equals": {"timezone": city["timezone"]}}, {"not": {"equals": {"admin1": city["admin1"]}}}]}]})
        }
        10 => json!({"exists": format!("alternate_names[{}]", city["name"])}),
        _ => json!({"bool": {
            "must": [{"match": {"country": city["country"], "location": {"lat": lat}}}],
            "must_not": [{"range": {"population": {"gt": 1_000_000}}}],
            "should": [polygon(random, lat, lon, 2.0), {"select": {"field": "alternate_names", "index": -1, "query": {"regexp": {"value": "^[a-z]"}}}}],
        }}),
    }
}

fn polygon(random: &mut SeededDice, lat: f64, lon: f64, spread: f64) -> Value {
    let corners = 3 + random.below(6);
    let corner = |at: usize| {
        let angle = at as f64 * std::f64::consts::TAU / corners as f64;
        [
            (lat + spread * angle.sin()).clamp(-90.0, 90.0),
            lon + spread * angle.cos(),
        ]
    };
    json!({"geoPolygon": {"location": {"points": (0..corners).map(corner).collect::<Vec<_>>()}}})
}

fn range(random: &mut SeededDice, city: &Value, spread: f64) -> Value {
    let population = city["population"].as_i64().unwrap();
    let width = (spread * 1_000.0) as i64;
    match random.below(4) {
        0 => json!({"range": {"population": {"gte": population, "lt": population + width}}}),
        1 => json!({"range": {"population": {"gt": population + 5_000_000}}}),
        2 => {
            json!({"range": {"location.lat": {"lte": city["location"]["lat"], "gt": city["location"]["lat"].as_f64().unwrap() - 0.01}}})
        }
        _ => json!({"range": {"population": {"lte": population.min(15_500)}}}),
    }
}

fn pattern(random: &mut SeededDice, name: &str) -> String {
    let start: String = name
        .chars()
        .take(4)
        .filter(|letter| letter.is_alphanumeric())
        .collect();
    match random.below(4) {
        0 => format!("^{start}"),
        1 => format!("{start}.*[aeiou]$"),
        2 => format!("({start}|burg|ville)\\b"),
        _ => format!("^{start}[a-z]{{1,3}}\\S*$"),
    }
}

#[test]
fn ten_thousand_filters_on_every_city() {
    let cities = cities();
    assert_eq!(cities.len(), 34_006);
    let mut random = SeededDice::new(0x5EED);
    let (mut engine, mut filters) = (Engine::new(), Vec::new());
    for id in 0..FILTERS {
        let filter = Filter::parse(&filter(&mut random, &cities), &Options::default()).unwrap();
        engine.register(id as u64, &filter.normalise());
        filters.push(filter);
    }
    let mut scratch = Scratch::new();
    let mut matches = 0;
    // Plain evaluation of all pairs takes minutes: unless asked for, each city is evaluated against
    // every 29th filter, in turn.
    let stride = if std::env::var_os("CONSIGN_EVERY_PAIR").is_some() {
        1
    } else {
        29
    };
    for (number, city) in cities.iter().enumerate() {
        let document = Document::new(city);
        let mut found = engine.matches(&document, &mut scratch).to_vec();
        matches += found.len();
        found.retain(|id| *id as usize % stride == number % stride);
        found.sort_unstable();
        let strided = (number % stride..FILTERS).step_by(stride);
        let wanted: Vec<u64> = strided
            .filter(|id| filters[*id].matches(&document))
            .map(|id| id as u64)
            .collect();
        assert_eq!(found, wanted, "{city}");
    }
    println!(
        "{matches} matches of {FILTERS} filters on {} cities",
        cities.len()
    );
    assert!(matches > 1_000_000);
}

/// Matching takes `&self` and a scratch of the caller's: threads share an engine without a lock and
/// find what one thread finds.
#[test]
fn threads_that_match_at_once_find_what_one_finds() {
    let cities = cities();
    let mut random = SeededDice::new(0xC0FFEE);
    let mut engine = Engine::new();
    for id in 0..2_000 {
        engine.register(
            id,
            &Filter::parse(&filter(&mut random, &cities), &Options::default())
                .unwrap()
                .normalise(),
        );
    }
    let find = |part: &[Value]| -> Vec<Vec<u64>> {
        let mut scratch = Scratch::new();
        let found = part.iter().map(|city| {
            let mut ids = engine.matches(&Document::new(city), &mut scratch).to_vec();
            ids.sort_unstable();
            ids
        });
        found.collect()
    };
    let some = &cities[..4_000];
    let alone = find(some);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| find(some))).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), alone);
        }
    });
}
