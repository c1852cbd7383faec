//! Too much, or a log that is away: 429 and 503 that say when to come back, never a 2xx that is not
//! true.

use crate::harness::{Builder, city, problem, told};
use event_log::{Delivery, DeliveryError, Log, NewRecord, Publisher, Refused, SendError};
use gateway::Config;
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

/// What the log is to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    Full,
    Away,
    Silent,
    Rejecting,
    Doubtful,
}

struct Moody {
    real: Arc<dyn Publisher>,
    mood: Arc<Mutex<Mood>>,
    held: Mutex<Vec<event_log::DeliverySender>>,
}

#[async_trait::async_trait]
impl Publisher for Moody {
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError> {
        let (sender, delivery) = Delivery::pair();
        match *self.mood.lock() {
            Mood::Well | Mood::Away => return self.real.send(record),
            Mood::Full => {
                return Err(SendError {
                    why: Refused::QueueFull,
                    record: Box::new(record),
                });
            }
            Mood::Silent => self.held.lock().push(sender),
            Mood::Rejecting => sender.send(Err(DeliveryError::Rejected("no".into()))),
            Mood::Doubtful => sender.send(Err(DeliveryError::Unknown("connection gone".into()))),
        }
        Ok(delivery)
    }
    async fn flush(&self, limit: Duration) -> usize {
        self.real.flush(limit).await
    }
    fn healthy(&self) -> bool {
        *self.mood.lock() != Mood::Away
    }
}

async fn moody(config: Config) -> (crate::harness::App, Arc<Mutex<Mood>>) {
    let mood = Arc::new(Mutex::new(Mood::Well));
    let given = mood.clone();
    let wrap = Box::new(move |log: Log| {
        let publisher = Moody {
            real: log.publisher.clone(),
            mood: given,
            held: Mutex::default(),
        };
        Log {
            publisher: Arc::new(publisher),
            ..log
        }
    });
    let app = Builder {
        worker: false,
        config,
        wrap,
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    (app, mood)
}

#[tokio::test]
async fn a_log_in_trouble_is_told_by_its_kind() {
    let (app, mood) = moody(Config {
        publish_timeout_seconds: 1,
        ..Config::default()
    })
    .await;
    let cases = [
        (Mood::Full, 429, "queue_full"),
        (Mood::Away, 503, "log_unavailable"),
        (Mood::Rejecting, 503, "log_unavailable"),
        (Mood::Doubtful, 503, "unknown_outcome"),
        (Mood::Silent, 503, "unknown_outcome"),
    ];
    for (trouble, status, code) in cases {
        *mood.lock() = trouble;
        let (found, headers, json) =
            told(app.post("/v1/operations/document.create", &city("1", "x"))).await;
        assert_eq!(
            (found.as_u16(), json["code"].as_str()),
            (status, Some(code)),
            "{json}"
        );
        assert!(headers.contains_key("retry-after"), "{code}");
        assert_eq!(
            json["request_id"].is_string(),
            status == 503 && trouble != Mood::Away,
            "{json}"
        );
    }
    *mood.lock() = Mood::Well;
    assert_eq!(
        told(app.post("/v1/operations/document.create", &city("1", "x")))
            .await
            .0,
        202
    );
}

#[tokio::test]
async fn a_gateway_serves_while_the_log_is_not_there_yet() {
    let (known, durability) = tokio::sync::watch::channel(None);
    let app = Builder {
        durability,
        ..Builder::default()
    }
    .start()
    .await;
    app.cities().await;
    assert_eq!(
        told(app.get("/v1/collections")).await.0,
        200,
        "reads need no log"
    );
    let (status, _, ready) = told(app.get("/readyz")).await;
    assert_eq!(
        (status.as_u16(), &ready["components"]["catalog"]["state"]),
        (503, &"starting".into()),
        "{ready}"
    );
    let write = || app.post("/v1/operations/document.create", &city("1", "x"));
    let (_, headers, _) = told(write()).await;
    assert!(headers.contains_key("retry-after"));
    problem(write(), 503, "log_unavailable").await;
    known.send_replace(Some(event_log::Durability::Embedded));
    for _ in 0..100 {
        if told(app.get("/readyz")).await.0 == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (status, _, json) = told(write()).await;
    assert_eq!(
        (status.as_u16(), &json["durability"]),
        (202, &"embedded".into()),
        "{json}"
    );
}

#[tokio::test]
async fn an_unknown_outcome_frees_its_key_for_the_retry() {
    let (app, mood) = moody(Config::default()).await;
    let send = || {
        app.post("/v1/operations/document.create", &city("1", "x"))
            .header("idempotency-key", "k")
    };
    *mood.lock() = Mood::Doubtful;
    let first = problem(send(), 503, "unknown_outcome").await;
    assert!(first["hint"].as_str().unwrap().contains("Idempotency-Key"));
    *mood.lock() = Mood::Well;
    let (status, _, second) = told(send()).await;
    assert_eq!(
        (status.as_u16(), &second["request_id"]),
        (202, &first["request_id"])
    );
}

#[tokio::test]
async fn a_bulk_waits_for_room_and_then_says_which_lines_to_repeat() {
    let (app, mood) = moody(Config {
        bulk_patience_seconds: 1,
        ..Config::default()
    })
    .await;
    let lines: String = (0..50)
        .map(|n| city(&n.to_string(), "x").to_string() + "\n")
        .collect();
    let send = || {
        app.client
            .post(app.url("/v1/operations/document.create/_bulk"))
            .header("content-type", "application/x-ndjson")
            .body(lines.clone())
    };
    *mood.lock() = Mood::Away;
    let text = send().send().await.unwrap().text().await.unwrap();
    assert_eq!(text.lines().count(), 51, "{text}");
    assert!(
        text.lines()
            .take(50)
            .all(|line| line.contains("log_unavailable")),
        "{text}"
    );
    assert!(text.contains("\"accepted\":0,\"refused\":50"));
    *mood.lock() = Mood::Full;
    let better = mood.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        *better.lock() = Mood::Well;
    });
    let text = send().send().await.unwrap().text().await.unwrap();
    assert!(text.contains("\"accepted\":50,\"refused\":0"), "{text}");
}

#[tokio::test]
async fn more_requests_than_may_be_in_hand_are_turned_away() {
    let (app, mood) = moody(Config {
        max_in_flight: 4,
        publish_timeout_seconds: 3,
        ..Config::default()
    })
    .await;
    *mood.lock() = Mood::Silent;
    let stuck: Vec<_> = (0..4)
        .map(|n| {
            tokio::spawn(told(
                app.post("/v1/operations/document.create", &city(&n.to_string(), "x")),
            ))
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (status, headers, json) = told(app.get("/v1/collections")).await;
    assert_eq!(
        (status.as_u16(), json["code"].as_str()),
        (429, Some("overloaded"))
    );
    assert!(headers.contains_key("retry-after"));
    for stuck in stuck {
        assert_eq!(stuck.await.unwrap().0, 503);
    }
    assert_eq!(told(app.get("/v1/collections")).await.0, 200);
}

#[tokio::test]
async fn bodies_of_all_requests_together_are_bounded() {
    let (app, mood) = moody(Config {
        body_budget_bytes: 1_500,
        publish_timeout_seconds: 2,
        ..Config::default()
    })
    .await;
    *mood.lock() = Mood::Silent;
    let large = city("1", &"x".repeat(1_000));
    let stuck = tokio::spawn(told(app.post("/v1/operations/document.create", &large)));
    tokio::time::sleep(Duration::from_millis(300)).await;
    problem(
        app.post("/v1/operations/document.create", &large),
        429,
        "overloaded",
    )
    .await;
    assert_eq!(stuck.await.unwrap().0, 503);
    *mood.lock() = Mood::Well;
    assert_eq!(
        told(app.post("/v1/operations/document.create", &large))
            .await
            .0,
        202
    );
}
