//! Intents: what a person asks of the owner of a key, as an event under that key. The worker decides
//! it like any other; nothing is written to a store here.

use crate::{
    Ports,
    access::Caller,
    error::{Code, Problem},
};
use event_log::NewRecord;
use event_schema::{
    codec,
    envelope::{Attributes, Transaction, TransactionData},
    id::{EntityKey, RequestId},
    offset::TransactionsOffset,
    to_raw,
    topics::TRANSACTIONS,
};
use serde::Serialize;
use serde_json::Map;

/// What is asked, and of whose owner.
pub(crate) struct NewIntent<'a, T> {
    pub operation: &'static str,
    pub key: EntityKey,
    pub asked: &'a T,
}

/// Appends the intent; whoever asked finds its verdict by the id.
pub(crate) async fn publish_intent<T: Serialize>(
    ports: &Ports,
    caller: &Caller,
    intent: NewIntent<'_, T>,
) -> Result<RequestId, Problem> {
    let layout = &ports.layout;
    let partition = intent.key.partition(layout.partitions);
    let unique = runtime::random::<u128>().to_be_bytes();
    let id = RequestId::mint(&ports.keys, layout.generation, partition, unique);
    let event = Transaction {
        seen: TransactionsOffset::FIRST,
        attributes: Attributes {
            id,
            tenant: caller.tenant.to_string(),
            operation: intent.operation.to_owned(),
            catalog: ports.catalog.current().version().to_owned(),
            key: intent.key,
            time: ports.clock.now(),
            traceparent: None,
        },
        data: TransactionData {
            request: to_raw(intent.asked),
            generated: Map::new(),
            incarnations: Map::new(),
            volatile: None,
            if_version: None,
            claim: None,
            reply: None,
            origin: None,
            principal: caller.name.to_string(),
            unconfirmed: None,
        },
    };
    let parts = codec::encode_transaction(&event);
    let record = NewRecord {
        topic: layout.name(&TRANSACTIONS).into(),
        partition,
        key: parts.key,
        value: parts.value,
        headers: parts.headers,
    };
    let appended = ports.log.append(record).await;
    appended
        .map_err(|error| Problem::new(Code::LogUnavailable, error.to_string()).retry_after(2))?;
    Ok(id)
}
