//! The guard against floods of dead letters: when those of one operation come faster than the
//! settings allow, the next event of it waits at its place instead of becoming one more. A person
//! lets it pass, or mends the cause: the event is tried again in between.
//!
//! It counts and remembers; it must never decide what becomes of an event.

use crate::{Config, Worker};
use event_schema::{
    cause_fingerprint,
    flood::{DeadLetterFlood, FloodPassage},
    outcome::DeadReason,
    position::Position,
};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

/// Operations counted at a time; beyond, those without a recent dead letter are forgotten.
const OPERATIONS: usize = 1_000;
/// For how long a permission that was read is believed.
const BELIEVED: Duration = Duration::from_secs(5);
/// How long a flood is remembered in the record store.
const KEPT_MS: i64 = 30 * 86_400_000;

pub(crate) struct FloodGuard {
    /// Dead letters of one operation within the window; 0: any number.
    limit: usize,
    window: Duration,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    /// When the last dead letters of an operation were let happen.
    letters: HashMap<String, VecDeque<Instant>>,
    /// By the names of passages.
    passes: HashMap<String, Instant>,
    /// Partitions whose flood is not over, by this owner's or an earlier one's account.
    floods: HashMap<u16, DeadLetterFlood>,
}

impl FloodGuard {
    pub fn new(config: &Config) -> Self {
        Self {
            limit: usize::try_from(config.flood_limit).unwrap_or(usize::MAX),
            window: Duration::from_millis(config.flood_window_ms),
            counted: Mutex::default(),
        }
    }

    /// Counts a dead letter, if there is room for it or its operation is not counted; else says
    /// how many there were.
    fn count_letter(&self, partition: u16, operation: &str, now: Instant) -> Result<(), usize> {
        let mut counted = self.counted.lock();
        let floods = counted.floods.get(&partition);
        let is_known = floods.is_some_and(|flood| flood.operation == operation);
        let letters = counted.letters.entry(operation.to_owned()).or_default();
        while letters
            .front()
            .is_some_and(|at| now.saturating_duration_since(*at) >= self.window)
        {
            letters.pop_front();
        }
        if is_known || letters.len() >= self.limit {
            return Err(letters.len());
        }
        letters.push_back(now);
        if counted.letters.len() > OPERATIONS {
            let window = self.window;
            let is_recent = |at: &Instant| now.saturating_duration_since(*at) < window;
            counted
                .letters
                .retain(|_, letters| letters.back().is_some_and(is_recent));
        }
        Ok(())
    }

    fn is_believed(&self, passages: &[FloodPassage], now: Instant) -> bool {
        let mut counted = self.counted.lock();
        counted.passes.retain(|_, until| *until > now);
        let known = |passage: &FloodPassage| counted.passes.contains_key(&passage.name());
        passages.iter().any(known)
    }

    fn believe(&self, passage: &FloodPassage, now: Instant) {
        let mut counted = self.counted.lock();
        counted.passes.insert(passage.name(), now + BELIEVED);
    }

    /// The flood by which a partition waits, as far as is known here.
    pub fn of(&self, partition: u16) -> Option<DeadLetterFlood> {
        self.counted.lock().floods.get(&partition).cloned()
    }

    /// The partition is somebody else's now.
    pub fn forget(&self, partition: u16) {
        self.counted.lock().floods.remove(&partition);
    }
}

impl Worker {
    /// May an event become a dead letter? If not: why it waits.
    pub(crate) async fn admit_letter(
        &self,
        position: &Position,
        operation: &str,
        reason: &DeadReason,
    ) -> Option<DeadLetterFlood> {
        if self.floods.limit == 0 {
            return None;
        }
        let partition = position.partition;
        let letters = self
            .floods
            .count_letter(partition, operation, Instant::now())
            .err()?;
        let known = self.floods.of(partition);
        let since = known.map_or_else(|| self.ports.clock.now(), |known| known.since);
        let flood = DeadLetterFlood {
            partition,
            offset: position.offset.get(),
            operation: operation.to_owned(),
            fingerprint: cause_fingerprint(operation, reason),
            code: reason.code.clone(),
            message: reason.message.clone(),
            store: reason.store.clone(),
            letters: letters as u64,
            since,
            over: None,
        };
        if self.is_let_pass(&flood).await {
            return None;
        }
        Some(flood)
    }

    /// Does a person let it pass? A store that cannot be asked says no.
    pub(crate) async fn is_let_pass(&self, flood: &DeadLetterFlood) -> bool {
        let passages = flood.passes();
        if self.floods.is_believed(&passages, Instant::now()) {
            return true;
        }
        for passage in passages {
            if let Ok(Some(_)) = self.ports.record.kept_text(&passage.name()).await {
                self.floods.believe(&passage, Instant::now());
                return true;
            }
        }
        false
    }

    /// A partition begins to wait, or still does.
    pub(crate) async fn keep_flood(&self, flood: &DeadLetterFlood) {
        let partition = flood.partition;
        let floods = &self.floods.counted;
        let known = floods.lock().floods.insert(partition, flood.clone());
        self.metrics.partitions.set_flooded(partition, true);
        if known.is_some_and(|known| known.operation == flood.operation) {
            return;
        }
        self.metrics.alarm();
        tracing::error!(
            partition,
            offset = flood.offset,
            operation = flood.operation,
            fingerprint = flood.fingerprint,
            code = flood.code,
            reason = flood.message,
            letters = flood.letters,
            "ALARM: a flood of dead letters: the partition waits (`consign dlq floods`, `consign dlq pass`)"
        );
        self.write_flood(flood).await;
    }

    /// The partition has gone on behind its flood, or its flood is let pass.
    pub(crate) async fn end_flood(&self, partition: u16) {
        let Some(mut flood) = self.floods.counted.lock().floods.remove(&partition) else {
            return;
        };
        self.metrics.partitions.set_flooded(partition, false);
        tracing::warn!(
            partition,
            operation = flood.operation,
            "the flood of dead letters is over: the partition goes on"
        );
        flood.over = Some(self.ports.clock.now());
        self.write_flood(&flood).await;
    }

    /// What an earlier owner of the partition waited for.
    pub(crate) async fn read_flood(&self, partition: u16) {
        if self.floods.limit == 0 {
            return;
        }
        let name = DeadLetterFlood::name(self.ports.layout.generation, partition);
        let text = self.ports.record.kept_text(&name).await;
        let read = |text: String| serde_json::from_str::<DeadLetterFlood>(&text).ok();
        let flood = text.ok().flatten().and_then(read);
        if let Some(flood) = flood.filter(|flood| flood.over.is_none()) {
            self.floods.counted.lock().floods.insert(partition, flood);
        }
    }

    /// For persons, and for the next owner: that the store is away does not matter.
    async fn write_flood(&self, flood: &DeadLetterFlood) {
        let name = DeadLetterFlood::name(self.ports.layout.generation, flood.partition);
        let text = serde_json::to_string(flood).expect("a flood is made of JSON types");
        let until = self.ports.clock.now().saturating_add(KEPT_MS);
        if let Err(error) = self.ports.record.keep_text(&name, &text, until).await {
            tracing::warn!(%error, partition = flood.partition, "a flood of dead letters could not be noted");
        }
    }
}
