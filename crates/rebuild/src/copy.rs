//! Documents that are older than the log: the view gets them from the record, in the versions that
//! they have there. What is deleted has no place in an index that was made anew.

use crate::{
    RebuildError,
    ports::{RebuildObserver, RebuildPorts},
    report::RebuildReport,
    target::RebuildTarget,
};
use event_schema::mutation::DocumentKey;
use store::{Collection, DocumentWrite, fold::Folded};

/// Documents that are read and written together.
const PAGE: usize = 500;

fn collection_name(collection: &Collection) -> [&str; 3] {
    [
        &collection.index,
        &collection.collection,
        &collection.incarnation,
    ]
}

/// Copies what stands, from where the report says that it was cut short.
pub(crate) async fn copy_collections(
    ports: &RebuildPorts,
    target: &RebuildTarget,
    collections: &[Collection],
    report: &mut RebuildReport,
    observe: RebuildObserver<'_>,
) -> Result<(), RebuildError> {
    let mut collections: Vec<&Collection> = collections.iter().collect();
    collections.sort_by_key(|collection| collection_name(collection));
    let begun = report.copied_through.clone();
    for collection in collections {
        let mut after = None;
        if let Some(begun) = &begun {
            let through = [&*begun.index, &*begun.collection, &*begun.incarnation];
            if collection_name(collection) < through {
                continue;
            }
            after = (collection_name(collection) == through).then(|| begun.id.clone());
        }
        copy_collection(ports, target, collection, after, report, observe).await?;
    }
    report.is_copied = true;
    Ok(())
}

async fn copy_collection(
    ports: &RebuildPorts,
    target: &RebuildTarget,
    collection: &Collection,
    mut after: Option<String>,
    report: &mut RebuildReport,
    observe: RebuildObserver<'_>,
) -> Result<(), RebuildError> {
    let [index, name, incarnation] = collection_name(collection);
    let record = &ports.record;
    loop {
        let ids = record.scan(index, name, incarnation, after.as_deref(), PAGE);
        let ids = ids.await?;
        let key = |id| DocumentKey {
            index: index.to_owned(),
            collection: name.to_owned(),
            incarnation: incarnation.to_owned(),
            id,
        };
        let keys: Vec<DocumentKey> = ids.into_iter().map(key).collect();
        let Some(last) = keys.last().cloned() else {
            return Ok(());
        };
        let stored = record.documents(&keys).await?;
        let standing = keys.into_iter().zip(stored);
        let writes = standing.filter_map(|(key, stored)| {
            let stored = stored?;
            Some(DocumentWrite {
                key,
                meta: stored.meta,
                body: stored.body,
                diverged: false,
                purged: false,
            })
        });
        let folded = Folded {
            documents: writes.collect(),
            rows: Vec::new(),
        };
        report.counts.copied += folded.documents.len() as u64;
        target.fill(folded, report).await?;
        after = Some(last.id.clone());
        report.copied_through = Some(last);
        observe(report);
    }
}
