//! A rebuild from its beginning, or from where it was cut short, to its end: places are made, the
//! ends of the log are noted, older documents are copied, and then every record of the log up to
//! those ends is written that counts. What comes behind them is written by the workers, who find the
//! places that were made before.

use crate::{
    RebuildError,
    copy::copy_collections,
    ports::{RebuildObserver, RebuildPorts},
    purged::PurgedDocuments,
    report::{RebuildReport, RebuiltPartition},
    scope::{LivingCollections, RebuildScope, RebuiltStore},
    target::RebuildTarget,
};
use audit::{AuditError, PartitionFold, StandingRecord};
use event_log::Limits;
use event_schema::{
    decision::Change,
    id::RequestId,
    mutation::{DocumentChange, RowMutation},
    offset::ChangesOffset,
    position::{Position, Version},
    topics::CHANGES,
};
use store::{
    Collection,
    fold::{StoredEffects, fold_effects},
};

/// Records of the log that are read and written together.
const BATCH: Limits = Limits {
    records: 1_000,
    bytes: 4 << 20,
};

#[derive(Clone, Debug)]
pub struct RebuildOptions {
    pub scope: RebuildScope,
    /// Write nothing: count what the store lacks.
    pub is_dry_run: bool,
    /// Though the log does not hold everything that belongs into the record.
    pub is_partial: bool,
    /// The report of a rebuild that was cut short.
    pub resume: Option<RebuildReport>,
}

/// Rebuilds, telling `observe` after each batch how far it is.
///
/// # Errors
/// If the log or the record cannot be read, or what is asked for cannot be done.
pub async fn run_rebuild(
    ports: &RebuildPorts,
    options: RebuildOptions,
    observe: RebuildObserver<'_>,
) -> Result<RebuildReport, RebuildError> {
    let RebuildOptions {
        scope, is_dry_run, ..
    } = options;
    let mut report = match options.resume {
        Some(report) if report.scope != scope || report.is_dry_run != is_dry_run => {
            let why = "what was cut short is another rebuild";
            return Err(RebuildError::NothingNamed(why.to_owned()));
        }
        Some(report) => report,
        None => RebuildReport::new(scope.clone(), is_dry_run),
    };
    report.is_done = false;
    let collections = ports.record.collections().await?;
    scope.check(&collections)?;
    let named: Vec<Collection> = collections
        .into_iter()
        .filter(|collection| scope.names(collection))
        .collect();
    let target = RebuildTarget::of(ports, scope.store)?;
    if !is_dry_run {
        target.prepare(ports, &named).await?;
    }
    // After the places are made: a worker writes what is decided from here on into them.
    let folds = begin_folds(ports, &mut report).await?;
    let begins = |one: &PartitionFold| (one.begins > 0).then_some((one.partition, one.begins));
    if let Some((partition, begins)) = folds.iter().find_map(begins) {
        if scope.store == RebuiltStore::Record && !options.is_partial {
            return Err(RebuildError::LogIsTrimmed { partition, begins });
        }
        if scope.store == RebuiltStore::View && !report.is_copied {
            copy_collections(ports, &target, &named, &mut report, observe).await?;
        }
    }
    let living = LivingCollections::new(&named);
    for mut fold in folds {
        let written = write_partition(ports, &target, &living, &mut fold, &mut report, observe);
        written.await?;
    }
    if !is_dry_run {
        target.refresh(&named).await?;
    }
    report.is_done = true;
    observe(&report);
    Ok(report)
}

/// The folds of all partitions, and in the report where they end.
pub(crate) async fn begin_folds(
    ports: &RebuildPorts,
    report: &mut RebuildReport,
) -> Result<Vec<PartitionFold>, RebuildError> {
    let topic = ports.layout.name(&CHANGES);
    let mut folds = Vec::new();
    for partition in 0..ports.layout.partitions {
        let offsets = ports.log.admin.offsets(&topic, partition).await;
        let offsets = offsets.map_err(|error| AuditError::Log(error.to_string()))?;
        let fold = PartitionFold::begin(&ports.log, &topic, partition).await?;
        let known = report.partitions.entry(partition).or_default();
        *known = RebuiltPartition {
            begins: fold.begins,
            done: known.done.max(fold.begins),
            end: offsets.end,
        };
        folds.push(fold);
    }
    Ok(folds)
}

/// What a record of the log leaves in the store, as far as it is asked for.
struct NamedEffects {
    at: ChangesOffset,
    version: Version,
    position: Position,
    request: RequestId,
    documents: Vec<DocumentChange>,
    rows: Vec<RowMutation>,
}

impl NamedEffects {
    fn of(
        record: &StandingRecord<'_>,
        generation: u16,
        scope: &RebuildScope,
        living: &LivingCollections,
    ) -> Option<Self> {
        let (position, request, documents, rows) = match record.change {
            Change::Decision(it) => (it.position, it.request, &it.documents, &it.rows),
            Change::Void(it) => (it.position, it.request, &it.documents, &it.rows),
            Change::Open(_) | Change::Mark(_) => return None,
        };
        let documents = documents.iter().filter(|one| living.holds(&one.key));
        let rows = rows.iter().filter(|row| scope.takes_row(&row.key));
        Some(Self {
            at: record.offset,
            version: Version::new(generation, record.offset),
            position,
            request,
            documents: documents.cloned().collect(),
            rows: rows.cloned().collect(),
        })
    }

    fn is_empty(&self) -> bool {
        self.documents.is_empty() && self.rows.is_empty()
    }

    fn stored(&self) -> StoredEffects<'_> {
        StoredEffects {
            version: self.version,
            position: self.position,
            request: self.request,
            documents: &self.documents,
            rows: &self.rows,
        }
    }
}

/// Up to where the report says that the partition ends; what is below `done` is read for the fold,
/// and not written again. Answers the last record that left anything to write.
pub(crate) async fn write_partition(
    ports: &RebuildPorts,
    target: &RebuildTarget,
    living: &LivingCollections,
    partition: &mut PartitionFold,
    report: &mut RebuildReport,
    observe: RebuildObserver<'_>,
) -> Result<Option<ChangesOffset>, RebuildError> {
    let mut last = None;
    let generation = ports.layout.generation;
    let scope = report.scope.clone();
    let RebuiltPartition { done, end, .. } = report.partitions[&partition.partition];
    let of = (partition.partition, end);
    let purged = PurgedDocuments::find(ports, target, of, BATCH).await?;
    loop {
        let mut effects = Vec::new();
        let take = |record: StandingRecord<'_>| {
            if record.offset.get() >= done {
                let mut named = NamedEffects::of(&record, generation, &scope, living);
                if let Some(named) = &mut named {
                    let at = named.at;
                    named.documents.retain(|one| !purged.is_older(at, one));
                }
                effects.extend(named);
            }
        };
        if !partition.read_batch(&ports.log, end, BATCH, take).await? {
            return Ok(last);
        }
        let with_effects = effects.iter().filter(|one| !one.is_empty());
        last = with_effects.map(|one| one.at).max().or(last);
        let mut folded = fold_effects(effects.iter().map(NamedEffects::stored));
        purged.leave_out(ports, &mut folded.documents).await?;
        report.counts.documents += folded.documents.len() as u64;
        report.counts.rows += folded.rows.len() as u64;
        target.fill(folded, report).await?;
        let known = report.partitions.entry(partition.partition).or_default();
        known.done = known.done.max(partition.next);
        observe(report);
    }
}
