//! What a gateway read of callers holds until something changes, and no longer than it has a lease.

use super::{PASSWORD, allow, close, login, ok, refused, user};
use crate::{
    harness::{App, Builder, layout, told},
    silent::{is_beacon, keep_back},
    slow_record::{LookUps, SlowRecord},
};
use event_log::{
    Limits, Log, PartitionStream, Record, StreamError,
    consumer::{From, Reader},
};
use event_schema::topics::SECURITY;
use gateway::Config;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

const INVALID: (u16, &str) = (401, "security.token.invalid");
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens the topic `security` in more time than a gateway lets pass between two beacons.
struct SlowToOpen(Arc<dyn Reader>);

#[async_trait::async_trait]
impl Reader for SlowToOpen {
    async fn tail(
        &self,
        topic: &str,
        partition: u16,
        from: From,
    ) -> Result<Box<dyn PartitionStream>, StreamError> {
        if topic == layout().name(&SECURITY) {
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        self.0.tail(topic, partition, from).await
    }
    async fn read(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        until: u64,
        limits: Limits,
        wait: Duration,
    ) -> Result<Vec<Record>, StreamError> {
        self.0
            .read(topic, partition, from, until, limits, wait)
            .await
    }
}

async fn started(beacons: bool) -> (App, Arc<LookUps>) {
    let look_ups = Arc::<LookUps>::default();
    let counted = look_ups.clone();
    let app = Builder {
        wrap_record: Box::new(move |record| Arc::new(SlowRecord(record, counted))),
        wrap: Box::new(move |log: Log| {
            if beacons {
                return log;
            }
            keep_back(log, is_beacon)
        }),
        ..Builder::default()
    };
    (app.start().await, look_ups)
}

async fn now(app: &App, token: &str) -> Value {
    ok(app, "GET", "/_now", Some(token), None).await
}

async fn status_at(app: &App, gateway: SocketAddr, token: &str) -> u16 {
    let url = format!("http://{gateway}/_now");
    let asked = app.client.get(url).bearer_auth(token);
    asked.send().await.unwrap().status().as_u16()
}

/// Seconds since it had read the topic to its end, as it says.
async fn unread(app: &App, admin: &str) -> u64 {
    let metrics = app.get("/metrics").bearer_auth(admin);
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    let name = "consign_gateway_security_unread_seconds ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
}

/// Asks until the store is not asked for the caller.
async fn until_known(app: &App, look_ups: &LookUps, token: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        let before = look_ups.reads();
        now(app, token).await;
        if look_ups.reads() == before {
            return;
        }
        assert!(Instant::now() < until, "each request asks the store");
    }
}

#[tokio::test]
async fn a_topic_that_opens_slowly_is_opened() {
    let look_ups = Arc::<LookUps>::default();
    let counted = look_ups.clone();
    let app = Builder {
        wrap_record: Box::new(move |record| Arc::new(SlowRecord(record, counted))),
        wrap: Box::new(|log: Log| {
            let reader = Arc::new(SlowToOpen(log.reader.clone()));
            Log { reader, ..log }
        }),
        ..Builder::default()
    };
    let app = app.start().await;
    let admin = close(&app).await;
    until_known(&app, &look_ups, &admin).await;
}

#[tokio::test]
async fn a_caller_of_whom_nothing_changed_asks_no_store() {
    let (app, look_ups) = started(true).await;
    let began = Instant::now();
    let admin = close(&app).await;
    let clock = json!({"server": allow(&["now"])});
    let token = user(&app, &admin, "robot", clock, json!([])).await;
    until_known(&app, &look_ups, &token).await;
    let before = look_ups.reads();
    // For longer than anything is believed without being heard of.
    let until = Instant::now() + Duration::from_millis(2_500);
    while Instant::now() < until {
        now(&app, &token).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(look_ups.reads(), before);
    tokio::time::sleep(Duration::from_millis(5_500).saturating_sub(began.elapsed())).await;
    assert!(unread(&app, &admin).await < 5);
    // Somebody else's session ends: that is no reason either.
    let other = login(&app, "root", PASSWORD).await;
    ok(&app, "POST", "/_logout", Some(&other), None).await;
    let before = look_ups.reads();
    now(&app, &token).await;
    assert_eq!(look_ups.reads(), before);
    ok(&app, "POST", "/_logout", Some(&token), None).await;
    refused(&app, ("GET", "/_now"), Some(&token), None, INVALID).await;
    assert!(look_ups.reads() > before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_gateway_took_away_no_other_honours() {
    let (app, _) = started(true).await;
    let admin = close(&app).await;
    let other = app.sibling(Config::default()).await;
    let mut times = Vec::new();
    for _ in 0..20 {
        let token = login(&app, "root", PASSWORD).await;
        assert_eq!(status_at(&app, other, &token).await, 200);
        let began = Instant::now();
        ok(&app, "POST", "/_logout", Some(&token), None).await;
        times.push(began.elapsed());
        assert_eq!(status_at(&app, other, &token).await, 401);
        assert_eq!(status_at(&app, other, &admin).await, 200);
    }
    times.sort_unstable();
    assert!(times[times.len() / 2] < Duration::from_secs(1), "{times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_lease_the_record_is_asked_and_answers_wait_for_the_leases_of_others() {
    let (app, look_ups) = started(false).await;
    let began = Instant::now();
    let admin = close(&app).await;
    assert!(
        began.elapsed() > Duration::from_secs(5),
        "nobody else said that it knows"
    );
    let other = app.sibling(Config::default()).await;
    for _ in 0..3 {
        let before = look_ups.reads();
        now(&app, &admin).await;
        assert!(look_ups.reads() > before, "it was believed without a lease");
    }
    let (_, _, report) = told(app.get("/readyz")).await;
    let lease = &report["components"]["security-lease"];
    assert_eq!(lease["state"], "degraded", "{report:#}");
    assert!(unread(&app, &admin).await >= 5);
    assert_eq!(status_at(&app, other, &admin).await, 200);
    ok(&app, "POST", "/_logout", Some(&admin), None).await;
    assert_eq!(status_at(&app, other, &admin).await, 401);
    refused(&app, ("GET", "/_now"), Some(&admin), None, INVALID).await;
}
