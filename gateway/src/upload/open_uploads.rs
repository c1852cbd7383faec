//! Uploads that are not finished, as every gateway of the deployment sees them: one short list in the
//! record store, changed by compare-and-set. A lease saves work; what two gateways do at once is
//! done once all the same, since the ids of lines derive from the upload.

use crate::error::{Code, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;
use store::{Record, StoreError, Swapped};

/// No name of a unique value is spelt like this: those have a `/`.
const NAME: &str = "open-uploads";
/// Uploads that may be open at once.
const MOST: usize = 200;
/// Milliseconds for which a gateway has an upload without a word.
pub(crate) const LEASE_MS: i64 = 15_000;

/// An upload that is not finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OpenUpload {
    pub process: String,
    pub operation: String,
    /// Who asked for it, and did he show no credential?
    pub principal: String,
    pub is_anonymous: bool,
    /// Of his account: another may have his name later.
    pub birth: Option<String>,
    /// From which the ids of its lines derive.
    pub unique: [u8; 16],
    /// What was sent beside the file.
    pub fields: Map<String, Value>,
    pub chunks: u64,
    /// Lines whose results are on their way or written.
    pub done: u64,
    pub failed: u64,
    /// Blocks of results.
    pub blocks: u64,
    /// How often a gateway took it: what an earlier one had begun may be in the log. It is a fencing
    /// token, too: results under an older claim are refused.
    pub claims: u64,
    /// Who works on it, and until when, Unix milliseconds.
    pub holder: String,
    pub until: i64,
    /// Spools of gateways that had it: what those sent may be in them.
    #[serde(default)]
    pub spools: Vec<String>,
    /// Since when no gateway that took it has had definitions for it, Unix milliseconds.
    #[serde(default)]
    pub orphaned: Option<i64>,
}

/// A gateway that takes uploads.
#[derive(Clone, Copy)]
pub(crate) struct UploadHolder<'a> {
    pub instance: &'a str,
    /// The id of its spool, if it has one.
    pub spool: Option<&'a str>,
}

/// An upload that a gateway has in hand now.
pub(crate) struct TakenUpload {
    pub upload: OpenUpload,
    /// Did a gateway have it before? Its lines may be on their way.
    pub was_held: bool,
}

/// The list.
#[derive(Clone)]
pub(crate) struct OpenUploads(pub Arc<dyn Record>);

impl OpenUploads {
    pub(crate) async fn all(&self) -> Result<Vec<OpenUpload>, StoreError> {
        Ok(self.read().await?.1)
    }

    /// Puts an upload into the list, unless it is there.
    pub(crate) async fn add(&self, upload: OpenUpload) -> Result<(), Problem> {
        let mut is_full = false;
        self.change(|list| {
            is_full = list.len() >= MOST;
            if !is_full && !list.iter().any(|known| known.process == upload.process) {
                list.push(upload.clone());
            }
        })
        .await?;
        if is_full {
            let why = format!("{MOST} uploads are in progress, which is the limit");
            Err(Problem::new(Code::Overloaded, why).retry_after(30))
        } else {
            Ok(())
        }
    }

    /// Takes an upload that nobody works on, if there is one.
    pub(crate) async fn take(
        &self,
        holder: UploadHolder<'_>,
        now: i64,
    ) -> Result<Option<TakenUpload>, StoreError> {
        let mut taken = None;
        self.change(|list| {
            let free = list.iter_mut().find(|upload| upload.until <= now);
            taken = free.map(|upload| {
                let was_held = !upload.holder.is_empty();
                holder.instance.clone_into(&mut upload.holder);
                upload.claims += 1;
                upload.until = now + LEASE_MS;
                let spool = holder.spool.map(str::to_owned);
                let is_known = |spool: &String| upload.spools.contains(spool);
                let new = spool.filter(|spool| !is_known(spool));
                upload.spools.extend(new);
                TakenUpload {
                    upload: upload.clone(),
                    was_held,
                }
            });
        })
        .await?;
        Ok(taken)
    }

    /// The deployment has one gateway, and it has just begun: no other has an upload.
    pub(crate) async fn release_all(&self) -> Result<(), StoreError> {
        self.change(|list| list.iter_mut().for_each(|upload| upload.until = 0))
            .await
    }

    /// Says how far an upload is, and goes on having it until then. False: another has it.
    pub(crate) async fn renew(&self, ours: &OpenUpload, until: i64) -> Result<bool, StoreError> {
        let mut is_ours = false;
        self.change(|list| {
            let known = list.iter_mut().find(|known| known.process == ours.process);
            is_ours = known
                .as_ref()
                .is_some_and(|known| known.claims == ours.claims);
            if let Some(known) = known.filter(|_| is_ours) {
                *known = OpenUpload {
                    until,
                    ..ours.clone()
                };
            }
        })
        .await?;
        Ok(is_ours)
    }

    /// It is finished.
    pub(crate) async fn remove(&self, process: &str) -> Result<(), StoreError> {
        self.change(|list| list.retain(|known| known.process != process))
            .await
    }

    async fn change(&self, mut edit: impl FnMut(&mut Vec<OpenUpload>)) -> Result<(), StoreError> {
        loop {
            let (was, mut list) = self.read().await?;
            let before = list.clone();
            edit(&mut list);
            if list == before {
                return Ok(());
            }
            let text = serde_json::to_string(&list).expect("a list of uploads is JSON");
            let swapped = self.0.swap_value(NAME, was.as_deref(), &text).await?;
            if swapped == Swapped::Done {
                return Ok(());
            }
        }
    }

    async fn read(&self) -> Result<(Option<String>, Vec<OpenUpload>), StoreError> {
        let found = self.0.held_values(&[NAME.to_owned()]).await?;
        let text = found.into_iter().next().flatten();
        let list = text.as_deref().map(serde_json::from_str).transpose();
        let list = list.map_err(|error| StoreError::Damaged {
            store: self.0.name(),
            why: format!("the list of open uploads: {error}"),
        })?;
        Ok((text, list.unwrap_or_default()))
    }
}
