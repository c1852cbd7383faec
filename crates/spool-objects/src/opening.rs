//! Opening a spool of an object store: who it is, how far it is shipped, which groups it has, and
//! whether all of them are there. Must never take what is missing for what never was.

use crate::{
    objects::{IDENTITY, OWNER, ShippedMark, SpoolObjects, SpoolOwner, SpoolWriter, WRITER},
    spool_state::{GroupPlace, SpoolKnowledge, SpoolRole, SpoolShared, Timings},
};
use parking_lot::Mutex;
use runtime::Clock;
use spool::{
    SpoolId,
    medium::{FoundRecords, MediumError, MediumState, SpoolIdentity},
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};
use tokio::sync::Notify;

/// A spool that was opened, and what it held.
pub(crate) struct OpenedSpool {
    pub shared: SpoolShared,
    pub found: FoundRecords,
}

/// How a spool is to be opened.
pub(crate) struct SpoolOpening<'a> {
    pub objects: SpoolObjects,
    pub role: SpoolRole,
    /// Those that its records must have been made for, if that matters.
    pub topics: Option<&'a str>,
    pub clock: Arc<dyn Clock>,
    pub timings: Timings,
    pub group_bytes: usize,
    /// This process, among those that may have the spool open.
    pub instance: String,
}

/// The groups of a spool, as its objects are listed.
struct ListedGroups {
    /// Where they begin.
    head: GroupPlace,
    /// Where the next would stand.
    next: GroupPlace,
    bytes: u64,
    leftovers: Vec<u64>,
    /// What is missing or cannot be read.
    damage: Option<MediumError>,
    has_damaged_end: bool,
}

impl SpoolOpening<'_> {
    /// A new spool. Nothing is asked of the store before there is something to write.
    pub fn make(self, id: SpoolId) -> OpenedSpool {
        let identity = SpoolIdentity::new(id, self.topics.unwrap_or_default());
        let begin = GroupPlace { group: 0, first: 0 };
        let groups = ListedGroups {
            head: begin,
            next: begin,
            bytes: 0,
            leftovers: Vec::new(),
            damage: None,
            has_damaged_end: false,
        };
        self.opened(
            id,
            identity,
            &groups,
            &ShippedMark::default(),
            Vec::new(),
            None,
        )
    }

    /// Opens the spool; none: there is none.
    pub async fn open(self) -> Result<Option<OpenedSpool>, MediumError> {
        let objects = self.objects.clone();
        let Some(mut identity) = objects
            .get_json::<SpoolIdentity>(&objects.path(IDENTITY))
            .await?
        else {
            let groups = objects.groups().await?;
            if groups.is_empty() {
                return Ok(None);
            }
            return Err(objects.damaged(format!("{IDENTITY} is missing")));
        };
        let id: SpoolId = identity
            .id
            .parse()
            .map_err(|_| objects.damaged(format!("`{}` is no id of a spool", identity.id)))?;
        // Before anything is listed: what was written when this was said must be in the list.
        let owner: Option<SpoolOwner> = objects.get_json(&objects.path(OWNER)).await?;
        let (mark, marks) = objects.shipped().await?;
        let mut groups = self.list_groups(id, &mark).await?;
        let expected = owner.map_or(0, |owner| owner.end);
        if groups.next.first < expected {
            let (end, place) = (groups.next.first, &objects);
            let why = format!("its records from {end} on are missing, {expected} were written");
            groups.damage.get_or_insert_with(|| place.damaged(why));
            groups.has_damaged_end = true;
            groups.next.first = expected;
        }
        if matches!(self.role, SpoolRole::Writer { .. })
            && let Some(damage) = groups.damage.take()
        {
            return Err(damage);
        }
        let records = groups.next.first - groups.head.first.max(mark.shipped.through);
        if let Some(wanted) = self.topics.filter(|wanted| *wanted != identity.topics) {
            if records > 0 {
                return Err(MediumError::OtherTopics {
                    place: objects.place.to_string(),
                    records,
                    found: identity.topics,
                    wanted: wanted.to_owned(),
                });
            }
            identity.topics = wanted.to_owned();
            objects.put_json(&objects.path(IDENTITY), &identity).await?;
        }
        if self.role != SpoolRole::Reader {
            let left = groups
                .leftovers
                .iter()
                .map(|group| objects.group_path(*group));
            objects.delete(left.collect()).await?;
        }
        let oldest = if records == 0 {
            None
        } else {
            let first = objects.head(groups.head.group, id.0).await.ok().flatten();
            first.map(|head| head.at)
        };
        Ok(Some(
            self.opened(id, identity, &groups, &mark, marks, oldest),
        ))
    }

    async fn list_groups(
        &self,
        id: SpoolId,
        mark: &ShippedMark,
    ) -> Result<ListedGroups, MediumError> {
        let objects = &self.objects;
        let mut listed = objects.groups().await?;
        listed.sort_unstable();
        let begin = listed.partition_point(|(group, _)| *group < mark.group);
        let mut groups = ListedGroups {
            head: GroupPlace {
                group: mark.group,
                first: mark.first,
            },
            next: GroupPlace {
                group: mark.group,
                first: mark.first.max(mark.shipped.through),
            },
            bytes: listed[begin..].iter().map(|(_, size)| size).sum(),
            leftovers: listed[..begin].iter().map(|(group, _)| *group).collect(),
            damage: None,
            has_damaged_end: false,
        };
        let expected = mark.group..;
        let gap = expected
            .zip(&listed[begin..])
            .find(|(wanted, (found, _))| wanted != found);
        if let Some((missing, _)) = gap {
            groups.damage = Some(objects.damaged(format!("group {missing} is missing")));
        }
        // The newest that can be read says where the records end.
        for (behind, (group, _)) in listed[begin..].iter().rev().enumerate() {
            match objects.head(*group, id.0).await {
                Ok(Some(head)) => {
                    groups.next.group = group + 1 + behind as u64;
                    groups.next.first = head.end() + behind as u64;
                    return Ok(groups);
                }
                Ok(None) => {}
                Err(error @ MediumError::Damaged { .. }) => {
                    groups.has_damaged_end = true;
                    groups.damage.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        if listed.len() > begin || mark.shipped.through > mark.first {
            // A group of which a part was shipped, or one that cannot be read.
            groups.has_damaged_end = true;
            let why = format!("group {} is missing or damaged", mark.group);
            groups.damage.get_or_insert_with(|| objects.damaged(why));
            groups.next.first += 1;
        }
        Ok(groups)
    }

    fn opened(
        self,
        id: SpoolId,
        identity: SpoolIdentity,
        groups: &ListedGroups,
        mark: &ShippedMark,
        marks: Vec<u64>,
        oldest: Option<i64>,
    ) -> OpenedSpool {
        let earliest = groups.head.first.max(mark.shipped.through);
        let found = FoundRecords {
            earliest: earliest.min(groups.next.first),
            end: groups.next.first,
            bytes: groups.bytes,
            oldest,
            shipped: mark.shipped.clone(),
        };
        let known = SpoolKnowledge {
            queue: VecDeque::new(),
            is_closed: false,
            condition: MediumState::Well,
            next: groups.next,
            has_damaged_end: groups.has_damaged_end,
            head: groups.head,
            cursor: groups.head,
            ends: BTreeMap::new(),
            cache: BTreeMap::new(),
            shipped: mark.shipped.clone(),
            marks,
            before: BTreeMap::new(),
            is_prepared: false,
        };
        let shared = SpoolShared {
            objects: self.objects,
            id,
            identity,
            role: self.role,
            instance: self.instance,
            clock: self.clock,
            timings: self.timings,
            group_bytes: self.group_bytes,
            known: Mutex::new(known),
            wake: Notify::new(),
        };
        OpenedSpool { shared, found }
    }
}

/// Says that this process may write the spool from now on, and no other. Must be said before its
/// groups are listed: what another process acknowledges was written before it could know.
pub(crate) async fn claim_writing(
    objects: &SpoolObjects,
    instance: &str,
) -> Result<(), MediumError> {
    let writer = SpoolWriter {
        instance: instance.to_owned(),
    };
    objects.put_json(&objects.path(WRITER), &writer).await
}
