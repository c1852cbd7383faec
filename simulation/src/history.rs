//! One history: its faults and workers in the order that the seed gives, then a time in which
//! nothing goes wrong, then what must be so.

mod audits;
mod checks;
mod disasters;
mod gateways;
mod interruptions;
mod invariants;
mod logs;
mod purges;
mod rebuilds;
mod workers;

pub use disasters::run_with_disaster;
pub use gateways::run_cut_off;
pub use interruptions::{Interruption, run_interrupted};

use crate::{
    dice::SharedDice,
    events::{self, Maker},
    faults::{FaultKind, Faults},
    groups::Coordinator,
    log::ModelLog,
    person::{Errand, Person},
    purger::Purger,
    record::ModelRecord,
    rows::ModelQueue,
    view::ModelView,
};
use event_schema::{
    Raw,
    held::HeldEvent,
    id::{EntityKey, RequestId},
    mutation::RowKey,
    outcome::Verdict,
    topics::{self, Layout},
};
use gateways::ModelGateway;
use invariants::LogInvariants;
use rebuilds::Rebuilding;
use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;
use workers::RunningWorker;

const PARTITIONS: u16 = 2;
/// What happens in a history before it comes to rest.
const STEPS: usize = 30;
/// When all must be resolved after the last fault.
const REST: Duration = Duration::from_secs(1_800);

struct History {
    dice: SharedDice,
    faults: Faults,
    layout: Layout,
    start: Instant,
    log: Arc<ModelLog>,
    coordinator: Arc<Coordinator>,
    record: Arc<ModelRecord>,
    view: Arc<ModelView>,
    maker: Maker,
    person: Person,
    purger: Purger,
    workers: Vec<RunningWorker>,
    started: usize,
    /// None: records are put into the log by themselves.
    gateways: Vec<ModelGateway>,
    /// How often each request was handed to a gateway or put into the log.
    copies: HashMap<[u8; 16], u64>,
    /// The view is being filled again.
    rebuilding: Option<Rebuilding>,
    /// None where the log loses what it had acknowledged.
    invariants: Option<LogInvariants>,
    trace: String,
}

/// Runs the history of a seed; answers what happened in it, in a form that two runs can be compared
/// by.
///
/// # Errors
/// What did not hold.
pub fn run(seed: u64) -> Result<String, String> {
    let dice = SharedDice::new(seed);
    let faults = Faults::new(dice.clone());
    let history = move || History::new(dice.clone(), faults.clone());
    tell(seed, history, async |history| history.play().await)
}

/// On virtual time; answers what happened, or why it went wrong and all that happened.
fn tell(
    seed: u64,
    mut history: impl FnMut() -> History,
    play: impl AsyncFnOnce(&mut History) -> Result<(), String>,
) -> Result<String, String> {
    runtime::seed_thread(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let mut history = history();
        let ended = play(&mut history).await;
        ended
            .map(|()| std::mem::take(&mut history.trace))
            .map_err(|why| format!("{why}\nwhat happened:\n{}{}", history.trace, history.logs()))
    })
}

impl History {
    fn new(dice: SharedDice, faults: Faults) -> Self {
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
            purger: Purger::default(),
            view: Arc::default(),
            workers: Vec::new(),
            started: 0,
            gateways: Vec::new(),
            copies: HashMap::new(),
            rebuilding: None,
            invariants: Some(LogInvariants::default()),
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
        self.play_with(async |history| history.step().await).await
    }

    async fn play_with(&mut self, mut step: impl AsyncFnMut(&mut Self)) -> Result<(), String> {
        self.note(&format!("{:?}", self.faults.kinds()));
        self.start_worker();
        self.be_read();
        self.start_gateways();
        let auditing = self.start_audits();
        for _ in 0..STEPS {
            step(self).await;
            tokio::time::sleep(Duration::from_millis(self.dice.roll(1_500))).await;
            self.no_faults()?;
        }
        // Little is written behind it: most of what is there then is what the rebuild wrote.
        if self.may_lose_view() {
            self.lose_view();
        }
        self.come_to_rest().await?;
        self.check_audits(auditing).await
    }

    /// Nothing goes wrong from now on; then what must be so.
    async fn come_to_rest(&mut self) -> Result<(), String> {
        self.end_faults();
        self.ship_everything().await?;
        self.resolve().await?;
        self.tidy().await?;
        self.finish_rebuild().await?;
        tokio::time::sleep(Duration::from_secs(120)).await;
        self.purge_the_rest().await?;
        self.no_faults()?;
        self.check()
    }

    fn end_faults(&mut self) {
        self.note("nothing goes wrong any more");
        self.faults.end();
        self.workers.iter().for_each(|worker| worker.process.thaw());
        self.start_worker();
    }

    /// Are there notifiers, which begin where the log does?
    fn be_read(&mut self) {
        if self.faults.has(FaultKind::ShortHistory) && self.dice.once_in(2) {
            self.note("notifiers read");
            self.read_on(false);
        }
    }

    /// Notifiers, if there are any, have read some more.
    fn read_on(&mut self, is_further: bool) {
        let topic = self.layout.name(&topics::CHANGES);
        for partition in 0..PARTITIONS {
            let end = self.log.offsets(&topic, partition);
            let end = end.map_or(0, |offsets| offsets.end);
            match self.log.notified(&topic, partition) {
                Some(from) if is_further => {
                    let to = from + self.dice.roll(end.saturating_sub(from) + 1);
                    self.log.notify(&topic, partition, to);
                }
                None if !is_further => self.log.notify(&topic, partition, 0),
                Some(_) | None => {}
            }
        }
    }

    async fn step(&mut self) {
        if self.faults.has(FaultKind::Purges) && self.dice.once_in(5) {
            return self.step_purges().await;
        }
        let sides = if self.gateways.is_empty() { 30 } else { 40 };
        match self.dice.roll(sides) {
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
            28 => self.read_on(true),
            29 if self.may_lose_view() => self.lose_view(),
            29 if self.faults.has(FaultKind::WrongClocks) => self.set_a_clock(),
            21 if self.faults.has(FaultKind::Forgetful) => self.kill_record().await,
            30.. => self.step_gateways(),
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
            self.accept(record);
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
        self.intend(operation, key, event_schema::to_raw(asked));
    }

    fn intend(&mut self, operation: &str, key: &EntityKey, asked: Raw) {
        let (log, topic) = (&self.log, self.layout.name(&topics::TRANSACTIONS));
        let end = |partition| {
            log.offsets(&topic, partition)
                .map_or(0, |offsets| offsets.end)
        };
        let record = self.maker.intend(operation, key, asked, end);
        self.put_into_log(record);
    }

    /// Is something held, or told to be?
    fn is_held(&self) -> bool {
        !self.record.rows().is_empty() || self.is_told_to_be_held()
    }

    fn is_told_to_be_held(&self) -> bool {
        let is_final = |id: &RequestId| {
            let entry = self.record.entry(id);
            let verdict = entry.map(|entry| entry.verdict);
            !matches!(verdict, Some(Verdict::DeadLettered(_) | Verdict::Parked(_)))
        };
        let mut events = self.requests().into_iter();
        events.any(|id| !self.maker.intents.contains(&id.unique()) && !is_final(&id))
    }

    /// Until nothing is held any more.
    async fn tidy(&mut self) -> Result<(), String> {
        self.tidy_while(Self::is_held).await
    }

    /// A person does what is asked for, and what that lets be decided, as long as this is so.
    async fn tidy_while(&mut self, is_open: impl Fn(&Self) -> bool) -> Result<(), String> {
        let began = Instant::now();
        while is_open(self) {
            if began.elapsed() > REST {
                let held = self.record.rows().queues();
                return Err(format!("the queues never empty: {held:?}"));
            }
            let held = self.held();
            for errand in self.person.tidy(held) {
                self.run_errand(&errand);
            }
            self.resolve().await?;
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        Ok(())
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
        self.unresolved_but(|_| false)
    }

    /// Partitions for which this is true are left out.
    fn unresolved_but(&self, is_left_out: impl Fn(u16) -> bool) -> Option<RequestId> {
        let mut requests = self.requests().into_iter();
        requests.find(|id| self.record.entry(id).is_none() && !is_left_out(id.partition()))
    }

    fn is_forgetful(&self) -> bool {
        self.faults.kinds().contains(&FaultKind::Forgetful)
    }

    /// What must be so after every step.
    fn no_faults(&mut self) -> Result<(), String> {
        self.check_log()?;
        let mut faults = self.record.take_faults();
        faults.extend(self.view.take_faults());
        faults.extend(self.log.deleted_too_much());
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults.join("\n"))
        }
    }
}
