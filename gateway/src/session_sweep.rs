//! Looks again whether the credentials that subscriptions were made with still count, and whether
//! they still may hear: of those of whom something changed, before this gateway says that it took the
//! change into account ([`crate::security_topic`]); whether one ended by time; and now and then of all.
//! What does not count is ended; nothing is told to it afterwards.

use crate::{
    access::{
        AccessError, Caller, authenticator::has_ended, belief::LOOKED_AT_EVERY,
        rights_state::read_in_time,
    },
    app::{App, Shared},
    holders::{HolderRooms, SubscriptionHolder},
};
use event_schema::security::SecuritySubject;
use futures::{StreamExt, stream};
use rights::ActionPlace;
use runtime::Shutdown;
use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
    time::Duration,
};
use tracing::debug;
use websocket::{CloseReason, TextFrame};

const EVERY: Duration = Duration::from_millis(500);
/// Holders that are looked at side by side.
const AT_ONCE: usize = 32;

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

/// Ends what ended by time, until shutdown.
pub(crate) async fn run_sweep(app: Shared, shutdown: Shutdown) {
    let mut all_looked_at = app.ports.clock.elapsed();
    loop {
        let (now, elapsed) = (app.now(), app.ports.clock.elapsed());
        if elapsed.saturating_sub(all_looked_at) >= LOOKED_AT_EVERY {
            all_looked_at = elapsed;
            sweep_changed(&app, None).await;
        }
        for held in app.holders.all(|caller| has_ended(caller, now)) {
            end_holder(&app, &held);
        }
        tokio::select! {
            () = shutdown.hard() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Looks at all who rest on what changed; none: everything may have.
pub(crate) async fn sweep_changed(app: &App, changed: Option<&BTreeSet<SecuritySubject>>) {
    let known = app.access.state.current().await;
    let is_open = known.is_ok_and(|known| known.open);
    let is_wanted = |caller: &Caller| {
        let is_kept_out = !is_open || !caller.is_anonymous();
        is_kept_out && changed.is_none_or(|changed| caller.basis.rests_on(changed))
    };
    // A session on many connections is asked about once.
    let mut groups: HashMap<(SubscriptionHolder, Option<u64>), Vec<HolderRooms>> = HashMap::new();
    for held in app.holders.all(is_wanted) {
        // Tokens of one principal of another issuer end each by itself, as certificates of a user do.
        let ends_alone = matches!(
            held.holder,
            SubscriptionHolder::Issued(..) | SubscriptionHolder::Certificate(..)
        );
        let group = (held.holder.clone(), ends_alone.then_some(held.connection));
        groups.entry(group).or_default().push(held);
    }
    let looking = stream::iter(groups.into_values());
    looking
        .for_each_concurrent(AT_ONCE, |group| look_at_group(app, group))
        .await;
}

/// Of one holder, on each of its connections.
async fn look_at_group(app: &App, group: Vec<HolderRooms>) {
    let mut goes_on = None;
    for held in &group {
        let standing = match &goes_on {
            Some(caller) => Ok(Caller::clone(caller)),
            // The gateway says how far it is only behind this: a store that says nothing must not
            // cost it the lease.
            None => read_in_time(app.access.still(&held.caller)).await,
        };
        if let Ok(caller) = &standing {
            goes_on = Some(caller.clone());
        }
        apply_standing(app, held, standing);
    }
}

/// A subscription stands that was not there when something changed of the caller who made it: looks
/// at it now, if what was read of him does not hold.
pub(crate) async fn look_at_new(app: &App, connection: u64, caller: &Caller) {
    if app.access.state.belief.holds_for(&caller.basis) {
        return;
    }
    let standing = app.access.still(caller).await;
    if let Some(held) = app.holders.held_by(connection, caller) {
        apply_standing(app, &held, standing);
    }
}

fn apply_standing(app: &App, held: &HolderRooms, standing: Result<Caller, AccessError>) {
    match standing {
        Ok(caller) => sweep_holder(app, held, &caller),
        Err(AccessError::Stale(why)) => {
            debug!(why, "subscriptions end: who holds them cannot be read");
            held.outbox.end(UNKNOWN);
        }
        Err(AccessError::Invalid | AccessError::Reused(_)) => end_holder(app, held),
    }
}

fn end_holder(app: &App, held: &HolderRooms) {
    for (room, ..) in &held.rooms {
        leave_room(app, held, room);
    }
    held.outbox.push(&TOKEN_EXPIRED);
}

/// Rooms that the caller may not hear any more are left.
fn sweep_holder(app: &App, held: &HolderRooms, caller: &Caller) {
    for (room, index, collection) in &held.rooms {
        let place = ActionPlace::Collection(index, collection);
        let may = |action| caller.check(("realtime", action), place).is_ok();
        if !may("subscribe") && !may("join") {
            leave_room(app, held, room);
        }
    }
}

fn leave_room(app: &App, held: &HolderRooms, room: &str) {
    if app.holders.let_go(held.connection, &held.holder, room) {
        // It may have been left meanwhile.
        let _ = app.subscriptions.unsubscribe(held.connection, room, None);
    }
}
