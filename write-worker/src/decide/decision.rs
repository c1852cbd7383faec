//! From a plan to the decision that is appended: whose state it was judged by, and whether it fits
//! into a record of `changes`. Pure.

use super::{Decider, inputs::Event};
use catalog::{Accepted, Needs, Plan};
use event_schema::{
    Raw, codec,
    decision::{ClaimedValues, Decision, OriginalRecord, Part},
    envelope::{Attributes, Transaction, TransactionData},
    held::HeldEvent,
    id::{EntityKey, RequestId},
    json_size,
    mutation::{DocumentChange, RowMutation},
    offset::ChangesOffset,
    outcome::{Refusal, RefusalCode, Verdict},
    topics::CHANGES,
};
use serde_json::{Map, Value};

impl Decider {
    pub(super) fn make_decision(&self, event: Event, plan: Plan) -> Decision {
        // Whose state made it a refusal; none, where it was refused for its idempotency key.
        let Needs {
            documents: judged_by,
            rows: judged_by_rows,
        } = match &plan.verdict {
            Verdict::Refused(_) => plan.read,
            Verdict::Applied | Verdict::DeadLettered(_) | Verdict::Parked(_) => Needs::default(),
        };
        // Whoever was refused for the key does not hold it.
        let holds_key = event.refused.is_none();
        let parts = plan.parts.into_iter();
        let parts = parts
            .map(|part| self.make_part(&event.transaction, part))
            .collect();
        let attributes = event.transaction.attributes;
        let relaxed = self.is_relaxed(&attributes.catalog, &attributes.operation);
        let data = event.transaction.data;
        let claim = data.claim.filter(|_| holds_key);
        Decision {
            epoch: self.appender.epoch(),
            at: ChangesOffset::FIRST,
            key: attributes.key,
            request: attributes.id,
            operation: attributes.operation,
            tenant: attributes.tenant,
            principal: Some(data.principal),
            catalog: attributes.catalog,
            position: event.position,
            replaces: event.replaces,
            by: None,
            silent: plan.silent,
            verdict: plan.verdict,
            documents: plan.documents,
            rows: plan.rows,
            parts,
            claims: ClaimedValues {
                take: plan.takes.into_iter().map(|taken| taken.value).collect(),
                release: plan.releases,
            },
            claim,
            judged_by,
            judged_by_rows,
            result: plan.result,
            volatile: data.volatile,
            relaxed,
            accepted: event.accepted,
            decided: self.worker.ports.clock.now(),
            reply: data.reply,
            origin: data.origin,
            traceparent: attributes
                .traceparent
                .filter(|_| request_spans::is_exporting()),
        }
    }

    /// A part's event, whole: whoever publishes it publishes these bytes.
    fn make_part(&self, parent: &Transaction, accepted: Accepted) -> Part {
        let ports = &self.worker.ports;
        let layout = &ports.layout;
        let partition = accepted.key.partition(layout.partitions);
        let request = RequestId::mint(&ports.keys, layout.generation, partition, accepted.unique);
        let seen = self.worker.parts.known_end(partition);
        let mut incarnations = parent.data.incarnations.clone();
        incarnations.retain(|name, _| {
            let mut touched = accepted.collections.iter();
            touched.any(|(index, collection)| *name == format!("{index}/{collection}"))
        });
        let event = Transaction {
            seen,
            attributes: Attributes {
                id: request,
                tenant: parent.attributes.tenant.clone(),
                operation: accepted.operation,
                catalog: parent.attributes.catalog.clone(),
                key: accepted.key,
                time: parent.attributes.time,
                traceparent: parent.attributes.traceparent.clone(),
            },
            data: TransactionData {
                request: accepted.request,
                generated: accepted.generated,
                incarnations,
                volatile: None,
                if_version: None,
                claim: None,
                reply: None,
                origin: None,
                principal: parent.data.principal.clone(),
                unconfirmed: None,
            },
        };
        Part {
            request,
            partition,
            seen,
            event: OriginalRecord::of(&codec::encode_transaction(&event)),
        }
    }

    /// The decision of a held event that no one can decode.
    pub(super) fn decision_of_held(
        &self,
        held: &HeldEvent,
        key: &EntityKey,
        plan: Plan,
    ) -> Decision {
        Decision {
            epoch: self.appender.epoch(),
            at: ChangesOffset::FIRST,
            key: key.clone(),
            request: held.request,
            operation: held.operation.clone(),
            tenant: held.tenant.clone(),
            principal: None,
            catalog: held.catalog.clone(),
            position: held.position,
            replaces: None,
            by: None,
            silent: false,
            verdict: plan.verdict,
            documents: plan.documents,
            rows: plan.rows,
            parts: Vec::new(),
            claims: ClaimedValues::default(),
            claim: None,
            judged_by: Vec::new(),
            judged_by_rows: Vec::new(),
            result: plan.result,
            volatile: None,
            relaxed: false,
            accepted: held.accepted,
            decided: self.worker.ports.clock.now(),
            reply: None,
            origin: None,
            traceparent: None,
        }
    }

    /// A decision that would not fit into a record of `changes`, or leaves a document larger than a
    /// document may be, is a refusal instead, judged by all that it would have changed: how large
    /// that was before counts, too. `beside`: bytes that it takes beside what it says now.
    pub(super) fn fit_decision(&self, mut decision: Decision, beside: usize) -> Decision {
        let layout = &self.worker.ports.layout;
        let limit = (layout.record_limit(&CHANGES) - 4096).saturating_sub(beside);
        let Some(message) = too_large(&decision, layout.document_limit, limit) else {
            return decision;
        };
        decision.judged_by = change_keys(&decision.documents, |change| change.key.clone());
        decision.judged_by_rows = change_keys(&decision.rows, |row| row.key.clone());
        let plan = refusing_plan(RefusalCode::TooLarge, message);
        decision.verdict = plan.verdict;
        decision.documents = plan.documents;
        decision.rows = plan.rows;
        decision.parts = Vec::new();
        decision.claims = ClaimedValues {
            release: std::mem::take(&mut decision.claims.take),
            take: Vec::new(),
        };
        decision.result = plan.result;
        decision
    }
}

fn change_keys<T, K>(changes: &[T], key: impl Fn(&T) -> K) -> Vec<K> {
    changes.iter().map(key).collect()
}

/// A plan that refuses.
pub(super) fn refusing_plan(code: RefusalCode, message: String) -> Plan {
    refused_plan(Refusal {
        code,
        message,
        rule: None,
        pointer: None,
    })
}

pub(super) fn refused_plan(refusal: Refusal) -> Plan {
    Plan::of(Verdict::Refused(refusal))
}

/// Why it is too large; `None` if it is not.
fn too_large(decision: &Decision, document_limit: usize, record_limit: usize) -> Option<String> {
    let grown = decision.documents.iter().find_map(|change| {
        change
            .after
            .as_ref()
            .filter(|body| body.get().len() > document_limit)
    });
    if let Some(body) = grown {
        return Some(format!(
            "the document would take {} bytes, more than the {document_limit} that a document may have",
            body.get().len()
        ));
    }
    let size = decision_size(decision);
    (size > record_limit).then(|| {
        format!(
            "its decision would take {size} bytes, more than the {record_limit} that a record may have"
        )
    })
}

/// Bytes that the record takes, never less: bodies as they are, cells as they are encoded, and an
/// allowance for names and numbers.
fn decision_size(decision: &Decision) -> usize {
    const EACH: usize = 512;
    let raw = |body: &Option<Raw>| body.as_ref().map_or(0, |body| body.get().len());
    let document = |change: &DocumentChange| {
        let key = &change.key;
        let names = key.index.len() + key.collection.len() + json_size(&key.id);
        raw(&change.before) + raw(&change.after) + names + EACH
    };
    let row = |row: &RowMutation| {
        let before = row.before.as_ref().map_or(0, cells_size);
        cells_size(&row.key.key) + cells_size(&row.cells) + before + EACH
    };
    let part = |part: &Part| {
        let header = |(name, value): &(String, String)| name.len() + value.len() + 8;
        let headers = part.event.headers.iter().map(header).sum::<usize>();
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        text(&part.event.key) + text(&part.event.value) + headers + EACH
    };
    let claims = decision.claims.take.iter().chain(&decision.claims.release);
    let claims = claims.map(|claim| claim.space.len() + json_size(&claim.value) + 64);
    decision.parts.iter().map(part).sum::<usize>()
        + claims.sum::<usize>()
        + decision.documents.iter().map(document).sum::<usize>()
        + decision.rows.iter().map(row).sum::<usize>()
        + raw(&decision.volatile)
        + raw(&decision.result)
        + json_size(&decision.principal)
        + 2 * decision.key.0.len()
}

fn cells_size(cells: &Map<String, Value>) -> usize {
    let cell = |(name, value): (&String, &Value)| name.len() + 4 + json_size(value);
    cells.iter().map(cell).sum()
}

#[cfg(test)]
mod tests;
