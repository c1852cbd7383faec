//! Where marks point back to, whatever the wall clock does.

use super::*;

fn marker(window: Duration) -> Marker {
    let start = HistoryStart {
        at: Instant::now(),
        from: ChangesOffset::FIRST,
        epoch: None,
        next: TransactionsOffset::FIRST,
    };
    Marker {
        generation: 1,
        partition: 0,
        window,
        samples: VecDeque::from([start]),
        former: VecDeque::new(),
        topics: TopicIds::default(),
        suspect_until: TransactionsOffset::FIRST,
        last: None,
        newest: watch::channel(None).0,
        stored: Arc::new(Mutex::new(StoredMarks::new(Duration::ZERO))),
        parts: Arc::new(PartProgress::new(1)),
    }
}

fn progress(through: u64) -> Progress {
    Progress {
        batch: 0,
        resolved: Some(Resolved {
            through: ChangesOffset::new(through),
            next: TransactionsOffset::new(through),
            tail: RequestTail::default(),
        }),
    }
}

fn reapplied_from(marker: &Marker, stored: &Mark) -> u64 {
    let from = marker.reapplied_from(stored, Instant::now());
    from.unwrap().get()
}

fn epoch() -> Epoch {
    Epoch::begun_at(ChangesOffset::FIRST)
}

#[test]
fn without_a_window_a_mark_points_behind_itself() {
    let mut marker = marker(Duration::ZERO);
    for through in [5, 9] {
        let mark = marker
            .due(progress(through), epoch(), Instant::now(), 0)
            .unwrap();
        assert_eq!(mark.reapply_from.get(), through + 1);
        assert_eq!(mark.reapply_epoch, Some(epoch()));
    }
    assert!(
        marker
            .due(progress(9), epoch(), Instant::now(), 0)
            .is_none(),
        "said before"
    );
}

/// A wall clock that jumps an hour forth must not make the window empty: rows that the store forgot
/// would not be applied again.
#[test]
fn the_window_is_a_minute_of_a_clock_that_no_one_sets() {
    let mut marker = marker(Duration::from_secs(60));
    let (start, hour) = (marker.samples[0].at, 3_600_000);
    for second in 1..=150_u64 {
        let now = start + Duration::from_secs(second);
        let wall = if second % 2 == 0 { hour } else { -hour };
        let mark = marker.due(progress(second), epoch(), now, wall).unwrap();
        let expected = if second < 60 { 0 } else { second - 60 + 1 };
        let points_at = mark.reapply_from.get();
        assert!(
            points_at == expected || points_at + 1 == expected,
            "after {second} s: {points_at}, not {expected}"
        );
    }
    let needed = marker.samples[0].from.get();
    assert!(
        (150 - 122..=150 - 118).contains(&needed),
        "a mark that comes back a minute old points another minute back: {needed}"
    );
}

/// Whoever takes the partition next must see at which version the log has something else than what a
/// lost decision left in a store.
#[test]
fn the_window_begins_no_later_before_all_is_decided_that_may_have_been_lost() {
    for window in [Duration::ZERO, Duration::from_secs(60)] {
        let mut marker = marker(window);
        let start = marker.samples[0].at;
        marker.suspect_until = TransactionsOffset::new(500);
        for through in [5, 499] {
            let now = start + Duration::from_secs(through);
            let mark = marker.due(progress(through), epoch(), now, 0).unwrap();
            assert_eq!((mark.through.get(), mark.reapply_from.get()), (through, 0));
            assert_eq!(marker.samples[0].from.get(), 0, "it is kept");
        }
        for through in [500, 600] {
            let now = start + Duration::from_secs(through);
            marker.due(progress(through), epoch(), now, 0).unwrap();
        }
        let now = start + Duration::from_secs(601);
        let mark = marker.due(progress(601), epoch(), now, 0).unwrap();
        let begins = if window.is_zero() { 602 } else { 501 };
        assert_eq!(mark.reapply_from.get(), begins);
    }
}

/// It deletes what its newest mark needs no more, though the record store had an older one.
#[test]
fn a_kept_window_begins_no_earlier_than_an_owner_before_kept_it() {
    let mut marker = marker(Duration::ZERO);
    let start = marker.samples[0];
    let tenure = MarkedTenure {
        start,
        marked: Some(HistoryStart {
            from: ChangesOffset::new(3),
            ..start
        }),
        former: VecDeque::new(),
        topics: TopicIds::default(),
        suspect_until: TransactionsOffset::new(500),
    };
    marker.suspect_until = tenure.suspect_until;
    marker.samples = tenure.samples();
    let mark = marker.due(progress(5), epoch(), start.at, 0).unwrap();
    assert_eq!(mark.reapply_from.get(), 3);
    assert_eq!(marker.samples[0].from.get(), 0, "it may come back");
}

/// A mark is kept when it stands in the log, and the next may be made before: until that is kept,
/// too, nothing may be deleted that the first needs.
#[test]
fn what_a_kept_mark_needs_outlasts_the_making_of_the_next() {
    let (newest, kept) = watch::channel(None);
    let mut marker = Marker {
        suspect_until: TransactionsOffset::new(9),
        newest,
        ..marker(Duration::ZERO)
    };
    let make = |marker: &mut Marker, through| {
        let mark = marker.due(progress(through), epoch(), Instant::now(), 0);
        mark.unwrap()
    };
    let first = make(&mut marker, 5);
    let second = make(&mut marker, 9);
    let starts = [&first, &second].map(|mark| mark.reapply_from.get());
    assert_eq!(starts, [0, 10]);
    for mark in [first, second] {
        let from = mark.reapply_from;
        marker.keep(mark);
        let needed = kept.borrow().as_ref().map(|kept| kept.needed.from);
        assert_eq!(needed, Some(from));
    }
}

/// A purge of markers goes by the least of all that a next owner could begin with.
#[test]
fn what_may_be_applied_again_begins_at_the_least_of_all_marks() {
    let mut marker = marker(Duration::ZERO);
    let start = marker.samples[0].at;
    let mut mark_of = |through: u64| {
        let now = start + Duration::from_secs(through);
        let mark = marker.due(progress(through), epoch(), now, 0).unwrap();
        (reapplied_from(&marker, &mark), mark)
    };
    let (_, old) = mark_of(5);
    let (from, new) = mark_of(9);
    assert_eq!(from, 10, "the record store has the newest");
    assert_eq!(
        reapplied_from(&marker, &old),
        6,
        "the record store has an older one"
    );
    // One is about to be kept, and says that an older one may come back.
    let (newest, _receiver) = watch::channel(None);
    marker.newest = newest;
    marker.keep(new.clone());
    let mut kept = marker.newest.borrow().clone().unwrap();
    kept.needed.from = ChangesOffset::new(4);
    marker.newest.send_replace(Some(kept));
    assert_eq!(reapplied_from(&marker, &new), 4);
    // And what this tenure began with.
    marker.samples[0].from = ChangesOffset::new(2);
    assert_eq!(reapplied_from(&marker, &new), 2);
}

/// Nothing was written for long: the mark that stood meanwhile says to begin before what anyone was
/// at a window or two ago, and the store may go back to it while the newest is young.
#[test]
fn nothing_goes_that_a_mark_needs_to_which_the_store_may_go_back() {
    let (newest, kept) = watch::channel(None);
    let mut marker = Marker {
        newest,
        ..marker(Duration::from_secs(60))
    };
    let start = marker.samples[0];
    let at = |second: u64| start.at + Duration::from_secs(second);
    let mut stored = StoredMarks::new(marker.window);
    stored.note(start.at, start);
    *marker.stored.lock() = stored;
    let mut keep = |second: u64| {
        let mark = marker
            .due(progress(second), epoch(), at(second), 0)
            .unwrap();
        marker.keep(mark.clone());
        let kept: KeptMark = kept.borrow().clone().unwrap();
        marker.stored.lock().note(at(second), kept.start);
        let bound = |now| marker.stored.lock().bound(now, kept.needed);
        let reapplied = |now| marker.reapplied_from(&mark, now).map(ChangesOffset::get);
        let needed = |now| bound(now).map(|bound| (bound.from.get(), bound.next.get()));
        [at(second), at(second + 60)].map(|now| (needed(now), reapplied(now)))
    };
    // The store may go back to the mark of an owner before.
    assert_eq!(keep(10)[0], (None, None));
    keep(12);
    // By its samples alone the newest needs what stands behind 12 s.
    let [young, old] = keep(150);
    assert_eq!(
        young,
        (Some((0, 0)), Some(0)),
        "it goes back to that of 12 s"
    );
    assert_eq!(old, (Some((13, 12)), Some(13)), "it stands for good");
}

const WINDOW: u64 = 60;

/// Tenures of one owner, each of 20 s, in which a record is resolved and marked each second. The
/// log holds nothing else; a tenure begins at the last mark.
struct ShortTenures {
    marker: Marker,
    stored: Arc<Mutex<StoredMarks>>,
    began: Instant,
    second: u64,
    last: Epoch,
}

impl ShortTenures {
    fn new() -> Self {
        let marker = marker(Duration::from_secs(WINDOW));
        Self {
            began: marker.samples[0].at,
            stored: Arc::new(Mutex::new(StoredMarks::new(marker.window))),
            marker,
            second: 0,
            last: epoch(),
        }
    }

    /// The next, behind the tenure `before`; answers where its last mark says to begin.
    fn run(&mut self, before: Epoch, suspect_until: u64) -> u64 {
        let at = |second| self.began + Duration::from_secs(second);
        let start = HistoryStart {
            at: at(self.second),
            ..self.marker.window_start()
        };
        let open = Epoch::begun_at(ChangesOffset::new(self.second + 1));
        let former = (self.stored.lock()).take_samples(Some(before), open, start);
        self.stored.lock().note(start.at, start);
        self.marker = Marker {
            samples: VecDeque::from([start]),
            former,
            suspect_until: TransactionsOffset::new(suspect_until),
            stored: self.stored.clone(),
            ..marker(self.marker.window)
        };
        let mut last = None;
        for second in self.second + 1..=self.second + 20 {
            last = self.marker.due(progress(second), open, at(second), 0);
        }
        (self.second, self.last) = (self.second + 20, open);
        last.unwrap().reapply_from.get()
    }

    fn run_next(&mut self) -> u64 {
        self.run(self.last, 0)
    }
}

fn after_five_tenures() -> ShortTenures {
    let mut tenures = ShortTenures::new();
    for _ in 0..5 {
        tenures.run_next();
    }
    tenures
}

#[test]
fn a_tenure_goes_on_with_what_those_before_it_sampled() {
    let mut tenures = after_five_tenures();
    for end in [120, 140, 160] {
        let begins = tenures.run_next();
        let exact = end - WINDOW;
        assert!(
            (exact - 2..=exact + 1).contains(&begins),
            "{end} s: {begins}"
        );
    }
    let needed = tenures.marker.samples[0].from.get();
    assert!((38..=42).contains(&needed), "two windows: {needed}");
}

/// A lost decision may have left something behind where the samples would let the window begin.
#[test]
fn nothing_counts_that_was_sampled_before_while_a_decision_may_be_lost() {
    let mut tenures = after_five_tenures();
    // The store did not take the last mark: it has one that says to begin a little earlier.
    let kept = HistoryStart {
        from: ChangesOffset::new(30),
        ..tenures.marker.samples[0]
    };
    assert!(tenures.marker.window_start().from > kept.from);
    tenures.marker.samples = [kept].into();
    assert_eq!(tenures.run(tenures.last, 1_000), 30);
    let begins = tenures.run_next();
    assert!(
        begins >= 140 - WINDOW - 2,
        "it leaves them to the next: {begins}"
    );
}

/// Each of these may mean that something was applied later than the samples say.
#[test]
fn samples_count_only_where_nothing_was_applied_again() {
    let whatever = |change: fn(&mut ShortTenures) -> Epoch| {
        let mut tenures = after_five_tenures();
        let before = tenures.marker.window_start().from.get();
        let former = change(&mut tenures);
        tenures.run(former, 0) == before
    };
    let nothing = |tenures: &mut ShortTenures| tenures.last;
    let another_owner = |_: &mut ShortTenures| Epoch::begun_at(ChangesOffset::new(99));
    let an_absence = |tenures: &mut ShortTenures| {
        tenures.stored.lock().forget_samples();
        tenures.last
    };
    let an_older_mark = |tenures: &mut ShortTenures| {
        let newer = HistoryStart {
            from: ChangesOffset::new(99),
            ..tenures.marker.samples[0]
        };
        let now = tenures.began + Duration::from_secs(tenures.second + 2);
        tenures.stored.lock().note(now, newer);
        tenures.last
    };
    let a_lost_tail = |tenures: &mut ShortTenures| {
        let lost = HistoryStart {
            from: ChangesOffset::new(500),
            ..tenures.marker.samples[0]
        };
        let samples = VecDeque::from([lost]);
        tenures.stored.lock().leave_samples(tenures.last, samples);
        tenures.last
    };
    assert!(!whatever(nothing), "they count");
    assert!(whatever(another_owner), "another owner");
    assert!(whatever(an_absence), "an absence");
    assert!(whatever(an_older_mark), "an older mark");
    assert!(whatever(a_lost_tail), "a lost tail");
}
