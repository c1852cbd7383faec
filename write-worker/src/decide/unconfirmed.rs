//! A second look at callers. An event that a gateway took although nothing could say whether its caller
//! may do it is planned only once the record store says so; else it is refused. It must never plan
//! such an event without a look, nor go by a look from before the event was read. See ADR 39.

use super::{Decider, decision::refusing_plan, inputs::Event};
use crate::{record_retry::RecordPart, tenure_end::TenureEnd};
use catalog::Plan;
use event_schema::{
    Raw,
    envelope::TransactionData,
    mutation::{DocumentKey, RowKey},
    outcome::RefusalCode,
    security::{
        ACCOUNTS, API_KEYS, INDEX, RIGHTS, SESSIONS, USERS,
        kept::{Account, REFRESH_GRACE_MS, StoredApiKey, UserProfiles, WHOLE_SESSION},
    },
    unconfirmed::{Unconfirmed, UnconfirmedCredential},
};
use rights::{ActionPlace, RightsSet};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, sync::Arc};

/// What was found in one batch, whose events were all read before: each caller is looked at once.
#[derive(Default)]
pub(super) struct LookedAtCallers {
    batch: u64,
    rights: Option<Option<Arc<RightsSet>>>,
    callers: HashMap<String, CallerStanding>,
}

/// What a credential stands for.
#[derive(Clone)]
enum CallerStanding {
    Honoured {
        profiles: Vec<String>,
        /// When its token was refreshed, Unix milliseconds, as far as that is still known.
        refreshed: Option<i64>,
    },
    Gone(&'static str),
}

impl Decider {
    /// The refusal of an event that was taken on trust, and whose caller may not do it.
    pub(super) async fn refuse_unconfirmed(
        &mut self,
        event: &Event,
    ) -> Result<Option<Plan>, TenureEnd> {
        let transaction = &event.transaction;
        let Some(taken) = &transaction.data.unconfirmed else {
            return Ok(None);
        };
        let time = transaction.attributes.time;
        let objection = self.objection(taken, &transaction.data, time).await?;
        self.worker.metrics.looked_at_caller(objection.is_none());
        Ok(objection.map(|why| {
            let message =
                format!("it was taken while its caller could not be looked at, and {why}");
            refusing_plan(RefusalCode::Revoked, message)
        }))
    }

    /// Why the caller may not do it.
    async fn objection(
        &mut self,
        taken: &Unconfirmed,
        data: &TransactionData,
        time: i64,
    ) -> Result<Option<&'static str>, TenureEnd> {
        if self.looked_at.batch != self.batch {
            self.looked_at = LookedAtCallers {
                batch: self.batch,
                ..LookedAtCallers::default()
            };
        }
        let (profiles, refreshed) = match self.standing(taken, &data.principal).await? {
            CallerStanding::Honoured {
                profiles,
                refreshed,
            } => (profiles, refreshed),
            CallerStanding::Gone(why) => return Ok(Some(why)),
        };
        if refreshed.is_some_and(|at| time.saturating_sub(at) > REFRESH_GRACE_MS) {
            return Ok(Some("the token that was shown had been refreshed before"));
        }
        let Some(rights) = self.current_rights().await? else {
            return Ok(Some("the roles and profiles are gone"));
        };
        let may = is_allowed(&rights, &profiles, taken, &data.incarnations);
        Ok((!may).then_some("the caller has no right to it"))
    }

    async fn standing(
        &mut self,
        taken: &Unconfirmed,
        principal: &str,
    ) -> Result<CallerStanding, TenureEnd> {
        let name = json!([principal, taken.credential, taken.profiles]).to_string();
        if let Some(known) = self.looked_at.callers.get(&name) {
            return Ok(known.clone());
        }
        let standing = self.look_at(taken, principal).await?;
        self.looked_at.callers.insert(name, standing.clone());
        Ok(standing)
    }

    async fn look_at(&self, taken: &Unconfirmed, kuid: &str) -> Result<CallerStanding, TenureEnd> {
        let session = match &taken.credential {
            UnconfirmedCredential::Session { sid, jti, .. } => vec![
                table_row(SESSIONS, json!({"sid": sid, "jti": WHOLE_SESSION})),
                table_row(SESSIONS, json!({"sid": sid, "jti": jti})),
            ],
            UnconfirmedCredential::ApiKey { .. } | UnconfirmedCredential::Certificate { .. } => {
                Vec::new()
            }
        };
        let account = table_row(ACCOUNTS, json!({"kuid": kuid}));
        let keys: Vec<RowKey> = std::iter::once(account).chain(session).collect();
        let mut rows = self.system_rows(&keys).await?.into_iter();
        let Some(account) = rows.next().flatten() else {
            return Ok(CallerStanding::Gone("there is no such user"));
        };
        let account: Result<Account, _> = serde_json::from_value(Value::Object(account));
        let Some(account) = readable(account, ACCOUNTS, kuid) else {
            return Ok(CallerStanding::Gone("the caller's account cannot be read"));
        };
        let Some(profiles) = self.profiles_of(taken, kuid).await? else {
            return Ok(CallerStanding::Gone("there is no such user"));
        };
        let (ended, refreshed) = (rows.next().flatten(), rows.next().flatten());
        let gone = match &taken.credential {
            UnconfirmedCredential::Session { sid, sessions, .. } => {
                let goes_on = ended.is_none() && account.honours_session(sessions, sid);
                (!goes_on).then_some("the caller's session has ended")
            }
            UnconfirmedCredential::ApiKey {
                id,
                fingerprint,
                birth,
            } => {
                let stands = self.api_key_stands(id, fingerprint, kuid).await?;
                let is_honoured = stands && account.birth == *birth;
                (!is_honoured).then_some("the caller's API key is gone")
            }
            UnconfirmedCredential::Certificate { birth, from } => {
                let is_honoured = account.birth == *birth && account.honours_certificate(*from);
                (!is_honoured).then_some("the caller's certificate is no longer honoured")
            }
        };
        let at = |row: Map<String, Value>| row.get("at").and_then(Value::as_i64).unwrap_or(0);
        let refreshed = refreshed.map(at);
        Ok(match gone {
            Some(why) => CallerStanding::Gone(why),
            None => CallerStanding::Honoured {
                profiles,
                refreshed,
            },
        })
    }

    /// None: there is no such user.
    async fn profiles_of(
        &self,
        taken: &Unconfirmed,
        kuid: &str,
    ) -> Result<Option<Vec<String>>, TenureEnd> {
        if taken.profiles.is_some() {
            return Ok(taken.profiles.clone());
        }
        let user = self.system_document(USERS, kuid).await?;
        let read = |body: Raw| serde_json::from_str::<UserProfiles>(body.get());
        let user = user.and_then(|body| readable(read(body), USERS, kuid));
        Ok(user.map(|user| user.profile_ids))
    }

    async fn api_key_stands(
        &self,
        id: &str,
        fingerprint: &str,
        kuid: &str,
    ) -> Result<bool, TenureEnd> {
        let key = self.system_document(API_KEYS, id).await?;
        let read = |body: Raw| serde_json::from_str::<StoredApiKey>(body.get());
        let key = key.and_then(|body| readable(read(body), API_KEYS, id));
        // Another key may have been made under the id of one that was deleted.
        let is_same = |key: StoredApiKey| key.user_id == kuid && key.fingerprint == fingerprint;
        Ok(key.is_some_and(is_same))
    }

    async fn current_rights(&mut self) -> Result<Option<Arc<RightsSet>>, TenureEnd> {
        if let Some(known) = &self.looked_at.rights {
            return Ok(known.clone());
        }
        let set = self.system_document(RIGHTS, "all").await?;
        // Everybody's: a newer version may have written it, so its events wait for that.
        let set = set.map(|body| serde_json::from_str::<RightsSet>(body.get()));
        let set = set.transpose().map_err(|error| {
            TenureEnd::Reclaim(format!(
                "an event waits whose caller cannot be looked at: the roles and profiles cannot be read: {error}"
            ))
        })?;
        let set = set.map(|set| Arc::new(set.completed()));
        self.looked_at.rights = Some(set.clone());
        Ok(set)
    }

    /// As it stands in the store now. Other partitions own these: nothing of them is kept.
    async fn system_document(&self, collection: &str, id: &str) -> Result<Option<Raw>, TenureEnd> {
        let (worker, record) = (&self.worker, &self.worker.ports.record);
        let find = || record.collection(INDEX, collection);
        let found = worker
            .retry_until_answered(RecordPart::Contents, find)
            .await?;
        let Some(found) = found else {
            return Ok(None);
        };
        let keys = [DocumentKey {
            index: found.index,
            collection: found.collection,
            incarnation: found.incarnation,
            id: id.to_owned(),
        }];
        let mut documents = worker
            .retry_until_answered(RecordPart::Contents, || record.documents(&keys))
            .await?;
        Ok(documents.pop().flatten().and_then(|stored| stored.body))
    }

    async fn system_rows(
        &self,
        keys: &[RowKey],
    ) -> Result<Vec<Option<Map<String, Value>>>, TenureEnd> {
        let (worker, record) = (&self.worker, &self.worker.ports.record);
        let rows = worker
            .retry_until_answered(RecordPart::Contents, || record.rows(keys))
            .await?;
        Ok(rows.into_iter().map(|row| Some(row?.cells)).collect())
    }
}

/// May whoever has these profiles do it in each of these collections? What touches none is everywhere.
fn is_allowed(
    rights: &RightsSet,
    profiles: &[String],
    taken: &Unconfirmed,
    collections: &Map<String, Value>,
) -> bool {
    let compiled = rights.compile(profiles.iter().map(String::as_str));
    let (controller, action) = (&taken.right.controller, &taken.right.action);
    let may = |place| compiled.allows(controller, action, place);
    if collections.is_empty() {
        return may(ActionPlace::Everywhere);
    }
    collections.keys().all(|name| {
        let place = name.split_once('/');
        place.is_some_and(|(index, collection)| may(ActionPlace::Collection(index, collection)))
    })
}

fn table_row(table: &str, key: Value) -> RowKey {
    RowKey {
        table: table.to_owned(),
        key: key.as_object().cloned().unwrap_or_default(),
    }
}

/// What is kept of one caller. What cannot be read lets that caller do nothing, and keeps nobody
/// else's events waiting.
fn readable<T>(read: serde_json::Result<T>, collection: &str, id: &str) -> Option<T> {
    read
        .inspect_err(|error| {
            tracing::error!(collection, id, %error, "damaged: what the record store has of a caller cannot be read");
        })
        .ok()
}
