//! The documents that are written: 1 KiB of JSON with a few fields of each kind.

use json_text::ScannedJson;
use serde_json::{Value, json};

pub const INDEX: &str = "counted";
pub const COLLECTION: &str = "places";
const BYTES: usize = 1024;

pub fn mappings() -> Value {
    json!({"properties": {
        "name": {"type": "keyword"}, "country": {"type": "keyword"}, "population": {"type": "integer"},
        "location": {"type": "geo_point"}, "text": {"type": "text", "index": false},
    }})
}

/// The n-th document.
pub fn document(n: u64) -> Value {
    let country = ["FR", "IR", "BR", "JP"][(n % 4) as usize];
    let mut document = json!({
        "name": format!("Place {n:06}"), "country": country, "population": 1_000_000 + n * 7919 % 1_000_000,
        "location": {"lat": (n % 80) as f64 + 0.5, "lon": (n % 80) as f64 + 10.25}, "text": "",
    });
    let left = BYTES.saturating_sub(document.to_string().len());
    let text: String = (0..left)
        .map(|at| char::from(b'a' + ((n + (at * at % 97) as u64) % 26) as u8))
        .collect();
    document["text"] = text.into();
    document
}

/// A request of an operation on the n-th document.
pub fn request(n: u64) -> String {
    json!({"index": INDEX, "collection": COLLECTION, "_id": format!("d{n:06}"), "body": document(n)})
        .to_string()
}

/// Likewise, scanned as a gateway does it.
pub fn scanned(n: u64) -> ScannedJson {
    ScannedJson::scan(request(n).into(), 64).expect("a request is JSON")
}
