//! The catalog's definitions into the topic `catalog`, before the first event is made by them: a
//! worker that was built with others finds them there and waits until it does. Published once per
//! version; the topic keeps the newest record of each.

use crate::Ports;
use catalog::Catalog;
use event_log::{NewRecord, Record, StreamError};
use event_schema::{
    codec,
    topics::{self, Layout},
};

/// The record with the definitions of this catalog: what every event that is made by them stands
/// on.
pub(crate) fn definitions_record(catalog: &Catalog, layout: &Layout) -> NewRecord {
    let parts = codec::encode_catalog(catalog.version(), catalog.definitions());
    NewRecord {
        topic: layout.name(&topics::CATALOG).into(),
        partition: 0,
        key: parts.key,
        value: parts.value,
        headers: parts.headers,
    }
}

/// Returns when the log holds the definitions by which events in the spool were made.
pub(crate) async fn announce_spooled(ports: &Ports) -> Result<(), String> {
    if let Some(spool) = &ports.spool {
        for record in spool.before().await.map_err(|error| error.to_string())? {
            let appended = ports.log.append(record).await;
            appended.map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// Returns when the log holds the definitions of this catalog.
pub(crate) async fn announce_definitions(ports: &Ports, catalog: &Catalog) -> Result<(), String> {
    let topic = ports.layout.name(&topics::CATALOG);
    let version = catalog.version();
    if is_published(ports, &topic, version).await? {
        return Ok(());
    }
    let appended = ports
        .log
        .append(definitions_record(catalog, &ports.layout))
        .await;
    appended.map_err(|error| error.to_string())?;
    tracing::info!(version, "the catalog's definitions are published");
    Ok(())
}

async fn is_published(ports: &Ports, topic: &str, version: &str) -> Result<bool, String> {
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
