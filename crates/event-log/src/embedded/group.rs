//! Groups of this process: members join and leave, partitions move at once. A member that is slow
//! to hear of it does no harm to others: its streams end the moment a partition is given away.

use super::{
    CLOSED, Core,
    balance::{self, Shares},
    reader::{self, EmbeddedStream},
};
use crate::{
    consumer::{
        Committed, Consumer, ConsumerError, ConsumerEvent, Groups, PartitionStream, StreamError,
    },
    ownership::{Ownership, RebalanceHeard, TakenPartition},
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

pub(super) struct EmbeddedGroups(pub Arc<Core>);

#[async_trait::async_trait]
impl Groups for EmbeddedGroups {
    async fn join(&self, group: &str, topic: &str) -> Result<Box<dyn Consumer>, ConsumerError> {
        if *self.0.closed.borrow() {
            return Err(ConsumerError::Fatal(CLOSED.into()));
        }
        let partitions = self
            .0
            .topics
            .get(topic)
            .ok_or_else(|| ConsumerError::Fatal(format!("there is no topic `{topic}`")))?
            .about
            .partitions;
        let key = (group.to_owned(), topic.to_owned());
        let (id, ownership) = self.0.groups.join(&key, partitions);
        Ok(Box::new(GroupMember {
            core: self.0.clone(),
            key,
            id,
            ownership,
            told: RebalanceHeard::default(),
        }))
    }

    async fn committed(
        &self,
        group: &str,
        topic: &str,
        partition: u16,
    ) -> Result<Option<Committed>, ConsumerError> {
        Ok(self.0.commits.get(group, topic, partition))
    }
}

type GroupKey = (String, String);

#[derive(Default)]
pub(super) struct Coordinator {
    groups: Mutex<HashMap<GroupKey, ConsumerGroup>>,
}

#[derive(Default)]
struct ConsumerGroup {
    partitions: u16,
    last_member: u64,
    members: BTreeMap<u64, Arc<Ownership>>,
}

impl Coordinator {
    fn join(&self, key: &GroupKey, partitions: u16) -> (u64, Arc<Ownership>) {
        let mut groups = self.groups.lock();
        let group = groups.entry(key.clone()).or_default();
        group.partitions = partitions;
        group.last_member += 1;
        let ownership = Arc::new(Ownership::default());
        group.members.insert(group.last_member, ownership.clone());
        group.rebalance();
        (group.last_member, ownership)
    }

    fn leave(&self, key: &GroupKey, member: u64) {
        let mut groups = self.groups.lock();
        let Some(group) = groups.get_mut(key) else {
            return;
        };
        if let Some(ownership) = group.members.remove(&member) {
            ownership.take_all(TakenPartition::Revoked);
            group.rebalance();
        }
        if group.members.is_empty() {
            groups.remove(key);
        }
    }
}

impl ConsumerGroup {
    fn rebalance(&self) {
        let now: Shares = self
            .members
            .iter()
            .map(|(id, ownership)| (*id, ownership.owned()))
            .collect();
        let then = balance::balance_shares(&now, self.partitions);
        // All are taken away before any is given: no partition ever has two owners.
        for (id, ownership) in &self.members {
            ownership.take(
                now[id].difference(&then[id]).copied(),
                TakenPartition::Revoked,
            );
        }
        for (id, ownership) in &self.members {
            ownership.assign(then[id].difference(&now[id]).copied());
        }
    }
}

struct GroupMember {
    core: Arc<Core>,
    key: GroupKey,
    id: u64,
    ownership: Arc<Ownership>,
    told: RebalanceHeard,
}

#[async_trait::async_trait]
impl Consumer for GroupMember {
    async fn next(&mut self) -> Result<ConsumerEvent, ConsumerError> {
        let mut closed = self.core.closed.subscribe();
        tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed) => Err(ConsumerError::Fatal(CLOSED.into())),
            event = self.ownership.next(&mut self.told) => event,
        }
    }

    async fn open(
        &mut self,
        partition: u16,
        offset: u64,
    ) -> Result<Box<dyn PartitionStream>, StreamError> {
        let revoked = self.ownership.watch(&self.told, partition)?;
        let partition = self
            .core
            .topics
            .partition(&self.key.1, partition)
            .ok_or_else(|| reader::unknown_partition(&self.key.1, partition))?;
        Ok(Box::new(EmbeddedStream::open(
            &self.core,
            partition,
            offset,
            Some(revoked),
        )?))
    }

    fn commit(&self, partition: u16, offset: u64, metadata: &str) {
        self.core.commits.set(
            &self.key.0,
            &self.key.1,
            partition,
            Committed {
                offset,
                metadata: metadata.to_owned(),
            },
        );
    }

    async fn committed(&self, partition: u16) -> Result<Option<Committed>, ConsumerError> {
        Ok(self.core.commits.get(&self.key.0, &self.key.1, partition))
    }

    async fn leave(self: Box<Self>) {}
}

impl Drop for GroupMember {
    fn drop(&mut self) {
        self.core.groups.leave(&self.key, self.id);
    }
}
