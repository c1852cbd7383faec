//! What stands where the index refused a version: read it and judge. The stamp in the document
//! decides, not the index's own version, because other hands raise that one (an internal update
//! counts it up by one and keeps the stamp).

use super::Entry;
use crate::{
    STORE,
    body::{self, Stamp},
    client::Client,
    read,
};
use store::{ItemVerdict, Meta};

/// What is to be done about a refused version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// A newer write of ours stands, or this one does.
    Done,
    Alarm(String),
    /// An older write of ours, or none, stands under a version that other hands raised: write again
    /// above it.
    Above(u64),
    Wait(String),
}

/// `standing`: the index's own version and the stamp, if a document is there.
pub(crate) fn judge_conflict(ours: &Meta, standing: Option<(i64, Option<Stamp>)>) -> Judgement {
    let Some((version, stamp)) = standing else {
        // Only a deletion by hand leaves a version without a document. Elasticsearch forgets it
        // within `gc_deletes`, a minute by default.
        return Judgement::Wait(
            "deleted by another program; the write is applied when Elasticsearch has forgotten the deletion".to_owned(),
        );
    };
    match stamp {
        Some(stamp) if stamp.version > ours.version => Judgement::Done,
        Some(stamp)
            if stamp.version == ours.version && stamp.request == ours.request.to_string() =>
        {
            Judgement::Done
        }
        Some(stamp) if stamp.version == ours.version => Judgement::Alarm(format!(
            "{STORE}: version {} stands by request {}, and request {} has the same version",
            ours.version, stamp.request, ours.request
        )),
        Some(_) | None => {
            match u64::try_from(version)
                .ok()
                .and_then(|version| version.checked_add(1))
                .filter(|next| i64::try_from(*next).is_ok())
            {
                Some(next) => Judgement::Above(next.max(ours.version.0)),
                None => Judgement::Wait(format!(
                    "another program wrote the document at version {version}, above which nothing fits; delete it"
                )),
            }
        }
    }
}

/// Fills in verdicts and returns what must be written again above.
pub(crate) async fn resolve_conflicts<'a>(
    client: &Client,
    conflicts: &[Entry<'a>],
    verdicts: &mut [Option<ItemVerdict>],
) -> Vec<Entry<'a>> {
    let keys: Vec<_> = conflicts
        .iter()
        .map(|entry| (entry.alias, entry.write.key.id.as_str()))
        .collect();
    let found = match read::read_sources(client, &keys, "_source_includes=_consign").await {
        Ok(found) => found,
        Err(error) => {
            conflicts.iter().for_each(|entry| {
                verdicts[entry.item] = Some(ItemVerdict::Transient(error.to_string()))
            });
            return Vec::new();
        }
    };
    let mut again = Vec::new();
    for (entry, found) in conflicts.iter().zip(found) {
        let standing = found.map(|found| {
            (
                found.version,
                body::cut_source(found.source.get())
                    .ok()
                    .and_then(|(stamp, _)| stamp),
            )
        });
        if standing.is_none() && entry.write.purged {
            verdicts[entry.item] = Some(ItemVerdict::Done);
            continue;
        }
        verdicts[entry.item] = match judge_conflict(&entry.write.meta, standing) {
            Judgement::Done => Some(ItemVerdict::Done),
            Judgement::Alarm(why) => {
                Some(ItemVerdict::Alarm(format!("{}: {why}", entry.write.key)))
            }
            Judgement::Wait(why) => Some(ItemVerdict::Transient(why)),
            Judgement::Above(version) => {
                tracing::warn!(document = %entry.write.key, version, "the document has a higher version written by another program: writing again above it");
                again.push(Entry { version, ..*entry });
                None
            }
        };
    }
    again
}
