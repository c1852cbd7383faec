//! The documents that are written: 1 KiB of JSON with a few fields of each kind, different in every
//! one.

use bytes::Bytes;
use consign::{client::Client, failure::Failure};
use serde_json::{Value, json};

pub const INDEX: &str = "bench";
pub const COLLECTION: &str = "documents";
pub const OPERATION: &str = "document.createOrReplace";
const BYTES: usize = 1024;

pub fn mappings() -> Value {
    json!({"properties": {"name": {"type": "keyword"}, "country": {"type": "keyword"}, "population": {"type": "integer"},
        "location": {"type": "geo_point"}, "text": {"type": "text", "index": false}}})
}

/// The n-th request: 1 KiB of document, an id of its own.
pub fn request(n: u64) -> String {
    let country = ["FR", "IR", "BR", "JP"][(n % 4) as usize];
    let mut document = json!({
        "name": format!("Place {n}"), "country": country, "population": n * 7919 % 10_000_000,
        "location": {"lat": (n % 180) as f64 - 89.5, "lon": (n * 31 % 360) as f64 - 179.5}, "text": "",
    });
    let left = BYTES.saturating_sub(document.to_string().len());
    // Neither constant nor random: as compressible as text is.
    let text: String = (0..left)
        .map(|at| char::from(b'a' + ((n.wrapping_mul(31) + (at * at % 97) as u64) % 26) as u8))
        .collect();
    document["text"] = text.into();
    json!({"index": INDEX, "collection": COLLECTION, "_id": format!("d{n}"), "body": document})
        .to_string()
}

/// Requests of a range as one bulk.
pub fn bulk(range: std::ops::Range<u64>) -> Bytes {
    range.map(|n| request(n) + "\n").collect::<String>().into()
}

pub async fn create_collection(client: &Client) -> Result<(), Failure> {
    let request = client.at(
        reqwest::Method::PUT,
        &format!("/v1/collections/{INDEX}/{COLLECTION}"),
    );
    client
        .send(request.json(&json!({"mappings": mappings()})))
        .await?
        .succeeded()
        .map(drop)
}

/// Sends one bulk; every line must be accepted. Answers the token that covers them.
pub async fn send_bulk(client: &Client, body: Bytes, lines: u64) -> Result<String, Failure> {
    send_bulk_of(client, OPERATION, body, lines).await
}

/// Likewise, of this operation.
pub async fn send_bulk_of(
    client: &Client,
    operation: &str,
    body: Bytes,
    lines: u64,
) -> Result<String, Failure> {
    let request = client.at(
        reqwest::Method::POST,
        &format!("/v1/operations/{operation}/_bulk"),
    );
    let response = request
        .header("content-type", "application/x-ndjson")
        .body(body)
        .send()
        .await
        .map_err(|error| client.away(&error))?;
    let text = response.text().await.map_err(|error| client.away(&error))?;
    let last = text.trim_end().rsplit('\n').next().unwrap_or_default();
    let summary: Value = serde_json::from_str(last).unwrap_or_default();
    match (
        summary["summary"]["accepted"].as_u64(),
        summary["summary"]["token"].as_str(),
    ) {
        (Some(accepted), Some(token)) if accepted == lines => Ok(token.to_owned()),
        _ => Err(Failure::failed(format!(
            "a bulk of {lines} lines was not accepted as a whole: {}",
            last.chars().take(400).collect::<String>()
        ))),
    }
}

/// Waits until everything that a token covers is resolved.
pub async fn until_applied(client: &Client, token: &str) -> Result<(), Failure> {
    loop {
        let request = client.at(
            reqwest::Method::POST,
            &format!("/v1/documents/{INDEX}/{COLLECTION}/_count"),
        );
        let answer = client
            .send(
                request
                    .query(&[("after", token)])
                    .header("prefer", "wait=10"),
            )
            .await?;
        if answer.status != 504 && answer.status != 503 {
            return answer.succeeded().map(drop);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn documents_have_the_size_they_are_said_to_have() {
        for n in [0, 1, 999_999_999] {
            let request: serde_json::Value = serde_json::from_str(&super::request(n)).unwrap();
            assert_eq!(request["body"].to_string().len(), super::BYTES);
        }
        assert_ne!(super::request(1), super::request(2));
    }
}
