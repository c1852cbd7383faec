//! Opens the way of writes when the service starts, beside everything else that it does then. What
//! is announced, and what a write is, it must not know.

use crate::{
    app::Shared,
    write::publish::definitions::{announce_definitions, announce_spooled},
};
use runtime::{Backoff, Shutdown, State};
use std::time::Duration;
use tokio::sync::oneshot;

const COMPONENT: &str = "catalog";

/// Opens the way of writes to the log, and says so: once the log is there and holds the definitions
/// by which this gateway makes events. Until then a spool takes them, if there is one.
pub(crate) async fn open_writes(app: Shared, opened: oneshot::Sender<()>, shutdown: Shutdown) {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
    let mut state = State::Starting {
        why: "the log does not hold its definitions yet".into(),
    };
    let mut found = app.ports.durability.clone();
    loop {
        app.ports.health.set(COMPONENT, state);
        let opening = async {
            let known = found.wait_for(Option::is_some).await.map(|known| *known);
            let Ok(durability) = known else {
                // Nothing will ever say.
                return std::future::pending().await;
            };
            announce_spooled(&app.ports).await?;
            let catalog = app.ports.catalog.current();
            announce_definitions(&app.ports, &catalog)
                .await
                .map(|()| durability)
        };
        let error = tokio::select! {
            () = shutdown.hard() => return,
            announced = opening => match announced {
                Ok(durability) => {
                    let ends = &app.writes.publisher.known_ends;
                    ends.ask(app.ports.log.admin.as_ref(), &app.transactions).await;
                    if let Some(spool) = &app.ports.spool {
                        spool.open();
                    }
                    durability.map(|durability| app.writes.publisher.durability.set(durability));
                    app.ports.health.set(COMPONENT, State::Ready);
                    // Nothing may wait for it any more.
                    _ = opened.send(());
                    return;
                }
                Err(error) => error,
            },
        };
        tracing::warn!(
            error,
            "the catalog's definitions cannot be published; retrying"
        );
        state = State::Missing { why: error };
        tokio::select! {
            () = shutdown.hard() => return,
            () = tokio::time::sleep(backoff.next_wait()) => {}
        }
    }
}
