//! Staying a member of a group while the log comes and goes. What is done with the partitions is
//! the caller's; a pause between two attempts never outlasts a shutdown.

use event_log::{Consumer, ConsumerError, consumer::Groups};
use runtime::{Backoff, Shutdown};
use std::future::Future;

/// What a member notices of its own state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnedMembership<'a> {
    Joined,
    /// The log is out of reach, for this reason; it is tried again.
    Away(&'a str),
}

/// Joins, has the consumer served, and joins again whenever the log was out of reach: until the
/// serving ends well or the process is to stop.
///
/// # Errors
/// Why the log refuses this member for good.
pub(crate) async fn keep_membership<F>(
    groups: &dyn Groups,
    (group, topic): (&str, &str),
    mut backoff: Backoff,
    shutdown: &Shutdown,
    notice: impl Fn(OwnedMembership<'_>) + Send,
    mut serve: impl FnMut(Box<dyn Consumer>) -> F + Send,
) -> Result<(), String>
where
    F: Future<Output = Result<(), ConsumerError>> + Send,
{
    while !shutdown.is_soft() {
        let joined = tokio::select! {
            biased;
            () = shutdown.soft() => break,
            joined = groups.join(group, topic) => joined,
        };
        let ended = match joined {
            Ok(consumer) => {
                notice(OwnedMembership::Joined);
                serve(consumer).await
            }
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => break,
            Err(ConsumerError::Fatal(why)) => return Err(why),
            Err(ConsumerError::Unavailable(why)) => {
                notice(OwnedMembership::Away(&why));
                tracing::warn!(why, "the log is out of reach: joining again");
                tokio::select! {
                    biased;
                    () = shutdown.soft() => break,
                    () = tokio::time::sleep(backoff.next_wait()) => {}
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
