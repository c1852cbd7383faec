//! One run, as a column of its stages: fleet, plan, load under faults, history, judgement, audit.

use crate::{
    fleet::{Fleet, FleetKind},
    history::RunHistory,
    judge::{Finding, FindingKind, judge_history, smallest_history},
    plan::{PlannedFault, plan_faults},
    workload::{Workload, WorkloadOptions, knows_pairs},
};
use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct TortureOptions {
    pub fleet: FleetKind,
    /// The program whose commands a fleet of one's own is made of.
    pub program: PathBuf,
    /// For its data, logs and operations.
    pub folder: PathBuf,
    /// How long the load goes on.
    pub duration: Duration,
    /// How long everything may take to come to its verdict afterwards.
    pub patience: Duration,
    pub workload: WorkloadOptions,
}

/// How a run stands, for whoever watches.
#[derive(Debug)]
pub enum TortureProgress<'a> {
    Planned(&'a [PlannedFault]),
    Began(&'a PlannedFault),
    Ended(&'a PlannedFault),
    /// So many writes acknowledged.
    Load(usize),
    /// So many of all writes have their verdict.
    Settling(usize, usize),
    Auditing,
}

/// Whoever watches a run.
pub type TortureObserver = Arc<dyn Fn(TortureProgress<'_>) + Send + Sync>;

/// What came of a run.
#[derive(Debug, Serialize)]
pub struct TortureReport {
    pub seed: u64,
    pub seconds: u64,
    pub verdict: TortureVerdict,
    pub acknowledged: usize,
    pub looks: usize,
    pub reads: usize,
    pub notifications: usize,
    /// Keys left out of the judgement of what they hold.
    pub uncertain_keys: usize,
    pub schedule: Vec<PlannedFault>,
    pub by_kind: BTreeMap<FindingKind, usize>,
    pub findings: Vec<Finding>,
    /// The smallest history that shows one of them.
    pub smallest: Vec<String>,
    /// What the audit said at the end; nothing where it could not be asked.
    pub audit: Option<Value>,
    /// Out of the ordinary, and no finding.
    pub remarks: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TortureVerdict {
    Passed,
    Failed,
}

/// Findings whose smallest histories are looked for.
const TRIED: usize = 20;

/// Runs it, and hands over the history as well.
///
/// # Errors
/// If the fleet could not be started, hurt or mended, or took no writes: then nothing is said of it.
pub async fn run_torture(
    options: TortureOptions,
    observe: TortureObserver,
) -> Result<(TortureReport, RunHistory)> {
    let fleet = Fleet::start(&options.program, &options.folder, options.fleet.clone()).await?;
    let fleet = Arc::new(fleet);
    let mut workload = options.workload.clone();
    workload.has_pairs = knows_pairs(fleet.gateways()).await?;
    workload.has_view = fleet.shape().has_view;
    let millis = u64::try_from(options.duration.as_millis()).unwrap_or(u64::MAX);
    let schedule = plan_faults(workload.seed, millis, &fleet.shape());
    observe(TortureProgress::Planned(&schedule));

    let began = Instant::now();
    let load = Workload::start(fleet.gateways(), &workload, began).await?;
    inject_faults(&fleet, &schedule, &load, began + options.duration, &observe).await?;
    fleet.ready().await?;
    let settling = |done, all| observe(TortureProgress::Settling(done, all));
    let history = load.finish(options.patience, &settling).await?;

    observe(TortureProgress::Auditing);
    let audit = audit_fleet(&fleet).await;
    let judged = TortureReport::of_history(&history);
    let is_well = judged.verdict == TortureVerdict::Passed && is_clean(audit.as_ref());
    let report = TortureReport {
        seed: workload.seed,
        seconds: options.duration.as_secs(),
        verdict: TortureVerdict::of(is_well),
        schedule,
        audit,
        remarks: fleet.remarks(),
        ..judged
    };
    Ok((report, history))
}

/// Does everything that was planned, each at its time, while the load goes on.
async fn inject_faults(
    fleet: &Arc<Fleet>,
    schedule: &[PlannedFault],
    load: &Workload,
    until: Instant,
    observe: &TortureObserver,
) -> Result<()> {
    let began = Instant::now();
    let faults = schedule.iter().map(|planned| async move {
        sleep_until(began + Duration::from_millis(planned.at)).await;
        let _turn = fleet.turn(&planned.fault).await;
        observe(TortureProgress::Began(planned));
        fleet.begin(&planned.fault).await?;
        sleep(Duration::from_millis(planned.lasts)).await;
        fleet.end(&planned.fault).await?;
        observe(TortureProgress::Ended(planned));
        anyhow::Ok(())
    });
    let faults = futures::future::try_join_all(faults);
    let load = async {
        while Instant::now() < until {
            observe(TortureProgress::Load(load.acknowledged()));
            sleep(Duration::from_millis(250)).await;
        }
        anyhow::Ok(())
    };
    futures::try_join!(faults, load)?;
    Ok(())
}

/// What `consign audit` says of the fleet.
async fn audit_fleet(fleet: &Fleet) -> Option<Value> {
    let url = fleet.gateways().first()?;
    match fleet.consign(&["audit", "--json", "--url", url]).await {
        Ok((Some(0 | 1), text, _)) => serde_json::from_str(&text).ok(),
        Ok((code, _, why)) => {
            fleet.remark(format!("the audit could not look (exit {code:?}): {why}"));
            None
        }
        Err(error) => {
            fleet.remark(format!("the audit could not be run: {error:#}"));
            None
        }
    }
}

impl TortureReport {
    /// What the judge says of a history by itself.
    #[must_use]
    pub fn of_history(history: &RunHistory) -> Self {
        let findings = judge_history(history);
        let mut by_kind = BTreeMap::new();
        for finding in &findings {
            *by_kind.entry(finding.kind).or_insert(0) += 1;
        }
        let smallest = findings
            .iter()
            .take(TRIED)
            .map(|found| smallest_history(history, found));
        let heard = history
            .subscriptions
            .iter()
            .map(|subscription| subscription.heard.len());
        Self {
            seed: 0,
            seconds: 0,
            verdict: TortureVerdict::of(findings.is_empty()),
            acknowledged: history.writes.len(),
            looks: history.looks.len(),
            reads: history.reads.len(),
            notifications: heard.sum(),
            uncertain_keys: history.uncertain.len(),
            schedule: Vec::new(),
            by_kind,
            smallest: smallest.min_by_key(Vec::len).unwrap_or_default(),
            findings,
            audit: None,
            remarks: Vec::new(),
        }
    }
}

impl TortureVerdict {
    fn of(is_well: bool) -> Self {
        if is_well { Self::Passed } else { Self::Failed }
    }
}

/// Was the audit made, and found nothing?
fn is_clean(audit: Option<&Value>) -> bool {
    let findings = audit.and_then(|audit| audit["findings"].as_array());
    findings.is_some_and(Vec::is_empty)
}
