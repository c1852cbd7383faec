//! Audits that this gateway carries out, one at a time, in memory: what a process that holds the
//! data does for whoever cannot open it. It must never write to a store.

mod repair;

use crate::{Ports, access::system};
use audit::{AuditFinding, AuditOptions, AuditPhase, AuditPorts, AuditReport, ItemName};
use catalog::Catalog;
use data_encoding::HEXLOWER;
use event_schema::{mutation::DocumentKey, signing::Keyring};
use parking_lot::Mutex;
use runtime::Shutdown;
use serde::Serialize;
use serde_json::Value;
use std::{collections::VecDeque, sync::Arc};

/// Reports that are kept.
const KEPT: usize = 8;
/// Items that are held at once: a gateway has other things to do with its memory.
const MEMORY_BYTES: usize = 64 << 20;

/// The audits of this gateway, the newest last.
#[derive(Clone, Default)]
pub(crate) struct AuditJobs(Arc<Mutex<VecDeque<AuditJob>>>);

/// One audit.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AuditJob {
    audit_id: String,
    status: AuditStatus,
    /// 0 to 1, of the sweep.
    done: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
    /// Why it could not look.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    report: Arc<AuditReport>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum AuditStatus {
    Running,
    /// Everything was judged, and nothing differs.
    Clean,
    /// Nothing was found, but not everything could be judged.
    Unsettled,
    Found,
    Failed,
}

impl AuditStatus {
    fn of(report: &AuditReport) -> Self {
        if report.has_findings() {
            Self::Found
        } else if report.is_clean() {
            Self::Clean
        } else {
            Self::Unsettled
        }
    }
}

impl AuditJob {
    /// As it leaves the gateway.
    pub(crate) fn shown(mut self, hidden: &HiddenNames<'_>) -> Self {
        let report = Arc::make_mut(&mut self.report);
        report.findings.iter_mut().for_each(|f| hidden.hide(f));
        self
    }

    pub(crate) fn is_done(&self) -> bool {
        match self.status {
            AuditStatus::Clean | AuditStatus::Unsettled | AuditStatus::Found => true,
            AuditStatus::Running | AuditStatus::Failed => false,
        }
    }
}

/// Names of what no route shows become hashes in what is shown.
pub(crate) struct HiddenNames<'a> {
    pub catalog: &'a Catalog,
    pub keys: &'a Keyring,
}

impl HiddenNames<'_> {
    pub(crate) fn hash(&self, text: &str) -> String {
        let tag = self.keys.tag("audited name", &[text.as_bytes()]);
        HEXLOWER.encode(&tag[..12])
    }

    /// A document's name as it is shown.
    pub(crate) fn document(&self, document: &DocumentKey) -> String {
        if system::is_index(&document.index) {
            let id = self.hash(&document.id);
            return format!("{}/{}/{id}", document.index, document.collection);
        }
        document.to_string()
    }

    /// The finding as it is shown.
    fn hide(&self, finding: &mut AuditFinding) {
        match &mut finding.item {
            ItemName::Document { document } if system::is_index(&document.index) => {
                document.id = self.hash(&document.id);
                finding.key = document.to_string();
            }
            ItemName::Row { row } if self.is_hidden(&row.table) => {
                let key = Value::Object(std::mem::take(&mut row.key));
                let hash = self.hash(&key.to_string());
                row.key.insert("hash".to_owned(), hash.into());
                finding.key = row.to_string();
            }
            ItemName::Document { .. }
            | ItemName::Row { .. }
            | ItemName::Request { .. }
            | ItemName::Mark { .. }
            | ItemName::Event { .. } => {}
        }
    }

    fn is_hidden(&self, table: &str) -> bool {
        system::is_table(table) || self.catalog.is_hidden(table)
    }
}

impl AuditJobs {
    pub(crate) fn find(&self, id: &str) -> Option<AuditJob> {
        let jobs = self.0.lock();
        jobs.iter().find(|job| job.audit_id == id).cloned()
    }

    /// Begins an audit; none, if one is under way.
    pub(crate) fn begin(
        &self,
        ports: &Ports,
        options: AuditOptions,
        shutdown: Shutdown,
    ) -> Option<AuditJob> {
        let job = AuditJob {
            audit_id: format!("a{:016x}", runtime::random::<u64>()),
            status: AuditStatus::Running,
            done: 0.0,
            phase: None,
            why: None,
            report: Arc::default(),
        };
        let mut jobs = self.0.lock();
        if jobs.iter().any(|job| job.status == AuditStatus::Running) {
            return None;
        }
        if jobs.len() == KEPT {
            jobs.pop_front();
        }
        jobs.push_back(job.clone());
        drop(jobs);
        let options = AuditOptions {
            memory_bytes: MEMORY_BYTES,
            ..options
        };
        let audit = run_job(
            self.clone(),
            audit_ports(ports),
            job.audit_id.clone(),
            options,
        );
        runtime::spawn("audit", async move {
            tokio::select! {
                () = audit => {}
                () = shutdown.soft() => {}
            }
        });
        Some(job)
    }

    fn change(&self, id: &str, edit: impl FnOnce(&mut AuditJob)) {
        let mut jobs = self.0.lock();
        if let Some(job) = jobs.iter_mut().find(|job| job.audit_id == id) {
            edit(job);
        }
    }
}

async fn run_job(jobs: AuditJobs, ports: AuditPorts, id: String, options: AuditOptions) {
    let observe = |phase, report: &AuditReport| {
        jobs.change(&id, |job| {
            job.phase = Some(phase_name(phase));
            job.done = report.fraction();
            job.report = Arc::new(report.clone());
        });
    };
    let ended = runtime::catch_panic(audit::run_audit(&ports, options, &observe)).await;
    jobs.change(&id, |job| {
        job.phase = None;
        match ended {
            Ok(Ok(report)) => {
                job.status = AuditStatus::of(&report);
                job.done = 1.0;
                job.report = Arc::new(report);
            }
            Ok(Err(error)) => {
                job.status = AuditStatus::Failed;
                job.why = Some(error.to_string());
            }
            Err(why) => {
                job.status = AuditStatus::Failed;
                job.why = Some(why);
            }
        }
    });
}

fn audit_ports(ports: &Ports) -> AuditPorts {
    AuditPorts {
        log: ports.log.clone(),
        layout: ports.layout.clone(),
        record: ports.record.clone(),
        view: ports.view.clone(),
        tables: ports.catalog.current().tables().to_vec(),
        clock: ports.clock.clone(),
    }
}

fn phase_name(phase: AuditPhase) -> String {
    match phase {
        AuditPhase::Reading(partition) => format!("reading partition {partition}"),
        AuditPhase::Undecided => "looking for events that were never decided".to_owned(),
        AuditPhase::LookingUp => "looking documents up in the log".to_owned(),
        AuditPhase::Comparing => "comparing".to_owned(),
    }
}

#[cfg(test)]
mod tests;
