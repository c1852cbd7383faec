//! Reading groups in their order, some at once, and letting go of those that are shipped. Must never
//! pass over a group that is not there, unless a mark says that it was shipped.

use crate::{
    group::RecordGroup,
    objects::ShippedMark,
    spool_state::{GroupPlace, SpoolShared},
};
use spool::{
    Shipped,
    medium::{FoundAt, MediumError, SpooledRecord},
};
use std::sync::Arc;

/// Groups that are asked for at once: a request takes much longer than its bytes.
const AT_ONCE: u64 = 8;
/// Records of more bytes are not read at once, unless it is one.
const READ_BYTES: u64 = 4 << 20;

impl SpoolShared {
    /// Records from a number on; see [`spool::SpoolMedium::read`].
    pub(crate) async fn read_records(
        &self,
        from: u64,
        most: usize,
    ) -> Result<FoundAt, MediumError> {
        let mut records = Vec::new();
        let mut place = match self.locate(from).await? {
            Some(place) => place,
            None => return self.nothing_at(from).await,
        };
        let mut bytes = 0;
        while records.len() < most && bytes < READ_BYTES {
            let group = match self.group_at(place.group).await {
                Ok(Some(group)) => group,
                Ok(None) if records.is_empty() => return self.nothing_at(from).await,
                // The next call says what is wrong.
                Ok(None) | Err(_) if !records.is_empty() => break,
                Err(error) => return Err(error),
                Ok(None) => break,
            };
            let numbers = group.head.first..group.head.end();
            if group.head.first != place.first {
                let why = format!("group {} does not follow the one before it", place.group);
                return Err(self.objects.damaged(why));
            }
            for (number, record) in numbers.zip(&group.records) {
                if number < from || records.len() >= most || bytes >= READ_BYTES {
                    continue;
                }
                bytes += record.len() as u64;
                let place = &self.objects.place;
                records.push(SpooledRecord::decode(
                    place,
                    number,
                    group.head.at,
                    record.clone(),
                )?);
            }
            self.known.lock().cursor = place;
            place = GroupPlace {
                group: place.group + 1,
                first: group.head.end(),
            };
        }
        if records.is_empty() {
            return self.nothing_at(from).await;
        }
        Ok(FoundAt::Records(records))
    }

    /// The group that has a record, or that comes next; none: there is no such group.
    async fn locate(&self, number: u64) -> Result<Option<GroupPlace>, MediumError> {
        let mut place = {
            let known = self.known.lock();
            let from_cursor = known.cursor.first <= number;
            if from_cursor {
                known.cursor
            } else {
                known.head
            }
        };
        if number < place.first {
            return Ok(None);
        }
        loop {
            let Some(end) = self.end_of(place.group).await? else {
                // The last that was written, or one that is missing: reading it tells.
                return Ok(Some(place));
            };
            if number < end {
                return Ok(Some(place));
            }
            place = GroupPlace {
                group: place.group + 1,
                first: end,
            };
        }
    }

    /// Behind the last record of a group; none: it is not there.
    async fn end_of(&self, group: u64) -> Result<Option<u64>, MediumError> {
        if let Some(end) = self.known.lock().ends.get(&group) {
            return Ok(Some(*end));
        }
        if !self.may_be_there(group) {
            return Ok(None);
        }
        let head = self.objects.head(group, self.id.0).await?;
        let end = head.map(|head| head.end());
        if let Some(end) = end {
            self.known.lock().note_needed_end(group, end);
        }
        Ok(end)
    }

    fn may_be_there(&self, group: u64) -> bool {
        let known = self.known.lock();
        group < known.next.group || known.has_damaged_end
    }

    /// A group, and some behind it to come.
    async fn group_at(&self, group: u64) -> Result<Option<Arc<RecordGroup>>, MediumError> {
        if let Some(cached) = self.known.lock().cache.get(&group) {
            return Ok(Some(cached.clone()));
        }
        let wanted: Vec<u64> = (group..group + AT_ONCE)
            .filter(|group| self.may_be_there(*group))
            .collect();
        let asked = wanted
            .iter()
            .map(|group| self.objects.group(*group, self.id.0));
        let read = futures::future::join_all(asked).await;
        let mut first = Ok(None);
        let mut known = self.known.lock();
        known.cache.clear();
        for (number, read) in wanted.into_iter().zip(read) {
            match read {
                Ok(Some(found)) => {
                    let found = Arc::new(found);
                    known.note_needed_end(number, found.head.end());
                    known.cache.insert(number, found.clone());
                    if number == group {
                        first = Ok(Some(found));
                    }
                }
                other if number == group => first = other.map(|_| None),
                // It is asked for again when it is its turn.
                Ok(None) | Err(_) => {}
            }
        }
        first
    }

    /// There is no such record: is it shipped, not written yet, or lost?
    async fn nothing_at(&self, from: u64) -> Result<FoundAt, MediumError> {
        let mark = self.look_at_marks().await?;
        if mark.shipped.through > from {
            return Ok(FoundAt::Shipped(mark.shipped));
        }
        let known = self.known.lock();
        if from >= known.next.first && !known.has_damaged_end {
            return Ok(FoundAt::Records(Vec::new()));
        }
        let why = format!("record {from} is missing");
        Err(self.objects.damaged(why))
    }

    /// How far anybody shipped the spool.
    async fn look_at_marks(&self) -> Result<ShippedMark, MediumError> {
        let (mark, marks) = self.objects.shipped().await?;
        self.known.lock().adopt_mark(&mark, &marks);
        Ok(mark)
    }

    /// Says how far all is shipped, then deletes the groups before that.
    pub(crate) async fn let_go_of(&self, shipped: &Shipped) -> Result<(), MediumError> {
        let (begin, known) = {
            let known = self.known.lock();
            (known.head, known.shipped.through)
        };
        if shipped.through <= known {
            return Ok(());
        }
        let Some(head) = self.head_at(begin, shipped.through).await? else {
            // Another process is further.
            return self.look_at_marks().await.map(drop);
        };
        let (mark, old) = {
            let mut known = self.known.lock();
            known.shipped.join(shipped);
            if !known.is_holding() {
                known.is_prepared = false;
            }
            let mark = ShippedMark {
                shipped: known.shipped.clone(),
                group: head.group,
                first: head.first,
            };
            (
                mark,
                std::mem::replace(&mut known.marks, vec![shipped.through]),
            )
        };
        let objects = &self.objects;
        objects
            .put_json(&objects.mark_path(shipped.through), &mark)
            .await?;
        self.known.lock().move_head(head);
        let groups = (begin.group..head.group).map(|group| objects.group_path(group));
        let marks = old
            .into_iter()
            .filter(|through| *through < shipped.through)
            .map(|through| objects.mark_path(through));
        objects.delete(groups.chain(marks).collect()).await
    }

    /// The first group that has a record that is not shipped, or the next to be written; none: another
    /// process let go of more.
    async fn head_at(
        &self,
        begin: GroupPlace,
        through: u64,
    ) -> Result<Option<GroupPlace>, MediumError> {
        let mut head = begin;
        while head.first < through {
            match self.end_of(head.group).await? {
                Some(end) if end <= through => {
                    head = GroupPlace {
                        group: head.group + 1,
                        first: end,
                    };
                }
                Some(_) => break,
                None => return Ok(None),
            }
        }
        Ok(Some(head))
    }
}
