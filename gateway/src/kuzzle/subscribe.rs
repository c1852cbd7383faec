//! The actions of subscriptions: subscribe, join, unsubscribe, count, list. It reads what the client
//! wants; whether and when a subscription is active is decided in [`crate::subscriptions`].

use super::{
    Fault, KuzzleCall, Reply, Request, admission, channel, fault::Id, socket::SocketRequest,
};
use crate::{
    app::Shared, holders::RoomPlace, session_sweep, subscriptions::catch_up::CatchUpRequest,
};
use event_schema::{Raw, membership::PresenceFilter, notification::FeedPosition, topics::CHANGES};
use matching::Filter;
use rights::ActionPlace;
use serde::Deserialize;
use serde_json::{Value, json};
use subscriptions::{
    ChannelOptions, SignHandles, SubscribeError, SubscribeRequest,
    catch_up::CatchUpTarget,
    options::{ScopeFilter, StateFilter, parse_presence_filter},
};

pub(super) async fn count(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let room = room_id(call.request)?;
    if let Some((index, collection, _)) = call.app.subscriptions.room(&room) {
        admission::check_collection(call, &index, &collection)?;
    }
    let count = call.app.subscriptions.count(&room);
    Ok(Reply::of(&json!({"count": count})))
}

pub(super) async fn list(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let mut listing = call.app.subscriptions.list();
    let subscribe = ("realtime", "subscribe");
    listing.retain(|index, collections| {
        collections.retain(|collection, _| {
            let place = ActionPlace::Collection(index, collection);
            call.request.caller.check(subscribe, place).is_ok()
        });
        !collections.is_empty()
    });
    Ok(Reply::of(&listing))
}

pub(super) async fn subscribe(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (socket, request) = (call_socket(&call)?, call.request);
    let index = request
        .index
        .as_deref()
        .filter(|index| !index.is_empty())
        .ok_or_else(|| Fault::missing("index"))?;
    let collection = request
        .collection
        .as_deref()
        .filter(|collection| !collection.is_empty());
    let collection = collection.ok_or_else(|| Fault::missing("collection"))?;
    let options = channel_options(request)?;
    let body = request
        .body
        .as_ref()
        .ok_or_else(|| Fault::new(Id::BodyRequired, "the request must have a body"))?;
    let filter = parse_filter(body.get(), call.app.config.live.filter_conditions)?;
    let target = RoomTarget {
        room: filter.normalise().room_id(index, collection),
        index: index.to_owned(),
        collection: collection.to_owned(),
        filter: body.clone().into(),
    };
    subscribe_to(call.app, socket, request, target, options).await
}

pub(super) async fn join(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (socket, request) = (call_socket(&call)?, call.request);
    let room = room_id(request)?;
    let options = channel_options(request)?;
    let known = call.app.subscriptions.room(&room);
    let (index, collection, filter) =
        known.ok_or_else(|| subscribe_fault(SubscribeError::UnknownRoom, &room))?;
    admission::check_collection(call, &index, &collection)?;
    let target = RoomTarget {
        room,
        index,
        collection,
        filter,
    };
    subscribe_to(call.app, socket, request, target, options).await
}

pub(super) async fn unsubscribe(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (socket, request) = (call_socket(&call)?, call.request);
    let room = room_id(request)?;
    call.app
        .subscriptions
        .unsubscribe(socket.connection.number, &room, request.volatile.clone())
        .map_err(|refused| subscribe_fault(refused, &room))?;
    call.app.holders.left(socket.connection.number, &room);
    Ok(Reply::of(&json!({"roomId": room})))
}

/// The connection that the request came by, if it stays open.
fn call_socket<'a>(call: &KuzzleCall<'a>) -> Result<&'a SocketRequest, Fault> {
    let socket = call.session.map(AsRef::as_ref);
    socket.ok_or_else(|| {
        let action = call.request.action.as_str();
        Fault::new(
            Id::NoConnection,
            format!("realtime:{action} needs a connection that stays open"),
        )
        .props([action])
    })
}

/// A room, and what it is about.
struct RoomTarget {
    room: String,
    index: String,
    collection: String,
    filter: Raw,
}

async fn subscribe_to(
    app: &Shared,
    socket: &SocketRequest,
    request: &Request,
    target: RoomTarget,
    options: ChannelOptions,
) -> Result<Reply, Fault> {
    let RoomTarget {
        room,
        index,
        collection,
        filter,
    } = target;
    let tenant = request.caller.tenant.clone();
    let since = since_cursor(app, request, &tenant, &room).await?;
    let channel = channel::channel_name(&room, options);
    let asked = SubscribeRequest {
        room: room.as_str().into(),
        index: index.clone(),
        collection: collection.clone(),
        filter: filter.clone(),
        options,
        tenant: tenant.clone(),
        volatile: request.volatile.clone(),
        catches_up: since.is_some(),
        request: socket.request,
    };
    let connection = &socket.connection;
    let place = RoomPlace {
        room: &room,
        index: &index,
        collection: &collection,
    };
    let (number, caller) = (connection.number, &request.caller);
    app.holders.hold(number, caller, place);
    let subscribed = app.subscriptions.subscribe(number, asked).await;
    match &subscribed {
        // Once more, since it may have been let go of before it stood: counts need not be exact.
        Ok(_) => app.holders.hold(number, caller, place),
        Err(_) => app.holders.unhold(number, caller, &room),
    }
    // What changed of the caller before it was held had nothing to end.
    session_sweep::look_at_new(app, number, caller).await;
    let ack = subscribed.map_err(|refused| subscribe_fault(refused, &room))?;
    let positions = since.as_ref().or(ack.positions.as_ref());
    let cursor = positions.map(|positions| app.signer.cursor(&tenant, &room, positions));
    if let Some((positions, membership)) = since.zip(ack.membership) {
        // Its own limits were kept when it was subscribed.
        let filter = self::parse_filter(filter.get(), usize::MAX)?;
        let target = CatchUpTarget {
            connection: connection.number,
            room: room.as_str().into(),
            membership,
            options,
        };
        let missed = CatchUpRequest {
            target,
            recipient: connection.recipient(),
            tenant,
            index,
            collection,
            filter,
            positions,
            access: app.access.clone(),
        };
        let subscriptions = app.subscriptions.clone();
        runtime::spawn("catch-up", subscriptions.catch_up(missed));
    }
    Ok(Reply::of(
        &json!({"roomId": room, "channel": channel, "cursor": cursor}),
    ))
}

/// From where on everything is to be sent, if the client came back with a cursor.
async fn since_cursor(
    app: &Shared,
    request: &Request,
    tenant: &str,
    room: &str,
) -> Result<Option<Vec<FeedPosition>>, Fault> {
    let text = match request.args.get("since") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(Fault::wrong_type("since", "string")),
    };
    let cursor = app
        .signer
        .open_cursor(tenant, room, text)
        .map_err(|why| Fault::new(Id::BadCursor, why.to_string()).props(["since"]))?;
    let gone = || {
        Fault::new(
            Id::CursorTooOld,
            "the log no longer holds the changes after this cursor; subscribe without it",
        )
    };
    let layout = &app.ports.layout;
    if cursor.generation != layout.generation
        || cursor.points.len() != usize::from(layout.partitions(&CHANGES))
    {
        return Err(gone());
    }
    match app.subscriptions.holds(&cursor.points).await {
        Some(true) => Ok(Some(cursor.points)),
        Some(false) => Err(gone()),
        None => Err(
            Fault::new(Id::LogAway, "the offsets of the log cannot be read").retry_after(Some(1)),
        ),
    }
}

fn parse_filter(text: &str, maximum: usize) -> Result<Filter, Fault> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| Fault::new(Id::BadFrame, error.to_string()))?;
    // Its own limit is a fault of its own; how large a filter may be in other respects is the
    // language's.
    let limits = matching::Options {
        max_conditions: usize::MAX,
        ..matching::Options::default()
    };
    let filter = Filter::parse(&value, &limits)
        .map_err(|error| Fault::new(Id::Koncorde, error.to_string()))?;
    let found = filter.conditions();
    if found > maximum {
        return Err(Fault::new(
            Id::TooManyTerms,
            format!("the filter has {found} conditions, {maximum} is the limit"),
        )
        .props([&maximum.to_string()]));
    }
    Ok(filter)
}

fn channel_options(request: &Request) -> Result<ChannelOptions, Fault> {
    let text = |name: &str| match request.args.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(Fault::wrong_type(name, "string")),
    };
    let wrong = |id, name: &str, text: &str| {
        Fault::new(
            id,
            format!("the value \"{text}\" of \"{name}\" is not one that may be"),
        )
        .props([text])
    };
    let scope = match text("scope")? {
        None => ScopeFilter::default(),
        Some(text) => {
            ScopeFilter::parse(text).ok_or_else(|| wrong(Id::InvalidScope, "scope", text))?
        }
    };
    let users = match text("users")? {
        None => PresenceFilter::default(),
        Some(text) => {
            parse_presence_filter(text).ok_or_else(|| wrong(Id::InvalidUsers, "users", text))?
        }
    };
    let state = match text("state")? {
        None => StateFilter::default(),
        Some(text) => {
            StateFilter::parse(text).ok_or_else(|| wrong(Id::InvalidState, "state", text))?
        }
    };
    Ok(ChannelOptions {
        scope,
        users,
        state,
    })
}

#[derive(Deserialize)]
struct RoomBody {
    #[serde(rename = "roomId")]
    room: Option<Value>,
}

fn room_id(request: &Request) -> Result<String, Fault> {
    let body = request
        .body
        .as_ref()
        .ok_or_else(|| Fault::new(Id::BodyRequired, "the request must have a body"))?;
    let body: RoomBody =
        serde_json::from_str(body.get()).map_err(|_| Fault::wrong_type("body", "object"))?;
    match body.room {
        None | Some(Value::Null) => Err(Fault::missing("body.roomId")),
        Some(Value::String(room)) => Ok(room),
        Some(_) => Err(Fault::wrong_type("body.roomId", "string")),
    }
}

fn subscribe_fault(refused: SubscribeError, room: &str) -> Fault {
    let fault = |id| Fault::new(id, refused.to_string());
    match refused {
        SubscribeError::TooManyRooms => fault(Id::TooManyRooms),
        SubscribeError::NotSubscribed => fault(Id::NotSubscribed).props([room]),
        SubscribeError::UnknownRoom => fault(Id::RoomNotFound).props([room]),
        SubscribeError::Unavailable => fault(Id::LogAway).retry_after(Some(1)),
        SubscribeError::NotActive => fault(Id::NotActive).retry_after(Some(1)),
        SubscribeError::Ended => fault(Id::ShuttingDown),
    }
}
