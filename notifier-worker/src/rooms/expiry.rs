//! Gateways that died without a word: whoever owns the partition that a gateway's name leads to
//! empties its seats. It must never take a gateway for dead because this process, or the log, was
//! away: nobody could be heard meanwhile.

use super::state::{State, keeper};
use crate::{Notifier, lane::Halt};
use event_log::NewRecord;
use event_schema::{codec, rooms::RoomRecord};
use runtime::Shutdown;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// Looks now and then until shutdown.
pub(crate) async fn watch_over(notifier: Arc<Notifier>, shutdown: Shutdown) {
    let round =
        (notifier.config.expiry() / 10).clamp(Duration::from_millis(10), Duration::from_secs(1));
    let mut attention = Attention::new(Instant::now(), round);
    loop {
        tokio::select! {
            () = shutdown.soft() => return,
            () = tokio::time::sleep(round) => {}
        }
        attention.look(Instant::now(), notifier.ports.log.publisher.healthy());
        let silent = silent(&notifier, &attention);
        if silent.is_empty() {
            continue;
        }
        let emptied = tokio::select! {
            () = shutdown.soft() => return,
            emptied = empty_all(&notifier, &mut attention, silent) => emptied,
        };
        if let Err(halt) = emptied {
            tracing::warn!(
                ?halt,
                "a gateway that is silent could not be judged; looking again"
            );
            attention.lost(Instant::now());
        }
    }
}

/// Since when this process has listened without a gap.
#[derive(Debug)]
pub(crate) struct Attention {
    since: Instant,
    last: Instant,
    round: Duration,
}

impl Attention {
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

/// The gateways of which nothing was heard for too long, though somebody listened: this notifier,
/// as the keeper of their partition. `handled_since`: since when a partition is ours and handled.
pub(crate) fn expired(
    state: &State,
    partitions: u16,
    limit: Duration,
    attention: &Attention,
    now: Instant,
    handled_since: impl Fn(u16) -> Option<Instant>,
) -> Vec<String> {
    let is_silent = |instance: &str| {
        let Some(taken) = handled_since(keeper(instance, partitions)) else {
            return false;
        };
        let heard = state.seen(instance).unwrap_or(taken);
        let patient_since = heard.max(taken).max(attention.since);
        now.saturating_duration_since(patient_since) >= limit
    };
    state
        .rooms
        .instances()
        .map(|(instance, _)| instance)
        .filter(|instance| is_silent(instance))
        .map(str::to_owned)
        .collect()
}

fn silent(notifier: &Notifier, attention: &Attention) -> Vec<String> {
    let state = notifier.registry.read();
    let ours = |partition| {
        let is_ours = state.rooms.owner(partition) == Some(notifier.ports.notifier.as_str());
        notifier
            .registry
            .handled_since(partition)
            .filter(|_| is_ours)
    };
    expired(
        &state,
        notifier.ports.layout.partitions,
        notifier.config.expiry(),
        attention,
        Instant::now(),
        ours,
    )
}

/// Empties those that are still silent when everything was read that the log holds now: then none
/// of them spoke, and nobody else owns their partition.
async fn empty_all(
    notifier: &Notifier,
    attention: &mut Attention,
    suspects: Vec<String>,
) -> Result<(), Halt> {
    let offsets = notifier
        .ports
        .log
        .admin
        .offsets(&notifier.topics.rooms, 0)
        .await;
    let end = offsets
        .map_err(|error| Halt::Retake(error.to_string()))?
        .end;
    let mut folded = notifier.registry.folded();
    // Compaction may have taken the last records: then the end is not reached by reading, and the
    // next look asks again.
    let read =
        tokio::time::timeout(Duration::from_secs(5), folded.wait_for(|next| *next >= end)).await;
    if !matches!(read, Ok(Ok(_))) {
        return Err(Halt::Retake("`rooms` is not read to its end".into()));
    }
    drop(read);
    attention.look(Instant::now(), notifier.ports.log.publisher.healthy());
    let still = silent(notifier, attention);
    for instance in suspects
        .into_iter()
        .filter(|suspect| still.contains(suspect))
    {
        empty(notifier, &instance).await?;
    }
    Ok(())
}

/// A tombstone for each seat, then for the gateway.
async fn empty(notifier: &Notifier, instance: &str) -> Result<(), Halt> {
    let seats = notifier.registry.read().rooms.seats_of(instance);
    tracing::warn!(
        instance,
        seats = seats.len(),
        "a gateway gave no sign of life: its seats are emptied"
    );
    let gone = RoomRecord::Gone {
        instance: instance.to_owned(),
    };
    let records = seats
        .into_iter()
        .map(|seat| RoomRecord::Leaves(seat, None))
        .chain([gone]);
    let mut deliveries = Vec::new();
    for record in records {
        let parts = codec::encode_room(&record);
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
            .map_err(|error| Halt::Retake(error.to_string()))?
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
