//! How an event is made of what was accepted: its id, its partition, its attributes, its bytes.

use super::{
    super::{
        order,
        validate::{ItemParts, ValidItem},
    },
    known_ends::KnownEnds,
};
use crate::access::Caller;
use catalog::{CatalogInUse, Kind};
use event_log::NewRecord;
use event_schema::{
    codec,
    envelope::{
        Attributes, Claim, Informative, InformativeData, Origin, Reply, Transaction,
        TransactionData,
    },
    held::HoldIntent,
    id::{EntityKey, RequestId},
    offset::TransactionsOffset,
    signing::Keyring,
};
use request_spans::TraceContext;
use runtime::Clock;
use serde_json::Map;
use std::sync::Arc;

/// What all events of this gateway share.
pub(crate) struct EventBuilder {
    pub keys: Keyring,
    pub generation: u16,
    pub partitions: u16,
    /// What intents name; other events name the catalog that accepted them.
    pub catalog: CatalogInUse,
    pub transactions: Arc<str>,
    pub informative: Arc<str>,
    pub clock: Arc<dyn Clock>,
    pub known_ends: Arc<KnownEnds>,
    /// Where workers send verdicts that somebody here waits for.
    pub reply: Reply,
}

/// A record that is ready for the log. Made only by
/// [`EventBuilder::build`], of what was validated.
pub(crate) struct Event {
    request: RequestId,
    kind: Kind,
    /// Is its caller looked at only when it is decided?
    is_unconfirmed: bool,
    record: NewRecord,
}

/// An event whose record the log has.
pub(crate) struct Handed {
    pub request: RequestId,
    pub kind: Kind,
    pub is_unconfirmed: bool,
}

impl Event {
    pub(crate) fn request(&self) -> RequestId {
        self.request
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// What stands for its entity, or its channel, in the order of a connection's writes.
    pub(crate) fn order_key(&self) -> u64 {
        let key = self.record.key.as_deref().unwrap_or_default();
        order::turn_key(&self.record.topic, key)
    }

    /// The record for the log; what is left can take it back.
    pub(crate) fn hand_over(self) -> (Handed, NewRecord) {
        (
            Handed {
                request: self.request,
                kind: self.kind,
                is_unconfirmed: self.is_unconfirmed,
            },
            self.record,
        )
    }

    /// Bytes it will take in the log's queue, roughly.
    pub(crate) fn size(&self) -> usize {
        self.record.value.as_ref().map_or(0, bytes::Bytes::len) + 512
    }
}

impl Handed {
    /// The log refused the record and gave it back.
    pub(crate) fn take_back(self, record: NewRecord) -> Event {
        Event {
            request: self.request,
            kind: self.kind,
            is_unconfirmed: self.is_unconfirmed,
            record,
        }
    }
}

/// What all events of a request share.
pub(crate) struct Context<'a> {
    pub caller: &'a Caller,
    /// By which it was let in.
    pub right: (&'a str, &'a str),
    pub traceparent: &'a str,
    pub claim: Option<Claim>,
    pub replies: bool,
    pub origin: Option<&'a Origin>,
    /// Its id derives from something else than this acceptance.
    pub is_derived: bool,
}

impl EventBuilder {
    pub(in super::super) fn build(
        &self,
        kind: Kind,
        item: ValidItem,
        context: &Context<'_>,
    ) -> Event {
        let ItemParts {
            accepted,
            incarnations,
            catalog,
        } = item.into_parts();
        let partition = accepted.key.partition(self.partitions);
        let request = RequestId::mint(&self.keys, self.generation, partition, accepted.unique);
        let attributes = Attributes {
            id: request,
            tenant: context.caller.tenant.to_string(),
            operation: accepted.operation,
            catalog: catalog.to_string(),
            key: accepted.key,
            time: self.clock.now(),
            traceparent: Some(context.traceparent.to_owned()),
        };
        let principal = context.caller.name.to_string();
        let unconfirmed = context.caller.unconfirmed.as_ref();
        let unconfirmed = unconfirmed.map(|caller| caller.mark(context.right));
        let is_unconfirmed = unconfirmed.is_some();
        let (topic, parts) = match kind {
            Kind::Transaction => {
                // An id that derives from an idempotency key or a file may stand anywhere in the log.
                let seen = if context.claim.is_some() || context.is_derived {
                    TransactionsOffset::FIRST
                } else {
                    self.known_ends.seen(partition)
                };
                let data = TransactionData {
                    request: accepted.request,
                    generated: accepted.generated,
                    incarnations,
                    volatile: accepted.volatile,
                    if_version: accepted.if_version,
                    claim: context.claim.clone(),
                    reply: (context.replies && kind.has_verdict()).then(|| self.reply.clone()),
                    origin: context.origin.cloned(),
                    principal,
                    unconfirmed,
                };
                (
                    &self.transactions,
                    codec::encode_transaction(&Transaction {
                        attributes,
                        seen,
                        data,
                    }),
                )
            }
            Kind::Informative => {
                let data = InformativeData {
                    request: accepted.request,
                    generated: accepted.generated,
                    volatile: accepted.volatile,
                    origin: context.origin.cloned(),
                    principal,
                };
                (
                    &self.informative,
                    codec::encode_informative(&Informative { attributes, data }),
                )
            }
        };
        let record = NewRecord {
            topic: topic.clone(),
            partition,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        };
        Event {
            request,
            kind,
            is_unconfirmed,
            record,
        }
    }

    /// An event that asks the owner of a key to move something that is held under it. `by`: tenant
    /// and principal.
    pub(in super::super) fn build_intent(
        &self,
        (tenant, principal): (&str, &str),
        (operation, key): (&str, &EntityKey),
        unique: [u8; 16],
        asked: &HoldIntent,
    ) -> Event {
        let partition = key.partition(self.partitions);
        let request = RequestId::mint(&self.keys, self.generation, partition, unique);
        let attributes = Attributes {
            id: request,
            tenant: tenant.to_owned(),
            operation: operation.to_owned(),
            catalog: self.catalog.current().version().to_owned(),
            key: key.clone(),
            time: self.clock.now(),
            traceparent: Some(TraceContext::fresh_sampled().to_string()),
        };
        let data = TransactionData {
            request: event_schema::to_raw(asked),
            generated: Map::new(),
            incarnations: Map::new(),
            volatile: None,
            if_version: None,
            claim: None,
            reply: None,
            origin: None,
            principal: principal.to_owned(),
            unconfirmed: None,
        };
        let parts = codec::encode_transaction(&Transaction {
            attributes,
            seen: self.known_ends.seen(partition),
            data,
        });
        let record = NewRecord {
            topic: self.transactions.clone(),
            partition,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        };
        Event {
            request,
            kind: Kind::Transaction,
            is_unconfirmed: false,
            record,
        }
    }
}
