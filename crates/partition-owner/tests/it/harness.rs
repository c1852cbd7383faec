//! A log with one topic, members of one group on it, and work that does what the test says.

use event_log::{CleanupPolicy, Limits, Log, NewRecord, TopicSpec, embedded};
use parking_lot::Mutex;
use partition_owner::{
    GroupRefused, OwnedPartition, OwnerNotice, OwnerOptions, PartitionWork, TenureOutcome,
    own_partitions,
};
use runtime::{Backoff, Health, Shutdown, ShutdownTrigger, State};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

pub const PARTITIONS: u16 = 4;
const TOPIC: &str = "t";
const GROUP: &str = "g";

pub struct World {
    _folder: tempfile::TempDir,
    pub log: Log,
}

/// What tenures of this work do, and what became of them. Clones share it.
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<Scripted>>);

#[derive(Default)]
pub struct Scripted {
    /// By partition: the ends of the next tenures, in order. After them a tenure reads on.
    pub ends: BTreeMap<u16, Vec<End>>,
    /// So many tenures were begun.
    pub begun: BTreeMap<u16, usize>,
    /// Partitions whose tenure is under way.
    pub running: BTreeSet<u16>,
    pub notices: Vec<(u16, OwnerNotice)>,
    /// What the tenures before had left to each.
    pub carried: Vec<(u16, usize)>,
    /// Values of the records read.
    pub read: BTreeMap<u16, Vec<String>>,
    /// The partitions as they were handed to the last tenure of each.
    pub owned: BTreeMap<u16, OwnedPartition>,
    /// At a soft shutdown a tenure goes on for so long.
    pub lingers: Duration,
}

/// How a tenure ends.
#[derive(Clone, Debug)]
pub enum End {
    /// Before the partition was taken.
    Untaken(&'static str),
    Retake(&'static str),
    Halt(&'static str),
    Panic(&'static str),
    /// Never: it hangs while it takes the partition.
    Hang,
}

pub struct Member {
    pub script: Script,
    pub trigger: ShutdownTrigger,
    pub health: Health,
    pub handle: JoinHandle<Result<(), GroupRefused>>,
}

impl Member {
    pub async fn stop(self) {
        self.trigger.soft();
        self.handle.await.unwrap().unwrap();
    }

    /// What `/readyz` says of one partition.
    pub fn trouble(&self, partition: u16) -> Option<String> {
        let components = self.health.report().components;
        match components.get(&format!("test partition {partition}"))? {
            State::Missing { why } => Some(why.clone()),
            State::Ready | State::Degraded { .. } | State::Starting { .. } => None,
        }
    }
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = embedded::Options::default();
        let (log, handle) = embedded::open_log(&folder.path().join("log"), options).unwrap();
        // The log closes with the process.
        std::mem::forget(handle);
        let spec = TopicSpec {
            name: TOPIC.into(),
            partitions: PARTITIONS,
            cleanup: CleanupPolicy::Keep,
            record_limit: 1 << 20,
            durable: true,
        };
        log.admin.create(&[spec]).await.unwrap();
        Self {
            _folder: folder,
            log,
        }
    }

    pub fn member(&self, script: Script) -> Member {
        self.member_with(script, |_| {})
    }

    pub fn member_with(&self, script: Script, change: impl FnOnce(&mut OwnerOptions)) -> Member {
        let mut options = OwnerOptions {
            component: "test",
            group: GROUP.into(),
            topic: TOPIC.into(),
            backoff: Backoff::new(Duration::from_millis(2), Duration::from_millis(50)),
            drain: Duration::from_secs(10),
            settled_after: OwnerOptions::SETTLED_AFTER,
        };
        change(&mut options);
        let (trigger, shutdown) = Shutdown::manual();
        let (log, health) = (self.log.clone(), Health::default());
        let (work, shown) = (Arc::new(script.clone()), health.clone());
        let run = async move { own_partitions(work, options, &log, &shown, &shutdown).await };
        Member {
            script,
            trigger,
            health,
            handle: tokio::spawn(run),
        }
    }

    pub async fn append(&self, partition: u16, value: &str) {
        let record = NewRecord {
            topic: TOPIC.into(),
            partition,
            key: None,
            value: Some(bytes::Bytes::copy_from_slice(value.as_bytes())),
            headers: Vec::new(),
        };
        self.log.publisher.send(record).unwrap().await.unwrap();
    }

    pub async fn committed(&self, partition: u16) -> Option<u64> {
        let groups = &self.log.groups;
        let committed = groups.committed(GROUP, TOPIC, partition).await.unwrap();
        committed.map(|committed| committed.offset)
    }
}

impl Script {
    pub fn ends(&self, partition: u16, ends: impl IntoIterator<Item = End>) {
        let mut ends: Vec<End> = ends.into_iter().collect();
        ends.reverse();
        self.0.lock().ends.insert(partition, ends);
    }

    pub fn with<T>(&self, look: impl FnOnce(&mut Scripted) -> T) -> T {
        look(&mut self.0.lock())
    }

    /// Waits until it is so.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Scripted) -> bool) {
        let until = Instant::now() + Duration::from_secs(20);
        while !is_so(&self.0.lock()) {
            assert!(Instant::now() < until, "never: {what}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Whose tenure is under way, until it is dropped.
struct Running(Script, u16);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.with(|script| script.running.remove(&self.1));
    }
}

#[async_trait::async_trait]
impl PartitionWork for Script {
    type Carried = usize;

    async fn tenure(&self, owned: &OwnedPartition, carried: &mut usize) -> TenureOutcome {
        let number = owned.number();
        let end = self.with(|script| {
            *script.begun.entry(number).or_default() += 1;
            script.running.insert(number);
            script.owned.insert(number, owned.clone());
            script.carried.push((number, *carried));
            script.ends.get_mut(&number).and_then(Vec::pop)
        });
        let _running = Running(self.clone(), number);
        *carried += 1;
        match end {
            Some(End::Untaken(why)) => return TenureOutcome::retake(why),
            Some(End::Hang) => std::future::pending().await,
            Some(_) | None => owned.taken_at(7),
        }
        match end {
            Some(End::Retake(why) | End::Untaken(why)) => TenureOutcome::retake(why),
            Some(End::Halt(why)) => TenureOutcome::Halted(why.into()),
            Some(End::Panic(why)) => panic!("{why}"),
            Some(End::Hang) | None => self.read(owned).await,
        }
    }

    fn notice(&self, partition: u16, notice: OwnerNotice) {
        self.with(|script| script.notices.push((partition, notice)));
    }
}

impl Script {
    async fn read(&self, owned: &OwnedPartition) -> TenureOutcome {
        let number = owned.number();
        let Ok(mut stream) = owned.open(0).await else {
            return TenureOutcome::Stopped;
        };
        let limits = Limits {
            records: 100,
            bytes: 1 << 20,
        };
        let mut next = 0;
        loop {
            let records = tokio::select! {
                () = owned.shutdown().soft() => break,
                Ok(records) = stream.next(limits) => records,
            };
            next = records.last().unwrap().offset + 1;
            let value = |record: &event_log::Record| {
                String::from_utf8(record.value.as_ref().unwrap().to_vec()).unwrap()
            };
            self.with(|script| {
                let read = script.read.entry(number).or_default();
                read.extend(records.iter().map(value));
            });
            owned.progressed();
        }
        let lingers = self.with(|script| script.lingers);
        tokio::time::sleep(lingers).await;
        owned.commit(next, "done".into()).await.unwrap();
        TenureOutcome::Stopped
    }
}
