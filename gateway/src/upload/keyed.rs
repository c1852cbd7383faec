//! A file under an Idempotency-Key: sent again it is the same upload, and another file is refused. The
//! answer waits for that, since only what is decided tells which file came first; without a key it waits
//! for the log alone.

use super::{intake::TakenFile, kept_file::KeptFile};
use crate::{
    app::Shared,
    error::{Code, Problem},
};
use event_schema::{id::RequestId, outcome::Verdict};
use std::time::Duration;
use tokio::time::timeout;

const POLL: Duration = Duration::from_millis(20);

/// Refuses unless the pieces that are kept are those that were sent: an attempt that came to no end may
/// have left others under the key.
pub(crate) async fn check_pieces(
    app: &Shared,
    process: &str,
    taken: &TakenFile,
) -> Result<(), Problem> {
    let file = KeptFile { app, process };
    if decided(app, file.digest(taken.chunks)).await? == taken.digest {
        return Ok(());
    }
    Err(Problem::new(
        Code::IdempotencyKeyReused,
        "another file was sent under this Idempotency-Key",
    ))
}

/// Refuses if the worker did: the key belongs to an upload of another file, or with other fields.
pub(crate) async fn check_verdict(app: &Shared, request: RequestId) -> Result<(), Problem> {
    let verdict = async {
        loop {
            let found = app.ports.record.ledger(&[request]).await?;
            if let Some(entry) = found.into_iter().flatten().next() {
                return Ok(entry.verdict);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    match decided(app, verdict).await? {
        Verdict::Applied => Ok(()),
        Verdict::Refused(refusal) => Err(Problem::from(&refusal)),
        Verdict::DeadLettered(reason) => Err(Problem::from(&reason)),
        Verdict::Parked(parked) => Err(Problem::from(&parked)),
    }
}

async fn decided<T>(
    app: &Shared,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let in_time = timeout(app.config.publish_timeout(), work).await;
    in_time.unwrap_or_else(|_| {
        let why =
            "which file came first under this Idempotency-Key is not decided yet: send it again";
        Err(Problem::new(Code::NotYet, why))
    })
}
