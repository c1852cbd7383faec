//! What a gateway keeps its spool on: records are safe some time after they are handed over, in the
//! order of the calls. When its process is killed what is not safe by then is gone. One that is
//! frozen holds it; others ship from a copy.

use crate::process::{BEGIN, ModelProcess};
use event_log::NewRecord;
use parking_lot::Mutex;
use spool::{
    SpoolMedium,
    medium::{
        FoundAt, FoundRecords, MediumError, MediumState, NotQueued, RecordWritten, Shipped,
        SpoolId, SpooledRecord, WriteCompletion,
    },
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{sync::mpsc, time::Instant};

/// Records that wait to be written: no history has so many.
const QUEUE: usize = 10_000;

/// What is safe of a spool, whoever has it open.
#[derive(Clone, Debug, Default)]
struct SafeRecords {
    records: BTreeMap<u64, SpooledRecord>,
    next: u64,
    shipped: Shipped,
}

/// The disk of one gateway.
#[derive(Debug)]
pub struct ModelDisk {
    id: SpoolId,
    start: Instant,
    safe: Mutex<SafeRecords>,
}

impl ModelDisk {
    #[must_use]
    pub fn new(id: u64, start: Instant) -> Arc<Self> {
        Arc::new(Self {
            id: SpoolId(id),
            start,
            safe: Mutex::default(),
        })
    }

    /// As another process reads it that cannot open it.
    #[must_use]
    pub fn copy(&self) -> Arc<Self> {
        Arc::new(Self {
            id: self.id,
            start: self.start,
            safe: Mutex::new(self.safe.lock().clone()),
        })
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.safe.lock().records.is_empty()
    }

    fn write(&self, record: NewRecord) -> RecordWritten {
        let mut safe = self.safe.lock();
        let number = safe.next;
        let passed = i64::try_from(self.start.elapsed().as_millis()).unwrap_or(0);
        let at = BEGIN + passed;
        let size = spool::codec::encoded_size(&record).unwrap_or_default() as u64;
        let spooled = SpooledRecord {
            number,
            spooled_at: at,
            size,
            record,
        };
        safe.records.insert(number, spooled);
        safe.next += 1;
        RecordWritten { number, at }
    }

    fn read(&self, from: u64, most: usize) -> FoundAt {
        let safe = self.safe.lock();
        if from < safe.shipped.through && !safe.records.contains_key(&from) {
            return FoundAt::Shipped(safe.shipped.clone());
        }
        let records = safe.records.range(from..).map(|(_, record)| record.clone());
        FoundAt::Records(records.take(most).collect())
    }

    fn let_go(&self, shipped: &Shipped) {
        let mut safe = self.safe.lock();
        safe.shipped.join(shipped);
        let through = safe.shipped.through;
        safe.records = safe.records.split_off(&through);
        safe.next = safe.next.max(through);
    }
}

/// A disk that one process has open.
pub struct ModelMedium {
    disk: Arc<ModelDisk>,
    process: ModelProcess,
    found: FoundRecords,
    queue: mpsc::Sender<(NewRecord, WriteCompletion)>,
    is_killed: Arc<AtomicBool>,
}

impl ModelMedium {
    #[must_use]
    pub fn open(disk: Arc<ModelDisk>, process: ModelProcess) -> Arc<Self> {
        let found = {
            let safe = disk.safe.lock();
            let bytes = safe.records.values().map(|record| record.size).sum();
            FoundRecords {
                earliest: safe.records.keys().next().copied().unwrap_or(safe.next),
                end: safe.next,
                bytes,
                oldest: safe.records.values().next().map(|first| first.spooled_at),
                shipped: safe.shipped.clone(),
            }
        };
        let (queue, mut queued) = mpsc::channel::<(NewRecord, WriteCompletion)>(QUEUE);
        let is_killed = Arc::new(AtomicBool::new(false));
        let (to, by, killed) = (disk.clone(), process.clone(), is_killed.clone());
        runtime::spawn("simulated", async move {
            while let Some((record, done)) = queued.recv().await {
                by.pass().await;
                if killed.load(Ordering::Relaxed) {
                    return;
                }
                let written = to.write(record);
                by.pass().await;
                if killed.load(Ordering::Relaxed) {
                    return;
                }
                done(Ok(written));
            }
        });
        Arc::new(Self {
            disk,
            process,
            found,
            queue,
            is_killed,
        })
    }

    /// Nothing that is under way gets safe any more.
    pub fn kill(&self) {
        self.is_killed.store(true, Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.is_killed.load(Ordering::Relaxed)
    }
}

#[async_trait::async_trait]
impl SpoolMedium for ModelMedium {
    fn id(&self) -> SpoolId {
        self.disk.id
    }

    fn place(&self) -> String {
        format!("the disk of {}", self.process.name)
    }

    fn found(&self) -> &FoundRecords {
        &self.found
    }

    fn append(&self, record: &NewRecord, done: WriteCompletion) -> Result<(), NotQueued> {
        let queued = self.queue.try_send((record.clone(), done));
        queued.map_err(|_| NotQueued)
    }

    async fn read(&self, from: u64, most: usize) -> Result<FoundAt, MediumError> {
        self.process.pass().await;
        let most = most.min(1 + self.process.dice.roll(8) as usize);
        Ok(self.disk.read(from, most))
    }

    async fn let_go(&self, shipped: &Shipped) -> Result<(), MediumError> {
        self.process.pass().await;
        if !self.is_killed() {
            self.disk.let_go(shipped);
        }
        Ok(())
    }

    async fn keep_before(&self, _record: &NewRecord) -> Result<(), MediumError> {
        Ok(())
    }

    async fn before(&self) -> Result<Vec<NewRecord>, MediumError> {
        Ok(Vec::new())
    }

    async fn set_aside(&self, _number: u64, _record: &NewRecord) -> Result<(), MediumError> {
        Ok(())
    }

    async fn state(&self, _reserve: u64) -> MediumState {
        self.process.pass().await;
        MediumState::Well
    }
}
