//! An audit by this process, with its checkpoint file.

use super::{Arguments, progress::AuditProgress};
use crate::{
    checkpoint::{self, Checkpoint},
    failure::Failure,
    settings::Settings,
    stack::Stack,
};
use audit::{AuditOptions, AuditReport};

pub async fn audit_directly(
    stack: &Stack,
    settings: &Settings,
    arguments: &Arguments,
    progress: &AuditProgress,
) -> Result<AuditReport, Failure> {
    let ports = stack.audit_ports(settings)?;
    let resume = match (&arguments.checkpoint, arguments.resume) {
        (Some(file), true) => Some(checkpoint::read_checkpoint(file)?),
        (_, _) => None,
    };
    let options = AuditOptions {
        partitions: (!arguments.partition.is_empty()).then(|| arguments.partition.clone()),
        sample: arguments.sample,
        memory_bytes: arguments.memory << 20,
        resume,
        ..AuditOptions::default()
    };
    let kept = arguments.checkpoint.as_deref().map(Checkpoint::at);
    let observe = |phase, report: &AuditReport| {
        progress.at(phase, report);
        if let Some(kept) = &kept
            && let Err(error) = kept.keep(report)
        {
            progress.note(&format!("the checkpoint cannot be written: {error}"));
        }
    };
    let report = audit::run_audit(&ports, options, &observe).await;
    let report = report.map_err(|error| Failure::failed(error.to_string()))?;
    if let Some(kept) = &kept {
        kept.write(&report)?;
    }
    Ok(report)
}
