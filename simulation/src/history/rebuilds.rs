//! The view loses all that it held, and is filled again from the log and the record while writes go
//! on and everything else goes wrong. The rebuild is cut short again and again, and goes on from its
//! report. At rest the view must hold what it would have held.

use super::{History, REST};
use crate::{faults::FaultKind, process::ModelProcess};
use parking_lot::Mutex;
use rebuild::{
    RebuildError, RebuildOptions, RebuildPorts, RebuildReport, RebuildScope, RebuiltStore,
    run_rebuild,
};
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::timeout};

/// The longest that a rebuild goes on before it is cut short, in milliseconds.
const LONGEST: u64 = 3_000;
/// Before it goes on.
const PAUSE: Duration = Duration::from_millis(200);

impl History {
    /// Once in a history. What a view refuses it would lack then, marker and all.
    pub(super) fn may_lose_view(&self) -> bool {
        let refuses = self.faults.kinds().contains(&FaultKind::Refusals);
        self.faults.has(FaultKind::LostView)
            && !refuses
            && self.rebuilding.is_none()
            && !self.is_purging()
    }

    /// What is purged meanwhile may be written by the rebuild, which an audit names.
    pub(super) fn is_filling_view(&self) -> bool {
        let rebuilding = self.rebuilding.as_ref();
        rebuilding.is_some_and(|rebuilding| !rebuilding.is_finished())
    }

    pub(super) fn lose_view(&mut self) {
        self.note("the view has lost everything, and is rebuilt");
        self.view.empty();
        let process = ModelProcess::new("rebuilder".into(), self.dice.clone());
        let ports = self.audit_ports(&process, &self.faults);
        self.rebuilding = Some(runtime::spawn("rebuild", rebuild_view(ports, process)));
    }

    /// Waits until the view is filled.
    pub(super) async fn finish_rebuild(&mut self) -> Result<(), String> {
        let Some(rebuilding) = self.rebuilding.take() else {
            return Ok(());
        };
        let ended = timeout(REST, rebuilding).await;
        match ended {
            Ok(Ok(Err(why))) => return Err(format!("the rebuild of the view: {why}")),
            Ok(Ok(Ok(runs))) => self.note(&format!("the view was rebuilt in {runs} runs")),
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err("the view is never rebuilt".into()),
        }
        Ok(())
    }
}

pub(super) type Rebuilding = JoinHandle<Result<u32, String>>;

/// Answers how often it had to be begun.
async fn rebuild_view(ports: RebuildPorts, process: ModelProcess) -> Result<u32, String> {
    let known = Arc::new(Mutex::new(None::<RebuildReport>));
    let mut runs = 0;
    loop {
        runs += 1;
        let options = RebuildOptions {
            scope: RebuildScope::whole(RebuiltStore::View),
            is_dry_run: false,
            is_partial: false,
            resume: known.lock().clone(),
        };
        let observe = |report: &RebuildReport| *known.lock() = Some(report.clone());
        let limit = Duration::from_millis(1 + process.dice.roll(LONGEST));
        match timeout(limit, run_rebuild(&ports, options, &observe)).await {
            Ok(Ok(report)) if report.counts.refused > 0 => {
                return Err(format!("{:?} are refused", report.refused));
            }
            Ok(Ok(_)) => return Ok(runs),
            Ok(Err(alarm @ RebuildError::Alarm { .. })) => return Err(alarm.to_string()),
            // A store that is away, or records that were deleted before they were read.
            Ok(Err(_)) | Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}
