//! What is taken on trust beside single requests: many documents, lines of a bulk, repeats, and the
//! writes of Kuzzle's protocol, by both of its transports.

use super::{
    super::{answer, with},
    island::{CREATE, Island, STALE, document, island, island_of},
};
use crate::socket::Socket;
use futures::SinkExt;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const NOT_YET: (u16, &str) = (504, "services.storage.not_yet_applied");

fn id_of(told: &Value) -> String {
    let id = told["request_id"].as_str();
    id.unwrap_or_else(|| panic!("{told:#}")).to_owned()
}

fn is_unconfirmed(told: &Value) -> bool {
    told["confirmed"] == json!(false) && told["durability"] == "spooled"
}

impl Island {
    async fn many(&self, token: &str) -> Vec<String> {
        let body = json!({"index": "ix", "collection": "co", "documents": [
            {"body": {"name": "first"}}, {"body": {"name": "second"}},
        ]});
        let path = "/v1/operations/document.mCreate";
        let (status, _, told) =
            answer(with(&self.app, "POST", path, Some(token), Some(&body))).await;
        assert_eq!(status, 202, "{told:#}");
        let items = told["items"].as_array().unwrap();
        assert!(items.iter().all(is_unconfirmed), "{told:#}");
        items.iter().map(id_of).collect()
    }

    async fn bulk(&self, token: &str) -> Vec<String> {
        let lines = format!("{}\n{}\n", document("first"), document("second"));
        let asked = self
            .app
            .client
            .post(self.app.url(&format!("{CREATE}/_bulk")));
        let asked = asked.header("content-type", "application/x-ndjson");
        let told = asked.bearer_auth(token).body(lines).send().await.unwrap();
        let told = told.text().await.unwrap();
        let lines: Vec<Value> = told
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 3, "{told}");
        assert!(lines[..2].iter().all(is_unconfirmed), "{told}");
        assert_eq!(lines[2]["summary"]["accepted"], 2, "{told}");
        lines[..2].iter().map(id_of).collect()
    }

    async fn keyed(&self, token: &str) -> (u16, Value) {
        let body = document("keyed");
        let asked = with(&self.app, "POST", CREATE, Some(token), Some(&body));
        let asked = asked.header("idempotency-key", "\"once\"");
        // A verdict that is waited for would be that of the first, told without a look.
        let asked = asked.header("prefer", "wait=5");
        let (status, _, told) = answer(asked).await;
        (status, told)
    }

    /// By each kind of action.
    async fn by_kuzzle(&self, token: &str) -> Vec<String> {
        let bulk = json!({"bulkData": [{"index": {}}, {"name": "imported"}]});
        let documents = json!({"documents": [{"body": {"name": "many"}}]});
        let asked = [
            ("POST", "/ix/co/_create", json!({"name": "one"})),
            ("POST", "/ix/co/_write", json!({"name": "bulk"})),
            ("POST", "/ix/co/_mCreate", documents),
        ];
        let mut taken = Vec::new();
        for (verb, path, body) in asked {
            let asked = with(&self.app, verb, path, Some(token), Some(&body));
            let (status, id, told) = answer(asked).await;
            assert_eq!((status, id.as_str()), NOT_YET, "{path}: {told:#}");
            let message = told["error"]["message"].as_str().unwrap();
            assert!(message.contains("could not be looked at"), "{told:#}");
            taken.push(id_of(&told["error"]));
        }
        let import = with(&self.app, "POST", "/ix/co/_bulk", Some(token), Some(&bulk));
        let (status, _, told) = answer(import).await;
        assert_eq!(status, 200, "{told:#}");
        let failed = &told["result"]["errors"][0]["index"]["error"];
        assert_eq!(failed["type"], NOT_YET.1, "{told:#}");
        taken
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_documents_lines_repeats_and_kuzzles_writes_are_kept_too() {
    let island = island().await;
    let (token, admin) = (island.writer().await, island.admin.clone());
    let (status, first) = island.keyed(&token).await;
    assert_eq!(status, 200, "{first:#}");
    let first = id_of(&first);
    island.is_applied(&first).await;
    let frame = json!({
        "controller": "document", "action": "create", "index": "ix", "collection": "co",
        "jwt": token, "body": {"name": "by a socket"},
    });
    let mut socket = Socket::connect(island.app.address).await;
    island.cut_off(true).await;
    let mut kept = island.many(&token).await;
    kept.extend(island.bulk(&token).await);
    kept.extend(island.by_kuzzle(&token).await);
    let by_socket = socket.ask(frame.clone()).await;
    assert_eq!(by_socket["status"], NOT_YET.0, "{by_socket:#}");
    kept.push(id_of(&by_socket["error"]));
    let (status, repeated) = island.keyed(&token).await;
    assert_eq!(
        (status, id_of(&repeated)),
        (202, first.clone()),
        "{repeated:#}"
    );
    assert!(is_unconfirmed(&repeated), "{repeated:#}");
    // A right that it is known to lack is no question for these either.
    let elsewhere = with(
        &island.app,
        "POST",
        "/ix/other/_create",
        Some(&token),
        Some(&frame),
    );
    let (status, id, told) = answer(elsewhere).await;
    assert_eq!(
        (status, id.as_str()),
        (403, "security.rights.forbidden"),
        "{told:#}"
    );

    // The session ends where this gateway cannot hear it.
    let logged_out = island.on_mainland("POST", "/_logout", &token, None).await;
    assert_eq!(logged_out, 200);
    let mut late = island.many(&token).await;
    late.extend(island.bulk(&token).await);
    late.extend(island.by_kuzzle(&token).await);
    let by_socket = socket.ask(frame).await;
    late.push(id_of(&by_socket["error"]));
    let (_, repeated) = island.keyed(&token).await;
    assert_eq!(id_of(&repeated), first, "{repeated:#}");
    let by_another = island.by_kuzzle(&admin).await;
    island.mend();
    // All of that session's are decided behind its end.
    for request in kept.iter().chain(&late) {
        island.is_revoked(request).await;
    }
    for request in &by_another {
        island.is_applied(request).await;
    }
    // What was decided before stands.
    island.is_applied(&first).await;
    let events = island.app.events().await.into_iter();
    let same = events.filter(|event| event.attributes.id.to_string() == first);
    let waits: Vec<bool> = same.map(|event| event.data.reply.is_some()).collect();
    assert_eq!(waits, [true, false, false], "nobody waits for a repeat");
}

/// What is not looked at when a bulk begins is looked at as soon as that can be done: its token may
/// have been refreshed long before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_that_began_on_trust_ends_where_its_token_is_found_to_be_refreshed() {
    let island = island().await;
    let token = island.writer().await;
    island.cut_off(true).await;
    let refreshed = island.on_mainland("POST", "/_refreshToken", &token, None);
    assert_eq!(refreshed.await, 200);
    // Longer than a refreshed token may still be shown.
    tokio::time::sleep(Duration::from_millis(1_500)).await;

    let (mut lines, body) = futures::channel::mpsc::channel::<Result<String, std::io::Error>>(4);
    let line = |name: &str| Ok(format!("{}\n", document(name)));
    let bulk = island.app.client.clone();
    let bulk = bulk.post(island.app.url(&format!("{CREATE}/_bulk")));
    let bulk = bulk.header("content-type", "application/x-ndjson");
    let bulk = bulk.bearer_auth(&token);
    let bulk = tokio::spawn(bulk.body(reqwest::Body::wrap_stream(body)).send());
    lines.send(line("on trust")).await.unwrap();
    let mut told = bulk.await.unwrap().unwrap();
    let first = told.chunk().await.unwrap().unwrap();
    let first: Value = serde_json::from_slice(&first).unwrap();
    assert!(is_unconfirmed(&first), "{first:#}");
    island.mend();
    let until = Instant::now() + Duration::from_secs(20);
    while island.read(&island.admin).await.0 != 200 {
        assert!(Instant::now() < until, "it hears nothing");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    lines.send(line("behind the look")).await.unwrap();
    drop(lines);
    let rest = told.text().await.unwrap();
    assert!(rest.contains("unauthenticated"), "{rest}");
    island.is_revoked(&id_of(&first)).await;
}

/// The right by which a request was let in is what the worker looks for: none of these may create a
/// document by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_still_is_asked_for_the_right_of_the_request() {
    let island = island().await;
    let token = island.only_many().await;
    island.cut_off(true).await;
    let mut kept = island.many(&token).await;
    let body = json!({"name": "bulk"});
    let written = with(
        &island.app,
        "POST",
        "/ix/co/_write",
        Some(&token),
        Some(&body),
    );
    let (status, id, told) = answer(written).await;
    assert_eq!((status, id.as_str()), NOT_YET, "{told:#}");
    kept.push(id_of(&told["error"]));
    island.mend();
    for request in &kept {
        island.is_applied(request).await;
    }
}

/// An endpoint that is asked believes who asks, and what it says is shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_hook_is_asked_on_trust() {
    let folder = tempfile::tempdir().unwrap();
    let hook = "hooks:\n  - {name: asked, url: 'https://hooks.invalid/', collections: [ix/co]}\n";
    std::fs::write(folder.path().join("hook.yaml"), hook).unwrap();
    let catalog = catalog::Catalog::load(&[folder.path().to_owned()]).unwrap();
    let island = island_of(catalog).await;
    // It is asked of those who are known: there is no such host.
    let (status, code, told) = island.write(&island.admin, "before").await;
    assert_eq!(
        (status, code.as_str()),
        (503, "hook_unavailable"),
        "{told:#}"
    );
    island.cut_off(true).await;
    let (status, code, told) = island.write(&island.admin, "meanwhile").await;
    assert_eq!((status, code.as_str()), STALE, "{told:#}");
}
