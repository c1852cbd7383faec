//! A gateway, a write-worker or a notifier as a process of its own: says in `/readyz` what is
//! missing. Workers wait until the log is there, a gateway serves meanwhile what needs no log. A
//! topic that differs from the table is refused, never mended.

use crate::{
    failure::Failure,
    stack::{Logged, Stack},
};
use event_log::{AdminError, Durability, TopicProblem};
use prometheus::Registry;
use runtime::{Backoff, Health, Shutdown, State};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch};

/// Everything a service reports with, and what stops it.
#[derive(Clone)]
pub struct Surroundings {
    pub health: Health,
    pub registry: Registry,
    pub shutdown: Shutdown,
}

impl Surroundings {
    pub fn new(drain: Duration) -> Result<Self, Failure> {
        Ok(Self {
            health: Health::default(),
            registry: Registry::new(),
            shutdown: Shutdown::on_signals(drain)?,
        })
    }
}

/// Binds, so that a port that is taken is told before anything else.
pub async fn bind_listener(address: SocketAddr, setting: &str) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| {
        Failure::failed(format!("cannot listen on {address}: {error}"))
            .hint(format!("--set {setting}=127.0.0.1:0 takes a free port"))
    })
}

/// Waits for the log and its topics. `None`: told to stop meanwhile.
pub async fn await_topics(logged: &Logged, around: &Surroundings) -> Result<Option<()>, Failure> {
    let topics = logged.topics();
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(3));
    loop {
        let why = match logged.log.admin.check(&topics).await {
            Ok(problems) if problems.is_empty() => {
                around.health.set("log", State::Ready);
                around.health.forget("topics");
                return Ok(Some(()));
            }
            Ok(problems) => {
                let differs = problems
                    .iter()
                    .filter(|problem| !matches!(problem, TopicProblem::Missing { .. }));
                let differs: Vec<_> = differs.map(ToString::to_string).collect();
                if !differs.is_empty() {
                    return Err(Failure::failed(format!(
                        "topics are not what they must be: {}",
                        differs.join("; ")
                    ))
                    .hint("consign topics check"));
                }
                around.health.set("log", State::Ready);
                let missing: Vec<_> = problems.iter().map(ToString::to_string).collect();
                (
                    "topics",
                    format!("{} (consign topics create)", missing.join("; ")),
                )
            }
            // Who denies may take this client when it has other credentials, or the brokers have.
            Err(AdminError::Unavailable(why) | AdminError::Denied(why)) => ("log", why),
            Err(error) => return Err(error.into()),
        };
        if backoff.attempts().is_multiple_of(10) {
            tracing::warn!(missing = why.0, why = why.1, "waiting");
        }
        around.health.set(why.0, State::Missing { why: why.1 });
        tokio::select! {
            () = around.shutdown.soft() => return Ok(None),
            () = tokio::time::sleep(backoff.next_wait()) => {}
        }
    }
}

/// Looks at the log beside a gateway that serves already, and tells it what an acknowledgement means
/// when the log and its topics are there. Ends when that is told, or at shutdown.
pub async fn prepare_log(
    stack: &Stack,
    around: &Surroundings,
    known: watch::Sender<Option<Durability>>,
) -> Result<(), Failure> {
    let topics = stack.topics();
    while await_topics(&stack.logged(), around).await?.is_some() {
        match stack.log.admin.durability(&topics).await {
            Ok((durability, _)) => {
                known.send_replace(Some(durability));
                watch_stack(stack, around, false);
                return Ok(());
            }
            Err(AdminError::Unavailable(why) | AdminError::Denied(why)) => {
                around.health.set("log", State::Missing { why })
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// Keeps what `/readyz` says of weak settings, and of the stores where the service does not look
/// itself, true.
pub fn watch_stack(stack: &Stack, around: &Surroundings, stores: bool) {
    let (log, record, view) = (stack.log.clone(), stack.record.clone(), stack.view.clone());
    let (topics, health, shutdown) = (
        stack.topics(),
        around.health.clone(),
        around.shutdown.clone(),
    );
    runtime::spawn("watch", async move {
        for round in 0_u32.. {
            if round % 15 == 0
                && let Ok((_, weak)) = log.admin.durability(&topics).await
            {
                standalone::prepare::name_weaknesses(
                    &health,
                    weak,
                    record.as_ref(),
                    view.as_deref(),
                )
                .await;
            }
            if stores {
                let reached = if log.publisher.healthy() {
                    State::Ready
                } else {
                    State::Missing {
                        why: "out of reach".to_owned(),
                    }
                };
                health.set("log", reached);
                health.set("record", State::told_by(record.ready()).await);
                if let Some(view) = &view {
                    health.set("view", State::told_by(view.ready()).await);
                }
            }
            tokio::select! {
                () = shutdown.soft() => return,
                () = tokio::time::sleep(Duration::from_secs(2)) => {}
            }
        }
    });
}

/// The same for a service that touches no store.
pub fn watch_log(logged: &Logged, around: &Surroundings) {
    let (log, topics, health, shutdown) = (
        logged.log.clone(),
        logged.topics(),
        around.health.clone(),
        around.shutdown.clone(),
    );
    runtime::spawn("watch", async move {
        for round in 0_u32.. {
            if round % 15 == 0
                && let Ok((_, weak)) = log.admin.durability(&topics).await
            {
                standalone::prepare::name_weak_log(&health, weak);
            }
            let reached = if log.publisher.healthy() {
                State::Ready
            } else {
                State::Missing {
                    why: "out of reach".to_owned(),
                }
            };
            health.set("log", reached);
            tokio::select! {
                () = shutdown.soft() => return,
                () = tokio::time::sleep(Duration::from_secs(2)) => {}
            }
        }
    });
}

/// Runs a gateway on what is there.
pub async fn run_gateway(
    config: gateway::Config,
    listener: TcpListener,
    ports: gateway::Ports,
    shutdown: Shutdown,
) -> Result<(), Failure> {
    gateway::run(config, listener, ports, shutdown)
        .await
        .map_err(|error| Failure::failed(error.to_string()))
}

/// The machine's clock, as services take it; off by what a file says where `consign torture` tries
/// that.
pub fn system_clock() -> Arc<dyn runtime::Clock> {
    match std::env::var_os(runtime::clock::CLOCK_FILE) {
        Some(file) => Arc::new(runtime::clock::SteppedClock::by(file.into())),
        None => Arc::new(runtime::SystemClock),
    }
}
