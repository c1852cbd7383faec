//! All operations of Sunbird, as clients send them, in an order of chance: some events twice, on a log
//! whose workers are cut off in the middle, stuck between two effects, and succeeded while they still
//! run. What the stores hold in the end, and what became of each request, is what a plain reading of
//! the log makes, one event after the other. `CONSIGN_TEST_EVERYTHING` for more histories. On real
//! servers likewise: see `servers`.

mod asked;
mod plain;

use crate::{
    faulty::Abyss,
    harness::{Running, World},
};
use asked::{Asker, OPERATIONS};
use catalog::Catalog;
use event_schema::{codec, envelope::Transaction, id::RequestId, topics};
use plain::PlainReading;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// How long a history is, and how much goes wrong in it.
#[derive(Clone, Copy)]
struct HistorySize {
    /// Events, before parts.
    events: usize,
    /// Behind one in so many something goes wrong.
    calm: usize,
}

const EMBEDDED: HistorySize = HistorySize {
    events: 150,
    calm: 12,
};
/// A group of a broker needs seconds to see that a worker is gone.
const ON_SERVERS: HistorySize = HistorySize {
    events: 90,
    calm: 20,
};

/// The built-in definitions with nothing in them sealed: what is sealed is shown elsewhere.
pub fn unsealed() -> Catalog {
    fn without_seals(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.retain(|name, _| !name.starts_with("sealed"));
                members.values_mut().for_each(without_seals);
            }
            Value::Array(items) => items.iter_mut().for_each(without_seals),
            _ => {}
        }
    }
    let mut definitions = Catalog::builtin().unwrap().definitions().clone();
    without_seals(&mut definitions);
    Catalog::from_definitions(&definitions).unwrap()
}

/// Chance that can be repeated.
pub struct ChanceDice(u64);

impl ChanceDice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        (!list.is_empty()).then(|| &list[self.roll(list.len())])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_all_operations_come_to_what_a_plain_reading_makes() {
    let (mut applied, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for seed in 1..=histories("CONSIGN_TEST_EVERYTHING", 4) {
        let world = World::of(unsealed()).await;
        let history = RandomHistory::play(seed, &world, EMBEDDED).await;
        history.judge(seed, &mut applied, &mut refused).await;
    }
    let never: Vec<&&str> = OPERATIONS
        .iter()
        .filter(|name| !applied.contains(**name))
        .collect();
    assert!(never.is_empty(), "never applied: {never:?}");
    assert!(refused.len() > 20, "hardly refused: {refused:?}");
}

/// One history, on stores and a log that take longer. Each operation is asked for once at least.
pub async fn play_on_servers(seed: u64, world: &World) {
    let (mut applied, mut refused) = (BTreeSet::new(), BTreeSet::new());
    let history = RandomHistory::play(seed, world, ON_SERVERS).await;
    history.judge(seed, &mut applied, &mut refused).await;
    let asked: BTreeSet<&str> = applied.union(&refused).map(String::as_str).collect();
    let never: Vec<&&str> = OPERATIONS
        .iter()
        .filter(|name| !asked.contains(**name))
        .collect();
    assert!(never.is_empty(), "never asked for: {never:?}");
    assert!(applied.len() > 25, "hardly applied: {applied:?}");
}

pub fn histories(variable: &str, usual: u64) -> u64 {
    let asked = std::env::var(variable).ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

struct RandomHistory<'w> {
    world: &'w World,
    ids: Vec<RequestId>,
}

impl<'w> RandomHistory<'w> {
    async fn play(seed: u64, world: &'w World, size: HistorySize) -> Self {
        world.own_collections().await;
        let mut dice = ChanceDice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut asker = Asker::new(seed);
        let mut sent: Vec<Transaction> = Vec::new();
        let mut workers = vec![world.worker("first")];
        // Each of them once at least, over all histories more than once.
        let mut operations: Vec<&str> = OPERATIONS.to_vec();
        while operations.len() < size.events {
            operations.push(OPERATIONS[dice.roll(OPERATIONS.len())]);
        }
        for n in (1..operations.len()).rev() {
            let other = dice.roll(n + 1);
            operations.swap(n, other);
        }
        let founding = asked::FOUNDING.iter().chain(asked::FOUNDING);
        for operation in founding.copied().chain(operations) {
            let event = asker.event(world, operation, &mut dice);
            world.append(&event).await;
            sent.push(event);
            if dice.roll(6) == 0
                && let Some(again) = dice.pick(&sent)
            {
                world.append(again).await;
            }
            if dice.roll(size.calm) == 0 {
                trouble(world, &mut workers, &mut dice).await;
            }
            if dice.roll(3) == 0 {
                tokio::time::sleep(Duration::from_millis(dice.roll(20) as u64)).await;
            }
        }
        *world.faults.abyss.lock().unwrap() = None;
        for worker in workers {
            worker.cut().await;
        }
        let last = world.worker_that_applies_again("last");
        let ids = sent.iter().map(|event| event.attributes.id).collect();
        let history = Self { world, ids };
        history.comes_to_rest().await;
        last.stop().await;
        history
    }

    /// All that clients asked for is resolved, and every part.
    async fn comes_to_rest(&self) {
        self.world.resolved(&self.ids).await;
        let began = Instant::now();
        loop {
            let mut all = Vec::new();
            for partition in 0..crate::harness::PARTITIONS {
                let events = self.events(partition).await;
                all.extend(events.iter().map(|event| event.attributes.id));
            }
            self.world.resolved(&all).await;
            let unpublished = self.unpublished(&all).await;
            if unpublished.is_empty() {
                return;
            }
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "parts that are never published: {unpublished:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Parts that ledger rows name and the log does not have.
    async fn unpublished(&self, all: &[RequestId]) -> Vec<RequestId> {
        let known: BTreeSet<[u8; 16]> = all.iter().map(RequestId::unique).collect();
        let entries = self.world.resolved(all).await;
        let parts = entries.into_iter().flat_map(|entry| entry.parts);
        parts
            .filter(|part| !known.contains(&part.unique()))
            .collect()
    }

    /// A partition of `transactions`, each event where it stands first.
    async fn events(&self, partition: u16) -> Vec<Transaction> {
        let topic = self.world.layout.name(&topics::TRANSACTIONS);
        let log = &self.world.log;
        let end = log.admin.offsets(&topic, partition).await.unwrap().end;
        let limits = event_log::Limits {
            records: 1_000_000,
            bytes: 1 << 30,
        };
        let wait = Duration::from_secs(1);
        let read = log.reader.read(&topic, partition, 0, end, limits, wait);
        let mut seen = BTreeSet::new();
        let events = read.await.unwrap().into_iter().map(|record| {
            let parts = codec::Parts {
                key: record.key,
                value: record.value,
                headers: record.headers,
            };
            codec::decode_transaction(&parts).unwrap()
        });
        events
            .filter(|event| seen.insert(event.attributes.id.unique()))
            .collect()
    }

    async fn judge(
        &self,
        seed: u64,
        applied: &mut BTreeSet<String>,
        refused: &mut BTreeSet<String>,
    ) {
        let mut plain = PlainReading::new(&self.world.catalog);
        for partition in 0..crate::harness::PARTITIONS {
            for event in self.events(partition).await {
                let entry = self.world.resolved(&[event.attributes.id]).await.remove(0);
                let operation = event.attributes.operation.clone();
                match plain.read(&event, &entry) {
                    Ok(true) => applied.insert(operation),
                    Ok(false) => refused.insert(operation),
                    Err(why) => panic!("seed {seed}: {operation} {entry:?}: {why}"),
                };
            }
        }
        let stores = (self.world.real.as_ref(), self.world.view.as_ref());
        if let Err(why) = plain.compare(stores).await {
            panic!("seed {seed}: {why}");
        }
    }
}

/// Something goes wrong with the workers.
async fn trouble(world: &World, workers: &mut Vec<Running>, dice: &mut ChanceDice) {
    let name = format!("worker-{}", dice.roll(1_000_000));
    match dice.roll(4) {
        0 => {
            for worker in workers.drain(..) {
                worker.cut().await;
            }
        }
        // Another takes its partitions, and whatever it still does is too late.
        1 => {}
        2 => {
            *world.faults.abyss.lock().unwrap() = dice.pick(&Abyss::ALL).copied();
            tokio::time::sleep(Duration::from_millis(40)).await;
            for worker in workers.drain(..) {
                worker.cut().await;
            }
            *world.faults.abyss.lock().unwrap() = None;
        }
        _ => {
            if let Some(worker) = workers.pop() {
                worker.stop().await;
            }
        }
    }
    workers.push(world.worker(&name));
}
