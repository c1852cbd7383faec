//! How the service writes users, sessions, keys and rights: by internal operations of the catalog,
//! on the way of all writes. It decides nothing about who may.

use crate::{
    access::{
        AccessError, Caller,
        rights_state::HONOURED_FOR,
        session::{LONGEST_MS, UserSession},
    },
    answer::taken_answer,
    app::{App, Shared},
    error::{Code, Problem},
    request::{RawRequest, headers::Options},
    session_sweep,
};
use event_log::Durability;
use serde_json::{Value, json};
use tracing::warn;

/// Carries an internal operation out and waits until it is applied.
pub(crate) async fn write_internal(
    app: &App,
    caller: &Caller,
    operation: &str,
    request: &Value,
) -> Result<(), Problem> {
    // What this takes effect on outlives the request: a caller who was let in by what was believed a
    // moment ago, and is somebody no more, gets nothing of it.
    app.access.still(caller).await?;
    let options = Options {
        wait: Some(app.config.kuzzle_wait()),
        refresh: false,
        if_match: None,
        idempotency_key: None,
        traceparent: None,
        origin: None,
    };
    let raw = RawRequest::made(request.into(), options, caller.clone());
    let operation = app.writes.internal_operation(operation)?;
    let completed = app.writes.write(&operation, raw).await?;
    for outcome in &completed.outcomes {
        let taken = taken_answer(app, caller, outcome)?;
        if taken.status != "applied" {
            return Err(Problem::new(
                Code::NotYet,
                "the change is accepted and not applied yet",
            ));
        }
    }
    Ok(())
}

/// Something was taken away: returns when no gateway believes what it read before.
pub(crate) async fn forget_everywhere(app: &Shared) {
    app.access.state.changed();
    session_sweep::sweep_once(app).await;
    // The embedded log has one process.
    let alone = *app.ports.durability.borrow() == Some(Durability::Embedded);
    if !alone {
        tokio::time::sleep(HONOURED_FOR).await;
    }
}

/// Ends a session, or notes that a token of it was refreshed.
pub(crate) async fn end_session(
    app: &App,
    caller: &Caller,
    session: &UserSession,
    jti: &str,
) -> Result<(), Problem> {
    // A newer token of the session may live longer than this one.
    let until = if jti == WHOLE {
        app.now().saturating_add(LONGEST_MS)
    } else {
        session.exp.saturating_mul(1000)
    };
    let until = until.saturating_add(1000);
    let request = json!({"sid": session.sid, "jti": jti, "at": app.now(), "until": until});
    write_internal(app, caller, "security.endSession", &request).await
}

/// What names a whole session, beside its tokens.
pub(crate) const WHOLE: &str = "*";

impl App {
    /// The caller of a request that shows this credential. A token that was refreshed before and is
    /// shown again is in two hands: its session ends.
    pub(crate) async fn identify(
        self: &Shared,
        credential: Option<&str>,
    ) -> Result<Caller, AccessError> {
        let identified = self.access.identify(credential).await;
        if let Err(AccessError::Reused(session)) = &identified {
            warn!(
                session = session.sid,
                "a token that was refreshed was shown again: its session ends"
            );
            let session = session.clone();
            let ended = end_session(self, &Caller::nobody(), &session, WHOLE).await;
            if let Err(problem) = ended {
                return Err(AccessError::Stale(problem.detail().to_owned()));
            }
            self.access.state.changed();
        }
        identified
    }
}
