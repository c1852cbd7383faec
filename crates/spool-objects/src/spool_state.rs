//! What the parts of an open spool share: what is known of its groups, bounded, under one lock that is
//! never held over a request.

use crate::{
    group::RecordGroup,
    objects::{ShippedMark, SpoolObjects},
};
use bytes::Bytes;
use parking_lot::Mutex;
use runtime::Clock;
use spool::{
    Shipped, SpoolId,
    medium::{MediumState, SpoolIdentity, WriteCompletion},
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::sync::Notify;

/// How often a spool's owner says that it is there, and how long it must be quiet to be gone.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    pub beat: Duration,
    pub lease: Duration,
    /// A group that is not written for so long, though it was tried, makes the store *away*.
    pub away_after: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            beat: Duration::from_secs(5),
            lease: Duration::from_secs(20),
            away_after: Duration::from_secs(2),
        }
    }
}

/// A record on its way into a group.
pub(crate) struct QueuedRecord {
    pub bytes: Vec<u8>,
    pub done: WriteCompletion,
}

/// Ends of groups that are remembered; those of others are read when they are needed.
const KNOWN_ENDS: usize = 100_000;

/// What a process may do with a spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpoolRole {
    /// Writes records, and lets go of what is shipped. `named`: another process may take the spool.
    Writer { is_named: bool },
    /// Ships, and lets go.
    Shipper,
    /// Changes nothing.
    Reader,
}

/// Where a group stands, and the number of its first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupPlace {
    pub group: u64,
    pub first: u64,
}

/// What is known, and what is to be written.
pub(crate) struct SpoolKnowledge {
    pub queue: VecDeque<QueuedRecord>,
    pub is_closed: bool,
    pub condition: MediumState,
    /// Where the next group goes.
    pub next: GroupPlace,
    /// Groups behind this were not written by this process, and are none.
    pub has_damaged_end: bool,
    /// The first group that was not let go of.
    pub head: GroupPlace,
    /// The last group that was read.
    pub cursor: GroupPlace,
    /// Behind the last record of a group, of some groups.
    pub ends: BTreeMap<u64, u64>,
    pub cache: BTreeMap<u64, Arc<RecordGroup>>,
    pub shipped: Shipped,
    /// Marks that say how far it is shipped, by what they say.
    pub marks: Vec<u64>,
    /// To be put before the first group, and again when it was empty.
    pub before: BTreeMap<String, Bytes>,
    /// Is it known to be there, with whatever it needs?
    pub is_prepared: bool,
}

impl SpoolKnowledge {
    /// Every group but those in front of the head is asked for sooner or later, in order: as many
    /// ends as there is room for are kept until then.
    pub fn note_end(&mut self, group: u64, end: u64) {
        if self.ends.len() < KNOWN_ENDS {
            self.ends.insert(group, end);
        }
    }

    /// The end of a group that is asked for soon.
    pub fn note_needed_end(&mut self, group: u64, end: u64) {
        self.ends.insert(group, end);
    }

    /// All groups before this were let go of.
    pub fn move_head(&mut self, head: GroupPlace) {
        if head.group > self.head.group {
            self.head = head;
            self.ends = self.ends.split_off(&head.group);
            self.cache = self.cache.split_off(&head.group);
        }
        if self.cursor.group < self.head.group {
            self.cursor = self.head;
        }
    }

    pub fn adopt_mark(&mut self, mark: &ShippedMark, marks: &[u64]) {
        self.shipped.join(&mark.shipped);
        for through in marks {
            if !self.marks.contains(through) {
                self.marks.push(*through);
            }
        }
        self.move_head(GroupPlace {
            group: mark.group,
            first: mark.first,
        });
    }

    /// How far it is shipped, as far as is known here.
    pub fn mark(&self) -> ShippedMark {
        ShippedMark {
            shipped: self.shipped.clone(),
            group: self.head.group,
            first: self.head.first,
        }
    }

    /// Does it hold records that are not shipped?
    pub fn is_holding(&self) -> bool {
        !self.queue.is_empty() || self.next.first > self.shipped.through
    }
}

/// What the tasks of a spool share.
pub(crate) struct SpoolShared {
    pub objects: SpoolObjects,
    pub id: SpoolId,
    pub identity: SpoolIdentity,
    pub role: SpoolRole,
    /// This process, among those that may have the spool open.
    pub instance: String,
    pub clock: Arc<dyn Clock>,
    pub timings: Timings,
    pub group_bytes: usize,
    pub known: Mutex<SpoolKnowledge>,
    pub wake: Notify,
}
