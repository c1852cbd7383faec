//! After the load: looks until every write has its verdict and stays at it, waits until subscribers
//! heard what they must, and reads every key from record and view.

use super::{
    DOCUMENTS, INDEX, client::FleetClient, label::notification_label, recorder::Recorder,
    writer::look_once,
};
use crate::history::{FinalState, SeenStatus, Subscription};
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Calls at the same time.
const SIDE_BY_SIDE: usize = 16;

pub(super) struct Settling {
    pub(super) client: Arc<FleetClient>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) deadline: Instant,
}

impl Settling {
    /// Looks at each write until its verdict is final or time is up; then once more at all.
    pub(super) async fn verdicts(&self, progress: &dyn Fn(usize, usize)) {
        let all = self.recorder.acknowledged();
        let mut open: Vec<usize> = (0..all).collect();
        while !open.is_empty() && Instant::now() < self.deadline {
            open = self.look_at(open, progress, all).await;
            if !open.is_empty() {
                sleep(Duration::from_millis(300)).await;
            }
        }
        self.look_at((0..all).collect(), progress, all).await;
    }

    /// Those that are not final.
    async fn look_at(
        &self,
        writes: Vec<usize>,
        progress: &dyn Fn(usize, usize),
        all: usize,
    ) -> Vec<usize> {
        let count = writes.len();
        let looks = stream::iter(writes).map(|write| async move {
            let is_final = look_once(&self.client, &self.recorder, write).await;
            (write, is_final == Some(true))
        });
        let mut looks = looks.buffer_unordered(SIDE_BY_SIDE);
        let (mut open, mut looked) = (Vec::new(), 0);
        while let Some((write, is_final)) = looks.next().await {
            looked += 1;
            if !is_final {
                open.push(write);
            }
            if looked % 500 == 0 {
                progress(all - count + looked - open.len(), all);
            }
        }
        open
    }

    /// Waits until each subscriber heard every applied change that it must, or time is up.
    pub(super) async fn notifications(&self, subscriptions: &[Arc<Mutex<Subscription>>]) {
        let due = self.due_notifications();
        while Instant::now() < self.deadline {
            let is_told = subscriptions.iter().all(|subscription| {
                let subscription = subscription.lock();
                let told: HashSet<&str> = subscription
                    .heard
                    .iter()
                    .map(|change| change.request.as_str())
                    .collect();
                let due = due.get(if subscription.collection == DOCUMENTS {
                    "documents"
                } else {
                    "pairs"
                });
                let mut due = due.into_iter().flatten();
                due.all(|(sent, request)| {
                    *sent <= subscription.active || told.contains(request.as_str())
                })
            });
            if is_told {
                // What is told twice would come now.
                sleep(Duration::from_millis(500)).await;
                return;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Applied writes by the first part of their key: when they were sent, how they are told.
    fn due_notifications(&self) -> HashMap<String, Vec<(u64, String)>> {
        self.recorder.with(|history| {
            let mut due: HashMap<String, Vec<(u64, String)>> = HashMap::new();
            let looks = history
                .looks
                .iter()
                .filter(|look| look.status == SeenStatus::Applied);
            let applied: BTreeSet<usize> = looks.map(|look| look.write).collect();
            for number in applied {
                let write = &history.writes[number];
                let kind = write.key.split_once('/').map_or("", |(kind, _)| kind);
                due.entry(kind.to_owned())
                    .or_default()
                    .push((write.sent, notification_label(&write.request)));
            }
            due
        })
    }

    /// Every key as it stands.
    pub(super) async fn read(&self) -> Vec<FinalState> {
        let keys: BTreeSet<String> = self.recorder.with(|history| {
            let keys = history.writes.iter().map(|write| write.key.clone());
            keys.filter(|key| !history.uncertain.contains(key))
                .collect()
        });
        let last = self.recorder.with(|history| {
            let applied = history
                .looks
                .iter()
                .filter(|look| look.status == SeenStatus::Applied);
            applied.map(|look| look.write).max()
        });
        // The view of all shards is at least as new as this.
        let token = last.map(|write| self.recorder.request(write).1);
        let token = token.as_deref();
        let reads = stream::iter(keys).map(|key| async move {
            loop {
                match self.read_key(&key, token).await {
                    Ok(state) => return Some(state),
                    Err(_) if Instant::now() < self.deadline => {
                        sleep(Duration::from_millis(300)).await;
                    }
                    Err(_) => return None,
                }
            }
        });
        let states: Vec<_> = reads.buffer_unordered(SIDE_BY_SIDE).collect().await;
        states.into_iter().flatten().collect()
    }

    async fn read_key(&self, key: &str, token: Option<&str>) -> anyhow::Result<FinalState> {
        let (mut record, mut view) = (Vec::new(), Vec::new());
        for document in super::key_documents(key) {
            record.push(self.client.document(&document, None).await?);
            let (collection, id) = document.rsplit_once('/').unwrap_or((INDEX, &document));
            view.push(self.client.in_view((collection, id), token).await?);
        }
        let row = match key.split_once('/') {
            Some(("pairs", id)) => self.client.row("torture_pair", id).await?,
            _ => None,
        };
        let key = key.to_owned();
        Ok(FinalState {
            key,
            record,
            view,
            row,
        })
    }
}
