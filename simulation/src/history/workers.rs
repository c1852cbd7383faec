//! The workers of a history, and what happens to them and to the record store.

use super::{
    History,
    purges::{CLOCK_ERROR, LEAST_AGE},
};
use crate::{
    events,
    faults::FaultKind,
    groups,
    process::{ModelClock, ModelProcess},
};
use runtime::{Health, Shutdown, ShutdownTrigger};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinHandle;

/// Workers that run at a time, at most.
const WORKERS: usize = 3;
const HOUR: i64 = 3_600_000;
const LONGEST_FREEZE: Duration = Duration::from_secs(20);

pub(super) struct RunningWorker {
    pub process: ModelProcess,
    trigger: ShutdownTrigger,
    handle: JoinHandle<Result<(), write_worker::WorkerError>>,
    pub health: Health,
    clock: ModelClock,
}

impl History {
    pub(super) fn start_worker(&mut self) {
        if self.workers.len() >= WORKERS {
            return;
        }
        self.started += 1;
        let process = ModelProcess::new(format!("worker-{}", self.started), self.dice.clone());
        self.note(&format!("{} starts", process.name));
        let ahead = if self.faults.has(FaultKind::WrongClocks) {
            self.some_time()
        } else {
            0
        };
        let clock = ModelClock::new(self.start, ahead);
        let (trigger, shutdown) = Shutdown::manual();
        let health = Health::default();
        let secret = event_schema::signing::Keyring::new(1, *b"a secret of thirty-two bytes.....");
        let record = self.record.of(&process, &self.faults);
        let masters = sealing::MasterKeys::derived(&secret);
        let ports = write_worker::Ports {
            feedback: write_worker::LocalFeedback::default(),
            sealing: sealing::SubjectKeys::new(record.clone(), secret.clone(), masters),
            log: groups::log_of(&self.log, &process, &self.faults, &self.coordinator),
            catalog: events::catalog(),
            record,
            view: Some(self.view.of(&process, &self.faults)),
            keys: secret,
            layout: self.layout.clone(),
            clock: Arc::new(clock.clone()),
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
            clock,
        });
    }

    /// How far a wrong clock is ahead.
    fn some_time(&self) -> i64 {
        let error = if self.has_purges() { CLOCK_ERROR } else { HOUR };
        i64::try_from(self.dice.roll(3)).unwrap_or(0) * error - error
    }

    /// A worker's clock is set, by an hour or two.
    pub(super) fn set_a_clock(&mut self) {
        let Some(which) = self.some_worker() else {
            return;
        };
        let ahead = self.some_time();
        let worker = &self.workers[which];
        worker.clock.set(ahead);
        let name = worker.process.name.clone();
        self.note(&format!("{name}'s clock is {ahead} ms ahead"));
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
            history_records: self.history_records(),
            markers_kept_ms: i64::try_from(LEAST_AGE.as_millis()).unwrap_or(i64::MAX),
            ..write_worker::Config::default()
        }
    }

    fn history_records(&self) -> u64 {
        if self.faults.kinds().contains(&FaultKind::ShortHistory) {
            1 + self.dice.roll(10)
        } else {
            write_worker::Config::default().history_records
        }
    }

    fn some_worker(&self) -> Option<usize> {
        (!self.workers.is_empty()).then(|| self.dice.roll(self.workers.len() as u64) as usize)
    }

    /// As kill -9: its session goes on for a while.
    pub(super) fn kill(&mut self) {
        if let Some(which) = self.some_worker() {
            self.kill_this(which);
        }
    }

    pub(super) fn kill_this(&mut self, which: usize) {
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
    pub(super) fn freeze(&mut self) {
        let Some(which) = self.some_worker() else {
            return;
        };
        let process = self.workers[which].process.clone();
        if process.is_frozen() {
            return;
        }
        let long = self.dice.roll(LONGEST_FREEZE.as_millis() as u64);
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

    /// As long as one ever freezes; its partitions are another's at once.
    pub(super) fn freeze_and_replace(&mut self) {
        let Some(which) = self.some_worker() else {
            return;
        };
        let process = self.workers[which].process.clone();
        self.note(&format!("{} freezes, and is replaced", process.name));
        process.freeze();
        self.coordinator.remove(&process.name);
        self.start_worker();
        runtime::spawn("simulated", async move {
            tokio::time::sleep(LONGEST_FREEZE).await;
            process.thaw();
        });
    }

    /// As SIGTERM.
    pub(super) async fn stop(&mut self) {
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

    pub(super) async fn take_record_away(&mut self) {
        self.note("the record store is away");
        self.faults.set_record_away(true);
        tokio::time::sleep(Duration::from_millis(self.dice.roll(5_000))).await;
        self.faults.set_record_away(false);
        self.note("the record store is back");
    }

    /// Longer than anybody is frozen: whoever sleeps through it cannot know that it was away.
    pub(super) async fn kill_record(&mut self) {
        self.note("the record store is killed");
        self.faults.set_record_away(true);
        self.record.forget();
        tokio::time::sleep(Duration::from_millis(25_000 + self.dice.roll(5_000))).await;
        self.faults.set_record_away(false);
        self.note("the record store is back, and has forgotten");
    }
}
