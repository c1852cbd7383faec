//! What a member of a group owns, and what it was told of it. Shared by the drivers: whoever
//! assigns and revokes never waits for the member, and a member that is slow hears at most one
//! event per partition and change of owner, so nothing piles up.

use crate::consumer::{ConsumerError, ConsumerEvent, StreamError};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::{Notify, watch};

/// How partitions were taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakenPartition {
    Revoked,
    Lost,
}

#[derive(Default)]
pub(crate) struct Ownership {
    state: Mutex<OwnershipState>,
    changed: Notify,
}

#[derive(Default)]
struct OwnershipState {
    last_id: u64,
    owned: BTreeMap<u16, AssignedPartitions>,
    /// Assignments that were lost and of which the member does not know yet.
    lost: BTreeSet<u64>,
    error: Option<ConsumerError>,
}

struct AssignedPartitions {
    id: u64,
    revoked: watch::Sender<bool>,
}

/// The member's side: partitions it was told that it owns, with the assignment, since a partition
/// that left and came back is another one.
#[derive(Default)]
pub(crate) struct RebalanceHeard(BTreeMap<u16, u64>);

impl Ownership {
    pub fn owned(&self) -> BTreeSet<u16> {
        self.state.lock().owned.keys().copied().collect()
    }

    pub fn assign(&self, partitions: impl IntoIterator<Item = u16>) {
        let mut state = self.state.lock();
        for partition in partitions {
            state.last_id += 1;
            let id = state.last_id;
            state.owned.insert(
                partition,
                AssignedPartitions {
                    id,
                    revoked: watch::channel(false).0,
                },
            );
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Ends the streams on these partitions before it returns.
    pub fn take(&self, partitions: impl IntoIterator<Item = u16>, how: TakenPartition) {
        let mut state = self.state.lock();
        for partition in partitions {
            if let Some(assignment) = state.owned.remove(&partition) {
                assignment.revoked.send_replace(true);
                if how == TakenPartition::Lost {
                    state.lost.insert(assignment.id);
                }
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    pub fn take_all(&self, how: TakenPartition) {
        self.take(self.owned(), how);
    }

    /// The member hears it once, before anything else.
    pub fn fail(&self, error: ConsumerError) {
        self.state.lock().error = Some(error);
        self.changed.notify_one();
    }

    /// What the member must be told next.
    pub async fn next(&self, told: &mut RebalanceHeard) -> Result<ConsumerEvent, ConsumerError> {
        loop {
            if let Some(event) = self.next_event(told) {
                return event;
            }
            self.changed.notified().await;
        }
    }

    /// Turns true when the partition is taken away; refused if it already is, or the member was not
    /// told that it owns it.
    pub fn watch(
        &self,
        told: &RebalanceHeard,
        partition: u16,
    ) -> Result<watch::Receiver<bool>, StreamError> {
        let state = self.state.lock();
        let assignment = state
            .owned
            .get(&partition)
            .filter(|assignment| told.0.get(&partition) == Some(&assignment.id));
        assignment
            .map(|assignment| assignment.revoked.subscribe())
            .ok_or(StreamError::Revoked)
    }

    fn next_event(
        &self,
        told: &mut RebalanceHeard,
    ) -> Option<Result<ConsumerEvent, ConsumerError>> {
        let mut state = self.state.lock();
        if let Some(error) = state.error.take() {
            return Some(Err(error));
        }
        let is_ours = |partition: &u16, id: &u64| {
            state
                .owned
                .get(partition)
                .is_some_and(|assignment| assignment.id == *id)
        };
        let gone: Vec<(u16, u64)> = told
            .0
            .iter()
            .filter(|(partition, id)| !is_ours(partition, id))
            .map(|(partition, id)| (*partition, *id))
            .collect();
        if !gone.is_empty() {
            // One kind per event; the other comes with the next call.
            let lost = state.lost.contains(&gone[0].1);
            let these: Vec<_> = gone
                .into_iter()
                .filter(|(_, id)| state.lost.contains(id) == lost)
                .collect();
            for (partition, id) in &these {
                told.0.remove(partition);
                state.lost.remove(id);
            }
            let partitions = these.into_iter().map(|(partition, _)| partition).collect();
            return Some(Ok(if lost {
                ConsumerEvent::Lost(partitions)
            } else {
                ConsumerEvent::Revoked(partitions)
            }));
        }
        // What was lost before the member ever heard of it.
        state.lost.clear();
        let new: Vec<u16> = state
            .owned
            .keys()
            .filter(|partition| !told.0.contains_key(partition))
            .copied()
            .collect();
        told.0.extend(
            state
                .owned
                .iter()
                .map(|(partition, assignment)| (*partition, assignment.id)),
        );
        (!new.is_empty()).then_some(Ok(ConsumerEvent::Assigned(new)))
    }
}

/// Resolves when the partition is taken away, or with it the member; never for a stream outside of
/// a group.
pub(crate) async fn until_revoked(revoked: &mut Option<watch::Receiver<bool>>) {
    match revoked {
        Some(revoked) => drop(revoked.wait_for(|revoked| *revoked).await),
        None => std::future::pending().await,
    }
}

pub(crate) fn is_revoked(revoked: Option<&watch::Receiver<bool>>) -> bool {
    // A sender that is gone took the member with it.
    revoked.is_some_and(|revoked| *revoked.borrow() || revoked.has_changed().is_err())
}

#[cfg(test)]
mod tests;
