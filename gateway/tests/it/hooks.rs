//! Endpoints that are asked before a request is accepted: real servers, asked by a real gateway.

mod decisions;
mod failures;
mod peer;
mod signatures;
mod ways;

use crate::harness::{App, Builder, told};
use catalog::Catalog;
use gateway::{Config, config::Hooks};
use outbound::OutboundConfig;
use peer::Peer;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// A tally that is set and added to; what hooks it has stands in front.
const TALLY: &str = "
collections:
  - {index: shop, collection: tallies, owner: tally, mappings: {properties: {n: {type: long}, note: {type: keyword}}}}
operations:
  - name: tally.set
    summary: Sets a tally.
    request: &request
      type: object
      required: [id, n]
      additionalProperties: false
      properties: {id: {type: string}, n: {}, note: {type: string, maxLength: 20}}
    key: {of: tally, id: $request/id}
    write:
      - document: {index: shop, collection: tallies, id: $request/id}
        put: {n: $request/n, note: $request/note}
    examples: [{title: A tally, request: {id: a, n: 1}}]
  - name: tally.add
    summary: Adds to a tally.
    request: *request
    key: {of: tally, id: $request/id}
    write:
      - document: {index: shop, collection: tallies, id: $request/id}
        expect: present
        merge: {n: {add: [$before/n, $request/n]}, note: $request/note}
    examples:
      - {title: To a tally, request: {id: a, n: 1}, documents: {shop/tallies: {a: {n: 1}}}}
";

/// The tally's definitions with this hook at the peer.
fn catalog_text(hooks: &str) -> String {
    format!("hooks:\n{hooks}\n{TALLY}")
}

fn catalog(hooks: &str) -> Catalog {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.yaml"), catalog_text(hooks)).unwrap();
    Catalog::load(&[folder.path().to_owned()]).unwrap()
}

/// Asked about both operations of the tally.
fn of_tallies(peer: &Peer, more: &str) -> String {
    let url = peer.url();
    format!("  - {{name: stock.check, url: '{url}', operations: [tally.set, tally.add]{more}}}")
}

/// Asked about everything in `geo/cities`.
fn of_cities(peer: &Peer, more: &str) -> String {
    let url = peer.url();
    format!("  - {{name: cities, url: '{url}', collections: [geo/cities]{more}}}")
}

/// May call this machine.
fn config(hooks: Hooks) -> Config {
    let here = vec!["127.0.0.1".to_owned()];
    Config {
        hooks,
        outbound: OutboundConfig {
            allowed_networks: here.clone(),
            plain_hosts: here,
            ..OutboundConfig::default()
        },
        ..Config::default()
    }
}

async fn app_with(hooks: &str, config: Config) -> App {
    let builder = Builder {
        catalog: catalog(hooks),
        config,
        ..Builder::default()
    };
    builder.start().await
}

async fn app(hooks: &str) -> App {
    app_with(hooks, config(Hooks::default())).await
}

fn ask(app: &App, operation: &str, request: &Value) -> RequestBuilder {
    app.post(&format!("/v1/operations/{operation}"), request)
        .header("prefer", "wait=20")
}

async fn answer(app: &App, operation: &str, request: Value) -> (StatusCode, Value) {
    let (status, _, json) = told(ask(app, operation, &request)).await;
    (status, json)
}

/// What was said of the request that made this event.
fn said(event: &event_schema::envelope::Transaction) -> Value {
    event
        .data
        .generated
        .get("$hooks")
        .cloned()
        .unwrap_or_default()
}

fn request_of(event: &event_schema::envelope::Transaction) -> Value {
    serde_json::from_str(event.data.request.get()).unwrap()
}

async fn tally(app: &App, id: &str) -> Value {
    let (_, _, json) = told(app.get(&format!("/v1/documents/shop/tallies/{id}"))).await;
    json["_source"].clone()
}

async fn metrics(app: &App) -> String {
    let answer = app.get("/metrics").send().await.unwrap();
    answer.text().await.unwrap()
}

fn accept() -> Value {
    json!({"decision": "accept"})
}

fn change(request: Value) -> Value {
    json!({"decision": "change", "request": request})
}
