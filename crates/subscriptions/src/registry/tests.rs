use super::*;
use crate::{
    catch_up::{CatchUpEnd, CatchUpTarget, MissedChange},
    delivery::{Delivery, DeliveryContent, Offered, SignHandles},
    options::{ScopeFilter, StateFilter},
};
use event_schema::{
    id::RequestId,
    membership::{MembershipRecord, PresenceFilter},
    notification::{
        Event, FeedOwner, Notice, Presence, PresenceChange, Progress, Push, RoomMatch, Scope, State,
    },
    signing::Keyring,
    to_raw,
};
use serde_json::json;
use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// Writes down what it is offered.
#[derive(Debug)]
struct TestRecipient {
    log: Mutex<Vec<String>>,
    disconnected: AtomicBool,
    /// So many missed changes it takes.
    room: AtomicUsize,
}

impl TestRecipient {
    /// What came since this was asked last.
    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn write(&self, line: String) -> Offered {
        self.log.lock().unwrap().push(line);
        Offered::Taken
    }

    fn is_disconnected(&self) -> bool {
        self.disconnected.load(Ordering::Relaxed)
    }
}

/// `users/scope/state what cursor`.
fn shown(delivery: &Delivery<'_>) -> String {
    let ChannelOptions {
        users,
        scope,
        state,
    } = delivery.options;
    let what = match delivery.content {
        DeliveryContent::Change(change) => format!(
            "{:?} {:?} {}",
            change.scope,
            change.state,
            change.cursor.unwrap_or("-")
        ),
        DeliveryContent::Presence(presence) => format!("user {:?}", presence.user),
    };
    format!("{users:?}/{scope:?}/{state:?} {what}").to_lowercase()
}

impl Recipient for TestRecipient {
    fn offer(&self, delivery: &Delivery<'_>) -> Offered {
        self.write(shown(delivery))
    }

    fn offer_missed(&self, delivery: &Delivery<'_>) -> Offered {
        let room = self.room.load(Ordering::Relaxed);
        if room == 0 {
            return Offered::Full;
        }
        self.room.store(room - 1, Ordering::Relaxed);
        self.write(format!("missed {}", shown(delivery)))
    }

    fn reserve_answer(&self, request: u64) {
        self.write(format!("answer {request}"));
    }

    fn release_answer(&self, request: u64) {
        self.write(format!("no answer {request}"));
    }

    fn disconnect(&self) {
        self.disconnected.store(true, Ordering::Relaxed);
    }
}

/// Handles that say what they are of.
struct TestSigner;

impl SignHandles for TestSigner {
    fn token(&self, _tenant: &str, _notice: &Notice) -> Option<String> {
        None
    }

    fn cursor(&self, tenant: &str, room: &str, positions: &[FeedPosition]) -> String {
        format!(
            "{tenant}:{room}@{},{}",
            positions[0].next, positions[1].next
        )
    }
}

/// A registry with a log behind it: what it writes gets offsets, and is read back when the test
/// says so.
struct Stage {
    registry: SubscriptionRegistry,
    log: Vec<MembershipRecord>,
    read: usize,
    /// Requests that keep waiting.
    waiting: Vec<PendingSubscription>,
}

fn stage() -> Stage {
    let limits = RegistryLimits {
        rooms_per_connection: 3,
        subscriptions: 5,
    };
    let reply = Reply {
        instance: "here".into(),
        partition: 1,
    };
    Stage {
        registry: SubscriptionRegistry::new(&reply, 2, limits),
        log: Vec::new(),
        read: 0,
        waiting: Vec::new(),
    }
}

impl Stage {
    fn connect(&mut self, connection: u64) -> Arc<TestRecipient> {
        let recipient = Arc::new(TestRecipient {
            log: Mutex::default(),
            disconnected: AtomicBool::new(false),
            room: AtomicUsize::new(100),
        });
        self.registry.add_connection(connection, recipient.clone());
        recipient
    }

    fn ask(
        &mut self,
        connection: u64,
        room: &str,
        options: ChannelOptions,
    ) -> Result<PendingSubscription, SubscribeError> {
        self.ask_as("t", connection, room, options, false)
    }

    fn ask_as(
        &mut self,
        tenant: &str,
        connection: u64,
        room: &str,
        options: ChannelOptions,
        catches_up: bool,
    ) -> Result<PendingSubscription, SubscribeError> {
        let request = SubscribeRequest {
            room: room.into(),
            index: "geo".into(),
            collection: "cities".into(),
            filter: to_raw(&json!({})),
            options,
            tenant: tenant.into(),
            volatile: Some(to_raw(&json!({"who": connection}))),
            catches_up,
            request: 77,
        };
        self.registry.subscribe(connection, request)
    }

    /// A request that is waited for.
    fn subscribe(&mut self, connection: u64, room: &str, options: ChannelOptions) {
        let pending = self.ask(connection, room, options).unwrap();
        self.waiting.push(pending);
    }

    /// Everything that the registry wants written is.
    fn append(&mut self) {
        let mut numbers = Vec::new();
        for outgoing in self.registry.take_outgoing(1_000) {
            self.log.push(outgoing.record);
            let offset = self.log.len() as u64 - 1;
            numbers.extend(outgoing.append.map(|number| (number, offset)));
        }
        for (number, offset) in numbers {
            self.registry.appended(number, offset);
        }
    }

    fn read(&mut self) {
        let from = self.read;
        let records = self.log[from..].iter().cloned().enumerate();
        let records = records
            .map(|(n, record)| ((from + n) as u64, Some(record)))
            .collect();
        self.read = self.log.len();
        self.registry.read(records, || "again".to_owned());
    }

    fn progress(&mut self, partitions: &[u16]) {
        let progress = Progress {
            instance: self.registry.instance().to_string(),
            notifier: "n".into(),
            owners: partitions
                .iter()
                .map(|partition| owner(*partition, 0, 0))
                .collect(),
            missed: Vec::new(),
            rooms: self.log.len() as u64 - 1,
        };
        self.registry.progress(&progress);
    }

    fn all(&mut self) {
        self.append();
        self.read();
        self.progress(&[0, 1]);
    }

    fn push(&mut self, rooms: &[(&str, Scope)], state: State) -> usize {
        self.push_by(owner(0, 0, 1), 0, rooms, state)
    }

    /// By this owner, of this record.
    fn push_by(
        &mut self,
        owner: FeedOwner,
        record: u64,
        rooms: &[(&str, Scope)],
        state: State,
    ) -> usize {
        let rooms = rooms.iter().map(|(room, scope)| RoomMatch {
            room: (*room).to_owned(),
            scope: *scope,
        });
        let push = Push {
            instance: self.registry.instance().to_string(),
            owner,
            record,
            rooms: rooms.collect(),
            notice: notice(state),
        };
        self.registry.push(&push, &TestSigner)
    }

    fn last(&self) -> &MembershipRecord {
        self.log.last().unwrap()
    }
}

fn notice(state: State) -> Notice {
    Notice {
        event: Event::Write,
        action: "create".into(),
        state,
        index: "geo".into(),
        collection: "cities".into(),
        id: None,
        version: None,
        source: None,
        updated_fields: None,
        request: RequestId::mint(&Keyring::new(1, *b"0123456789abcdef"), 1, 0, [7; 16]),
        origin: None,
        volatile: None,
        timestamp: 0,
        write: None,
        traceparent: None,
    }
}

fn position(next: u64) -> FeedPosition {
    FeedPosition {
        next: event_schema::offset::ChangesOffset::new(next),
        ..FeedPosition::default()
    }
}

fn owner(partition: u16, claim: u64, next: u64) -> FeedOwner {
    FeedOwner {
        partition,
        claim,
        position: position(next),
    }
}

fn users(users: PresenceFilter) -> ChannelOptions {
    ChannelOptions {
        users,
        ..ChannelOptions::default()
    }
}

/// The answer, if it is there.
fn answer(pending: &mut PendingSubscription) -> Option<Result<SubscribeAck, SubscribeError>> {
    pending.try_recv().unwrap()
}

#[test]
fn active_when_appended_and_read_and_matched_everywhere() {
    let mut stage = stage();
    let recipient = stage.connect(1);
    let mut pending = stage.ask(1, "r", ChannelOptions::default()).unwrap();
    let mut active = |stage: &mut Stage| {
        let early = stage.push(&[("r", Scope::In)], State::Done);
        let active = answer(&mut pending).is_some();
        assert!(active || early == 0);
        active
    };
    assert!(!active(&mut stage));
    stage.append();
    stage.progress(&[0, 1]);
    assert!(!active(&mut stage), "its own record was not read");
    stage.read();
    assert_eq!(stage.push(&[("r", Scope::In)], State::Done), 1);
    assert!(answer(&mut pending).unwrap().is_ok());
    let taken = recipient.taken();
    assert_eq!(
        taken,
        ["answer 77", "none/all/done in done t:r@1,0"],
        "the place of the answer is reserved before anything is offered"
    );
}

#[test]
fn one_partition_that_does_not_know_is_waited_for() {
    let mut stage = stage();
    stage.connect(1);
    let mut pending = stage.ask(1, "r", ChannelOptions::default()).unwrap();
    stage.append();
    stage.read();
    stage.progress(&[0]);
    assert!(answer(&mut pending).is_none());
    stage.progress(&[1]);
    assert!(answer(&mut pending).unwrap().is_ok());
}

#[test]
fn an_active_room_needs_no_progress_until_its_last_member_leaves() {
    let mut stage = stage();
    stage.connect(1);
    stage.connect(2);
    stage.subscribe(1, "r", ChannelOptions::default());
    stage.all();
    let mut second = stage.ask(2, "r", ChannelOptions::default()).unwrap();
    stage.append();
    assert!(answer(&mut second).is_none(), "its own record was not read");
    stage.read();
    assert!(answer(&mut second).unwrap().is_ok());
    stage.registry.remove_connection(1);
    stage.registry.unsubscribe(2, "r", None).unwrap();
    let mut later = stage.ask(2, "r", ChannelOptions::default()).unwrap();
    stage.append();
    stage.read();
    assert!(
        answer(&mut later).is_none(),
        "the room had no member in between"
    );
    stage.progress(&[0, 1]);
    assert!(answer(&mut later).unwrap().is_ok());
    assert_eq!(stage.registry.memberships().count("r"), 1);
}

#[test]
fn channels_of_a_connection_are_one_membership() {
    let mut stage = stage();
    let recipient = stage.connect(1);
    stage.subscribe(1, "r", ChannelOptions::default());
    stage.all();
    let pending_in = ChannelOptions {
        state: StateFilter::Pending,
        scope: ScopeFilter::In,
        ..ChannelOptions::default()
    };
    stage.subscribe(1, "r", pending_in);
    stage.all();
    let count = stage.registry.memberships().count("r");
    assert_eq!(
        (stage.log.len(), stage.registry.subscriptions(), count),
        (2, 1, 1),
        "written once more, since it wants more"
    );
    let mut again = stage.ask(1, "r", ChannelOptions::default()).unwrap();
    let again = answer(&mut again).unwrap().unwrap();
    assert_eq!(again.membership, None, "it is on that channel already");
    recipient.taken();
    assert_eq!(stage.push(&[("r", Scope::In)], State::Pending), 1);
    assert_eq!(stage.push(&[("r", Scope::Out)], State::Pending), 0);
    assert_eq!(stage.push(&[("r", Scope::Out)], State::Done), 1);
    let channels: Vec<String> = recipient.taken();
    assert!(channels[0].starts_with("none/in/pending in pending"));
    assert!(channels[1].starts_with("none/all/done out done"));
    stage
        .registry
        .unsubscribe(1, "r", Some(to_raw(&json!({"bye": 1}))))
        .unwrap();
    stage.append();
    assert!(
        matches!(stage.last(), MembershipRecord::Unsubscribed(_, Some(volatile)) if volatile.get() == r#"{"bye":1}"#)
    );
    assert_eq!(stage.push(&[("r", Scope::In)], State::Done), 0);
    assert_eq!(
        stage.registry.unsubscribe(1, "r", None),
        Err(SubscribeError::NotSubscribed)
    );
}

#[test]
fn presence_events_reach_the_channels_that_want_them() {
    let mut stage = stage();
    let recipient = stage.connect(1);
    let filters = [
        PresenceFilter::None,
        PresenceFilter::Out,
        PresenceFilter::None,
    ];
    for filter in filters {
        stage.subscribe(1, "r", users(filter));
        stage.all();
    }
    assert_eq!(
        stage.push(&[("r", Scope::In)], State::Done),
        2,
        "once on each of the two channels"
    );
    recipient.taken();
    let presence = |user| Presence {
        instance: "here".into(),
        room: "r".into(),
        index: "geo".into(),
        collection: "cities".into(),
        user,
        count: 1,
        volatile: None,
        explicit: true,
        rooms: 100,
        timestamp: 0,
    };
    let offered = [PresenceChange::Out, PresenceChange::In]
        .map(|user| stage.registry.presence(&presence(user)));
    assert_eq!(offered, [1, 0]);
    assert_eq!(recipient.taken(), ["out/all/done user out"]);
    let own = Presence {
        rooms: 1,
        ..presence(PresenceChange::Out)
    };
    assert_eq!(
        stage.registry.presence(&own),
        0,
        "it joined by a later record"
    );
}

#[test]
fn a_connection_that_ends_leaves_without_a_request() {
    let mut stage = stage();
    stage.connect(1);
    let mut pending = stage.ask(1, "r", ChannelOptions::default()).unwrap();
    stage.registry.remove_connection(1);
    stage.all();
    assert_eq!(answer(&mut pending), Some(Err(SubscribeError::Ended)));
    assert!(matches!(
        stage.log.as_slice(),
        [
            MembershipRecord::Subscribed(..),
            MembershipRecord::Unsubscribed(_, None)
        ]
    ));
    let count = stage.registry.memberships().count("r");
    assert_eq!((stage.registry.subscriptions(), count), (0, 0));
    assert!(matches!(
        stage.ask(1, "r", ChannelOptions::default()),
        Err(SubscribeError::Ended)
    ));
}

#[test]
fn limits() {
    let mut stage = stage();
    stage.connect(1);
    stage.connect(2);
    for room in ["a", "b", "c"] {
        assert!(stage.ask(1, room, ChannelOptions::default()).is_ok());
    }
    let refused = |asked: Result<PendingSubscription, SubscribeError>| {
        matches!(asked, Err(SubscribeError::TooManyRooms))
    };
    assert!(refused(stage.ask(1, "d", ChannelOptions::default())));
    assert!(
        stage.ask(1, "a", users(PresenceFilter::All)).is_ok(),
        "another channel is not another room"
    );
    assert!(stage.ask(2, "a", ChannelOptions::default()).is_ok());
    assert!(stage.ask(2, "b", ChannelOptions::default()).is_ok());
    assert!(refused(stage.ask(2, "c", ChannelOptions::default())));
}

#[test]
fn what_the_log_does_not_take_is_refused_and_ended() {
    let mut stage = stage();
    stage.connect(1);
    let mut pending = stage.ask(1, "r", ChannelOptions::default()).unwrap();
    let outgoing = stage.registry.take_outgoing(10);
    stage.registry.not_appended(outgoing[0].append.unwrap());
    assert_eq!(answer(&mut pending), Some(Err(SubscribeError::Unavailable)));
    stage.append();
    let MembershipRecord::Unsubscribed(membership, None) = stage.last().clone() else {
        panic!("{:?}", stage.last())
    };
    let mut again = stage.ask(1, "r", ChannelOptions::default()).unwrap();
    stage.registry.not_left(membership.clone(), None);
    stage.all();
    assert!(
        matches!(stage.last(), MembershipRecord::Subscribed(..)),
        "it is a member again"
    );
    assert!(answer(&mut again).unwrap().is_ok());
    stage.registry.remove_connection(1);
    stage.all();
    stage.registry.not_left(membership, None);
    stage.all();
    let ends = stage.log.iter();
    let ends = ends.filter(|record| matches!(record, MembershipRecord::Unsubscribed(..)));
    assert_eq!(ends.count(), 3);
}

#[test]
fn a_request_that_is_cancelled_leaves_no_membership() {
    let mut stage = stage();
    let recipient = stage.connect(1);
    let mut pending = stage.ask(1, "r", ChannelOptions::default()).unwrap();
    stage.append();
    let cancelled = stage.registry.cancel(1, &"r".into(), &mut pending);
    assert_eq!(cancelled, None);
    stage.all();
    let count = stage.registry.memberships().count("r");
    assert_eq!((stage.registry.subscriptions(), count), (0, 0));
    assert!(recipient.taken().is_empty());
    let mut pending = stage.ask(1, "r", ChannelOptions::default()).unwrap();
    stage.all();
    let cancelled = stage.registry.cancel(1, &"r".into(), &mut pending);
    assert!(cancelled.is_some(), "it was active before");
    assert_eq!(stage.push(&[("r", Scope::In)], State::Done), 1);
}

#[test]
fn an_expired_gateway_disconnects_its_members_and_begins_again() {
    let mut stage = stage();
    let (member, other) = (stage.connect(1), stage.connect(2));
    stage.subscribe(1, "r", ChannelOptions::default());
    stage.all();
    stage.log.push(MembershipRecord::GatewayExpired {
        instance: "here".into(),
    });
    stage.read();
    assert!(member.is_disconnected() && !other.is_disconnected());
    assert_eq!(&**stage.registry.instance(), "again");
    assert_eq!(stage.registry.subscriptions(), 0);
    let mut pending = stage.ask(2, "r", ChannelOptions::default()).unwrap();
    stage.all();
    assert!(answer(&mut pending).unwrap().is_ok());
    let MembershipRecord::Subscribed(membership, _) = stage.last() else {
        panic!("{:?}", stage.last())
    };
    let count = stage.registry.memberships().count("r");
    assert_eq!((membership.instance.as_str(), count), ("again", 1));
}

#[test]
fn the_end_ends_every_membership_and_is_the_last_record() {
    let mut stage = stage();
    stage.connect(1);
    stage.subscribe(1, "r", ChannelOptions::default());
    stage.registry.end();
    stage.registry.write_heartbeat(5);
    stage.registry.end();
    stage.append();
    assert!(matches!(
        stage.log.as_slice(),
        [
            MembershipRecord::Subscribed(..),
            MembershipRecord::Unsubscribed(..),
            MembershipRecord::GatewayExpired { .. }
        ]
    ));
    stage.read();
    assert_eq!(&**stage.registry.instance(), "here");
}

#[test]
fn a_zombie_is_ignored_once_its_successor_was_seen() {
    let mut stage = stage();
    let recipient = stage.connect(1);
    stage.subscribe(1, "r", ChannelOptions::default());
    stage.all();
    recipient.taken();
    let push = |stage: &mut Stage, claim, record| {
        let owner = owner(0, claim, record + 1);
        stage.push_by(owner, record, &[("r", Scope::In)], State::Done)
    };
    assert_eq!(push(&mut stage, 3, 20), 1);
    assert_eq!(
        push(&mut stage, 7, 10),
        1,
        "the successor begins where it was committed"
    );
    assert_eq!(push(&mut stage, 3, 21), 0);
    assert_eq!(push(&mut stage, 7, 11), 1);
    let cursors = recipient.taken();
    let cursors: Vec<_> = cursors
        .iter()
        .map(|line| line.rsplit(' ').next().unwrap())
        .collect();
    assert_eq!(cursors, ["t:r@21,0", "t:r@11,0", "t:r@12,0"]);
    let matched = stage.registry.waiting.matched();
    let late = Progress {
        instance: "here".into(),
        notifier: "old".into(),
        owners: vec![owner(0, 3, 22)],
        missed: Vec::new(),
        rooms: 1_000,
    };
    stage.registry.progress(&late);
    assert_eq!(
        stage.registry.waiting.matched(),
        matched,
        "nor does it count what rooms it knows"
    );
}

/// Handles are bound to the tenant: members of one channel share them only within a tenant.
#[test]
fn tenants_share_a_room_and_no_cursor() {
    let mut stage = stage();
    let (one, other) = (stage.connect(1), stage.connect(2));
    for (tenant, connection) in [("t", 1), ("u", 2)] {
        let options = ChannelOptions::default();
        let pending = stage.ask_as(tenant, connection, "r", options, false);
        stage.waiting.push(pending.unwrap());
    }
    stage.all();
    one.taken();
    other.taken();
    assert_eq!(stage.push(&[("r", Scope::In)], State::Done), 2);
    assert_eq!(one.taken(), ["none/all/done in done t:r@1,0"]);
    assert_eq!(other.taken(), ["none/all/done in done u:r@1,0"]);
}

/// A connection that catches up and what it is the target of.
fn catching_up(stage: &mut Stage) -> (Arc<TestRecipient>, CatchUpTarget) {
    let recipient = stage.connect(1);
    let options = ChannelOptions::default();
    let mut pending = stage.ask_as("t", 1, "r", options, true).unwrap();
    stage.all();
    let ack = answer(&mut pending).unwrap().unwrap();
    recipient.taken();
    let target = CatchUpTarget {
        connection: 1,
        room: "r".into(),
        membership: ack.membership.unwrap(),
        options,
    };
    (recipient, target)
}

/// A recipient that catches up is sent each change from the log or live, whenever it finishes.
#[test]
fn a_recipient_that_catches_up_is_sent_each_change_once() {
    for read_to in 0..=6 {
        let mut stage = stage();
        let (_recipient, target) = catching_up(&mut stage);
        let push = |stage: &mut Stage, record| {
            let owner = owner(0, 0, record + 1);
            stage.push_by(owner, record, &[("r", Scope::In)], State::Done)
        };
        let live: usize = (0..4).map(|record| push(&mut stage, record)).sum();
        assert_eq!(live, 0, "while it reads, it is sent nothing live");
        let mut arrived = read_to;
        let finish = |stage: &mut Stage, at| {
            let positions = [position(at), position(0)];
            stage.registry.finish_catch_up(&target, &positions)
        };
        while finish(&mut stage, arrived) == CatchUpEnd::Behind {
            arrived += 1;
        }
        assert_eq!(arrived, read_to.max(4), "others were sent four");
        let live: Vec<u64> = (2..8)
            .filter(|record| push(&mut stage, *record) == 1)
            .collect();
        assert_eq!(live, (arrived..8).collect::<Vec<_>>(), "read to {arrived}");
    }
}

#[test]
fn a_member_that_left_while_it_caught_up_is_offered_nothing() {
    let mut stage = stage();
    let (recipient, target) = catching_up(&mut stage);
    let missed = || {
        MissedChange::new(
            notice(State::Done),
            State::Done,
            Scope::In,
            None,
            "c".into(),
        )
    };
    let missed = [missed(), missed(), missed()];
    recipient.room.store(2, Ordering::Relaxed);
    let replay = |stage: &mut Stage| stage.registry.replay(&target, &missed);
    assert_eq!(replay(&mut stage), Some(2), "as far as it has room");
    assert_eq!(recipient.taken().len(), 2);
    recipient.room.store(2, Ordering::Relaxed);
    stage.registry.unsubscribe(1, "r", None).unwrap();
    stage.subscribe(1, "r", ChannelOptions::default());
    stage.all();
    recipient.taken();
    assert_eq!(
        replay(&mut stage),
        None,
        "a later membership is another subscription"
    );
    let positions = [position(9), position(9)];
    let end = stage.registry.finish_catch_up(&target, &positions);
    assert_eq!(end, CatchUpEnd::Gone);
    assert!(recipient.taken().is_empty());
}

/// Notifiers leave out what is only decided where no member wants it: the first that does waits
/// until they know.
#[test]
fn a_room_that_is_active_is_not_yet_so_for_a_member_that_wants_more() {
    let mut stage = stage();
    let early = ChannelOptions {
        state: StateFilter::All,
        ..ChannelOptions::default()
    };
    let asks = |stage: &mut Stage, connection, options| {
        let pending = stage.ask(connection, "r", options).unwrap();
        stage.append();
        stage.read();
        pending
    };
    for connection in 1..=3 {
        stage.connect(connection);
    }
    stage.subscribe(1, "r", ChannelOptions::default());
    stage.all();
    let mut second = asks(&mut stage, 2, early);
    assert!(answer(&mut second).is_none());
    stage.progress(&[0, 1]);
    assert!(answer(&mut second).unwrap().is_ok());
    let mut third = asks(&mut stage, 3, early);
    assert!(answer(&mut third).unwrap().is_ok(), "now it is");
    stage.registry.remove_connection(2);
    stage.registry.unsubscribe(3, "r", None).unwrap();
    let mut later = asks(&mut stage, 3, early);
    assert!(
        answer(&mut later).is_none(),
        "no member wanted it in between"
    );
    let MembershipRecord::Subscribed(_, subscription) = stage.last() else {
        panic!("{:?}", stage.last())
    };
    assert!(subscription.pending);
}
