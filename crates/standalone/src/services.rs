//! A gateway and a worker side by side: whichever fails stops the other, and the worker outlives the gateway, so that those who wait for a
//! verdict while it stops still get it.

use crate::StandaloneError;
use runtime::Shutdown;
use std::fmt::Display;

/// Runs both until shutdown; the first error is the one that is told.
pub async fn together<G, W, GE, WE>(
    shutdown: Shutdown,
    gateway: impl FnOnce(Shutdown) -> G,
    worker: impl FnOnce(Shutdown) -> W,
) -> Result<(), StandaloneError>
where
    G: Future<Output = Result<(), GE>> + Send + 'static,
    W: Future<Output = Result<(), WE>> + Send + 'static,
    GE: Display + Send + 'static,
    WE: Display + Send + 'static,
{
    let (stop_gateway, gateway_shutdown) = shutdown.child();
    let (stop_worker, worker_shutdown) = Shutdown::manual();
    let mut gateway = runtime::spawn("gateway", gateway(gateway_shutdown));
    let mut worker = runtime::spawn("write-worker", worker(worker_shutdown));
    tokio::select! {
        ended = &mut gateway => {
            stop_worker.soft();
            let first = told("gateway", ended);
            tokio::select! {
                ended = &mut worker => first.and(told("write-worker", ended)),
                () = shutdown.hard() => {
                    stop_worker.hard();
                    first.and(told("write-worker", worker.await))
                }
            }
        }
        ended = &mut worker => {
            // It had no reason to end: without it nothing is applied any more.
            stop_gateway.soft();
            let first = told("write-worker", ended);
            let second = told("gateway", gateway.await);
            first.and(second).and_then(|()| match shutdown.is_soft() {
                true => Ok(()),
                false => Err(StandaloneError::Service { service: "write-worker", why: "without a reason".to_owned() }),
            })
        }
        () = shutdown.hard() => {
            stop_worker.hard();
            let first = told("gateway", gateway.await);
            first.and(told("write-worker", worker.await))
        }
    }
}

fn told<E: Display>(service: &'static str, ended: Result<Result<(), E>, tokio::task::JoinError>) -> Result<(), StandaloneError> {
    let why = match ended {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    Err(StandaloneError::Service { service, why })
}

#[cfg(test)]
mod tests;
