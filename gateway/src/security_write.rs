//! How the service writes users, sessions, keys and rights: by internal operations of the catalog,
//! on the way of all writes. It decides nothing about who may.

use crate::{
    access::{
        AccessError, Caller,
        session::{LONGEST_MS, UserSession},
    },
    answer::taken_answer,
    app::{App, Shared},
    error::{Code, Problem},
    request::{RawRequest, headers::Options},
    security_events::{self, Actor},
    transport::tls::client_certificate::ShownCertificate,
};
use event_schema::security::kept::WHOLE_SESSION;
use runtime::random;
use serde_json::{Value, json};
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::time::timeout;
use tracing::warn;

/// How long it is known that an attempt was used, which is longer than one lasts.
const ATTEMPT_KEPT_MS: i64 = 60 * 60 * 1000;
/// How long a log-in waits until its session is noted.
const NOTED_WITHIN: Duration = Duration::from_secs(2);

/// Carries an internal operation out and waits until it is applied.
pub(crate) async fn write_internal(
    app: &App,
    actor: Actor<'_>,
    operation: &str,
    request: &Value,
) -> Result<(), Problem> {
    let caller = actor.caller;
    // What this takes effect on outlives the request: a caller who was let in by what was believed a
    // moment ago, and is somebody no more, gets nothing of it.
    app.access.still(caller).await?;
    let wait = Some(app.config.kuzzle_wait());
    let is_applied = hand_over(app, caller, (operation, request), wait).await?;
    // What is accepted is decided, whoever waits for it no more.
    if let Some(event) = security_events::internal_operation(actor, operation, request) {
        app.security_log.record(event);
    }
    if is_applied {
        Ok(())
    } else {
        let why = "the change is accepted and not applied yet";
        Err(Problem::new(Code::NotYet, why))
    }
}

/// Accepts an internal operation, and waits so long for its verdict: is it applied?
async fn hand_over(
    app: &App,
    caller: &Caller,
    (operation, request): (&str, &Value),
    wait: Option<Duration>,
) -> Result<bool, Problem> {
    let options = Options {
        wait,
        refresh: false,
        if_match: None,
        idempotency_key: None,
        traceparent: None,
        origin: None,
    };
    let raw = RawRequest::made(request.into(), options, caller.clone());
    let definition = app.writes.internal_operation(operation)?;
    let completed = app.writes.write(&definition, raw).await?;
    let mut is_applied = true;
    for outcome in &completed.outcomes {
        is_applied &= taken_answer(app, caller, outcome)?.status == "applied";
    }
    Ok(is_applied)
}

/// Was it done, or accepted and will be, though nobody saw that yet?
pub(crate) fn is_accepted(written: &Result<(), Problem>) -> bool {
    let accepted = |problem: &Problem| problem.code() == Code::NotYet;
    written.as_ref().err().is_none_or(accepted)
}

/// Something was taken away: returns when no gateway believes what it read before, nor tells
/// subscriptions by it.
pub(crate) async fn forget_everywhere(app: &App) {
    app.revocations.settled().await;
}

/// Ends a session, with all its tokens.
pub(crate) async fn end_session(app: &App, actor: Actor<'_>, sid: &str) -> Result<(), Problem> {
    let now = app.now();
    // A newer token of it may live longer than the one that is known here.
    let until = now.saturating_add(LONGEST_MS).saturating_add(1000);
    let request = json!({"sid": sid, "jti": WHOLE_SESSION, "at": now, "until": until});
    write_internal(app, actor, "security.endSession", &request).await
}

/// Notes that a token of a session was refreshed: it goes on by `next`.
pub(crate) async fn refresh_session(
    app: &App,
    actor: Actor<'_>,
    session: &UserSession,
    next: &UserSession,
) -> Result<(), Problem> {
    let until = session.exp.saturating_mul(1000).saturating_add(1000);
    let request = json!({
        "kuid": session.kuid, "sid": session.sid, "jti": session.jti, "sessions": session.sessions,
        "at": app.now(), "until": until, "lasts": next.exp.saturating_mul(1000),
    });
    write_internal(app, actor, "security.refreshSession", &request).await
}

/// Notes that a session began, so that its user sees it: accepted when this returns, not applied.
/// Nobody is kept out because it cannot be noted. See ADR 34.
pub(crate) async fn note_session(app: &App, session: &UserSession, address: Option<IpAddr>) {
    let mut request = json!({
        "kuid": session.kuid, "sid": session.sid, "sessions": session.sessions,
        "began": app.now(), "until": session.exp.saturating_mul(1000),
    });
    if let Some(address) = address {
        request["address"] = address.to_string().into();
    }
    let nobody = Caller::nobody();
    let noting = hand_over(app, &nobody, ("security.beginSession", &request), None);
    let why = match timeout(NOTED_WITHIN, noting).await {
        Ok(Ok(_)) => return,
        Ok(Err(problem)) => problem.detail().to_owned(),
        Err(_) => "the log is slow".to_owned(),
    };
    warn!(
        kuid = session.kuid,
        why, "a session is not noted: its user may not see it"
    );
}

/// Takes an attempt to log in by another issuer: nobody uses it again.
///
/// # Errors
/// Also if it was used before.
pub(crate) async fn use_attempt(app: &App, actor: Actor<'_>, id: &str) -> Result<(), Problem> {
    let now = app.now();
    let until = now.saturating_add(ATTEMPT_KEPT_MS);
    let request = json!({"sid": format!("attempt-{id}"), "at": now, "until": until});
    write_internal(app, actor, "security.useAttempt", &request).await
}

/// What the sessions of a principal of another issuer are now. It has an account here from its first
/// log-in on, so that its sessions can be ended.
pub(crate) async fn open_account(
    app: &App,
    actor: Actor<'_>,
    kuid: &str,
) -> Result<String, Problem> {
    let accounts = app.access.accounts();
    if let Some(account) = accounts.account(kuid).await? {
        return Ok(account.sessions);
    }
    let name = || format!("{:032x}", random::<u128>());
    let request = json!({"kuid": kuid, "sessions": name(), "birth": name()});
    write_internal(app, actor, "security.openAccount", &request).await?;
    let account = accounts.account(kuid).await?;
    let missing = || Problem::new(Code::NotYet, "the account is opened and not seen yet");
    Ok(account.ok_or_else(missing)?.sessions)
}

impl App {
    /// The caller of a request by its head: by the credential that it shows, or else by the
    /// certificate of its connection.
    pub(crate) async fn identify_head(
        self: &Shared,
        credential: Option<&str>,
        certificate: Option<&Arc<ShownCertificate>>,
    ) -> Result<Caller, AccessError> {
        match (credential, certificate) {
            (None, Some(certificate)) => self.access.identify_certificate(certificate).await,
            (Some(_), _) | (None, None) => self.identify(credential).await,
        }
    }

    /// The caller of a request that shows this credential. A token that was refreshed before and is
    /// shown again is in two hands: its session ends.
    pub(crate) async fn identify(
        self: &Shared,
        credential: Option<&str>,
    ) -> Result<Caller, AccessError> {
        let identified = self.access.identify(credential).await;
        if let Err(AccessError::Reused(session)) = &identified {
            warn!(
                session = session.sid,
                "a token that was refreshed was shown again: its session ends"
            );
            let session = session.clone();
            let nobody = Caller::nobody();
            let ended = end_session(self, Actor::unseen(&nobody), &session.sid).await;
            if let Err(problem) = ended {
                return Err(AccessError::Stale(problem.detail().to_owned()));
            }
            forget_everywhere(self).await;
            self.session_reused(&session);
        }
        identified
    }
}
