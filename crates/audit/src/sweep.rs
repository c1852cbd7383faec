//! The audit itself, as a column of passes: fold the log, look for strangers, compare the items in
//! the order of their hashes, settle what differs, go on where memory did not suffice.

mod settle;
mod strangers;
mod undecided;

use crate::{
    compare,
    decided::DecidedEvents,
    expected::{ExpectedItems, ExpectedState, ItemPlace},
    fetch::{StoreLook, fetch_items},
    finding::{AuditFinding, Basis, DifferenceKind, HeldState, ItemName},
    half::name_half_applied,
    partition::{PartitionFold, StandingRecord},
    ports::{AuditError, AuditOptions, AuditPhase, AuditPorts, StoreSide},
    report::{AuditReport, AuditedPartition},
};
use event_schema::{decision::Mark, mutation::DocumentKey};
use settle::Suspect;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use store::{Collection, schema::Table};

/// So often a pass begins anew, when records were deleted before they were read.
const BEGUN_ANEW: u32 = 5;
/// Suspects that are settled together.
const SUSPECTS: usize = 2_000;

/// One audit under way.
pub(crate) struct Sweep<'a> {
    pub ports: &'a AuditPorts,
    pub folds: Vec<PartitionFold>,
    /// One for each fold.
    pub decided: Vec<DecidedEvents>,
    pub expected: ExpectedItems,
    pub collections: Vec<Collection>,
    pub report: AuditReport,
    pub patience: Duration,
    batch: usize,
    living: HashSet<[String; 3]>,
    observe: &'a (dyn Fn(AuditPhase, &AuditReport) + Send + Sync),
}

/// Looks at everything that `options` say. `observe` is told of progress now and then; the report
/// that it is shown is one to resume from.
///
/// # Errors
/// If the log or a store cannot be read: nothing can be said then.
pub async fn run_audit(
    ports: &AuditPorts,
    options: AuditOptions,
    observe: &(dyn Fn(AuditPhase, &AuditReport) + Send + Sync),
) -> Result<AuditReport, AuditError> {
    let partitions = match options.partitions {
        Some(some) => some,
        None => (0..ports.layout.partitions).collect(),
    };
    if let Some(none) = partitions.iter().find(|p| **p >= ports.layout.partitions) {
        return Err(AuditError::NoPartition(*none));
    }
    let sample = options.sample.max(1);
    let mut report = options.resume.unwrap_or_else(|| AuditReport {
        began: ports.clock.now(),
        sample,
        next: Some(0),
        ..AuditReport::default()
    });
    let tables: HashMap<String, Table> = ports
        .tables
        .iter()
        .map(|table| (table.name.clone(), table.clone()))
        .collect();
    let (tables, topic) = (Arc::new(tables), ports.changes());
    let mut begun_anew = 0;
    while let Some(start) = report.next {
        let mut folds = Vec::with_capacity(partitions.len());
        for partition in &partitions {
            folds.push(PartitionFold::begin(&ports.log, &topic, *partition).await?);
        }
        let before = report.clone();
        let expected =
            ExpectedItems::new(start, report.sample, options.memory_bytes, tables.clone());
        let mut sweep = Sweep {
            ports,
            decided: vec![DecidedEvents::default(); folds.len()],
            folds,
            expected,
            collections: Vec::new(),
            report,
            patience: options.patience,
            batch: options.batch.max(1),
            living: HashSet::new(),
            observe,
        };
        report = match sweep.run_pass().await {
            Ok(()) => sweep.report,
            Err(AuditError::Deleted { .. }) if begun_anew < BEGUN_ANEW => {
                begun_anew += 1;
                before
            }
            Err(error) => return Err(error),
        };
    }
    name_half_applied(ports, &mut report.findings).await?;
    Ok(report)
}

impl Sweep<'_> {
    async fn run_pass(&mut self) -> Result<(), AuditError> {
        self.read_collections().await?;
        self.read_on().await?;
        if self.report.partitions.is_empty() {
            self.look_for_undecided().await?;
            self.report.partitions = self.folds.iter().map(audited_partition).collect();
            self.compare_marks().await?;
        }
        self.look_for_strangers().await?;
        self.compare_items().await?;
        self.report.next = self.expected.end();
        self.tell(AuditPhase::Comparing);
        Ok(())
    }

    pub(crate) fn tell(&self, phase: AuditPhase) {
        (self.observe)(phase, &self.report);
    }

    /// Folds the log up to its end as it is now.
    pub(crate) async fn read_on(&mut self) -> Result<(), AuditError> {
        let generation = self.ports.layout.generation;
        for (fold, decided) in self.folds.iter_mut().zip(&mut self.decided) {
            if fold.next == fold.begins {
                (self.observe)(AuditPhase::Reading(fold.partition), &self.report);
            }
            let expected = &mut self.expected;
            let take = |record: StandingRecord<'_>| {
                decided.take(generation, record.partition, record.change);
                expected.fold(record);
            };
            fold.read_on(&self.ports.log, take).await?;
        }
        Ok(())
    }

    /// Which collections there are now: what was dropped or emptied is not looked at.
    pub(crate) async fn read_collections(&mut self) -> Result<(), AuditError> {
        self.collections = self.ports.record.collections().await?;
        let name = |one: &Collection| {
            [&one.index, &one.collection, &one.incarnation].map(|text| text.to_owned())
        };
        self.living = self.collections.iter().map(name).collect();
        Ok(())
    }

    pub(crate) fn is_living(&self, key: &DocumentKey) -> bool {
        let name = [&key.index, &key.collection, &key.incarnation].map(|text| text.to_owned());
        self.living.contains(&name)
    }

    /// From the log to the stores, in the order of hashes.
    async fn compare_items(&mut self) -> Result<(), AuditError> {
        let mut suspects = Vec::new();
        let mut last: Option<ItemPlace> = None;
        loop {
            let mut looks = Vec::new();
            let mut taken = 0;
            for (place, item) in self
                .expected
                .items
                .range::<ItemPlace, _>(bounds_behind(&last))
            {
                looks.extend(self.looks(place, &item.name));
                self.report.counts.add(&item.state);
                taken += 1;
                last = Some(place.clone());
                if taken == self.batch {
                    break;
                }
            }
            if taken == 0 {
                return self.settle_suspects(suspects).await;
            }
            suspects.extend(self.first_look(looks).await?);
            if suspects.len() >= SUSPECTS || taken == self.batch {
                self.settle_suspects(std::mem::take(&mut suspects)).await?;
                self.report.next = last.as_ref().map(|(hash, _)| *hash);
                self.tell(AuditPhase::Comparing);
            }
        }
    }

    /// Where an item is to be looked at.
    fn looks(&self, place: &ItemPlace, name: &ItemName) -> Vec<Suspect> {
        let look = |side| Suspect {
            place: place.clone(),
            look: StoreLook {
                item: name.clone(),
                side,
            },
        };
        match name {
            ItemName::Document { document } if !self.is_living(document) => Vec::new(),
            ItemName::Document { .. } if self.ports.separate_view().is_some() => {
                vec![look(StoreSide::Record), look(StoreSide::View)]
            }
            _ => vec![look(StoreSide::Record)],
        }
    }

    /// Those that differ at first sight, or cannot be judged yet.
    async fn first_look(&self, looks: Vec<Suspect>) -> Result<Vec<Suspect>, AuditError> {
        let asked: Vec<StoreLook> = looks.iter().map(|one| one.look.clone()).collect();
        let found = fetch_items(self.ports, &asked).await?;
        let context = self.compare_context();
        let mut suspects = Vec::new();
        for (suspect, found) in looks.into_iter().zip(found) {
            let item = self.expected.items.get(&suspect.place);
            let differs =
                item.is_none_or(|item| compare::find_difference(item, &found, context).is_some());
            if differs || !self.is_resolved(&suspect.place) {
                suspects.push(suspect);
            }
        }
        Ok(suspects)
    }

    /// The record's marks against the log's: a mark that the log has not given yet belongs to
    /// another log.
    async fn compare_marks(&mut self) -> Result<(), AuditError> {
        let mut findings = Vec::new();
        for fold in &self.folds {
            let generation = self.ports.layout.generation;
            let kept = self.ports.record.mark(generation, fold.partition).await?;
            // Read after the record's mark: workers may have moved both on since the log was read.
            let end = self.end_of_changes(fold.partition).await?;
            let (kind, detail) = match (&kept, &fold.mark) {
                (Some(kept), _) if kept.at.get() > end => (
                    DifferenceKind::Extra,
                    "the log does not reach this mark: it is not the log that the record was written from",
                ),
                (Some(kept), _) if kept.reapply_from.get() < fold.begins => (
                    DifferenceKind::Stale,
                    "the log begins behind what this mark says is to be applied again",
                ),
                (None, Some(mark)) if mark.at.get() + 1 < fold.next && fold.begins > 0 => (
                    DifferenceKind::Lost,
                    "the record keeps no mark of the partition",
                ),
                (_, _) => continue,
            };
            findings.push(AuditFinding {
                kind,
                item: ItemName::Mark {
                    partition: fold.partition,
                },
                key: format!("mark of partition {}", fold.partition),
                store: self.ports.record.name().to_owned(),
                partition: Some(fold.partition),
                expected: fold.mark.as_ref().map(mark_state),
                found: kept.as_ref().map(mark_state),
                request: None,
                row: None,
                basis: Basis::Log,
                detail: detail.to_owned(),
            });
        }
        self.report.add(findings);
        Ok(())
    }

    async fn end_of_changes(&self, partition: u16) -> Result<u64, AuditError> {
        let topic = self.ports.changes();
        let offsets = self.ports.log.admin.offsets(&topic, partition).await;
        let offsets = offsets.map_err(|error| AuditError::Log(error.to_string()))?;
        Ok(offsets.end)
    }
}

fn bounds_behind(
    last: &Option<ItemPlace>,
) -> (std::ops::Bound<ItemPlace>, std::ops::Bound<ItemPlace>) {
    use std::ops::Bound;
    let from = last.clone().map_or(Bound::Unbounded, Bound::Excluded);
    (from, Bound::Unbounded)
}

fn mark_state(mark: &Mark) -> HeldState {
    HeldState {
        offset: Some(mark.at.get()),
        ..HeldState::default()
    }
}

fn audited_partition(fold: &PartitionFold) -> AuditedPartition {
    AuditedPartition {
        partition: fold.partition,
        begins: fold.begins,
        read_to: fold.next,
        through: fold.through().map(|through| through.get()),
    }
}

impl crate::report::AuditedCounts {
    fn add(&mut self, state: &ExpectedState) {
        match state {
            ExpectedState::Document { .. } => self.documents += 1,
            ExpectedState::Row(_) => self.rows += 1,
            ExpectedState::Verdict { .. } => self.requests += 1,
        }
    }
}
