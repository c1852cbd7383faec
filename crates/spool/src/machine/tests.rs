//! The order held against a model: calls, answers of the log and of the disk, and crashes, in any
//! sequence. Whatever was acknowledged arrives, in the order of the calls; nothing that was refused
//! does.

use super::{
    AfterRefusal, DiskOutcome, DiskState, NextStep, NotAccepted, OrderLimits, RecordId, SpoolOrder,
    ToReplace,
};
use proptest::prelude::*;
use std::collections::{BTreeSet, VecDeque};

const PARTITIONS: usize = 2;
const FLIGHTS: usize = 6;

fn limits() -> OrderLimits {
    OrderLimits {
        spool_after: 10,
        durable_first: false,
        cap: 40,
        writing_bytes: 5,
        writing_records: 4,
        shipping: 4,
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Call,
    LogAcknowledges { partition: usize, records: usize },
    LogLosesSight { landed: usize },
    DiskWrites { records: usize },
    DiskIsFull,
    DiskHasRoom,
    Ship,
    Wait(u64),
    LetGo,
    Open,
    Crash { landed: usize, written: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => Just(Step::Call),
        4 => (0..PARTITIONS, 1..5_usize)
            .prop_map(|(partition, records)| Step::LogAcknowledges { partition, records }),
        1 => (0..4_usize).prop_map(|landed| Step::LogLosesSight { landed }),
        4 => (1..5_usize).prop_map(|records| Step::DiskWrites { records }),
        1 => Just(Step::DiskIsFull),
        1 => Just(Step::DiskHasRoom),
        4 => Just(Step::Ship),
        3 => (1..12_u64).prop_map(Step::Wait),
        2 => Just(Step::LetGo),
        2 => Just(Step::Open),
        1 => (0..4_usize, 0..4_usize)
            .prop_map(|(landed, written)| Step::Crash { landed, written }),
    ];
    proptest::collection::vec(step, 0..200)
}

/// A log, a disk, and a gateway that is killed now and then.
struct World {
    order: SpoolOrder<u64>,
    now: u64,
    calls: u64,
    /// What each partition holds.
    log: [Vec<u64>; PARTITIONS],
    /// Handed over and not acknowledged.
    flights: [VecDeque<(RecordId, u64)>; PARTITIONS],
    /// Offsets from `kept` on.
    disk: Vec<u64>,
    kept: u64,
    issued: VecDeque<(RecordId, u64)>,
    acknowledged: BTreeSet<u64>,
    refused: BTreeSet<u64>,
    disk_is_full: bool,
}

fn partition(call: u64) -> usize {
    (call % PARTITIONS as u64) as usize
}

impl World {
    fn new() -> Self {
        Self {
            order: SpoolOrder::new(limits(), 0..0, 0),
            now: 0,
            calls: 0,
            log: Default::default(),
            flights: Default::default(),
            disk: Vec::new(),
            kept: 0,
            issued: VecDeque::new(),
            acknowledged: BTreeSet::new(),
            refused: BTreeSet::new(),
            disk_is_full: false,
        }
    }

    fn has_room(&self) -> bool {
        self.flights.iter().map(VecDeque::len).sum::<usize>() < FLIGHTS
    }

    fn hand(&mut self, id: RecordId, call: u64) {
        self.flights[partition(call)].push_back((id, call));
    }

    fn call(&mut self) {
        self.calls += 1;
        let call = self.calls;
        match self.order.accept(self.now, 1, call) {
            Err(
                NotAccepted::Full | NotAccepted::NoDisk | NotAccepted::Busy | NotAccepted::Away,
            ) => {
                self.refused.insert(call);
            }
            Ok((_, NextStep::Wait)) => {}
            Ok((id, NextStep::HandOver)) => {
                if self.has_room() {
                    self.order.handed(id);
                    self.hand(id, call);
                } else if !self.order.log_is_full(id, self.now) {
                    self.refused.insert(call);
                }
            }
        }
        self.issue();
    }

    fn issue(&mut self) {
        self.issued.extend(self.order.next_writes(self.now));
    }

    fn log_acknowledges(&mut self, partition: usize, records: usize) {
        for _ in 0..records {
            let Some((id, call)) = self.flights[partition].pop_front() else {
                return;
            };
            self.log[partition].push(call);
            self.order.acknowledged(id);
            self.acknowledged.insert(call);
        }
    }

    /// A prefix of what flies lands, and nothing is heard of any of it.
    fn log_loses_sight(&mut self, landed: usize) {
        for partition in 0..PARTITIONS {
            for (n, (id, call)) in std::mem::take(&mut self.flights[partition])
                .into_iter()
                .enumerate()
            {
                if n < landed {
                    self.log[partition].push(call);
                }
                assert!(matches!(
                    self.order.unknown(id),
                    DiskOutcome::Unknown(_) | DiskOutcome::Nothing
                ));
            }
        }
    }

    fn disk_writes(&mut self, records: usize) {
        for _ in 0..records {
            let Some((_, call)) = self.issued.pop_front() else {
                return;
            };
            if self.disk_is_full {
                if let DiskOutcome::Refused(refused) = self.order.not_written() {
                    assert_eq!(refused, call);
                    self.refused.insert(call);
                }
                continue;
            }
            self.disk.push(call);
            let offset = self.kept + self.disk.len() as u64 - 1;
            if let DiskOutcome::Safe { record, offset: at } = self.order.written(offset) {
                assert_eq!((record, at), (call, offset));
                self.acknowledged.insert(call);
            }
        }
    }

    fn on_disk(&self, offset: u64) -> u64 {
        self.disk[(offset - self.kept) as usize]
    }

    fn ship(&mut self) {
        self.order.rewind();
        while let Some(range) = self.order.next_backlog() {
            for offset in range {
                if !self.has_room() {
                    return;
                }
                let call = self.on_disk(offset);
                let id = self.order.handed_backlog(offset, 1);
                self.hand(id, call);
            }
        }
        while let Some((id, call)) = self.order.next_waiting() {
            if !self.has_room() {
                return;
            }
            self.order.handed(id);
            self.hand(id, call);
        }
    }

    fn let_go(&mut self) {
        if let Some(through) = self.order.let_go() {
            self.disk.drain(..(through - self.kept) as usize);
            self.kept = through;
        }
    }

    fn crash(&mut self, landed: usize, written: usize) {
        for partition in 0..PARTITIONS {
            let flights = std::mem::take(&mut self.flights[partition]);
            let lands = flights.into_iter().take(landed).map(|(_, call)| call);
            self.log[partition].extend(lands);
        }
        let issued = std::mem::take(&mut self.issued);
        if !self.disk_is_full {
            self.disk
                .extend(issued.into_iter().take(written).map(|(_, call)| call));
        }
        let end = self.kept + self.disk.len() as u64;
        self.order = SpoolOrder::new(limits(), self.kept..end, self.disk.len() as u64);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Call => self.call(),
            Step::LogAcknowledges { partition, records } => {
                self.log_acknowledges(partition, records)
            }
            Step::LogLosesSight { landed } => self.log_loses_sight(landed),
            Step::DiskWrites { records } => self.disk_writes(records),
            Step::DiskIsFull => self.disk_is_full = true,
            Step::DiskHasRoom => {
                self.disk_is_full = false;
                self.order.set_disk(DiskState::Well);
            }
            Step::Ship => self.ship(),
            Step::Wait(time) => self.now += time,
            Step::LetGo => self.let_go(),
            Step::Open => self.order.open(),
            Step::Crash { landed, written } => self.crash(landed, written),
        }
        self.issue();
        let (records, bytes) = self.order.spooled();
        // After a crash, what the log had acknowledged meanwhile counts until it is shipped again.
        let spare = (FLIGHTS + limits().writing_records) as u64;
        assert!(
            bytes <= limits().cap + spare,
            "{records} records are {bytes} bytes"
        );
    }

    /// The log and the disk are well: everything goes its way.
    fn settle(&mut self) {
        self.step(Step::DiskHasRoom);
        self.order.open();
        for _ in 0..10_000 {
            if self.order.unacknowledged() == 0 && self.issued.is_empty() {
                break;
            }
            self.now += 1;
            self.issue();
            self.disk_writes(1);
            self.ship();
            for partition in 0..PARTITIONS {
                self.log_acknowledges(partition, 1);
            }
        }
        assert_eq!(self.order.unacknowledged(), 0, "something is never shipped");
        self.let_go();
        assert!(self.disk.is_empty(), "something is never let go of");
        assert_eq!(self.order.spooled(), (0, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_acknowledged_arrives_in_the_order_of_the_calls(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.settle();
        let mut arrived = BTreeSet::new();
        for log in &world.log {
            let mut first = BTreeSet::new();
            let mut last = 0;
            for call in log {
                if first.insert(*call) {
                    prop_assert!(*call > last, "{call} stands behind {last} in {log:?}");
                    last = *call;
                }
            }
            arrived.extend(first);
        }
        let lost: Vec<_> = world.acknowledged.difference(&arrived).collect();
        prop_assert!(lost.is_empty(), "{lost:?} were acknowledged and are not there");
        let kept: Vec<_> = world.refused.intersection(&arrived).collect();
        prop_assert!(kept.is_empty(), "{kept:?} were refused and are there");
    }
}

fn open() -> SpoolOrder<u64> {
    let mut order = SpoolOrder::new(limits(), 0..0, 0);
    order.open();
    order
}

fn hand_over(order: &mut SpoolOrder<u64>, now: u64, call: u64) -> RecordId {
    let (id, step) = order.accept(now, 1, call).unwrap();
    assert_eq!(step, NextStep::HandOver);
    order.handed(id);
    id
}

#[test]
fn what_is_young_touches_no_disk_and_what_grows_old_goes_there_in_order() {
    let mut order = open();
    let ids: Vec<_> = (1..=3).map(|call| hand_over(&mut order, 0, call)).collect();
    assert_eq!(order.next_writes(9), []);
    order.acknowledged(ids[1]);
    let due: Vec<_> = order
        .next_writes(10)
        .into_iter()
        .map(|(_, call)| call)
        .collect();
    assert_eq!(due, [1, 3], "what the log has need not be written");
    assert_eq!(
        order.written(0),
        DiskOutcome::Safe {
            record: 1,
            offset: 0
        }
    );
    assert_eq!(order.acknowledged(ids[2]), None, "the log was faster");
    assert_eq!(order.written(1), DiskOutcome::Nothing);
    assert_eq!(order.let_go(), None);
    assert_eq!(order.acknowledged(ids[0]), Some(0));
    assert_eq!(order.let_go(), Some(2));
    assert!(!order.is_spooling(10));
}

#[test]
fn what_comes_later_goes_behind_what_is_on_the_disk() {
    let mut order = SpoolOrder::new(limits(), 7..9, 2);
    order.open();
    let (_, step) = order.accept(0, 1, 1).unwrap();
    assert_eq!(step, NextStep::Wait);
    assert_eq!(order.next_waiting(), None, "the backlog is first");
    assert_eq!(order.next_backlog(), Some(7..9));
}

#[test]
fn a_full_spool_refuses_and_takes_again_when_the_log_has_taken() {
    let mut order = SpoolOrder::new(limits(), 0..0, 0);
    for call in 0..40 {
        order.accept(0, 1, call).unwrap();
        for _ in order.next_writes(0) {
            order.written(call);
        }
    }
    assert_eq!(order.accept(0, 1, 40), Err(NotAccepted::Full));
    order.open();
    let range = order.next_backlog().unwrap();
    let id = order.handed_backlog(range.start, 1);
    order.acknowledged(id);
    assert!(order.accept(0, 1, 41).is_ok());
}

#[test]
fn a_record_that_the_log_refuses_is_told_or_replaced() {
    let mut order = open();
    let young = hand_over(&mut order, 0, 1);
    assert_eq!(order.refused(young), AfterRefusal::Told(Some(1)));
    let old = hand_over(&mut order, 0, 2);
    assert_eq!(order.next_writes(10).len(), 1);
    assert_eq!(order.refused(old), AfterRefusal::Replace);
    assert_eq!(order.to_replace(old), ToReplace::NotYet);
    order.written(0);
    assert_eq!(order.to_replace(old), ToReplace::At(0));
    assert_eq!(order.let_go(), None, "its body is still needed");
    order.replaced(old);
    assert_eq!(order.acknowledged(old), Some(0));
    assert_eq!(order.let_go(), Some(1));
}

/// The records behind one that the log lost sight of may be in the log; they are repeats then.
#[test]
fn everything_from_a_lost_record_on_is_handed_over_once_more() {
    let mut order = open();
    let ids: Vec<_> = (1..=3).map(|call| hand_over(&mut order, 0, call)).collect();
    for offset in 0..order.next_writes(10).len() as u64 {
        order.written(offset);
    }
    order.acknowledged(ids[0]);
    assert_eq!(order.unknown(ids[1]), DiskOutcome::Nothing);
    assert!(!order.rewind(), "it is not known what becomes of the third");
    assert_eq!(order.accept(11, 1, 4).unwrap().1, NextStep::Wait);
    assert_eq!(order.next_waiting(), None);
    order.acknowledged(ids[2]);
    assert!(order.rewind());
    assert_eq!(order.next_backlog(), Some(1..3));
}

#[test]
fn a_disk_that_fails_acknowledges_nothing_and_the_log_alone_goes_on() {
    let mut order = SpoolOrder::new(limits(), 0..0, 0);
    order.accept(0, 1, 1).unwrap();
    order.accept(0, 1, 2).unwrap();
    assert_eq!(order.next_writes(0).len(), 2);
    assert_eq!(order.sync_failed(), DiskOutcome::Unknown(1));
    assert_eq!(order.sync_failed(), DiskOutcome::Unknown(2));
    assert_eq!(order.accept(0, 1, 3), Err(NotAccepted::NoDisk));
    order.open();
    let id = hand_over(&mut order, 0, 4);
    assert_eq!(order.next_writes(99), []);
    assert_eq!(order.accept(99, 1, 5), Err(NotAccepted::NoDisk));
    order.acknowledged(id);
    assert!(order.accept(99, 1, 6).is_ok());
}
