//! A collection of the view under other mappings, which an index cannot take in place: a second index
//! is filled beside the first while writes go on, and put in its place when it has caught up. While it
//! goes on a document must fit both mappings, as in every change of them; what does not fit the new
//! ones ends it before anything is changed.
//!
//! At the swap the second index holds whatever the first does. Before it, the record says that every
//! write goes to both, and that is told as applied which both took. A worker looks whether it does
//! after it has the decision in `changes`; so when all have had the time to know, what was or will be
//! written to the first alone, by whoever woke up late, stands in `changes`, and is read from there
//! once more before the swap.
//!
//! One that is cut short leaves the collection as it is, searched and written as before; the same
//! call goes on, or begins again.
//!
//! See ADR 31.

use crate::{
    RebuildError,
    copy::copy_collections,
    ports::{RebuildObserver, RebuildPorts},
    report::{RebuildReport, RefusedItem},
    run::{begin_folds, write_partition},
    scope::{LivingCollections, RebuildScope, RebuiltStore},
    target::RebuildTarget,
};
use audit::{AuditError, PartitionFold};
use event_schema::{
    incarnation::GRACE_MS,
    mutation::DocumentKey,
    offset::ChangesOffset,
    topics::{CHANGES, TRANSACTIONS},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use store::{Collection, MappingChange, Succession, View, mapping::Mapping};
use tokio::time::{Instant, sleep};

/// How long until every worker and gateway knows.
const GRACE: Duration = Duration::from_millis(GRACE_MS);
/// A change that says nothing for thirty seconds counts as abandoned.
const RENEWED: Duration = Duration::from_secs(10);
/// How long what was accepted before may take to be applied.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);
/// So few records behind, it has caught up.
const CAUGHT_UP: u64 = 500;
/// Documents that are read and checked together.
const PAGE: usize = 500;

/// Which collection, and its mappings from then on.
#[derive(Clone, Debug)]
pub struct NewMappings {
    pub index: String,
    pub collection: String,
    pub mappings: serde_json::Value,
    /// Only look which documents do not fit.
    pub is_dry_run: bool,
}

/// Rebuilds the collection's index under new mappings. Not done, and nothing changed, if the report
/// names documents that do not fit.
///
/// # Errors
/// If it cannot be done; the collection is as it was then, or the same call goes on.
pub async fn remap_collection(
    ports: &RebuildPorts,
    asked: &NewMappings,
    observe: RebuildObserver<'_>,
) -> Result<RebuildReport, RebuildError> {
    let view = ports.view.clone().filter(|view| !view.is_record());
    let view = view.ok_or(RebuildError::NoView)?;
    let found = ports.record.collection(&asked.index, &asked.collection);
    let stands = found
        .await?
        .ok_or_else(|| RebuildError::NothingNamed("there is no such collection".to_owned()))?;
    let wanted = Collection {
        mappings: Some(asked.mappings.clone()),
        changing: None,
        ..stands.clone()
    };
    let read = Mapping::read(wanted.mappings.as_ref(), wanted.settings.as_ref());
    read.map_err(|error| RebuildError::NothingNamed(error.to_string()))?;
    let scope = RebuildScope {
        index: Some(asked.index.clone()),
        collection: Some(asked.collection.clone()),
        ..RebuildScope::whole(RebuiltStore::View)
    };
    let mut report = RebuildReport::new(scope, asked.is_dry_run);
    if asked.is_dry_run {
        check_documents(ports, view.as_ref(), &wanted, &mut report).await?;
        report.is_done = true;
        return Ok(report);
    }
    end_earlier(view.as_ref(), &stands).await?;
    let mut change = AnnouncedChange::begin(ports, stands, asked).await?;
    let succession = Remapping {
        ports,
        view,
        wanted,
        observe,
    };
    match succession.carry_out(&mut change, &mut report).await {
        Ok(()) if report.is_done => Ok(report),
        Ok(()) => {
            succession.give_up(&mut change).await?;
            Ok(report)
        }
        Err(error) => {
            let standing = succession.view.succession(&succession.wanted).await;
            if matches!(standing, Ok(Succession::None | Succession::Begun)) {
                // Whatever becomes of that, the error before it is what counts.
                drop(succession.give_up(&mut change).await);
            }
            Err(error)
        }
    }
}

/// What an earlier rebuild left that is over for the record: its process died before it removed the
/// first index, whose place was taken under the mappings of then.
async fn end_earlier(view: &dyn View, stands: &Collection) -> Result<(), RebuildError> {
    if stands.changing.is_none() && view.succession(stands).await? != Succession::None {
        sleep(GRACE).await;
        view.end_succession(stands).await?;
    }
    Ok(())
}

/// The change of mappings as the record has it, kept from counting as abandoned.
struct AnnouncedChange<'a> {
    ports: &'a RebuildPorts,
    announced: Collection,
    renewed: Instant,
}

impl<'a> AnnouncedChange<'a> {
    async fn begin(
        ports: &'a RebuildPorts,
        stands: Collection,
        asked: &NewMappings,
    ) -> Result<Self, RebuildError> {
        if let Some(other) = &stands.changing
            && other.mappings != asked.mappings
        {
            return Err(RebuildError::Busy(stands.name()));
        }
        let mut change = Self {
            ports,
            announced: stands,
            renewed: Instant::now(),
        };
        change.announce_mappings(&asked.mappings, false).await?;
        Ok(change)
    }

    async fn announce_mappings(
        &mut self,
        mappings: &serde_json::Value,
        writes_both: bool,
    ) -> Result<(), RebuildError> {
        let (mappings, since) = (mappings.clone(), self.ports.clock.now());
        let change = MappingChange {
            mappings,
            since,
            writes_both,
        };
        let next = Collection {
            changing: Some(change),
            ..self.announced.clone()
        };
        self.replace_collection(next).await
    }

    /// Every write goes to both places, once every worker knows.
    async fn announce_both(&mut self) -> Result<(), RebuildError> {
        match self.announced.changing.clone() {
            Some(change) => self.announce_mappings(&change.mappings, true).await,
            None => Ok(()),
        }
    }

    async fn replace_collection(&mut self, next: Collection) -> Result<(), RebuildError> {
        let record = &self.ports.record;
        if !record.replace_collection(&next, &self.announced).await? {
            return Err(RebuildError::Busy(self.announced.name()));
        }
        (self.announced, self.renewed) = (next, Instant::now());
        Ok(())
    }

    /// Called now and then while it goes on.
    async fn renew_announcement(&mut self) -> Result<(), RebuildError> {
        let changing = self.announced.changing.clone();
        match changing.filter(|_| self.renewed.elapsed() >= RENEWED) {
            Some(change) => {
                let writes_both = change.writes_both;
                self.announce_mappings(&change.mappings, writes_both).await
            }
            None => Ok(()),
        }
    }

    async fn take_back(&mut self) -> Result<(), RebuildError> {
        let standing = Collection {
            changing: None,
            ..self.announced.clone()
        };
        self.replace_collection(standing).await
    }
}

struct Remapping<'a> {
    ports: &'a RebuildPorts,
    view: Arc<dyn View>,
    wanted: Collection,
    observe: RebuildObserver<'a>,
}

impl Remapping<'_> {
    async fn carry_out(
        &self,
        change: &mut AnnouncedChange<'_>,
        report: &mut RebuildReport,
    ) -> Result<(), RebuildError> {
        sleep(GRACE).await;
        self.wait_until_applied().await?;
        let named = std::slice::from_ref(&self.wanted);
        let mut following = FollowedChanges {
            target: RebuildTarget::Successor(self.view.clone()),
            living: LivingCollections::new(named),
            folds: begin_folds(self.ports, report).await?,
            last: BTreeMap::new(),
        };
        if self.view.succession(&self.wanted).await? == Succession::Promoted {
            // By this very change, since it stands in the record. It was cut short, nobody knows
            // how far behind the swap: all of it once more.
            let target = &following.target;
            copy_collections(self.ports, target, named, report, self.observe).await?;
        } else {
            self.fill_second(change, &mut following, report).await?;
            if report.counts.refused > 0 {
                return Ok(());
            }
            // Is it ours still? Who says so now has not been away for long enough to be replaced,
            // and the record has not forgotten where writes go.
            change.announce_both().await?;
            self.view.promote_successor(&self.wanted).await?;
        }
        // Whatever was on its way to the first index at the swap stands before this end, and is no
        // more on its way when the marks have passed it.
        self.follow_changes(&mut following, report).await?;
        let swapped = following.last.clone();
        while !is_resolved(&following.folds, &swapped) {
            sleep(LOOK).await;
            change.renew_announcement().await?;
            self.follow_changes(&mut following, report).await?;
        }
        change.replace_collection(self.wanted.clone()).await?;
        sleep(GRACE).await;
        self.view.end_succession(&self.wanted).await?;
        report.is_done = true;
        (self.observe)(report);
        Ok(())
    }

    /// Until it holds whatever the first does, or something does not fit.
    async fn fill_second(
        &self,
        change: &mut AnnouncedChange<'_>,
        following: &mut FollowedChanges,
        report: &mut RebuildReport,
    ) -> Result<(), RebuildError> {
        self.skip_resolved(report).await?;
        check_documents(self.ports, self.view.as_ref(), &self.wanted, report).await?;
        if report.counts.refused > 0 {
            return Ok(());
        }
        self.view.begin_successor(&self.wanted).await?;
        let named = std::slice::from_ref(&self.wanted);
        let target = &following.target;
        copy_collections(self.ports, target, named, report, self.observe).await?;
        while self.follow_changes(following, report).await? > CAUGHT_UP {
            change.renew_announcement().await?;
        }
        change.announce_both().await?;
        sleep(GRACE).await;
        // What went to the first alone stands in `changes` by now.
        self.follow_changes(following, report).await?;
        Ok(())
    }

    /// As if it had never begun: nothing was put in the place of anything. The second place goes when
    /// nobody writes to it any more; where it cannot be taken back it stays.
    async fn give_up(&self, change: &mut AnnouncedChange<'_>) -> Result<(), RebuildError> {
        if let Err(error) = change.take_back().await {
            // Another may have found it abandoned, and have taken it back.
            let Collection {
                index, collection, ..
            } = &self.wanted;
            let found = self.ports.record.collection(index, collection).await?;
            if found.is_none_or(|it| it.changing.is_some()) {
                return Err(error);
            }
        }
        sleep(GRACE).await;
        Ok(self.view.end_succession(&self.wanted).await?)
    }

    /// Waits until everything accepted before now is applied: what was planned by the old mappings
    /// alone is in the record.
    async fn wait_until_applied(&self) -> Result<(), RebuildError> {
        let RebuildPorts {
            log,
            layout,
            record,
            ..
        } = self.ports;
        let topic = layout.name(&TRANSACTIONS);
        let deadline = Instant::now() + SETTLED_WITHIN;
        for partition in 0..layout.partitions {
            let end = log.admin.offsets(&topic, partition).await;
            let end = end.map_err(|error| AuditError::Log(error.to_string()))?.end;
            loop {
                let mark = record.mark(layout.generation, partition).await?;
                if end == 0 || mark.is_some_and(|mark| mark.next.get() >= end) {
                    break;
                }
                if Instant::now() >= deadline {
                    let why = format!(
                        "what was accepted before is not applied within {} s: is a worker behind?",
                        SETTLED_WITHIN.as_secs()
                    );
                    return Err(AuditError::Log(why).into());
                }
                sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// What is resolved by now is in the record, and copied from there.
    async fn skip_resolved(&self, report: &mut RebuildReport) -> Result<(), RebuildError> {
        let layout = &self.ports.layout;
        for (partition, known) in &mut report.partitions {
            let mark = self
                .ports
                .record
                .mark(layout.generation, *partition)
                .await?;
            // A store may have forgotten what is young: from where it is applied again.
            let resolved = mark.map_or(0, |mark| mark.reapply_from.get());
            known.done = known.done.max(resolved.min(known.end));
        }
        Ok(())
    }

    /// Writes what came since; answers how many records that were.
    async fn follow_changes(
        &self,
        following: &mut FollowedChanges,
        report: &mut RebuildReport,
    ) -> Result<u64, RebuildError> {
        let topic = self.ports.layout.name(&CHANGES);
        let FollowedChanges {
            target,
            living,
            folds,
            last,
        } = following;
        let mut new = 0;
        for fold in folds {
            let offsets = self.ports.log.admin.offsets(&topic, fold.partition).await;
            let end = offsets
                .map_err(|error| AuditError::Log(error.to_string()))?
                .end;
            new += end.saturating_sub(fold.next);
            report.partitions.entry(fold.partition).or_default().end = end;
            let written = write_partition(self.ports, target, living, fold, report, self.observe);
            if let Some(at) = written.await? {
                last.insert(fold.partition, at);
            }
        }
        Ok(new)
    }
}

/// What is written to the second index from the log, and how far that is.
struct FollowedChanges {
    target: RebuildTarget,
    living: LivingCollections,
    folds: Vec<PartitionFold>,
    /// Of each partition, the last record that left anything to write.
    last: BTreeMap<u16, ChangesOffset>,
}

/// Is every record resolved that left something to write?
fn is_resolved(folds: &[PartitionFold], last: &BTreeMap<u16, ChangesOffset>) -> bool {
    folds.iter().all(|fold| {
        let through = fold.through();
        let last = last.get(&fold.partition);
        last.is_none_or(|last| through.is_some_and(|through| *last <= through))
    })
}

/// Names the documents that the new mappings will not take.
async fn check_documents(
    ports: &RebuildPorts,
    view: &dyn View,
    wanted: &Collection,
    report: &mut RebuildReport,
) -> Result<(), RebuildError> {
    let Collection {
        index,
        collection,
        incarnation,
        ..
    } = wanted;
    let mut after: Option<String> = None;
    loop {
        let ids = ports
            .record
            .scan(index, collection, incarnation, after.as_deref(), PAGE);
        let ids = ids.await?;
        let Some(last) = ids.last().cloned() else {
            return Ok(());
        };
        let key = |id: String| DocumentKey {
            index: index.clone(),
            collection: collection.clone(),
            incarnation: incarnation.clone(),
            id,
        };
        let keys: Vec<DocumentKey> = ids.into_iter().map(key).collect();
        let stored = ports.record.documents(&keys).await?;
        for (key, stored) in keys.iter().zip(stored) {
            let Some(body) = stored.and_then(|stored| stored.body) else {
                continue;
            };
            if let Err(why) = view.check(wanted, &key.id, &body) {
                report.refuse(RefusedItem {
                    item: format!("document {key}"),
                    code: "unmappable".to_owned(),
                    message: format!("{}: {}", why.pointer, why.message),
                });
            }
        }
        after = Some(last);
    }
}
