//! One chain in a real log, whatever is handed over, and whatever is too much.

use super::*;
use crate::{ChainCheck, LoggedEvent};
use event_log::{CleanupPolicy, DeliveryError, Publisher, SendError, TopicSpec, embedded};
use runtime::SystemClock;
use serde_json::json;

const TOPIC: &str = "security-log";

struct World {
    _folder: tempfile::TempDir,
    log: Log,
    security: Arc<SecurityLog>,
    lost: IntCounter,
}

fn keys() -> Keyring {
    Keyring::new(1, *b"0123456789abcdef")
}

impl World {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = embedded::Options::default();
        let (log, handle) = embedded::open_log(&folder.path().join("log"), options).unwrap();
        // The log closes with the process.
        std::mem::forget(handle);
        let spec = TopicSpec {
            name: TOPIC.into(),
            partitions: 1,
            cleanup: CleanupPolicy::Keep,
            record_limit: 1 << 20,
            durable: true,
        };
        log.admin.create(&[spec]).await.unwrap();
        let lost = IntCounter::new("lost", "lost").unwrap();
        let security = SecurityLog::new(Arc::new(SystemClock), lost.clone());
        Self {
            _folder: folder,
            log,
            security: Arc::new(security),
            lost,
        }
    }

    fn target(&self, process: &str) -> LogTarget {
        LogTarget {
            log: self.log.clone(),
            topic: TOPIC.into(),
            keys: keys(),
            service: "gateway",
            process: process.to_owned(),
        }
    }

    /// Writes what was handed over, and the end.
    async fn write_and_close(&self) {
        let (_trigger, shutdown) = Shutdown::manual();
        let opened = SecurityEvent::new(EventKind::LOG_OPENED);
        let writing = self.security.clone();
        let writing = writing.write_to(self.target("p"), opened, shutdown);
        futures::join!(writing, self.security.close());
    }

    /// The kinds of all events, whose chains must be whole.
    async fn kinds(&self) -> Vec<(String, serde_json::Value)> {
        let scan = self.log.scan_kept(TOPIC, 0, 0).await.unwrap();
        let records = scan.collect().await.unwrap();
        let mut check = ChainCheck::new(keys(), 0);
        records.iter().for_each(|record| check.read_record(record));
        let report = check.into_report();
        assert!(report.whole && report.without_end.is_empty(), "{report:#?}");
        let events = records
            .iter()
            .map(|record| LoggedEvent::of(record).unwrap());
        let kind = |event: LoggedEvent| {
            (
                event.kind().to_owned(),
                event.event["data"]["count"].clone(),
            )
        };
        events.map(kind).collect()
    }
}

fn event(kind: EventKind) -> SecurityEvent {
    SecurityEvent::new(kind).by("meera")
}

#[tokio::test]
async fn what_is_handed_over_is_one_chain_with_a_beginning_and_an_end() {
    let world = World::open().await;
    world.security.record(event(EventKind::LOGIN_SUCCEEDED));
    for _ in 0..3 {
        world.security.count(event(EventKind::REQUEST_DENIED));
    }
    world.security.record(event(EventKind::SESSION_ENDED));
    world.write_and_close().await;
    let expected = [
        ("log.opened", json!(null)),
        ("login.succeeded", json!(null)),
        ("session.ended", json!(null)),
        ("request.denied", json!(3)),
        ("log.closed", json!(null)),
    ];
    let expected = expected.map(|(kind, count)| (kind.to_owned(), count));
    assert_eq!(world.kinds().await, expected);
}

#[tokio::test]
async fn what_finds_no_room_is_counted_and_told() {
    let world = World::open().await;
    for _ in 0..QUEUE + 7 {
        world.security.record(event(EventKind::LOGIN_SUCCEEDED));
    }
    assert_eq!(world.lost.get(), 7);
    world.write_and_close().await;
    let kinds = world.kinds().await;
    assert_eq!(kinds.len(), QUEUE + 3);
    let lost: Vec<_> = kinds
        .iter()
        .filter(|(kind, _)| kind == "log.lost")
        .collect();
    assert_eq!(lost, [&("log.lost".to_owned(), json!(7))]);
}

#[tokio::test]
async fn a_command_writes_a_chain_of_its_own() {
    let world = World::open().await;
    let erased = vec![event(EventKind::SUBJECT_ERASED).about("user/17")];
    assert!(record_once(world.target("c"), erased, 1_000).await);
    let kinds: Vec<String> = world
        .kinds()
        .await
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(kinds, ["log.opened", "subject.erased", "log.closed"]);
}

/// Neither breaks the chain: what was too large, and what stands behind it.
#[tokio::test]
async fn what_is_larger_than_a_record_is_logged_without_its_detail() {
    let world = World::open().await;
    let role: Vec<_> = (0..100_000).map(|n| format!("collection-{n}")).collect();
    let changed = event(EventKind::ROLE_CHANGED).about("huge");
    world.security.record(changed.with("after", json!(role)));
    world.security.record(event(EventKind::SESSION_ENDED));
    world.write_and_close().await;
    let kinds = world.kinds().await;
    let kinds: Vec<&str> = kinds.iter().map(|(kind, _)| kind.as_str()).collect();
    let expected = ["log.opened", "role.changed", "session.ended", "log.closed"];
    assert_eq!((kinds, world.lost.get()), (expected.to_vec(), 0));
}

/// A log that is away for good takes nothing: whoever closes does not wait for ever.
#[tokio::test(start_paused = true)]
async fn closing_is_bounded() {
    let world = World::open().await;
    // Nobody writes.
    world.security.close().await;
}

/// Gives up what it is told to, long after those behind it landed.
struct GivingUp {
    inner: Arc<dyn Publisher>,
    sent: AtomicU64,
    given_up: Vec<u64>,
}

#[async_trait::async_trait]
impl Publisher for GivingUp {
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError> {
        let place = self.sent.fetch_add(1, Ordering::SeqCst);
        if !self.given_up.contains(&place) {
            return self.inner.send(record);
        }
        let (sender, delivery) = Delivery::pair();
        sender.send(Err(DeliveryError::Rejected("no room".into())));
        Ok(delivery)
    }

    async fn flush(&self, limit: Duration) -> usize {
        self.inner.flush(limit).await
    }

    fn healthy(&self) -> bool {
        self.inner.healthy()
    }
}

impl World {
    /// Whose log gives up the n-th records.
    async fn giving_up(given_up: Vec<u64>) -> Self {
        let mut world = Self::open().await;
        world.log.publisher = Arc::new(GivingUp {
            inner: world.log.publisher.clone(),
            sent: AtomicU64::new(0),
            given_up,
        });
        world
    }

    async fn report(&self) -> crate::ChainReport {
        let scan = self.log.scan_kept(TOPIC, 0, 0).await.unwrap();
        let records = scan.collect().await.unwrap();
        let mut check = ChainCheck::new(keys(), 0);
        records.iter().for_each(|record| check.read_record(record));
        check.into_report()
    }
}

#[tokio::test]
async fn what_the_log_gives_up_is_a_counted_loss_and_no_hole_that_looks_like_forgery() {
    // The first of all, some of one batch, the word of a loss itself.
    for given_up in [vec![0], vec![2, 3], vec![1, 5], vec![4, 6]] {
        let lost = given_up.len() as u64;
        let world = World::giving_up(given_up.clone()).await;
        for _ in 0..4 {
            world.security.record(event(EventKind::LOGIN_SUCCEEDED));
        }
        world.security.count(event(EventKind::REQUEST_DENIED));
        world.write_and_close().await;
        let report = world.report().await;
        assert!(report.whole, "{given_up:?}: {report:#?}");
        assert_eq!(report.lost, lost, "{given_up:?}");
        assert!(report.without_end.is_empty(), "{given_up:?}: {report:#?}");
        assert_eq!(world.lost.get(), lost);
    }
}

#[tokio::test]
async fn a_command_says_what_the_log_gave_up_of_it() {
    let world = World::giving_up(vec![1]).await;
    let erased = vec![event(EventKind::SUBJECT_ERASED).about("user/17")];
    assert!(!record_once(world.target("c"), erased, 1_000).await);
    let report = world.report().await;
    assert!(report.whole, "{report:#?}");
    assert_eq!(report.lost, 1);
}
