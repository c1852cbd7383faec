//! Histories in which the log loses what it had acknowledged, or the record store is another one.
//! Nobody can bring that back. Whoever owns the partition must notice and stop it with an alarm, or
//! must come to what a plain reading of what is left makes: it may never guess.

use super::{History, PARTITIONS, REST, STEPS, tell};
use crate::{
    dice::SharedDice,
    faults::{FaultKind, Faults},
};
use event_schema::topics;
use runtime::State;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disaster {
    TransactionsTail,
    ChangesTail,
    TransactionsAnew,
    ChangesAnew,
    /// The keyspace is a wrong one, or was emptied. Nobody works then.
    StoreEmptied,
}

const DISASTERS: [Disaster; 5] = [
    Disaster::TransactionsTail,
    Disaster::ChangesTail,
    Disaster::TransactionsAnew,
    Disaster::ChangesAnew,
    Disaster::StoreEmptied,
];

/// Runs a history with a disaster in the middle.
///
/// # Errors
/// What did not hold.
pub fn run_with_disaster(seed: u64) -> Result<String, String> {
    let dice = SharedDice::new(seed);
    // A store that forgets its mark at the same time knows nothing that could contradict the log, and
    // what a spool holds is shipped into one that lost what stood before it.
    let kinds = Faults::new(dice.clone()).kinds().clone();
    let kinds = kinds.into_iter().filter(|kind| {
        !matches!(
            kind,
            FaultKind::Forgetful | FaultKind::Spools | FaultKind::LostView | FaultKind::Purges
        )
    });
    let faults = Faults::only(dice.clone(), kinds.collect());
    let history = move || History::new(dice.clone(), faults.clone());
    tell(seed, history, async |history| {
        history.play_with_disaster().await
    })
}

impl History {
    async fn play_with_disaster(&mut self) -> Result<(), String> {
        self.invariants = None;
        self.note(&format!("{:?}", self.faults.kinds()));
        self.start_worker();
        self.be_read();
        self.go_on().await;
        let disaster = *self.dice.pick(&DISASTERS).unwrap_or(&DISASTERS[0]);
        let partition = u16::try_from(self.dice.roll(u64::from(PARTITIONS))).unwrap_or(0);
        self.strike(disaster, partition).await;
        self.go_on().await;
        self.end_faults();
        self.settle(disaster, partition).await
    }

    async fn go_on(&mut self) {
        for _ in 0..STEPS / 2 {
            self.step().await;
            tokio::time::sleep(Duration::from_millis(self.dice.roll(1_500))).await;
        }
    }

    /// At times together with all workers, as when the power goes.
    async fn strike(&mut self, disaster: Disaster, partition: u16) {
        if self.dice.once_in(2) || disaster == Disaster::StoreEmptied {
            while !self.workers.is_empty() {
                self.kill_this(0);
            }
        }
        if disaster == Disaster::StoreEmptied {
            // Nothing that they sent is on its way any more.
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        let transactions = self.layout.name(&topics::TRANSACTIONS);
        let changes = self.layout.name(&topics::CHANGES);
        let count = 1 + self.dice.roll(6);
        self.note(&format!("{disaster:?} of partition {partition}, {count}"));
        match disaster {
            Disaster::TransactionsTail => self.log.lose_tail(&transactions, partition, count),
            Disaster::ChangesTail => self.log.lose_tail(&changes, partition, count),
            Disaster::TransactionsAnew => self.log.make_anew(&transactions, partition),
            Disaster::ChangesAnew => self.log.make_anew(&changes, partition),
            Disaster::StoreEmptied => self.record.empty(),
        }
    }

    /// The partition that was struck is stopped, or whole; the others are whole.
    async fn settle(&mut self, disaster: Disaster, struck: u16) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let open = self.unresolved_but(|partition| self.alarm(partition).is_some());
            let Some(open) = open else { break };
            if began.elapsed() > REST {
                return Err(format!("{open} is never resolved, and there is no alarm"));
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        tokio::time::sleep(Duration::from_secs(120)).await;
        let alarms: Vec<(u16, String)> = (0..PARTITIONS)
            .filter_map(|partition| Some((partition, self.alarm(partition)?)))
            .collect();
        for (partition, why) in &alarms {
            self.note(&format!("partition {partition} is stopped: {why}"));
            let may_be = *partition == struck || is_of_all(disaster);
            if !may_be {
                return Err(format!("partition {partition} has an alarm: {why}"));
            }
        }
        if !alarms.is_empty() {
            return Ok(());
        }
        let ended = match self.tidy_what_is_held().await {
            Ok(()) => self.check(),
            Err(why) => Err(why),
        };
        // What nobody had looked at before may be noticed now.
        let is_noticed = (0..PARTITIONS).any(|partition| self.alarm(partition).is_some());
        if is_noticed { Ok(()) } else { ended }
    }

    /// Rows do not say which version they have: those that a lost decision left behind are not
    /// noticed, as the lock of a queue in which nothing is.
    async fn tidy_what_is_held(&mut self) -> Result<(), String> {
        let is_open = |history: &Self| !history.held().is_empty() || history.is_told_to_be_held();
        self.tidy_while(is_open).await
    }

    /// Why a partition is stopped.
    fn alarm(&self, partition: u16) -> Option<String> {
        let name = format!("partition {partition}");
        let of_worker = |health: &runtime::Health| {
            let components = health.report().components.into_iter();
            let mut alarms = components.filter_map(|(component, state)| match state {
                State::Missing { why } if component.ends_with(&name) => Some(why),
                _ => None,
            });
            alarms.find(|why| !why.starts_with("taken again"))
        };
        self.workers
            .iter()
            .find_map(|worker| of_worker(&worker.health))
    }
}

/// A topic that is made anew has another id for all of its partitions, and a store is everybody's.
fn is_of_all(disaster: Disaster) -> bool {
    matches!(
        disaster,
        Disaster::TransactionsAnew | Disaster::ChangesAnew | Disaster::StoreEmptied
    )
}
