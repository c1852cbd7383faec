//! A change of roles and profiles: of the set as it stands, written only if that still stands.

use super::super::{Fault, KuzzleCall, fault::Id};
use crate::{
    access::{accounts::SystemDocument, system},
    error::Code,
    security_events, security_write,
};
use rights::RightsSet;
use serde_json::json;

/// How many others may come between.
const ATTEMPTS: usize = 8;

/// The set as it stands.
pub(super) async fn standing(call: KuzzleCall<'_>) -> Result<RightsSet, Fault> {
    Ok(read(call).await?.0)
}

async fn read(call: KuzzleCall<'_>) -> Result<(RightsSet, Option<SystemDocument>), Fault> {
    let accounts = call.app.access.accounts();
    let stands = accounts.document(system::RIGHTS, "all").await?;
    let set = match &stands {
        None => RightsSet::default(),
        Some(document) => {
            let set: RightsSet = serde_json::from_str(document.body.get())
                .map_err(|error| Fault::new(Id::Unexpected, error.to_string()))?;
            set.completed()
        }
    };
    Ok((set, stands))
}

/// Changes the set. Returns when the change holds everywhere.
pub(super) async fn change_rights<T>(
    call: KuzzleCall<'_>,
    mut change: impl FnMut(&mut RightsSet) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let (app, actor) = (call.app, call.actor());
    for _ in 0..ATTEMPTS {
        let (mut set, stands) = read(call).await?;
        let before = set.clone();
        let changed = change(&mut set)?;
        let (operation, request) = match &stands {
            None => ("security.createRights", json!({"rights": set})),
            Some(document) => (
                "security.replaceRights",
                json!({"rights": set, "if_version": document.revision}),
            ),
        };
        let written = security_write::write_internal(app, actor, operation, &request).await;
        if security_write::is_accepted(&written) {
            for event in security_events::rights_changed(actor, &before, &set) {
                app.security_log.record(event);
            }
        }
        match written {
            Ok(()) => {
                security_write::forget_everywhere(app).await;
                return Ok(changed);
            }
            Err(problem) if matches!(problem.code(), Code::Version | Code::Exists) => {}
            Err(problem) => return Err(problem.into()),
        }
    }
    let why = "others change roles and profiles all the time; nothing was changed";
    Err(Fault::new(Id::Overloaded, why).retry_after(Some(1)))
}
