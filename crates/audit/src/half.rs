//! Half applied: of a decision with several effects in the record, some stand and some do not. Known
//! only of what was found to be lost or stale, from the decision's own record.

use crate::{
    finding::{AuditFinding, DifferenceKind, ItemName},
    partition::decode_record,
    ports::{AuditError, AuditPorts},
};
use change_feed::{document_name, row_name};
use event_schema::decision::Change;
use std::collections::{BTreeMap, HashSet};

/// Turns *lost* and *stale* into *half applied* where other effects of the decision stand.
pub(crate) async fn name_half_applied(
    ports: &AuditPorts,
    findings: &mut [AuditFinding],
) -> Result<(), AuditError> {
    let record = ports.record.name();
    let mut missing: BTreeMap<(u16, u64), HashSet<String>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.store == record) {
        if let (Some(place), Some(name)) = (missing_place(finding), item_name(finding)) {
            missing.entry(place).or_default().insert(name);
        }
    }
    let mut half = HashSet::new();
    for (place, missing) in missing {
        if others_stand(ports, place, &missing).await? {
            half.insert(place);
        }
    }
    for finding in findings {
        let is_half = missing_place(finding).is_some_and(|at| half.contains(&at));
        if is_half && finding.store == record && item_name(finding).is_some() {
            finding.kind = DifferenceKind::HalfApplied;
            finding.detail += "; other effects of the same decision stand";
        }
    }
    Ok(())
}

/// Has the decision effects that are not missing?
async fn others_stand(
    ports: &AuditPorts,
    (partition, offset): (u16, u64),
    missing: &HashSet<String>,
) -> Result<bool, AuditError> {
    let topic = ports.changes();
    let scan = ports.log.scan(&topic, partition, offset..offset + 1);
    let records = scan.collect().await;
    let records = records.map_err(|error| AuditError::Log(error.to_string()))?;
    let Some(record) = records.into_iter().next() else {
        return Ok(false);
    };
    let (_, change) = decode_record(partition, record)?;
    let (documents, rows) = match &change {
        Change::Decision(decision) => (&decision.documents, &decision.rows),
        Change::Void(void) => (&void.documents, &void.rows),
        Change::Open(_) | Change::Mark(_) => return Ok(false),
    };
    let documents = documents.iter().map(|change| document_name(&change.key));
    let mut names = documents.chain(rows.iter().map(|row| row_name(&row.key)));
    Ok(names.any(|name| !missing.contains(&name)))
}

/// Where the decision stands whose effect is missing.
fn missing_place(finding: &AuditFinding) -> Option<(u16, u64)> {
    let is_missing = matches!(finding.kind, DifferenceKind::Lost | DifferenceKind::Stale);
    let offset = finding.expected.as_ref()?.offset?;
    is_missing.then_some((finding.partition?, offset))
}

fn item_name(finding: &AuditFinding) -> Option<String> {
    match &finding.item {
        ItemName::Document { document } => Some(document_name(document)),
        ItemName::Row { row } => Some(row_name(row)),
        ItemName::Request { .. } | ItemName::Mark { .. } | ItemName::Event { .. } => None,
    }
}
