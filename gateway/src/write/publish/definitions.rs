//! The catalog's definitions into the topic `catalog`, before the first event is made by them: a
//! worker that was built with others finds them there and waits until it does. Published once per
//! version; the topic keeps the newest record of each.

use crate::{Ports, app::Shared};
use catalog::Catalog;
use event_log::{NewRecord, Record, StreamError};
use event_schema::{
    codec,
    topics::{self, Layout},
};
use runtime::{Backoff, Shutdown, State};
use std::time::Duration;
use tokio::sync::oneshot;

const COMPONENT: &str = "catalog";

/// Opens the way of writes to the log, and says so: once the log is there and holds the definitions
/// by which this gateway makes events. Until then a spool takes them, if there is one.
pub(crate) async fn open_writes(app: Shared, opened: oneshot::Sender<()>, shutdown: Shutdown) {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
    let mut state = State::Starting {
        why: "the log does not hold its definitions yet".into(),
    };
    let mut found = app.ports.durability.clone();
    loop {
        app.ports.health.set(COMPONENT, state);
        let opening = async {
            let known = found.wait_for(Option::is_some).await.map(|known| *known);
            let Ok(durability) = known else {
                // Nothing will ever say.
                return std::future::pending().await;
            };
            announce(&app.ports).await.map(|()| durability)
        };
        let error = tokio::select! {
            () = shutdown.hard() => return,
            announced = opening => match announced {
                Ok(durability) => {
                    let ends = &app.writes.publisher.known_ends;
                    ends.ask(app.ports.log.admin.as_ref(), &app.transactions).await;
                    if let Some(spool) = &app.ports.spool {
                        spool.open();
                    }
                    durability.map(|durability| app.writes.publisher.durability.set(durability));
                    app.ports.health.set(COMPONENT, State::Ready);
                    // Nothing may wait for it any more.
                    _ = opened.send(());
                    return;
                }
                Err(error) => error,
            },
        };
        tracing::warn!(
            error,
            "the catalog's definitions cannot be published; retrying"
        );
        state = State::Missing { why: error };
        tokio::select! {
            () = shutdown.hard() => return,
            () = tokio::time::sleep(backoff.next_wait()) => {}
        }
    }
}

/// The record with the definitions of this catalog: what every event that is made by them stands
/// on.
pub(crate) fn record(catalog: &Catalog, layout: &Layout) -> NewRecord {
    let parts = codec::encode_catalog(catalog.version(), catalog.definitions());
    NewRecord {
        topic: layout.name(&topics::CATALOG).into(),
        partition: 0,
        key: parts.key,
        value: parts.value,
        headers: parts.headers,
    }
}

/// Returns when the log holds the definitions, and those by which events in the spool were made.
async fn announce(ports: &Ports) -> Result<(), String> {
    let topic = ports.layout.name(&topics::CATALOG);
    if let Some(spool) = &ports.spool {
        for record in spool.before().map_err(|error| error.to_string())? {
            let appended = ports.log.append(record).await;
            appended.map_err(|error| error.to_string())?;
        }
    }
    let version = ports.catalog.version();
    if published(ports, &topic, version).await? {
        return Ok(());
    }
    let appended = ports
        .log
        .append(record(&ports.catalog, &ports.layout))
        .await;
    appended.map_err(|error| error.to_string())?;
    tracing::info!(version, "the catalog's definitions are published");
    Ok(())
}

async fn published(ports: &Ports, topic: &str, version: &str) -> Result<bool, String> {
    let failed = |error: StreamError| error.to_string();
    let mut scan = ports.log.scan_kept(topic, 0, 0).await.map_err(failed)?;
    while let Some(records) = scan.next().await.map_err(failed)? {
        let is_this = |record: &Record| record.key.as_deref() == Some(version.as_bytes());
        if records.iter().any(is_this) {
            return Ok(true);
        }
    }
    Ok(false)
}
