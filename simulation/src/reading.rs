//! What a plain reading of `transactions`, one record after the other, makes of the documents and
//! of each request: what the workers must come to, whatever happened to them.

use crate::{
    events::{AskedWrite, WriteKind},
    faults::{FICKLE, POISON, UNMAPPABLE},
};
use event_schema::outcome::{LedgerEntry, RefusalCode, Verdict};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The documents so far, and who holds which idempotency key.
#[derive(Debug, Default)]
pub struct LogReading {
    pub documents: BTreeMap<String, Value>,
    claims: HashMap<String, [u8; 16]>,
    /// The record store forgot, and what it had been told before the next mark may have been judged
    /// again: a dead letter that rested on that stays one until it is given up, where it would have
    /// been a refusal.
    is_forgetful: bool,
    /// Idempotency keys that may be held by requests which the log lost.
    lost_keys: BTreeSet<String>,
}

impl LogReading {
    #[must_use]
    pub fn new(is_forgetful: bool) -> Self {
        Self {
            is_forgetful,
            ..Self::default()
        }
    }

    /// Who holds which idempotency key: to be told of all requests, in the order of the log.
    pub fn claim(&mut self, unique: [u8; 16], asked: &AskedWrite) {
        if let (Some(key), false) = (&asked.claim, asked.is_damaged) {
            self.claims.entry(key.clone()).or_insert(unique);
        }
    }

    /// A request that the log lost may have taken its idempotency key.
    pub fn lose(&mut self, asked: &AskedWrite) {
        self.lost_keys.extend(asked.claim.clone());
    }

    /// Reads the next request. Whether a store refused a body depends on when it was asked and with
    /// what it was folded, so there the ledger is believed; everything else it must say itself.
    ///
    /// # Errors
    /// If the ledger says what cannot be.
    pub fn read(
        &mut self,
        unique: [u8; 16],
        asked: &AskedWrite,
        entry: &LedgerEntry,
    ) -> Result<(), String> {
        let says = |expected: &str| {
            format!(
                "{asked:?} must be {expected} and is remembered as {:?}",
                entry.verdict
            )
        };
        if asked.is_damaged {
            return refused(entry, RefusalCode::Discarded, says);
        }
        let is_lost = |key: &String| self.lost_keys.contains(key);
        if asked.claim.as_ref().is_some_and(is_lost)
            && refused(entry, RefusalCode::IdempotencyKeyReused, says).is_ok()
        {
            return Ok(());
        }
        let holder = asked.claim.as_ref().and_then(|key| self.claims.get(key));
        if holder.is_some_and(|holder| *holder != unique) {
            return refused(entry, RefusalCode::IdempotencyKeyReused, says);
        }
        // It died, and was replayed when others had overtaken it.
        let is_late = !asked.is_strict() && holds(asked.what.body(), &[POISON]);
        let after = match self.after(asked) {
            Err(_) if is_late && matches!(entry.verdict, Verdict::Refused(_)) => return Ok(()),
            Ok(after) => after,
            Err(code) => {
                let words = &[POISON, UNMAPPABLE, FICKLE];
                if self.is_forgetful && is_discarded(entry) && holds(asked.what.body(), words) {
                    return Ok(());
                }
                return refused(entry, code, says);
            }
        };
        // What died for another reason than its own body never does so here.
        let words: &[&str] = if asked.is_strict() {
            &[POISON, UNMAPPABLE, FICKLE]
        } else {
            &[POISON]
        };
        match &entry.verdict {
            Verdict::Applied => {
                match after {
                    Some(body) => self.documents.insert(asked.id.clone(), body),
                    None => self.documents.remove(&asked.id),
                };
                Ok(())
            }
            Verdict::Refused(_) if is_late => Ok(()),
            Verdict::Refused(_) if is_discarded(entry) && holds(after.as_ref(), words) => Ok(()),
            Verdict::Refused(refusal)
                if refusal.code == RefusalCode::Unmappable
                    && !asked.is_strict()
                    && holds(after.as_ref(), &[UNMAPPABLE, FICKLE]) =>
            {
                Ok(())
            }
            Verdict::DeadLettered(_) | Verdict::Parked(_) | Verdict::Refused(_) => {
                Err(says("applied"))
            }
        }
    }

    /// The document after it; none if it is gone.
    fn after(&self, asked: &AskedWrite) -> Result<Option<Value>, RefusalCode> {
        let before = self.documents.get(&asked.id);
        match (&asked.what, before) {
            (WriteKind::Create(_), Some(_)) => Err(RefusalCode::Exists),
            (WriteKind::Replace(_) | WriteKind::Update(_) | WriteKind::Delete, None) => {
                Err(RefusalCode::Missing)
            }
            (
                WriteKind::Create(body)
                | WriteKind::CreateOrReplace(body)
                | WriteKind::Replace(body),
                _,
            ) => Ok(Some(body.clone())),
            (WriteKind::Update(changes), Some(before)) => Ok(Some(merged(before, changes))),
            (WriteKind::Delete, Some(_)) => Ok(None),
        }
    }
}

/// A person gave it up.
fn is_discarded(entry: &LedgerEntry) -> bool {
    matches!(&entry.verdict, Verdict::Refused(refusal) if refusal.code == RefusalCode::Discarded)
}

fn refused(
    entry: &LedgerEntry,
    code: RefusalCode,
    says: impl Fn(&str) -> String,
) -> Result<(), String> {
    match &entry.verdict {
        Verdict::Refused(refusal) if refusal.code == code => Ok(()),
        _ => Err(says(&format!("refused ({code:?})"))),
    }
}

fn merged(before: &Value, changes: &Value) -> Value {
    let mut after: Map<String, Value> = before.as_object().cloned().unwrap_or_default();
    for (name, value) in changes.as_object().into_iter().flatten() {
        after.insert(name.clone(), value.clone());
    }
    Value::Object(after)
}

fn holds(body: Option<&Value>, words: &[&str]) -> bool {
    let text = body.and_then(|body| body["text"].as_str()).unwrap_or("");
    words.iter().any(|word| text.contains(word))
}
