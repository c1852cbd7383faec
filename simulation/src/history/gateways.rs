//! The gateways of a history, each with a spool: what is accepted by one, and what happens to them.
//! What a gateway acknowledged must stand in the log once nothing goes wrong any more, and the first
//! copies in the order of its calls, whoever shipped them.

use super::{History, PARTITIONS, REST, tell};
use crate::{
    dice::SharedDice,
    faults::{FaultKind, Faults},
    groups,
    process::{ModelClock, ModelProcess},
    spools::{ModelDisk, ModelMedium},
};
use event_log::{Log, NewRecord};
use event_schema::{id::RequestId, topics};
use parking_lot::Mutex;
use runtime::{Shutdown, ShutdownTrigger};
use spool::{Spool, SpoolMedium, SpoolOptions, adopt::ship_spool, machine::OrderLimits};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinHandle, time::Instant};

const GATEWAYS: u64 = 2;
/// Longer than any history.
const MAX_AGE: Duration = Duration::from_secs(30 * 86_400);
/// After so long whoever ships another's spool gives up.
const ADOPTING: Duration = Duration::from_secs(20);

type Unique = [u8; 16];

/// A write that a gateway acknowledged.
struct AcceptedWrite {
    call: u64,
    partition: u16,
    request: Unique,
}

pub(super) struct ModelGateway {
    name: String,
    disk: Arc<ModelDisk>,
    /// None: it was killed.
    running: Option<RunningGateway>,
    /// Another process has its disk open.
    is_adopted: Arc<AtomicBool>,
    calls: u64,
    accepted: Arc<Mutex<Vec<AcceptedWrite>>>,
}

struct RunningGateway {
    process: ModelProcess,
    medium: Arc<ModelMedium>,
    spool: Arc<Spool>,
    trigger: ShutdownTrigger,
    handle: JoinHandle<()>,
}

impl ModelGateway {
    fn is_frozen(&self) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|running| running.process.is_frozen())
    }

    fn takes_writes(&self) -> bool {
        self.running.is_some() && !self.is_frozen()
    }

    /// Nothing of it is in memory or on the disk alone.
    fn is_shipped(&self) -> bool {
        let spool = self.running.as_ref().map(|running| &running.spool);
        spool.is_some_and(|spool| spool.status().unacknowledged == 0) && self.disk.is_empty()
    }
}

/// Runs the history of a seed in which most of what happens happens to gateways.
///
/// # Errors
/// What did not hold.
pub fn run_cut_off(seed: u64) -> Result<String, String> {
    let dice = SharedDice::new(seed);
    let mut kinds = Faults::new(dice.clone()).kinds().clone();
    kinds.retain(|_| dice.once_in(3));
    kinds.insert(FaultKind::Spools);
    let faults = Faults::only(dice.clone(), kinds);
    let history = move || History::new(dice.clone(), faults.clone());
    tell(seed, history, async |history| {
        let step = async |history: &mut History| {
            if history.dice.once_in(5) {
                history.step().await;
            } else {
                history.step_gateways();
            }
        };
        history.play_with(step).await
    })
}

impl History {
    pub(super) fn step_gateways(&mut self) {
        match self.dice.roll(16) {
            0..=2 => self.cut_gateways_off(),
            3 => self.kill_gateway(),
            4 => self.freeze_gateway(),
            5..=7 => self.adopt_spool(),
            8 | 9 => self.restart_gateways(),
            _ => self.append(),
        }
    }

    pub(super) fn start_gateways(&mut self) {
        if !self.faults.has(FaultKind::Spools) {
            return;
        }
        for number in 1..=GATEWAYS {
            self.gateways.push(ModelGateway {
                name: format!("gateway-{number}"),
                disk: ModelDisk::new(number, self.start),
                running: None,
                is_adopted: Arc::default(),
                calls: 0,
                accepted: Arc::default(),
            });
        }
        self.restart_gateways();
    }

    /// Those that were killed, and whose disks no other process has open.
    pub(super) fn restart_gateways(&mut self) {
        for at in 0..self.gateways.len() {
            let gateway = &self.gateways[at];
            if gateway.running.is_some() || gateway.is_adopted.load(Ordering::Relaxed) {
                continue;
            }
            let name = gateway.name.clone();
            self.note(&format!("{name} starts"));
            let process = ModelProcess::new(name, self.dice.clone());
            let medium = ModelMedium::open(self.gateways[at].disk.clone(), process.clone());
            let log = self.log_of(&process);
            let kept: Arc<dyn SpoolMedium> = medium.clone();
            let spool = Spool::new(kept, log.publisher, self.spool_options());
            spool.open();
            let (trigger, shutdown) = Shutdown::manual();
            let handle = runtime::spawn("spool", spool.clone().run(shutdown));
            self.gateways[at].running = Some(RunningGateway {
                process,
                medium,
                spool,
                trigger,
                handle,
            });
        }
    }

    fn log_of(&self, process: &ModelProcess) -> Log {
        let line = 1 + self.dice.roll(6) as usize;
        groups::short_log_of(&self.log, process, &self.faults, &self.coordinator, line)
    }

    fn spool_options(&self) -> SpoolOptions {
        SpoolOptions {
            limits: OrderLimits {
                spool_after: 1 + self.dice.roll(300),
                durable_first: self.dice.once_in(4),
                cap: 1 << 20,
                writing_bytes: 1 << 16,
                writing_records: 1 + self.dice.roll(4) as usize,
                shipping: 1 + self.dice.roll(4) as usize,
            },
            reserve: 0,
            max_age: MAX_AGE,
            tracked_topic: Arc::from(self.layout.name(&topics::TRANSACTIONS)),
            clock: Arc::new(ModelClock::new(self.start, 0)),
        }
    }

    /// A record is put into the log by itself, whatever gateways do with copies of it.
    pub(super) fn put_into_log(&mut self, record: NewRecord) {
        self.count_copy(&record);
        self.log.append(record);
    }

    fn count_copy(&mut self, record: &NewRecord) -> Option<Unique> {
        let request = request_of(&record.headers)?;
        *self.copies.entry(request).or_default() += 1;
        Some(request)
    }

    /// Hands a record to the log, or to a gateway where there are any: one that takes nothing
    /// refuses it.
    pub(super) fn accept(&mut self, record: NewRecord) {
        if self.gateways.is_empty() {
            self.put_into_log(record);
            return;
        }
        let at = self.dice.roll(GATEWAYS) as usize;
        let Some(request) = self.count_copy(&record) else {
            return;
        };
        let gateway = &mut self.gateways[at];
        if !gateway.takes_writes() {
            return;
        }
        let Some(running) = &gateway.running else {
            return;
        };
        gateway.calls += 1;
        let (call, partition) = (gateway.calls, record.partition);
        let Ok(delivery) = running.spool.send(record) else {
            return;
        };
        let (accepted, medium) = (gateway.accepted.clone(), running.medium.clone());
        runtime::spawn("simulated", async move {
            // Of what a process that was killed would have said a client hears nothing.
            if delivery.await.is_ok() && !medium.is_killed() {
                accepted.lock().push(AcceptedWrite {
                    call,
                    partition,
                    request,
                });
            }
        });
    }

    pub(super) fn kill_gateway(&mut self) {
        let at = self.dice.roll(GATEWAYS) as usize;
        let gateway = &mut self.gateways[at];
        let Some(running) = gateway.running.take() else {
            return;
        };
        running.medium.kill();
        running.trigger.hard();
        running.handle.abort();
        let name = gateway.name.clone();
        self.note(&format!("{name} is killed"));
    }

    pub(super) fn freeze_gateway(&mut self) {
        let at = self.dice.roll(GATEWAYS) as usize;
        let gateway = &self.gateways[at];
        let Some(running) = gateway.running.as_ref().filter(|_| !gateway.is_frozen()) else {
            return;
        };
        let (process, long) = (running.process.clone(), self.dice.roll(20_000));
        process.freeze();
        self.note(&format!("{} freezes for {long} ms", process.name));
        runtime::spawn("simulated", async move {
            tokio::time::sleep(Duration::from_millis(long)).await;
            process.thaw();
        });
    }

    /// The partitions of `transactions` take nothing, or do again.
    pub(super) fn cut_gateways_off(&mut self) {
        let is_away = !self.faults.is_transactions_away();
        // Spools fill while it is away.
        if !is_away && !self.dice.once_in(4) {
            return;
        }
        let what = if is_away { "away" } else { "back" };
        self.note(&format!("`transactions` is {what}"));
        self.faults.set_transactions_away(is_away);
    }

    /// Another process ships the spool of a gateway that was killed, or a copy of that of a frozen
    /// one.
    pub(super) fn adopt_spool(&mut self) {
        let at = self.dice.roll(GATEWAYS) as usize;
        let gateway = &self.gateways[at];
        let is_open = gateway.running.is_some();
        let is_adopted = gateway.is_adopted.clone();
        if gateway.disk.is_empty() || gateway.takes_writes() || is_adopted.load(Ordering::Relaxed) {
            return;
        }
        let disk = if is_open {
            gateway.disk.copy()
        } else {
            is_adopted.store(true, Ordering::Relaxed);
            gateway.disk.clone()
        };
        let process = ModelProcess::new(format!("adopter of {}", gateway.name), self.dice.clone());
        self.note(&format!("{} begins", process.name));
        let (log, options) = (self.log_of(&process), self.spool_options());
        let medium: Arc<dyn SpoolMedium> = ModelMedium::open(disk, process);
        runtime::spawn("simulated", async move {
            // What is left is shipped by whoever opens it next.
            _ = ship_spool(medium, &log, options, ADOPTING).await;
            if !is_open {
                is_adopted.store(false, Ordering::Relaxed);
            }
        });
    }

    /// All that is left in spools comes into the log.
    pub(super) async fn ship_everything(&mut self) -> Result<(), String> {
        let began = Instant::now();
        while !self.gateways.iter().all(ModelGateway::is_shipped) {
            if began.elapsed() > REST {
                return Err("spools are never shipped".into());
            }
            self.thaw_gateways();
            self.restart_gateways();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        for gateway in &mut self.gateways {
            if let Some(running) = gateway.running.take() {
                running.trigger.hard();
            }
        }
        self.check_accepted()
    }

    fn thaw_gateways(&self) {
        let running = self.gateways.iter().filter_map(|one| one.running.as_ref());
        running.for_each(|running| running.process.thaw());
    }

    /// What was acknowledged stands, in the order of the calls.
    fn check_accepted(&self) -> Result<(), String> {
        let first = self.first_offsets();
        for gateway in &self.gateways {
            let mut accepted = gateway.accepted.lock();
            accepted.sort_by_key(|write| write.call);
            let mut last = [None; PARTITIONS as usize];
            for write in accepted.iter() {
                let (name, call) = (&gateway.name, write.call);
                let Some(offset) = first.get(&write.request) else {
                    return Err(format!("{name} acknowledged call {call}, which is lost"));
                };
                // A client that sent it again may have been faster elsewhere.
                if self.copies.get(&write.request) != Some(&1) {
                    continue;
                }
                let before = last[usize::from(write.partition)].replace(*offset);
                if before > Some(*offset) {
                    return Err(format!("call {call} of {name} overtook one before it"));
                }
            }
        }
        Ok(())
    }

    /// Where each request stands first in its partition.
    fn first_offsets(&self) -> HashMap<Unique, u64> {
        let topic = self.layout.name(&topics::TRANSACTIONS);
        let mut first = HashMap::new();
        for record in (0..PARTITIONS).flat_map(|partition| self.log.all(&topic, partition)) {
            if let Some(request) = request_of(&record.headers) {
                first.entry(request).or_insert(record.offset);
            }
        }
        first
    }
}

fn request_of(headers: &event_log::Headers) -> Option<Unique> {
    let (_, id) = headers.iter().find(|(name, _)| name == "ce_id")?;
    let id = RequestId::parse_trusted(std::str::from_utf8(id).ok()?);
    id.ok().map(|id| id.unique())
}
