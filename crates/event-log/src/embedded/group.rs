//! Groups of this process: members join and leave, partitions move at once. A member that is slow to hear of it does no harm to others: its
//! streams end the moment a partition is given away.

use super::{
    CLOSED, Core,
    balance::{self, Shares},
    reader::EmbeddedStream,
};
use crate::consumer::{Committed, Consumer, ConsumerError, ConsumerEvent, Groups, PartitionStream, StreamError};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use tokio::sync::{Notify, watch};

pub(super) struct EmbeddedGroups(pub Arc<Core>);

#[async_trait::async_trait]
impl Groups for EmbeddedGroups {
    async fn join(&self, group: &str, topic: &str) -> Result<Box<dyn Consumer>, ConsumerError> {
        if *self.0.closed.borrow() {
            return Err(ConsumerError::Fatal(CLOSED.into()));
        }
        let partitions =
            self.0.topics.get(topic).ok_or_else(|| ConsumerError::Fatal(format!("there is no topic `{topic}`")))?.about.partitions;
        let key = (group.to_owned(), topic.to_owned());
        let changed = Arc::new(Notify::new());
        let id = self.0.groups.join(&key, partitions, changed.clone());
        Ok(Box::new(Member { core: self.0.clone(), key, id, changed, told: BTreeMap::new() }))
    }

    async fn committed(&self, group: &str, topic: &str, partition: u16) -> Result<Option<Committed>, ConsumerError> {
        Ok(self.0.commits.get(group, topic, partition))
    }
}

type Key = (String, String);

#[derive(Default)]
pub(super) struct Coordinator {
    groups: Mutex<HashMap<Key, Group>>,
}

#[derive(Default)]
struct Group {
    partitions: u16,
    /// Ids of members and of assignments, never used twice.
    last_id: u64,
    members: BTreeMap<u64, Owner>,
}

struct Owner {
    owned: BTreeMap<u16, Assignment>,
    changed: Arc<Notify>,
}

struct Assignment {
    id: u64,
    revoked: watch::Sender<bool>,
}

impl Coordinator {
    fn join(&self, key: &Key, partitions: u16, changed: Arc<Notify>) -> u64 {
        let mut groups = self.groups.lock();
        let group = groups.entry(key.clone()).or_default();
        group.partitions = partitions;
        group.last_id += 1;
        let id = group.last_id;
        group.members.insert(id, Owner { owned: BTreeMap::new(), changed });
        group.rebalance();
        id
    }

    fn leave(&self, key: &Key, member: u64) {
        let mut groups = self.groups.lock();
        if let Some(group) = groups.get_mut(key)
            && let Some(owner) = group.members.remove(&member)
        {
            revoke(owner.owned.into_values());
            group.rebalance();
        }
    }

    /// What a member owns: partition and assignment.
    fn owned(&self, key: &Key, member: u64) -> BTreeMap<u16, u64> {
        let groups = self.groups.lock();
        let owner = groups.get(key).and_then(|group| group.members.get(&member));
        owner.map(|owner| owner.owned.iter().map(|(partition, assignment)| (*partition, assignment.id)).collect()).unwrap_or_default()
    }

    fn watch(&self, key: &Key, member: u64, partition: u16, id: u64) -> Option<watch::Receiver<bool>> {
        let groups = self.groups.lock();
        let assignment = groups.get(key)?.members.get(&member)?.owned.get(&partition)?;
        (assignment.id == id).then(|| assignment.revoked.subscribe())
    }
}

impl Group {
    fn rebalance(&mut self) {
        let now: Shares = self.members.iter().map(|(id, owner)| (*id, owner.owned.keys().copied().collect())).collect();
        let then = balance::balance(&now, self.partitions);
        // All are taken away before any is given: no partition ever has two owners.
        for (id, owner) in &mut self.members {
            let gone: Vec<u16> = owner.owned.keys().filter(|partition| !then[id].contains(partition)).copied().collect();
            revoke(gone.iter().filter_map(|partition| owner.owned.remove(partition)));
            if !gone.is_empty() {
                owner.changed.notify_one();
            }
        }
        for (id, owner) in &mut self.members {
            for partition in then[id].difference(&now[id]) {
                self.last_id += 1;
                owner.owned.insert(*partition, Assignment { id: self.last_id, revoked: watch::channel(false).0 });
                owner.changed.notify_one();
            }
        }
    }
}

fn revoke(assignments: impl Iterator<Item = Assignment>) {
    for assignment in assignments {
        assignment.revoked.send_replace(true);
    }
}

struct Member {
    core: Arc<Core>,
    key: Key,
    id: u64,
    changed: Arc<Notify>,
    /// What the member was told that it owns, with the assignment: a partition that left and came back is another one.
    told: BTreeMap<u16, u64>,
}

impl Member {
    fn event(&mut self) -> Option<ConsumerEvent> {
        let owned = self.core.groups.owned(&self.key, self.id);
        let revoked: Vec<u16> =
            self.told.iter().filter(|(partition, id)| owned.get(partition) != Some(id)).map(|(partition, _)| *partition).collect();
        if !revoked.is_empty() {
            self.told.retain(|partition, _| !revoked.contains(partition));
            return Some(ConsumerEvent::Revoked(revoked));
        }
        let assigned: Vec<u16> = owned.keys().filter(|partition| !self.told.contains_key(partition)).copied().collect();
        self.told.extend(owned);
        (!assigned.is_empty()).then_some(ConsumerEvent::Assigned(assigned))
    }
}

#[async_trait::async_trait]
impl Consumer for Member {
    async fn next(&mut self) -> Result<ConsumerEvent, ConsumerError> {
        let mut closed = self.core.closed.subscribe();
        loop {
            if *closed.borrow() {
                return Err(ConsumerError::Fatal(CLOSED.into()));
            }
            if let Some(event) = self.event() {
                return Ok(event);
            }
            tokio::select! {
                () = self.changed.notified() => {}
                _ = closed.changed() => {}
            }
        }
    }

    async fn open(&mut self, partition: u16, offset: u64) -> Result<Box<dyn PartitionStream>, StreamError> {
        let id = *self.told.get(&partition).ok_or(StreamError::Revoked)?;
        let revoked = self.core.groups.watch(&self.key, self.id, partition, id).ok_or(StreamError::Revoked)?;
        let partition = self.core.topics.partition(&self.key.1, partition).ok_or_else(|| super::reader::unknown(&self.key.1, partition))?;
        Ok(Box::new(EmbeddedStream::open(&self.core, partition, offset, Some(revoked))?))
    }

    fn commit(&self, partition: u16, offset: u64, metadata: &str) {
        self.core.commits.set(&self.key.0, &self.key.1, partition, Committed { offset, metadata: metadata.to_owned() });
    }

    async fn committed(&self, partition: u16) -> Result<Option<Committed>, ConsumerError> {
        Ok(self.core.commits.get(&self.key.0, &self.key.1, partition))
    }

    async fn leave(self: Box<Self>) {}
}

impl Drop for Member {
    fn drop(&mut self) {
        self.core.groups.leave(&self.key, self.id);
    }
}
