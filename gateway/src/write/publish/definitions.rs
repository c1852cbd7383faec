//! The catalog's definitions into the topic `catalog`, before the first event is made by them: a
//! worker that was built with others finds them there and waits until it does. Published once per
//! version; the topic keeps the newest record of each.

use crate::{GatewayError, Ports};
use event_log::{Limits, NewRecord};
use event_schema::{codec, topics};
use std::time::Duration;

/// Returns when the log holds the definitions by which this gateway makes events.
pub(crate) async fn announce(ports: &Ports) -> Result<(), GatewayError> {
    let topic = ports.layout.name(&topics::CATALOG);
    let version = ports.catalog.version();
    if published(ports, &topic, version).await? {
        return Ok(());
    }
    let parts = codec::encode_catalog(version, ports.catalog.definitions());
    let record = NewRecord {
        topic: topic.into(),
        partition: 0,
        key: parts.key,
        value: parts.value,
        headers: parts.headers,
    };
    let delivery = ports
        .log
        .publisher
        .send(record)
        .map_err(|error| GatewayError::Catalog(error.to_string()))?;
    delivery
        .await
        .map_err(|error| GatewayError::Catalog(error.to_string()))?;
    tracing::info!(version, "the catalog's definitions are published");
    Ok(())
}

async fn published(ports: &Ports, topic: &str, version: &str) -> Result<bool, GatewayError> {
    let failed = |error: &dyn std::fmt::Display| GatewayError::Catalog(error.to_string());
    let offsets = ports
        .log
        .admin
        .offsets(topic, 0)
        .await
        .map_err(|error| failed(&error))?;
    let mut from = offsets.earliest;
    while from < offsets.end {
        let limits = Limits {
            records: 100,
            bytes: 64 << 20,
        };
        let records = ports
            .log
            .reader
            .read(topic, 0, from, offsets.end, limits, Duration::from_secs(10))
            .await
            .map_err(|error| failed(&error))?;
        let Some(last) = records.last() else {
            return Ok(false);
        };
        from = last.offset + 1;
        if records
            .iter()
            .any(|record| record.key.as_deref() == Some(version.as_bytes()))
        {
            return Ok(true);
        }
    }
    Ok(false)
}
