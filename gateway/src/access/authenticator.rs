//! From a credential to a caller. What was found is believed for a moment, so that the requests of
//! a busy client ask no store; a change made by this gateway ends that at once.

use super::{
    ApiKeyText, Caller, Credential, Principal, TENANT,
    accounts::{Accounts, KnownUser},
    api_key,
    password::PasswordPool,
    rights_state::{KnownRights, RightsState},
    session::{self, UserSession},
};
use crate::error::{Code, Problem};
use event_schema::signing::Keyring;
use moka::sync::Cache;
use runtime::Clock;
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};
use store::StoreError;

/// Callers that are remembered.
const KEPT: u64 = 10_000;
/// How long a token is still taken after it was refreshed, milliseconds.
const REFRESH_GRACE_MS: i64 = 1_000;

/// Why a credential makes no caller.
#[derive(Clone, Debug)]
pub(crate) enum AccessError {
    /// It is none of ours, has ended, or was taken away.
    Invalid,
    /// A token that was refreshed long ago is shown again: it is in two hands.
    Reused(UserSession),
    /// What it stands for cannot be read now.
    Stale(String),
}

impl AccessError {
    pub(crate) fn stale(error: StoreError) -> Self {
        Self::Stale(error.to_string())
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Invalid | AccessError::Reused(_) => Self::new(
                Code::Unauthenticated,
                "the credential is not one of this deployment, or has ended",
            ),
            AccessError::Stale(why) => Self::new(
                Code::SecurityStale,
                format!("who the caller is cannot be read: {why}"),
            )
            .retry_after(1),
        }
    }
}

/// Everything about callers.
pub(crate) struct CallerAccess {
    pub keys: Keyring,
    pub state: RightsState,
    pub passwords: PasswordPool,
    kept: Cache<[u8; 32], KeptCaller>,
}

#[derive(Clone)]
struct KeptCaller {
    caller: Caller,
    /// The rights that it was compiled of.
    revision: Option<u64>,
    read: Duration,
    changes: u64,
}

impl CallerAccess {
    pub(crate) fn new(accounts: Accounts, keys: Keyring, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys,
            state: RightsState::new(accounts, clock),
            passwords: PasswordPool::default(),
            kept: Cache::new(KEPT),
        }
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.state.accounts
    }

    fn clock(&self) -> &dyn Clock {
        self.state.clock.as_ref()
    }

    /// The caller who shows this credential, or none.
    pub(crate) async fn identify(&self, credential: Option<&str>) -> Result<Caller, AccessError> {
        let known = self.state.current().await?;
        match credential {
            None => Ok(known.anonymous.clone()),
            Some(text) => self.authenticate(text, &known).await,
        }
    }

    async fn authenticate(&self, text: &str, known: &KnownRights) -> Result<Caller, AccessError> {
        let name: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        if let Some(kept) = self.kept.get(&name)
            && kept.revision == known.revision
            && self.state.is_fresh(kept.read, kept.changes)
            && !has_ended(&kept.caller, self.clock().now())
        {
            return Ok(kept.caller);
        }
        let (read, changes) = (self.clock().elapsed(), self.state.changes());
        let caller = self.look_up(text, known).await?;
        let kept = KeptCaller {
            caller: caller.clone(),
            revision: known.revision,
            read,
            changes,
        };
        self.kept.insert(name, kept);
        Ok(caller)
    }

    async fn look_up(&self, text: &str, known: &KnownRights) -> Result<Caller, AccessError> {
        let (kuid, user, credential) = if text.starts_with(session::PREFIX) {
            let session = UserSession::read(text, &self.keys).ok_or(AccessError::Invalid)?;
            let user = self.of_session(&session).await?;
            (session.kuid.clone(), user, Credential::Session(session))
        } else if text.starts_with(api_key::PREFIX) {
            self.of_api_key(text).await?
        } else {
            return Err(AccessError::Invalid);
        };
        Ok(Caller::new(Principal {
            tenant: TENANT.into(),
            name: kuid.into(),
            credential,
            rights: known.set.compile(user.profiles.iter().map(String::as_str)),
            profiles: user.profiles.into(),
        }))
    }

    async fn of_session(&self, session: &UserSession) -> Result<KnownUser, AccessError> {
        let now = self.clock().now();
        if session.is_over(now) {
            return Err(AccessError::Invalid);
        }
        let accounts = self.accounts();
        let (user, (ended, refreshed)) = futures::try_join!(
            accounts.user(&session.kuid),
            accounts.ended(&session.sid, &session.jti)
        )
        .map_err(AccessError::stale)?;
        let user = user.filter(|user| user.account.honours(session) && !ended);
        let user = user.ok_or(AccessError::Invalid)?;
        match refreshed {
            Some(at) if now.saturating_sub(at) > REFRESH_GRACE_MS => {
                Err(AccessError::Reused(session.clone()))
            }
            Some(_) | None => Ok(user),
        }
    }

    async fn of_api_key(&self, text: &str) -> Result<(String, KnownUser, Credential), AccessError> {
        let accounts = self.accounts();
        let found = accounts.api_key(text).await.map_err(AccessError::stale)?;
        let (id, key) = found.ok_or(AccessError::Invalid)?;
        let until = (key.expires_at >= 0).then_some(key.expires_at);
        if until.is_some_and(|until| self.clock().now() >= until) {
            return Err(AccessError::Invalid);
        }
        let user = accounts
            .user(&key.user_id)
            .await
            .map_err(AccessError::stale)?;
        let user = user.filter(|user| user.account.birth == key.birth);
        let user = user.ok_or(AccessError::Invalid)?;
        Ok((key.user_id, user, Credential::ApiKey { id, until }))
    }

    /// A key that nobody had before.
    pub(crate) fn make_api_key(&self, kuid: &str, until: Option<i64>) -> ApiKeyText {
        ApiKeyText::make(kuid, self.clock().now(), until)
    }
}

fn has_ended(caller: &Caller, now: i64) -> bool {
    match &caller.credential {
        Credential::Nothing => false,
        Credential::Session(session) => session.is_over(now),
        Credential::ApiKey { until, .. } => until.is_some_and(|until| now >= until),
    }
}
