//! Users.

use super::{
    super::{Fault, KuzzleCall, Reply, fault::Id},
    credentials::{self, NewCredentials},
    may_grant, of_user, search, wait_for_refresh,
};
use crate::{
    access::{accounts, system},
    error::Code,
    kuzzle::{auth::LOCAL, metadata::MEMBER},
    security_events, security_write,
};
use rights::ActionPlace;
use runtime::random;
use serde_json::{Map, Value, json};

/// A user as it is shown.
pub(crate) struct ShownUser {
    pub members: Map<String, Value>,
    pub revision: u64,
}

impl ShownUser {
    pub(crate) fn profiles(&self) -> Vec<String> {
        let ids = self.members.get("profileIds").and_then(Value::as_array);
        let texts = ids.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }
}

pub(super) fn unknown_user(kuid: &str) -> Fault {
    Fault::new(
        Id::UnknownUser,
        format!("the user \"{kuid}\" does not exist"),
    )
    .props([kuid])
}

pub(crate) async fn read_user(call: KuzzleCall<'_>, kuid: &str) -> Result<ShownUser, Fault> {
    let found = call
        .app
        .access
        .accounts()
        .document(system::USERS, kuid)
        .await?;
    let found = found.ok_or_else(|| unknown_user(kuid))?;
    Ok(ShownUser {
        members: accounts::document_members(&found)?,
        revision: found.revision,
    })
}

/// The profiles that a body asks for.
pub(super) fn profile_ids(content: &Map<String, Value>) -> Result<Vec<String>, Fault> {
    let wrong = || Fault::wrong_type("profileIds", "array of strings");
    let given = content
        .get("profileIds")
        .ok_or_else(|| Fault::missing("profileIds"))?;
    let mut ids = Vec::new();
    for id in given.as_array().ok_or_else(wrong)? {
        ids.push(id.as_str().ok_or_else(wrong)?.to_owned());
    }
    if ids.is_empty() {
        return Err(Fault::new(
            Id::EmptyArgument,
            "\"profileIds\" must not be empty",
        ));
    }
    Ok(ids)
}

/// They are there, and the caller may do all that they allow; those that are `held` are not asked
/// about.
async fn may_give(call: KuzzleCall<'_>, ids: &[String], held: &[String]) -> Result<(), Fault> {
    let known = call.app.access.state.current().await?;
    known.set.check_profiles(ids.iter().map(String::as_str))?;
    let fresh = ids
        .iter()
        .filter(|id| !held.contains(id))
        .map(String::as_str);
    may_grant(call, &known.set.compile(fresh))
}

/// Whoever acts for a user must be allowed what that user is. A profile that is not there any more
/// allows nothing.
pub(super) async fn may_act_for(call: KuzzleCall<'_>, kuid: &str) -> Result<ShownUser, Fault> {
    let user = read_user(call, kuid).await?;
    may_take(call, &user.profiles(), &[]).await?;
    Ok(user)
}

/// The caller may do all that these profiles allow which are not `kept`.
async fn may_take(call: KuzzleCall<'_>, held: &[String], kept: &[String]) -> Result<(), Fault> {
    let known = call.app.access.state.current().await?;
    let taken = held.iter().filter(|id| !kept.contains(id));
    may_grant(call, &known.set.compile(taken.map(String::as_str)))
}

/// A user that is to be.
pub(super) struct NewUser {
    pub kuid: String,
    pub content: Map<String, Value>,
    pub credentials: Option<NewCredentials>,
    pub admin: bool,
}

/// The id that the request asks for, or one that nobody had before.
pub(super) fn wanted_id(call: KuzzleCall<'_>) -> Result<String, Fault> {
    match call.request.id.as_deref() {
        None => Ok(format!(
            "kuid-{}",
            uuid::Uuid::from_bytes(crate::write::identify::random_bytes())
        )),
        Some(id) => check_new_id(call, id).map(|()| id.to_owned()),
    }
}

/// May a user be called this?
pub(super) fn check_new_id(call: KuzzleCall<'_>, id: &str) -> Result<(), Fault> {
    match id {
        "-1" | "anonymous" | "" => Err(Fault::invalid(
            "_id",
            "an id that is not that of the anonymous user",
        )),
        id => {
            let checked = crate::request::path::check_id(id);
            checked.map_err(|problem| Fault::invalid("_id", problem.detail()))?;
            if call.app.access.issuers.owns_name(id) {
                let wanted = "an id that is not a name of another issuer's principals";
                return Err(Fault::invalid("_id", wanted));
            }
            Ok(())
        }
    }
}

/// The members `content` and `credentials` of the body.
pub(super) fn body_parts(
    call: KuzzleCall<'_>,
) -> Result<(Map<String, Value>, Option<Value>), Fault> {
    let mut body = call.request.members()?;
    let content = match body.remove("content") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(content)) => content,
        Some(_) => return Err(Fault::wrong_type("body.content", "object")),
    };
    Ok((
        content,
        body.remove("credentials").filter(|given| !given.is_null()),
    ))
}

pub(super) fn no_profiles(content: &Map<String, Value>) -> Result<(), Fault> {
    if content.contains_key("profileIds") {
        let why = "the argument \"body.content.profileIds\" may not be given here";
        return Err(Fault::new(Id::ForbiddenArgument, why).props(["body.content.profileIds"]));
    }
    Ok(())
}

/// Writes a new user, and shows it.
pub(super) async fn add_user(call: KuzzleCall<'_>, new: NewUser) -> Result<Reply, Fault> {
    let kuid = new.kuid.clone();
    let content = write_new(call, new).await?;
    wait_for_refresh(call, system::USERS).await?;
    Ok(Reply::of(
        &json!({"_id": kuid, "_version": 1, "_source": content}),
    ))
}

/// Writes a new user; what is shown of it from now on.
pub(super) async fn write_new(
    call: KuzzleCall<'_>,
    new: NewUser,
) -> Result<Map<String, Value>, Fault> {
    let NewUser {
        kuid,
        mut content,
        credentials,
        admin,
    } = new;
    let author = call.request.caller.kuid();
    let info =
        json!({"author": author, "createdAt": call.app.now(), "updatedAt": null, "updater": null});
    content.insert(MEMBER.to_owned(), info);
    let mut request = json!({
        "kuid": kuid,
        "user": content,
        "sessions": credentials::fresh_name(),
        "birth": credentials::fresh_name(),
    });
    if let Some(NewCredentials { username, hash }) = credentials {
        request["username"] = username.into();
        request["hash"] = hash.into();
    }
    if admin {
        request["admin"] = true.into();
    }
    let written =
        security_write::write_internal(call.app, call.actor(), "security.createUser", &request)
            .await;
    written.map_err(|problem| of_user(problem, &kuid))?;
    Ok(content)
}

pub(crate) async fn create(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (content, given) = body_parts(call)?;
    may_give(call, &profile_ids(&content)?, &[]).await?;
    let credentials = credentials::new_credentials(call, given).await?;
    let kuid = wanted_id(call)?;
    add_user(
        call,
        NewUser {
            kuid,
            content,
            credentials,
            admin: false,
        },
    )
    .await
}

/// Self-registration: the profile `default`, whatever the caller may do.
pub(crate) async fn create_restricted(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (mut content, given) = body_parts(call)?;
    no_profiles(&content)?;
    content.insert("profileIds".to_owned(), json!(["default"]));
    let credentials = credentials::new_credentials(call, given).await?;
    let kuid = wanted_id(call)?;
    // Operations compare a caller with the owner of what they change: who registers himself takes
    // no id that may mean somebody already.
    if call.request.id.is_some() {
        let right = ("security", "createUser");
        call.request.caller.check(right, ActionPlace::Nowhere)?;
    }
    add_user(
        call,
        NewUser {
            kuid,
            content,
            credentials,
            admin: false,
        },
    )
    .await
}

pub(crate) async fn get(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = call.request.id()?;
    let user = read_user(call, kuid).await?;
    Ok(Reply::of(
        &json!({"_id": kuid, "_version": user.revision, "_source": user.members}),
    ))
}

pub(crate) async fn mget(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let ids = super::requested_ids(call)?;
    let wanted: Vec<&str> = ids.iter().map(String::as_str).collect();
    let found = call
        .app
        .access
        .accounts()
        .documents(system::USERS, &wanted)
        .await?;
    let mut hits = Vec::new();
    for (id, document) in ids.iter().zip(found) {
        let document = document.ok_or_else(|| unknown_user(id))?;
        hits.push(json!({"_id": id, "_source": accounts::document_members(&document)?}));
    }
    Ok(Reply::of(&json!({"hits": hits})))
}

/// Writes what a user becomes, of what stands; again if another came between.
async fn change_user(
    call: KuzzleCall<'_>,
    kuid: &str,
    make: impl Fn(&Map<String, Value>) -> Map<String, Value>,
) -> Result<Reply, Fault> {
    for _ in 0..8 {
        let user = read_user(call, kuid).await?;
        let mut members = make(&user.members);
        let held = user.profiles();
        let wanted = profile_ids(&members)?;
        may_give(call, &wanted, &held).await?;
        if call.request.caller.kuid() == kuid {
            // Whoever takes a profile away must be allowed to give it, too.
            may_take(call, &held, &wanted).await?;
        } else {
            // Nothing of who may do more is changed.
            may_take(call, &held, &[]).await?;
        }
        let mut info = user
            .members
            .get(MEMBER)
            .cloned()
            .unwrap_or_else(|| json!({}));
        info["updatedAt"] = call.app.now().into();
        info["updater"] = call.request.caller.kuid().into();
        members.insert(MEMBER.to_owned(), info);
        let request = json!({"kuid": kuid, "user": members, "if_version": user.revision});
        let actor = call.actor();
        let written =
            security_write::write_internal(call.app, actor, "security.writeUser", &request).await;
        if security_write::is_accepted(&written) {
            let event = security_events::user_changed(actor, kuid, &held, &wanted);
            call.app.security_log.record(event);
        }
        match written {
            Ok(()) => {
                security_write::forget_everywhere(call.app).await;
                wait_for_refresh(call, system::USERS).await?;
                let shown = json!({"_id": kuid, "_version": user.revision + 1, "_source": members});
                return Ok(Reply::of(&shown));
            }
            Err(problem) if problem.code() == Code::Version => {}
            Err(problem) => return Err(of_user(problem, kuid)),
        }
    }
    let why = "others change this user all the time; nothing was changed";
    Err(Fault::new(Id::Overloaded, why).retry_after(Some(1)))
}

/// Merges members at the top level.
pub(crate) async fn merge_user(
    call: KuzzleCall<'_>,
    kuid: &str,
    mut changes: Map<String, Value>,
) -> Result<Reply, Fault> {
    changes.remove(MEMBER);
    change_user(call, kuid, |members| {
        let mut members = members.clone();
        members.extend(changes.clone());
        members
    })
    .await
}

pub(crate) async fn update(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    merge_user(call, call.request.id()?, call.request.members()?).await
}

pub(crate) async fn replace(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    replace_content(call, call.request.id()?, call.request.members()?).await
}

/// Everything that is shown of a user, anew.
pub(super) async fn replace_content(
    call: KuzzleCall<'_>,
    kuid: &str,
    mut content: Map<String, Value>,
) -> Result<Reply, Fault> {
    content.remove(MEMBER);
    profile_ids(&content)?;
    change_user(call, kuid, |_| content.clone()).await
}

async fn remove_user(call: KuzzleCall<'_>, kuid: &str) -> Result<(), Fault> {
    may_act_for(call, kuid).await?;
    let request = json!({"kuid": kuid});
    let gone =
        security_write::write_internal(call.app, call.actor(), "security.deleteUser", &request)
            .await;
    gone.map_err(|problem| of_user(problem, kuid))
}

pub(crate) async fn delete(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = call.request.id()?;
    remove_user(call, kuid).await?;
    security_write::forget_everywhere(call.app).await;
    wait_for_refresh(call, system::USERS).await?;
    Ok(Reply::of(&json!({"_id": kuid})))
}

pub(crate) async fn mdelete(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let mut gone = Vec::new();
    let mut failed = None;
    for kuid in super::requested_ids(call)? {
        match remove_user(call, &kuid).await {
            Ok(()) => gone.push(kuid),
            Err(fault) => {
                failed = Some(fault);
                break;
            }
        }
    }
    // Those before one that could not be deleted are gone for good, too.
    security_write::forget_everywhere(call.app).await;
    wait_for_refresh(call, system::USERS).await?;
    match failed {
        None => Ok(Reply::of(&gone)),
        Some(fault) => Err(fault),
    }
}

pub(crate) async fn search(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let request = search::of_body(call)?;
    let (hits, total) = search::run_search(call, system::USERS, request, None).await?;
    let shown: Vec<Value> = hits
        .into_iter()
        .map(|hit| json!({"_id": hit.id, "_source": hit.source}))
        .collect();
    Ok(Reply::of(&json!({"hits": shown, "total": total})))
}

pub(crate) async fn rights(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let user = read_user(call, call.request.id()?).await?;
    let known = call.app.access.state.current().await?;
    let hits = known.set.listed(user.profiles().iter().map(String::as_str));
    Ok(Reply::of(&json!({"total": hits.len(), "hits": hits})))
}

pub(crate) async fn check_rights(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = call
        .request
        .text("userId")?
        .ok_or_else(|| Fault::missing("userId"))?;
    let user = read_user(call, kuid).await?;
    let known = call.app.access.state.current().await?;
    super::check_allowed(
        call,
        &known
            .set
            .compile(user.profiles().iter().map(String::as_str)),
    )
}

pub(crate) async fn strategies(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = call.request.id()?;
    let account = call.app.access.accounts().account(kuid).await?;
    let account = account.ok_or_else(|| unknown_user(kuid))?;
    let strategies: &[&str] = if account.username.is_some() {
        &[LOCAL]
    } else {
        &[]
    };
    Ok(Reply::of(
        &json!({"strategies": strategies, "total": strategies.len()}),
    ))
}

/// Ends all sessions and all API keys.
pub(crate) async fn revoke(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = call.request.id()?;
    match call.app.access.issuers.greatest_profiles(kuid) {
        Some(profiles) => may_take(call, &profiles, &[]).await?,
        None => drop(may_act_for(call, kuid).await?),
    }
    let (sessions, birth) = (
        format!("{:032x}", random::<u128>()),
        credentials::fresh_name(),
    );
    let request = json!({"kuid": kuid, "sessions": sessions, "birth": birth, "certificates_from": call.app.now()});
    let ended =
        security_write::write_internal(call.app, call.actor(), "security.endSessions", &request)
            .await;
    ended.map_err(|problem| of_user(problem, kuid))?;
    security_write::forget_everywhere(call.app).await;
    Ok(Reply::nothing())
}
