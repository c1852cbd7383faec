//! Names and passwords. A hash goes from here to the record and is never shown.

use super::{
    super::{Fault, KuzzleCall, Reply, fault::Id},
    of_user, users,
};
use crate::{
    access::{
        AccessError,
        accounts::{Account, honours_caller},
        password,
    },
    error::{Code, Problem},
    kuzzle::auth::{self, LOCAL},
    security_write,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// What a user is to log in by.
pub(super) struct NewCredentials {
    pub username: String,
    pub hash: String,
}

/// A name that nobody had before.
pub(super) fn fresh_name() -> String {
    format!("{:032x}", runtime::random::<u128>())
}

fn credential_text(given: &Value, name: &str) -> Result<Option<String>, Fault> {
    match given.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Err(Fault::new(
            Id::EmptyArgument,
            format!("\"{name}\" must not be empty"),
        )
        .props([name])),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Fault::wrong_type(name, "string")),
    }
}

/// Name and password of the local strategy, judged; the name may stand already. What was shown of
/// credentials may be sent back: the user's id, which is not changed.
fn judge_credentials(
    given: &Value,
    stands: Option<&str>,
    kuid: Option<&str>,
) -> Result<(String, Option<Zeroizing<String>>), Fault> {
    let members = given
        .as_object()
        .ok_or_else(|| Fault::wrong_type("credentials", "object"))?;
    let known = ["username", "password", "kuid"];
    if let Some(other) = members.keys().find(|name| !known.contains(&name.as_str())) {
        let why = format!("unexpected argument \"{other}\" (accepted are: username, password)");
        return Err(Fault::new(Id::UnexpectedArgument, why).props([other, "username, password"]));
    }
    let other = credential_text(given, "kuid")?;
    if other.is_some() && other.as_deref() != kuid {
        let why = "the id of the user whose credentials they are";
        return Err(Fault::invalid("kuid", why));
    }
    let username = credential_text(given, "username")?.or_else(|| stands.map(str::to_owned));
    let username = username.ok_or_else(|| Fault::missing("username"))?;
    let checked = crate::request::path::check_id(&username);
    checked.map_err(|problem| Fault::invalid("username", problem.detail()))?;
    let password = credential_text(given, "password")?.map(Zeroizing::new);
    if let Some(password) = &password {
        let weak = |weak: password::WeakPassword| Fault::new(Id::WeakPassword, weak.to_string());
        password::check_password(password, &username).map_err(weak)?;
    }
    Ok((username, password))
}

async fn hash_password(call: KuzzleCall<'_>, password: Zeroizing<String>) -> Result<String, Fault> {
    call.app
        .access
        .passwords
        .hash(password)
        .await
        .map_err(|_| auth::busy_fault())
}

/// Of `{local: {username, password}}`.
pub(super) async fn new_credentials(
    call: KuzzleCall<'_>,
    given: Option<Value>,
) -> Result<Option<NewCredentials>, Fault> {
    let Some(given) = given else {
        return Ok(None);
    };
    let strategies = given
        .as_object()
        .ok_or_else(|| Fault::wrong_type("body.credentials", "object"))?;
    if let Some(other) = strategies.keys().find(|name| *name != LOCAL) {
        return Err(auth::unknown_strategy(other));
    }
    let Some(local) = strategies.get(LOCAL) else {
        return Ok(None);
    };
    let (username, password) = judge_credentials(local, None, call.request.id.as_deref())?;
    let password = password.ok_or_else(|| Fault::missing("password"))?;
    Ok(Some(NewCredentials {
        username,
        hash: hash_password(call, password).await?,
    }))
}

fn body_value(call: KuzzleCall<'_>) -> Result<Value, Fault> {
    Ok(Value::Object(call.request.members()?))
}

fn rejected_credentials(why: &str) -> Fault {
    Fault::new(Id::CredentialsRejected, why)
}

/// The account as it stands, which the caller may change: if it is his own, his session or key is
/// still among what it honours. What is written of it is refused if it changed since.
pub(super) async fn changeable_account(call: KuzzleCall<'_>, kuid: &str) -> Result<Account, Fault> {
    let account = call.app.access.accounts().account(kuid).await?;
    let account = account.ok_or_else(|| users::unknown_user(kuid))?;
    if honours_caller(&account, &call.request.caller, kuid) {
        Ok(account)
    } else {
        Err(AccessError::Invalid.into())
    }
}

/// Writes a name, and a password's hash if there is a new one.
async fn set_credentials(
    call: KuzzleCall<'_>,
    kuid: &str,
    stands: &Account,
    (username, hash): (&str, Option<String>),
) -> Result<Reply, Fault> {
    let caller = &call.request.caller;
    // Whoever changes his own password stays logged in where he does it.
    let own = caller.session().filter(|session| session.kuid == kuid);
    let kept = own.map_or("", |session| session.sid.as_str());
    let mut request = json!({"kuid": kuid, "username": username, "sessions": fresh_name(), "kept": kept, "was": stands.sessions});
    if let Some(hash) = hash {
        request["hash"] = hash.into();
    }
    let set =
        security_write::write_internal(call.app, call.actor(), "security.setCredentials", &request)
            .await;
    set.map_err(|problem| of_account(problem, kuid))?;
    security_write::forget_everywhere(call.app).await;
    Ok(Reply::of(&json!({"username": username, "kuid": kuid})))
}

fn of_account(problem: Problem, kuid: &str) -> Fault {
    if problem.code() == Code::Rule && problem.pointer() == Some("/was") {
        let why = "another changed the account meanwhile; nothing was changed";
        Fault::new(Id::Overloaded, why).retry_after(Some(1))
    } else {
        of_user(problem, kuid)
    }
}

pub(crate) async fn create(call: KuzzleCall<'_>, kuid: &str) -> Result<Reply, Fault> {
    let account = changeable_account(call, kuid).await?;
    if account.username.is_some() {
        return Err(rejected_credentials("the user has credentials already"));
    }
    let (username, password) = judge_credentials(&body_value(call)?, None, Some(kuid))?;
    let password = password.ok_or_else(|| Fault::missing("password"))?;
    let hash = Some(hash_password(call, password).await?);
    set_credentials(call, kuid, &account, (&username, hash)).await
}

pub(crate) async fn update(call: KuzzleCall<'_>, kuid: &str) -> Result<Reply, Fault> {
    let account = changeable_account(call, kuid).await?;
    let Some(stands) = &account.username else {
        return Err(rejected_credentials("the user has no credentials yet"));
    };
    let (username, password) = judge_credentials(&body_value(call)?, Some(stands), Some(kuid))?;
    let hash = match password {
        Some(password) => Some(hash_password(call, password).await?),
        None => None,
    };
    set_credentials(call, kuid, &account, (&username, hash)).await
}

pub(crate) async fn delete(call: KuzzleCall<'_>, kuid: &str) -> Result<Reply, Fault> {
    let stands = changeable_account(call, kuid).await?;
    let request = json!({"kuid": kuid, "sessions": fresh_name(), "was": stands.sessions});
    let gone = security_write::write_internal(
        call.app,
        call.actor(),
        "security.dropCredentials",
        &request,
    )
    .await;
    gone.map_err(|problem| of_account(problem, kuid))?;
    security_write::forget_everywhere(call.app).await;
    Ok(Reply::of(&json!({"acknowledged": true})))
}

pub(crate) async fn exist(call: KuzzleCall<'_>, kuid: &str) -> Result<Reply, Fault> {
    let account = call.app.access.accounts().account(kuid).await?;
    Ok(Reply::of(
        &account.is_some_and(|account| account.username.is_some()),
    ))
}

pub(crate) async fn shown_credentials(call: KuzzleCall<'_>, kuid: &str) -> Result<Reply, Fault> {
    let account = call.app.access.accounts().account(kuid).await?;
    let username = account.ok_or_else(|| users::unknown_user(kuid))?.username;
    let username = username.ok_or_else(|| {
        Fault::new(
            Id::NotFound,
            format!("the user \"{kuid}\" has no credentials"),
        )
        .props([kuid])
    })?;
    Ok(Reply::of(&json!({"username": username, "kuid": kuid})))
}

/// Would they be taken?
pub(crate) async fn validate(call: KuzzleCall<'_>, kuid: Option<&str>) -> Result<Reply, Fault> {
    let stands = match kuid {
        Some(kuid) => call.app.access.accounts().account(kuid).await?,
        None => None,
    };
    let stands = stands.and_then(|account| account.username);
    let (username, _) = judge_credentials(&body_value(call)?, stands.as_deref(), kuid)?;
    let owner = call.app.access.accounts().by_username(&username).await?;
    match owner {
        Some((owner, _)) if kuid != Some(owner.as_str()) => Err(Fault::new(
            Id::UsernameTaken,
            "another user logs in by this name",
        )),
        Some(_) | None => Ok(Reply::of(&true)),
    }
}

/// The user whom the request names; who sets a password may log in by it, so he must be allowed
/// what that user is.
async fn acted_for(call: KuzzleCall<'_>) -> Result<&str, Fault> {
    auth::expect_strategy(call)?;
    let kuid = call.request.id()?;
    users::may_act_for(call, kuid).await?;
    Ok(kuid)
}

pub(crate) async fn create_of(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    create(call, acted_for(call).await?).await
}

pub(crate) async fn update_of(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    update(call, acted_for(call).await?).await
}

pub(crate) async fn delete_of(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    delete(call, acted_for(call).await?).await
}

pub(crate) async fn exist_of(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    auth::expect_strategy(call)?;
    exist(call, call.request.id()?).await
}

pub(crate) async fn shown_of(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    auth::expect_strategy(call)?;
    shown_credentials(call, call.request.id()?).await
}

/// `_id` is the name that the user logs in by.
pub(crate) async fn shown_by_name(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    auth::expect_strategy(call)?;
    let username = call.request.id()?;
    let known = call.app.access.accounts().by_username(username).await?;
    let (kuid, _) = known.ok_or_else(|| {
        Fault::new(Id::NotFound, format!("no user logs in as \"{username}\"")).props([username])
    })?;
    Ok(Reply::of(&json!({"username": username, "kuid": kuid})))
}

pub(crate) async fn validate_of(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    auth::expect_strategy(call)?;
    validate(call, call.request.id.as_deref()).await
}

pub(crate) async fn fields(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    auth::expect_strategy(call)?;
    Ok(Reply::of(&json!(["username", "password"])))
}

pub(crate) async fn all_fields(_: KuzzleCall<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(&json!({LOCAL: ["username", "password"]})))
}
