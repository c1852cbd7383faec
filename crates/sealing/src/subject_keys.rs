//! The keys of subjects as the record store keeps them: made once, whoever comes first; destroyed
//! once, for ever. A copy is believed for [`BELIEVED`] and no longer, so that an erased subject is
//! unreadable everywhere soon after.

use crate::{
    cipher::{KeyId, SubjectAccess, SubjectKey},
    master::MasterKeys,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use event_schema::signing::Keyring;
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use store::{Record, StoreError, Swapped};

/// How long an erased key may still be in a process's memory.
pub const BELIEVED: Duration = Duration::from_secs(10);
/// Copies of keys that a process holds.
const HELD: u64 = 50_000;
/// No name of a unique value is spelt like this: those have a `/`.
const NAMES: &str = "sealing-key:";
/// Names that one round of a rotation reads.
const ROUND: usize = 500;

/// What stands under a subject's name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
enum KeyRecord {
    Wrapped {
        master: String,
        key: String,
    },
    /// Unix milliseconds.
    Erased {
        at: i64,
    },
}

/// What erasing a subject came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasedSubject {
    /// Its key is destroyed.
    Destroyed,
    /// It was before.
    Already,
    /// Nothing was ever sealed for it, and now nothing can be.
    NeverHad,
}

/// What erasing several subjects came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Of each, in order.
    pub outcomes: Vec<ErasedSubject>,
    /// What has to be run on the record store's servers before their files hold nothing of the
    /// keys any more.
    pub to_run: Vec<String>,
}

/// What a rotation came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RotationReport {
    /// Wrapped by the newest master key now.
    pub rewrapped: u64,
    /// They were already.
    pub current: u64,
    pub erased: u64,
    /// No master key that is held opens them.
    pub unreadable: u64,
}

/// Finds, makes and destroys the keys of subjects. Clones share what they hold.
#[derive(Clone)]
pub struct SubjectKeys {
    record: Arc<dyn Record>,
    secret: Keyring,
    masters: MasterKeys,
    held: Cache<KeyId, Arc<SubjectKey>>,
}

impl SubjectKeys {
    pub fn new(record: Arc<dyn Record>, secret: Keyring, masters: MasterKeys) -> Self {
        let held = Cache::builder().max_capacity(HELD).time_to_live(BELIEVED);
        Self {
            record,
            secret,
            masters,
            held: held.build(),
        }
    }

    /// The keyed hash in the place of a value that must be found again by itself.
    pub fn hash(&self, space: &str, value: &str) -> String {
        value_hash(&self.secret, space, value)
    }

    /// The deployment's secret, from which hashes and names derive.
    pub fn secret(&self) -> &Keyring {
        &self.secret
    }

    pub fn id(&self, subject: &str) -> KeyId {
        KeyId::of(&self.secret, subject)
    }

    /// A subject and its key, which is made if there is none.
    pub async fn access(&self, subject: &str) -> Result<SubjectAccess, StoreError> {
        let (id, key) = (self.id(subject), self.ensure(subject).await?);
        Ok(SubjectAccess { id, key })
    }

    /// The subject of that name, and its key if there is one.
    pub async fn known(&self, id: KeyId) -> Result<SubjectAccess, StoreError> {
        let key = self.find(id).await?;
        Ok(SubjectAccess { id, key })
    }

    /// The key of a subject, made if there is none; `None` if it was erased.
    pub async fn ensure(&self, subject: &str) -> Result<Option<Arc<SubjectKey>>, StoreError> {
        let id = self.id(subject);
        if let Some(key) = self.held.get(&id) {
            return Ok(Some(key));
        }
        let name = key_name(id);
        if let Some(text) = self.read_record(&name).await? {
            return self.keep_key(id, &text);
        }
        let fresh: [u8; 32] = runtime::random();
        let text = self.wrapped_record(id, &fresh);
        match self.record.swap_value(&name, None, &text).await? {
            Swapped::Stands(Some(text)) => self.keep_key(id, &text),
            Swapped::Stands(None) | Swapped::Done => {
                // What is sealed with it may be in the log the next moment.
                self.record.settle().await?;
                self.keep_key(id, &text)
            }
        }
    }

    /// The key of that name; `None` if there is none, or it was erased.
    pub async fn find(&self, id: KeyId) -> Result<Option<Arc<SubjectKey>>, StoreError> {
        if let Some(key) = self.held.get(&id) {
            return Ok(Some(key));
        }
        match self.read_record(&key_name(id)).await? {
            Some(text) => self.keep_key(id, &text),
            None => Ok(None),
        }
    }

    /// Destroys the keys of subjects, and what the record store's files still hold of them. Other
    /// processes forget their copies within ten seconds.
    pub async fn erase(&self, subjects: &[String], now: i64) -> Result<Erasure, StoreError> {
        let mut outcomes = Vec::with_capacity(subjects.len());
        for subject in subjects {
            outcomes.push(self.destroy_key(subject, now).await?);
        }
        self.record.settle().await?;
        // Also where all were erased before: whoever did that may have ended before this.
        let to_run = self.record.purge_replaced_values().await?;
        Ok(Erasure { outcomes, to_run })
    }

    async fn destroy_key(&self, subject: &str, now: i64) -> Result<ErasedSubject, StoreError> {
        let id = self.id(subject);
        let name = key_name(id);
        let gone = record_text(&KeyRecord::Erased { at: now });
        let mut stands = self.read_record(&name).await?;
        loop {
            if let Some(text) = &stands
                && matches!(self.parse(&name, text)?, KeyRecord::Erased { .. })
            {
                return Ok(ErasedSubject::Already);
            }
            let swapped = self.record.swap_value(&name, stands.as_deref(), &gone);
            match swapped.await? {
                Swapped::Done => break,
                Swapped::Stands(other) => stands = other,
            }
        }
        self.held.invalidate(&id);
        Ok(match stands {
            Some(_) => ErasedSubject::Destroyed,
            None => ErasedSubject::NeverHad,
        })
    }

    /// Wraps every key by the newest master key, so that older ones can be dropped.
    pub async fn rotate(&self) -> Result<RotationReport, StoreError> {
        let mut report = RotationReport::default();
        let mut after: Option<String> = None;
        loop {
            let names = self.record.value_names(after.as_deref(), ROUND).await?;
            let Some(last) = names.last() else {
                self.record.settle().await?;
                self.record.purge_replaced_values().await?;
                return Ok(report);
            };
            after = Some(last.clone());
            for name in names.iter().filter(|name| name.starts_with(NAMES)) {
                self.rewrap_key(name, &mut report).await?;
            }
        }
    }

    async fn rewrap_key(&self, name: &str, report: &mut RotationReport) -> Result<(), StoreError> {
        let mut stands = self.read_record(name).await?;
        while let Some(text) = &stands {
            let id = id_in(name).ok_or_else(|| self.damaged_record(name, "its name"))?;
            let (master, wrapped) = match self.parse(name, text)? {
                KeyRecord::Erased { .. } => {
                    report.erased += 1;
                    return Ok(());
                }
                KeyRecord::Wrapped { master, key } => (master, key),
            };
            if master == self.masters.current() {
                report.current += 1;
                return Ok(());
            }
            let Some(key) = self.unwrapped(id, &master, &wrapped) else {
                report.unreadable += 1;
                return Ok(());
            };
            let fresh = self.wrapped_record(id, &key);
            match self.record.swap_value(name, Some(text), &fresh).await? {
                Swapped::Done => {
                    report.rewrapped += 1;
                    return Ok(());
                }
                Swapped::Stands(other) => stands = other,
            }
        }
        Ok(())
    }

    fn keep_key(&self, id: KeyId, text: &str) -> Result<Option<Arc<SubjectKey>>, StoreError> {
        let name = key_name(id);
        let KeyRecord::Wrapped { master, key } = self.parse(&name, text)? else {
            return Ok(None);
        };
        let Some(key) = self.unwrapped(id, &master, &key) else {
            return Err(StoreError::Refused {
                store: self.record.name(),
                why: format!(
                    "a subject's key is wrapped by the master key `{master}`, which is not held"
                ),
            });
        };
        let key = Arc::new(SubjectKey::new(id, &key));
        self.held.insert(id, key.clone());
        Ok(Some(key))
    }

    fn wrapped_record(&self, id: KeyId, key: &[u8; 32]) -> String {
        let (master, bytes) = self.masters.wrap(id, key, runtime::random());
        let key = STANDARD.encode(bytes);
        record_text(&KeyRecord::Wrapped { master, key })
    }

    fn unwrapped(&self, id: KeyId, master: &str, key: &str) -> Option<[u8; 32]> {
        self.masters.unwrap(id, master, &STANDARD.decode(key).ok()?)
    }

    async fn read_record(&self, name: &str) -> Result<Option<String>, StoreError> {
        let found = self.record.held_values(&[name.to_owned()]).await?;
        Ok(found.into_iter().next().flatten())
    }

    fn parse(&self, name: &str, text: &str) -> Result<KeyRecord, StoreError> {
        serde_json::from_str(text).map_err(|_| self.damaged_record(name, "what stands there"))
    }

    fn damaged_record(&self, name: &str, what: &str) -> StoreError {
        StoreError::Damaged {
            store: self.record.name(),
            why: format!("{name}: {what} is no subject's key"),
        }
    }
}

/// The keyed hash of a value: 24 bytes, as text.
pub(crate) fn value_hash(secret: &Keyring, space: &str, value: &str) -> String {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let tag = secret.tag("sealing hash", &[space.as_bytes(), value.as_bytes()]);
    URL_SAFE_NO_PAD.encode(&tag[..24])
}

fn key_name(id: KeyId) -> String {
    format!("{NAMES}{id}")
}

fn id_in(name: &str) -> Option<KeyId> {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let bytes = URL_SAFE_NO_PAD.decode(name.strip_prefix(NAMES)?).ok()?;
    Some(KeyId(bytes.try_into().ok()?))
}

fn record_text(record: &KeyRecord) -> String {
    serde_json::to_string(record).expect("a key's record is made of JSON types")
}

#[cfg(test)]
mod tests;
