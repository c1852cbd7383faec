//! What is kept of users, sessions and keys, as the record has it now. It only reads, and it must
//! never hand a password's hash to anything that answers a request.

mod open_sessions;

pub(crate) use event_schema::security::kept::{Account, StoredApiKey};
pub(crate) use open_sessions::OpenSession;

use super::{Caller, Credential, api_key, session::UserSession, system};
use event_schema::{
    Raw,
    decision::UniqueValue,
    id::EntityKey,
    mutation::{DocumentKey, RowKey},
    security::kept::{UserProfiles, WHOLE_SESSION},
};
use parking_lot::RwLock;
use sealing::{KeyId, SubjectKeys, ValuePlace};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, sync::Arc};
use store::{Collection, Record, StoreError, unique};

/// Reads them.
pub(crate) struct Accounts {
    record: Arc<dyn Record>,
    sealing: SubjectKeys,
    /// Where documents are, by the collection's name. Nothing drops a system collection.
    collections: RwLock<HashMap<String, Arc<Collection>>>,
}

/// A document of a system collection.
#[derive(Clone, Debug)]
pub(crate) struct SystemDocument {
    pub body: Raw,
    pub revision: u64,
}

/// Is the caller somebody else, or one whose session or key this account still honours?
pub(crate) fn honours_caller(account: &Account, caller: &Caller, kuid: &str) -> bool {
    match &caller.credential {
        _ if &*caller.name != kuid => true,
        Credential::Nothing => true,
        // What is carried out later changes no account.
        Credential::Kept => false,
        Credential::Session(session) => honours(account, session),
        Credential::ApiKey { birth, .. } | Credential::Certificate { birth, .. } => {
            account.birth == *birth
        }
        // Whoever has that name elsewhere has no account here.
        Credential::Issued { .. } => false,
    }
}

/// Is it a session of this user that goes on?
pub(crate) fn honours(account: &Account, session: &UserSession) -> bool {
    account.honours_session(&session.sessions, &session.sid)
}

/// A user as he stands: what is shown of him, and by what he is authenticated.
pub(crate) struct KnownUser {
    pub profiles: Vec<String>,
    pub account: Account,
}

fn damaged_error(why: impl ToString) -> StoreError {
    StoreError::Damaged {
        store: "record",
        why: why.to_string(),
    }
}

fn table_row(table: &str, key: Value) -> RowKey {
    let key = key.as_object().cloned().unwrap_or_default();
    RowKey {
        table: table.to_owned(),
        key,
    }
}

impl Accounts {
    pub(crate) fn new(record: Arc<dyn Record>, sealing: SubjectKeys) -> Self {
        let collections = RwLock::default();
        Self {
            record,
            sealing,
            collections,
        }
    }

    /// The collection, if it was made.
    async fn collection(&self, name: &str) -> Result<Option<Arc<Collection>>, StoreError> {
        if let Some(known) = self.collections.read().get(name) {
            return Ok(Some(known.clone()));
        }
        let found = self
            .record
            .collection(system::INDEX, name)
            .await?
            .map(Arc::new);
        if let Some(found) = &found {
            self.collections
                .write()
                .insert(name.to_owned(), found.clone());
        }
        Ok(found)
    }

    /// A document of a system collection; none either where the collection was never made.
    pub(crate) async fn document(
        &self,
        collection: &str,
        id: &str,
    ) -> Result<Option<SystemDocument>, StoreError> {
        Ok(self.documents(collection, &[id]).await?.pop().flatten())
    }

    /// Likewise of many, in order.
    pub(crate) async fn documents(
        &self,
        collection: &str,
        ids: &[&str],
    ) -> Result<Vec<Option<SystemDocument>>, StoreError> {
        let Some(known) = self.collection(collection).await? else {
            return Ok(ids.iter().map(|_| None).collect());
        };
        let key = |id: &&str| DocumentKey {
            index: known.index.clone(),
            collection: known.collection.clone(),
            incarnation: known.incarnation.clone(),
            id: (*id).to_owned(),
        };
        let keys: Vec<DocumentKey> = ids.iter().map(key).collect();
        let found = self.record.documents(&keys).await?;
        let shown = |stored: Option<store::StoredDocument>| {
            let stored = stored?;
            let revision = stored.meta.revision;
            stored.body.map(|body| SystemDocument { body, revision })
        };
        Ok(found.into_iter().map(shown).collect())
    }

    pub(crate) async fn account(&self, kuid: &str) -> Result<Option<Account>, StoreError> {
        let key = table_row(system::ACCOUNTS, json!({"kuid": kuid}));
        let found = self.record.rows(&[key]).await?.pop().flatten();
        let read = |row: store::document::StoredRow| {
            serde_json::from_value(Value::Object(row.cells)).map_err(damaged_error)
        };
        found.map(read).transpose()
    }

    /// The hash of an account's password, opened: only to compare a password with it. None, too,
    /// where the key that sealed it was erased.
    pub(crate) async fn password_hash(
        &self,
        account: &Account,
    ) -> Result<Option<String>, StoreError> {
        let Some(sealed) = &account.sealed_hash else {
            return Ok(None);
        };
        let Some(id) = KeyId::of_sealed(sealed) else {
            return Ok(None);
        };
        let key = self.sealing.find(id).await?;
        let place = ValuePlace::of_column(system::ACCOUNTS, "hash");
        Ok(key.and_then(|key| key.open(place, sealed)))
    }

    pub(crate) async fn user(&self, kuid: &str) -> Result<Option<KnownUser>, StoreError> {
        let (document, account) =
            futures::try_join!(self.document(system::USERS, kuid), self.account(kuid))?;
        let Some((document, account)) = document.zip(account) else {
            return Ok(None);
        };
        let ids: UserProfiles = serde_json::from_str(document.body.get()).map_err(damaged_error)?;
        Ok(Some(KnownUser {
            profiles: ids.profile_ids,
            account,
        }))
    }

    /// The user who logs in by this name.
    pub(crate) async fn by_username(
        &self,
        name: &str,
    ) -> Result<Option<(String, Account)>, StoreError> {
        let Some(kuid) = self.owner(system::USERNAME, name).await? else {
            return Ok(None);
        };
        // The value may have been taken by a request that came to nothing.
        let account = self.account(&kuid).await?;
        let account = account.filter(|account| account.username.as_deref() == Some(name));
        Ok(account.map(|account| (kuid, account)))
    }

    /// The key of this text.
    pub(crate) async fn api_key(
        &self,
        text: &str,
    ) -> Result<Option<(String, StoredApiKey)>, StoreError> {
        let fingerprint = api_key::key_fingerprint(text);
        let Some(id) = self.owner(system::KEY_FINGERPRINT, &fingerprint).await? else {
            return Ok(None);
        };
        let Some(document) = self.document(system::API_KEYS, &id).await? else {
            return Ok(None);
        };
        let key: StoredApiKey = serde_json::from_str(document.body.get()).map_err(damaged_error)?;
        Ok((key.fingerprint == fingerprint).then_some((id, key)))
    }

    pub(crate) async fn api_key_of_id(&self, id: &str) -> Result<Option<StoredApiKey>, StoreError> {
        let document = self.document(system::API_KEYS, id).await?;
        let read = |document: SystemDocument| {
            serde_json::from_str(document.body.get()).map_err(damaged_error)
        };
        document.map(read).transpose()
    }

    /// Has the session ended, and when was this token of it refreshed (Unix milliseconds)?
    pub(crate) async fn ended(
        &self,
        sid: &str,
        jti: &str,
    ) -> Result<(bool, Option<i64>), StoreError> {
        let keys = [WHOLE_SESSION, jti]
            .map(|jti| table_row(system::SESSIONS, json!({"sid": sid, "jti": jti})));
        let mut found = self.record.rows(&keys).await?.into_iter();
        let (ended, refreshed) = (found.next().flatten(), found.next().flatten());
        let at = |row: store::document::StoredRow| {
            row.cells
                .get("at")
                .and_then(Value::as_i64)
                .unwrap_or_default()
        };
        Ok((ended.is_some(), refreshed.map(at)))
    }

    /// Is there a first administrator?
    pub(crate) async fn admin_exists(&self) -> Result<bool, StoreError> {
        let Some(kuid) = self.owner(system::FIRST_ADMIN, "first").await? else {
            return Ok(false);
        };
        Ok(self.account(&kuid).await?.is_some())
    }

    /// The id of the key that holds a unique value.
    async fn owner(&self, space: &str, value: &str) -> Result<Option<String>, StoreError> {
        let value = UniqueValue {
            space: space.to_owned(),
            value: value.to_owned(),
        };
        let owner = unique::find_owners(self.record.as_ref(), &[value])
            .await?
            .pop()
            .flatten();
        let id = |EntityKey(key)| key.split_once('/').map(|(_, id)| id.to_owned());
        Ok(owner.and_then(id))
    }
}

/// A document's members.
pub(crate) fn document_members(
    document: &SystemDocument,
) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(document.body.get()).map_err(damaged_error)
}
