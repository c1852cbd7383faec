//! What waits in each partition: of the workers, of the notifiers, and for how long.

use super::{UnreadPart, ask_in_time, note_unread};
use crate::app::App;
use event_log::{Limits, Offsets, StreamError};
use event_schema::{
    flood::DeadLetterFlood,
    topics::{CHANGES, TRANSACTIONS},
};
use futures::{StreamExt, stream};
use serde::Serialize;
use std::time::Duration;

/// Partitions that are asked about at the same time.
const TOGETHER: usize = 32;
/// Partitions whose oldest event is looked up: those in which most waits.
const LOOKED_UP: usize = 8;
/// How long one record may take to be read.
const READ: Duration = Duration::from_secs(2);

/// One partition; nothing where it could not be read.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct PartitionStatus {
    pub partition: u16,
    /// The offset behind the last event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// The first event that is not resolved, by the mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<u64>,
    /// For how long that event has been in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes_end: Option<u64>,
    /// How far the notifiers are in `changes`; nothing where none ever was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notified: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notifier_lag: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notifier_waiting_seconds: Option<i64>,
    /// Why it waits, where that is a flood of dead letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flood: Option<DeadLetterFlood>,
}

/// All of them, and what could not be read.
pub(super) async fn read_partitions(app: &App) -> (Vec<PartitionStatus>, Vec<UnreadPart>) {
    let numbers = stream::iter(0..app.ports.layout.partitions);
    let read = numbers
        .map(|number| read_partition(app, number))
        .buffered(TOGETHER);
    let (mut partitions, mut unread) = (Vec::new(), Vec::new());
    for (partition, missed) in read.collect::<Vec<_>>().await {
        partitions.push(partition);
        for part in missed {
            note_unread::<()>(&mut unread, Err(part));
        }
    }
    let layout = &app.ports.layout;
    let (events, changes) = (layout.name(&TRANSACTIONS), layout.name(&CHANGES));
    for index in furthest_behind(&partitions, |partition| partition.lag) {
        let PartitionStatus {
            partition,
            resolved,
            end,
            ..
        } = partitions[index];
        let age = age_of(app, &events, partition, resolved.zip(end)).await;
        partitions[index].waiting_seconds = note_unread(&mut unread, age).flatten();
    }
    for index in furthest_behind(&partitions, |partition| partition.notifier_lag) {
        let PartitionStatus {
            partition,
            notified,
            changes_end,
            ..
        } = partitions[index];
        let age = age_of(app, &changes, partition, notified.zip(changes_end)).await;
        partitions[index].notifier_waiting_seconds = note_unread(&mut unread, age).flatten();
    }
    (partitions, unread)
}

/// Indices of those with the greatest lag, if they have any.
fn furthest_behind(
    partitions: &[PartitionStatus],
    lag: impl Fn(&PartitionStatus) -> Option<u64>,
) -> Vec<usize> {
    let lags = partitions.iter().map(lag).enumerate();
    let mut behind: Vec<(u64, usize)> = lags
        .filter_map(|(index, lag)| Some((lag.filter(|lag| *lag > 0)?, index)))
        .collect();
    behind.sort_unstable_by(|one, other| other.cmp(one));
    behind.truncate(LOOKED_UP);
    behind.into_iter().map(|(_, index)| index).collect()
}

/// For how many seconds the first record of a range has been in the log; none where it is gone.
async fn age_of(
    app: &App,
    topic: &str,
    partition: u16,
    range: Option<(u64, u64)>,
) -> Result<Option<i64>, UnreadPart> {
    let Some((from, until)) = range else {
        return Ok(None);
    };
    let limits = Limits {
        records: 1,
        bytes: usize::MAX,
    };
    let reader = &app.ports.log.reader;
    let read = reader.read(topic, partition, from, until, limits, READ);
    match read.await {
        Ok(records) => {
            let first = records.first().map(|record| record.timestamp);
            Ok(first.map(|time| app.now().saturating_sub(time).max(0) / 1_000))
        }
        // What is gone from the log is no event that waits.
        Err(StreamError::OutOfRange { .. }) => Ok(None),
        Err(error) => Err(UnreadPart {
            part: "the oldest events",
            why: error.to_string(),
        }),
    }
}

async fn read_partition(app: &App, number: u16) -> (PartitionStatus, Vec<UnreadPart>) {
    let (layout, record) = (&app.ports.layout, app.ports.record.as_ref());
    let log = &app.ports.log;
    let topics = [layout.name(&TRANSACTIONS), layout.name(&CHANGES)];
    let flood_name = DeadLetterFlood::name(layout.generation, number);
    let group = layout.notifier_group();
    let (end, changes_end, mark, notified, flood) = tokio::join!(
        ask_in_time("ends of the log", log.admin.offsets(&topics[0], number)),
        ask_in_time("ends of the log", log.admin.offsets(&topics[1], number)),
        ask_in_time("marks", record.mark(layout.generation, number)),
        ask_in_time(
            "the notifiers' offsets",
            log.groups.committed(&group, &topics[1], number)
        ),
        ask_in_time("floods", record.kept_text(&flood_name)),
    );
    let mut unread = Vec::new();
    let of_end = |end: Result<Offsets, UnreadPart>| end.map(|offsets| offsets.end);
    let end = note_unread(&mut unread, of_end(end));
    let changes_end = note_unread(&mut unread, of_end(changes_end));
    let mark = note_unread(&mut unread, mark);
    let resolved = mark.map(|mark| mark.map_or(0, |mark| mark.next.get()));
    let notified = note_unread(&mut unread, notified).flatten();
    let notified = notified.map(|committed| committed.offset);
    let flood = note_unread(&mut unread, flood).flatten();
    let flood = flood.and_then(|text| serde_json::from_str::<DeadLetterFlood>(&text).ok());
    let behind =
        |end: Option<u64>, at: Option<u64>| end.zip(at).map(|(end, at)| end.saturating_sub(at));
    let status = PartitionStatus {
        partition: number,
        lag: behind(end, resolved),
        notifier_lag: behind(changes_end, notified),
        end,
        resolved,
        changes_end,
        notified,
        flood: flood.filter(|flood| flood.over.is_none()),
        ..PartitionStatus::default()
    };
    (status, unread)
}
