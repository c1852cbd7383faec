//! Roles, profiles, users and API keys of another deployment, as `admin:loadSecurities` and `consign
//! security import` bring them. What is there already stays as it is or is written anew, so that the
//! same can be loaded twice; each item has an outcome of its own. Nobody loads more than he has.

use super::{
    super::{Fault, KuzzleCall, Reply, fault::Id},
    credentials::{self, NewCredentials},
    may_grant, of_user, profiles, rights_change, roles,
    users::{self, NewUser},
    wait_for_refresh,
};
use crate::{
    access::{accounts, api_key::is_fingerprint, password::imported::KuzzleHash, system},
    error::Code,
    kuzzle::metadata::MEMBER,
    security_write,
};
use futures::{StreamExt, stream};
use rights::{RightsProfile, RightsSet, Role, base};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Writes on their way at once.
const AT_ONCE: usize = 8;

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum LoadOutcome {
    Created,
    Changed,
    /// It is there, and the same.
    Unchanged,
    /// It is there, and stays as it is.
    Kept,
    Failed,
}

#[derive(Debug, Serialize)]
struct LoadedItem {
    kind: &'static str,
    id: String,
    outcome: LoadOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<LoadError>,
}

#[derive(Debug, Serialize)]
struct LoadError {
    id: &'static str,
    message: String,
}

impl LoadedItem {
    fn of(kind: &'static str, id: &str, outcome: Result<LoadOutcome, Fault>) -> Self {
        let (outcome, error) = match outcome {
            Ok(outcome) => (outcome, None),
            Err(fault) => {
                let error = LoadError {
                    id: fault.id().row().name,
                    message: fault.message().to_owned(),
                };
                (LoadOutcome::Failed, Some(error))
            }
        };
        Self {
            kind,
            id: id.to_owned(),
            outcome,
            error,
        }
    }
}

/// What is done with users who are there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ExistingUsers {
    Fail,
    Skip,
    Overwrite,
}

/// How it is loaded.
#[derive(Clone, Copy)]
struct LoadOptions {
    existing: ExistingUsers,
    /// Only says what would be done.
    dry_run: bool,
}

type NamedBodies = Vec<(String, Map<String, Value>)>;

/// What is to be loaded.
struct LoadedSecurities {
    roles: NamedBodies,
    profiles: NamedBodies,
    users: NamedBodies,
    api_keys: NamedBodies,
}

fn read(call: KuzzleCall<'_>) -> Result<(LoadedSecurities, LoadOptions), Fault> {
    let mut body = call.request.members()?;
    let mut take = |name: &str| -> Result<NamedBodies, Fault> {
        let wrong = |name: String| Fault::wrong_type(&name, "object");
        let members = match body.remove(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(wrong(format!("body.{name}"))),
        };
        let one = |(id, value): (String, Value)| match value {
            Value::Object(value) => Ok((id, value)),
            _ => Err(wrong(format!("body.{name}.{id}"))),
        };
        members.into_iter().map(one).collect()
    };
    let securities = LoadedSecurities {
        roles: take("roles")?,
        profiles: take("profiles")?,
        users: take("users")?,
        api_keys: take("apiKeys")?,
    };
    let existing = match call.request.text("onExistingUsers")? {
        Some("fail") => ExistingUsers::Fail,
        None | Some("skip") => ExistingUsers::Skip,
        Some("overwrite") => ExistingUsers::Overwrite,
        Some(_) => {
            let wanted = "\"fail\", \"skip\" or \"overwrite\"";
            return Err(Fault::invalid("onExistingUsers", wanted));
        }
    };
    let dry_run = call.request.flag("dryRun")?;
    Ok((securities, LoadOptions { existing, dry_run }))
}

pub(crate) async fn load(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (wanted, options) = read(call)?;
    if options.existing == ExistingUsers::Fail {
        nobody_is_there(call, &wanted.users).await?;
    }
    let (set, mut items) = load_rights(call, wanted.roles, wanted.profiles, options).await?;
    let rights = &set;
    let of_users = stream::iter(wanted.users).map(|(id, user)| async move {
        let outcome = load_user(call, rights, &id, user, options).await;
        LoadedItem::of("user", &id, outcome)
    });
    items.extend(of_users.buffered(AT_ONCE).collect::<Vec<_>>().await);
    let of_keys = stream::iter(wanted.api_keys).map(|(id, key)| async move {
        let outcome = load_key(call, rights, &id, key, options).await;
        LoadedItem::of("apiKey", &id, outcome)
    });
    items.extend(of_keys.buffered(AT_ONCE).collect::<Vec<_>>().await);
    if !options.dry_run {
        security_write::forget_everywhere(call.app).await;
        wait_for_refresh(call, system::USERS).await?;
        wait_for_refresh(call, system::API_KEYS).await?;
    }
    let failed = items
        .iter()
        .filter(|item| item.outcome == LoadOutcome::Failed);
    let failed = failed.count();
    let mut reply =
        Reply::of(&json!({"acknowledge": failed == 0, "failed": failed, "items": items}));
    if failed > 0 {
        reply.status = 206;
    }
    Ok(reply)
}

async fn nobody_is_there(call: KuzzleCall<'_>, users: &NamedBodies) -> Result<(), Fault> {
    let ids: Vec<&str> = users.iter().map(|(id, _)| id.as_str()).collect();
    let accounts = call.app.access.accounts();
    let found = accounts.documents(system::USERS, &ids).await?;
    match ids.iter().zip(found).find(|(_, found)| found.is_some()) {
        None => Ok(()),
        Some((id, _)) => {
            let why = format!("the user \"{id}\" exists already; nothing was loaded");
            Err(Fault::new(Id::PreventOverwrite, why).props([id]))
        }
    }
}

/// The set as it is then, and what became of each role and profile: all of them, or none.
async fn load_rights(
    call: KuzzleCall<'_>,
    roles: NamedBodies,
    profiles: NamedBodies,
    options: LoadOptions,
) -> Result<(RightsSet, Vec<LoadedItem>), Fault> {
    let read_role = |(id, body)| Ok::<_, Fault>((id, Role::read(body)?));
    let roles: Vec<(String, Role)> = roles.into_iter().map(read_role).collect::<Result<_, _>>()?;
    if !call.request.flag("force")? {
        roles
            .iter()
            .try_for_each(|(_, role)| roles::check_names(call, role))?;
    }
    let read_profile = |(id, body)| Ok::<_, Fault>((id, RightsProfile::read(body)?));
    let profiles = profiles.into_iter().map(read_profile);
    let profiles: Vec<(String, RightsProfile)> = profiles.collect::<Result<_, _>>()?;
    let put = |set: &mut RightsSet| put_all(call, set, &roles, &profiles);
    let mut set = rights_change::standing(call).await?;
    let items = put(&mut set)?;
    let changes = |item: &LoadedItem| item.outcome != LoadOutcome::Unchanged;
    if options.dry_run || !items.iter().any(changes) {
        return Ok((set, items));
    }
    rights_change::change_rights(call, |set| {
        let items = put(set)?;
        Ok((set.clone(), items))
    })
    .await
}

fn put_all(
    call: KuzzleCall<'_>,
    set: &mut RightsSet,
    all_roles: &[(String, Role)],
    all_profiles: &[(String, RightsProfile)],
) -> Result<Vec<LoadedItem>, Fault> {
    let mut items = Vec::new();
    let was_open = is_open(set);
    for (id, role) in all_roles {
        let stands = set.roles.get(id);
        let is_same =
            |stands: &Role| (&stands.controllers, &stands.tags) == (&role.controllers, &role.tags);
        let outcome = outcome(stands.map(is_same));
        if outcome != LoadOutcome::Unchanged {
            roles::check_grant(call, role)?;
            if let Some(stands) = stands {
                roles::check_grant(call, stands)?;
            }
            let info = Some(info_of(
                call,
                stands.and_then(|stands| stands.info.as_ref()),
            ));
            let role = Role {
                info,
                ..role.clone()
            };
            set.put_role(id, role, false)?;
        }
        items.push(LoadedItem::of("role", id, Ok(outcome)));
    }
    for (id, profile) in all_profiles {
        let stands = set.profiles.get(id).cloned();
        let is_same = |stands: &RightsProfile| {
            let of = |one: &RightsProfile| (one.policies.clone(), one.rate_limit, one.tags.clone());
            of(stands) == of(profile)
        };
        let outcome = outcome(stands.as_ref().map(is_same));
        if outcome != LoadOutcome::Unchanged {
            if stands.is_some() {
                profiles::check_grant(call, set, id)?;
            }
            let info = Some(info_of(
                call,
                stands.and_then(|stands| stands.info).as_ref(),
            ));
            let profile = RightsProfile {
                info,
                ..profile.clone()
            };
            set.put_profile(id, profile, false)?;
            profiles::check_grant(call, set, id)?;
        }
        items.push(LoadedItem::of("profile", id, Ok(outcome)));
    }
    if is_open(set) && !was_open {
        let why = "the role or profile \"anonymous\" of what is loaded allows everybody everything: \
                   nothing was loaded; leave it out, or change it by itself";
        return Err(Fault::new(Id::PreventOverwrite, why.to_owned()).props([base::ANONYMOUS]));
    }
    Ok(items)
}

/// Everybody may do everything, as where no administrator was made yet.
fn is_open(set: &RightsSet) -> bool {
    set.compile([base::ANONYMOUS].into_iter()).allows_all()
}

fn outcome(is_same: Option<bool>) -> LoadOutcome {
    match is_same {
        None => LoadOutcome::Created,
        Some(true) => LoadOutcome::Unchanged,
        Some(false) => LoadOutcome::Changed,
    }
}

fn info_of(call: KuzzleCall<'_>, stands: Option<&Value>) -> Value {
    match stands {
        None => roles::created_info(call),
        Some(stands) => roles::updated_info(call, Some(stands)),
    }
}

async fn load_user(
    call: KuzzleCall<'_>,
    set: &RightsSet,
    kuid: &str,
    mut user: Map<String, Value>,
    options: LoadOptions,
) -> Result<LoadOutcome, Fault> {
    users::check_new_id(call, kuid)?;
    let content = match user.remove("content") {
        Some(Value::Object(content)) => content,
        None => Map::new(),
        Some(_) => return Err(Fault::wrong_type("content", "object")),
    };
    let given = user.remove("credentials").filter(|given| !given.is_null());
    if let Some(other) = user.keys().next() {
        let why = format!("unexpected argument \"{other}\" (accepted are: content, credentials)");
        return Err(Fault::new(Id::UnexpectedArgument, why).props([other]));
    }
    let ids = users::profile_ids(&content)?;
    set.check_profiles(ids.iter().map(String::as_str))?;
    may_grant(call, &set.compile(ids.iter().map(String::as_str)))?;
    let stands = call.app.access.accounts().document(system::USERS, kuid);
    let Some(stands) = stands.await? else {
        let credentials = new_credentials(call, given, options).await?;
        if !options.dry_run {
            let new = NewUser {
                kuid: kuid.to_owned(),
                content,
                credentials,
                admin: false,
            };
            users::write_new(call, new).await?;
        }
        return Ok(LoadOutcome::Created);
    };
    let mut stands = accounts::document_members(&stands)?;
    stands.remove(MEMBER);
    if stands == content {
        return Ok(LoadOutcome::Unchanged);
    }
    if options.existing != ExistingUsers::Overwrite {
        return Ok(LoadOutcome::Kept);
    }
    if !options.dry_run {
        users::replace_content(call, kuid, content).await?;
    }
    Ok(LoadOutcome::Changed)
}

/// A password, or a hash that Kuzzle made of it.
async fn new_credentials(
    call: KuzzleCall<'_>,
    given: Option<Value>,
    options: LoadOptions,
) -> Result<Option<NewCredentials>, Fault> {
    let local = given
        .as_ref()
        .and_then(|given| given.get(crate::kuzzle::auth::LOCAL));
    let imported = local.and_then(|local| local.get("hash"));
    let Some(imported) = imported else {
        // What is only tried out is not hashed.
        let given = given.filter(|_| !options.dry_run);
        return credentials::new_credentials(call, given).await;
    };
    let username = local
        .and_then(|local| local.get("username"))
        .and_then(Value::as_str);
    let username = username.ok_or_else(|| Fault::missing("credentials.local.username"))?;
    let checked = crate::request::path::check_id(username);
    checked.map_err(|problem| Fault::invalid("username", problem.detail()))?;
    let wrong = |why: String| Fault::new(Id::CredentialsRejected, why);
    let imported: KuzzleHash = serde_json::from_value(imported.clone())
        .map_err(|error| wrong(format!("the hash cannot be read: {error}")))?;
    let hash = imported
        .kept()
        .map_err(|unknown| wrong(unknown.to_string()))?;
    Ok(Some(NewCredentials {
        username: username.to_owned(),
        hash,
    }))
}

/// A key whose text only its owner knows: it is found by its fingerprint, as before.
async fn load_key(
    call: KuzzleCall<'_>,
    set: &RightsSet,
    id: &str,
    key: Map<String, Value>,
    options: LoadOptions,
) -> Result<LoadOutcome, Fault> {
    let text = |name: &str| {
        let text = key.get(name).and_then(Value::as_str);
        text.ok_or_else(|| Fault::missing(name))
    };
    let (kuid, fingerprint) = (text("userId")?, text("fingerprint")?);
    if !is_fingerprint(fingerprint) {
        return Err(Fault::invalid("fingerprint", "a SHA-256 in hexadecimal"));
    }
    let accounts = call.app.access.accounts();
    if accounts.api_key_of_id(id).await?.is_some() {
        return Ok(LoadOutcome::Kept);
    }
    let owner = accounts.user(kuid).await?;
    if owner.is_none() && options.dry_run {
        // Perhaps it is among what would be loaded.
        return Ok(LoadOutcome::Created);
    }
    let owner = owner.ok_or_else(|| users::unknown_user(kuid))?;
    may_grant(
        call,
        &set.compile(owner.profiles.iter().map(String::as_str)),
    )?;
    let number = |name: &str| key.get(name).and_then(Value::as_i64).unwrap_or(-1);
    let key = json!({
        "userId": kuid,
        "birth": owner.account.birth,
        "description": text("description").unwrap_or_default(),
        "expiresAt": number("expiresAt"),
        "ttl": number("ttl"),
        "fingerprint": fingerprint,
    });
    if options.dry_run {
        return Ok(LoadOutcome::Created);
    }
    let (app, actor) = (call.app, call.actor());
    let request = json!({"id": id, "key": key});
    match security_write::write_internal(app, actor, "security.createApiKey", &request).await {
        Ok(()) => Ok(LoadOutcome::Created),
        // Two loads at once.
        Err(problem) if problem.code() == Code::Exists => Ok(LoadOutcome::Kept),
        Err(problem) => Err(of_user(problem, kuid)),
    }
}
