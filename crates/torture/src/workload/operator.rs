//! The operator: looks at the dead letters again and again, mends most by one patch, and gives some up.
//! A job that is cut short is left; what it did not move is a dead letter still.

use super::{client::FleetClient, recorder::Recorder, writer::MENDED};
use rand::{Rng, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

const PAUSE: Duration = Duration::from_millis(1_000);
/// Looks at a job until it is left.
const LOOKS: usize = 40;

pub(super) struct Operator {
    pub(super) seed: u64,
    pub(super) client: Arc<FleetClient>,
    pub(super) recorder: Arc<Recorder>,
}

impl Operator {
    /// Goes on until it is stopped.
    pub(super) async fn run(self) {
        let mut random = StdRng::seed_from_u64(self.seed ^ 0x6f70_6572);
        loop {
            sleep(PAUSE).await;
            let Some(letters) = self.list_letters().await else {
                continue;
            };
            if letters.is_empty() {
                continue;
            }
            // While the load goes on some are given up, and some left for the next time.
            let goes_on = !self.recorder.is_load_over();
            let (mut mended, mut given_up) = (Vec::new(), Vec::new());
            for letter in letters {
                match random.random_range(0..10) {
                    0 if goes_on => {}
                    1 => given_up.push(letter),
                    _ => mended.push(letter),
                }
            }
            let patch = json!([
                {"op": "add", "path": "/by", "value": MENDED},
                {"op": "add", "path": "/addr", "value": "127.0.0.1"},
            ]);
            let reason = "torture";
            self.run_job(json!({"action": "replay", "select": {"requests": mended}, "patch": patch, "reason": reason})).await;
            self.run_job(
                json!({"action": "discard", "select": {"requests": given_up}, "reason": reason}),
            )
            .await;
        }
    }

    async fn list_letters(&self) -> Option<Vec<String>> {
        let request = self.client.next(Method::GET, "/v1/dead-letters?limit=500");
        let answer: Value = request
            .send()
            .await
            .ok()?
            .error_for_status()
            .ok()?
            .json()
            .await
            .ok()?;
        let letters = answer["dead_letters"].as_array()?.iter();
        Some(
            letters
                .filter_map(|letter| Some(letter["request_id"].as_str()?.to_owned()))
                .collect(),
        )
    }

    async fn run_job(&self, order: Value) {
        if order["select"]["requests"]
            .as_array()
            .is_none_or(Vec::is_empty)
        {
            return;
        }
        let sent = self
            .client
            .next(Method::POST, "/v1/replays")
            .json(&order)
            .send()
            .await;
        let Ok(answer) = sent else {
            return;
        };
        let Ok(job) = answer.json::<Value>().await else {
            return;
        };
        let Some(id) = job["id"].as_str() else {
            return;
        };
        for _ in 0..LOOKS {
            sleep(Duration::from_millis(250)).await;
            let path = format!("/v1/replays/{id}");
            let Ok(answer) = self.client.next(Method::GET, &path).send().await else {
                continue;
            };
            let state = answer.json::<Value>().await.unwrap_or_default();
            match state["state"].as_str() {
                Some("running") | None => {}
                Some("interrupted") => {
                    let path = format!("/v1/replays/{id}/_resume");
                    drop(self.client.next(Method::POST, &path).send().await);
                }
                Some(_) => return,
            }
        }
    }
}
