//! Profiles.

use super::{
    super::{Fault, KuzzleCall, Reply, fault::Id},
    may_grant, rights_change,
    roles::{created_info, page_reply, searched_names, updated_info, without_info},
    search as searches,
};
use crate::access::system;
use rights::{RightsFault, RightsProfile, RightsSet, base};
use serde_json::{Map, Value, json};
use store::SearchRequest;

fn shown_profile(id: &str, profile: &RightsProfile) -> Value {
    json!({"_id": id, "_source": profile})
}

fn unknown_profile(id: &str) -> Fault {
    Fault::from(RightsFault::UnknownProfile(id.to_owned())).props([id])
}

/// What users of it may do.
pub(super) fn check_grant(call: KuzzleCall<'_>, set: &RightsSet, id: &str) -> Result<(), Fault> {
    may_grant(call, &set.compile([id].into_iter()))
}

async fn put_profile(
    call: KuzzleCall<'_>,
    fresh: bool,
    make: impl Fn(Option<&RightsProfile>) -> Result<RightsProfile, Fault>,
) -> Result<Reply, Fault> {
    let id = call.request.id()?;
    if call.request.flag("strict")? {
        places_exist(call, &make(None)?).await?;
    }
    let written = rights_change::change_rights(call, |set| {
        let stands = set.profiles.get(id);
        let mut profile = make(stands)?;
        profile.info = Some(match stands {
            None => created_info(call),
            Some(stands) => updated_info(call, stands.info.as_ref()),
        });
        if stands.is_some() {
            check_grant(call, set, id)?;
        }
        set.put_profile(id, profile.clone(), fresh)?;
        check_grant(call, set, id)?;
        Ok(shown_profile(id, &profile))
    });
    Ok(Reply::of(&written.await?))
}

/// `strict`: what a profile is restricted to must be there.
async fn places_exist(call: KuzzleCall<'_>, profile: &RightsProfile) -> Result<(), Fault> {
    let indices = super::super::index::listed_indices(call).await?;
    for place in profile
        .policies
        .iter()
        .flat_map(|policy| &policy.restricted_to)
    {
        if !indices.contains(&place.index) {
            let why = format!("the index \"{}\" does not exist", place.index);
            return Err(Fault::new(Id::UnknownIndex, why).props([&place.index]));
        }
        for collection in &place.collections {
            super::super::place::find_collection(call, &place.index, collection).await?;
        }
    }
    Ok(())
}

pub(crate) async fn create(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let body = call.request.members()?;
    put_profile(call, true, |_| Ok(RightsProfile::read(body.clone())?)).await
}

pub(crate) async fn create_or_replace(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let body = call.request.members()?;
    put_profile(call, false, |_| Ok(RightsProfile::read(body.clone())?)).await
}

/// Merged at the top level into what stands.
pub(crate) async fn update(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (id, body) = (call.request.id()?, without_info(call.request.members()?));
    put_profile(call, false, |stands| {
        let stands = stands.ok_or_else(|| unknown_profile(id))?;
        let stands = serde_json::to_value(stands).expect("a profile is plain JSON");
        let mut members: Map<String, Value> = match stands {
            Value::Object(members) => without_info(members),
            _ => Map::new(),
        };
        members.extend(body.clone());
        Ok(RightsProfile::read(members)?)
    })
    .await
}

pub(crate) async fn get(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let id = call.request.id()?;
    let known = call.app.access.state.current().await?;
    let profile = known
        .set
        .profiles
        .get(id)
        .ok_or_else(|| unknown_profile(id))?;
    Ok(Reply::of(&shown_profile(id, profile)))
}

pub(crate) async fn mget(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let known = call.app.access.state.current().await?;
    let mut hits = Vec::new();
    for id in super::requested_ids(call)? {
        let profile = known
            .set
            .profiles
            .get(&id)
            .ok_or_else(|| unknown_profile(&id))?;
        hits.push(shown_profile(&id, profile));
    }
    Ok(Reply::of(&json!({"hits": hits})))
}

/// Profiles that hold one of these roles, or all.
pub(crate) async fn search(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let wanted = searched_names(call, "roles")?;
    let known = call.app.access.state.current().await?;
    let fits = |profile: &RightsProfile| {
        let mut roles = profile.policies.iter().map(|policy| &policy.role);
        wanted.is_empty() || roles.any(|role| wanted.contains(role))
    };
    let fitting = known
        .set
        .profiles
        .iter()
        .filter(|(_, profile)| fits(profile));
    page_reply(
        call,
        fitting
            .map(|(id, profile)| shown_profile(id, profile))
            .collect(),
    )
}

pub(crate) async fn rights(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let id = call.request.id()?;
    let known = call.app.access.state.current().await?;
    if !known.set.profiles.contains_key(id) {
        return Err(unknown_profile(id));
    }
    let hits = known.set.listed([id].into_iter());
    Ok(Reply::of(&json!({"total": hits.len(), "hits": hits})))
}

/// A profile that users have stays.
async fn is_unused(call: KuzzleCall<'_>, id: &str) -> Result<(), Fault> {
    if !matches!(call.request.text("onAssignedUsers")?, None | Some("fail")) {
        return Err(Fault::invalid("onAssignedUsers", "\"fail\""));
    }
    super::wait_for_refresh(call, system::USERS).await?;
    let request = SearchRequest {
        size: 1,
        ..SearchRequest::default()
    };
    let holds = json!({"term": {"profileIds": id}});
    let (users, total) =
        searches::run_search(call, system::USERS, (request, None), Some(holds)).await?;
    match users.first() {
        None => Ok(()),
        Some(user) => {
            let why = format!(
                "the profile \"{id}\" is used by {total} users, \"{}\" among them",
                user.id
            );
            Err(Fault::new(Id::ProfileInUse, why).props([id]))
        }
    }
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
    if let Some(id) = ids.iter().find(|id| base::NAMES.contains(&id.as_str())) {
        let why = RightsFault::CannotDelete(id.clone()).to_string();
        return Err(Fault::new(Id::ProfileCannotBeDeleted, why).props([id]));
    }
    for id in ids {
        is_unused(call, id).await?;
    }
    rights_change::change_rights(call, |set| {
        for id in ids {
            check_grant(call, set, id)?;
            set.delete_profile(id).map_err(|refused| match refused {
                RightsFault::CannotDelete(_) => {
                    Fault::new(Id::ProfileCannotBeDeleted, refused.to_string()).props([id])
                }
                other => other.into(),
            })?;
        }
        Ok(())
    })
    .await
}
