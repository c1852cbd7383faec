//! A worker that is gone between what it wrote to the stores and what it says of it on the topic
//! `security`: nobody is told that something was taken away before another one has said so.

use super::{close, with};
use crate::{
    harness::{Builder, layout},
    silent::{is_beacon, keep_back},
};
use event_log::Log;
use event_schema::{mutation::RowKey, security::SESSIONS, topics::SECURITY};
use gateway::Config;
use runtime::Shutdown;
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Within which the answer comes, whatever happens to one process.
const BOUND: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_worker_had_written_is_told_by_the_next_before_it_is_answered() {
    let is_armed = Arc::<AtomicBool>::default();
    let armed = is_armed.clone();
    let builder = Builder {
        worker: false,
        wrap: Box::new(move |log: Log| {
            // The next word of a change, once it is armed.
            let security = layout().name(&SECURITY);
            keep_back(log, move |record| {
                let is_word = *record.topic == *security && !is_beacon(record);
                is_word && armed.swap(false, Ordering::SeqCst)
            })
        }),
        ..Builder::default()
    };
    let app = builder.start().await;
    let (trigger, shutdown) = Shutdown::manual();
    let first = app.worker_until(shutdown);
    let admin = close(&app).await;
    let other = app.sibling(Config::default()).await;
    let asked = async |address: std::net::SocketAddr| {
        let asked = app.client.get(format!("http://{address}/_me"));
        let answer = asked.bearer_auth(&admin).send().await.unwrap();
        answer.status().as_u16()
    };
    let sessions = with(&app, "GET", "/v1/security/sessions", Some(&admin), None);
    let sessions: serde_json::Value = sessions.send().await.unwrap().json().await.unwrap();
    let sid = sessions["sessions"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!((asked(app.address).await, asked(other).await), (200, 200));

    is_armed.store(true, Ordering::SeqCst);
    let leaving = with(&app, "POST", "/_logout", Some(&admin), None);
    let leaving = tokio::spawn(async move { leaving.send().await.unwrap().status().as_u16() });
    let row = RowKey {
        table: SESSIONS.to_owned(),
        key: json!({"sid": sid, "jti": "*"}).as_object().unwrap().clone(),
    };
    let until = Instant::now() + BOUND;
    while is_armed.load(Ordering::SeqCst) {
        assert!(Instant::now() < until, "no worker came so far");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let stands = app.record.rows(&[row]).await.unwrap();
    assert!(stands[0].is_some(), "the store has it");
    // Nobody was told, so who asked has no answer, and gateways believe what they know.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!leaving.is_finished());
    assert_eq!(asked(other).await, 200);

    let killed = Instant::now();
    trigger.hard();
    app.worker();
    let status = tokio::time::timeout(BOUND, leaving).await;
    assert_eq!(status.expect("no answer within the bound").unwrap(), 200);
    eprintln!("answered {:?} after the kill", killed.elapsed());
    assert_eq!((asked(app.address).await, asked(other).await), (401, 401));
    drop(first.await);
}
