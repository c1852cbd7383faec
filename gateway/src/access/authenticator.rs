//! From a credential to a caller. What was found is kept, and believed as long as
//! [`super::belief::Belief`] says so: then a request asks no store.

pub(super) mod unconfirmed;

use super::{
    ApiKeyText, Caller, CallerBasis, Credential, Principal, TENANT,
    accounts::{self, Account, Accounts, KnownUser, StoredApiKey},
    api_key,
    belief::{FoldStep, LOOKED_AT_EVERY},
    limits::{AccessLimits, CountedPrincipal, LimitReached, counted_address},
    password::PasswordPool,
    rights_state::{KnownRights, RightsState},
    session::{self, UserSession},
};
use crate::{
    error::{Code, Problem},
    transport::tls::client_certificate::ShownCertificate,
};
use bearer_tokens::{TokenFault, TrustedIssuers};
use event_schema::{
    security::{SecuritySubject, kept::REFRESH_GRACE_MS},
    signing::{Keyring, ListedKeys},
};
use moka::sync::Cache;
use runtime::Clock;
use sha2::{Digest, Sha256};
use std::{net::IpAddr, sync::Arc, time::Duration};
use store::StoreError;
use tracing::debug;

/// Callers that are remembered.
const KEPT: u64 = 10_000;
/// How long a token of another issuer is taken without a look at the issuer's keys.
const VERIFIED_FOR: Duration = Duration::from_secs(1);

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
    pub limits: AccessLimits,
    pub issuers: TrustedIssuers,
    kept: Cache<[u8; 32], KeptCaller>,
}

#[derive(Clone)]
struct KeptCaller {
    caller: Caller,
    /// The rights that it was compiled of.
    revision: Option<u64>,
    /// The keys by which its credential was verified.
    keys: ListedKeys,
    /// When it was made, by [`Clock::elapsed`].
    made: Duration,
    /// When it must be made again, whatever changed, Unix milliseconds.
    until: Option<i64>,
}

impl KeptCaller {
    fn is_over(&self, clock: &dyn Clock) -> bool {
        let now = clock.now();
        let longest = match self.caller.credential {
            Credential::Issued { .. } => VERIFIED_FOR,
            _ => LOOKED_AT_EVERY,
        };
        self.until.is_some_and(|until| now > until)
            || has_ended(&self.caller, now)
            || clock.elapsed().saturating_sub(self.made) >= longest
    }
}

impl CallerAccess {
    pub(crate) fn new(
        accounts: Accounts,
        keys: Keyring,
        issuers: TrustedIssuers,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            keys,
            issuers,
            state: RightsState::new(accounts, clock),
            passwords: PasswordPool::default(),
            limits: AccessLimits::default(),
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

    /// Likewise for more of a request that was let in as `begun`. That its token was refreshed since
    /// says nothing: nobody shows it again.
    pub(crate) async fn identify_again(
        &self,
        begun: &Caller,
        credential: Option<&str>,
    ) -> Result<Caller, AccessError> {
        match self.identify(credential).await {
            Err(AccessError::Reused(_)) => self.still(begun).await,
            identified => identified,
        }
    }

    /// Who asked for what is carried out later, with what may be done now: nothing, if he is gone.
    pub(crate) async fn known(&self, kuid: Option<&str>) -> Result<Caller, AccessError> {
        let known = self.state.current().await?;
        let Some(kuid) = kuid else {
            return Ok(known.anonymous.clone());
        };
        let step = self.state.belief.step();
        // What another issuer said of somebody is not kept.
        let user = if self.issuers.owns_name(kuid) {
            None
        } else {
            let user = self.accounts().user(kuid).await;
            user.map_err(AccessError::stale)?
        };
        let profiles = user.map(|user| user.profiles).unwrap_or_default();
        Ok(make_caller(
            (kuid.into(), profiles, Credential::Kept),
            (&known, step),
        ))
    }

    /// Likewise, and whether that account is gone: deleted, or followed by another of its name.
    /// `named`: its name, and its birth.
    pub(crate) async fn kept(
        &self,
        named: Option<(&str, Option<&str>)>,
    ) -> Result<(Caller, bool), AccessError> {
        let Some((kuid, birth)) = named else {
            return Ok((self.known(None).await?, false));
        };
        let now = self.birth(kuid).await?;
        let is_gone = birth.is_some() && now.as_deref() != birth;
        Ok((self.known(Some(kuid)).await?, is_gone))
    }

    /// What tells an account from a later one of the same name.
    pub(crate) async fn birth(&self, kuid: &str) -> Result<Option<String>, AccessError> {
        let user = self.accounts().user(kuid).await;
        let user = user.map_err(AccessError::stale)?;
        Ok(user.map(|user| user.account.birth))
    }

    /// The user that a client's certificate stands for: of a connection whose handshake believed it.
    pub(crate) async fn identify_certificate(
        &self,
        shown: &ShownCertificate,
    ) -> Result<Caller, AccessError> {
        let known = self.state.current().await?;
        let made = async |step| Ok((self.of_certificate(shown, (&known, step)).await?, None));
        self.remembered(shown.fingerprint, &known, made).await
    }

    async fn authenticate(&self, text: &str, known: &KnownRights) -> Result<Caller, AccessError> {
        let name: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let made = async |step| self.look_up(text, (known, step)).await;
        self.remembered(name, known, made).await
    }

    /// The caller of a credential of this name, as it is kept or made now: by what is read behind a
    /// step of the fold, and for how long it is kept at most, Unix milliseconds.
    async fn remembered(
        &self,
        name: [u8; 32],
        known: &KnownRights,
        made: impl AsyncFnOnce(FoldStep) -> Result<(Caller, Option<i64>), AccessError>,
    ) -> Result<Caller, AccessError> {
        let belief = &self.state.belief;
        if let Some(kept) = self.kept.get(&name)
            && kept.revision == known.revision
            && self.keys.is_listed(&kept.keys)
            && belief.holds(kept.caller.basis.step, &kept.caller.basis.subjects)
            && !kept.is_over(self.clock())
        {
            return Ok(kept.caller);
        }
        let (keys, begun) = (self.keys.listed(), self.clock().elapsed());
        let made = made(belief.step()).await.inspect_err(|error| {
            // What is known to be over is not known from before.
            if !matches!(error, AccessError::Stale(_)) {
                self.kept.invalidate(&name);
            }
        });
        let (caller, until) = made?;
        let kept = KeptCaller {
            caller: caller.clone(),
            revision: known.revision,
            keys,
            made: begun,
            until,
        };
        self.kept.insert(name, kept);
        Ok(caller)
    }

    async fn look_up(
        &self,
        text: &str,
        (known, step): (&KnownRights, FoldStep),
    ) -> Result<(Caller, Option<i64>), AccessError> {
        let mut keep_until = None;
        let (kuid, profiles, credential) = if text.starts_with(session::PREFIX) {
            let session = UserSession::read(text, &self.keys).ok_or(AccessError::Invalid)?;
            let (profiles, refreshed) = self.of_session(&session).await?;
            let now = self.clock().now();
            if refreshed.is_some_and(|at| now.saturating_sub(at) > REFRESH_GRACE_MS) {
                return Err(AccessError::Reused(session));
            }
            keep_until = refreshed.map(|at| at.saturating_add(REFRESH_GRACE_MS));
            let kuid = session.kuid.clone();
            (kuid, profiles, Credential::Session(session))
        } else if text.starts_with(api_key::PREFIX) {
            let (kuid, user, credential) = self.of_api_key(text).await?;
            (kuid, user.profiles, credential)
        } else {
            let caller = self.of_issuer(text, (known, step)).await?;
            return Ok((caller, None));
        };
        let caller = make_caller((kuid.into(), profiles, credential), (known, step));
        Ok((caller, keep_until))
    }

    async fn of_certificate(
        &self,
        shown: &ShownCertificate,
        rights: (&KnownRights, FoldStep),
    ) -> Result<Caller, AccessError> {
        let kuid = shown.user.as_deref().ok_or(AccessError::Invalid)?;
        let times = (shown.valid_from, shown.valid_until);
        let user = self.certified_user(kuid, times).await?;
        let credential = Credential::Certificate {
            birth: user.account.birth,
            from: shown.valid_from,
            until: shown.valid_until,
        };
        Ok(make_caller(
            (kuid.into(), user.profiles, credential),
            rights,
        ))
    }

    /// The user of this name, if a certificate of this time is honoured.
    async fn certified_user(
        &self,
        kuid: &str,
        (from, until): (i64, i64),
    ) -> Result<KnownUser, AccessError> {
        if self.clock().now() >= until || self.issuers.owns_name(kuid) {
            return Err(AccessError::Invalid);
        }
        let user = self.accounts().user(kuid).await;
        let user = user.map_err(AccessError::stale)?;
        let user = user.filter(|user| user.account.honours_certificate(from));
        user.ok_or(AccessError::Invalid)
    }

    /// The bearer of another issuer's token.
    async fn of_issuer(
        &self,
        text: &str,
        rights: (&KnownRights, FoldStep),
    ) -> Result<Caller, AccessError> {
        let bearer = self
            .issuers
            .verify(text)
            .await
            .map_err(|fault| match fault {
                // Where they are is nobody's business who shows a token.
                TokenFault::NoKeys(_) => {
                    let why = "the keys of the token's issuer could not be read yet";
                    AccessError::Stale(why.to_owned())
                }
                fault => {
                    debug!(%fault, "a token of another issuer is not believed");
                    AccessError::Invalid
                }
            })?;
        let credential = Credential::Issued {
            until: bearer.until,
            attributes: Arc::new(bearer.attributes),
        };
        Ok(make_caller(
            (bearer.name.into(), bearer.profiles, credential),
            rights,
        ))
    }

    /// The profiles of a session that goes on, and when this token of it was refreshed, Unix
    /// milliseconds.
    async fn of_session(
        &self,
        session: &UserSession,
    ) -> Result<(Vec<String>, Option<i64>), AccessError> {
        if session.is_over(self.clock().now()) {
            return Err(AccessError::Invalid);
        }
        let ended = self.accounts().ended(&session.sid, &session.jti);
        let (holder, (ended, refreshed)) =
            futures::try_join!(self.session_holder(session), ended).map_err(AccessError::stale)?;
        let holder = holder.filter(|(_, account)| accounts::honours(account, session) && !ended);
        let (profiles, _) = holder.ok_or(AccessError::Invalid)?;
        Ok((profiles, refreshed))
    }

    /// Profiles and account of whoever a session is of; none, if there is nobody of that name.
    async fn session_holder(
        &self,
        session: &UserSession,
    ) -> Result<Option<(Vec<String>, Account)>, StoreError> {
        let (kuid, accounts) = (&session.kuid, self.accounts());
        match &session.issued {
            Some(issued) => {
                let profiles = self.issuers.profiles_of(kuid, &issued.groups);
                Ok(profiles.zip(accounts.account(kuid).await?))
            }
            None if self.issuers.owns_name(kuid) => Ok(None),
            None => {
                let user = accounts.user(kuid).await?;
                Ok(user.map(|user| (user.profiles, user.account)))
            }
        }
    }

    async fn of_api_key(&self, text: &str) -> Result<(String, KnownUser, Credential), AccessError> {
        let found = self.accounts().api_key(text).await;
        let found = found.map_err(AccessError::stale)?;
        let (id, key) = found.ok_or(AccessError::Invalid)?;
        let user = self.of_key(&key).await?;
        let until = key.until();
        let birth = key.birth;
        Ok((key.user_id, user, Credential::ApiKey { id, birth, until }))
    }

    /// The owner of a key that is honoured.
    async fn of_key(&self, key: &StoredApiKey) -> Result<KnownUser, AccessError> {
        let is_over = key.until().is_some_and(|until| self.clock().now() >= until);
        if is_over || self.issuers.owns_name(&key.user_id) {
            return Err(AccessError::Invalid);
        }
        let user = self.accounts().user(&key.user_id).await;
        let user = user.map_err(AccessError::stale)?;
        let user = user.filter(|user| user.account.birth == key.birth);
        user.ok_or(AccessError::Invalid)
    }

    /// What became of a caller who was identified before, whatever tokens were refreshed since.
    pub(crate) async fn still(&self, caller: &Caller) -> Result<Caller, AccessError> {
        let known = self.state.current().await?;
        let step = self.state.belief.step();
        let profiles = match &caller.credential {
            Credential::Nothing => return Ok(known.anonymous.clone()),
            Credential::Kept => return self.known(Some(&caller.name)).await,
            Credential::Issued { .. } if has_ended(caller, self.clock().now()) => {
                return Err(AccessError::Invalid);
            }
            Credential::Issued { .. } => caller.profiles.to_vec(),
            Credential::Session(session) => self.of_session(session).await?.0,
            Credential::Certificate { birth, from, until } => {
                let user = self.certified_user(&caller.name, (*from, *until)).await?;
                let user = Some(user).filter(|user| user.account.birth == *birth);
                user.ok_or(AccessError::Invalid)?.profiles
            }
            Credential::ApiKey { id, .. } => {
                let accounts = self.accounts();
                let key = accounts
                    .api_key_of_id(id)
                    .await
                    .map_err(AccessError::stale)?;
                let key = key.ok_or(AccessError::Invalid)?;
                self.of_key(&key).await?.profiles
            }
        };
        let (name, credential) = (caller.name.clone(), caller.credential.clone());
        Ok(make_caller((name, profiles, credential), (&known, step)))
    }

    /// Counts a request of this caller, who may be limited to so many a second.
    pub(crate) fn count(
        &self,
        caller: &Caller,
        address: Option<IpAddr>,
    ) -> Result<(), LimitReached> {
        let Some(a_second) = caller.rate else {
            return Ok(());
        };
        let principal = if caller.is_anonymous() {
            CountedPrincipal::Address(address.map(counted_address))
        } else {
            CountedPrincipal::User(caller.name.clone())
        };
        let now = self.clock().elapsed();
        self.limits.request(principal, a_second, now)
    }

    /// A key that nobody had before.
    pub(crate) fn make_api_key(&self, kuid: &str, until: Option<i64>) -> ApiKeyText {
        ApiKeyText::make(kuid, self.clock().now(), until)
    }
}

/// `step`: where the fold was when the reading began by which it is made.
fn make_caller(
    (name, profiles, credential): (Arc<str>, Vec<String>, Credential),
    (known, step): (&KnownRights, FoldStep),
) -> Caller {
    let names = || profiles.iter().map(String::as_str);
    let basis = CallerBasis {
        subjects: subjects_of(&name, &credential),
        step,
        rights: known.step,
    };
    Caller::new(Principal {
        tenant: TENANT.into(),
        name,
        credential,
        rights: known.set.compile(names()),
        rate: if known.open {
            None
        } else {
            known.set.rate_limit(names())
        },
        profiles: profiles.into(),
        basis,
        unconfirmed: None,
    })
}

/// Of whom is read, if this is to be known.
fn subjects_of(name: &str, credential: &Credential) -> Box<[SecuritySubject]> {
    let account = SecuritySubject::Account(name.to_owned());
    match credential {
        Credential::Nothing | Credential::Issued { .. } => Box::default(),
        Credential::Kept | Credential::Certificate { .. } => Box::new([account]),
        Credential::Session(session) => {
            Box::new([account, SecuritySubject::Session(session.sid.clone())])
        }
        Credential::ApiKey { id, .. } => Box::new([account, SecuritySubject::ApiKey(id.clone())]),
    }
}

pub(crate) fn has_ended(caller: &Caller, now: i64) -> bool {
    match &caller.credential {
        Credential::Nothing | Credential::Kept => false,
        Credential::Session(session) => session.is_over(now),
        Credential::ApiKey { until, .. } => until.is_some_and(|until| now >= until),
        Credential::Certificate { until, .. } | Credential::Issued { until, .. } => now >= *until,
    }
}
