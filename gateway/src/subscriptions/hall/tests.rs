use super::{
    catch_up::{Arrival, Late},
    *,
};
use crate::subscriptions::options::{Scopes, States};
use event_schema::{
    id::RequestId,
    notification::{Coming, Event, Notice, State, Teller, Told as Heard},
    rooms::Users,
    signing::Keyring,
};
use serde_json::{Value, json};
use websocket::{OutboxLimits, TextFrame};

const BOUNDS: OutboxLimits = OutboxLimits {
    pushed_bytes: 1 << 20,
    pushed: 100,
    answer_bytes: 1 << 20,
};

/// A hall with a log behind it: what it writes gets offsets, and is read back when the test says
/// so.
struct Stage {
    hall: Hall,
    log: Vec<RoomRecord>,
    numbers: Vec<(u64, u64)>,
    read: usize,
    /// Those who wait keep waiting.
    waiting: Vec<oneshot::Receiver<Told>>,
}

fn stage() -> Stage {
    let limits = Limits {
        rooms_per_connection: 3,
        subscriptions: 5,
    };
    let reply = Reply {
        instance: "here".into(),
        partition: 1,
    };
    Stage {
        hall: Hall::new(&reply, 2, limits),
        log: Vec::new(),
        numbers: Vec::new(),
        read: 0,
        waiting: Vec::new(),
    }
}

impl Stage {
    fn connect(&mut self, connection: u64) -> Arc<Outbox> {
        let outbox = Arc::new(Outbox::new(BOUNDS, false, Arc::default()));
        self.hall.welcome(connection, outbox.clone());
        outbox
    }

    fn wish(
        &mut self,
        connection: u64,
        room: &str,
        options: Options,
    ) -> Result<oneshot::Receiver<Told>, Refusal> {
        self.wish_since(connection, room, options, false)
    }

    fn wish_since(
        &mut self,
        connection: u64,
        room: &str,
        options: Options,
        catches_up: bool,
    ) -> Result<oneshot::Receiver<Told>, Refusal> {
        let wish = Wish {
            room: room.into(),
            index: "geo".into(),
            collection: "cities".into(),
            filter: raw(&json!({})),
            options,
            volatile: Some(raw(&json!({"who": connection}))),
            catches_up,
            request: 77,
        };
        self.hall.subscribe(connection, wish)
    }

    /// A wish that somebody waits for.
    fn sit(&mut self, connection: u64, room: &str, options: Options) {
        let told = self.wish(connection, room, options).unwrap();
        self.waiting.push(told);
    }

    /// Everything that the hall wants written is.
    fn append(&mut self) {
        for (number, record) in self.hall.take_outgoing(1_000) {
            self.log.push(record);
            self.numbers
                .extend(number.map(|number| (number, self.log.len() as u64 - 1)));
        }
        for (number, offset) in std::mem::take(&mut self.numbers) {
            self.hall.appended(number, offset);
        }
    }

    fn read(&mut self) {
        let records = self.log[self.read..]
            .iter()
            .cloned()
            .enumerate()
            .map(|(n, record)| ((self.read + n) as u64, Some(record)))
            .collect();
        self.read = self.log.len();
        self.hall.read(records, || "again".to_owned());
    }

    fn progress(&mut self, partitions: &[u16]) {
        let instance = self.hall.instance().to_string();
        let rooms = self.log.len() as u64 - 1;
        let tellers = partitions
            .iter()
            .map(|partition| teller(*partition, 0, 0))
            .collect();
        self.hall.progress(&Progress {
            instance,
            notifier: "n".into(),
            partitions: partitions.to_vec(),
            tellers,
            rooms,
        });
    }

    fn all(&mut self) {
        self.append();
        self.read();
        self.progress(&[0, 1]);
    }

    fn push(&mut self, rooms: &[(&str, Scope)], state: State) -> usize {
        self.push_by(teller(0, 0, 1), 0, rooms, state)
    }

    /// Told by this one, of this record.
    fn push_by(
        &mut self,
        teller: Teller,
        record: u64,
        rooms: &[(&str, Scope)],
        state: State,
    ) -> usize {
        let told = rooms
            .iter()
            .map(|(room, scope)| Heard {
                room: (*room).to_owned(),
                scope: *scope,
            })
            .collect();
        let notice = Notice {
            event: Event::Write,
            action: "create".into(),
            state,
            index: "geo".into(),
            collection: "cities".into(),
            id: Some("x".into()),
            version: Some(1),
            source: None,
            updated_fields: None,
            request: RequestId::mint(&Keyring::new(1, *b"0123456789abcdef"), 1, 0, [7; 16]),
            origin: None,
            volatile: None,
            timestamp: 0,
            write: None,
        };
        let push = Push {
            instance: self.hall.instance().to_string(),
            teller: Some(teller),
            record,
            rooms: told,
            notice,
        };
        self.hall.push(
            &push,
            || Some("t".into()),
            |room, points| format!("{room}@{},{}", points[0].next, points[1].next),
        )
    }

    fn last(&self) -> &RoomRecord {
        self.log.last().unwrap()
    }
}

fn point(next: u64) -> Point {
    Point {
        next,
        ..Point::default()
    }
}

fn teller(partition: u16, claim: u64, next: u64) -> Teller {
    Teller {
        partition,
        claim,
        point: point(next),
    }
}

fn heard(outbox: &Outbox) -> Vec<Value> {
    let (mut frames, mut now) = (VecDeque::new(), tokio::time::Instant::now());
    while let Some(held) = outbox.take(&mut frames, usize::MAX, now) {
        now = held;
    }
    frames
        .into_iter()
        .map(|frame| serde_json::from_slice(&frame[if frame[1] == 126 { 4 } else { 2 }..]).unwrap())
        .collect()
}

fn users(users: Users) -> Options {
    Options {
        users,
        ..Options::default()
    }
}

#[test]
fn told_when_appended_and_read_and_matched_everywhere() {
    let mut stage = stage();
    let outbox = stage.connect(1);
    let mut told = stage.wish(1, "r", Options::default()).unwrap();
    let mut granted = |stage: &mut Stage| {
        let early = stage.push(&[("r", Scope::In)], State::Done);
        let told = told.try_recv().is_ok();
        assert!(told || early == 0);
        told
    };
    assert!(!granted(&mut stage));
    stage.append();
    stage.progress(&[0, 1]);
    assert!(!granted(&mut stage), "its own record was not read");
    stage.read();
    assert!(told.try_recv().is_ok());
    assert!(
        heard(&outbox).is_empty(),
        "the answer's place is kept, and it is not answered"
    );
    assert_eq!(stage.push(&[("r", Scope::In)], State::Done), 1);
    outbox.answer(77, Some(&TextFrame::from_pieces(&["\"answer\""])));
    let heard = heard(&outbox);
    assert_eq!(
        (heard.len(), &heard[0], &heard[1]["room"]),
        (2, &json!("answer"), &json!("r-311"))
    );
}

#[test]
fn one_partition_that_does_not_know_is_waited_for() {
    let mut stage = stage();
    stage.connect(1);
    let mut told = stage.wish(1, "r", Options::default()).unwrap();
    stage.append();
    stage.read();
    stage.progress(&[0]);
    assert!(told.try_recv().is_err());
    stage.progress(&[1]);
    assert!(told.try_recv().unwrap().is_ok());
}

#[test]
fn an_active_room_needs_no_progress_until_its_last_seat_is_given_up() {
    let mut stage = stage();
    stage.connect(1);
    stage.connect(2);
    stage.sit(1, "r", Options::default());
    stage.all();
    let mut second = stage.wish(2, "r", Options::default()).unwrap();
    stage.append();
    stage.read();
    assert!(second.try_recv().unwrap().is_ok());
    stage.hall.forget(1);
    stage.hall.unsubscribe(2, "r", None).unwrap();
    let mut anew = stage.wish(2, "r", Options::default()).unwrap();
    stage.append();
    stage.read();
    assert!(anew.try_recv().is_err(), "the room was empty in between");
    stage.progress(&[0, 1]);
    assert!(anew.try_recv().unwrap().is_ok());
    assert_eq!(stage.hall.fold().count("r"), 1);
}

#[test]
fn channels_of_a_connection_are_one_seat() {
    let mut stage = stage();
    let outbox = stage.connect(1);
    stage.sit(1, "r", Options::default());
    stage.all();
    outbox.answer(77, None);
    let pending = Options {
        state: States::Pending,
        scope: Scopes::In,
        ..Options::default()
    };
    stage.sit(1, "r", pending);
    stage.all();
    outbox.answer(77, None);
    let count = stage.hall.fold().count("r");
    assert_eq!(
        (stage.log.len(), stage.hall.seats(), count),
        (2, 1, 1),
        "written once more, since it wants to hear of more"
    );
    let again = stage
        .wish(1, "r", Options::default())
        .unwrap()
        .try_recv()
        .unwrap()
        .unwrap();
    assert_eq!(again.seat, None, "that one is there already");
    assert_eq!(stage.push(&[("r", Scope::In)], State::Pending), 1);
    assert_eq!(stage.push(&[("r", Scope::Out)], State::Pending), 0);
    assert_eq!(stage.push(&[("r", Scope::Out)], State::Done), 1);
    let rooms: Vec<_> = heard(&outbox)
        .into_iter()
        .map(|frame| frame["room"].clone())
        .collect();
    assert_eq!(rooms, ["r-312p", "r-311"]);
    stage
        .hall
        .unsubscribe(1, "r", Some(raw(&json!({"bye": 1}))))
        .unwrap();
    stage.append();
    assert!(
        matches!(stage.last(), RoomRecord::Leaves(_, Some(volatile)) if volatile.get() == r#"{"bye":1}"#)
    );
    assert_eq!(stage.push(&[("r", Scope::In)], State::Done), 0);
    assert_eq!(
        stage.hall.unsubscribe(1, "r", None),
        Err(Refusal::NotSubscribed)
    );
}

#[test]
fn who_asks_for_nobody_hears_of_nobody_beside_one_who_asks() {
    let mut stage = stage();
    let outbox = stage.connect(1);
    for wish in [users(Users::None), users(Users::Out), users(Users::None)] {
        stage.sit(1, "r", wish);
        stage.all();
        outbox.answer(77, None);
    }
    assert_eq!(
        stage.push(&[("r", Scope::In)], State::Done),
        2,
        "once on each of the two channels"
    );
    let presence = |user| Presence {
        instance: "here".into(),
        room: "r".into(),
        index: "geo".into(),
        collection: "cities".into(),
        user,
        count: 1,
        volatile: None,
        said: true,
        rooms: 100,
        timestamp: 0,
    };
    assert_eq!(
        (
            stage.hall.presence(&presence(Coming::Out)),
            stage.hall.presence(&presence(Coming::In))
        ),
        (1, 0)
    );
    let own = Presence {
        rooms: 1,
        ..presence(Coming::Out)
    };
    assert_eq!(stage.hall.presence(&own), 0, "what was before is no news");
}

#[test]
fn a_connection_that_ends_says_nothing() {
    let mut stage = stage();
    stage.connect(1);
    let mut told = stage.wish(1, "r", Options::default()).unwrap();
    stage.hall.forget(1);
    stage.all();
    assert_eq!(told.try_recv().unwrap(), Err(Refusal::Ended));
    assert!(matches!(
        stage.log.as_slice(),
        [RoomRecord::Sits(..), RoomRecord::Leaves(_, None)]
    ));
    assert_eq!((stage.hall.seats(), stage.hall.fold().count("r")), (0, 0));
    assert!(matches!(
        stage.wish(1, "r", Options::default()),
        Err(Refusal::Ended)
    ));
}

#[test]
fn limits() {
    let mut stage = stage();
    stage.connect(1);
    stage.connect(2);
    for room in ["a", "b", "c"] {
        assert!(stage.wish(1, room, Options::default()).is_ok());
    }
    assert!(matches!(
        stage.wish(1, "d", Options::default()),
        Err(Refusal::TooManyRooms)
    ));
    assert!(
        stage.wish(1, "a", users(Users::All)).is_ok(),
        "another channel is not another room"
    );
    assert!(
        stage.wish(2, "a", Options::default()).is_ok()
            && stage.wish(2, "b", Options::default()).is_ok()
    );
    assert!(matches!(
        stage.wish(2, "c", Options::default()),
        Err(Refusal::TooManyRooms)
    ));
}

#[test]
fn what_the_log_does_not_take_is_refused_and_given_up() {
    let mut stage = stage();
    stage.connect(1);
    let mut told = stage.wish(1, "r", Options::default()).unwrap();
    let outgoing = stage.hall.take_outgoing(10);
    stage.hall.not_appended(outgoing[0].0.unwrap());
    assert_eq!(told.try_recv().unwrap(), Err(Refusal::Unavailable));
    stage.append();
    let RoomRecord::Leaves(seat, None) = stage.last().clone() else {
        panic!("{:?}", stage.last())
    };
    let mut again = stage.wish(1, "r", Options::default()).unwrap();
    stage.hall.not_left(seat.clone(), None);
    stage.all();
    assert!(
        matches!(stage.last(), RoomRecord::Sits(..)),
        "a seat that is taken again is not given up"
    );
    assert!(again.try_recv().unwrap().is_ok());
    stage.hall.forget(1);
    stage.all();
    stage.hall.not_left(seat, None);
    stage.all();
    assert_eq!(
        stage
            .log
            .iter()
            .filter(|record| matches!(record, RoomRecord::Leaves(..)))
            .count(),
        3
    );
}

#[test]
fn a_wish_that_is_given_up_leaves_no_seat() {
    let mut stage = stage();
    stage.connect(1);
    let mut told = stage.wish(1, "r", Options::default()).unwrap();
    stage.append();
    assert_eq!(stage.hall.withdraw(1, &"r".into(), &mut told), None);
    stage.all();
    assert_eq!((stage.hall.seats(), stage.hall.fold().count("r")), (0, 0));
    let mut told = stage.wish(1, "r", Options::default()).unwrap();
    stage.all();
    assert!(
        stage.hall.withdraw(1, &"r".into(), &mut told).is_some(),
        "it was granted before"
    );
    assert_eq!(stage.push(&[("r", Scope::In)], State::Done), 1);
}

#[test]
fn taken_for_dead_it_sends_its_subscribers_away_and_begins_again() {
    let mut stage = stage();
    let (listener, other) = (stage.connect(1), stage.connect(2));
    stage.sit(1, "r", Options::default());
    stage.all();
    stage.log.push(RoomRecord::Gone {
        instance: "here".into(),
    });
    stage.read();
    assert_eq!((listener.ending(), other.ending()), (Some(MISSED), None));
    assert_eq!(&**stage.hall.instance(), "again");
    assert_eq!(stage.hall.seats(), 0);
    let mut told = stage.wish(2, "r", Options::default()).unwrap();
    stage.all();
    assert!(told.try_recv().unwrap().is_ok());
    let RoomRecord::Sits(seat, _) = stage.last() else {
        panic!("{:?}", stage.last())
    };
    assert_eq!(
        (seat.instance.as_str(), stage.hall.fold().count("r")),
        ("again", 1)
    );
}

#[test]
fn the_end_gives_up_everything_and_is_the_last_word() {
    let mut stage = stage();
    stage.connect(1);
    stage.sit(1, "r", Options::default());
    stage.hall.end();
    stage.hall.beat(5);
    stage.hall.end();
    stage.append();
    assert!(matches!(
        stage.log.as_slice(),
        [
            RoomRecord::Sits(..),
            RoomRecord::Leaves(..),
            RoomRecord::Gone { .. }
        ]
    ));
    stage.read();
    assert_eq!(&**stage.hall.instance(), "here");
}

#[test]
fn a_ghost_is_not_heard_once_its_successor_was() {
    let mut stage = stage();
    let outbox = stage.connect(1);
    stage.sit(1, "r", Options::default());
    stage.all();
    outbox.answer(77, None);
    let told = |stage: &mut Stage, claim, record| {
        stage.push_by(
            teller(0, claim, record + 1),
            record,
            &[("r", Scope::In)],
            State::Done,
        )
    };
    assert_eq!(told(&mut stage, 3, 20), 1);
    assert_eq!(
        told(&mut stage, 7, 10),
        1,
        "the successor begins where it was committed"
    );
    assert_eq!(told(&mut stage, 3, 21), 0);
    assert_eq!(told(&mut stage, 7, 11), 1);
    let cursors: Vec<_> = heard(&outbox)
        .into_iter()
        .map(|frame| frame["cursor"].clone())
        .collect();
    assert_eq!(cursors, ["r@21,0", "r@11,0", "r@12,0"]);
    let fences = stage.hall.fences.clone();
    let tellers = vec![teller(0, 3, 22)];
    let late = Progress {
        instance: "here".into(),
        notifier: "old".into(),
        partitions: vec![0],
        tellers,
        rooms: 1_000,
    };
    stage.hall.progress(&late);
    assert_eq!(
        stage.hall.fences, fences,
        "nor is it believed what rooms it knows"
    );
}

/// Whoever catches up is told by the log or by mail, whatever the moment at which he arrives.
#[test]
fn who_catches_up_hears_each_change_once() {
    for read_to in 0..=6 {
        let mut stage = stage();
        let outbox = stage.connect(1);
        let mut told = stage.wish_since(1, "r", Options::default(), true).unwrap();
        stage.all();
        let seat = told.try_recv().unwrap().unwrap().seat.unwrap();
        outbox.answer(77, None);
        let late = Late {
            connection: 1,
            room: "r".into(),
            seat,
            options: Options::default(),
        };
        let push = |stage: &mut Stage, record| {
            stage.push_by(
                teller(0, 0, record + 1),
                record,
                &[("r", Scope::In)],
                State::Done,
            )
        };
        let mailed: usize = (0..4).map(|record| push(&mut stage, record)).sum();
        assert_eq!(mailed, 0, "while he reads, mail is not told");
        let mut arrived = read_to;
        while stage.hall.arrive(&late, &[point(arrived), point(0)]) == Arrival::Behind {
            arrived += 1;
        }
        assert_eq!(arrived, read_to.max(4), "others were told of four");
        let mailed: Vec<u64> = (2..8)
            .filter(|record| push(&mut stage, *record) == 1)
            .collect();
        assert_eq!(
            mailed,
            (arrived..8).collect::<Vec<_>>(),
            "read to {arrived}"
        );
    }
}

#[test]
fn who_left_while_he_caught_up_is_told_nothing() {
    let mut stage = stage();
    let outbox = stage.connect(1);
    let mut told = stage.wish_since(1, "r", Options::default(), true).unwrap();
    stage.all();
    let seat = told.try_recv().unwrap().unwrap().seat.unwrap();
    outbox.answer(77, None);
    let late = Late {
        connection: 1,
        room: "r".into(),
        seat,
        options: Options::default(),
    };
    let frames = [TextFrame::from_pieces(&["{}"])];
    assert_eq!(stage.hall.replay(&late, &frames), Some(1));
    stage.hall.unsubscribe(1, "r", None).unwrap();
    stage.sit(1, "r", Options::default());
    stage.all();
    outbox.answer(77, None);
    assert_eq!(
        stage.hall.replay(&late, &frames),
        None,
        "another seat is another subscription"
    );
    assert_eq!(
        stage.hall.arrive(&late, &[point(9), point(9)]),
        Arrival::Gone
    );
    assert_eq!(heard(&outbox).len(), 1);
}

/// Notifiers leave out what is only decided where nobody asks for it: whoever begins to ask waits
/// until they know.
#[test]
fn a_room_that_is_active_is_not_yet_so_for_whoever_wants_to_hear_more() {
    let mut stage = stage();
    let early = Options {
        state: States::All,
        ..Options::default()
    };
    let asks = |stage: &mut Stage, connection, options| {
        let told = stage.wish(connection, "r", options).unwrap();
        stage.append();
        stage.read();
        told
    };
    for connection in 1..=3 {
        stage.connect(connection);
    }
    stage.sit(1, "r", Options::default());
    stage.all();
    let mut second = asks(&mut stage, 2, early);
    assert!(second.try_recv().is_err());
    stage.progress(&[0, 1]);
    assert!(second.try_recv().unwrap().is_ok());
    assert!(
        asks(&mut stage, 3, early).try_recv().unwrap().is_ok(),
        "now it is"
    );
    stage.hall.forget(2);
    stage.hall.unsubscribe(3, "r", None).unwrap();
    assert!(
        asks(&mut stage, 3, early).try_recv().is_err(),
        "nobody asked for it in between"
    );
    let RoomRecord::Sits(_, subscription) = stage.last() else {
        panic!("{:?}", stage.last())
    };
    assert!(subscription.pending);
}
