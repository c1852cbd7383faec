//! Audits of a history. Beside the traffic and all that goes wrong in it one may find nothing but
//! what the view refused; at rest it judges everything, and names a document that is taken out of a
//! store behind its back.

use super::History;
use crate::{
    events::document_name,
    faults::{FaultKind, Faults},
    groups,
    process::{ModelClock, ModelProcess},
};
use audit::{
    AuditError, AuditFinding, AuditOptions, AuditPorts, AuditReport, DifferenceKind, ItemName,
    run_audit,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::task::JoinHandle;

/// What audits beside the traffic came to, once they are stopped.
pub(super) struct RunningAudits {
    process: ModelProcess,
    handle: JoinHandle<Vec<AuditReport>>,
}

/// Between two audits that run beside the traffic.
const PAUSE: Duration = Duration::from_millis(300);
/// How long such an audit waits for what is not resolved: most of the time something is not.
const PATIENCE: Duration = Duration::from_millis(200);
/// Items for which an audit has memory, at least: about so many bytes.
const MEMORY: usize = 2_000;

impl History {
    /// Audits one after the other, in some histories. In those whose stores forget, documents are
    /// missing until they are applied again, and an audit may say so.
    pub(super) fn start_audits(&self) -> Option<RunningAudits> {
        let is_whole = !self.is_forgetful() && !self.faults.has(FaultKind::LostView);
        if !is_whole || !self.dice.once_in(3) {
            return None;
        }
        let process = ModelProcess::new("auditor".into(), self.dice.clone());
        let ports = self.audit_ports(&process, &self.faults);
        let memory = if self.dice.once_in(2) {
            MEMORY
        } else {
            1 << 20
        };
        let faults = self.faults.clone();
        let handle = runtime::spawn("audits", async move {
            let mut reports = Vec::new();
            // An audit that begins when all is over is the one at rest.
            while !faults.is_over() {
                // One that cannot look says nothing.
                reports.extend(audit_once(&ports, memory, PATIENCE).await);
                tokio::time::sleep(PAUSE).await;
            }
            reports
        });
        Some(RunningAudits { process, handle })
    }

    pub(super) async fn check_audits(
        &mut self,
        running: Option<RunningAudits>,
    ) -> Result<(), String> {
        if let Some(RunningAudits { process, handle }) = running {
            process.thaw();
            let reports = handle.await.map_err(|error| error.to_string())?;
            self.note(&format!("{} audits beside it", reports.len()));
            let view = self.view.of(&process, &self.faults).name().to_owned();
            // A view that refuses nothing holds no marker of that.
            let refuses = self.faults.kinds().contains(&FaultKind::Refusals);
            let is_refused = |finding: &AuditFinding| {
                refuses && finding.kind == DifferenceKind::Diverged && finding.store == view
            };
            let mut findings = reports.iter().flat_map(|report| &report.findings);
            if let Some(finding) = findings.find(|finding| !is_refused(finding)) {
                return Err(format!("an audit beside the traffic named {finding:?}"));
            }
        }
        if self.dice.once_in(4) {
            self.audit_at_rest().await?;
        }
        Ok(())
    }

    /// Of what stands everything is judged, and nothing but what the view refused is named.
    async fn audit_at_rest(&mut self) -> Result<(), String> {
        let report = self.audit_now().await?;
        if !report.is_complete() || report.unjudged() > 0 {
            let counts = report.counts;
            return Err(format!("the audit did not judge everything: {counts:?}"));
        }
        let diverged = self.refused_by_view();
        let named = names(&report)?;
        if named != diverged {
            return Err(format!(
                "the audit named {named:?}, the view refused {diverged:?}"
            ));
        }
        self.audit_damage(&diverged).await
    }

    /// A document that is gone from one of the stores is named.
    async fn audit_damage(&mut self, diverged: &BTreeSet<String>) -> Result<(), String> {
        let standing = self.record.documents().into_keys();
        let whole: Vec<String> = standing.filter(|name| !diverged.contains(name)).collect();
        let Some(name) = self.dice.pick(&whole).cloned() else {
            return Ok(());
        };
        let of = if self.dice.once_in(2) {
            self.record.damage(&name);
            "the record store"
        } else {
            self.view.damage(&name);
            "the view"
        };
        self.note(&format!("{name} is gone from {of}"));
        let report = self.audit_now().await?;
        let mut wanted = diverged.clone();
        wanted.insert(name.clone());
        let named = names(&report)?;
        if named == wanted {
            return Ok(());
        }
        Err(format!(
            "{name} is gone from {of}; the audit named {named:?}"
        ))
    }

    async fn audit_now(&self) -> Result<AuditReport, String> {
        let process = ModelProcess::new("auditor at rest".into(), self.dice.clone());
        let ports = self.audit_ports(&process, &self.faults);
        let memory = if self.dice.once_in(2) {
            MEMORY
        } else {
            1 << 20
        };
        let patience = AuditOptions::default().patience;
        let report = audit_once(&ports, memory, patience).await;
        report.map_err(|error| format!("the audit could not look: {error}"))
    }

    pub(super) fn audit_ports(&self, process: &ModelProcess, faults: &Faults) -> AuditPorts {
        AuditPorts {
            log: groups::log_of(&self.log, process, faults, &self.coordinator),
            layout: self.layout.clone(),
            record: self.record.of(process, faults),
            view: Some(self.view.of(process, faults)),
            tables: Vec::new(),
            clock: Arc::new(ModelClock::new(self.start, 0)),
        }
    }

    /// Documents in whose place the view holds a marker.
    fn refused_by_view(&self) -> BTreeSet<String> {
        let contents = self.view.contents().into_iter();
        let refused = contents.filter(|(_, indexed)| indexed.is_diverged);
        refused.map(|(name, _)| name).collect()
    }
}

async fn audit_once(
    ports: &AuditPorts,
    memory_bytes: usize,
    patience: Duration,
) -> Result<AuditReport, AuditError> {
    let options = AuditOptions {
        memory_bytes,
        patience,
        batch: 2,
        ..AuditOptions::default()
    };
    run_audit(ports, options, &|_, _| {}).await
}

/// The documents that it names; nothing else may be named.
fn names(report: &AuditReport) -> Result<BTreeSet<String>, String> {
    let name = |finding: &AuditFinding| match &finding.item {
        ItemName::Document { document } => Ok(document_name(document)),
        _ => Err(format!("{finding:?}")),
    };
    report.findings.iter().map(name).collect()
}
