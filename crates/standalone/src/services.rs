//! A gateway, and the services behind it, side by side: whichever fails stops the others, and those
//! behind outlive the gateway, so that whoever waits for a verdict while it stops still gets it.

use crate::StandaloneError;
use runtime::{Shutdown, TaskSet};
use std::{fmt::Display, future::Future, pin::Pin};
use tokio::task::JoinError;

/// A service by its name, to be run until shutdown.
pub struct Service {
    name: &'static str,
    run: Box<dyn FnOnce(Shutdown) -> Ended + Send>,
}

type Ended = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

impl Service {
    pub fn new<F, E>(name: &'static str, run: impl FnOnce(Shutdown) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let run = move |shutdown| -> Ended {
            let running = run(shutdown);
            Box::pin(async move { running.await.map_err(|error| error.to_string()) })
        };
        Self {
            name,
            run: Box::new(run),
        }
    }
}

/// Runs all until shutdown; the first error is the one that is told.
pub async fn run_together(
    shutdown: Shutdown,
    gateway: Service,
    behind: Vec<Service>,
) -> Result<(), StandaloneError> {
    let (stop_gateway, gateway_shutdown) = shutdown.child();
    let (stop_behind, behind_shutdown) = Shutdown::manual();
    let name = gateway.name;
    let mut gateway = runtime::spawn(name, (gateway.run)(gateway_shutdown));
    let mut others = TaskSet::new();
    for Service { name, run } in behind {
        let running = runtime::spawn(name, run(behind_shutdown.clone()));
        others.spawn(name, async move {
            service_result(name, running.await).map(|()| name)
        });
    }
    let first = tokio::select! {
        ended = &mut gateway => {
            stop_behind.soft();
            service_result(name, ended)
        }
        Some(ended) = others.join_next() => {
            // It had no reason to end: without it nothing is applied, or told, any more.
            stop_gateway.soft();
            let first = ended;
            let second = service_result(name, gateway.await);
            stop_behind.soft();
            first.and_then(|early| second.and_then(|()| if shutdown.is_soft() {
                Ok(())
            } else {
                Err(StandaloneError::Service { service: early, why: "without a reason".to_owned() })
            }))
        }
        () = shutdown.hard() => {
            stop_behind.hard();
            service_result(name, gateway.await)
        }
    };
    let rest = async {
        let mut rest = Ok(());
        while let Some(ended) = others.join_next().await {
            rest = rest.and(ended.map(drop));
        }
        rest
    };
    tokio::pin!(rest);
    let rest = tokio::select! {
        rest = &mut rest => rest,
        () = shutdown.hard() => {
            stop_behind.hard();
            rest.await
        }
    };
    first.and(rest)
}

fn service_result(
    service: &'static str,
    ended: Result<Result<(), String>, JoinError>,
) -> Result<(), StandaloneError> {
    let why = match ended {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error,
        Err(error) => error.to_string(),
    };
    Err(StandaloneError::Service { service, why })
}

#[cfg(test)]
mod tests;
