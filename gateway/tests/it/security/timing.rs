//! What the time of an answer tells: whether there is such a user, and how much of a tag is right.
//! Two kinds of calls are made by turns, and Welch's t says whether their times are of one
//! population. A few of them always, and as many as it takes to see very little where
//! `CONSIGN_TIMINGS` is set.

use super::{answer, sessions, with};
use event_schema::signing::Keyring;
use serde_json::json;
use std::{hint::black_box, time::Instant};

/// Beyond that, two kinds of calls are told apart by their times.
const TELLS: f64 = 4.5;

fn so_many(usual: usize, whole: usize) -> usize {
    if std::env::var_os("CONSIGN_TIMINGS").is_some() {
        whole
    } else {
        usual
    }
}

/// Of two samples, without the slowest tenth of all: what runs beside them makes a few of either
/// slow.
fn welch_t(first: &[f64], second: &[f64]) -> f64 {
    let mut all = [first, second].concat();
    all.sort_by(f64::total_cmp);
    let slowest = all[all.len() * 9 / 10];
    let moments = |sample: &[f64]| {
        let kept: Vec<f64> = sample
            .iter()
            .copied()
            .filter(|one| *one < slowest)
            .collect();
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        let squares = kept.iter().map(|one| (one - mean).powi(2)).sum::<f64>();
        (mean, squares / (count - 1.0) / count)
    };
    let ((one, its), (other, others)) = (moments(first), moments(second));
    (one - other) / (its + others).sqrt()
}

/// Which of two comes first this time: neither always.
fn is_turned(n: usize) -> bool {
    (n as u32).wrapping_mul(2_654_435_761) >> 31 == 1
}

#[tokio::test]
async fn the_time_of_a_refusal_tells_nothing_of_whether_there_is_such_a_user() {
    let (app, clock) = sessions::on_a_clock().await;
    let takes = async |username: &str| {
        // Nobody is kept waiting for what was tried before.
        clock.advance(20 * 60 * 1_000);
        let body = json!({"username": username, "password": "wrong password"});
        let began = Instant::now();
        let (status, id, _) = answer(with(&app, "POST", "/_login/local", None, Some(&body))).await;
        let took = began.elapsed().as_secs_f64();
        assert_eq!((status, id.as_str()), (401, "plugin.strategy.missing_user"));
        took
    };
    for _ in 0..3 {
        takes("root").await;
    }
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for n in 0..so_many(30, 2_000) {
        if is_turned(n) {
            unknown.push(takes("room").await);
            known.push(takes("root").await);
        } else {
            known.push(takes("root").await);
            unknown.push(takes("room").await);
        }
    }
    let t = welch_t(&known, &unknown);
    assert!(t.abs() < TELLS, "t = {t:.2}");
}

#[test]
fn the_time_of_a_comparison_tells_nothing_of_how_much_of_a_tag_is_right() {
    let keys = Keyring::new(1, *b"0123456789abcdef");
    let parts: [&[u8]; 2] = [b"kauth", b"what is signed"];
    let differing = |tag: [u8; 32], at: usize| {
        let mut other = tag;
        other[at] ^= 1;
        other
    };
    let tag = keys.tag("timing", &parts);
    let key = keys.signer();
    let signature = key.hs256("timing", parts[1]);
    let by_tag = |given: &[u8; 32]| key.verify("timing", &parts, given);
    let by_signature = |given: &[u8; 32]| key.verify_hs256("timing", parts[1], given);
    assert!(by_tag(&tag) && by_signature(&signature));
    let t = comparison_t([differing(tag, 0), differing(tag, 31)], by_tag);
    assert!(t.abs() < TELLS, "tag: t = {t:.2}");
    let t = comparison_t(
        [differing(signature, 0), differing(signature, 31)],
        by_signature,
    );
    assert!(t.abs() < TELLS, "signature: t = {t:.2}");
}

/// Of what differs at once, and of what differs at its end.
fn comparison_t(given: [[u8; 32]; 2], verify: impl Fn(&[u8; 32]) -> bool) -> f64 {
    let takes = |given: &[u8; 32]| {
        // Both from one place: what lies across two lines of a cache takes longer to read.
        let given = *given;
        let began = Instant::now();
        let holds = verify(black_box(&given));
        let took = began.elapsed().as_secs_f64();
        assert!(!holds);
        took
    };
    let mut times = [Vec::new(), Vec::new()];
    for n in 0..so_many(20_000, 1_000_000) {
        let first = usize::from(is_turned(n));
        // One call for both: two of them are predicted differently.
        for which in [first, 1 - first] {
            times[which].push(takes(&given[which]));
        }
    }
    let [early, late] = times;
    welch_t(&early, &late)
}

/// The measure itself sees what is there.
#[test]
fn a_difference_is_seen_and_noise_is_not() {
    let noise = |n: usize| f64::from((n as u32).wrapping_mul(2_654_435_761) >> 16);
    let first: Vec<f64> = (0..2_000).map(noise).collect();
    let second: Vec<f64> = (2_000..4_000).map(noise).collect();
    let slower: Vec<f64> = second.iter().map(|one| one + 8_000.0).collect();
    assert!(welch_t(&first, &second).abs() < TELLS);
    assert!(welch_t(&first, &slower).abs() > TELLS);
}
