use super::*;
use std::time::Duration;

fn until_soft(name: &'static str) -> Service {
    Service::new(name, |shutdown: Shutdown| async move {
        shutdown.soft().await;
        Ok::<_, String>(())
    })
}

fn at_once(name: &'static str, result: Result<(), &'static str>) -> Service {
    Service::new(name, move |_| async move { result })
}

#[tokio::test]
async fn those_behind_outlive_the_gateway() {
    let (trigger, shutdown) = Shutdown::manual();
    let (gone, gateway_gone) = tokio::sync::watch::channel(false);
    let gateway = Service::new("gateway", |shutdown: Shutdown| async move {
        shutdown.soft().await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        gone.send_replace(true);
        Ok::<_, String>(())
    });
    let behind = |name| {
        let gateway_gone = gateway_gone.clone();
        Service::new(name, |shutdown: Shutdown| async move {
            shutdown.soft().await;
            if *gateway_gone.borrow() {
                Ok(())
            } else {
                Err("stopped while the gateway served")
            }
        })
    };
    trigger.soft();
    run_together(
        shutdown,
        gateway,
        vec![behind("write-worker"), behind("notifier")],
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn who_fails_stops_the_others_and_is_told() {
    let (_trigger, shutdown) = Shutdown::manual();
    let behind = vec![
        at_once("write-worker", Err("out of disk")),
        until_soft("notifier"),
    ];
    let error = run_together(shutdown.clone(), until_soft("gateway"), behind)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the write-worker ended: out of disk");
    let behind = vec![until_soft("write-worker"), until_soft("notifier")];
    let error = run_together(shutdown.clone(), at_once("gateway", Err("no port")), behind)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the gateway ended: no port");
    let behind = vec![
        until_soft("write-worker"),
        at_once("notifier", Err("no topic")),
    ];
    let error = run_together(shutdown, until_soft("gateway"), behind)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the notifier ended: no topic");
}

#[tokio::test]
async fn one_that_just_ends_is_a_failure() {
    let (_trigger, shutdown) = Shutdown::manual();
    let behind = vec![until_soft("write-worker"), at_once("notifier", Ok(()))];
    let error = run_together(shutdown, until_soft("gateway"), behind)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "the notifier ended: without a reason");
}

#[tokio::test]
async fn hard_reaches_all() {
    let (trigger, shutdown) = Shutdown::manual();
    let until_hard = |name| {
        Service::new(name, |shutdown: Shutdown| async move {
            shutdown.hard().await;
            Ok::<_, String>(())
        })
    };
    trigger.hard();
    run_together(
        shutdown,
        until_hard("gateway"),
        vec![until_hard("write-worker"), until_hard("notifier")],
    )
    .await
    .unwrap();
}
