//! The load: clients that write and look, an operator who mends dead letters, subscribers. They only
//! write down what they saw; the judge judges.

mod client;
mod label;
mod operator;
mod recorder;
mod settle;
mod subscriber;
mod writer;

use crate::history::{RunHistory, Subscription};
use anyhow::{Context, Result, anyhow};
use client::FleetClient;
use operator::Operator;
use parking_lot::Mutex;
use recorder::Recorder;
use reqwest::Method;
use serde_json::{Value, json};
use settle::Settling;
use std::{sync::Arc, time::Duration};
use subscriber::Subscriber;
use tokio::{task::JoinHandle, time::Instant};
use writer::LoadWriter;

const INDEX: &str = "torture";
const DOCUMENTS: &str = "documents";
/// The operations, tables and collections of pairs.
pub const CATALOG: &str = include_str!("catalog.yaml");

/// How hard, and on what.
#[derive(Debug, Clone)]
pub struct WorkloadOptions {
    pub seed: u64,
    pub clients: usize,
    /// Documents of one client alone; half of them are written without idempotency keys.
    pub own_keys: usize,
    /// Documents that all clients write.
    pub shared_keys: usize,
    /// Pairs, which all clients write.
    pub pairs: usize,
    /// Between two writes of a client.
    pub pause: Duration,
    /// How long a client tries to hand one write over, milliseconds.
    pub patience: u64,
    /// The fleet knows the operations of pairs.
    pub has_pairs: bool,
    /// The view is one that may be told to refuse a field.
    pub has_view: bool,
}

/// A load that goes on.
#[derive(Debug)]
pub struct Workload {
    client: Arc<FleetClient>,
    recorder: Arc<Recorder>,
    writers: Vec<JoinHandle<Result<()>>>,
    operator: JoinHandle<()>,
    subscribers: Vec<JoinHandle<()>>,
    subscriptions: Vec<Arc<Mutex<Subscription>>>,
}

/// Does the fleet at these gateways know pairs?
///
/// # Errors
/// If no gateway answers.
pub async fn knows_pairs(gateways: &[String]) -> Result<bool> {
    let client = FleetClient::new(gateways.to_vec())?;
    let operations = client
        .call(Method::GET, "/v1/operations", &Value::Null)
        .await?;
    Ok(operations.to_string().contains("\"torture.pair\""))
}

impl Workload {
    /// Makes the collection, subscribes, and sets the clients to work.
    ///
    /// # Errors
    /// If the fleet does not take that.
    pub async fn start(
        gateways: &[String],
        options: &WorkloadOptions,
        began: Instant,
    ) -> Result<Self> {
        let client = Arc::new(FleetClient::new(gateways.to_vec())?);
        let recorder = Arc::new(Recorder::new(began));
        let path = format!("/v1/collections/{INDEX}/{DOCUMENTS}");
        client.call(Method::PUT, &path, &json!({})).await?;
        let (mut subscribers, mut subscriptions) = (Vec::new(), Vec::new());
        let collections = [DOCUMENTS, "left", "right"];
        let count = if options.has_pairs { 3 } else { 1 };
        for (turn, collection) in collections.iter().take(count).enumerate() {
            let (gateways, recorder) = (gateways.to_vec(), recorder.clone());
            let mut subscriber = Subscriber::new(gateways, recorder, collection, turn);
            let socket = subscriber.begin().await;
            let socket = socket.with_context(|| format!("no subscription to `{collection}`"))?;
            subscriptions.push(subscriber.heard.clone());
            subscribers.push(runtime::spawn("torture subscriber", subscriber.run(socket)));
        }
        let operator = Operator {
            seed: options.seed,
            client: client.clone(),
            recorder: recorder.clone(),
        };
        let writers = (0..options.clients).map(|number| {
            let writer = LoadWriter {
                number,
                options: options.clone(),
                client: client.clone(),
                recorder: recorder.clone(),
            };
            runtime::spawn("torture client", writer.run())
        });
        Ok(Self {
            writers: writers.collect(),
            operator: runtime::spawn("torture operator", operator.run()),
            subscribers,
            subscriptions,
            client,
            recorder,
        })
    }

    /// Writes acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.recorder.acknowledged()
    }

    /// Ends the load, waits for verdicts and notifications, reads everything, and hands over what was
    /// seen.
    ///
    /// # Errors
    /// If a client could not hand a write over.
    pub async fn finish(
        mut self,
        patience: Duration,
        progress: &dyn Fn(usize, usize),
    ) -> Result<RunHistory> {
        self.recorder.end_load();
        for writer in std::mem::take(&mut self.writers) {
            writer
                .await
                .map_err(|error| anyhow!("a client ended: {error}"))??;
        }
        let settling = Settling {
            client: self.client.clone(),
            recorder: self.recorder.clone(),
            deadline: Instant::now() + patience,
        };
        settling.verdicts(progress).await;
        settling.notifications(&self.subscriptions).await;
        let finals = settling.read().await;
        for subscription in &self.subscriptions {
            self.recorder.subscription(subscription.lock().clone());
        }
        let mut history = self.recorder.take();
        history.finals = finals;
        Ok(history)
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        self.operator.abort();
        self.subscribers.iter().for_each(JoinHandle::abort);
        self.writers.iter().for_each(JoinHandle::abort);
    }
}

/// The documents that make up a key, as `index/collection/id`.
fn key_documents(key: &str) -> Vec<String> {
    match key.split_once('/') {
        Some(("pairs", id)) => ["left", "right"]
            .map(|side| format!("{INDEX}/{side}/{id}"))
            .to_vec(),
        _ => vec![format!("{INDEX}/{key}")],
    }
}
