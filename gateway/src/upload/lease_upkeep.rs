//! A lease that is renewed while something is done under it. The work is polled all the while: what it waits
//! for, a turn to read for instance, may be given to it, and the renewal then waits for the same behind it.

use std::time::Duration;
use tokio::time::sleep;

/// Does the work, and renews every so often until it is done; a renewal that fails ends it.
pub(super) async fn work_under_lease<T, E, R>(
    work: impl Future<Output = Result<T, E>>,
    pause: Duration,
    renew: impl Fn() -> R,
) -> Result<T, E>
where
    R: Future<Output = Result<(), E>>,
{
    let renewals = async {
        loop {
            sleep(pause).await;
            if let Err(error) = renew().await {
                return error;
            }
        }
    };
    tokio::select! {
        done = work => done,
        error = renewals => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        sync::Semaphore,
        time::{Instant, timeout},
    };

    const PAUSE: Duration = Duration::from_secs(5);

    /// Both want the one turn there is, the work first.
    #[tokio::test(start_paused = true)]
    async fn work_that_is_given_a_turn_while_the_lease_is_renewed_gives_it_back() {
        let turns = Semaphore::new(1);
        let turn = || async { turns.acquire().await.map(drop).map_err(drop) };
        let other = async {
            let held = turns.acquire().await;
            sleep(PAUSE + Duration::from_secs(1)).await;
            drop(held);
        };
        let work = async {
            sleep(PAUSE - Duration::from_secs(1)).await;
            turn().await?;
            sleep(PAUSE).await;
            Ok::<_, ()>(7)
        };
        let both = async { tokio::join!(other, work_under_lease(work, PAUSE, turn)).1 };
        assert_eq!(timeout(10 * PAUSE, both).await, Ok(Ok(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_is_lost_ends_the_work() {
        let began = Instant::now();
        let lost = work_under_lease(std::future::pending::<Result<(), u8>>(), PAUSE, || async {
            Err(1)
        });
        assert_eq!(lost.await, Err(1));
        assert_eq!(began.elapsed(), PAUSE);
    }
}
