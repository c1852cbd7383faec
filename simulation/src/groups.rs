//! Who owns which partition. Members hear of it late; one that is frozen or slow goes on as if it
//! still owned what another has by now.

use crate::{
    dice::SharedDice, faults::Faults, log::ModelLog, process::ModelProcess,
    process_log::ProcessLog, signal::Signal,
};
use event_log::{
    Committed, Consumer, ConsumerError, ConsumerEvent, Log, PartitionStream, StreamError,
    consumer::Groups,
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use tokio::sync::mpsc;

/// Events that a member may have to hear.
const EVENTS: usize = 10_000;

/// Hands partitions out.
#[derive(Debug)]
pub struct Coordinator {
    dice: SharedDice,
    partitions: u16,
    members: Mutex<Members>,
}

#[derive(Debug, Default)]
struct Members {
    joined: BTreeMap<String, mpsc::Sender<ConsumerEvent>>,
    owners: BTreeMap<u16, String>,
}

impl Coordinator {
    #[must_use]
    pub fn new(dice: SharedDice, partitions: u16) -> Self {
        Self {
            dice,
            partitions,
            members: Mutex::default(),
        }
    }

    fn join(&self, name: &str) -> mpsc::Receiver<ConsumerEvent> {
        let (sender, events) = mpsc::channel(EVENTS);
        self.members.lock().joined.insert(name.to_owned(), sender);
        self.rebalance();
        events
    }

    /// A member that left, or whose session is over.
    pub fn remove(&self, name: &str) {
        self.members.lock().joined.remove(name);
        self.rebalance();
    }

    /// Each partition to a member by chance, more often than not the one that has it.
    pub fn rebalance(&self) {
        let mut members = self.members.lock();
        let names: Vec<String> = members.joined.keys().cloned().collect();
        for partition in 0..self.partitions {
            let old = members.owners.get(&partition).cloned();
            let stays = old.as_ref().is_some_and(|old| names.contains(old));
            if stays && !self.dice.once_in(3) {
                continue;
            }
            let new = self.dice.pick(&names).cloned();
            if new == old {
                continue;
            }
            let event = if self.dice.once_in(2) {
                ConsumerEvent::Revoked(vec![partition])
            } else {
                ConsumerEvent::Lost(vec![partition])
            };
            if let Some(old) = old {
                members.tell(&old, event);
            }
            match new {
                Some(new) => {
                    members.tell(&new, ConsumerEvent::Assigned(vec![partition]));
                    members.owners.insert(partition, new);
                }
                None => _ = members.owners.remove(&partition),
            }
        }
    }
}

impl Members {
    fn tell(&self, name: &str, event: ConsumerEvent) {
        if let Some(member) = self.joined.get(name) {
            // A member that is gone hears nothing.
            _ = member.try_send(event);
        }
    }
}

struct ModelGroups {
    log: Arc<ProcessLog>,
    coordinator: Arc<Coordinator>,
}

#[async_trait::async_trait]
impl Groups for ModelGroups {
    async fn join(&self, _group: &str, topic: &str) -> Result<Box<dyn Consumer>, ConsumerError> {
        self.log.process.pass().await;
        let events = self.coordinator.join(&self.log.process.name);
        Ok(Box::new(GroupMember {
            log: self.log.clone(),
            coordinator: self.coordinator.clone(),
            topic: topic.to_owned(),
            events,
            owned: HashMap::new(),
        }))
    }

    async fn committed(
        &self,
        _group: &str,
        topic: &str,
        partition: u16,
    ) -> Result<Option<Committed>, ConsumerError> {
        self.log.process.pass().await;
        Ok(self.log.notified(topic, partition).map(|offset| Committed {
            offset,
            metadata: String::new(),
        }))
    }
}

struct GroupMember {
    log: Arc<ProcessLog>,
    coordinator: Arc<Coordinator>,
    topic: String,
    events: mpsc::Receiver<ConsumerEvent>,
    owned: HashMap<u16, Arc<Signal<bool>>>,
}

#[async_trait::async_trait]
impl Consumer for GroupMember {
    async fn next(&mut self) -> Result<ConsumerEvent, ConsumerError> {
        self.log.process.pass().await;
        let event = self.events.recv().await;
        let event =
            event.ok_or_else(|| ConsumerError::Unavailable("the session is over".into()))?;
        match &event {
            ConsumerEvent::Assigned(partitions) => {
                let mine = partitions.iter().map(|number| (*number, Arc::default()));
                self.owned.extend(mine);
            }
            ConsumerEvent::Revoked(partitions) | ConsumerEvent::Lost(partitions) => {
                for revoked in partitions
                    .iter()
                    .filter_map(|number| self.owned.remove(number))
                {
                    revoked.set(true);
                }
            }
        }
        Ok(event)
    }

    async fn open(
        &mut self,
        partition: u16,
        offset: u64,
    ) -> Result<Box<dyn PartitionStream>, StreamError> {
        self.log.process.pass().await;
        let owned = self.owned.get(&partition).ok_or(StreamError::Revoked)?;
        self.log
            .stream(&self.topic, partition, offset, Some(owned.clone()))
    }

    fn commit(&self, _partition: u16, _offset: u64, _metadata: &str) {}

    async fn committed(&self, _partition: u16) -> Result<Option<Committed>, ConsumerError> {
        Ok(None)
    }

    async fn leave(self: Box<Self>) {
        self.coordinator.remove(&self.log.process.name);
    }
}

/// Records of one partition that a process has on their way, usually.
const LINE: usize = 1_000;

/// The whole log as a process of its own sees it.
#[must_use]
pub fn log_of(
    log: &Arc<ModelLog>,
    process: &ModelProcess,
    faults: &Faults,
    coordinator: &Arc<Coordinator>,
) -> Log {
    short_log_of(log, process, faults, coordinator, LINE)
}

/// Likewise, with so many records of one partition on their way at most.
#[must_use]
pub fn short_log_of(
    log: &Arc<ModelLog>,
    process: &ModelProcess,
    faults: &Faults,
    coordinator: &Arc<Coordinator>,
    line: usize,
) -> Log {
    let log = Arc::new(ProcessLog::new(
        log.clone(),
        process.clone(),
        faults.clone(),
        line,
    ));
    Log {
        publisher: log.clone(),
        reader: log.clone(),
        admin: log.clone(),
        groups: Arc::new(ModelGroups {
            log,
            coordinator: coordinator.clone(),
        }),
    }
}
