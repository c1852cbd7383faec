//! Before an action is carried out: whose request it is, whether the caller may do it there, and
//! whether nothing of it would be left out. Nothing is carried out that did not pass here. Writes of a
//! caller who cannot be looked at: see ADR 39.

mod placing;

use super::{Fault, KuzzleCall, Request, fault::Id, members, routes, table::Action};
use crate::{
    access::{AccessError, Caller, Denied, system},
    app::Shared,
    error::Problem,
    transport::tls::client_certificate::ShownCertificate,
};
pub(super) use placing::Placing;
use rights::ActionPlace;
use serde_json::Value;
use std::sync::{Arc, OnceLock};

/// The action of the request, whose caller is known from here on.
pub(super) async fn admit_action(
    app: &Shared,
    request: &mut Request,
) -> Result<&'static Action, Fault> {
    let action = routes::find_action(&request.controller, &request.action)?;
    if !action.writes {
        request.turn.end();
    }
    request.caller = admitted_caller(app, request).await?;
    authorise_action(request, action)?;
    count_request(app, request)?;
    members::check_members(request, action)?;
    Ok(action)
}

/// Likewise, as far as the head of an HTTP request says, before its body is read.
pub(super) async fn admit_head(app: &Shared, request: &mut Request) -> Result<(), Fault> {
    let action = routes::find_action(&request.controller, &request.action)?;
    request.caller = admitted_caller(app, request).await?;
    authorise_action(request, action)
}

/// By what a request says whose it is.
#[derive(Clone, Copy)]
struct ShownIdentity<'r> {
    token: Option<&'r str>,
    certificate: Option<&'r Arc<ShownCertificate>>,
    /// Who the connection's cookie was found to be when it was looked at first.
    begun: Option<&'r OnceLock<Caller>>,
}

/// Whose request it is. A write that a worker decides, who looks at its caller then, is let in for one
/// whom this gateway knew and cannot look at.
async fn admitted_caller(app: &Shared, request: &Request) -> Result<Caller, Fault> {
    let shown = shown_identity(request)?;
    match identify_shown(app, shown).await {
        Err(AccessError::Stale(why)) => {
            let decided = is_decided_write(request).then_some(());
            let certificate = shown.certificate.map(|shown| &**shown);
            let known = decided.and_then(|()| app.access.known_before(shown.token, certificate));
            Ok(known.ok_or(AccessError::Stale(why))?)
        }
        identified => Ok(identified?),
    }
}

/// By the token that it shows, or by the session in a cookie, or else by the certificate of its
/// connection.
fn shown_identity(request: &Request) -> Result<ShownIdentity<'_>, Fault> {
    let jwt = request.jwt.as_deref().filter(|jwt| !jwt.is_empty());
    let cookie = request.cookie.token.as_deref();
    let token = match (jwt, cookie.filter(|_| !begins_anew(request))) {
        (_, None) => {
            return Ok(ShownIdentity {
                token: jwt,
                certificate: request.certificate.as_ref(),
                begun: None,
            });
        }
        (Some(_), Some(_)) => {
            let why = "the request shows a token and a session in a cookie: one of them";
            return Err(Fault::new(Id::TokenInvalid, why));
        }
        (None, Some(token)) => token,
    };
    if let Some(refusal) = request.cookie.refusal {
        return Err(Fault::new(Id::CookieInvalid, refusal.to_string()));
    }
    Ok(ShownIdentity {
        token: Some(token),
        certificate: None,
        begun: request.cookie.begun.as_deref(),
    })
}

async fn identify_shown(app: &Shared, shown: ShownIdentity<'_>) -> Result<Caller, AccessError> {
    let Some(begun) = shown.begun else {
        return app.identify_head(shown.token, shown.certificate).await;
    };
    if let Some(begun) = begun.get() {
        return app.access.identify_again(begun, shown.token).await;
    }
    let caller = app.identify(shown.token).await?;
    // Another request of the connection may have been first, with the same cookie.
    begun.get_or_init(|| caller.clone());
    Ok(caller)
}

/// Is it decided by a worker as a whole? What is also asked for what stands, or finds by a search what
/// it writes, is not.
fn is_decided_write(request: &Request) -> bool {
    let is_plain = match (request.controller.as_str(), request.action.as_str()) {
        ("bulk", "write" | "mWrite" | "import") => true,
        ("document", action) => match action {
            "create" | "createOrReplace" | "replace" | "mCreate" | "mCreateOrReplace"
            | "mReplace" | "mDelete" => true,
            "update" | "upsert" | "delete" | "deleteFields" => {
                request.flag("source").is_ok_and(|source| !source)
            }
            // Answered with what stands unless that is declined.
            "mUpdate" | "mUpsert" => {
                let declined = request
                    .args
                    .get("source")
                    .is_some_and(|given| !given.is_null());
                declined && request.flag("source").is_ok_and(|source| !source)
            }
            _ => false,
        },
        _ => false,
    };
    is_plain && request.args.get("after").is_none_or(Value::is_null)
}

/// Whoever logs in, or asks what becomes of a cookie, is not known by an old one.
fn begins_anew(request: &Request) -> bool {
    let (is_login, asks) = (request.action == "login", request.action == "checkToken");
    let by_cookie = request.flag("cookieAuth").is_ok_and(|given| given);
    // A browser that another issuer sent back says of no page that asks.
    let is_sent_back = is_login && request.by_get;
    request.controller == "auth" && (((is_login || asks) && by_cookie) || is_sent_back)
}

/// One request more of its caller. Whoever is logged in may always log out.
fn count_request(app: &Shared, request: &Request) -> Result<(), Fault> {
    let leaves = (request.controller.as_str(), request.action.as_str()) == ("auth", "logout");
    if leaves && !request.caller.is_anonymous() {
        return Ok(());
    }
    let counted = app.access.count(&request.caller, request.address);
    counted.map_err(|reached| Problem::from(reached).into())
}

/// Its name; what ends a session of one's own from afar is a log-out, and who may log out may see what
/// there is to end.
fn right_of(action: &Action) -> (&'static str, &'static str) {
    match (action.controller, action.name) {
        ("auth", "getMySessions" | "endMySession") => ("auth", "logout"),
        named => named,
    }
}

fn authorise_action(request: &Request, action: &Action) -> Result<(), Fault> {
    let right = right_of(action);
    let index = request.index.as_deref().filter(|index| !index.is_empty());
    if index.is_some_and(system::is_index) {
        let index = index.unwrap_or_default();
        let why = format!("the index \"{index}\" does not exist");
        return Err(Fault::new(Id::UnknownIndex, why).props([index]));
    }
    let place = match (
        placing::action_placing(action),
        index,
        request.collection.as_deref(),
    ) {
        (None, ..) => {
            let why = format!(
                "no right is known for {}:{}",
                action.controller, action.name
            );
            return Err(Fault::new(Id::Forbidden, why).props([action.controller, action.name]));
        }
        (Some(Placing::Everywhere), ..) => ActionPlace::Everywhere,
        (Some(Placing::Inside), ..) | (Some(Placing::Named), None, _) => ActionPlace::Nowhere,
        (Some(Placing::Named), Some(index), None | Some("")) => ActionPlace::Index(index),
        (Some(Placing::Named), Some(index), Some(name)) => ActionPlace::Collection(index, name),
    };
    Ok(request.caller.check(right, place)?)
}

/// May the caller do what the request asks for in this collection, too, which it does not name?
pub(super) fn check_collection(
    call: KuzzleCall<'_>,
    index: &str,
    collection: &str,
) -> Result<(), Fault> {
    let request = call.request;
    let right = (request.controller.as_str(), request.action.as_str());
    let place = ActionPlace::Collection(index, collection);
    Ok(request.caller.check(right, place)?)
}

impl From<AccessError> for Fault {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Invalid | AccessError::Reused(_) => {
                Self::new(Id::TokenInvalid, "invalid token")
            }
            AccessError::Stale(why) => {
                let why = format!("who the caller is cannot be read now: {why}");
                Self::new(Id::SecurityStale, why).retry_after(Some(1))
            }
        }
    }
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        let (controller, action) = (denied.controller.as_str(), denied.action.as_str());
        match &denied.kuid {
            None => {
                let why = format!(
                    "unauthorized: authentication is required to use {controller}:{action}"
                );
                Fault::new(Id::Unauthorized, why).props([controller, action])
            }
            Some(kuid) => {
                let why = format!(
                    "forbidden: the user \"{kuid}\" may not use {controller}:{action} here"
                );
                Fault::new(Id::Forbidden, why).props([controller, action, kuid])
            }
        }
    }
}
