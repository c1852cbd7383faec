//! A log whose wire can be cut, with a bounded queue, and a spool in front of it.

use bytes::Bytes;
use event_log::{
    Appended, Delivery, DeliveryError, DeliverySender, NewRecord, Publisher, Refused, SendError,
};
use parking_lot::Mutex;
use runtime::{Shutdown, ShutdownTrigger, SystemClock};
use spool::{
    Acknowledged, Config, FolderMedium, Spool, SpoolDelivery, SpoolFolder, SpoolMedium,
    SpoolOptions, medium::MediumError,
};
use std::{
    path::Path,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

pub const TOPIC: &str = "transactions";
const QUEUE: usize = 200;
/// A value that the log refuses when it arrives, and one that is refused when it is sent.
pub const POISON: &str = "poison";
pub const TOO_LARGE: &str = "too large";

#[derive(Default)]
struct State {
    is_away: bool,
    denial: Option<String>,
    log: Vec<Vec<NewRecord>>,
    /// Values of all partitions, as they came.
    arrived: Vec<String>,
    in_flight: Vec<(NewRecord, DeliverySender)>,
}

/// The log.
#[derive(Clone, Default)]
pub struct Wire(Arc<Mutex<State>>);

pub fn record(partition: u16, value: &str) -> NewRecord {
    NewRecord {
        topic: TOPIC.into(),
        partition,
        key: Some(Bytes::from_static(b"key")),
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: vec![("ce_id".into(), Bytes::copy_from_slice(value.as_bytes()))],
    }
}

pub fn text(record: &NewRecord) -> String {
    let value = record.value.clone().unwrap_or_default();
    String::from_utf8(value.to_vec()).unwrap()
}

impl State {
    fn append(&mut self, record: NewRecord, sender: DeliverySender) {
        if text(&record) == POISON {
            return sender.send(Err(DeliveryError::Rejected("poison".into())));
        }
        let partition = record.partition;
        let at = usize::from(partition);
        if self.log.len() <= at {
            self.log.resize(at + 1, Vec::new());
        }
        let offset = self.log[at].len() as u64;
        self.arrived.push(text(&record));
        self.log[at].push(record);
        sender.send(Ok(Appended {
            partition,
            offset,
            timestamp: 0,
        }));
    }
}

impl Wire {
    pub fn cut(&self) {
        self.0.lock().is_away = true;
    }

    pub fn mend(&self) {
        let mut state = self.0.lock();
        state.is_away = false;
        for (record, sender) in std::mem::take(&mut state.in_flight) {
            state.append(record, sender);
        }
    }

    pub fn deny(&self, why: &str) {
        self.0.lock().denial = Some(why.to_owned());
    }

    /// What flies is given up, though the first of it landed.
    pub fn lose_sight(&self) {
        let mut state = self.0.lock();
        let mut flights = std::mem::take(&mut state.in_flight).into_iter();
        if let Some((record, sender)) = flights.next() {
            let (unheard, _) = Delivery::pair();
            state.append(record, unheard);
            drop(sender);
        }
        flights.for_each(|(_, sender)| drop(sender));
    }

    pub fn values(&self, partition: u16) -> Vec<String> {
        let state = self.0.lock();
        let log = state.log.get(usize::from(partition));
        log.map(|log| log.iter().map(text).collect())
            .unwrap_or_default()
    }

    pub fn arrived(&self) -> Vec<String> {
        self.0.lock().arrived.clone()
    }

    pub fn records(&self, partition: u16) -> Vec<NewRecord> {
        let state = self.0.lock();
        state
            .log
            .get(usize::from(partition))
            .cloned()
            .unwrap_or_default()
    }

    /// Values by their first copies.
    pub fn first_copies(&self, partition: u16) -> Vec<String> {
        let mut seen = std::collections::HashSet::new();
        let mut values = self.values(partition);
        values.retain(|value| seen.insert(value.clone()));
        values
    }

    /// Numbers came in their order, and all that were acknowledged.
    pub fn has_all_in_order(&self, acknowledged: &[String], what: &str) {
        let first = self.first_copies(0);
        let order: Vec<u32> = first.iter().map(|value| value.parse().unwrap()).collect();
        assert!(order.is_sorted(), "{what}: {order:?}");
        let lost: Vec<_> = acknowledged
            .iter()
            .filter(|value| !first.contains(value))
            .collect();
        assert!(lost.is_empty(), "{what}: {lost:?}");
    }
}

#[async_trait::async_trait]
impl Publisher for Wire {
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError> {
        let mut state = self.0.lock();
        let why = if text(&record) == TOO_LARGE {
            Some(Refused::TooLarge)
        } else {
            (state.in_flight.len() >= QUEUE).then_some(Refused::QueueFull)
        };
        if let Some(why) = why {
            return Err(SendError {
                why,
                record: Box::new(record),
            });
        }
        let (sender, delivery) = Delivery::pair();
        if state.is_away {
            state.in_flight.push((record, sender));
        } else {
            state.append(record, sender);
        }
        Ok(delivery)
    }

    async fn flush(&self, _limit: Duration) -> usize {
        0
    }

    fn healthy(&self) -> bool {
        !self.0.lock().is_away
    }

    fn denied(&self) -> Option<String> {
        self.0.lock().denial.clone()
    }
}

pub fn config() -> Config {
    Config {
        after_millis: 30,
        reserve_bytes: 0,
        ..Config::default()
    }
}

pub fn options(config: &Config) -> SpoolOptions {
    SpoolOptions {
        limits: config.limits(),
        reserve: config.reserve_bytes,
        max_age: config.max_age(),
        tracked_topic: TOPIC.into(),
        clock: Arc::new(SystemClock),
    }
}

/// A spool that runs until it is killed.
pub struct Running {
    pub spool: Arc<Spool>,
    folder: Weak<SpoolFolder>,
    task: tokio::task::JoinHandle<()>,
    _stop: ShutdownTrigger,
}

impl Running {
    pub fn start(folder: &Path, wire: &Wire, config: &Config) -> Self {
        Self::over(open_folder(folder), wire, config)
    }

    pub fn over(folder: SpoolFolder, wire: &Wire, config: &Config) -> Self {
        let medium = Arc::new(FolderMedium::new(folder));
        let folder = Arc::downgrade(medium.folder());
        Self {
            folder,
            ..Self::on(medium, wire, config)
        }
    }

    /// On whatever a spool is kept.
    pub fn on(medium: Arc<dyn SpoolMedium>, wire: &Wire, config: &Config) -> Self {
        let spool = Spool::new(medium, Arc::new(wire.clone()), options(config));
        let (stop, until) = Shutdown::manual();
        let task = runtime::spawn("spool", spool.clone().run(until));
        Self {
            spool,
            folder: Weak::new(),
            task,
            _stop: stop,
        }
    }

    pub fn opened(folder: &Path, wire: &Wire, config: &Config) -> Self {
        let running = Self::start(folder, wire, config);
        running.spool.open();
        running
    }

    pub fn send(&self, partition: u16, value: &str) -> SpoolDelivery {
        self.spool.send(record(partition, value)).unwrap()
    }

    /// Sends one and waits for its answer.
    pub async fn put(&self, partition: u16, value: &str) -> Acknowledged {
        let delivery = self.send(partition, value);
        let answered = tokio::time::timeout(Duration::from_secs(10), delivery).await;
        answered.expect("no answer").unwrap()
    }

    /// Spools twenty and is told so, takes five of which nobody is told, so that they may be there or
    /// not, and is killed. `n`: the next value.
    pub async fn take_some_and_die(self, acknowledged: &mut Vec<String>, n: &mut u32) {
        for _ in 0..20 {
            assert!(is_spooled(&self.put(0, &n.to_string()).await));
            acknowledged.push(n.to_string());
            *n += 1;
        }
        for _ in 0..5 {
            drop(self.send(0, &n.to_string()));
            *n += 1;
        }
        self.kill().await;
    }

    /// As a kill would: nothing more is done, and the folder is free, if it is known which.
    pub async fn kill(self) {
        self.task.abort();
        _ = self.task.await;
        let mut spool = self.spool;
        loop {
            match Arc::try_unwrap(spool) {
                Ok(alone) => break drop(alone),
                Err(shared) => spool = shared,
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        while self.folder.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// What was killed a moment ago may be closing its files yet, on a thread of its own.
fn open_folder(folder: &Path) -> SpoolFolder {
    let begun = Instant::now();
    loop {
        match SpoolFolder::open(folder, "t") {
            Err(MediumError::Held { .. }) if begun.elapsed() < Duration::from_secs(5) => {
                std::thread::sleep(Duration::from_millis(1));
            }
            opened => return opened.unwrap(),
        }
    }
}

pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "not in time: {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn is_spooled(acknowledged: &Acknowledged) -> bool {
    matches!(acknowledged, Acknowledged::Spooled(_))
}
