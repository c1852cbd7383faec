//! Which places of the view a write goes to: the one that is searched, or that and the one which is
//! about to take its place. Asked anew before each attempt, so after the write's decision was
//! acknowledged: whoever announces a second place and waits until every worker knows finds each
//! decision that is written to the first alone in `changes` by then.

use super::Applier;
use crate::tenure_end::TenureEnd;
use event_schema::mutation::DocumentKey;
use store::{DocumentWrite, ItemVerdict, View};

impl Applier<'_> {
    /// Of each write: does it go to both places?
    pub(super) async fn find_doubled(
        &self,
        writes: &[DocumentWrite],
    ) -> Result<Vec<bool>, TenureEnd> {
        let mut doubled: Vec<bool> = Vec::with_capacity(writes.len());
        let mut before: Option<&DocumentKey> = None;
        for DocumentWrite { key, .. } in writes {
            // Batches are mostly of one collection, which is looked up once.
            let known = before.filter(|before| is_same_collection(before, key));
            let of_before = known.and(doubled.last().copied());
            doubled.push(match of_before {
                Some(is_doubled) => is_doubled,
                None => self.is_doubled(key).await?,
            });
            before = Some(key);
        }
        Ok(doubled)
    }

    async fn is_doubled(&self, key: &DocumentKey) -> Result<bool, TenureEnd> {
        let DocumentKey {
            index,
            collection,
            incarnation,
            ..
        } = key;
        let collection = self.worker.read_collection(index, collection, incarnation);
        let changing = collection.await?.and_then(|it| it.changing.clone());
        Ok(changing.is_some_and(|change| change.writes_both))
    }
}

fn is_same_collection(one: &DocumentKey, other: &DocumentKey) -> bool {
    (&one.index, &one.collection, &one.incarnation)
        == (&other.index, &other.collection, &other.incarnation)
}

/// One verdict per write, in order.
pub(super) async fn apply_to_places(
    view: &dyn View,
    writes: &[DocumentWrite],
    doubled: &[bool],
) -> Vec<ItemVerdict> {
    if !doubled.contains(&true) {
        return view.apply(writes).await;
    }
    let of = |is_doubled: bool| -> Vec<DocumentWrite> {
        let writes = writes.iter().zip(doubled);
        let writes = writes.filter(|(_, doubled)| **doubled == is_doubled);
        writes.map(|(write, _)| write.clone()).collect()
    };
    let (both, one) = (of(true), of(false));
    let (both, one) = tokio::join!(view.apply_to_both(&both), view.apply(&one));
    let (mut both, mut one) = (both.into_iter(), one.into_iter());
    let next = |is_doubled: &bool| {
        if *is_doubled { both.next() } else { one.next() }
    };
    doubled.iter().filter_map(next).collect()
}
