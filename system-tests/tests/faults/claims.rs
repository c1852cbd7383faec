//! Values that one key may have, asked for through two gateways at once while workers die between the
//! taking of a value and the decision: one owner each time, and no value is blocked for ever.
//! `CONSIGN_TEST_CLAIM_ROUNDS` for more rounds.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use system_tests::{
    client::{Client, Seen},
    cluster::Cluster,
    history::Status,
};
use testbed::Servers;
use tokio::{sync::Semaphore, task::JoinSet, time::sleep};

pub const PATIENCE: Duration = Duration::from_secs(180);
/// Rounds that are under way at once.
const AT_ONCE: usize = 12;

pub fn rounds(short: usize) -> usize {
    let given = env::var("CONSIGN_TEST_CLAIM_ROUNDS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(short)
}

/// A client of each gateway alone.
pub fn clients(cluster: &Cluster) -> Result<Vec<Arc<Client>>> {
    let each = cluster.gateways().iter();
    each.map(|url| Client::new(vec![url.clone()]).map(Arc::new))
        .collect()
}

/// Asks, and waits for the verdict: the rule of a refusal, nothing where it is applied.
pub async fn ask(
    client: &Client,
    operation: &str,
    body: &Value,
    key: &str,
) -> Result<Option<String>> {
    let accepted = client.accept(operation, body, key, PATIENCE).await?;
    let seen = verdict(client, &accepted.request).await?;
    match seen.status {
        Status::Applied => Ok(None),
        Status::Refused(_) => {
            let rule = seen.body["problem"]["rule"].as_str();
            Ok(Some(rule.context("a rule")?.to_owned()))
        }
        Status::DeadLettered => Ok(Some("dead".to_owned())),
        other => anyhow::bail!("{operation} {body}: {other:?}"),
    }
}

async fn verdict(client: &Client, request: &str) -> Result<Seen> {
    let began = Instant::now();
    loop {
        let seen = client.look(request).await;
        if let Some(seen) = seen.filter(|seen| {
            matches!(
                seen.status,
                Status::Applied | Status::Refused(_) | Status::DeadLettered
            )
        }) {
            return Ok(seen);
        }
        ensure!(began.elapsed() < PATIENCE, "no verdict of {request}");
        sleep(Duration::from_millis(50)).await;
    }
}

fn user(name: &str, email: &str) -> Value {
    json!({"firstName": name, "userName": name, "channel": "claims", "email": email, "emailVerified": true})
}

/// Two that must fail, since their e-mail is another's, have taken the name for a moment; then two that
/// could both have it ask for it at once.
async fn contest(clients: Arc<Vec<Arc<Client>>>, round: usize) -> Result<()> {
    let name = format!("n{round}");
    let at = async |gateway: usize, email: String, what: &str| {
        let key = format!("{what}-{round}-{gateway}");
        ask(&clients[gateway], "user.create", &user(&name, &email), &key).await
    };
    let taken = || "taken@example.org".to_owned();
    let (left, right) = tokio::join!(at(0, taken(), "doomed"), at(1, taken(), "doomed"));
    for rule in [left?, right?] {
        let rule = rule.with_context(|| format!("{name}: an e-mail has two owners"))?;
        ensure!(
            ["email_taken", "user_name_taken"].contains(&&*rule),
            "{name}: {rule}"
        );
    }
    let own = |side: &str| format!("{side}{round}@example.org");
    let (left, right) = tokio::join!(at(0, own("a"), "own"), at(1, own("b"), "own"));
    let mut found = [left?, right?];
    found.sort();
    ensure!(
        found == [None, Some("user_name_taken".to_owned())],
        "{name} has not one owner: {found:?}"
    );
    // Later and for ever.
    let late = at(round % 2, own("c"), "late").await?;
    ensure!(
        late.as_deref() == Some("user_name_taken"),
        "{name}: {late:?}"
    );
    Ok(())
}

/// Kills one worker after the other until it is told to stop; how often.
async fn kill_workers(
    cluster: &mut Cluster,
    ended: &AtomicBool,
    done: &AtomicUsize,
) -> Result<usize> {
    let mut killed = 0;
    while !ended.load(Ordering::Relaxed) {
        let before = done.load(Ordering::Relaxed);
        let began = Instant::now();
        // In the middle of rounds, wherever they are.
        while done.load(Ordering::Relaxed) < before + 5 && !ended.load(Ordering::Relaxed) {
            ensure!(began.elapsed() < PATIENCE, "no round ends");
            sleep(Duration::from_millis(20)).await;
        }
        let worker = format!("worker-{}", killed % 2);
        if killed % 4 == 3 {
            // Its partitions move, and then it wakes up.
            cluster.process(&worker)?.stop()?;
            sleep(Duration::from_secs(13)).await;
            cluster.process(&worker)?.cont()?;
        } else {
            cluster.kill9(&worker)?;
            cluster.restart(&worker).await?;
        }
        killed += 1;
    }
    Ok(killed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_two_gateways_give_at_once_has_one_owner_whoever_dies() -> Result<()> {
    let mut cluster = Cluster::on(Servers::shared().addresses(), 2, 2).await?;
    let clients = Arc::new(clients(&cluster)?);
    let holder = user("holder", "taken@example.org");
    let made = ask(&clients[0], "user.create", &holder, "holder").await?;
    ensure!(made.is_none(), "{made:?}");

    let (ended, done) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let rounds = rounds(40);
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for round in 0..rounds {
        let (clients, turns, done) = (clients.clone(), turns.clone(), done.clone());
        tasks.spawn(async move {
            let _turn = turns.acquire().await?;
            let contested = contest(clients, round).await;
            done.fetch_add(1, Ordering::Relaxed);
            contested
        });
    }
    let all = {
        let ended = ended.clone();
        tokio::spawn(async move {
            let mut first = Ok(());
            while let Some(one) = tasks.join_next().await {
                let one = one.map_err(anyhow::Error::from).flatten();
                first = first.and(one);
            }
            ended.store(true, Ordering::Relaxed);
            first
        })
    };
    let killed = kill_workers(&mut cluster, &ended, &done).await?;
    all.await??;
    eprintln!("{rounds} names, {killed} times a worker was killed or frozen");
    ensure!(killed >= 3, "hardly a fault: {killed}");
    let (code, told) = cluster.output("gateway-0", &["audit", "--json"])?;
    ensure!(code == 0, "the audit found something: {told}");
    Ok(())
}
