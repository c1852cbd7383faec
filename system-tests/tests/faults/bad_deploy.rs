//! The day of a bad deploy, on real servers: one of two gateways takes wrong definitions, what it
//! accepts dies, right credits are parked behind that; an operator finds one cause, tries one patch
//! out, and replays all of it as a job that is paused and whose gateway is killed. In the end every
//! credit is in both stores once and in order, subscribers heard so, and an audit is clean.

mod judge;
mod operator;
mod plan;

use anyhow::{Context as _, Result, ensure};
use judge::Stores;
use operator::Operator;
use plan::{CREDIT, Plan};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};
use system_tests::{client::Client, cluster::Cluster, listener::Listener};
use testbed::Servers;

const COLLECTION: &str = "bank/accounts";
/// For a step of the day; debug builds on busy machines.
const PATIENCE: Duration = Duration::from_secs(900);

struct Day {
    cluster: Cluster,
    plan: Plan,
    operator: Operator,
    definitions: tempfile::TempDir,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_day_of_a_bad_deploy() -> Result<()> {
    let mut day = Day::begin().await?;
    let [near, far] = [0, 1].map(|n| day.cluster.gateways()[n].clone());
    // Before there is anything to hear of: what was made just before may be told after.
    let listeners = [
        Listener::start_with(&near, COLLECTION, json!({}), &json!({}), true).await?,
        Listener::start_with(&far, COLLECTION, json!({}), &json!({}), true).await?,
    ];
    day.open_accounts().await?;

    day.deploy(&plan::wrong_definitions(), &near).await?;
    day.credit(&near, &far).await?;
    day.deploy(&plan::right_definitions(), &near).await?;
    day.let_pass(&near).await?;
    let waiting = day.all_held(&near).await?;

    let cause = day.one_cause(&near)?;
    let foreseen = day.try_out(&near, &cause, &waiting)?;
    let job = day.replay_until_killed(&near, &far, &cause).await?;
    day.finish(&near, &far, &job).await?;

    let stores = Stores::read(&day.cluster).await?;
    stores.judge(&day.plan)?;
    for account in day.plan.accounts.iter().filter(|a| a.credits.len() == 1) {
        let preview = foreseen.get(&account.id).context("no dry run of it")?;
        stores.judge_foreseen(account, preview)?;
    }
    for listener in &listeners {
        day.all_heard(listener).await?;
        judge::judge_subscriber(&day.plan, listener).await?;
    }
    day.audit()
}

impl Day {
    async fn begin() -> Result<Self> {
        let plan = Plan::of_settings();
        let definitions = tempfile::tempdir()?;
        write_definitions(definitions.path(), &plan::right_definitions())?;
        let folders = format!("[{:?}]", definitions.path());
        let limit = plan.flood_limit.to_string();
        let settings = [
            ("CONSIGN_CATALOG_FOLDERS", folders.as_str()),
            ("CONSIGN_WORKER_FLOOD_LIMIT", limit.as_str()),
            ("CONSIGN_WORKER_FLOOD_RETRY_MS", "5000"),
        ];
        let servers = Servers::shared().addresses();
        let mut cluster = Cluster::with_settings(servers, 2, 2, &settings).await?;
        cluster.add_notifier(0).await?;
        std::fs::write(cluster.folder().join("mend.json"), plan::PATCH)?;
        let operator = Operator::at(cluster.folder());
        let (accounts, wrong, credits) = (plan.accounts.len(), plan.wrong(), plan.credits());
        eprintln!("{accounts} accounts, {wrong} wrong credits of {credits}");
        Ok(Self {
            cluster,
            plan,
            operator,
            definitions,
        })
    }

    async fn open_accounts(&self) -> Result<()> {
        let client = self.cluster.client()?;
        let line = |account: &plan::Account| format!("{}\n", json!({"id": account.id}));
        let lines: String = self.plan.accounts.iter().map(line).collect();
        let answers = client.bulk("account.open", lines.as_bytes()).await?;
        let token = answers.last().map(|last| &last["summary"]["token"]);
        let token = token.and_then(Value::as_str).context("no token")?;
        let found = client.count(COLLECTION, &[token]).await?;
        ensure!(found == self.plan.accounts.len() as u64, "{found} accounts");
        Ok(())
    }

    /// Other definitions at one gateway.
    async fn deploy(&self, definitions: &str, gateway: &str) -> Result<()> {
        write_definitions(self.definitions.path(), definitions)?;
        let began = Instant::now();
        loop {
            let asked = reqwest::Client::new().post(format!("{gateway}/v1/catalog/reload"));
            let answer = asked.send().await?;
            if answer.status().is_success() {
                return Ok(());
            }
            // A store of a busy machine may be away for a moment.
            let is_away = answer.status().is_server_error() && began.elapsed() < PATIENCE;
            ensure!(is_away, "{}", answer.text().await?);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Each account's credits one behind the other: the wrong ones at the gateway that takes them.
    async fn credit(&self, near: &str, far: &str) -> Result<()> {
        let [near, far] = [near, far].map(|gateway| Client::new(vec![gateway.to_owned()]));
        let (near, far) = (near?, far?);
        let began = Instant::now();
        for place in 0..self.plan.longest() {
            let send = async |client: &Client, wrong: bool| {
                let lines = self.plan.lines(place, wrong);
                if lines.is_empty() {
                    return anyhow::Ok(());
                }
                let text: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
                let answers = client.bulk(CREDIT, text.as_bytes()).await?;
                let summary = &answers.last().context("no answer")?["summary"];
                ensure!(
                    summary["accepted"] == lines.len(),
                    "{summary}: {:?}",
                    answers.first()
                );
                Ok(())
            };
            tokio::try_join!(send(&near, true), send(&far, false))?;
        }
        let credits = self.plan.credits();
        eprintln!("{credits} credits accepted in {:.1?}", began.elapsed());
        Ok(())
    }

    /// The flood guard makes partitions wait, until the operator has looked and lets it pass.
    async fn let_pass(&mut self, gateway: &str) -> Result<()> {
        let began = Instant::now();
        while self.operator.json(gateway, "dlq floods", 0)?.is_empty() {
            ensure!(
                began.elapsed() < PATIENCE,
                "no partition waits because of a flood"
            );
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        self.operator.run(gateway, "status")?;
        self.operator.run(gateway, "dlq floods")?;
        self.operator.run(gateway, "dlq stats")?;
        let passed = self
            .operator
            .run(gateway, &format!("dlq pass --operation {CREDIT}"))?;
        ensure!(passed.code == 0, "{}{}", passed.output, passed.errors);
        Ok(())
    }

    /// Until each account's first credit is dead and all others are parked; how many wait.
    async fn all_held(&mut self, gateway: &str) -> Result<HashMap<String, u64>> {
        let began = Instant::now();
        let dead = self.plan.accounts.len() as u64;
        let wanted = json!({"dead": dead, "parked": self.plan.credits() - dead});
        loop {
            let status = reqwest::get(format!("{gateway}/v1/status")).await?;
            let status: Value = status.json().await?;
            let held = json!({"dead": status["held"]["dead"], "parked": status["held"]["parked"]});
            if held == wanted {
                break;
            }
            ensure!(began.elapsed() < PATIENCE, "held are {held}, not {wanted}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        eprintln!(
            "all dead or parked {:.1?} after the flood was let pass",
            began.elapsed()
        );
        self.operator.run(gateway, "status")?;
        let key = |account: &plan::Account| format!("account/{}", account.id);
        let waiting = |account: &plan::Account| (key(account), account.credits.len() as u64 - 1);
        Ok(self.plan.accounts.iter().map(waiting).collect())
    }

    /// The one fingerprint of all.
    fn one_cause(&mut self, gateway: &str) -> Result<String> {
        self.operator.run(gateway, "dlq stats")?;
        let causes = self.operator.json(gateway, "dlq stats", 0)?;
        let accounts = self.plan.accounts.len() as u64;
        let [cause] = causes.as_slice() else {
            anyhow::bail!("not one cause: {causes:?}");
        };
        let parked = self.plan.credits() - accounts;
        let told = ["count", "keys", "waiting"].map(|name| cause[name].as_u64());
        ensure!(told == [accounts, accounts, parked].map(Some), "{cause}");
        self.operator.run(gateway, "dlq list --limit 3")?;
        let listed = self.operator.json(gateway, "dlq list", 0)?;
        ensure!(
            listed.len() as u64 == accounts,
            "{} are listed",
            listed.len()
        );
        Ok(cause["fingerprint"]
            .as_str()
            .context("no fingerprint")?
            .to_owned())
    }

    /// What one patch over all of them would do, by account: the first credit in each store.
    fn try_out(
        &mut self,
        gateway: &str,
        cause: &str,
        waiting: &HashMap<String, u64>,
    ) -> Result<HashMap<String, Value>> {
        let line = format!("dlq edit --fingerprint {cause} --patch mend.json --dry-run");
        self.operator.run(gateway, &line)?;
        let tried = self.operator.json(gateway, &line, 0)?;
        ensure!(
            tried.len() == waiting.len(),
            "{} of {} are tried out",
            tried.len(),
            waiting.len()
        );
        let mut previews = HashMap::new();
        for item in tried {
            let key = item["key"].as_str().context("no key")?;
            ensure!(
                item["preview"]["follow"].as_u64() == waiting.get(key).copied(),
                "{item}"
            );
            let id = key.trim_start_matches("account/").to_owned();
            previews.insert(id, item["preview"].clone());
        }
        for account in &self.plan.accounts {
            let preview = previews
                .get(&account.id)
                .with_context(|| format!("no {}", account.id))?;
            let cents = account.credits[0].cents;
            let document = json!([
                {"field": "/credits", "before": [], "after": [0]},
                {"field": "/n", "before": 0, "after": cents},
            ]);
            let row = json!([
                {"field": "/cents", "before": 0, "after": cents},
                {"field": "/last", "after": 0},
            ]);
            let fields: Vec<&Value> = preview["changes"]
                .as_array()
                .context("no changes")?
                .iter()
                .map(|change| &change["fields"])
                .collect();
            ensure!(
                fields == [&document, &document, &row],
                "{}: {preview}",
                account.id
            );
            ensure!(preview["verdict"] == "applied", "{preview}");
        }
        Ok(previews)
    }

    /// Replays all by the patch at a rate; pauses it, lets it go on, and kills what runs it.
    async fn replay_until_killed(&mut self, near: &str, far: &str, cause: &str) -> Result<String> {
        let (wrong, rate) = (self.plan.wrong(), self.plan.rate);
        let line = format!(
            "dlq edit --fingerprint {cause} --patch mend.json --repeat --rate {rate} --reason 'the deploy of the morning' --yes"
        );
        let began = Instant::now();
        let mut edit = self.operator.begin(near, &line, "edit.txt")?;
        let job = self.running_job(far).await?;
        self.done_beyond(far, &job, wrong / 5).await?;
        let took = began.elapsed().as_secs_f64();
        let paused = self.operator.run(far, &format!("dlq job {job} --pause"))?;
        ensure!(paused.code == 0, "{}{}", paused.output, paused.errors);
        let stands = show_job(far, &job).await?;
        let done = stands["done"].as_u64().unwrap_or(0);
        ensure!(stands["state"] == "paused", "{stands}");
        ensure!(
            done as f64 <= (took + 2.0) * rate as f64 + 16.0,
            "{done} in {took:.1} s at {rate}"
        );
        let code = edit.wait()?.code().context("it was killed")?;
        self.operator.printed(&line, "edit.txt", code)?;
        ensure!(code == 1, "a paused job has not ended: {code}");
        tokio::time::sleep(Duration::from_secs(3)).await;
        let later = show_job(far, &job).await?;
        ensure!(
            later["done"] == stands["done"],
            "it is paused: {stands}, then {later}"
        );

        let resume = format!("dlq job {job} --resume --follow");
        let mut follow = self.operator.begin(near, &resume, "follow.txt")?;
        self.done_beyond(far, &job, wrong / 2).await?;
        self.cluster.kill9("gateway-0")?;
        self.cluster.kill9("worker-0")?;
        self.operator
            .note("kill -9 of the gateway that runs the job, and of a worker");
        let code = follow.wait()?.code().context("it was killed")?;
        let printed = self.operator.printed(&resume, "follow.txt", code)?;
        ensure!(
            code != 0 && printed.contains("--follow"),
            "it says how to go on: {printed}"
        );
        Ok(job)
    }

    async fn running_job(&self, gateway: &str) -> Result<String> {
        let began = Instant::now();
        loop {
            let jobs = self.operator.json(gateway, "dlq jobs", 0)?;
            if let Some(id) = jobs.first().and_then(|job| job["id"].as_str()) {
                return Ok(id.to_owned());
            }
            ensure!(began.elapsed() < PATIENCE, "no job begins");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn done_beyond(&self, gateway: &str, job: &str, count: u64) -> Result<()> {
        let began = Instant::now();
        loop {
            let stands = show_job(gateway, job).await?;
            if stands["done"].as_u64() >= Some(count) {
                return Ok(());
            }
            ensure!(
                began.elapsed() < PATIENCE,
                "it does not come to {count}: {stands}"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Another gateway goes on with the job, and everything that was parked follows.
    async fn finish(&mut self, near: &str, far: &str, job: &str) -> Result<()> {
        self.operator.run(far, &format!("dlq job {job}"))?;
        let ended = self
            .operator
            .run(far, &format!("dlq job {job} --resume --follow"))?;
        ensure!(ended.code == 0, "{}", ended.errors);
        let stands = show_job(far, job).await?;
        let wrong = json!({"applied": self.plan.wrong()});
        ensure!(
            stands["counts"] == wrong && stands["state"] == "done",
            "{stands}"
        );
        let began = Instant::now();
        loop {
            let status = reqwest::get(format!("{far}/v1/status")).await?;
            let status: Value = status.json().await?;
            if status["held"]["keys"] == 0 {
                break;
            }
            ensure!(began.elapsed() < PATIENCE, "held still: {}", status["held"]);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.cluster.restart("gateway-0").await?;
        self.cluster.restart("worker-0").await?;
        self.operator.run(near, "dlq list")?;
        self.operator.run(near, "status")?;
        Ok(())
    }

    async fn all_heard(&self, listener: &Listener) -> Result<()> {
        let began = Instant::now();
        while judge::heard(listener).await < self.plan.changes()
            && began.elapsed() < Duration::from_secs(60)
        {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // What is told twice comes behind.
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(())
    }

    fn audit(&mut self) -> Result<()> {
        let (code, text) = self.cluster.output("gateway-0", &["audit", "--json"])?;
        ensure!(code == 0, "an audit: {text}");
        let near = self.cluster.gateways()[0].clone();
        self.operator.run(&near, "audit")?;
        Ok(())
    }
}

async fn show_job(gateway: &str, job: &str) -> Result<Value> {
    let shown = reqwest::get(format!("{gateway}/v1/replays/{job}?from=1000000000")).await?;
    Ok(shown.json().await?)
}

fn write_definitions(folder: &Path, text: &str) -> Result<()> {
    Ok(std::fs::write(folder.join("account.yaml"), text)?)
}
