//! What a batch of records notifies of, and whom: folded, matched at one look at the rooms, and sent
//! together.

use super::{
    DeliveryProgress, LaneBatch, NotifierLane, Tenure, claim_lost, steps::Steps, stream_ended,
};
use crate::{deliver::split_push, notify::notification_routes};
use change_feed::{Emission, Notification};
use event_log::{Delivery, Record};
use event_schema::{
    codec,
    decision::Change,
    notification::{Mail, Push, State},
    offset::{ChangesOffset, InformativeOffset},
};
use partition_owner::TenureOutcome;
use request_spans::{SpanKind, Stage, is_exporting};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// What is told by which record, and the state in which it is told.
struct DueNotification {
    record: u64,
    notification: Arc<Notification>,
    state: State,
}

impl NotifierLane {
    /// Records of `changes`.
    pub(super) async fn deliver_changes(
        &self,
        tenure: &mut Tenure,
        records: &[Record],
    ) -> Result<(), TenureOutcome> {
        let mut emissions = Vec::with_capacity(records.len() * 2);
        for record in records {
            let offset = ChangesOffset::new(record.offset);
            match codec::decode_change(&crate::record_parts(record)) {
                Ok(change) => tenure.feed.fold(offset, &change, &mut emissions),
                // A newer worker wrote it, say: what it means is not guessed.
                Err(error) => {
                    return Err(TenureOutcome::Halted(format!(
                        "offset {offset} of `changes` cannot be read: {error}"
                    )));
                }
            }
        }
        let due = self.read_again(emissions).await?;
        let next = records.last().map_or(0, |record| record.offset + 1);
        self.notifier
            .metrics
            .lag(self.partition, tenure.changes.end().saturating_sub(next));
        let then = DeliveryProgress {
            resume: tenure.feed.resume(),
            ..tenure.sent
        };
        self.deliver_due(tenure, &due, then).await
    }

    /// Records of `informative`.
    pub(super) async fn deliver_messages(
        &self,
        tenure: &mut Tenure,
        records: &[Record],
    ) -> Result<(), TenureOutcome> {
        let message = |record: &Record| match codec::decode_informative(&crate::record_parts(
            record,
        )) {
            Ok(event) => change_feed::of_message(event, record.timestamp),
            Err(error) => {
                tracing::warn!(%error, partition = self.partition, offset = record.offset, "a record of `informative` cannot be read; left out");
                None
            }
        };
        let notification = |record: &Record| {
            Some(DueNotification {
                record: record.offset,
                notification: Arc::new(message(record)?),
                state: State::Done,
            })
        };
        let due: Vec<DueNotification> = records.iter().filter_map(notification).collect();
        let informative = records.last().map_or(tenure.sent.informative, |record| {
            InformativeOffset::new(record.offset).next()
        });
        let then = DeliveryProgress {
            informative,
            ..tenure.sent
        };
        self.deliver_due(tenure, &due, then).await
    }

    /// Presence events that are ours to send, and whether the partition still is ours at all.
    pub(super) async fn deliver_presence(&self, tenure: &mut Tenure) -> Result<(), TenureOutcome> {
        if !self.is_ours() {
            return Err(claim_lost());
        }
        let events = self
            .notifier
            .registry
            .read()
            .presence_since(self.partition, tenure.sent.rooms);
        let mut deliveries = VecDeque::new();
        for (mailbox, presence) in events.iter().flat_map(|event| &event.mails) {
            deliveries.extend(
                self.notifier
                    .post_mail(*mailbox, &Mail::Presence(presence.clone()))
                    .await?,
            );
        }
        let Some(last) = events.last() else {
            return Ok(());
        };
        self.notifier.metrics.presence(deliveries.len());
        let then = DeliveryProgress {
            rooms: last.offset,
            ..tenure.sent
        };
        note_sent(tenure, deliveries, then);
        Ok(())
    }

    async fn deliver_due(
        &self,
        tenure: &mut Tenure,
        due: &[DueNotification],
        then: DeliveryProgress,
    ) -> Result<(), TenureOutcome> {
        let now = self.notifier.ports.clock.now();
        let pushes = self.pushes(tenure, due, now);
        let mut deliveries = VecDeque::with_capacity(pushes.len());
        for (mailbox, push) in pushes {
            deliveries.extend(
                self.notifier
                    .post_mail(mailbox, &Mail::Push(Box::new(push)))
                    .await?,
            );
        }
        note_sent(tenure, deliveries, then);
        Ok(())
    }

    /// At one look at the rooms, taken after the records were read.
    fn pushes(&self, tenure: &mut Tenure, due: &[DueNotification], now: i64) -> Vec<(u16, Push)> {
        let mut pushes = Vec::new();
        let mut steps = Steps::from(tenure.position());
        let state = self.notifier.registry.read();
        for DueNotification {
            record,
            notification,
            state: how_far,
        } in due
        {
            let (before, after) = steps.over(*record, notification.notice.event);
            let routes = notification_routes(&state, notification, *how_far, &mut tenure.scratch);
            if routes.is_empty() {
                continue;
            }
            self.notifier.metrics.delivered(
                notification.notice.event,
                routes.len(),
                now - notification.notice.timestamp,
            );
            let stage = Stage {
                name: "notify",
                kind: SpanKind::Producer,
                traceparent: notification.notice.traceparent.as_deref(),
                from: notification.notice.timestamp,
                to: now,
            };
            stage.record(|| {
                vec![
                    ("consign.request", notification.notice.request.to_string()),
                    ("consign.state", format!("{how_far:?}").to_lowercase()),
                    ("consign.gateways", routes.len().to_string()),
                ]
            });
            for route in routes {
                let owner = |position| self.feed_owner(tenure, position);
                let (instance, rooms) = (route.instance, route.rooms);
                let mut push = Push {
                    instance,
                    owner: owner(before),
                    record: *record,
                    rooms,
                    notice: notification.notice.clone(),
                };
                push.notice.state = *how_far;
                if !is_exporting() {
                    push.notice.traceparent = None;
                }
                let mut pieces = split_push(push);
                // Only with the last of its pieces is it told.
                if let Some(last) = pieces.last_mut() {
                    last.owner = owner(after);
                }
                pushes.extend(pieces.into_iter().map(|push| (route.mailbox, push)));
            }
        }
        pushes
    }

    /// What there was no room to keep comes from the log again.
    async fn read_again(
        &self,
        emissions: Vec<(ChangesOffset, Emission)>,
    ) -> Result<Vec<DueNotification>, TenureOutcome> {
        let offsets = emissions.iter().filter_map(|(_, emission)| match emission {
            Emission::DoneAt(offset) => Some(offset.get()),
            Emission::Notification(..) => None,
        });
        let mut again = self.notifications_at(offsets.collect()).await?;
        let mut due = Vec::with_capacity(emissions.len());
        for (record, emission) in emissions {
            match emission {
                Emission::Notification(notification, state) => due.push(DueNotification {
                    record: record.get(),
                    notification,
                    state,
                }),
                Emission::DoneAt(offset) => {
                    let found = again.remove(&offset.get()).unwrap_or_default();
                    due.extend(found.into_iter().map(|notification| DueNotification {
                        record: record.get(),
                        notification: Arc::new(notification),
                        state: State::Done,
                    }));
                }
            }
        }
        Ok(due)
    }

    async fn notifications_at(
        &self,
        mut offsets: Vec<u64>,
    ) -> Result<HashMap<u64, Vec<Notification>>, TenureOutcome> {
        let mut found = HashMap::with_capacity(offsets.len());
        offsets.sort_unstable();
        let (Some(first), Some(last)) = (offsets.first().copied(), offsets.last().copied()) else {
            return Ok(found);
        };
        let mut scan = self.scan_changes(first..last + 1);
        while let Some(records) = scan.next().await.map_err(stream_ended)? {
            let next = records.last().map_or(last, |record| record.offset) + 1;
            for record in records
                .iter()
                .filter(|record| offsets.binary_search(&record.offset).is_ok())
            {
                let due = match codec::decode_change(&crate::record_parts(record)) {
                    Ok(Change::Decision(decision)) => change_feed::of_decision(&decision),
                    Ok(Change::Void(void)) => change_feed::of_void(&void),
                    Ok(Change::Open(_) | Change::Mark(_)) | Err(_) => Vec::new(),
                };
                found.insert(record.offset, due);
            }
            // On to the next one that is wanted.
            let wanted = offsets.partition_point(|offset| *offset < next);
            scan.skip_to(offsets.get(wanted).copied().unwrap_or(last + 1));
        }
        match offsets.iter().find(|offset| !found.contains_key(offset)) {
            Some(offset) => Err(TenureOutcome::retake(format!(
                "`changes` could not be read again at {offset}"
            ))),
            None => Ok(found),
        }
    }
}

/// A batch is on its way; without a push it is there already, once those before it are.
fn note_sent(tenure: &mut Tenure, deliveries: VecDeque<Delivery>, then: DeliveryProgress) {
    tenure.sent = then;
    match (deliveries.is_empty(), tenure.waiting.back_mut()) {
        (true, None) => tenure.delivered = then,
        (true, Some(last)) => last.then = then,
        (false, _) => {
            tenure.in_flight += deliveries.len();
            tenure.waiting.push_back(LaneBatch { deliveries, then });
        }
    }
}
