//! Expiry of gateways that died without a word: the owner of the partition that a gateway's name
//! leads to removes its members. It must never expire a gateway because this process, or the log,
//! was away: no heartbeat could be read meanwhile.

use super::state::{RoomsState, owner_partition};
use crate::Notifier;
use event_log::NewRecord;
use event_schema::{codec, membership::MembershipRecord};
use partition_owner::TenureOutcome;
use runtime::Shutdown;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Expires gateways until shutdown.
pub(crate) async fn expire_gateways(notifier: Arc<Notifier>, shutdown: Shutdown) {
    let round =
        (notifier.config.expiry() / 10).clamp(Duration::from_millis(10), Duration::from_secs(1));
    let mut listening = ListeningSince::new(Instant::now(), round);
    loop {
        tokio::select! {
            () = shutdown.soft() => return,
            () = tokio::time::sleep(round) => {}
        }
        listening.look(Instant::now(), notifier.ports.log.publisher.healthy());
        let silent = silent_gateways(&notifier, &listening);
        if silent.is_empty() {
            continue;
        }
        let done = tokio::select! {
            () = shutdown.soft() => return,
            done = expire_all(&notifier, &mut listening, silent) => done,
        };
        if let Err(halt) = done {
            tracing::warn!(?halt, "the expiry of a silent gateway failed; retrying");
            listening.lost(Instant::now());
        }
    }
}

/// Since when this process has read heartbeats without a gap.
#[derive(Debug)]
pub(crate) struct ListeningSince {
    since: Instant,
    last: Instant,
    round: Duration,
}

impl ListeningSince {
    pub fn new(now: Instant, round: Duration) -> Self {
        Self {
            since: now,
            last: now,
            round,
        }
    }

    /// A look, at least once a round. One that comes late means that this process stood still.
    pub fn look(&mut self, now: Instant, log_is_there: bool) {
        if !log_is_there || now.duration_since(self.last) > self.round * 3 + Duration::from_secs(1)
        {
            self.since = now;
        }
        self.last = now;
    }

    pub fn lost(&mut self, now: Instant) {
        self.since = now;
    }
}

/// The gateways without a heartbeat for too long, of those whose partition is ours. `handled_since`:
/// since when a partition is ours and handled.
pub(crate) fn expired_gateways(
    state: &RoomsState,
    partitions: u16,
    limit: Duration,
    listening: &ListeningSince,
    now: Instant,
    handled_since: impl Fn(u16) -> Option<Instant>,
) -> Vec<String> {
    let is_silent = |instance: &str| {
        let Some(taken) = handled_since(owner_partition(instance, partitions)) else {
            return false;
        };
        let heard = state.seen(instance).unwrap_or(taken);
        let patient_since = heard.max(taken).max(listening.since);
        now.saturating_duration_since(patient_since) >= limit
    };
    state
        .memberships
        .instances()
        .map(|(instance, _)| instance)
        .filter(|instance| is_silent(instance))
        .map(str::to_owned)
        .collect()
}

fn silent_gateways(notifier: &Notifier, listening: &ListeningSince) -> Vec<String> {
    let state = notifier.registry.read();
    let ours = |partition| {
        let is_ours = state.memberships.owner(partition) == Some(notifier.ports.notifier.as_str());
        notifier
            .registry
            .handled_since(partition)
            .filter(|_| is_ours)
    };
    expired_gateways(
        &state,
        notifier.ports.layout.partitions,
        notifier.config.expiry(),
        listening,
        Instant::now(),
        ours,
    )
}

/// Expires those that are still silent when everything was read that the log holds now: then none
/// of them gave a heartbeat, and no other notifier owns their partition.
async fn expire_all(
    notifier: &Notifier,
    listening: &mut ListeningSince,
    suspects: Vec<String>,
) -> Result<(), TenureOutcome> {
    let offsets = notifier
        .ports
        .log
        .admin
        .offsets(&notifier.topics.rooms, 0)
        .await;
    let end = offsets
        .map_err(|error| TenureOutcome::retake(error.to_string()))?
        .end;
    let mut folded = notifier.registry.folded();
    // Compaction may have taken the last records: then the end is not reached by reading, and the
    // next look asks again.
    let read =
        tokio::time::timeout(Duration::from_secs(5), folded.wait_for(|next| *next >= end)).await;
    if !matches!(read, Ok(Ok(_))) {
        return Err(TenureOutcome::retake("`rooms` is not read to its end"));
    }
    drop(read);
    listening.look(Instant::now(), notifier.ports.log.publisher.healthy());
    let still = silent_gateways(notifier, listening);
    for instance in suspects
        .into_iter()
        .filter(|suspect| still.contains(suspect))
    {
        expire_gateway(notifier, &instance).await?;
    }
    Ok(())
}

/// A tombstone for each membership, then for the gateway.
async fn expire_gateway(notifier: &Notifier, instance: &str) -> Result<(), TenureOutcome> {
    let members = notifier
        .registry
        .read()
        .memberships
        .memberships_of(instance);
    tracing::warn!(
        instance,
        members = members.len(),
        "a gateway gave no heartbeat and has expired: its members are removed"
    );
    let gone = MembershipRecord::GatewayExpired {
        instance: instance.to_owned(),
    };
    let records = members
        .into_iter()
        .map(|membership| MembershipRecord::Unsubscribed(membership, None))
        .chain([gone]);
    let mut deliveries = Vec::new();
    for record in records {
        let parts = codec::encode_membership(&record);
        let record = NewRecord {
            topic: notifier.topics.rooms.clone(),
            partition: 0,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        };
        deliveries.push(notifier.enqueue(record).await?);
    }
    let mut last = 0;
    for delivery in deliveries {
        last = delivery
            .await
            .map_err(|error| TenureOutcome::retake(error.to_string()))?
            .offset;
    }
    notifier.metrics.expired();
    // Not judged again before it is gone.
    _ = notifier
        .registry
        .folded()
        .wait_for(|next| *next > last)
        .await;
    Ok(())
}

#[cfg(test)]
mod tests;
