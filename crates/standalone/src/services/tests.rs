use super::*;
use std::time::Duration;

async fn until_soft(shutdown: Shutdown) -> Result<(), String> {
    shutdown.soft().await;
    Ok(())
}

#[tokio::test]
async fn the_worker_outlives_the_gateway() {
    let (trigger, shutdown) = Shutdown::manual();
    let (gone, mut gateway_gone) = tokio::sync::oneshot::channel();
    let gateway = |shutdown: Shutdown| async move {
        shutdown.soft().await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        gone.send(()).unwrap();
        Ok::<_, String>(())
    };
    let worker = |shutdown: Shutdown| async move {
        shutdown.soft().await;
        gateway_gone.try_recv().map_err(|_| "stopped while the gateway served".to_owned())
    };
    trigger.soft();
    together(shutdown, gateway, worker).await.unwrap();
}

#[tokio::test]
async fn who_fails_stops_the_other_and_is_told() {
    let (_trigger, shutdown) = Shutdown::manual();
    let error = together(shutdown.clone(), until_soft, |_| async { Err("out of disk") }).await.unwrap_err();
    assert_eq!(error.to_string(), "the write-worker ended: out of disk");
    let error = together(shutdown, |_| async { Err("no port") }, until_soft).await.unwrap_err();
    assert_eq!(error.to_string(), "the gateway ended: no port");
}

#[tokio::test]
async fn a_worker_that_just_ends_is_a_failure() {
    let (_trigger, shutdown) = Shutdown::manual();
    let error = together(shutdown, until_soft, |_| async { Ok::<_, String>(()) }).await.unwrap_err();
    assert_eq!(error.to_string(), "the write-worker ended: without a reason");
}
