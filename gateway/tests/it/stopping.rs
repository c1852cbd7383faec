//! SIGTERM: nothing new, what is in hand ends, what was acknowledged stays.

use crate::harness::{city, log_only, told};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_waiting_request_is_answered_and_the_gateway_ends() {
    let mut app = log_only().await;
    app.cities().await;
    let waiting = app
        .post("/v1/operations/document.create", &city("1", "x"))
        .header("prefer", "wait=60");
    let waiting = tokio::spawn(told(waiting));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    app.trigger.soft();
    let (status, _, json) = waiting.await.unwrap();
    assert_eq!(
        (status.as_u16(), json["status"].as_str()),
        (202, Some("accepted")),
        "{json}"
    );
    app.gateway.take().unwrap().await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(app.get("/healthz").send().await.is_err());
    assert_eq!(app.events().await.len(), 1);
}

#[tokio::test]
async fn load_while_stopping_loses_nothing_that_was_acknowledged() {
    let mut app = log_only().await;
    app.cities().await;
    let mut clients = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (client, url) = (
            app.client.clone(),
            app.url("/v1/operations/document.create"),
        );
        clients.spawn(async move {
            let mut taken = Vec::new();
            for k in 0.. {
                let sent = client
                    .post(&url)
                    .json(&city(&format!("{n}-{k}"), "x"))
                    .send()
                    .await;
                match sent {
                    Ok(answer) if answer.status() == 202 => taken.push(
                        answer.json::<serde_json::Value>().await.unwrap()["request_id"]
                            .as_str()
                            .unwrap()
                            .to_owned(),
                    ),
                    _ => break,
                }
            }
            taken
        });
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    app.trigger.soft();
    app.gateway.take().unwrap().await.unwrap().unwrap();
    let taken: Vec<String> = clients.join_all().await.into_iter().flatten().collect();
    let events: std::collections::HashSet<_> = app
        .events()
        .await
        .into_iter()
        .map(|event| event.attributes.id.to_string())
        .collect();
    assert!(taken.len() > 50, "{}", taken.len());
    assert!(taken.iter().all(|id| events.contains(id)));
}
