//! What waits for a person and what waits behind it: one queue per entity key, kept as rows of two
//! tables that decisions and voids write like any others. `locks` says what a key's queue is, in
//! buckets that can be listed; `held` keeps the events. Formats only; how a record of `changes`
//! moves a queue is `change-feed`'s.

use crate::{
    decision::OriginalRecord,
    id::{EntityKey, RequestId},
    mutation::{RowAction, RowKey, RowMutation},
    outcome::DeadReason,
    position::Position,
    table::{Column, ColumnType, Table},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::fmt;

/// The table of held events.
pub const HELD: &str = "held";
/// The table of queues.
pub const LOCKS: &str = "locks";
/// Into how many parts the table of queues is divided.
pub const BUCKETS: u16 = 16;

/// Operation of an intent by which a held event is decided again.
pub const REPLAY: &str = "held.replay";
/// Operation of an intent by which a held event is given up.
pub const DISCARD: &str = "held.discard";

const ENTRY: &str = "entry";
const EVENT: &str = "event";

/// Does this operation ask for a held event to be moved?
pub fn is_intent(operation: &str) -> bool {
    matches!(operation, REPLAY | DISCARD)
}

/// The two tables, as every record store makes them. Their names are no catalog's to take.
pub fn held_tables() -> [Table; 2] {
    let table = |name: &str, partition: (&str, ColumnType), clustering: &str, cells: &[&str]| {
        let text = |name: &str| Column {
            name: name.to_owned(),
            kind: ColumnType::Text,
        };
        let first = Column {
            name: partition.0.to_owned(),
            kind: partition.1,
        };
        Table {
            name: name.to_owned(),
            partition_key: vec![first.name.clone()],
            clustering: vec![clustering.to_owned()],
            columns: [first, text(clustering)]
                .into_iter()
                .chain(cells.iter().map(|name| text(name)))
                .collect(),
            indexes: Vec::new(),
        }
    };
    [
        table(HELD, ("key", ColumnType::Text), "place", &[ENTRY, EVENT]),
        table(LOCKS, ("bucket", ColumnType::Int), "key", &[ENTRY]),
    ]
}

/// Where an event waits in its key's queue. Its text sorts as the queue goes: what locks its key by
/// generation and offset, then what only waits for a person.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct HeldPlace(String);

impl HeldPlace {
    pub fn of(mode: HeldMode, position: &Position) -> Self {
        let mode = match mode {
            HeldMode::Strict => 'a',
            HeldMode::Open => 'b',
        };
        let Position {
            generation,
            partition,
            offset,
        } = position;
        Self(format!(
            "{mode}/{generation:05}/{:020}/{partition:05}",
            offset.get()
        ))
    }

    /// Behind everything that locks its key, before everything that does not.
    pub fn before_open() -> Self {
        Self("b/".to_owned())
    }

    pub fn is_open(&self) -> bool {
        self.0.starts_with('b')
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it stands in a row's key.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for HeldPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Does what follows on the key wait, too?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeldMode {
    /// What comes later on the key is parked behind it.
    Strict,
    /// It is only noted that it was overtaken.
    Open,
}

/// What a key's queue waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LockState {
    /// Nothing is dead in it that locks the key.
    Free,
    /// For a person: its head is dead.
    Locked,
    /// For its owner, who decides what is parked.
    Draining,
}

/// A key's queue, without its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyLock {
    pub state: LockState,
    /// The dead letter at the head; while it drains, the event that left the queue last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<HeldPlace>,
    /// The request at `head`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<RequestId>,
    /// The event that was parked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<HeldPlace>,
    /// Events in the queue that locks the key, its dead head included.
    pub waiting: u64,
    /// Dead letters that do not lock the key.
    pub open: u64,
    /// The newest of those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_through: Option<Position>,
    /// An event of the key that was applied while dead letters waited that do not lock it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overtaken: Option<Position>,
}

impl Default for KeyLock {
    fn default() -> Self {
        Self {
            state: LockState::Free,
            head: None,
            behind: None,
            tail: None,
            waiting: 0,
            open: 0,
            open_through: None,
            overtaken: None,
        }
    }
}

impl KeyLock {
    /// Is nothing held under the key any more?
    pub fn is_empty(&self) -> bool {
        self.waiting == 0 && self.open == 0
    }

    /// Are events of the key parked?
    pub fn parks(&self) -> bool {
        self.state != LockState::Free
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeldKind {
    /// It waits for a person.
    Dead,
    /// It waits for what is dead before it.
    Parked,
}

/// One try to apply a held event that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedAttempt {
    /// Unix milliseconds.
    pub time: i64,
    pub reason: DeadReason,
    /// The replay that tried it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<RequestId>,
}

/// Attempts that a held event remembers: the first, and the last ones.
pub const REMEMBERED_ATTEMPTS: usize = 10;

/// A held event, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldEvent {
    pub request: RequestId,
    pub operation: String,
    pub tenant: String,
    pub catalog: String,
    pub position: Position,
    pub kind: HeldKind,
    /// How often it was tried and failed; who asks for it to be moved names this number.
    pub attempts: u32,
    /// The failures that are remembered; the last is why it is dead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<FailedAttempt>,
    /// Unix milliseconds: accepted by the log.
    pub accepted: i64,
    /// Held since.
    pub since: i64,
    /// What was before it in the queue when it was put there: links that do not join are a queue
    /// that lost something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<HeldPlace>,
}

impl HeldEvent {
    /// Why it is dead.
    pub fn reason(&self) -> Option<&DeadReason> {
        self.history.last().map(|failed| &failed.reason)
    }

    /// It was tried once more, and failed.
    pub fn fail(&mut self, failed: FailedAttempt) {
        self.kind = HeldKind::Dead;
        self.attempts += 1;
        if self.history.len() >= REMEMBERED_ATTEMPTS {
            self.history.remove(1);
        }
        self.history.push(failed);
    }
}

/// A row of either table that is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a row of `{table}` cannot be read: {why}")]
pub struct UnreadableRow {
    table: &'static str,
    why: String,
}

/// The bucket that a key's lock is in.
pub fn key_bucket(key: &EntityKey) -> u16 {
    key.partition(BUCKETS)
}

/// The buckets that the locks of a partition's keys can be in, of so many partitions of the topic:
/// both are remainders of the same hash, so most others are known to have none of them.
pub fn partition_buckets(partition: u16, partitions: u16) -> impl Iterator<Item = u16> {
    let step = greatest_common_divisor(partitions.max(1), BUCKETS);
    (partition % step..BUCKETS).step_by(usize::from(step))
}

fn greatest_common_divisor(one: u16, other: u16) -> u16 {
    if other == 0 {
        one
    } else {
        greatest_common_divisor(other, one % other)
    }
}

/// The partition of the table of queues that is a bucket.
pub fn bucket_key(bucket: u16) -> Map<String, Value> {
    Map::from_iter([("bucket".to_owned(), bucket.into())])
}

/// The partition of the table of held events that is a key's queue.
pub fn queue_key(key: &EntityKey) -> Map<String, Value> {
    Map::from_iter([("key".to_owned(), key.0.clone().into())])
}

pub fn lock_key(key: &EntityKey) -> RowKey {
    let mut columns = bucket_key(key_bucket(key));
    columns.insert("key".to_owned(), key.0.clone().into());
    RowKey {
        table: LOCKS.to_owned(),
        key: columns,
    }
}

pub fn held_key(key: &EntityKey, place: &HeldPlace) -> RowKey {
    let mut columns = queue_key(key);
    columns.insert("place".to_owned(), place.0.clone().into());
    RowKey {
        table: HELD.to_owned(),
        key: columns,
    }
}

/// The entity key and the queue of a row of `locks`.
///
/// # Errors
/// If the row is not one.
pub fn read_lock(
    key: &RowKey,
    cells: &Map<String, Value>,
) -> Result<(EntityKey, KeyLock), UnreadableRow> {
    let name = key.key.get("key").and_then(Value::as_str);
    let name = name.ok_or_else(|| unreadable_row(LOCKS, "it has no key"))?;
    Ok((EntityKey(name.to_owned()), read_cell(LOCKS, cells, ENTRY)?))
}

/// The place of a row of `held`.
///
/// # Errors
/// If the row is not one.
pub fn read_place(key: &RowKey) -> Result<HeldPlace, UnreadableRow> {
    let place = key.key.get("place").and_then(Value::as_str);
    place
        .map(|place| HeldPlace(place.to_owned()))
        .ok_or_else(|| unreadable_row(HELD, "it has no place"))
}

/// # Errors
/// If the cells are not those of a held event.
pub fn read_held(cells: &Map<String, Value>) -> Result<HeldEvent, UnreadableRow> {
    read_cell(HELD, cells, ENTRY)
}

/// The event byte for byte.
///
/// # Errors
/// If the cells are not those of a held event.
pub fn read_original(cells: &Map<String, Value>) -> Result<OriginalRecord, UnreadableRow> {
    read_cell(HELD, cells, EVENT)
}

fn unreadable_row(table: &'static str, why: impl fmt::Display) -> UnreadableRow {
    let why = why.to_string();
    UnreadableRow { table, why }
}

fn read_cell<T: DeserializeOwned>(
    table: &'static str,
    cells: &Map<String, Value>,
    name: &str,
) -> Result<T, UnreadableRow> {
    let text = cells.get(name).and_then(Value::as_str);
    let text = text.ok_or_else(|| unreadable_row(table, format_args!("it has no `{name}`")))?;
    serde_json::from_str(text).map_err(|error| unreadable_row(table, error))
}

fn json_text<T: Serialize>(value: &T) -> Value {
    serde_json::to_string(value)
        .expect("rows are plain JSON")
        .into()
}

fn lock_cells(lock: &KeyLock) -> Map<String, Value> {
    Map::from_iter([(ENTRY.to_owned(), json_text(lock))])
}

/// The cells of a held event's row.
pub fn held_cells(held: &HeldEvent, event: &OriginalRecord) -> Map<String, Value> {
    Map::from_iter([
        (ENTRY.to_owned(), json_text(held)),
        (EVENT.to_owned(), json_text(event)),
    ])
}

/// A queue that becomes another; one that is empty has no row.
pub fn move_lock(key: &EntityKey, before: &KeyLock, after: &KeyLock) -> RowMutation {
    let cells = |lock: &KeyLock| (!lock.is_empty()).then(|| lock_cells(lock));
    row_mutation(lock_key(key), cells(before), cells(after))
}

/// A held event's row that becomes another; without cells there is none.
pub fn move_held(
    key: &EntityKey,
    place: &HeldPlace,
    before: Option<Map<String, Value>>,
    after: Option<Map<String, Value>>,
) -> RowMutation {
    row_mutation(held_key(key, place), before, after)
}

fn row_mutation(
    key: RowKey,
    before: Option<Map<String, Value>>,
    after: Option<Map<String, Value>>,
) -> RowMutation {
    RowMutation {
        key,
        action: if after.is_some() {
            RowAction::Put
        } else {
            RowAction::Remove
        },
        cells: after.unwrap_or_default(),
        before,
        expires_before: None,
        expires: None,
    }
}

/// The key under which what cannot be decoded is held: made up, and of the partition that it stands
/// in. No operation's key has its form.
pub fn undecodable_key(partition: u16, partitions: u16) -> EntityKey {
    let keys = (0_u32..).map(|n| EntityKey(format!("(undecodable)/{n}")));
    keys.into_iter()
        .find(|key| key.partition(partitions) == partition)
        .expect("some number leads to every partition")
}

/// What an intent asks for: the request of its event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HoldIntent {
    /// The held event.
    pub request: RequestId,
    pub place: HeldPlace,
    /// What was seen of it: another number is another hold, and then the intent is refused.
    pub attempts: u32,
    /// Though it was overtaken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub as_new: bool,
    /// Instead of the event as it was: the same request, key and operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<OriginalRecord>,
    /// Why, in the words of whoever asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The job that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

#[cfg(test)]
mod tests;
