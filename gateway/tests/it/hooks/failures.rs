//! Hooks that answer too late, or not at all, or nothing that can be used; and addresses that may not be
//! called.

use super::{
    accept, answer, app, app_with, ask, catalog, config, metrics, of_tallies,
    peer::{Peer, PeerAnswer},
    said, tally,
};
use crate::harness::{App, log_only, problem};
use gateway::{Config, config::Hooks};
use outbound::OutboundConfig;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn unavailable(app: &App, says: &str) -> Value {
    let asked = ask(app, "tally.set", &json!({"id": "a", "n": 1}));
    let told = problem(asked, 503, "hook_unavailable").await;
    let detail = told["detail"].as_str().unwrap();
    assert!(detail.contains(says), "{detail}");
    assert!(
        told["retry_after"].as_u64().is_some_and(|after| after > 0),
        "{told}"
    );
    told
}

#[tokio::test]
async fn a_slow_hook_keeps_no_request_longer_than_it_may() {
    let peer = Peer::start(|_| PeerAnswer {
        after: Duration::from_secs(20),
        ..accept().into()
    })
    .await;
    let app = app(&of_tallies(&peer, ", timeout_ms: 200")).await;
    let begun = Instant::now();
    unavailable(&app, "gave no answer in time").await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(app.events().await.is_empty());
}

#[tokio::test]
async fn what_is_no_answer_refuses_or_passes_as_the_hook_says() {
    let unusable = |status: u16, body: &str| PeerAnswer {
        status,
        body: body.to_owned(),
        after: Duration::ZERO,
    };
    let peer = Peer::start(|_| accept().into()).await;
    let strict = app(&of_tallies(&peer, "")).await;
    let open = app(&of_tallies(&peer, ", on_failure: pass")).await;
    for wrong in [
        unusable(404, "{\"decision\":\"accept\"}"),
        unusable(500, ""),
        unusable(302, ""),
        unusable(200, "yes"),
        unusable(200, "{\"decision\":\"accept\",\"why\":1}"),
    ] {
        peer.answers(move |_| wrong.clone());
        unavailable(&strict, "no answer that can be used").await;
        let (status, _) = answer(&open, "tally.set", json!({"id": "a", "n": 1})).await;
        assert_eq!(status, 200);
        // Something that can be used: the circuits stay closed.
        peer.answers(|_| unusable_not());
        answer(&strict, "tally.set", json!({"id": "b", "n": 1})).await;
        answer(&open, "tally.set", json!({"id": "b", "n": 1})).await;
    }
    drop(peer);
    unavailable(&strict, "cannot be reached").await;
    let (status, _) = answer(&open, "tally.set", json!({"id": "c", "n": 1})).await;
    assert_eq!(status, 200);
    let events = open.events().await;
    let last = events
        .iter()
        .find(|event| event.attributes.key.0 == "tally/c");
    let passed = json!([{"hook": "stock.check", "decision": "passed"}]);
    assert_eq!(said(last.expect("it is accepted")), passed);
}

/// 204: nothing against it.
fn unusable_not() -> PeerAnswer {
    PeerAnswer {
        status: 204,
        body: String::new(),
        after: Duration::ZERO,
    }
}

#[tokio::test]
async fn a_hook_that_fails_is_left_alone_and_then_tried() {
    let peer = Peer::start(|_| PeerAnswer {
        status: 500,
        ..accept().into()
    })
    .await;
    let hooks = Hooks {
        failures_to_open: 3,
        open_seconds: 1,
        ..Hooks::default()
    };
    let app = app_with(&of_tallies(&peer, ""), config(hooks)).await;
    for _ in 0..3 {
        unavailable(&app, "no answer that can be used").await;
    }
    for _ in 0..20 {
        unavailable(&app, "is left alone for a moment").await;
    }
    assert_eq!(peer.asked().len(), 3);
    let shown = metrics(&app).await;
    for line in [
        "consign_gateway_hook_circuit_open{hook=\"stock.check\"} 1",
        "consign_gateway_hook_order{hook=\"stock.check\"} 1",
        "consign_gateway_hook_questions_total{hook=\"stock.check\",outcome=\"unusable\"} 3",
        "consign_gateway_hook_questions_total{hook=\"stock.check\",outcome=\"circuit_open\"} 20",
        "consign_gateway_hook_duration_seconds_count{hook=\"stock.check\"} 3",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }

    tokio::time::sleep(Duration::from_millis(1_100)).await;
    unavailable(&app, "no answer that can be used").await;
    unavailable(&app, "is left alone for a moment").await;
    assert_eq!(peer.asked().len(), 4);
    peer.answers(|_| accept().into());
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for _ in 0..3 {
        let (status, _) = answer(&app, "tally.set", json!({"id": "a", "n": 1})).await;
        assert_eq!(status, 200);
    }
    assert_eq!(peer.asked().len(), 7);
    let shown = metrics(&app).await;
    assert!(shown.contains("consign_gateway_hook_circuit_open{hook=\"stock.check\"} 0"));
}

#[tokio::test]
async fn no_more_questions_are_on_their_way_than_may_be() {
    let peer = Peer::start(|_| PeerAnswer {
        after: Duration::from_millis(400),
        ..accept().into()
    })
    .await;
    let hooks = Hooks {
        asked_at_once: 1,
        ..Hooks::default()
    };
    let app = app_with(&of_tallies(&peer, ", timeout_ms: 600"), config(hooks)).await;
    let (first, second) = (json!({"id": "a", "n": 1}), json!({"id": "b", "n": 1}));
    let both = futures::future::join(
        answer(&app, "tally.set", first),
        answer(&app, "tally.set", second),
    );
    let both = both.await;
    let codes = [&both.0.1["code"], &both.1.1["code"]];
    assert!(codes.contains(&&json!("hook_unavailable")), "{codes:?}");
    assert!(codes.contains(&&Value::Null), "{codes:?}");
    assert!(peer.asked().len() <= 2);
}

#[tokio::test]
async fn an_address_of_this_machine_is_not_called_unless_it_is_allowed() {
    let peer = Peer::start(|_| accept().into()).await;
    // Written as an address, it is refused before anything is served.
    let bare = log_only().await;
    let ports = gateway::Ports {
        catalog: catalog(&of_tallies(&peer, "")).into(),
        registry: prometheus::Registry::new(),
        ..bare.ports()
    };
    let plain = OutboundConfig {
        plain_hosts: vec!["127.0.0.1".to_owned(), "localhost".to_owned()],
        ..OutboundConfig::default()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_trigger, shutdown) = runtime::Shutdown::manual();
    let closed = Config {
        outbound: plain.clone(),
        ..Config::default()
    };
    let running = gateway::run(closed.clone(), listener, ports, shutdown);
    let ended = tokio::time::timeout(Duration::from_secs(10), running).await;
    let ended = ended.expect("it does not serve");
    let why = ended.unwrap_err().to_string();
    assert!(
        why.contains("hook `stock.check`: `127.0.0.1` is 127.0.0.1, which is private"),
        "{why}"
    );

    // Behind a name, it is refused when the name is looked up, and the client is not told where it leads.
    let named = of_tallies(&peer, "").replace("127.0.0.1", "localhost");
    let app = app_with(&named, closed).await;
    let told = unavailable(&app, "cannot be reached").await;
    assert!(!told.to_string().contains("127.0.0.1"), "{told}");
    assert!(peer.asked().is_empty());

    let open = app_with(
        &named,
        Config {
            outbound: OutboundConfig {
                allowed_networks: vec!["127.0.0.1".to_owned(), "::1".to_owned()],
                ..plain
            },
            ..Config::default()
        },
    );
    let open = open.await;
    answer(&open, "tally.set", json!({"id": "a", "n": 1})).await;
    assert_eq!(
        (tally(&open, "a").await, peer.asked().len()),
        (json!({"n": 1}), 1)
    );
}
