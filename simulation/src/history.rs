//! One history: its faults and workers in the order that the seed gives, then a time in which
//! nothing goes wrong, then what must be so.

mod checks;
mod logs;

use crate::{
    dice::SeededDice,
    events::{self, Maker},
    faults::{FaultKind, Faults},
    groups::{self, Coordinator},
    log::ModelLog,
    person::{Errand, Person},
    process::{ModelClock, ModelProcess},
    record::ModelRecord,
    rows::ModelQueue,
    view::ModelView,
};
use event_schema::{
    held::HeldEvent,
    id::{EntityKey, RequestId},
    mutation::RowKey,
    outcome::Verdict,
    topics::{self, Layout},
};
use runtime::{Health, Shutdown, ShutdownTrigger};
use std::{collections::BTreeSet, fmt::Write as _, sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::Instant};

const PARTITIONS: u16 = 2;
/// What happens in a history before it comes to rest.
const STEPS: usize = 30;
/// Workers that run at a time, at most.
const WORKERS: usize = 3;
/// When all must be resolved after the last fault.
const REST: Duration = Duration::from_secs(1_800);
const HOUR: i64 = 3_600_000;

struct History {
    dice: SeededDice,
    faults: Faults,
    layout: Layout,
    start: Instant,
    log: Arc<ModelLog>,
    coordinator: Arc<Coordinator>,
    record: Arc<ModelRecord>,
    view: Arc<ModelView>,
    maker: Maker,
    person: Person,
    workers: Vec<RunningWorker>,
    started: usize,
    trace: String,
}

struct RunningWorker {
    process: ModelProcess,
    trigger: ShutdownTrigger,
    handle: JoinHandle<Result<(), write_worker::WorkerError>>,
    health: Health,
}

/// Runs the history of a seed; answers what happened in it, in a form that two runs can be compared
/// by.
///
/// # Errors
/// What did not hold.
pub fn run(seed: u64) -> Result<String, String> {
    runtime::seed_thread(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let mut history = History::new(seed);
        let ended = history.play().await;
        ended
            .map(|()| std::mem::take(&mut history.trace))
            .map_err(|why| format!("{why}\nwhat happened:\n{}{}", history.trace, history.logs()))
    })
}

impl History {
    fn new(seed: u64) -> Self {
        let dice = SeededDice::new(seed);
        let faults = Faults::new(dice.clone());
        let layout = Layout {
            prefix: String::new(),
            generation: 1,
            partitions: PARTITIONS,
            document_limit: 1 << 20,
        };
        let start = Instant::now();
        let all: Vec<(Arc<str>, u16)> = topics::ALL
            .iter()
            .map(|topic| (Arc::from(layout.name(topic)), layout.partitions(topic)))
            .collect();
        let log = Arc::new(ModelLog::new(start, &all));
        let changes = Arc::from(layout.name(&topics::CHANGES));
        let record = ModelRecord::new(log.clone(), changes, events::collections());
        Self {
            maker: Maker::new(dice.clone(), faults.clone(), layout.clone()),
            coordinator: Arc::new(Coordinator::new(dice.clone(), PARTITIONS)),
            record: Arc::new(record),
            person: Person::default(),
            view: Arc::default(),
            workers: Vec::new(),
            started: 0,
            trace: String::new(),
            dice,
            faults,
            layout,
            start,
            log,
        }
    }

    fn note(&mut self, what: &str) {
        let at = self.start.elapsed().as_millis();
        // A text takes whatever is written to it.
        _ = writeln!(self.trace, "{at:>8} {what}");
    }

    async fn play(&mut self) -> Result<(), String> {
        self.note(&format!("{:?}", self.faults.kinds()));
        self.start_worker();
        for _ in 0..STEPS {
            self.step().await;
            tokio::time::sleep(Duration::from_millis(self.dice.roll(1_500))).await;
            self.no_faults()?;
        }
        self.note("nothing goes wrong any more");
        self.faults.end();
        self.workers.iter().for_each(|worker| worker.process.thaw());
        self.start_worker();
        self.resolve().await?;
        self.tidy().await?;
        tokio::time::sleep(Duration::from_secs(120)).await;
        self.no_faults()?;
        self.check()
    }

    async fn step(&mut self) {
        match self.dice.roll(28) {
            0..=9 => self.append(),
            10 | 11 => self.start_worker(),
            12 if self.faults.has(FaultKind::Kills) => self.kill(),
            13 | 14 if self.faults.has(FaultKind::Freezes) => self.freeze(),
            15 => self.stop().await,
            16 | 17 => self.coordinator.rebalance(),
            18 if self.faults.has(FaultKind::StoresAway) => self.take_record_away().await,
            19 if self.faults.has(FaultKind::StoresAway) => {
                let away = !self.faults.is_view_away();
                self.note(if away {
                    "the view is away"
                } else {
                    "the view is back"
                });
                self.faults.set_view_away(away);
            }
            20 | 22 | 23 if self.faults.has(FaultKind::Refusals) => {
                self.faults.set_view_fickle(!self.faults.is_view_fickle());
            }
            24..=27 => self.visit(),
            21 if self.faults.has(FaultKind::Forgetful) => self.kill_record().await,
            _ => {}
        }
    }

    fn append(&mut self) {
        for _ in 0..=self.dice.roll(8) {
            let (log, topic) = (&self.log, self.layout.name(&topics::TRANSACTIONS));
            let end = |partition| {
                log.offsets(&topic, partition)
                    .map_or(0, |offsets| offsets.end)
            };
            let record = self.maker.next(end);
            self.log.append(record);
        }
    }

    /// What is held, as a person sees it.
    fn held(&self) -> Vec<(EntityKey, RowKey, HeldEvent)> {
        let queues = self.record.rows().queues().into_iter();
        let events = queues.flat_map(|ModelQueue { key, held, .. }| {
            held.into_iter()
                .map(move |(row, held)| (key.clone(), row, held))
        });
        events.collect()
    }

    fn visit(&mut self) {
        let held = self.held();
        if let Some(errand) = self.person.visit(held, &self.dice) {
            self.run_errand(&errand);
        }
    }

    fn run_errand(&mut self, errand: &Errand) {
        let Errand {
            operation,
            key,
            asked,
        } = errand;
        self.note(&format!("{operation} of {} {}", asked.request, asked.place));
        let (log, topic) = (&self.log, self.layout.name(&topics::TRANSACTIONS));
        let end = |partition| {
            log.offsets(&topic, partition)
                .map_or(0, |offsets| offsets.end)
        };
        let record = self.maker.intend(operation, key, asked, end);
        self.log.append(record);
    }

    /// Is something held, or told to be?
    fn is_held(&self) -> bool {
        let is_final = |id: &RequestId| {
            let entry = self.record.entry(id);
            let verdict = entry.map(|entry| entry.verdict);
            !matches!(verdict, Some(Verdict::DeadLettered(_) | Verdict::Parked(_)))
        };
        let mut events = self.requests().into_iter();
        !self.record.rows().is_empty()
            || events.any(|id| !self.maker.intents.contains(&id.unique()) && !is_final(&id))
    }

    /// Until nothing is held any more.
    async fn tidy(&mut self) -> Result<(), String> {
        let began = Instant::now();
        while self.is_held() {
            if began.elapsed() > REST {
                let held = self.record.rows().queues();
                return Err(format!("the queues never empty: {held:?}"));
            }
            let held = self.held();
            for errand in self.person.tidy(held) {
                self.run_errand(&errand);
            }
            self.resolve().await?;
            // What was asked for may let more be decided.
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        Ok(())
    }

    fn start_worker(&mut self) {
        if self.workers.len() >= WORKERS {
            return;
        }
        self.started += 1;
        let process = ModelProcess::new(format!("worker-{}", self.started), self.dice.clone());
        self.note(&format!("{} starts", process.name));
        let ahead = if self.faults.has(FaultKind::WrongClocks) {
            i64::try_from(self.dice.roll(3)).unwrap_or(0) * HOUR - HOUR
        } else {
            0
        };
        let (trigger, shutdown) = Shutdown::manual();
        let health = Health::default();
        let secret = event_schema::signing::Keyring::new(1, *b"a secret of thirty-two bytes.....");
        let record = self.record.of(&process, &self.faults);
        let masters = sealing::MasterKeys::derived(&secret);
        let ports = write_worker::Ports {
            sealing: sealing::SubjectKeys::new(record.clone(), secret.clone(), masters),
            log: groups::log_of(&self.log, &process, &self.faults, &self.coordinator),
            catalog: events::catalog(),
            record,
            view: Some(self.view.of(&process, &self.faults)),
            keys: secret,
            layout: self.layout.clone(),
            clock: Arc::new(ModelClock::new(self.start, ahead)),
            health: health.clone(),
            registry: prometheus::Registry::new(),
            finished: write_worker::Finished::default(),
            owner: process.name.clone(),
        };
        let handle = runtime::spawn("worker", write_worker::run(self.config(), ports, shutdown));
        self.workers.push(RunningWorker {
            process,
            trigger,
            handle,
            health,
        });
    }

    /// Small batches and little memory, so that a short history crosses their edges.
    fn config(&self) -> write_worker::Config {
        write_worker::Config {
            retry_first_ms: 10,
            retry_longest_ms: 500,
            batch_records: 1 + self.dice.roll(10) as usize,
            cache_bytes: self.dice.roll(3) as usize * 1_000,
            recent_ids: 1 + self.dice.roll(10) as usize,
            probe_ms: 200,
            ..write_worker::Config::default()
        }
    }

    fn some_worker(&self) -> Option<usize> {
        (!self.workers.is_empty()).then(|| self.dice.roll(self.workers.len() as u64) as usize)
    }

    /// As kill -9: its session goes on for a while.
    fn kill(&mut self) {
        let Some(which) = self.some_worker() else {
            return;
        };
        let worker = self.workers.remove(which);
        self.note(&format!("{} is killed", worker.process.name));
        worker.trigger.hard();
        worker.handle.abort();
        self.end_session_later(worker.process.name);
    }

    fn end_session_later(&self, name: String) {
        let (coordinator, later) = (self.coordinator.clone(), self.dice.roll(10_000));
        runtime::spawn("simulated", async move {
            tokio::time::sleep(Duration::from_millis(later)).await;
            coordinator.remove(&name);
        });
    }

    /// It may be taken for dead meanwhile.
    fn freeze(&mut self) {
        let Some(which) = self.some_worker() else {
            return;
        };
        let process = self.workers[which].process.clone();
        if process.is_frozen() {
            return;
        }
        let long = self.dice.roll(20_000);
        self.note(&format!("{} freezes for {long} ms", process.name));
        process.freeze();
        if self.dice.once_in(2) {
            self.end_session_later(process.name.clone());
        }
        runtime::spawn("simulated", async move {
            tokio::time::sleep(Duration::from_millis(long)).await;
            process.thaw();
        });
    }

    /// As SIGTERM.
    async fn stop(&mut self) {
        let Some(which) = self.some_worker() else {
            return;
        };
        let worker = self.workers.remove(which);
        self.note(&format!("{} is stopped", worker.process.name));
        worker.trigger.soft();
        if tokio::time::timeout(Duration::from_secs(30), worker.handle)
            .await
            .is_err()
        {
            self.end_session_later(worker.process.name);
        }
    }

    async fn take_record_away(&mut self) {
        self.note("the record store is away");
        self.faults.set_record_away(true);
        tokio::time::sleep(Duration::from_millis(self.dice.roll(5_000))).await;
        self.faults.set_record_away(false);
        self.note("the record store is back");
    }

    /// Longer than anybody is frozen: whoever sleeps through it cannot know that it was away.
    async fn kill_record(&mut self) {
        self.note("the record store is killed");
        self.faults.set_record_away(true);
        self.record.forget();
        tokio::time::sleep(Duration::from_millis(25_000 + self.dice.roll(5_000))).await;
        self.faults.set_record_away(false);
        self.note("the record store is back, and has forgotten");
    }

    /// Requests in the order of the partition, each where it stands first.
    fn requests(&self) -> Vec<RequestId> {
        let topic = self.layout.name(&topics::TRANSACTIONS);
        let mut seen = BTreeSet::new();
        let records = (0..PARTITIONS).flat_map(|partition| self.log.all(&topic, partition));
        records
            .filter_map(|record| {
                let id = record.headers.iter().find(|(name, _)| name == "ce_id")?;
                RequestId::parse_trusted(std::str::from_utf8(&id.1).ok()?).ok()
            })
            .filter(|id| seen.insert(id.unique()))
            .collect()
    }

    /// Until every request is resolved.
    async fn resolve(&mut self) -> Result<(), String> {
        let began = Instant::now();
        while let Some(open) = self.unresolved() {
            if began.elapsed() > REST {
                let health: Vec<String> = self
                    .workers
                    .iter()
                    .map(|worker| format!("{}: {:?}", worker.process.name, worker.health))
                    .collect();
                return Err(format!("{open} is never resolved; {health:?}"));
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            self.no_faults()?;
        }
        Ok(())
    }

    fn unresolved(&self) -> Option<RequestId> {
        let requests = self.requests();
        requests
            .into_iter()
            .find(|id| self.record.entry(id).is_none())
    }

    fn no_faults(&self) -> Result<(), String> {
        let faults = self.record.take_faults();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults.join("\n"))
        }
    }
}
