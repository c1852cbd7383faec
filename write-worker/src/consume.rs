//! Stage: the group that shares the partitions of `transactions`, and what must be known of the
//! record store before any is taken. What is done with a partition is [`crate::partition`]'s.

use crate::{Config, Ports, Worker, partition::WriteTenures};
use partition_owner::{GroupRefused, OwnerOptions, own_partitions};
use runtime::Shutdown;
use std::{sync::Arc, time::Duration};
use store::StoreError;

/// Why a worker cannot run at all.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("the log refuses this worker: {0}")]
    Log(String),
    #[error("the record store cannot be written as it is set up: {0}")]
    Record(StoreError),
    #[error("metrics could not be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

pub(crate) async fn consume_transactions(
    worker: Arc<Worker>,
    shutdown: Shutdown,
) -> Result<(), WorkerError> {
    if worker.forgetful {
        runtime::spawn("probe", probe_record(worker.clone(), shutdown.clone()));
    }
    let options = OwnerOptions {
        component: "write-worker",
        group: worker.ports.layout.worker_group(),
        topic: worker.topics.transactions.to_string(),
        backoff: worker.config.backoff(),
        drain: Duration::from_millis(worker.config.drain_ms),
        settled_after: OwnerOptions::SETTLED_AFTER,
    };
    let tenures = Arc::new(WriteTenures(worker.clone()));
    let (log, health) = (&worker.ports.log, &worker.ports.health);
    own_partitions(tenures, options, log, health, &shutdown)
        .await
        .map_err(|GroupRefused(why)| WorkerError::Log(why))
}

/// Notices that a forgetful record store was away even when nobody wrote to it meanwhile.
async fn probe_record(worker: Arc<Worker>, shutdown: Shutdown) {
    while !shutdown.is_soft() {
        tokio::select! {
            biased;
            () = shutdown.soft() => return,
            () = tokio::time::sleep(Duration::from_millis(worker.config.probe_ms.max(1))) => {}
        }
        let is_away = worker.ports.record.ready().await.is_err();
        match (worker.presence.probed(is_away), is_away) {
            (true, true) => tracing::warn!(
                "the record store is away and may forget: every partition waits and is taken again"
            ),
            (true, false) => tracing::warn!(
                "the record store is back and may have forgotten: applying again what it took lately"
            ),
            (false, _) => {}
        }
    }
}

/// Does the record store forget what it acknowledged when its process is killed? Settled by the
/// configuration, or asked of the store, once that is there and set up as it must be.
pub(crate) async fn is_forgetful(
    config: &Config,
    ports: &Ports,
    shutdown: &Shutdown,
) -> Result<bool, WorkerError> {
    let mut backoff = config.backoff();
    loop {
        let asked = async {
            ports.record.check_settings().await?;
            match config.reapply_window_ms {
                Some(window) => Ok(window > 0),
                None => Ok(ports.record.may_forget().await?.is_some()),
            }
        };
        match asked.await {
            Ok(is_forgetful) => return Ok(is_forgetful),
            Err(error @ StoreError::Refused { .. }) => return Err(WorkerError::Record(error)),
            Err(error) => tracing::warn!(%error, "waiting for the record store"),
        }
        tokio::select! {
            biased;
            () = shutdown.soft() => return Ok(true),
            () = tokio::time::sleep(backoff.next_wait()) => {}
        }
    }
}
