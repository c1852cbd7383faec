//! Short histories in which one worker is interrupted in the middle of one step: frozen until another
//! has its partitions, killed, or made to take them again. Run for each of its steps they show that
//! no place is a bad one to be interrupted at.

use super::{History, PARTITIONS, tell};
use crate::{
    dice::SharedDice,
    faults::{FaultKind, Faults},
};
use event_log::NewRecord;
use event_schema::{
    codec,
    decision::{Change, Open},
    topics,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// What happens to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// For longer than it may believe that its partitions are its own. Another takes them.
    Freeze,
    Kill,
    /// Somebody else opened its partitions, and is gone.
    Retake,
}

/// Longer than a tenure is believed in without a proof.
const FROZEN: Duration = Duration::from_secs(70);

/// Runs the history of a seed with an interruption in this step of its first worker. Answers whether
/// it came to that step.
///
/// # Errors
/// What did not hold.
pub fn run_interrupted(seed: u64, interruption: Interruption, step: u64) -> Result<bool, String> {
    let dice = SharedDice::new(seed);
    let kinds = BTreeSet::from([FaultKind::Refusals, FaultKind::Repeats]);
    let faults = Faults::only(dice.clone(), kinds);
    let history = move || History::new(dice.clone(), faults.clone());
    let mut came_to_it = false;
    tell(seed, history, async |history| {
        came_to_it = history.play_interrupted(interruption, step).await?;
        Ok(())
    })?;
    Ok(came_to_it)
}

impl History {
    async fn play_interrupted(
        &mut self,
        interruption: Interruption,
        step: u64,
    ) -> Result<bool, String> {
        self.start_worker();
        let first = self.workers[0].process.clone();
        first.freeze_at(step);
        for _ in 0..3 {
            self.append();
        }
        let came_to_it = self.until_frozen().await?;
        if came_to_it {
            self.note(&format!("{interruption:?} in step {step}"));
            // What the view took it now refuses, also when it is to be put back.
            self.faults.set_view_fickle(true);
            self.interrupt(interruption).await;
        }
        self.append();
        self.no_faults()?;
        self.come_to_rest().await?;
        Ok(came_to_it)
    }

    /// False if all is resolved before.
    async fn until_frozen(&mut self) -> Result<bool, String> {
        let process = self.workers[0].process.clone();
        while !process.is_frozen() {
            if self.unresolved().is_none() {
                process.freeze_at(u64::MAX);
                process.thaw();
                return Ok(false);
            }
            let moment = Duration::from_millis(50);
            _ = tokio::time::timeout(moment, process.frozen()).await;
            self.no_faults()?;
        }
        Ok(true)
    }

    async fn interrupt(&mut self, interruption: Interruption) {
        let first = self.workers[0].process.clone();
        match interruption {
            Interruption::Freeze => {
                self.start_worker();
                self.coordinator.remove(&first.name);
                self.append();
                tokio::time::sleep(FROZEN).await;
                first.thaw();
            }
            Interruption::Kill => {
                self.kill_this(0);
                self.start_worker();
            }
            Interruption::Retake => {
                (0..PARTITIONS).for_each(|partition| self.open_by_a_stranger(partition));
                first.thaw();
            }
        }
    }

    fn open_by_a_stranger(&self, partition: u16) {
        let open = Open {
            owner: "a stranger".into(),
            time: 0,
        };
        let parts = codec::encode_change(&Change::Open(open));
        self.log.append(NewRecord {
            topic: Arc::from(self.layout.name(&topics::CHANGES)),
            partition,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        });
    }
}
