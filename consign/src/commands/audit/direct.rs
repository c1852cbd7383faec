//! An audit by this process, with its checkpoint file.

use super::{Arguments, progress::AuditProgress};
use crate::{
    failure::Failure,
    settings::Settings,
    stack::{self, Stack},
};
use audit::{AuditOptions, AuditPorts, AuditReport};
use runtime::SystemClock;
use std::{fs, io::Write, path::Path, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Between two checkpoints.
const EVERY: Duration = Duration::from_secs(2);

pub async fn audit(
    stack: &Stack,
    settings: &Settings,
    arguments: &Arguments,
    progress: &AuditProgress,
) -> Result<AuditReport, Failure> {
    let ports = AuditPorts {
        log: stack.log.clone(),
        layout: stack.layout.clone(),
        record: stack.record.clone(),
        view: stack.view.clone(),
        tables: stack::catalog(settings)?.tables().to_vec(),
        clock: Arc::new(SystemClock),
    };
    let resume = match (&arguments.checkpoint, arguments.resume) {
        (Some(file), true) => Some(read(file)?),
        (_, _) => None,
    };
    let options = AuditOptions {
        partitions: (!arguments.partition.is_empty()).then(|| arguments.partition.clone()),
        sample: arguments.sample,
        memory_bytes: arguments.memory << 20,
        resume,
        ..AuditOptions::default()
    };
    let kept = std::sync::Mutex::new(Instant::now());
    let observe = |phase, report: &AuditReport| {
        progress.at(phase, report);
        let Some(file) = &arguments.checkpoint else {
            return;
        };
        let mut kept = kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if kept.elapsed() >= EVERY {
            *kept = Instant::now();
            if let Err(error) = write(file, report) {
                progress.note(&format!("{}: {error}", file.display()));
            }
        }
    };
    let report = audit::audit(&ports, options, &observe).await;
    let report = report.map_err(|error| Failure::failed(error.to_string()))?;
    if let Some(file) = &arguments.checkpoint {
        write(file, &report)?;
    }
    Ok(report)
}

fn read(file: &Path) -> Result<AuditReport, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{}: no checkpoint: {error}", file.display())))
}

/// Whole or not at all.
fn write(file: &Path, report: &AuditReport) -> std::io::Result<()> {
    let beside = file.with_extension("partial");
    let mut written = fs::File::create(&beside)?;
    written.write_all(&serde_json::to_vec(report)?)?;
    written.sync_all()?;
    fs::rename(&beside, file)?;
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
