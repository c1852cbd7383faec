//! Markers that are purged are deleted at an external version above theirs, so that whatever is
//! newer stays. Elasticsearch makes an index where such a deletion names none (`require_alias` is
//! not for deletions), so only what is there is deleted: what is read first, by an alias that stands.
//!
//! See ADR 38.

use super::Entry;
use crate::{client::Client, read};
use store::ItemVerdict;

/// Without the purges of what is gone, which are done.
pub(super) async fn standing_only<'a>(
    client: &Client,
    entries: Vec<Entry<'a>>,
    verdicts: &mut [Option<ItemVerdict>],
) -> Vec<Entry<'a>> {
    let purges = entries.iter().filter(|entry| entry.write.purged);
    let keys: Vec<_> = purges
        .map(|entry| (entry.alias, entry.write.key.id.as_str()))
        .collect();
    if keys.is_empty() {
        return entries;
    }
    let found = read::read_sources(client, &keys, "_source_includes=_consign").await;
    let mut found = match found {
        Ok(found) => found.into_iter(),
        Err(error) => {
            let mut left = entries;
            left.retain(|entry| {
                if entry.write.purged {
                    verdicts[entry.item] = Some(ItemVerdict::Transient(error.to_string()));
                }
                !entry.write.purged
            });
            return left;
        }
    };
    let mut left = entries;
    left.retain(|entry| {
        if !entry.write.purged || found.next().flatten().is_some() {
            return true;
        }
        verdicts[entry.item] = Some(ItemVerdict::Done);
        false
    });
    left
}
