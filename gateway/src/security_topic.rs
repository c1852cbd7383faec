//! The topic `security`, as this gateway follows it: what changed of callers is looked at again before
//! the gateway says how far it is, and whoever took something away waits here until every gateway says
//! so, or believes nothing any more by itself. What may be believed is decided in
//! [`crate::access::belief`]. See ADR 37.

mod peers;

use crate::{app::Shared, instance, session_sweep};
use event_log::{
    Durability, FollowOptions, Followed, Follower, Limits, NewRecord, Record,
    consumer::From,
    publisher::{Delivery, DeliveryOutcome},
};
use event_schema::{
    codec::{self, Parts},
    security::{BEACON_EVERY, LEASE_IS_OVER, SecurityBeacon, SecurityRecord, SecuritySubject},
    topics::SECURITY,
};
use futures::{StreamExt, stream::FuturesUnordered};
use peers::Peers;
use runtime::{Backoff, Shutdown, State};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};
use tracing::warn;

const COMPONENT: &str = "security";
const LEASE_COMPONENT: &str = "security-lease";
const BATCH: Limits = Limits {
    records: 2_000,
    bytes: 4 << 20,
};
/// Between two beacons while there is no lease.
const WITHOUT_LEASE: Duration = Duration::from_millis(250);
/// Beacons that may wait for their acknowledgement.
const IN_FLIGHT: usize = 16;
/// Beacons whose time is remembered: of older ones nothing would follow.
const MADE: usize = 64;
/// How often it is looked whether a gateway that says nothing has lost its lease.
const PATIENCE_STEP: Duration = Duration::from_millis(50);
/// How long the end of this gateway may take to be told.
pub(crate) const FAREWELL: Duration = Duration::from_secs(1);

struct SecurityFollower {
    app: Shared,
    topic: Arc<str>,
    instance: String,
    peers: Peers,
    /// Everything below this offset is taken into account.
    folded: u64,
    /// The next records are the first, or the first behind some that are lost.
    is_new: bool,
    /// Somebody waits for this gateway's word.
    owes: bool,
    number: u64,
    /// When beacons were made that are not read back.
    made: VecDeque<(u64, Duration)>,
    last: Option<Duration>,
    on_the_way: FuturesUnordered<Delivery>,
    /// Why the log took no beacon last.
    refused: Option<String>,
    /// When there was a lease last, or this began.
    leased: Duration,
    /// All that the topic held then is taken into account; or when this began.
    read: Duration,
}

/// Until shutdown.
pub(crate) async fn follow_security(app: Shared, shutdown: Shutdown) {
    let topic = app.ports.layout.name(&SECURITY);
    let options = FollowOptions {
        topic: topic.clone(),
        partition: 0,
        // Of what was read before nothing is known here.
        from: From::End,
        when_lost: From::End,
        batch: BATCH,
        component: COMPONENT,
        purpose: "reading the topic of security",
    };
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
    let (log, health) = (app.ports.log.clone(), app.ports.health.clone());
    let mut follower = Follower::new(log, options, health, backoff);
    let leased = app.ports.clock.elapsed();
    let mut security = SecurityFollower {
        app,
        topic: topic.into(),
        instance: instance::fresh_name(),
        peers: Peers::default(),
        folded: 0,
        is_new: true,
        owes: false,
        number: 0,
        made: VecDeque::new(),
        last: None,
        on_the_way: FuturesUnordered::new(),
        refused: None,
        leased,
        read: leased,
    };
    loop {
        // Whoever opens the stream is not asked to begin again because a beacon is due.
        let followed = {
            let next = follower.next();
            tokio::pin!(next);
            loop {
                tokio::select! {
                    () = shutdown.hard() => break None,
                    followed = &mut next => break Some(followed),
                    go_on = security.say() => if !go_on { break None },
                }
            }
        };
        match followed {
            None => break,
            Some(Followed::Records(records)) => tokio::select! {
                () = shutdown.hard() => break,
                () = security.take(records) => {}
            },
            Some(Followed::Lost(error)) => {
                warn!(%error, "records of the topic `security` were deleted unread: all callers are looked at again");
                security.app.access.state.belief.end_lease();
                security.is_new = true;
            }
        }
    }
    security.end().await;
}

impl SecurityFollower {
    fn now(&self) -> Duration {
        self.app.ports.clock.elapsed()
    }

    /// Makes the beacon that is due, and answers who waits; then waits for the next reason to. False:
    /// the gateway serves no more. Cancel-safe.
    async fn say(&mut self) -> bool {
        self.send_beacon_if_due();
        self.answer_waiting();
        self.report_lease();
        let pause = self.pause();
        let revocations = &self.app.revocations;
        tokio::select! {
            () = revocations.leaving() => return false,
            Some(outcome) = self.on_the_way.next(), if !self.on_the_way.is_empty() => {
                self.note_outcome(outcome);
            }
            () = revocations.asked() => {}
            () = tokio::time::sleep(pause) => {}
        }
        true
    }

    fn note_outcome(&mut self, outcome: DeliveryOutcome) {
        match outcome {
            Ok(_) => self.refused = None,
            Err(error) => self.note_refusal(error.to_string()),
        }
    }

    /// Says it once, however often it is tried again.
    fn note_refusal(&mut self, why: String) {
        if self.refused.is_none() {
            warn!(
                why,
                "the log does not take what this gateway says of how far it is"
            );
        }
        self.refused = Some(why);
    }

    /// Without a lease for longer than one lasts, something is wrong that an operator must know of.
    fn report_lease(&mut self) {
        let now = self.now();
        if self.app.access.state.belief.has_lease() {
            self.leased = now;
        }
        let unread = now.saturating_sub(self.read).as_secs();
        let unread = i64::try_from(unread).unwrap_or(i64::MAX);
        self.app.metrics.security_unread_seconds.set(unread);
        let state = if now.saturating_sub(self.leased) < LEASE_IS_OVER {
            State::Ready
        } else {
            let why = self.refused.as_deref();
            let why = why.unwrap_or("no beacon of this gateway came back in the topic `security`");
            State::Degraded {
                why: format!("{why}: each request asks the record store, and nothing is pushed"),
            }
        };
        self.app.ports.health.set(LEASE_COMPONENT, state);
    }

    /// Takes records into account: whom they name is not believed from here on, who hears something by
    /// that is looked at, and only then the lease goes on.
    async fn take(&mut self, records: Vec<Record>) {
        let now = self.now();
        let belief = &self.app.access.state.belief;
        let mut everything = std::mem::take(&mut self.is_new);
        if everything {
            self.peers.begin(now);
        }
        let mut changed = BTreeSet::new();
        let mut read_back = None;
        for record in records {
            let offset = record.offset;
            self.folded = offset + 1;
            match decode_record(record) {
                Some(SecurityRecord::Changed(subject, _)) => _ = changed.insert(subject),
                Some(SecurityRecord::Beacon { instance, beacon }) if instance == self.instance => {
                    self.app.revocations.read_back(beacon.number, offset);
                    read_back = Some(beacon.number);
                }
                Some(SecurityRecord::Beacon { instance, beacon }) => {
                    self.peers.heard(&instance, beacon.folded, now);
                    self.owes |= beacon.asks;
                }
                Some(SecurityRecord::GatewayEnded { instance }) => self.peers.ended(&instance),
                None => everything = true,
            }
        }
        // While there was no lease the topic may have been made anew, and grown beyond where it was.
        everything |= read_back.is_some() && !belief.has_lease();
        if everything {
            belief.missed();
        } else if !changed.is_empty() {
            belief.changed(changed.iter().cloned());
        }
        if everything || !changed.is_empty() {
            self.look_again((!everything).then_some(&changed)).await;
        }
        if let Some(made) = read_back.and_then(|number| self.made_at(number)) {
            self.app.access.state.belief.renew(made);
            self.read = made;
        }
    }

    async fn look_again(&self, changed: Option<&BTreeSet<SecuritySubject>>) {
        let rights = SecuritySubject::Rights;
        if changed.is_none_or(|changed| changed.contains(&rights)) {
            self.app.access.state.look_again().await;
        }
        session_sweep::sweep_changed(&self.app, changed).await;
    }

    /// When a beacon was made; it and those before it are not asked for again.
    fn made_at(&mut self, number: u64) -> Option<Duration> {
        while let Some((first, made)) = self.made.pop_front() {
            if first == number {
                return Some(made);
            }
            if first > number {
                self.made.push_front((first, made));
                return None;
            }
        }
        None
    }

    fn send_beacon_if_due(&mut self) {
        let is_wanted = self.owes || self.app.revocations.is_unasked();
        if self.on_the_way.len() >= IN_FLIGHT || !(is_wanted || self.is_due()) {
            return;
        }
        let made = self.now();
        // The first makes the others say that they are there.
        let asks = self.app.revocations.ask(self.number) || self.last.is_none();
        let beacon = SecurityBeacon {
            number: self.number,
            folded: self.folded,
            asks,
        };
        let record = SecurityRecord::Beacon {
            instance: self.instance.clone(),
            beacon,
        };
        self.last = Some(made);
        match self.send(&record) {
            Some(delivery) => {
                self.on_the_way.push(delivery);
                self.made.push_back((self.number, made));
                if self.made.len() > MADE {
                    self.made.pop_front();
                }
                self.number += 1;
                self.owes = false;
            }
            None => self.app.revocations.unask(self.number),
        }
    }

    /// By its own hour, which is no reason while another is on its way.
    fn is_due(&self) -> bool {
        let passed = self.last.map(|last| self.now().saturating_sub(last));
        self.on_the_way.is_empty() && passed.is_none_or(|passed| passed >= self.interval())
    }

    fn interval(&self) -> Duration {
        if self.app.access.state.belief.has_lease() {
            BEACON_EVERY
        } else {
            WITHOUT_LEASE
        }
    }

    fn pause(&self) -> Duration {
        if self.app.revocations.is_empty() {
            WITHOUT_LEASE
        } else {
            PATIENCE_STEP
        }
    }

    fn send(&mut self, record: &SecurityRecord) -> Option<Delivery> {
        let parts = codec::encode_security(record);
        let record = NewRecord {
            topic: self.topic.clone(),
            partition: 0,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        };
        let sent = self.app.ports.log.publisher.send(record);
        sent.map_err(|error| self.note_refusal(error.why.to_string()))
            .ok()
    }

    fn answer_waiting(&mut self) {
        let now = self.now();
        // The embedded log has one process.
        if *self.app.ports.durability.borrow() == Some(Durability::Embedded) {
            self.peers.has_no_strangers();
        }
        let peers = &mut self.peers;
        let folded = self.folded;
        let passed = |offset| offset < folded && peers.have_all_passed(offset, now);
        self.app.revocations.answer(passed);
    }

    /// Believes nothing from here on, and says so: whoever takes something away need not wait.
    async fn end(mut self) {
        self.app.access.state.belief.end_lease();
        let instance = self.instance.clone();
        if let Some(delivery) = self.send(&SecurityRecord::GatewayEnded { instance }) {
            drop(tokio::time::timeout(FAREWELL, delivery).await);
        }
        self.app.revocations.left();
    }
}

/// None: it cannot be known what it says.
fn decode_record(record: Record) -> Option<SecurityRecord> {
    let offset = record.offset;
    let parts = Parts {
        key: record.key,
        value: record.value,
        headers: record.headers,
    };
    codec::decode_security(&parts)
        .map_err(|error| warn!(%error, offset, "a record of the topic `security` cannot be decoded: all callers are looked at again"))
        .ok()
}
