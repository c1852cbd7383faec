//! An outage in a few lines, whoever fails how often; and the lines of real clients without a broker.

use super::*;
use crate::kafka::{KafkaSettings, connect_log};
use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

fn after(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_outage_is_told_when_it_begins_each_minute_and_when_it_ends() {
    let (mut outage, start) = (Outage { since: None }, Instant::now());
    assert_eq!(outage.reached(start), None);
    assert_eq!(outage.failed(start), Some(OutageLine::Began));
    let lines: Vec<OutageLine> = (1..=1_300)
        .filter_map(|tenth| outage.failed(start + Duration::from_millis(tenth * 100)))
        .collect();
    let goes_on = |since| OutageLine::GoesOn {
        failures: 600,
        since: after(since),
    };
    assert_eq!(lines, [goes_on(60), goes_on(120)]);
    let ended = OutageLine::Ended {
        failures: 100,
        since: after(131),
    };
    assert_eq!(outage.reached(start + after(131)), Some(ended));
    assert_eq!(outage.reached(start + after(132)), None);
    assert_eq!(outage.failed(start + after(133)), Some(OutageLine::Began));
}

/// Nobody said that it had ended.
#[test]
fn a_failure_long_after_the_last_is_another_outage() {
    let (mut outage, start) = (Outage { since: None }, Instant::now());
    assert_eq!(outage.failed(start), Some(OutageLine::Began));
    assert_eq!(outage.failed(start + after(59)), None);
    assert_eq!(outage.failed(start + after(119)), Some(OutageLine::Began));
}

/// Keeps what operators see of these clients.
#[derive(Clone, Default)]
struct SeenLines(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        _ = write!(self.0, "{field}={value:?} ");
    }
}

impl Subscriber for SeenLines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "kafka" && *metadata.level() <= Level::INFO
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().push(text.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The clients log from threads of their own, so the subscriber is the process's.
#[tokio::test]
async fn clients_without_a_broker_fill_no_log() {
    let lines = SeenLines::default();
    tracing::subscriber::set_global_default(lines.clone()).expect("no other test sets one");
    // Nobody listens on the port of a socket that was closed.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let brokers = socket.local_addr().expect("it is bound").to_string();
    drop(socket);
    let log = connect_log(KafkaSettings {
        brokers: brokers.clone(),
        properties: BTreeMap::new(),
    })
    .expect("no broker is asked");
    let asked = log.groups.committed("a group", "a topic", 0);
    _ = tokio::time::timeout(after(3), asked).await;
    let asked = log.admin.offsets("a topic", 0);
    _ = tokio::time::timeout(after(3), asked).await;
    let seen = lines.0.lock().clone();
    let of_this: Vec<&String> = seen.iter().filter(|line| line.contains(&brokers)).collect();
    assert!(
        (1..=2).contains(&of_this.len()),
        "{} lines: {seen:#?}",
        of_this.len()
    );
}
