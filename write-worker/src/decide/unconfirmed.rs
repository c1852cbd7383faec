//! A second look at callers. An event that a gateway took although nothing could say whether its caller
//! may do it is planned only once the record store says so; else it is refused. It must never plan
//! such an event without a look, nor go by a look from before the event was read. See ADR 39.

use super::{Decider, decision::refusing_plan, inputs::Event};
use crate::{record_retry::RecordPart, tenure_end::TenureEnd};
use catalog::Plan;
use event_schema::{
    Raw,
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

type FoundRow = Option<Map<String, Value>>;

/// Bodies by collection and id.
type SystemDocuments<'w> = HashMap<(&'static str, &'w str), Raw>;

/// What was found in one batch, whose events were all read before: each caller is looked at once.
#[derive(Default)]
pub(super) struct LookedAtCallers {
    batch: u64,
    rights: Option<Option<Arc<RightsSet>>>,
    callers: HashMap<String, CallerStanding>,
}

/// What a credential stands for.
enum CallerStanding {
    Honoured {
        profiles: Vec<String>,
        /// When its token was refreshed, Unix milliseconds, as far as that is still known.
        refreshed: Option<i64>,
    },
    Gone(&'static str),
}

/// A caller as an event names it.
#[derive(Clone, Copy)]
struct NamedCaller<'e> {
    taken: &'e Unconfirmed,
    kuid: &'e str,
}

impl<'e> NamedCaller<'e> {
    /// None: the event is like any other.
    fn of(event: &'e Event) -> Option<Self> {
        let data = &event.transaction.data;
        let kuid = &data.principal;
        let taken = data.unconfirmed.as_ref();
        taken.map(|taken| Self { taken, kuid })
    }

    fn name(&self) -> String {
        json!([self.kuid, self.taken.credential, self.taken.profiles]).to_string()
    }

    /// Its account, and of a session whether it has ended and when its token was refreshed.
    fn rows(&self) -> Vec<RowKey> {
        let mut rows = vec![table_row(ACCOUNTS, json!({"kuid": self.kuid}))];
        if let UnconfirmedCredential::Session { sid, jti, .. } = &self.taken.credential {
            rows.extend([
                table_row(SESSIONS, json!({"sid": sid, "jti": WHOLE_SESSION})),
                table_row(SESSIONS, json!({"sid": sid, "jti": jti})),
            ]);
        }
        rows
    }

    /// Its user, where that says which profiles it has, and its key.
    fn documents(&self) -> Vec<(&'static str, &'e str)> {
        let user = self.taken.profiles.is_none().then_some((USERS, self.kuid));
        let key = match &self.taken.credential {
            UnconfirmedCredential::ApiKey { id, .. } => Some((API_KEYS, id.as_str())),
            UnconfirmedCredential::Session { .. } | UnconfirmedCredential::Certificate { .. } => {
                None
            }
        };
        user.into_iter().chain(key).collect()
    }

    /// What its credential stands for, by what was read: its rows in their order.
    fn standing(&self, rows: Vec<FoundRow>, documents: &SystemDocuments<'_>) -> CallerStanding {
        let mut rows = rows.into_iter();
        let Some(account) = rows.next().flatten() else {
            return CallerStanding::Gone("there is no such user");
        };
        let account: Result<Account, _> = serde_json::from_value(Value::Object(account));
        let Some(account) = readable(account, ACCOUNTS, self.kuid) else {
            return CallerStanding::Gone("the caller's account cannot be read");
        };
        let Some(profiles) = self.profiles(documents) else {
            return CallerStanding::Gone("there is no such user");
        };
        let (ended, refreshed) = (rows.next().flatten(), rows.next().flatten());
        let gone = match &self.taken.credential {
            UnconfirmedCredential::Session { sid, sessions, .. } => {
                let goes_on = ended.is_none() && account.honours_session(sessions, sid);
                (!goes_on).then_some("the caller's session has ended")
            }
            UnconfirmedCredential::ApiKey {
                id,
                fingerprint,
                birth,
            } => {
                let stands = self.key_stands(id, fingerprint, documents);
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
        match gone {
            Some(why) => CallerStanding::Gone(why),
            None => CallerStanding::Honoured {
                profiles,
                refreshed,
            },
        }
    }

    /// None: there is no such user.
    fn profiles(&self, documents: &SystemDocuments<'_>) -> Option<Vec<String>> {
        if self.taken.profiles.is_some() {
            return self.taken.profiles.clone();
        }
        let body = documents.get(&(USERS, self.kuid))?;
        let user: Result<UserProfiles, _> = serde_json::from_str(body.get());
        readable(user, USERS, self.kuid).map(|user| user.profile_ids)
    }

    /// Another key may have been made under the id of one that was deleted.
    fn key_stands(&self, id: &str, fingerprint: &str, documents: &SystemDocuments<'_>) -> bool {
        let Some(body) = documents.get(&(API_KEYS, id)) else {
            return false;
        };
        let key: Result<StoredApiKey, _> = serde_json::from_str(body.get());
        let is_same =
            |key: StoredApiKey| key.user_id == self.kuid && key.fingerprint == fingerprint;
        readable(key, API_KEYS, id).is_some_and(is_same)
    }
}

impl Decider {
    /// The refusal of an event that was taken on trust, and whose caller may not do it.
    pub(super) async fn refuse_unconfirmed(
        &mut self,
        event: &Event,
    ) -> Result<Option<Plan>, TenureEnd> {
        let Some(caller) = NamedCaller::of(event) else {
            return Ok(None);
        };
        let name = caller.name();
        let looked_at = &self.looked_at;
        if looked_at.batch != self.batch || !looked_at.callers.contains_key(&name) {
            // It was not looked at with the batch.
            let asked = HashMap::from([(name.clone(), caller)]);
            self.look_at_named(asked).await?;
        }
        let objection = self.objection(event, (&name, caller)).await?;
        self.worker.metrics.looked_at_caller(objection.is_none());
        Ok(objection.map(|why| {
            let message =
                format!("it was taken while its caller could not be looked at, and {why}");
            refusing_plan(RefusalCode::Revoked, message)
        }))
    }

    /// Looks at all callers together whom these events name and nothing is known of in this batch.
    pub(super) async fn look_at_callers<'e>(
        &mut self,
        events: impl Iterator<Item = &'e Event>,
    ) -> Result<(), TenureEnd> {
        let named = events.filter_map(NamedCaller::of);
        self.look_at_named(named.map(|caller| (caller.name(), caller)).collect())
            .await
    }

    async fn look_at_named(
        &mut self,
        mut asked: HashMap<String, NamedCaller<'_>>,
    ) -> Result<(), TenureEnd> {
        if self.looked_at.batch != self.batch {
            self.looked_at = LookedAtCallers {
                batch: self.batch,
                ..LookedAtCallers::default()
            };
        }
        asked.retain(|name, _| !self.looked_at.callers.contains_key(name));
        if asked.is_empty() {
            return Ok(());
        }
        let (names, callers): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
        let keys: Vec<Vec<RowKey>> = callers.iter().map(NamedCaller::rows).collect();
        let mut rows = self.system_rows(&keys.concat()).await?.into_iter();
        let wanted: Vec<_> = callers.iter().flat_map(NamedCaller::documents).collect();
        let documents = self.system_documents(&wanted).await?;
        for ((name, caller), keys) in names.into_iter().zip(callers).zip(keys) {
            let rows = rows.by_ref().take(keys.len()).collect();
            let standing = caller.standing(rows, &documents);
            self.looked_at.callers.insert(name, standing);
        }
        Ok(())
    }

    /// Why the caller, who was looked at, may not do it.
    async fn objection(
        &mut self,
        event: &Event,
        (name, caller): (&str, NamedCaller<'_>),
    ) -> Result<Option<&'static str>, TenureEnd> {
        let time = event.transaction.attributes.time;
        let (profiles, refreshed) = match self.looked_at.callers.get(name) {
            Some(CallerStanding::Honoured {
                profiles,
                refreshed,
            }) => (profiles.clone(), *refreshed),
            Some(CallerStanding::Gone(why)) => return Ok(Some(why)),
            None => return Ok(Some("nothing is known of its caller")),
        };
        if refreshed.is_some_and(|at| time.saturating_sub(at) > REFRESH_GRACE_MS) {
            return Ok(Some("the token that was shown had been refreshed before"));
        }
        let Some(rights) = self.current_rights().await? else {
            return Ok(Some("the roles and profiles are gone"));
        };
        let collections = &event.transaction.data.incarnations;
        let may = is_allowed(&rights, &profiles, caller.taken, collections);
        Ok((!may).then_some("the caller has no right to it"))
    }

    async fn current_rights(&mut self) -> Result<Option<Arc<RightsSet>>, TenureEnd> {
        if let Some(known) = &self.looked_at.rights {
            return Ok(known.clone());
        }
        let mut read = self.system_documents(&[(RIGHTS, "all")]).await?;
        let set = read.remove(&(RIGHTS, "all"));
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

    /// Those that are there, as they stand in the store now. Other partitions own these: nothing of
    /// them is kept.
    async fn system_documents<'w>(
        &self,
        wanted: &[(&'static str, &'w str)],
    ) -> Result<SystemDocuments<'w>, TenureEnd> {
        let (worker, record) = (&self.worker, &self.worker.ports.record);
        let (mut names, mut keys) = (Vec::new(), Vec::new());
        for collection in [USERS, API_KEYS, RIGHTS] {
            let of_it = wanted.iter().filter(|(other, _)| *other == collection);
            let of_it: Vec<_> = of_it.copied().collect();
            if of_it.is_empty() {
                continue;
            }
            let find = || record.collection(INDEX, collection);
            let found = worker
                .retry_until_answered(RecordPart::Contents, find)
                .await?;
            let Some(found) = found else {
                continue;
            };
            keys.extend(of_it.iter().map(|(_, id)| DocumentKey {
                index: found.index.clone(),
                collection: found.collection.clone(),
                incarnation: found.incarnation.clone(),
                id: (*id).to_owned(),
            }));
            names.extend(of_it);
        }
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let documents = worker
            .retry_until_answered(RecordPart::Contents, || record.documents(&keys))
            .await?;
        let bodies = documents.into_iter().map(|stored| stored?.body);
        let found = names.into_iter().zip(bodies);
        Ok(found
            .filter_map(|(name, body)| Some((name, body?)))
            .collect())
    }

    async fn system_rows(&self, keys: &[RowKey]) -> Result<Vec<FoundRow>, TenureEnd> {
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
