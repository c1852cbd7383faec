//! A change of roles and profiles: of the set as it stands, written only if that still stands.

use super::super::{Fault, KuzzleCall, fault::Id};
use crate::{access::system, error::Code, security_write};
use rights::RightsSet;
use serde_json::json;

/// How many others may come between.
const ATTEMPTS: usize = 8;

/// Changes the set. Returns when the change holds everywhere.
pub(super) async fn change<T>(
    call: KuzzleCall<'_>,
    mut change: impl FnMut(&mut RightsSet) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let (app, caller) = (call.app, &call.request.caller);
    for _ in 0..ATTEMPTS {
        let stands = app
            .access
            .accounts()
            .document(system::RIGHTS, "all")
            .await?;
        let mut set = match &stands {
            None => RightsSet::default(),
            Some(document) => {
                let set: RightsSet = serde_json::from_str(document.body.get())
                    .map_err(|error| Fault::new(Id::Unexpected, error.to_string()))?;
                set.completed()
            }
        };
        let changed = change(&mut set)?;
        let (operation, request) = match &stands {
            None => ("security.createRights", json!({"rights": set})),
            Some(document) => (
                "security.replaceRights",
                json!({"rights": set, "if_version": document.revision}),
            ),
        };
        match security_write::write(app, caller, operation, &request).await {
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
