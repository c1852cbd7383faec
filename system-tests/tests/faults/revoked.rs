//! What was answered as taken away is honoured by nobody: three gateways, each asked again and again
//! with what is about to be taken, and a subscription by it, while writes go on. `CONSIGN_TEST_REVOCATIONS`
//! says how many of each kind there are (3 without it; 1000 for the whole proof).

mod deployment;
mod trusted;
mod victims;
mod watch;

use anyhow::{Result, ensure};
use deployment::Deployment;
use futures::{StreamExt, stream};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use victims::{KINDS, Kind, Victim};
use watch::{Found, Watch};

/// Taken away at a time.
const AT_ONCE: usize = 8;
/// How long a gateway that is frozen or cut off may delay an answer.
const BOUND: Duration = Duration::from_secs(6);

fn of_each_kind() -> usize {
    let said = std::env::var("CONSIGN_TEST_REVOCATIONS").ok();
    said.and_then(|said| said.parse().ok()).unwrap_or(3)
}

/// What became of one.
struct Taken {
    kind: Kind,
    answered_after: Duration,
    found: Found,
}

impl Taken {
    fn in_time(kind: Kind, answered_after: Duration, found: Found) -> Result<Self> {
        ensure!(answered_after <= BOUND, "{kind:?}: {answered_after:?}");
        Ok(Self {
            kind,
            answered_after,
            found,
        })
    }
}

async fn take(deployment: &Deployment, kind: Kind, n: usize) -> Result<Taken> {
    let victim = Victim::make(deployment, kind, n).await?;
    let watch = Watch::begin(deployment, &victim.credential, n).await?;
    let began = Instant::now();
    victim.revoke(deployment, n).await?;
    let answered = Instant::now();
    let found = watch.end(answered).await?;
    Ok(Taken {
        kind,
        answered_after: answered - began,
        found,
    })
}

fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let place = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len());
    sorted[place - 1]
}

/// Of answers that wait for no gateway that is frozen: half of each kind within this. The lease of a
/// gateway, or two fixed seconds, are longer.
const USUAL: Duration = Duration::from_secs(1);

/// Says how long all answers took; fails if half of them took unusually long.
fn judge_times(taken: &[Taken]) -> Result<()> {
    let mut times: Vec<Duration> = taken.iter().map(|taken| taken.answered_after).collect();
    times.sort_unstable();
    let (p50, p99) = (quantile(&times, 0.5), quantile(&times, 0.99));
    eprintln!(
        "all kinds: {} taken, answered after p50 {p50:?}, p99 {p99:?}",
        times.len()
    );
    ensure!(p50 <= USUAL, "answers took {p50:?} at the median");
    Ok(())
}

/// Says how long answers took, and fails if anything was honoured behind one.
fn judge(taken: &[Taken]) -> Result<()> {
    for kind in KINDS {
        let of_kind = taken.iter().filter(|taken| taken.kind == kind);
        let mut times: Vec<Duration> = of_kind.map(|taken| taken.answered_after).collect();
        if times.is_empty() {
            continue;
        }
        times.sort_unstable();
        let (p50, p99) = (quantile(&times, 0.5), quantile(&times, 0.99));
        eprintln!(
            "{kind:?}: {} taken, answered after p50 {p50:?}, p99 {p99:?}",
            times.len()
        );
    }
    let asked: usize = taken.iter().map(|taken| taken.found.asked_behind).sum();
    let requests: usize = taken.iter().map(|taken| taken.found.requests).sum();
    let told: usize = taken.iter().map(|taken| taken.found.notifications).sum();
    eprintln!(
        "{} taken away: {asked} requests began behind an answer, {requests} were honoured, {told} notifications came",
        taken.len()
    );
    ensure!(asked > taken.len(), "hardly anybody asked behind an answer");
    let honoured = taken
        .iter()
        .filter(|taken| taken.found.requests + taken.found.notifications > 0);
    let kinds: Vec<Kind> = honoured.map(|taken| taken.kind).collect();
    ensure!(kinds.is_empty(), "honoured behind the answer: {kinds:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_honoured_behind_the_answer_that_took_it() -> Result<()> {
    let deployment = Arc::new(Deployment::start().await?);
    let load = deployment.write_on();
    let each = of_each_kind();
    let all = (0..each).flat_map(|n| KINDS.into_iter().map(move |kind| (kind, n)));
    let numbered = all.enumerate();
    let taking = numbered.map(|(place, (kind, _))| {
        let deployment = deployment.clone();
        async move { take(&deployment, kind, place).await }
    });
    let taken: Vec<Result<Taken>> = stream::iter(taking)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    load.abort();
    let taken = taken.into_iter().collect::<Result<Vec<_>>>()?;
    judge_times(&taken)?;
    judge(&taken)
}

/// Frozen while it is taken away, and asked meanwhile; then thawed, with what waits there for a
/// subscription.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_gateway_delays_no_answer_beyond_the_bound_and_honours_nothing_when_it_thaws()
-> Result<()> {
    let deployment = Deployment::start().await?;
    let load = deployment.write_on();
    let mut taken = Vec::new();
    for (n, kind) in [Kind::Logout, Kind::KeyDeleted, Kind::Role]
        .into_iter()
        .enumerate()
    {
        let victim = Victim::make(&deployment, kind, n).await?;
        // The subscription is on the gateway that freezes.
        let watch = Watch::begin(&deployment, &victim.credential, deployment::LAST).await?;
        deployment.freeze_last().await?;
        let began = Instant::now();
        let revoked = victim.revoke(&deployment, 0).await;
        let answered = Instant::now();
        tokio::time::sleep(Duration::from_millis(700)).await;
        deployment.thaw_last().await?;
        revoked?;
        let found = watch.end(answered).await?;
        taken.push(Taken::in_time(kind, answered - began, found)?);
    }
    load.abort();
    judge(&taken)
}

/// Taken away one after the other, each while the last gateway, which is asked meanwhile, is cut off.
async fn take_behind(
    deployment: &Deployment,
    kinds: [Kind; 3],
    cut: impl Fn(&Deployment),
) -> Result<Vec<Taken>> {
    let mut taken = Vec::new();
    for (n, kind) in kinds.into_iter().enumerate() {
        let victim = Victim::make(deployment, kind, n).await?;
        let watch = Watch::begin(deployment, &victim.credential, deployment::LAST).await?;
        cut(deployment);
        let began = Instant::now();
        let revoked = victim.revoke(deployment, 0).await;
        let answered = Instant::now();
        let found = watch.end(answered).await?;
        deployment.heal().await?;
        revoked?;
        taken.push(Taken::in_time(kind, answered - began, found)?);
    }
    Ok(taken)
}

/// It cannot ask who somebody is: it refuses, and does not guess.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_cut_off_from_the_record_honours_nothing_that_was_taken_away() -> Result<()> {
    let deployment = Deployment::with_a_link_to_the_record().await?;
    let load = deployment.write_on();
    let kinds = [Kind::Tokens, Kind::KeyDeleted, Kind::User];
    let taken = take_behind(&deployment, kinds, Deployment::cut_from_the_record).await?;
    load.abort();
    judge(&taken)
}

/// It hears of no change: it asks the record about everybody, once its lease is over, and until then
/// nobody is answered. Then it reaches the record no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_cut_off_from_the_log_honours_nothing_and_then_takes_writes_on_trust()
-> Result<()> {
    let deployment = Deployment::with_links_to_all().await?;
    let load = deployment.write_on();
    let kinds = [Kind::Logout, Kind::KeyDeleted, Kind::Profiles];
    let taken = take_behind(&deployment, kinds, Deployment::cut_from_the_log).await?;
    load.abort();
    judge(&taken)?;
    trusted::decided_by_what_holds_then(&deployment).await
}

/// The change is in the log and perhaps not in the stores: there is no answer until it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_lets_nobody_be_told_too_early() -> Result<()> {
    let deployment = Deployment::start().await?;
    let load = deployment.write_on();
    let mut taken = Vec::new();
    for (n, kind) in [Kind::Logout, Kind::KeyDeleted].into_iter().enumerate() {
        let victim = Victim::make(&deployment, kind, n).await?;
        let watch = Watch::begin(&deployment, &victim.credential, n).await?;
        let began = Instant::now();
        // Between the log and the stores, as it may be.
        let (revoked, killed) = futures::join!(
            victim.revoke_at_last(&deployment, 0),
            deployment.kill_a_worker_soon(n),
        );
        revoked?;
        let answered = Instant::now();
        killed?;
        let found = watch.end(answered).await?;
        taken.push(Taken {
            kind,
            answered_after: answered - began,
            found,
        });
        deployment.restart_worker(n).await?;
    }
    load.abort();
    judge(&taken)
}
