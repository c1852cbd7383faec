//! May this deletion marker go? Pure: what the stores, the log and the queues say of it is handed
//! in. It must never say yes where an older write could still arrive.

use event_schema::{
    position::Version,
    purge::{MarkerObstacle, MarkerToPurge},
};
use store::StoredDocument;

/// What is known of a marker.
#[derive(Clone, Debug)]
pub(super) struct MarkerFacts<'a> {
    pub asked: &'a MarkerToPurge,
    /// What the record store holds.
    pub stored: Option<&'a StoredDocument>,
    /// This partition's owner decides over its key.
    pub is_owned: bool,
    /// Something is held or parked under its key.
    pub is_held: bool,
    /// The record store holds all that was decided on it.
    pub is_settled: bool,
    pub collection: MarkerPlace,
    /// When it was deleted, or later, Unix milliseconds.
    pub deleted: Option<i64>,
}

/// How its collection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkerPlace {
    Gone,
    Changing,
    Standing,
}

/// What holds for all markers of a partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct PurgeBounds {
    /// From this version on, whoever takes the partition may apply again. None: from the first.
    pub reapplied_from: Option<Version>,
    /// Unix milliseconds: what was deleted later is too young.
    pub deleted_before: i64,
}

/// None: it goes.
pub(super) fn find_obstacle(
    facts: &MarkerFacts<'_>,
    bounds: PurgeBounds,
) -> Option<MarkerObstacle> {
    let version = facts.asked.version;
    let is_it = |stored: &StoredDocument| stored.body.is_none() && stored.meta.version == version;
    let obstacle = match () {
        () if !facts.is_owned => MarkerObstacle::NotOwned,
        () if facts.collection == MarkerPlace::Gone => MarkerObstacle::NoCollection,
        () if facts.collection == MarkerPlace::Changing => MarkerObstacle::Rebuilding,
        () if facts.is_held => MarkerObstacle::Held,
        () if !facts.is_settled || !facts.stored.is_some_and(is_it) => MarkerObstacle::WrittenSince,
        () if bounds.reapplied_from.is_none_or(|from| version >= from) => MarkerObstacle::InWindow,
        () => match facts.deleted {
            None => MarkerObstacle::UnknownAge,
            Some(deleted) if deleted >= bounds.deleted_before => MarkerObstacle::TooYoung,
            Some(_) => return None,
        },
    };
    Some(obstacle)
}

#[cfg(test)]
mod tests;
