//! Log-in by another issuer: the strategy that is called like it. The first call says where the browser
//! is to go; with what it brings back from there, the second begins a session. A session begins only
//! where the attempt that the browser kept, the state and the ID token's nonce are of each other, and
//! once for each attempt.

use super::login::{begin_session, session_reply, session_ttl, wants_cookie};
use crate::{
    access::{
        login_attempt::{LASTS_SECONDS, LoginAttempt, is_same_text},
        session::{IssuedPrincipal, UserSession},
    },
    error::{Code, Problem},
    kuzzle::{Fault, KuzzleCall, Reply, Transport, fault::Id, members},
    security_write,
};
use bearer_tokens::{AttemptSecrets, IssuerLogin, LoginFault, TokenBearer, TokenFault};
use http::HeaderValue;
use serde_json::{Map, Value, json};
use tracing::{debug, warn};

/// What a browser brings back, and the attempt where its page kept it.
const BROUGHT: [&str; 9] = [
    "attempt",
    "code",
    "error",
    "error_description",
    "error_uri",
    "iss",
    "scope",
    "session_state",
    "state",
];

/// Of all that, what counts.
struct LoginCallback {
    attempt: Option<String>,
    code: Option<String>,
    state: Option<String>,
    /// Who sent the browser back (RFC 9207).
    issuer: Option<String>,
    error: Option<String>,
}

pub(super) async fn log_in(call: KuzzleCall<'_>, issuer: IssuerLogin<'_>) -> Result<Reply, Fault> {
    let brought = LoginCallback::of(call)?;
    if brought.code.is_none() && brought.error.is_none() && brought.state.is_none() {
        return begin_attempt(call, issuer).await;
    }
    // A browser by itself; else a page asks, which is told of its session.
    let landing = if call.request.by_get {
        Some(landing_page(call, issuer)?)
    } else {
        None
    };
    let by_cookie = landing.is_some() || wants_cookie(call)?;
    let longest = i64::try_from(issuer.longest_session().as_millis()).unwrap_or(i64::MAX);
    let ttl = session_ttl(call, longest)?;
    let (address, now) = (call.request.address, call.app.ports.clock.elapsed());
    let limits = &call.app.access.limits.logins;
    limits.begin_exchange(address, now).map_err(|reached| {
        call.app.login_limited(address);
        let why = "too many log-ins were tried from this address";
        Fault::new(Id::TooManyLogins, why).retry_after(Some(reached.seconds()))
    })?;
    let bearer = exchanged_bearer(call, issuer, brought).await?;
    limits.exchanged(address);
    let session = issued_session(call, bearer, ttl).await?;
    security_write::note_session(call.app, &session, address).await;
    call.app.login_succeeded(address, &session);
    let reply = session_reply(call.app, &session, by_cookie);
    let reply = reply.set_cookie(call.app.cookies.attempt("null", 0));
    Ok(match landing {
        Some(landing) => reply.send_to(landing),
        None => reply,
    })
}

/// Of the strategy `local` nobody is brought back.
pub(super) fn expect_no_callback(call: KuzzleCall<'_>) -> Result<(), Fault> {
    let given = |name: &&&str| {
        call.request
            .args
            .get(**name)
            .is_some_and(|one| !one.is_null())
    };
    match BROUGHT.iter().find(given) {
        None => Ok(()),
        Some(name) => Err(members::unexpected_argument(
            name,
            ["expiresIn", "strategy"].into_iter(),
        )),
    }
}

impl LoginCallback {
    /// Of the body, where a page asks; else of the query.
    fn of(call: KuzzleCall<'_>) -> Result<Self, Fault> {
        let body: Map<String, Value> = call.request.members()?;
        if let Some(other) = body.keys().find(|name| !BROUGHT.contains(&name.as_str())) {
            let name = format!("body.{other}");
            return Err(members::unexpected_argument(&name, BROUGHT.into_iter()));
        }
        let text = |name: &str| match body.get(name) {
            None | Some(Value::Null) => {
                let given = call.request.text(name)?;
                Ok(given.map(str::to_owned))
            }
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Fault::wrong_type(&format!("body.{name}"), "string")),
        };
        Ok(Self {
            // Never of a query, which is in histories and logs.
            attempt: body
                .get("attempt")
                .and_then(Value::as_str)
                .map(str::to_owned),
            code: text("code")?,
            state: text("state")?,
            issuer: text("iss")?,
            error: text("error")?,
        })
    }
}

/// Where the browser is to go, and what it keeps meanwhile.
async fn begin_attempt(call: KuzzleCall<'_>, issuer: IssuerLogin<'_>) -> Result<Reply, Fault> {
    let (app, (strategy, _)) = (call.app, issuer.names());
    let keys = &app.access.keys;
    let attempt = LoginAttempt::begin(app.now());
    let location = issuer.redirect(&attempt.secrets(strategy, keys)).await;
    let location = location.map_err(|fault| refusal_of(call, strategy, fault))?;
    let kept = attempt.sign(strategy, keys);
    let cookie = app.cookies.attempt(&kept, LASTS_SECONDS);
    let mut told = json!({"headers": {"Location": location}, "statusCode": 302});
    if !call.request.by_get {
        told["attempt"] = kept.into();
        return Ok(Reply::of(&told).set_cookie(cookie));
    }
    if cookie.is_none() {
        let why = "the attempt would be in a cookie, and there are none here: ask by POST";
        return Err(Fault::new(Id::CookieUnsupported, why));
    }
    let location = HeaderValue::try_from(location);
    let location = location.map_err(|_| Fault::new(Id::Unexpected, "the issuer's address"))?;
    Ok(Reply::of(&told).set_cookie(cookie).send_to(location))
}

/// Where a browser goes on that came back to the gateway itself.
fn landing_page(call: KuzzleCall<'_>, issuer: IssuerLogin<'_>) -> Result<HeaderValue, Fault> {
    let landing = issuer
        .landing()
        .and_then(|page| HeaderValue::try_from(page).ok());
    let landing = landing.ok_or_else(|| {
        let why = "show the code by POST: there is no page to go on to";
        Fault::new(Id::BadVerb, why).props(["GET"])
    })?;
    let has_cookies =
        call.request.transport == Transport::Http && call.app.cookies.attempt("null", 0).is_some();
    if has_cookies {
        Ok(landing)
    } else {
        let why = "the session would be in a cookie, and there are none here";
        Err(Fault::new(Id::CookieUnsupported, why))
    }
}

/// Who came back, if it is the browser that was sent.
async fn exchanged_bearer(
    call: KuzzleCall<'_>,
    issuer: IssuerLogin<'_>,
    brought: LoginCallback,
) -> Result<TokenBearer, Fault> {
    let (app, (strategy, name)) = (call.app, issuer.names());
    let keys = &app.access.keys;
    let kept = brought.attempt.or(call.request.cookie.attempt.clone());
    let attempt = kept.and_then(|kept| LoginAttempt::read(&kept, strategy, keys, app.now()));
    let attempt = attempt.ok_or_else(|| rejected(call, "the attempt is not known, or too old"))?;
    let secrets: AttemptSecrets = attempt.secrets(strategy, keys);
    let state = brought.state.unwrap_or_default();
    if !is_same_text(&state, &secrets.state) {
        return Err(rejected(call, "the state is of another attempt"));
    }
    if brought.issuer.is_some_and(|issuer| issuer != name) {
        return Err(rejected(call, "another issuer sent the browser back"));
    }
    let Some(code) = brought.code.filter(|_| brought.error.is_none()) else {
        return Err(rejected(call, "the issuer refuses the log-in"));
    };
    let used = security_write::use_attempt(app, call.actor(), &attempt.id).await;
    used.map_err(|problem| match problem.code() {
        Code::Exists => rejected(call, "the attempt was used before"),
        _ => problem.into(),
    })?;
    let exchanged = issuer.exchange(&code, &secrets).await;
    exchanged.map_err(|fault| refusal_of(call, strategy, fault))
}

/// A session of whoever the issuer says that it is.
async fn issued_session(
    call: KuzzleCall<'_>,
    bearer: TokenBearer,
    ttl: i64,
) -> Result<UserSession, Fault> {
    let app = call.app;
    let sessions = security_write::open_account(app, call.actor(), &bearer.name).await?;
    let mut session = begin_session(app, &bearer.name, &sessions, ttl);
    let issued = IssuedPrincipal {
        groups: bearer.groups,
        attributes: bearer.attributes,
    };
    session.issued = Some(Box::new(issued));
    if UserSession::fits(&session.sign(&app.access.keys)) {
        Ok(session)
    } else {
        warn!(
            kuid = session.kuid,
            "no log-in: the attributes and groups are longer than a session may be"
        );
        Err(rejected(
            call,
            "there is too much to be said of the principal",
        ))
    }
}

/// Who tries is told what is wrong with what the browser brought, which is the browser's own.
fn rejected(call: KuzzleCall<'_>, why: &str) -> Fault {
    call.app.login_failed(call.request.address, None);
    Fault::new(Id::LoginFailed, format!("no log-in: {why}; begin again"))
}

/// What is wrong with what the issuer said is for the log.
fn refusal_of(call: KuzzleCall<'_>, strategy: &str, fault: LoginFault) -> Fault {
    match fault {
        LoginFault::Away(_) | LoginFault::Token(TokenFault::NoKeys(_)) => {
            warn!(strategy, %fault, "no log-in: the issuer cannot be asked");
            let why = "the issuer cannot be asked now";
            Problem::new(Code::SecurityStale, why).retry_after(5).into()
        }
        fault => {
            debug!(strategy, %fault, "no log-in by the issuer");
            rejected(call, "the issuer does not say who it is")
        }
    }
}
