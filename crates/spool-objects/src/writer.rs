//! The task that writes a spool's groups, one after the other, and says now and then that the spool
//! is looked after. Must never say that a record is safe before its group is in the store and this
//! process may still write it, nor pass over a group of which it is not known whether it is there.

use crate::{
    group::{GroupHead, encode_group},
    objects::{BEFORE, IDENTITY, OWNER, SpoolOwner, SpoolWriter, WRITER},
    spool_state::{QueuedRecord, SpoolRole, SpoolShared},
};
use bytes::Bytes;
use runtime::Backoff;
use spool::{
    SpoolId,
    medium::{MediumError, MediumState, RecordWritten, SpoolIdentity, WriteCompletion, WriteError},
};
use std::{sync::Arc, time::Duration};
use store::BlobPut;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// A group has no more records.
const GROUP_RECORDS: usize = 8_192;
/// A request that takes longer is made again.
const ATTEMPT: Duration = Duration::from_secs(20);

/// What became of a group.
enum GroupPut {
    Done,
    /// It has to go behind another.
    PlaceWasTaken,
}

/// Why a group is not written.
enum WriteFailure {
    /// It is tried again.
    Passing(MediumError),
    /// Another process writes the spool.
    Taken(String),
}

impl From<MediumError> for WriteFailure {
    fn from(error: MediumError) -> Self {
        Self::Passing(error)
    }
}

/// Runs until it is aborted, or another process took the spool.
pub(crate) async fn run(shared: Arc<SpoolShared>) {
    let mut beats = 0_u64;
    let mut next_beat = Instant::now();
    loop {
        let group = take_group(&shared);
        if !group.is_empty()
            && let Err(why) = write_group(&shared, group).await
        {
            return fail(&shared, &why);
        }
        if Instant::now() >= next_beat {
            next_beat = Instant::now() + shared.timings.beat;
            beat(&shared, &mut beats).await;
        }
        let has_more = !shared.known.lock().queue.is_empty();
        if !has_more {
            tokio::select! {
                () = shared.wake.notified() => {}
                () = sleep_until(next_beat) => {}
            }
        }
    }
}

fn take_group(shared: &SpoolShared) -> Vec<QueuedRecord> {
    let mut known = shared.known.lock();
    let (mut bytes, mut count) = (0, 0);
    for record in known.queue.iter().take(GROUP_RECORDS) {
        bytes += record.bytes.len();
        if count > 0 && bytes > shared.group_bytes {
            break;
        }
        count += 1;
    }
    known.queue.drain(..count).collect()
}

/// Writes a group, however long that takes.
async fn write_group(shared: &SpoolShared, group: Vec<QueuedRecord>) -> Result<(), String> {
    let (records, done): (Vec<_>, Vec<WriteCompletion>) = group
        .into_iter()
        .map(|record| (record.bytes, record.done))
        .unzip();
    let written = loop {
        let place = shared.known.lock().next;
        let head = GroupHead {
            spool: shared.id.0,
            group: place.group,
            first: place.first,
            records: u32::try_from(records.len()).unwrap_or(u32::MAX),
            at: shared.clock.now(),
        };
        let bytes = Bytes::from(encode_group(&head, &records));
        match put_until_it_is_there(shared, &head, bytes).await {
            Ok(GroupPut::Done) => break Ok(head),
            Ok(GroupPut::PlaceWasTaken) => {}
            Err(why) => break Err(why),
        }
    };
    let head = match written {
        Ok(head) => head,
        Err(why) => {
            let lost = WriteError::Failed(why.clone());
            done.into_iter().for_each(|done| done(Err(lost.clone())));
            return Err(why);
        }
    };
    {
        let mut known = shared.known.lock();
        known.next.group += 1;
        known.next.first = head.end();
        known.note_end(head.group, head.end());
        known.condition = MediumState::Well;
    }
    for (number, done) in (head.first..).zip(done) {
        done(Ok(RecordWritten {
            number,
            at: head.at,
        }));
    }
    Ok(())
}

async fn put_until_it_is_there(
    shared: &SpoolShared,
    head: &GroupHead,
    bytes: Bytes,
) -> Result<GroupPut, String> {
    let (begun, mut backoff) = (
        Instant::now(),
        Backoff::new(Duration::from_millis(100), Duration::from_secs(5)),
    );
    loop {
        let attempt = timeout(ATTEMPT, put_group(shared, head, bytes.clone()));
        let why = match attempt.await {
            Ok(Ok(put)) => return Ok(put),
            Ok(Err(WriteFailure::Taken(why))) => return Err(why),
            Ok(Err(WriteFailure::Passing(error))) => error.to_string(),
            Err(_) => "it did not answer in time".to_owned(),
        };
        tracing::debug!(spool = %shared.id, group = head.group, why, "a group of the spool is written again");
        if begun.elapsed() >= shared.timings.away_after {
            shared.known.lock().condition = MediumState::Away(why);
        }
        sleep(backoff.next_wait()).await;
    }
}

async fn put_group(
    shared: &SpoolShared,
    head: &GroupHead,
    bytes: Bytes,
) -> Result<GroupPut, WriteFailure> {
    prepare(shared).await?;
    let objects = &shared.objects;
    let path = objects.group_path(head.group);
    let is_there = objects.put_new(&path, bytes.clone()).await? == BlobPut::IsThere;
    must_be_writer(shared).await?;
    if !is_there || objects.get(&path).await?.as_ref() == Some(&bytes) {
        return Ok(GroupPut::Done);
    }
    pass_over(shared, head).await
}

/// The place of a group is taken. In a spool with a name that is a group of the process that had it
/// before, which was cut off and acknowledged nothing of it: it is kept, as what may be shipped.
async fn pass_over(shared: &SpoolShared, head: &GroupHead) -> Result<GroupPut, WriteFailure> {
    let found = shared.objects.head(head.group, head.spool).await?;
    let is_named = shared.role == SpoolRole::Writer { is_named: true };
    let Some(found) = found.filter(|found| is_named && found.first == head.first) else {
        let why = format!("another process wrote group {} of the spool", head.group);
        return Err(WriteFailure::Taken(why));
    };
    tracing::warn!(spool = %shared.id, group = head.group, "a process that had the spool before wrote to it; what it wrote may be shipped");
    let mut known = shared.known.lock();
    known.note_end(found.group, found.end());
    known.next.group = found.group + 1;
    known.next.first = found.end();
    Ok(GroupPut::PlaceWasTaken)
}

/// What this process wrote before it was cut off is found by the one that took the spool: that lists
/// the groups after it has said that it writes.
async fn must_be_writer(shared: &SpoolShared) -> Result<(), WriteFailure> {
    if shared.role != (SpoolRole::Writer { is_named: true }) {
        return Ok(());
    }
    let objects = &shared.objects;
    let writer: Option<SpoolWriter> = objects.get_json(&objects.path(WRITER)).await?;
    if writer.is_some_and(|writer| writer.instance == shared.instance) {
        return Ok(());
    }
    let why = "another process writes the spool: each gateway needs a `spool.name` of its own";
    Err(WriteFailure::Taken(why.to_owned()))
}

/// Says who the spool is, and keeps what its records stand on, before there are any.
async fn prepare(shared: &SpoolShared) -> Result<(), WriteFailure> {
    if shared.known.lock().is_prepared {
        return Ok(());
    }
    let objects = &shared.objects;
    let (before, mark) = {
        let known = shared.known.lock();
        (known.before.clone(), known.mark())
    };
    match objects.put_identity(&shared.identity).await? {
        // It was empty for so long that somebody removed it: where it goes on must be known.
        BlobPut::Done if mark.group > 0 => {
            let path = objects.mark_path(mark.shipped.through);
            objects.put_json(&path, &mark).await?;
        }
        BlobPut::Done => {}
        BlobPut::IsThere => {
            let found: Option<SpoolIdentity> = objects.get_json(&objects.path(IDENTITY)).await?;
            let found = found.and_then(|found| found.id.parse::<SpoolId>().ok());
            if found != Some(shared.id) {
                return Err(WriteFailure::Taken("another spool has its name".to_owned()));
            }
        }
    }
    for (name, bytes) in &before {
        objects
            .put(&objects.named(BEFORE, name), bytes.clone())
            .await?;
    }
    let mut known = shared.known.lock();
    known.is_prepared = known.before.len() == before.len();
    Ok(())
}

/// Says that the spool is looked after, while it holds something.
async fn beat(shared: &SpoolShared, beats: &mut u64) {
    let end = {
        let known = shared.known.lock();
        let is_written = known.is_prepared || shared.role == SpoolRole::Shipper;
        if !is_written || !known.is_holding() || known.has_damaged_end {
            return;
        }
        known.next.first
    };
    *beats += 1;
    let owner = SpoolOwner {
        instance: shared.instance.clone(),
        beat: *beats,
        end,
    };
    let objects = &shared.objects;
    let path = objects.path(OWNER);
    let said = timeout(shared.timings.beat, objects.put_json(&path, &owner)).await;
    if let Ok(Err(error)) = said {
        tracing::debug!(spool = %shared.id, %error, "the spool's owner could not be told");
    }
}

/// Nothing is written any more.
fn fail(shared: &SpoolShared, why: &str) {
    tracing::error!(spool = %shared.id, place = &*shared.objects.place, why, "ALARM: the spool takes nothing more; the gateway must be started again");
    let lost = {
        let mut known = shared.known.lock();
        known.condition = MediumState::Failed(why.to_owned());
        std::mem::take(&mut known.queue)
    };
    for record in lost {
        (record.done)(Err(WriteError::Failed(why.to_owned())));
    }
}
