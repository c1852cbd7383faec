//! Sessions: begun by a password, refreshed, looked at, ended.

use super::{LOCAL, authenticated_kuid, issuer_login, named_strategy, unknown_strategy};
use crate::{
    access::{
        AccessError, Caller, CallerAccess, Credential,
        accounts::Account,
        cookie::CookieRefusal,
        limits::LimitReached,
        password::is_outdated,
        session::{LONGEST_MS, UserSession},
    },
    app::Shared,
    kuzzle::{Fault, KuzzleCall, Reply, Transport, fault::Id, lifetime, members},
    security_events::Actor,
    security_write,
};
use runtime::random;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use store::StoreError;
use tracing::{debug, warn};
use zeroize::Zeroizing;

/// Without an `expiresIn`, milliseconds.
const USUAL_MS: i64 = 60 * 60 * 1000;
/// Before that no password is compared, so that it cannot be seen how much was read of its user.
const LOOKED_UP_AFTER: Duration = Duration::from_millis(25);

#[derive(Deserialize)]
struct LocalCredentials {
    username: Option<String>,
    password: Option<String>,
}

pub(crate) async fn login(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let strategy = named_strategy(call)?;
    if strategy == LOCAL {
        return log_in_by_password(call).await;
    }
    match call.app.access.issuers.login_by(strategy) {
        Some(issuer) => issuer_login::log_in(call, issuer).await,
        None => Err(unknown_strategy(strategy)),
    }
}

async fn log_in_by_password(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    issuer_login::expect_no_callback(call)?;
    let by_cookie = wants_cookie(call)?;
    if call.request.by_get {
        let why = "log in by POST: proxies and browsers keep what they get by GET";
        return Err(Fault::new(Id::BadVerb, why).props(["GET"]));
    }
    let ttl = session_ttl(call, LONGEST_MS)?;
    let (username, password) = given_credentials(call)?;
    let (kuid, account) = authenticated_account(call, &username, password).await?;
    let session = begin_session(call.app, &kuid, &account.sessions, ttl);
    let address = call.request.address;
    security_write::note_session(call.app, &session, address).await;
    call.app.login_succeeded(address, &session);
    Ok(session_reply(call.app, &session, by_cookie))
}

/// User name and password of the body.
fn given_credentials(call: KuzzleCall<'_>) -> Result<(String, Zeroizing<String>), Fault> {
    let body = call.request.object()?;
    let known = ["username", "password"];
    let mut given = members::member_names(body).into_iter();
    if let Some(other) = given.find(|name| !known.contains(&name.as_str())) {
        let name = format!("body.{other}");
        return Err(members::unexpected_argument(&name, known.into_iter()));
    }
    let credentials: LocalCredentials = serde_json::from_str(body.get())
        .map_err(|_| Fault::wrong_type("body.username and body.password", "string"))?;
    let username = credentials
        .username
        .ok_or_else(|| Fault::missing("body.username"))?;
    let password = credentials
        .password
        .ok_or_else(|| Fault::missing("body.password"))?;
    let password = Zeroizing::new(password);
    // No name of anybody, and no key that every store takes.
    if crate::request::path::check_id(&username).is_err() {
        return Err(wrong_credentials());
    }
    Ok((username, password))
}

/// The user of this name, if that is the password.
async fn authenticated_account(
    call: KuzzleCall<'_>,
    username: &str,
    password: Zeroizing<String>,
) -> Result<(String, Account), Fault> {
    let access = &call.app.access;
    let (limits, address) = (&access.limits.logins, call.request.address);
    let now = call.app.ports.clock.elapsed();
    limits
        .begin(username, address, now)
        .map_err(|reached| too_many_logins(call, reached))?;
    // Of somebody who is there more is read.
    let evenly = tokio::time::sleep(LOOKED_UP_AFTER);
    let (known, ()) = futures::join!(look_up_account(access, username), evenly);
    let (known, hash) = known?;
    // Kept for as long as it takes to hash it anew.
    let outdated = hash.as_deref().is_some_and(is_outdated);
    let again = outdated.then(|| password.clone());
    let matches = access
        .passwords
        .verify(password, hash)
        .await
        .map_err(|_| busy_fault())?;
    let Some((kuid, account)) = known else {
        return Err(refused_login(call, None));
    };
    if !matches || !is_still_a_user(call, &kuid).await? {
        return Err(refused_login(call, Some(&kuid)));
    }
    limits.succeeded(username, address);
    if let Some(password) = again {
        let sessions = account.sessions.clone();
        renew_hash(call.app.clone(), kuid.clone(), sessions, password);
    }
    Ok((kuid, account))
}

/// The password of a user who is gone, or whose name is a principal's of another issuer, opens nothing.
async fn is_still_a_user(call: KuzzleCall<'_>, kuid: &str) -> Result<bool, Fault> {
    let access = &call.app.access;
    if access.issuers.owns_name(kuid) {
        let why = "a user of this deployment has the name of a principal of another issuer";
        warn!(
            kuid,
            "no log-in: {why}; give the issuer another name, or the user another id"
        );
        return Ok(false);
    }
    Ok(access.accounts().user(kuid).await?.is_some())
}

/// `known`: the user of the name that was given, if there is one.
fn refused_login(call: KuzzleCall<'_>, known: Option<&str>) -> Fault {
    call.app.login_failed(call.request.address, known);
    wrong_credentials()
}

/// The user who logs in by this name, and the hash of his password.
async fn look_up_account(
    access: &CallerAccess,
    username: &str,
) -> Result<(Option<(String, Account)>, Option<String>), StoreError> {
    let known = access.accounts().by_username(username).await?;
    let hash = match &known {
        Some((_, account)) => access.accounts().password_hash(account).await?,
        None => None,
    };
    Ok((known, hash))
}

/// What is weaker than it should be is hashed anew, beside the login: if it fails, the next tries.
fn renew_hash(app: Shared, kuid: String, sessions: String, password: Zeroizing<String>) {
    runtime::spawn("renew-hash", async move {
        let Ok(hash) = app.access.passwords.hash(password).await else {
            return;
        };
        let request = json!({"kuid": kuid, "hash": hash, "was": sessions});
        let nobody = Caller::nobody();
        let renewed = security_write::write_internal(
            &app,
            Actor::unseen(&nobody),
            "security.renewHash",
            &request,
        )
        .await;
        if let Err(problem) = renewed {
            debug!(
                kuid,
                detail = problem.detail(),
                "a password was not hashed again; the next login tries it"
            );
        }
    });
}

fn wrong_credentials() -> Fault {
    Fault::new(Id::LoginFailed, "wrong username or password")
}

/// The same of an account that is there and of one that is not.
fn too_many_logins(call: KuzzleCall<'_>, reached: LimitReached) -> Fault {
    call.app.login_limited(call.request.address);
    let why = "too many passwords were tried for this user or from this address";
    Fault::new(Id::TooManyLogins, why).retry_after(Some(reached.seconds()))
}

pub(crate) fn busy_fault() -> Fault {
    let why = "the limit of passwords checked at a time is reached";
    Fault::new(Id::TooManyRequests, why).retry_after(Some(1))
}

/// Is the session to be in a cookie? Refused where one would not count.
pub(super) fn wants_cookie(call: KuzzleCall<'_>) -> Result<bool, Fault> {
    if !call.request.flag("cookieAuth")? {
        return Ok(false);
    }
    let refusal = if call.request.transport == Transport::Http {
        call.request.cookie.refusal
    } else {
        Some(CookieRefusal::NotHttp)
    };
    match refusal {
        None => Ok(true),
        Some(refusal @ (CookieRefusal::Unsupported | CookieRefusal::NotHttp)) => {
            Err(Fault::new(Id::CookieUnsupported, refusal.to_string()))
        }
        Some(refusal) => Err(Fault::new(Id::CookieInvalid, refusal.to_string())),
    }
}

/// `longest`: milliseconds.
pub(super) fn session_ttl(call: KuzzleCall<'_>, longest: i64) -> Result<i64, Fault> {
    let too_long = || {
        let seconds = longest / 1000;
        let why = format!("such a session ends after {seconds} seconds at the latest");
        Fault::new(Id::TokenTooLong, why)
    };
    match lifetime::requested_lifetime(call)? {
        None => Ok(USUAL_MS.min(longest)),
        Some(None) => Err(too_long()),
        Some(Some(ttl)) if ttl > longest => Err(too_long()),
        Some(Some(ttl)) => Ok(ttl),
    }
}

/// `sessions`: what the account's sessions are now.
pub(super) fn begin_session(app: &Shared, kuid: &str, sessions: &str, ttl: i64) -> UserSession {
    let now = app.now();
    UserSession {
        kuid: kuid.to_owned(),
        iat: now / 1000,
        exp: now.saturating_add(ttl) / 1000,
        jti: fresh_name(),
        sid: fresh_name(),
        sessions: sessions.to_owned(),
        tenant: crate::access::TENANT.to_owned(),
        issued: None,
    }
}

/// A name that nobody had before.
pub(crate) fn fresh_name() -> String {
    format!("{:032x}", random::<u128>())
}

/// A token that is in a cookie is told to nobody.
pub(super) fn session_reply(app: &Shared, session: &UserSession, by_cookie: bool) -> Reply {
    let expires = session.exp * 1000;
    let ttl = expires - app.now();
    let token = session.sign(&app.access.keys);
    let mut told = json!({"_id": session.kuid, "expiresAt": expires, "ttl": ttl});
    if by_cookie {
        return Reply::of(&told).set_cookie(app.cookies.setting(&token, ttl));
    }
    told["jwt"] = token.into();
    Reply::of(&told)
}

/// What is shown is told about, whatever it is; the token need not be the caller's.
pub(crate) async fn check_token(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let by_cookie = call.request.flag("cookieAuth")?;
    let shown = &call.request.cookie;
    if by_cookie && let Some(refusal) = shown.refusal.filter(|_| shown.token.is_some()) {
        return Err(Fault::new(Id::CookieInvalid, refusal.to_string()));
    }
    let body = call.request.members()?;
    let token = match body.get("token") {
        None | Some(serde_json::Value::Null) => shown.token.as_deref().filter(|_| by_cookie),
        Some(serde_json::Value::String(token)) => {
            Some(token.as_str()).filter(|token| !token.is_empty())
        }
        Some(_) => return Err(Fault::wrong_type("body.token", "string")),
    };
    let caller = match call.app.identify(token).await {
        Ok(caller) => caller,
        Err(AccessError::Invalid | AccessError::Reused(_)) => {
            return Ok(Reply::of(
                &json!({"valid": false, "state": "invalid token"}),
            ));
        }
        Err(stale) => return Err(stale.into()),
    };
    let expires = match &caller.credential {
        Credential::Nothing | Credential::Kept => None,
        Credential::Session(session) => Some(session.exp * 1000),
        Credential::ApiKey { until, .. } => Some(until.unwrap_or(-1)),
        Credential::Certificate { until, .. } | Credential::Issued { until, .. } => Some(*until),
    };
    Ok(Reply::of(
        &json!({"valid": true, "expiresAt": expires, "kuid": caller.kuid()}),
    ))
}

pub(crate) async fn logout(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = authenticated_kuid(call)?;
    let by_cookie = wants_cookie(call)?;
    let (app, caller) = (call.app, &call.request.caller);
    if matches!(caller.credential, Credential::Issued { .. }) {
        // Their issuer ends them.
    } else if call.request.flag("global")? {
        let ended = json!({"kuid": kuid, "sessions": fresh_name()});
        security_write::write_internal(app, call.actor(), "security.endSessions", &ended).await?;
    } else if let Some(session) = caller.session() {
        security_write::end_session(app, call.actor(), &session.sid).await?;
        app.session_ended(call.actor(), &session.sid);
    }
    security_write::forget_everywhere(app).await;
    let cleared = app.cookies.clearing().filter(|_| by_cookie);
    Ok(Reply::of(&json!({"acknowledged": true})).set_cookie(cleared))
}

/// Another token of the same session. The one that was shown is good for a moment more.
pub(crate) async fn refresh_token(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    authenticated_kuid(call)?;
    let by_cookie = wants_cookie(call)?;
    let ttl = session_ttl(call, LONGEST_MS)?;
    let (app, caller) = (call.app, &call.request.caller);
    // Who logged in by another issuer is asked for there again.
    let session = caller.session().filter(|session| session.issued.is_none());
    let session = session.ok_or_else(|| {
        let why = "only a session of a user of this deployment can be refreshed";
        Fault::new(Id::RefreshForbidden, why)
    })?;
    let now = app.now();
    let next = UserSession {
        jti: fresh_name(),
        iat: now / 1000,
        exp: now.saturating_add(ttl) / 1000,
        ..session.clone()
    };
    security_write::refresh_session(app, call.actor(), session, &next).await?;
    Ok(session_reply(app, &next, by_cookie))
}
