//! `admin:resetSecurity`: no users, keys, roles and profiles any more, and everybody may do everything,
//! as before the first administrator. Rights go first: what ends half-way leaves nobody locked out, and
//! can be asked for again.

use super::{
    super::{Fault, KuzzleCall, Reply},
    may_grant, of_user, rights_change, search, wait_for_refresh,
};
use crate::{access::system, error::Code, security_write};
use rights::{RightsSet, base};
use serde_json::json;
use store::SearchRequest;

/// Users or keys that are looked up at once.
const PAGE: usize = 100;

pub(crate) async fn reset(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let open = RightsSet::default();
    may_grant(call, &open.compile([base::ANONYMOUS].into_iter()))?;
    // Where they cannot be looked up, nothing is begun.
    first_page(call, system::USERS).await?;
    let (profiles, roles) = rights_change::change_rights(call, |set| {
        let counts = (set.profiles.len(), set.roles.len());
        *set = RightsSet::default();
        Ok(counts)
    })
    .await?;
    delete_all(call, system::API_KEYS).await?;
    let users = delete_all(call, system::USERS).await?;
    security_write::forget_everywhere(call.app).await;
    Ok(Reply::of(
        &json!({"deletedUsers": users, "deletedProfiles": profiles, "deletedRoles": roles}),
    ))
}

/// How many there were.
async fn delete_all(call: KuzzleCall<'_>, collection: &str) -> Result<u64, Fault> {
    let mut deleted = 0;
    loop {
        wait_for_refresh(call, collection).await?;
        let found = first_page(call, collection).await?;
        let (own, others): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|id| collection == system::USERS && *id == *call.request.caller.name);
        // Whoever asks is gone last, and asks for nothing afterwards.
        let page = if others.is_empty() { own } else { others };
        let before = deleted;
        for id in page {
            deleted += u64::from(delete_one(call, collection, &id).await?);
        }
        // None was left, or others delete the same.
        if deleted == before {
            return Ok(deleted);
        }
    }
}

async fn first_page(call: KuzzleCall<'_>, collection: &str) -> Result<Vec<String>, Fault> {
    let request = SearchRequest {
        size: PAGE,
        ..SearchRequest::default()
    };
    let (found, _) = search::run_search(call, collection, (request, None), None).await?;
    Ok(found.into_iter().map(|found| found.id).collect())
}

/// False: another deleted it meanwhile.
async fn delete_one(call: KuzzleCall<'_>, collection: &str, id: &str) -> Result<bool, Fault> {
    let (operation, request) = if collection == system::USERS {
        ("security.deleteUser", json!({"kuid": id}))
    } else {
        ("security.deleteApiKey", json!({"id": id}))
    };
    match security_write::write_internal(call.app, call.actor(), operation, &request).await {
        Ok(()) => Ok(true),
        Err(problem) if problem.code() == Code::Missing => Ok(false),
        Err(problem) => Err(of_user(problem, id)),
    }
}
