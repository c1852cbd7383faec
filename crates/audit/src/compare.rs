//! Does what a store holds agree with what the log says of the item? Pure.

use crate::{
    expected::{ExpectedItem, ExpectedState, body_digest},
    fetch::FoundItem,
    finding::{DifferenceKind, HeldState},
};
use event_schema::position::Version;
use std::cmp::Ordering;
use store::{StoredDocument, view::ViewedDocument};

/// How a store differs.
#[derive(Clone, Debug)]
pub(crate) struct Differing {
    pub kind: DifferenceKind,
    pub found: Option<HeldState>,
    pub detail: String,
}

/// What comparing stands on beside the item.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompareContext {
    /// Of the log.
    pub generation: u16,
    /// Unix milliseconds.
    pub now: i64,
    /// Ledger entries that were decided before this may have expired.
    pub ledger_since: Option<i64>,
}

/// The state that the log says.
pub(crate) fn expected_state(item: &ExpectedItem, generation: u16, now: i64) -> HeldState {
    let mut state = HeldState::at(Version::new(generation, item.at));
    state.request = Some(item.request);
    match &item.state {
        ExpectedState::Document {
            revision, digest, ..
        } => {
            state.revision = Some(*revision);
            state.deleted = digest.is_none();
        }
        ExpectedState::Row(row) => state.deleted = !row.stands(now),
        ExpectedState::Verdict { .. } => {}
    }
    state
}

/// None: it agrees.
pub(crate) fn find_difference(
    item: &ExpectedItem,
    found: &FoundItem,
    context: CompareContext,
) -> Option<Differing> {
    let version = Version::new(context.generation, item.at);
    match (&item.state, found) {
        // Not even a marker is left. One at this very version is as good: a worker that knows no
        // purges has left it.
        (
            ExpectedState::Document { purged: true, .. },
            FoundItem::Document(None) | FoundItem::Viewed(None),
        ) => None,
        (
            ExpectedState::Document {
                revision, digest, ..
            },
            FoundItem::Document(found),
        ) => {
            let expected = (version, *revision, *digest);
            compare_document(item, expected, found.as_ref())
        }
        (ExpectedState::Document { digest, .. }, FoundItem::Viewed(found)) => {
            compare_viewed(item, (version, *digest), found.as_ref())
        }
        (ExpectedState::Row(row), FoundItem::Row(found)) => {
            if row.is_shown_by(found.as_ref(), context.now) {
                return None;
            }
            let (kind, what) = match (row.stands(context.now), found) {
                (true, None) => (DifferenceKind::Lost, "there is no such row"),
                (false, Some(_)) => (DifferenceKind::Extra, "the row should not be there"),
                (_, _) => (
                    DifferenceKind::Diverged,
                    "its cells are not those of the log",
                ),
            };
            let state = found.as_ref().map(|_| HeldState::default());
            Some(new_difference(kind, state, what))
        }
        (ExpectedState::Verdict { .. }, FoundItem::Ledger(found)) => {
            compare_verdict(item, version, found.as_deref(), context)
        }
        (_, _) => None,
    }
}

fn new_difference(kind: DifferenceKind, found: Option<HeldState>, detail: &str) -> Differing {
    Differing {
        kind,
        found,
        detail: detail.to_owned(),
    }
}

pub(crate) fn stored_state(found: &StoredDocument) -> HeldState {
    HeldState {
        request: Some(found.meta.request),
        revision: Some(found.meta.revision),
        deleted: found.body.is_none(),
        ..HeldState::at(found.meta.version)
    }
}

pub(crate) fn viewed_state(found: &ViewedDocument) -> HeldState {
    HeldState {
        request: found.request,
        revision: found.revision,
        deleted: found.body.is_none(),
        ..found.version.map(HeldState::at).unwrap_or_default()
    }
}

fn compare_document(
    item: &ExpectedItem,
    (version, revision, expected): (Version, u64, Option<[u8; 16]>),
    found: Option<&StoredDocument>,
) -> Option<Differing> {
    let Some(stored) = found else {
        return Some(lost_document(expected.is_some()));
    };
    let state = Some(stored_state(stored));
    if let Some(differing) = by_version(version, stored.meta.version, state.clone()) {
        return Some(differing);
    }
    let what = if stored.meta.request != item.request {
        "another request has written it at this version"
    } else if stored.meta.revision != revision {
        "its revision is another"
    } else if stored.body.as_ref().map(body_digest) != expected {
        "its content is another"
    } else {
        return None;
    };
    Some(new_difference(DifferenceKind::Diverged, state, what))
}

fn compare_viewed(
    item: &ExpectedItem,
    (version, expected): (Version, Option<[u8; 16]>),
    found: Option<&ViewedDocument>,
) -> Option<Differing> {
    let Some(stored) = found else {
        return Some(lost_document(expected.is_some()));
    };
    let state = Some(viewed_state(stored));
    let Some(held) = stored.version else {
        let what = "it was written by another program: its version is unknown";
        return Some(new_difference(DifferenceKind::Diverged, state, what));
    };
    if let Some(differing) = by_version(version, held, state.clone()) {
        return Some(differing);
    }
    let what = if stored.diverged {
        "the view would not take the state that a void restores, and holds a marker instead"
    } else if stored.request != Some(item.request) {
        "another request has written it at this version"
    } else if stored.body.as_ref().map(body_digest) != expected {
        "its content is another"
    } else {
        return None;
    };
    Some(new_difference(DifferenceKind::Diverged, state, what))
}

fn lost_document(had_body: bool) -> Differing {
    let what = if had_body {
        "there is no such document"
    } else {
        "the marker of its deletion is gone"
    };
    new_difference(DifferenceKind::Lost, None, what)
}

fn by_version(expected: Version, held: Version, state: Option<HeldState>) -> Option<Differing> {
    match held.cmp(&expected) {
        Ordering::Equal => None,
        Ordering::Less => {
            let what = "an older version stands";
            Some(new_difference(DifferenceKind::Stale, state, what))
        }
        Ordering::Greater => {
            let what = "no record of the log that counts has this version of it";
            Some(new_difference(DifferenceKind::Extra, state, what))
        }
    }
}

fn compare_verdict(
    item: &ExpectedItem,
    version: Version,
    found: Option<&event_schema::outcome::LedgerEntry>,
    context: CompareContext,
) -> Option<Differing> {
    let ExpectedState::Verdict {
        verdict,
        position,
        decided,
    } = &item.state
    else {
        return None;
    };
    // Nothing that could be compared.
    let verdict = verdict.as_ref()?;
    let Some(entry) = found else {
        let expired = context.ledger_since.is_some_and(|since| *decided < since);
        let what = "the ledger does not remember the request";
        return (!expired).then(|| new_difference(DifferenceKind::Lost, None, what));
    };
    let state = Some(HeldState::at(entry.version));
    if let Some(differing) = by_version(version, entry.version, state.clone()) {
        return Some(differing);
    }
    let same = entry.verdict == *verdict && entry.position == *position;
    let what = "the ledger remembers another verdict";
    (!same).then(|| new_difference(DifferenceKind::Diverged, state, what))
}
