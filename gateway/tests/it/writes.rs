//! Single writes: what reaches the log, what is answered, and what is waited for.

use crate::harness::{Builder, app, city, log_only, problem, told};
use gateway::Config;
use serde_json::json;

#[tokio::test]
async fn an_accepted_write_is_in_the_log_as_it_was_sent() {
    let app = log_only().await;
    app.cities().await;
    let body = r#"{"index":"geo","collection":"cities","_id":"1","body":{"name":"Paris",  "population":2138551.0}}"#;
    let request = app
        .client
        .post(app.url("/v1/operations/document.create"))
        .header("content-type", "application/json");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let (status, headers, json) = told(request.header("traceparent", trace).body(body)).await;
    assert_eq!(status, 202, "{json}");
    assert_eq!(json["status"], "accepted");
    assert_eq!(json["durability"], "embedded");
    let id = json["request_id"].as_str().unwrap();
    assert_eq!(headers["location"], format!("/v1/requests/{id}"));
    assert!(json["token"].as_str().unwrap().starts_with("t1."));
    let events = app.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].attributes.id.to_string(), id);
    assert_eq!(events[0].attributes.key.0, "geo/cities/1");
    assert_eq!(events[0].attributes.traceparent.as_deref(), Some(trace));
    assert_eq!(events[0].data.request.get(), body);
    assert_eq!(events[0].data.incarnations.len(), 1);
    assert!(events[0].data.reply.is_none());
}

#[tokio::test]
async fn a_wait_ends_with_the_verdict() {
    let app = app().await;
    app.cities().await;
    let create = || {
        app.post("/v1/operations/document.create", &city("1", "Paris"))
            .header("prefer", "wait=20")
    };
    let (status, headers, json) = told(create()).await;
    assert_eq!(status, 200, "{json}");
    assert_eq!(json["status"], "applied");
    assert_eq!(json["result"]["_id"], "1");
    assert_eq!(headers["preference-applied"], "wait=20");
    assert_eq!(headers["etag"], "\"1\"");
    let exists = problem(create(), 409, "exists").await;
    assert!(exists["request_id"].is_string() && exists["token"].is_string());
    let missing = app
        .post("/v1/operations/document.update", &city("2", "Nowhere"))
        .header("prefer", "wait=20");
    problem(missing, 404, "missing").await;
}

#[tokio::test]
async fn a_wait_that_is_too_short_is_a_202_and_too_long_is_clamped() {
    let app = log_only().await;
    app.cities().await;
    let (status, headers, json) = told(
        app.post("/v1/operations/document.create", &city("1", "Paris"))
            .header("prefer", "wait=1"),
    )
    .await;
    assert_eq!(
        (status.as_u16(), json["status"].as_str()),
        (202, Some("accepted"))
    );
    assert_eq!(headers["preference-applied"], "wait=1");
    assert_eq!(
        app.events().await[0]
            .data
            .reply
            .as_ref()
            .map(|reply| reply.instance.len()),
        Some(32)
    );
}

#[tokio::test]
async fn a_wait_for_which_there_is_no_room_is_not_said_to_be_honoured() {
    let app = Builder {
        config: Config {
            max_waiting: 0,
            ..Config::default()
        },
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    let create = app
        .post("/v1/operations/document.create", &city("1", "Paris"))
        .header("prefer", "wait=5");
    let (status, headers, json) = told(create).await;
    assert_eq!(
        (status.as_u16(), json["status"].as_str()),
        (202, Some("accepted"))
    );
    assert!(!headers.contains_key("preference-applied"));
}

#[tokio::test]
async fn preconditions_are_versions() {
    let app = app().await;
    app.cities().await;
    let put = |version: Option<&str>| {
        let request = app
            .post(
                "/v1/operations/document.createOrReplace",
                &city("1", "Paris"),
            )
            .header("prefer", "wait=20");
        match version {
            Some(version) => request.header("if-match", version),
            None => request,
        }
    };
    assert_eq!(told(put(None)).await.0, 200);
    let (status, headers, json) = told(put(Some("\"1\""))).await;
    assert_eq!(status, 200, "{json}");
    assert_eq!(headers["etag"], "\"2\"");
    problem(put(Some("\"1\"")), 412, "version").await;
    let mut both = city("1", "Paris");
    both["if_version"] = json!(7);
    let request = app
        .post("/v1/operations/document.createOrReplace", &both)
        .header("if-match", "\"8\"");
    problem(request, 400, "bad_header").await;
}

#[tokio::test]
async fn refresh_waits_until_it_is_searchable() {
    let app = app().await;
    app.cities().await;
    let (status, _, json) = told(app.post(
        "/v1/operations/document.create?refresh=wait_for",
        &city("1", "Paris"),
    ))
    .await;
    assert_eq!(
        (status.as_u16(), json["status"].as_str()),
        (200, Some("applied")),
        "{json}"
    );
    let (_, _, found) = told(app.post(
        "/v1/documents/geo/cities/_search",
        &json!({"query": {"term": {"name": "Paris"}}}),
    ))
    .await;
    assert_eq!(found["total"], 1);
    problem(
        app.post(
            "/v1/operations/document.create?refresh=true",
            &city("2", "Rome"),
        ),
        400,
        "bad_request",
    )
    .await;
}

#[tokio::test]
async fn many_documents_have_a_verdict_each() {
    let app = app().await;
    app.cities().await;
    let documents = json!([{"_id": "1", "body": {"name": "Paris"}}, {"_id": "bad\u{1}", "body": {}}, {"_id": "2", "body": {"name": "Rome"}}, {"_id": "1", "body": {}}]);
    let request = app.post(
        "/v1/operations/document.mCreate",
        &json!({"index": "geo", "collection": "cities", "documents": documents}),
    );
    let (status, _, json) = told(request.header("prefer", "wait=20")).await;
    assert_eq!(status, 200, "{json:#}");
    let items = json["items"].as_array().unwrap();
    assert_eq!(items.len(), 4);
    assert_eq!(items[0]["status"], "applied");
    assert_eq!(items[1]["problem"]["code"], "invalid");
    assert_eq!(items[2]["result"]["_id"], "2");
    assert_eq!(items[3]["problem"]["code"], "exists");
}

#[tokio::test]
async fn what_only_tells_goes_to_its_own_topic() {
    let app = log_only().await;
    let message = json!({"index": "geo", "collection": "buses", "body": {"at": 1}});
    let (status, headers, json) = told(app.post("/v1/operations/realtime.publish", &message)).await;
    assert_eq!(
        (status.as_u16(), json["status"].as_str()),
        (202, Some("published")),
        "{json}"
    );
    assert!(headers.get("location").is_none());
    let (status, _, _) = told(
        app.post("/v1/operations/realtime.publish", &message)
            .header("prefer", "wait=5"),
    )
    .await;
    assert_eq!(status, 200);
    assert!(app.events().await.is_empty());
    let topic = app.layout.name(&event_schema::topics::INFORMATIVE);
    let mut ends = 0;
    for partition in 0..crate::harness::PARTITIONS {
        ends += app.log.admin.offsets(&topic, partition).await.unwrap().end;
    }
    assert_eq!(ends, 2);
}

/// Everything as it is, but nobody ever hears from the mailbox.
struct Deaf(std::sync::Arc<dyn event_log::consumer::Reader>);

struct Silence;

#[async_trait::async_trait]
impl event_log::PartitionStream for Silence {
    async fn next(
        &mut self,
        _: event_log::Limits,
    ) -> Result<Vec<event_log::Record>, event_log::StreamError> {
        std::future::pending().await
    }
    fn end(&self) -> u64 {
        0
    }
}

#[async_trait::async_trait]
impl event_log::consumer::Reader for Deaf {
    async fn tail(
        &self,
        topic: &str,
        partition: u16,
        from: event_log::consumer::From,
    ) -> Result<Box<dyn event_log::PartitionStream>, event_log::StreamError> {
        if topic.contains("mailbox") {
            Ok(Box::new(Silence))
        } else {
            self.0.tail(topic, partition, from).await
        }
    }
    async fn read(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        until: u64,
        limits: event_log::Limits,
        wait: std::time::Duration,
    ) -> Result<Vec<event_log::Record>, event_log::StreamError> {
        self.0
            .read(topic, partition, from, until, limits, wait)
            .await
    }
}

fn deafened(log: event_log::Log) -> event_log::Log {
    event_log::Log {
        reader: std::sync::Arc::new(Deaf(log.reader.clone())),
        ..log
    }
}

/// And nothing is found by a look into the ledger either, within the time of the test.
#[tokio::test]
async fn a_verdict_of_the_same_process_does_not_go_through_the_mailbox() {
    let app = crate::harness::Builder {
        wrap: Box::new(deafened),
        config: gateway::Config {
            ledger_poll_millis: 600_000,
            ..Default::default()
        },
        are_one_process: true,
        ..Default::default()
    }
    .start()
    .await;
    app.cities().await;
    for (body, expected) in [(city("1", "Paris"), 200), (city("1", "Paris"), 409)] {
        let request = app.post("/v1/operations/document.create", &body);
        let (status, _, json) = told(request.header("prefer", "wait=30")).await;
        assert_eq!(status, expected, "{json}");
    }
    let mailbox = app.layout.name(&event_schema::topics::MAILBOX);
    for partition in 0..crate::harness::PARTITIONS {
        let offsets = app.log.admin.offsets(&mailbox, partition).await.unwrap();
        assert_eq!(offsets.end, 0, "partition {partition}");
    }
}

#[tokio::test]
async fn a_lost_feedback_hangs_nobody() {
    let app = crate::harness::Builder {
        wrap: Box::new(deafened),
        ..Default::default()
    }
    .start()
    .await;
    app.cities().await;
    let begun = std::time::Instant::now();
    let (status, _, json) = told(
        app.post("/v1/operations/document.create", &city("1", "Paris"))
            .header("prefer", "wait=30"),
    )
    .await;
    assert_eq!(
        (status.as_u16(), json["status"].as_str()),
        (200, Some("applied")),
        "{json}"
    );
    assert!(begun.elapsed() < std::time::Duration::from_secs(15));
}
