use super::*;
use futures::FutureExt;
use proptest::prelude::*;
use std::time::Duration;

fn keys(keys: &[u64]) -> impl Iterator<Item = u64> + use<'_> {
    keys.iter().copied()
}

#[test]
fn a_turn_comes_when_all_earlier_ones_are_over() {
    let order = WriteOrder::default();
    let (first, second, third) = (order.turn(), order.turn(), order.turn());
    assert!(first.come().now_or_never().is_some());
    assert!(second.come().now_or_never().is_none());
    drop(second);
    assert!(third.come().now_or_never().is_none(), "the first is open");
    first.end();
    assert!(third.come().now_or_never().is_some());
}

#[tokio::test]
async fn who_waits_is_woken_when_the_one_before_is_dropped() {
    let order = WriteOrder::default();
    let (first, second) = (order.turn(), order.turn());
    let waiting = tokio::spawn(async move { second.come().await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waiting.is_finished());
    drop(first);
    tokio::time::timeout(Duration::from_secs(5), waiting)
        .await
        .unwrap()
        .unwrap();
}

#[test]
fn a_repeat_overtakes_nothing_of_its_keys() {
    let order = WriteOrder::default();
    let (first, second) = (order.turn(), order.turn());
    let (one, ()) = first.hand_over(keys(&[1, 2]), || ());
    first.end();
    assert!(first.hand_over_again(one, keys(&[1, 2]), || ()).is_some());
    let (two, ()) = second.hand_over(keys(&[2]), || ());
    second.end();
    assert!(first.hand_over_again(one, keys(&[1]), || ()).is_some());
    assert!(first.hand_over_again(one, keys(&[1, 2]), || ()).is_none());
    assert!(second.hand_over_again(two, keys(&[2]), || ()).is_some());
    drop(second);
    assert!(
        first.hand_over_again(one, keys(&[2]), || ()).is_none(),
        "what was answered is not forgotten while an earlier request is not done"
    );
    drop(first);
    assert!(order.0.lock().recent.is_empty());
}

#[test]
fn what_is_forgotten_is_not_repeated() {
    let order = WriteOrder::default();
    let (first, second) = (order.turn(), order.turn());
    let (one, ()) = first.hand_over(keys(&[0]), || ());
    first.end();
    second.hand_over(0..REMEMBERED as u64 + 1, || ());
    assert!(
        first
            .hand_over_again(one, keys(&[u64::MAX]), || ())
            .is_none()
    );
    assert_eq!(order.0.lock().recent.len(), REMEMBERED);
}

/// What a request does with its turn, when it is ready.
#[derive(Clone, Copy, Debug)]
enum Ends {
    HandsOver,
    Fails,
    IsCancelled,
}

proptest! {
    #[test]
    fn any_mixture_of_ends_keeps_the_order_and_stops_nobody(
        requests in proptest::collection::vec(
            (0u64..4, prop_oneof![Just(Ends::HandsOver), Just(Ends::Fails), Just(Ends::IsCancelled)]),
            1..40,
        )
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let handed = Arc::new(Mutex::new(Vec::new()));
        runtime.block_on(async {
            let order = WriteOrder::default();
            let mut tasks = Vec::new();
            for (n, (looks_up, ends)) in requests.iter().copied().enumerate() {
                let (turn, handed) = (order.turn(), handed.clone());
                tasks.push((ends, tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(looks_up)).await;
                    if matches!(ends, Ends::Fails) {
                        return;
                    }
                    turn.come().await;
                    turn.hand_over(std::iter::empty(), || handed.lock().push(n));
                    turn.end();
                })));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
            for (ends, task) in &tasks {
                if matches!(ends, Ends::IsCancelled) {
                    task.abort();
                }
            }
            for (_, task) in tasks {
                let done = tokio::time::timeout(Duration::from_secs(60), task).await;
                assert!(done.is_ok(), "a turn never came");
            }
            let line = order.0.lock();
            assert!(line.open.is_empty() && line.held.is_empty() && line.recent.is_empty());
        });
        let handed = handed.lock().clone();
        prop_assert!(handed.is_sorted(), "{handed:?}");
        let expected = requests.iter().enumerate().filter(|(_, (_, ends))| matches!(ends, Ends::HandsOver));
        prop_assert!(expected.into_iter().all(|(n, _)| handed.contains(&n)));
    }
}
