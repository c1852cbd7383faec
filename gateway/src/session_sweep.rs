//! Looks again whether the credentials that subscriptions were made with still count, and whether
//! they still may hear: twice as often as what was read is believed, and whenever this gateway took
//! something away. What does not count any more is ended; nothing is told to it afterwards. What
//! subscriptions are told waits for a look that is young enough ([`crate::sweep_times`]).

use crate::{
    access::{AccessError, Caller},
    app::Shared,
    holders::{HolderRooms, SubscriptionHolder},
};
use rights::ActionPlace;
use runtime::Shutdown;
use std::{collections::HashMap, sync::LazyLock, time::Duration};
use tracing::debug;
use websocket::{CloseReason, TextFrame};

const EVERY: Duration = Duration::from_millis(500);

/// What a client is sent whose session ended, as Kuzzle sends it.
static TOKEN_EXPIRED: LazyLock<TextFrame> = LazyLock::new(|| {
    TextFrame::from_pieces(&[
        r#"{"type":"TokenExpired","message":"Authentication Token Expired","#,
        r#""info":"This is an automated server notification","status":200,"#,
        r#""room":"kuzzle:notification:server"}"#,
    ])
});

/// It cannot be known who may still hear: the client comes back with a cursor when it can.
const UNKNOWN: CloseReason = CloseReason {
    code: 1012,
    reason: "rights cannot be read; connect and subscribe again",
    drop_rest: true,
};

/// Until shutdown, as long as something may be told.
pub(crate) async fn run_sweep(app: Shared, shutdown: Shutdown) {
    loop {
        let began = app.ports.clock.elapsed();
        sweep_once(&app).await;
        app.sweeps.sweep_done(began);
        tokio::select! {
            () = shutdown.hard() => return,
            () = app.sweeps.next_wanted() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// All of them, once.
pub(crate) async fn sweep_once(app: &Shared) {
    let known = app.access.state.current().await;
    let is_open = known.is_ok_and(|known| known.open);
    // A session on many connections is asked about once.
    let mut asked: HashMap<SubscriptionHolder, Result<Caller, AccessError>> = HashMap::new();
    for held in app.holders.all(!is_open) {
        // Tokens of one principal of another issuer end each by itself.
        let is_one = !matches!(held.holder, SubscriptionHolder::Issued(..));
        let standing = match asked.get(&held.holder).filter(|_| is_one) {
            Some(Ok(caller)) => Ok(caller.clone()),
            Some(Err(_)) | None => app.access.still(&held.caller).await,
        };
        asked.insert(held.holder.clone(), standing.clone());
        match standing {
            Ok(caller) => sweep_holder(app, &held, &caller),
            Err(AccessError::Stale(why)) => {
                debug!(why, "subscriptions end: who holds them cannot be read");
                held.outbox.end(UNKNOWN);
            }
            Err(AccessError::Invalid | AccessError::Reused(_)) => {
                for (room, ..) in &held.rooms {
                    leave_room(app, &held, room);
                }
                held.outbox.push(&TOKEN_EXPIRED);
            }
        }
    }
}

/// Rooms that the caller may not hear any more are left.
fn sweep_holder(app: &Shared, held: &HolderRooms, caller: &Caller) {
    for (room, index, collection) in &held.rooms {
        let place = ActionPlace::Collection(index, collection);
        let may = |action| caller.check(("realtime", action), place).is_ok();
        if !may("subscribe") && !may("join") {
            leave_room(app, held, room);
        }
    }
}

fn leave_room(app: &Shared, held: &HolderRooms, room: &str) {
    if app.holders.let_go(held.connection, &held.holder, room) {
        // It may have been left meanwhile.
        let _ = app.subscriptions.unsubscribe(held.connection, room, None);
    }
}
