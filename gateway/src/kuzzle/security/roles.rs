//! Roles.

use super::{
    super::{Fault, KuzzleCall, Reply, fault::Id, metadata::MEMBER, routes, table::ACTIONS},
    may_grant, rights_change,
};
use rights::{Policy, RightsFault, RightsProfile, RightsSet, Role};
use serde_json::{Map, Value, json};

/// Rights of routes that are no actions: controller and action.
const OF_ROUTES: [(&str, &str); 24] = [
    ("audit", "begin"),
    ("audit", "get"),
    ("audit", "repair"),
    ("catalog", "reload"),
    ("deadLetter", "floods"),
    ("deadLetter", "get"),
    ("deadLetter", "list"),
    ("deadLetter", "pass"),
    ("document", "history"),
    ("marker", "purge"),
    ("replay", "cancel"),
    ("replay", "create"),
    ("replay", "get"),
    ("replay", "list"),
    ("replay", "pause"),
    ("replay", "resume"),
    ("request", "explain"),
    ("request", "get"),
    ("security", "explain"),
    ("security", "log"),
    ("server", "status"),
    ("table", "get"),
    ("upload", "get"),
    ("upload", "results"),
];

fn shown_role(id: &str, role: &Role) -> Value {
    json!({"_id": id, "_source": role})
}

fn unknown_role(id: &str) -> Fault {
    Fault::from(RightsFault::UnknownRole(id.to_owned())).props([id])
}

/// Every controller and action that it names must be there.
pub(super) fn check_names(call: KuzzleCall<'_>, role: &Role) -> Result<(), Fault> {
    let catalog = call.app.ports.catalog.current();
    let operations = || catalog.operations().filter(|known| !known.internal());
    let known = |controller: &str, action: Option<&str>| {
        let fits = |(other, name): (&str, &str)| {
            other == controller && action.is_none_or(|action| action == name)
        };
        ACTIONS.iter().any(|one| fits((one.controller, one.name)))
            || routes::listed_routes().any(|one| fits((one.controller, one.name)))
            || OF_ROUTES.iter().any(|one| fits(*one))
            || operations().any(|one| fits(crate::access::right::of_operation(one.name())))
    };
    for (controller, entry) in role.controllers.iter().filter(|(name, _)| *name != "*") {
        if !known(controller, None) {
            let why =
                format!("the role names the controller \"{controller}\", which does not exist");
            return Err(Fault::new(Id::UnknownController, why).props([controller]));
        }
        let mut actions = entry.actions.keys().filter(|action| *action != "*");
        if let Some(action) = actions.find(|action| !known(controller, Some(action))) {
            let why = format!(
                "the role names the action \"{controller}:{action}\", which does not exist"
            );
            return Err(Fault::new(Id::UnknownAction, why).props([controller, action]));
        }
    }
    Ok(())
}

/// What the role would allow to whom it is given without a restriction.
pub(super) fn check_grant(call: KuzzleCall<'_>, role: &Role) -> Result<(), Fault> {
    let mut set = RightsSet::default();
    set.roles.insert("granted".to_owned(), role.clone());
    let policies = vec![Policy {
        role: "granted".to_owned(),
        restricted_to: Vec::new(),
    }];
    set.profiles.insert(
        "granted".to_owned(),
        RightsProfile {
            policies,
            ..RightsProfile::default()
        },
    );
    may_grant(call, &set.compile(["granted"].into_iter()))
}

async fn put_role(call: KuzzleCall<'_>, fresh: bool, must_exist: bool) -> Result<Reply, Fault> {
    let id = call.request.id()?;
    let mut role = Role::read(call.request.members()?)?;
    if !call.request.flag("force")? {
        check_names(call, &role)?;
    }
    check_grant(call, &role)?;
    role.info = Some(created_info(call));
    let written = rights_change::change_rights(call, |set| {
        if must_exist && !set.roles.contains_key(id) {
            return Err(unknown_role(id));
        }
        if let Some(stands) = set.roles.get(id) {
            // Whoever changes a role must be allowed what it allows, too.
            check_grant(call, stands)?;
            role.info = Some(updated_info(call, stands.info.as_ref()));
        }
        set.put_role(id, role.clone(), fresh)?;
        Ok(shown_role(id, &role))
    });
    Ok(Reply::of(&written.await?))
}

/// `_kuzzle_info` of what is new.
pub(super) fn created_info(call: KuzzleCall<'_>) -> Value {
    let (kuid, now) = (call.request.caller.kuid(), call.app.now());
    json!({"author": kuid, "createdAt": now, "updatedAt": null, "updater": null})
}

/// And of what is changed.
pub(super) fn updated_info(call: KuzzleCall<'_>, stands: Option<&Value>) -> Value {
    let mut info = stands.cloned().unwrap_or_else(|| json!({}));
    info["updatedAt"] = call.app.now().into();
    info["updater"] = call.request.caller.kuid().into();
    info
}

pub(crate) async fn create(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    put_role(call, true, false).await
}

pub(crate) async fn create_or_replace(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    put_role(call, false, false).await
}

pub(crate) async fn update(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    put_role(call, false, true).await
}

pub(crate) async fn get(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let id = call.request.id()?;
    let known = call.app.access.state.current().await?;
    let role = known.set.roles.get(id).ok_or_else(|| unknown_role(id))?;
    Ok(Reply::of(&shown_role(id, role)))
}

pub(crate) async fn mget(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let known = call.app.access.state.current().await?;
    let mut hits = Vec::new();
    for id in super::requested_ids(call)? {
        let role = known.set.roles.get(&id).ok_or_else(|| unknown_role(&id))?;
        hits.push(shown_role(&id, role));
    }
    Ok(Reply::of(&json!({"hits": hits})))
}

/// A page of what fits.
pub(super) fn page_reply(call: KuzzleCall<'_>, all: Vec<Value>) -> Result<Reply, Fault> {
    let (from, size) = (call.request.number("from")?, call.request.number("size")?);
    let total = all.len();
    let hits: Vec<Value> = all
        .into_iter()
        .skip(from.unwrap_or(0))
        .take(size.unwrap_or(total))
        .collect();
    Ok(Reply::of(&json!({"hits": hits, "total": total})))
}

/// The names that a search asks for under `member`; other searches are not spoken.
pub(super) fn searched_names(call: KuzzleCall<'_>, member: &str) -> Result<Vec<String>, Fault> {
    let body: Map<String, Value> = call.request.members()?;
    let is_all = |query: &Value| {
        query.as_object().is_some_and(Map::is_empty) || *query == json!({"match_all": {}})
    };
    for (name, value) in &body {
        let fine = name == member || (name == "query" && is_all(value));
        if !fine {
            let why = format!("\"{name}\" is not supported in this search: only \"{member}\"");
            return Err(Fault::new(Id::Unsupported, why).props([name]));
        }
    }
    super::super::request::read_list(body.get(member), &format!("body.{member}"))
}

/// Roles that say something of one of these controllers, or of all.
pub(crate) async fn search(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let wanted = searched_names(call, "controllers")?;
    let known = call.app.access.state.current().await?;
    let fits = |role: &Role| {
        let mut named = role.controllers.keys();
        wanted.is_empty() || named.any(|name| name == "*" || wanted.contains(name))
    };
    let fitting = known.set.roles.iter().filter(|(_, role)| fits(role));
    page_reply(
        call,
        fitting.map(|(id, role)| shown_role(id, role)).collect(),
    )
}

pub(crate) async fn delete(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let id = call.request.id()?;
    delete_all(call, &[id.to_owned()]).await?;
    Ok(Reply::of(&json!({"_id": id})))
}

pub(crate) async fn mdelete(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let ids = super::requested_ids(call)?;
    delete_all(call, &ids).await?;
    Ok(Reply::of(&ids))
}

/// All of them or none.
async fn delete_all(call: KuzzleCall<'_>, ids: &[String]) -> Result<(), Fault> {
    rights_change::change_rights(call, |set| {
        for id in ids {
            if let Some(role) = set.roles.get(id) {
                check_grant(call, role)?;
            }
            set.delete_role(id)?;
        }
        Ok(())
    })
    .await
}

/// The member of a body that is never a client's.
pub(super) fn without_info(mut body: Map<String, Value>) -> Map<String, Value> {
    body.remove(MEMBER);
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::PlaceRule, router::routed_endpoints};

    /// A role may name whatever a route asks for, and nothing that no route asks for.
    #[test]
    fn rights_of_routes_are_those_of_the_table() {
        let is_action = |(controller, name): (&str, &str)| {
            ACTIONS
                .iter()
                .any(|one| (one.controller, one.name) == (controller, name))
                || routes::listed_routes()
                    .any(|one| (one.controller, one.name) == (controller, name))
        };
        let endpoints = routed_endpoints();
        let asked = endpoints.iter().map(|endpoint| endpoint.right);
        let asked =
            asked.filter(|right| !matches!(right.place, PlaceRule::Public | PlaceRule::Operation));
        let mut asked: Vec<(&str, &str)> = asked
            .map(|right| (right.controller, right.action))
            .collect();
        asked.retain(|right| !is_action(*right));
        asked.sort_unstable();
        asked.dedup();
        assert_eq!(asked, OF_ROUTES);
    }
}
