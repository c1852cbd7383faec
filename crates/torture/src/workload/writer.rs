//! One client: writes one thing after the other, each made from the seed, its own number and the turn,
//! and now and then looks at what became of one, and reads it back by its token.

use super::{
    WorkloadOptions,
    client::{Acknowledgement, FleetClient, HandOver},
    recorder::Recorder,
};
use crate::history::{AcknowledgedWrite, Body, PairStep, StatusLook, TokenRead, WriteAction};
use anyhow::{Result, bail};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// What a mended pair adds, so that one patch mends them all.
pub(super) const MENDED: i64 = 5;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

pub(super) struct LoadWriter {
    pub(super) number: usize,
    pub(super) options: WorkloadOptions,
    pub(super) client: Arc<FleetClient>,
    pub(super) recorder: Arc<Recorder>,
}

/// What is written, where, and under which promises.
struct WriteTurn {
    key: String,
    action: WriteAction,
    gateway: usize,
    /// Its idempotency key. Without one it cannot be tried again.
    idempotency: Option<String>,
}

impl LoadWriter {
    pub(super) async fn run(self) -> Result<()> {
        let seed = self
            .options
            .seed
            .wrapping_mul(1_000)
            .wrapping_add(self.number as u64);
        let mut random = StdRng::seed_from_u64(seed);
        // Keys without idempotency keys are given up after a write without an answer.
        let mut epochs = vec![0_u32; self.options.own_keys];
        for turn_number in 0_u64.. {
            if self.recorder.is_load_over() {
                break;
            }
            let (turn, slot) = self.plan_turn(turn_number, &epochs, &mut random);
            let looks_back = random.random_bool(0.06);
            let written = self.hand_over(&turn).await?;
            match written {
                None => {
                    if let Some(slot) = slot {
                        epochs[slot] += 1;
                    }
                }
                Some(write) if looks_back => {
                    let earlier = write.saturating_sub(random.random_range(0..40));
                    self.look_at(earlier).await;
                    self.read_back(write).await;
                }
                Some(_) => {}
            }
            sleep(self.options.pause).await;
        }
        Ok(())
    }

    fn plan_turn(
        &self,
        number: u64,
        epochs: &[u32],
        random: &mut StdRng,
    ) -> (WriteTurn, Option<usize>) {
        let client = self.number;
        let gateway = random.random_range(0..self.client.gateways.len());
        let idempotency = Some(format!("torture-{client}-{number}"));
        if self.options.has_pairs && random.random_bool(0.3) {
            let pair = random.random_range(0..self.options.pairs);
            let key = format!("pairs/p{pair}");
            let n = i64::try_from(number).unwrap_or(i64::MAX) * 1_000 + client as i64;
            let action = pair_action(n, self.options.has_view, random);
            return (
                WriteTurn {
                    key,
                    action,
                    gateway,
                    idempotency,
                },
                None,
            );
        }
        let action = document_action(client, number, random);
        if random.random_bool(0.15) {
            let key = format!(
                "documents/all-{}",
                random.random_range(0..self.options.shared_keys)
            );
            return (
                WriteTurn {
                    key,
                    action,
                    gateway,
                    idempotency,
                },
                None,
            );
        }
        let slot = random.random_range(0..self.options.own_keys);
        // Half of them without idempotency keys: their ids are looked for in memory first.
        let is_plain = slot % 2 == 1;
        let key = format!("documents/own-{client}-{slot}-{}", epochs[slot]);
        let idempotency = idempotency.filter(|_| !is_plain);
        (
            WriteTurn {
                key,
                action,
                gateway,
                idempotency,
            },
            Some(slot),
        )
    }

    /// Tries until it is acknowledged; nothing if nobody knows whether it was taken.
    async fn hand_over(&self, turn: &WriteTurn) -> Result<Option<usize>> {
        let (operation, body) = write_request(&turn.key, &turn.action);
        let sent = self.recorder.now();
        let mut gateway = turn.gateway;
        loop {
            let key = turn.idempotency.as_deref();
            let handed = self
                .client
                .hand_over(gateway, (operation, &body), key)
                .await;
            let why = match handed {
                HandOver::Acknowledged(acknowledged) => {
                    return Ok(Some(self.record_write(turn, gateway, sent, acknowledged)));
                }
                HandOver::Invalid(why) => bail!("{operation} {body}: {why}"),
                HandOver::Uncertain(_) if key.is_none() => {
                    self.recorder.uncertain(&turn.key);
                    return Ok(None);
                }
                HandOver::NotTaken(why) | HandOver::Uncertain(why) => why,
            };
            if self.recorder.now() > sent + self.options.patience {
                bail!(
                    "{operation} {body} was not taken for {} ms: {why}",
                    self.options.patience
                );
            }
            gateway = (gateway + 1) % self.client.gateways.len();
            sleep(PAUSE_AFTER_FAILURE).await;
        }
    }

    fn record_write(
        &self,
        turn: &WriteTurn,
        gateway: usize,
        sent: u64,
        ack: Acknowledgement,
    ) -> usize {
        let write = AcknowledgedWrite {
            client: self.number,
            key: turn.key.clone(),
            action: turn.action.clone(),
            request: ack.request,
            sent,
            acknowledged: self.recorder.now(),
            gateway,
            spooled: ack.spooled,
        };
        self.recorder.write(write, ack.token)
    }

    async fn look_at(&self, write: usize) {
        look_once(&self.client, &self.recorder, write).await;
    }

    /// A read by token. An outage may answer it with an error, which shows nothing.
    async fn read_back(&self, write: usize) {
        let key = self
            .recorder
            .with(|history| history.writes[write].key.clone());
        let (_, token) = self.recorder.request(write);
        let mut documents = Vec::new();
        for document in super::key_documents(&key) {
            match self.client.document(&document, Some(&token)).await {
                Ok(found) => documents.push(found),
                Err(_) => return,
            }
        }
        let at = self.recorder.now();
        self.recorder.read(TokenRead {
            at,
            write,
            documents,
        });
    }
}

/// One look, recorded; says whether it was final, if anything was answered.
pub(super) async fn look_once(
    client: &FleetClient,
    recorder: &Recorder,
    write: usize,
) -> Option<bool> {
    let (request, _) = recorder.request(write);
    let asked = recorder.now();
    let seen = client.look(&request).await?;
    let is_final = seen.status.is_final();
    recorder.look(StatusLook {
        write,
        asked,
        at: recorder.now(),
        status: seen.status,
        place: seen.place,
        revision: seen.revision,
    });
    Some(is_final)
}

fn pair_action(n: i64, has_view: bool, random: &mut StdRng) -> WriteAction {
    let by = random.random_range(1..10);
    if random.random_bool(0.02) {
        return WriteAction::BrokenPair(PairStep {
            n,
            by: MENDED,
            addr: None,
        });
    }
    if has_view && random.random_bool(0.05) {
        let addr = Some("no address".to_owned());
        return WriteAction::Pair(PairStep {
            n,
            by: MENDED,
            addr,
        });
    }
    WriteAction::Pair(PairStep { n, by, addr: None })
}

fn document_action(client: usize, turn: u64, random: &mut StdRng) -> WriteAction {
    let body = |random: &mut StdRng| -> Body {
        let mut body = Body::new();
        let field = format!("f{}", random.random_range(0..6));
        body.insert(field, json!(format!("{client}.{turn}")));
        body.insert("turn".to_owned(), json!(turn));
        body.insert("client".to_owned(), json!(client));
        body
    };
    match random.random_range(0..100) {
        0..12 => WriteAction::Create(body(random)),
        12..30 => WriteAction::Put(body(random)),
        30..38 => WriteAction::Replace(body(random)),
        38..65 => WriteAction::Update(body(random)),
        65..80 => {
            let (changes, default) = (body(random), body(random));
            WriteAction::Upsert { changes, default }
        }
        80..86 => WriteAction::DeleteFields(vec![format!("f{}", random.random_range(0..6))]),
        _ => WriteAction::Delete,
    }
}

/// The operation and its request.
fn write_request(key: &str, action: &WriteAction) -> (&'static str, Value) {
    let id = key.split_once('/').map_or(key, |(_, id)| id);
    let mut request = json!({"index": super::INDEX, "collection": super::DOCUMENTS, "_id": id});
    let operation = match action {
        WriteAction::Pair(step) => {
            let mut request = json!({"id": id, "n": step.n, "by": step.by});
            if let Some(addr) = &step.addr {
                request["addr"] = json!(addr);
            }
            return ("torture.pair", request);
        }
        WriteAction::BrokenPair(step) => {
            return (
                "torture.pair",
                json!({"id": id, "n": step.n, "by": "a word"}),
            );
        }
        WriteAction::Create(body) => ("document.create", "body", json!(body)),
        WriteAction::Put(body) => ("document.createOrReplace", "body", json!(body)),
        WriteAction::Replace(body) => ("document.replace", "body", json!(body)),
        WriteAction::Update(body) => ("document.update", "body", json!(body)),
        WriteAction::Upsert { changes, default } => {
            request["default"] = json!(default);
            ("document.upsert", "changes", json!(changes))
        }
        WriteAction::DeleteFields(fields) => ("document.deleteFields", "fields", json!(fields)),
        WriteAction::Delete => return ("document.delete", request),
    };
    let (operation, member, value) = operation;
    request[member] = value;
    (operation, request)
}
