//! Which ids cannot be there, without asking the file. Ids that begin with the time (UUIDs of
//! version 7) come in order: one beyond the newest that was written is new. That is every document
//! whose id the gateway made, so that its creation reads nothing.
//!
//! Known are, for a few collections, the greatest id of those that begin with the same 8 digits (65
//! seconds' worth). It is looked up and raised on the thread that writes, before anybody is
//! answered, so it is never too low; where it is too high, or not known, the file is read. It must
//! never be lowered.
//!
//! See ADR 12.

use crate::{classify::Failure, places::collection_place};
use event_schema::mutation::DocumentKey;
use parking_lot::Mutex;
use rusqlite::{Connection, params};

/// Collections that are known at the same time; the one that was not asked about longest goes.
const MOST: usize = 256;
/// Ids of a later time than this, milliseconds from now, are somebody's own.
const AHEAD: i64 = 60_000;
const PREFIX: usize = 8;

#[derive(Default)]
pub(crate) struct Newest(Mutex<Vec<Known>>);

/// What is known of a collection's incarnation.
struct Known {
    name: [String; 3],
    prefix: String,
    /// The greatest id with this prefix; empty if there is none.
    newest: String,
}

/// What is known of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    Absent,
    /// It may be there.
    Unsure,
    /// Somebody should look what the newest is.
    Unknown,
}

impl Newest {
    /// `now`: Unix milliseconds.
    pub fn see(&self, key: &DocumentKey, now: i64) -> Sight {
        if !is_timed(&key.id, now) {
            return Sight::Unsure;
        }
        let prefix = &key.id[..PREFIX];
        let mut all = self.0.lock();
        let Some(at) = all.iter().position(|known| known.is_of(key)) else {
            return Sight::Unknown;
        };
        if at > 0 {
            all.swap(at, at - 1);
        }
        let known = &all[at.saturating_sub(1)];
        match () {
            () if known.prefix == prefix && *known.newest < *key.id => Sight::Absent,
            () if *known.prefix < *prefix => Sight::Unknown,
            () => Sight::Unsure,
        }
    }

    /// Looks up the newest id of the key's time. On the thread that writes: what it wrote before is
    /// seen, what it writes after is told.
    pub fn learn(&self, connection: &Connection, key: &DocumentKey) -> Result<(), Failure> {
        // No id of this form goes on with a letter behind `f`.
        const LAST: &str =
            "SELECT max(id) FROM documents WHERE place = ?1 AND id >= ?2 AND id < ?2 || 'g'";
        let prefix = &key.id[..PREFIX];
        let newest =
            match collection_place(connection, &key.index, &key.collection, &key.incarnation)? {
                Some(place) => connection
                    .prepare_cached(LAST)?
                    .query_row(params![place, prefix], |row| {
                        row.get::<_, Option<String>>(0)
                    })?,
                None => None,
            };
        let name = [&key.index, &key.collection, &key.incarnation].map(Clone::clone);
        let mut all = self.0.lock();
        all.retain(|known| !known.is_of(key));
        all.truncate(MOST - 1);
        all.insert(
            0,
            Known {
                name,
                prefix: prefix.to_owned(),
                newest: newest.unwrap_or_default(),
            },
        );
        Ok(())
    }

    /// An id is about to be written. On the thread that writes.
    pub fn tell(&self, key: &DocumentKey) {
        let mut all = self.0.lock();
        if let Some(known) = all.iter_mut().find(|known| known.is_of(key))
            && key.id.starts_with(&known.prefix)
            && known.newest < key.id
        {
            known.newest.clone_from(&key.id);
        }
    }
}

impl Known {
    fn is_of(&self, key: &DocumentKey) -> bool {
        self.name[2] == key.incarnation
            && self.name[1] == key.collection
            && self.name[0] == key.index
    }
}

/// A UUID of version 7 in its usual form, not of a time to come.
fn is_timed(id: &str, now: i64) -> bool {
    let digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let bytes = id.as_bytes();
    let is_form = bytes.len() == 36
        && bytes[14] == b'7'
        && bytes.iter().enumerate().all(|(n, byte)| {
            if matches!(n, 8 | 13 | 18 | 23) {
                *byte == b'-'
            } else {
                digit(byte)
            }
        });
    let millis = || i64::from_str_radix(&[&id[..8], &id[9..13]].concat(), 16).unwrap_or(i64::MAX);
    is_form && millis() <= now.saturating_add(AHEAD)
}
