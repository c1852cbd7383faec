//! A log that is never there, one that refuses, and a process that is to stop meanwhile.

use super::*;
use event_log::Committed;
use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

struct Never(ConsumerError);

#[async_trait::async_trait]
impl Groups for Never {
    async fn join(&self, _group: &str, _topic: &str) -> Result<Box<dyn Consumer>, ConsumerError> {
        Err(self.0.clone())
    }

    async fn committed(
        &self,
        _group: &str,
        _topic: &str,
        _partition: u16,
    ) -> Result<Option<Committed>, ConsumerError> {
        Ok(None)
    }
}

async fn nobody(_consumer: Box<dyn Consumer>) -> Result<(), ConsumerError> {
    unreachable!("there is no consumer")
}

#[tokio::test]
async fn who_waits_for_the_log_stops_at_once() {
    let (trigger, shutdown) = Shutdown::manual();
    let away = Never(ConsumerError::Unavailable("gone".into()));
    let noticed = Mutex::new(Vec::new());
    let hour = Backoff::new(Duration::from_secs(3600), Duration::from_secs(3600));
    let began = Instant::now();
    let notice = |state: OwnedMembership<'_>| {
        noticed.lock().unwrap().push(format!("{state:?}"));
        trigger.soft();
    };
    assert_eq!(
        keep_membership(&away, ("g", "t"), hour, &shutdown, notice, nobody).await,
        Ok(())
    );
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "it slept through the shutdown"
    );
    assert_eq!(*noticed.lock().unwrap(), [r#"Away("gone")"#]);
}

#[tokio::test]
async fn a_refusal_is_final() {
    let (_trigger, shutdown) = Shutdown::manual();
    let refuses = Never(ConsumerError::Fatal("no".into()));
    let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(1));
    let kept = keep_membership(
        &refuses,
        ("g", "t"),
        backoff,
        &shutdown,
        |state| panic!("{state:?}"),
        nobody,
    )
    .await;
    assert_eq!(kept, Err("no".into()));
}
