//! A storm of Sunbird's operations on real servers, while workers and gateways are killed, frozen and
//! moved: no half group, no part lost or doubled, counters exact, one owner of each name and code.
//! `CONSIGN_TEST_STORM=full` for 1,000 users, 50 organisations and 200 batches.

mod clients;
mod judged;
mod town;

use anyhow::{Result, ensure};
use clients::{Asked, Storm};
use std::{
    env,
    sync::Arc,
    time::{Duration, Instant},
};
use system_tests::cluster::Cluster;
use testbed::Servers;
use tokio::time::sleep;
use town::{Sizes, Town};

const SHORT: Sizes = Sizes {
    users: 40,
    organisations: 5,
    batches: 8,
    requests: 400,
};
const FULL: Sizes = Sizes {
    users: 1_000,
    organisations: 50,
    batches: 200,
    requests: 12_000,
};
/// For so long a worker is frozen: its partitions move meanwhile, and then it is a ghost.
const FROZEN: Duration = Duration::from_secs(13);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_operations_leaves_no_half_group_and_no_wrong_count() -> Result<()> {
    let is_full = env::var("CONSIGN_TEST_STORM").is_ok_and(|size| size == "full");
    let sizes = if is_full { FULL } else { SHORT };
    let began = Instant::now();
    let mut cluster = Cluster::on(Servers::shared().addresses(), 2, 2).await?;
    let client = cluster.client()?;
    let town = Arc::new(Town::build(&client, &sizes).await?);
    let built = began.elapsed();

    let mut storm = Storm::start(&client, &town);
    let mut rounds = 0;
    while rounds == 0 || storm.asked() < sizes.requests {
        shake(&mut cluster, rounds).await?;
        rounds += 1;
        storm.is_going_on()?;
    }
    let shaken = began.elapsed();
    let asked: Vec<Asked> = storm.finish().await?;
    let settled = began.elapsed();
    let applied = asked.iter().filter(|one| one.applied()).count();
    eprintln!(
        "{} requests, {applied} applied, {rounds} rounds of faults",
        asked.len()
    );
    ensure!(applied > sizes.requests / 4, "hardly anything was applied");

    judged::judge(&client, &town, &asked).await?;
    let (code, told) = cluster.output("gateway-0", &["audit", "--json"])?;
    ensure!(code == 0, "the audit found something: {told}");
    eprintln!(
        "built {built:?}, shaken {shaken:?}, settled {settled:?}, all {:?}",
        began.elapsed()
    );
    Ok(())
}

/// Each kind of fault once. While a worker is frozen, gateways are killed and frozen.
async fn shake(cluster: &mut Cluster, round: usize) -> Result<()> {
    let of = |kind: &str, other: usize| format!("{kind}-{}", (round + other) % 2);
    let (frozen, killed) = (of("worker", 0), of("worker", 1));
    let began = Instant::now();
    cluster.process(&frozen)?.stop()?;
    cluster.kill9(&of("gateway", 0))?;
    cluster.restart(&of("gateway", 0)).await?;
    freeze(cluster, &of("gateway", 1), Duration::from_secs(2)).await?;
    sleep(FROZEN.saturating_sub(began.elapsed())).await;
    cluster.process(&frozen)?.cont()?;
    sleep(Duration::from_secs(1)).await;
    cluster.kill9(&killed)?;
    sleep(Duration::from_secs(1)).await;
    cluster.restart(&killed).await?;
    // One that comes and goes: partitions are shared anew.
    cluster.add_worker(2).await?;
    sleep(Duration::from_secs(2)).await;
    let left = cluster
        .process("worker-2")?
        .terminate(Duration::from_secs(60))?;
    ensure!(left.success(), "{left}");
    Ok(())
}

async fn freeze(cluster: &mut Cluster, name: &str, time: Duration) -> Result<()> {
    cluster.process(name)?.stop()?;
    sleep(time).await;
    cluster.process(name)?.cont()
}
