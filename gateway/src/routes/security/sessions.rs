//! `GET /v1/security/sessions`: the sessions of the caller, and `DELETE /v1/security/sessions/{id}`:
//! one of them ends. Nobody else's is shown or ended here. Kuzzle's protocol has the same as
//! `auth:getMySessions` and `auth:endMySession`, for pages whose session is in a cookie.

use crate::{
    access::{Caller, ClientAddress, Credential, accounts::OpenSession, session::UserSession},
    answer,
    app::Shared,
    error::{Code, Problem},
    request::{path::PathSegments, query::QueryString},
    security_events::Actor,
    security_write,
};
use axum::{extract::State, response::Response};
use event_schema::codec::rfc3339;
use http::{StatusCode, request::Parts};
use serde_json::{Value, json};

pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    query: QueryString,
) -> Result<Response, Problem> {
    let behind = query.one("behind").map(str::to_owned);
    let told = own_sessions(&app, &caller, behind).await?;
    Ok(answer::json_response(StatusCode::OK, &told))
}

pub(crate) async fn end(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments(sid): PathSegments<String>,
    parts: Parts,
) -> Result<Response, Problem> {
    let trusted = &app.config.trusted_proxies;
    let address = ClientAddress::of(&parts.extensions, &parts.headers, trusted);
    let actor = Actor {
        caller: &caller,
        address,
    };
    let told = end_own_session(&app, actor, &sid).await?;
    Ok(answer::json_response(StatusCode::OK, &told))
}

/// A page of the caller's sessions, those behind this id.
pub(crate) async fn own_sessions(
    app: &Shared,
    caller: &Caller,
    behind: Option<String>,
) -> Result<Value, Problem> {
    let is_first = behind.is_none();
    let current = caller.session();
    let page = match own_account(caller)? {
        Some(kuid) => {
            let accounts = app.access.accounts();
            accounts.open_sessions(kuid, behind, app.now()).await?
        }
        None => Default::default(),
    };
    let is_current = |session: &OpenSession| current.is_some_and(|one| one.sid == session.sid);
    // It may have begun a moment ago, or before sessions were noted.
    let unnoted = current.filter(|_| is_first && !page.sessions.iter().any(is_current));
    let noted = page.sessions.iter();
    let noted = noted.map(|session| shown_session(session, is_current(session)));
    let sessions: Vec<Value> = unnoted.map(shown_token).into_iter().chain(noted).collect();
    Ok(json!({"sessions": sessions, "next": page.next}))
}

/// Ends a session of the caller's, by its id.
pub(crate) async fn end_own_session(
    app: &Shared,
    actor: Actor<'_>,
    sid: &str,
) -> Result<Value, Problem> {
    let caller = actor.caller;
    let missing = || Problem::new(Code::Missing, "the caller has no such session");
    let kuid = own_account(caller)?.ok_or_else(missing)?;
    let is_current = caller.session().is_some_and(|session| session.sid == sid);
    if !is_current {
        // No store is asked for what cannot be the id of a session.
        let is_id = sid.len() == 32 && sid.bytes().all(|byte| byte.is_ascii_hexdigit());
        let accounts = app.access.accounts();
        let found = if is_id {
            accounts.open_session(kuid, sid, app.now()).await?
        } else {
            None
        };
        found.ok_or_else(missing)?;
    }
    security_write::end_session(app, actor, sid).await?;
    app.session_ended(actor, sid);
    security_write::forget_everywhere(app).await;
    Ok(json!({"ended": sid, "current": is_current}))
}

/// The account whose sessions the caller's are; who shows a token of another issuer has none here.
fn own_account(caller: &Caller) -> Result<Option<&str>, Problem> {
    if caller.is_anonymous() {
        let why = "who shows no credential has no sessions";
        return Err(Problem::new(Code::Unauthenticated, why));
    }
    let is_issued = matches!(caller.credential, Credential::Issued { .. });
    Ok(Some(&*caller.name).filter(|_| !is_issued))
}

fn shown_session(session: &OpenSession, is_current: bool) -> Value {
    let mut shown = json!({
        "id": session.sid, "current": is_current, "began": rfc3339(session.began), "until": rfc3339(session.until),
    });
    if let Some(refreshed) = session.refreshed {
        shown["refreshed"] = rfc3339(refreshed).into();
    }
    if let Some(address) = &session.address {
        shown["address"] = address.as_str().into();
    }
    shown
}

/// What the token that is shown says of its session.
fn shown_token(session: &UserSession) -> Value {
    let time = |seconds: i64| rfc3339(seconds.saturating_mul(1000));
    json!({"id": session.sid, "current": true, "began": time(session.iat), "until": time(session.exp)})
}
