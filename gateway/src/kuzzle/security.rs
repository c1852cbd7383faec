//! The controller `security`: users, credentials, API keys, roles and profiles of everybody. Who may
//! use it is a right like any other; beyond that, nobody grants more than he has.

pub(super) mod api_keys;
pub(super) mod credentials;
pub(super) mod first_admin;
pub(super) mod load;
pub(super) mod profiles;
pub(super) mod reset;
mod rights_change;
pub(super) mod roles;
mod search;
pub(super) mod users;

use super::{Fault, KuzzleCall, Reply, fault::Id};
use crate::{access::system, error::Problem};
use rights::{ActionPlace, CompiledRights, RightsFault};
use serde_json::{Value, json};

/// `refresh`: waited for unless it is refused.
pub(super) async fn wait_for_refresh(call: KuzzleCall<'_>, collection: &str) -> Result<(), Fault> {
    let refused = matches!(call.request.args.get("refresh"), Some(Value::Bool(false)))
        || call
            .request
            .args
            .get("refresh")
            .is_some_and(|text| text == "false");
    if let Some(view) = call.app.ports.view.as_deref()
        && !refused
        && let Some(known) = call.app.collections.system(collection).await?
    {
        call.app.refreshes.refresh(Some(view), &known).await?;
    }
    Ok(())
}

pub(super) async fn refresh(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let name = call.request.collection()?;
    match name {
        "users" => wait_for_refresh(call, system::USERS).await?,
        // They are one document, read by its id.
        "profiles" | "roles" => {}
        _ => {
            let why =
                format!("unexpected argument \"{name}\" (accepted are: users, profiles, roles)");
            return Err(
                Fault::new(Id::UnexpectedArgument, why).props([name, "users, profiles, roles"])
            );
        }
    }
    Ok(Reply::nothing())
}

/// Would the request that the body describes be allowed with these rights?
pub(super) fn check_allowed(call: KuzzleCall<'_>, rights: &CompiledRights) -> Result<Reply, Fault> {
    let asked = call.request.members()?;
    let text = |name: &str| match asked.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(Fault::wrong_type(&format!("body.{name}"), "string")),
    };
    let controller = text("controller")?.ok_or_else(|| Fault::missing("body.controller"))?;
    let action = text("action")?.ok_or_else(|| Fault::missing("body.action"))?;
    let place = match (text("index")?, text("collection")?) {
        (None, _) => ActionPlace::Nowhere,
        (Some(index), None) => ActionPlace::Index(index),
        (Some(index), Some(collection)) => ActionPlace::Collection(index, collection),
    };
    Ok(Reply::of(
        &json!({"allowed": rights.allows(controller, action, place)}),
    ))
}

/// Nobody grants more than he has.
fn may_grant(call: KuzzleCall<'_>, granted: &CompiledRights) -> Result<(), Fault> {
    if call.request.caller.rights.cover(granted) {
        return Ok(());
    }
    let (controller, action) = (
        call.request.controller.as_str(),
        call.request.action.as_str(),
    );
    let why = format!("forbidden: {controller}:{action} would grant more than the caller may do");
    Err(Fault::new(Id::Forbidden, why).props([controller, action, call.request.caller.kuid()]))
}

/// The ids of a request about many: in the body, or in the query.
fn requested_ids(call: KuzzleCall<'_>) -> Result<Vec<String>, Fault> {
    let body = call.request.members()?;
    let given = body.get("ids").or_else(|| call.request.args.get("ids"));
    let given = given.ok_or_else(|| Fault::missing("body.ids"))?;
    let ids = super::request::read_list(Some(given), "body.ids")?;
    let most = call.app.config.kuzzle_write_documents;
    if ids.len() > most {
        let why = format!("{} ids are given, {most} is the limit", ids.len());
        return Err(Fault::new(Id::WriteLimit, why));
    }
    Ok(ids)
}

impl From<RightsFault> for Fault {
    fn from(fault: RightsFault) -> Self {
        let id = match &fault {
            RightsFault::Missing(_) => Id::MissingArgument,
            RightsFault::WrongType(..) => Id::InvalidType,
            RightsFault::Unexpected(..) => Id::UnexpectedArgument,
            RightsFault::Empty(_) => Id::EmptyArgument,
            RightsFault::ActionOfAnyController(_) => Id::UnknownAction,
            RightsFault::BadName(_) => Id::InvalidArgument,
            RightsFault::UnknownRole(_) => Id::UnknownRole,
            RightsFault::UnknownProfile(_) => Id::UnknownProfile,
            RightsFault::RoleExists(_) => Id::RoleExists,
            RightsFault::ProfileExists(_) => Id::ProfileExists,
            RightsFault::LoginRequired => Id::LoginRequired,
            RightsFault::AnonymousRoleRequired => Id::AnonymousRoleMissing,
            // The caller knows which of both it was.
            RightsFault::CannotDelete(_) => Id::RoleCannotBeDeleted,
            RightsFault::RoleInUse(..) => Id::RoleInUse,
        };
        Self::new(id, fault.to_string())
    }
}

/// What a refused write of a user means, by what it is about.
fn of_user(problem: Problem, kuid: &str) -> Fault {
    use crate::error::Code;
    match (problem.code(), problem.pointer()) {
        (Code::Exists, Some("/username")) => {
            Fault::new(Id::UsernameTaken, "another user logs in by this name")
        }
        (Code::Exists, Some("/admin")) => {
            Fault::new(Id::AdminExists, "there is an administrator already")
        }
        (Code::Exists, _) => Fault::new(
            Id::UserExists,
            format!("the user \"{kuid}\" exists already"),
        )
        .props([kuid]),
        (Code::Missing, _) => users::unknown_user(kuid),
        _ => problem.into(),
    }
}
