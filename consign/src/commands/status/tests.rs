//! What a look is shown as, and what services add to it.

use super::{add_advice, screen};
use serde_json::{Value, json};

fn look() -> Value {
    json!({
        "time": "t", "state": "attention", "catalog": "0f0f",
        "systems": [{"role": "view", "name": "elasticsearch", "answers": false, "why": "refused", "away_seconds": 200}],
        "partitions": [
            {"partition": 3, "end": 1_000, "resolved": 500, "lag": 500, "waiting_seconds": 40, "drain_seconds": 7, "notifier_lag": 2},
            {"partition": 4},
        ],
        "held": {"keys": 2, "locked": 1, "draining": 1, "dead": 1, "parked": 7},
        "spools": 0,
        "readiness": {"ready": true, "components": {}, "weakened": [{}]},
        "unread": [{"part": "marks", "why": "no answer in time"}],
        "advice": [{"severity": "attention", "problem": "one waits", "remedy": "consign dlq list"}],
    })
}

#[test]
fn what_waits_what_is_away_and_what_to_do_is_shown() {
    let text = screen::status_text(&look());
    for part in [
        "t  works, and needs attention\n- one waits\n    consign dlq list\n",
        "? marks could not be read: no answer in time\n",
        "3          500  40 s    -           7 s       2",
        "4          ?",
        "500 events wait for workers, 2 records for notifiers",
        "1 dead letters and 7 events parked behind them, of 2 keys: 1 locked, 1 draining",
        "elasticsearch is AWAY for 3 min: refused",
        "1 settings weaken promises",
        "catalog  0f0f\n",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
}

/// Of many partitions only those are listed in which something waits, or that could not be read.
#[test]
fn partitions_in_which_nothing_waits_are_only_counted() {
    let mut status = look();
    let idle = (10..40).map(|n| json!({"partition": n, "lag": 0, "notifier_lag": 0}));
    let partitions = status["partitions"].as_array_mut().unwrap();
    partitions.extend(idle);
    let text = screen::status_text(&status);
    assert!(
        text.contains("and 30 partitions in which nothing waits"),
        "{text}"
    );
    assert!(text.contains("\n4 "), "{text}");
}

#[test]
fn what_a_service_lacks_is_advised_about_and_decides_the_state() {
    let mut status = look();
    let degraded = json!({"url": "http://w1", "readiness": {
        "components": {"waits for view": {"state": "degraded", "why": "partitions [3] wait for it"}, "log": {"state": "ready"}},
        "not_ready_seconds": {"waits for view": 9},
    }});
    add_advice(&mut status, &degraded);
    assert_eq!(status["state"], "attention");
    let problem = "http://w1: waits for view, for 9 s: partitions [3] wait for it";
    assert_eq!(status["advice"][1]["problem"], problem);
    add_advice(
        &mut status,
        &json!({"url": "http://w2", "problem": "no answer"}),
    );
    assert_eq!(status["state"], "failing");
    add_advice(&mut status, &degraded);
    assert_eq!(status["state"], "failing", "what is worse stays");
    status["state"] = "well".into();
    let ready =
        json!({"url": "http://w3", "readiness": {"components": {"log": {"state": "ready"}}}});
    add_advice(&mut status, &ready);
    assert_eq!(status["state"], "well");
}
