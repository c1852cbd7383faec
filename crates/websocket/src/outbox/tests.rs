use super::*;

const LIMITS: OutboxLimits = OutboxLimits {
    pushed_bytes: 100,
    pushed: 5,
    answer_bytes: 200,
};

const HOLD: Duration = Duration::from_millis(10);

const GOING: CloseReason = CloseReason {
    code: 1012,
    reason: "going",
    drop_rest: false,
};

fn outbox() -> Arc<Outbox> {
    Arc::new(Outbox::new(LIMITS, false, Arc::default()))
}

fn frame(text: &str) -> TextFrame {
    TextFrame::from_pieces(&[text])
}

/// The texts that may leave.
fn left(outbox: &Outbox) -> Vec<String> {
    let (mut frames, mut now) = (VecDeque::new(), Instant::now());
    while let Some(held) = outbox.take(&mut frames, usize::MAX, now) {
        now = held;
    }
    frames
        .into_iter()
        .map(|frame| String::from_utf8_lossy(&frame[2..]).into_owned())
        .collect()
}

#[test]
fn an_answer_leaves_before_what_was_pushed_after_its_place_was_kept() {
    let outbox = outbox();
    outbox.push(&frame("before"));
    outbox.reserve(7, Duration::ZERO);
    outbox.push(&frame("after"));
    assert_eq!(left(&outbox), ["before"]);
    outbox.answer(8, Some(&frame("other")));
    assert_eq!(left(&outbox), [""; 0]);
    outbox.answer(7, Some(&frame("answer")));
    assert_eq!(left(&outbox), ["answer", "after", "other"]);
    assert_eq!(outbox.answered(), 2);
}

#[test]
fn a_place_for_which_no_answer_comes_holds_nothing_up() {
    let outbox = outbox();
    outbox.reserve(1, Duration::ZERO);
    outbox.push(&frame("x"));
    outbox.answer(1, None);
    assert_eq!(left(&outbox), ["x"]);
}

#[test]
fn a_client_that_does_not_read_is_told_to_come_back() {
    let outbox = outbox();
    (0..6).for_each(|_| outbox.push(&frame("x")));
    assert_eq!(outbox.ending(), Some(CloseReason::TOO_SLOW));
    assert!(
        left(&outbox).is_empty(),
        "nothing is told after something was left out"
    );
    outbox.push(&frame("y"));
    assert!(outbox.is_empty());
}

#[test]
fn bytes_are_bounded_and_one_alone_always_fits() {
    let outbox = outbox();
    outbox.push(&frame(&"x".repeat(120)));
    assert_eq!(outbox.ending(), None);
    assert_eq!(left(&outbox).len(), 1);
    outbox.push(&frame(&"x".repeat(60)));
    outbox.push(&frame(&"x".repeat(60)));
    assert_eq!(outbox.ending(), Some(CloseReason::TOO_SLOW));
}

#[test]
fn answers_hold_requests_back_before_they_end_anything() {
    let outbox = outbox();
    assert!(outbox.has_room());
    outbox.answer(1, Some(&frame(&"x".repeat(100))));
    assert!(!outbox.has_room() && outbox.ending().is_none());
    outbox.answer(2, Some(&frame(&"x".repeat(90))));
    assert_eq!(outbox.ending(), None);
    outbox.answer(3, Some(&frame(&"x".repeat(90))));
    assert_eq!(outbox.ending(), Some(CloseReason::TOO_SLOW));
}

#[test]
fn what_waits_is_still_sent_where_the_end_allows_it() {
    let outbox = outbox();
    outbox.push(&frame("x"));
    outbox.end(GOING);
    outbox.push(&frame("y"));
    outbox.answer(1, Some(&frame("z")));
    assert_eq!(left(&outbox), ["x", "z"]);
    outbox.end(CloseReason::TOO_SLOW);
    assert_eq!(outbox.ending(), Some(GOING));
}

#[test]
fn a_closed_one_keeps_nothing() {
    let outbox = outbox();
    outbox.push(&frame("x"));
    outbox.close();
    outbox.push(&frame("y"));
    outbox.answer(1, Some(&frame("z")));
    assert!(outbox.is_empty());
    assert_eq!(outbox.answered(), 1);
}

#[test]
fn a_producer_that_can_wait_leaves_half_to_others() {
    let outbox = outbox();
    let small = frame("0123456789");
    let given = (0..50)
        .take_while(|_| outbox.push_if_half_empty(&small))
        .count();
    assert_eq!(given, LIMITS.pushed / 2);
    assert!(outbox.ending().is_none());
    outbox.push(&frame("of another producer"));
    assert!(outbox.ending().is_none());
    left(&outbox);
    let large = frame(&"x".repeat(10_000));
    assert!(
        outbox.push_if_half_empty(&large),
        "one alone is never too many"
    );
    assert!(!outbox.push_if_half_empty(&small));
    outbox.close();
    assert!(outbox.push_if_half_empty(&small), "and is dropped");
    assert!(outbox.is_empty());
}

/// Wakes everything that is queued; says how many.
fn wake_all(queue: &WakeQueue) -> usize {
    let mut woken = Vec::new();
    queue.take(&mut woken);
    woken.iter().for_each(|outbox| outbox.wake());
    woken.len()
}

#[test]
fn a_connection_is_woken_once_for_all_that_was_pushed_until_it_takes() {
    let waiting = Arc::<WakeQueue>::default();
    let outbox = Arc::new(Outbox::new(LIMITS, false, waiting.clone()));
    outbox.push(&frame("a"));
    outbox.push(&frame("b"));
    assert_eq!(wake_all(&waiting), 1);
    outbox.push(&frame("c"));
    assert_eq!(wake_all(&waiting), 0, "it was called and takes this, too");
    assert_eq!(left(&outbox), ["a", "b", "c"]);
    outbox.push(&frame("d"));
    assert_eq!(wake_all(&waiting), 1);
}

#[test]
fn what_is_pushed_after_a_connection_took_by_itself_still_wakes_it() {
    let waiting = Arc::<WakeQueue>::default();
    let outbox = Arc::new(Outbox::new(LIMITS, false, waiting.clone()));
    outbox.push(&frame("a"));
    assert_eq!(left(&outbox), ["a"]);
    outbox.push(&frame("b"));
    assert_eq!(wake_all(&waiting), 1);
    assert_eq!(left(&outbox), ["b"]);
}

#[tokio::test]
async fn a_connection_that_must_end_does_not_wait_for_its_turn() {
    let outbox = outbox();
    for _ in 0..=LIMITS.pushed {
        outbox.push(&frame("more"));
    }
    assert_eq!(outbox.ending(), Some(CloseReason::TOO_SLOW));
    tokio::time::timeout(std::time::Duration::from_secs(1), outbox.changed())
        .await
        .unwrap();
}

#[test]
fn what_is_pushed_leaves_later_than_an_answer_that_holds_it() {
    let outbox = outbox();
    let now = Instant::now();
    let taken = |now| {
        let mut frames = VecDeque::new();
        let held = outbox.take(&mut frames, usize::MAX, now);
        (frames.len(), held)
    };
    outbox.reserve(1, HOLD);
    outbox.push(&frame("pushed"));
    assert_eq!(taken(now), (0, None));
    outbox.answer(1, Some(&frame("granted")));
    outbox.answer(2, Some(&frame("another answer")));
    assert_eq!(taken(now), (1, Some(now + HOLD)), "the answer alone");
    assert_eq!(taken(now + HOLD / 2), (0, Some(now + HOLD)));
    assert_eq!(taken(now + HOLD), (2, None));
    outbox.push(&frame("later"));
    assert_eq!(taken(now + HOLD), (1, None));
}
