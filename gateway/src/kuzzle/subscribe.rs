//! The actions of subscriptions: subscribe, join, unsubscribe, count, list. It reads what the client
//! wants; whether and when a subscription is active is decided in [`crate::subscriptions`].

use super::{Fault, Reply, Request, fault::Id, socket::SocketRequest};
use crate::{
    app::{Shared, bearer},
    request::caller::Caller,
    subscriptions::{
        Refusal,
        catch_up::{self, Return},
        hall::{Wish, catch_up::Late},
        options::{self, Options, Scopes, States},
    },
};
use event_schema::{Raw, cursor::Cursor, notification::Point, rooms::Users, topics::CHANGES};
use matching::Filter;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) async fn handle(
    app: &Shared,
    session: Option<&Arc<SocketRequest>>,
    request: &Request,
) -> Result<Reply, Fault> {
    match request.action.as_str() {
        "count" => Ok(Reply::of(
            &json!({"count": app.subscriptions.count(&room_id(request)?)}),
        )),
        "list" => Ok(Reply::of(&app.subscriptions.list())),
        action => {
            let session = session.ok_or_else(|| {
                Fault::new(
                    Id::NoConnection,
                    format!("realtime:{action} needs a connection that stays open"),
                )
                .props([action])
            })?;
            match action {
                "subscribe" => subscribe(app, session, request).await,
                "join" => join(app, session, request).await,
                "unsubscribe" => unsubscribe(app, session, request),
                _ => Err(Fault::new(
                    Id::NoAction,
                    format!("there is no action \"realtime\":\"{action}\""),
                )
                .props(["realtime", action])),
            }
        }
    }
}

async fn subscribe(
    app: &Shared,
    session: &SocketRequest,
    request: &Request,
) -> Result<Reply, Fault> {
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
    let options = options(request)?;
    let body = request
        .body
        .as_ref()
        .ok_or_else(|| Fault::new(Id::BodyRequired, "the request must have a body"))?;
    let filter = filter(body.get(), app.config.live.filter_conditions)?;
    let room = filter.normalise().room_id(index, collection);
    let filter: Raw = body.clone().into();
    take(
        app,
        session,
        request,
        Place {
            room,
            index: index.to_owned(),
            collection: collection.to_owned(),
            filter,
        },
        options,
    )
    .await
}

async fn join(app: &Shared, session: &SocketRequest, request: &Request) -> Result<Reply, Fault> {
    let room = room_id(request)?;
    let options = options(request)?;
    let known = app.subscriptions.room(&room);
    let (index, collection, filter) = known.ok_or_else(|| fault(Refusal::UnknownRoom, &room))?;
    take(
        app,
        session,
        request,
        Place {
            room,
            index,
            collection,
            filter,
        },
        options,
    )
    .await
}

fn unsubscribe(app: &Shared, session: &SocketRequest, request: &Request) -> Result<Reply, Fault> {
    let room = room_id(request)?;
    let left =
        app.subscriptions
            .unsubscribe(session.connection.number, &room, request.volatile.clone());
    left.map_err(|refusal| fault(refusal, &room))?;
    Ok(Reply::of(&json!({"roomId": room})))
}

/// A room, and what it is about.
struct Place {
    room: String,
    index: String,
    collection: String,
    filter: Raw,
}

async fn take(
    app: &Shared,
    session: &SocketRequest,
    request: &Request,
    place: Place,
    options: Options,
) -> Result<Reply, Fault> {
    let Place {
        room,
        index,
        collection,
        filter,
    } = place;
    let since = since(app, request, &room).await?;
    let channel = options.channel(&room);
    let wish = Wish {
        room: room.as_str().into(),
        index: index.clone(),
        collection: collection.clone(),
        filter: filter.clone(),
        options,
        volatile: request.volatile.clone(),
        catches_up: since.is_some(),
        request: session.request,
    };
    let connection = &session.connection;
    let granted = app
        .subscriptions
        .subscribe(connection.number, wish)
        .await
        .map_err(|refusal| fault(refusal, &room))?;
    let points = since.as_ref().or(granted.points.as_ref());
    let cursor = points.map(|points| app.cursor(&Caller::anonymous(), &room, points));
    if let Some((points, seat)) = since.zip(granted.seat) {
        // Its own limits were kept when it was subscribed.
        let filter = self::filter(filter.get(), usize::MAX)?;
        let late = Late {
            connection: connection.number,
            room: room.as_str().into(),
            seat,
            options,
        };
        let back = Return {
            late,
            outbox: connection.outbox.clone(),
            index,
            collection,
            filter,
            points,
        };
        runtime::spawn("catch-up", catch_up::run(app.clone(), back));
    }
    Ok(Reply::of(
        &json!({"roomId": room, "channel": channel, "cursor": cursor}),
    ))
}

/// From where on everything is to be told, if the client came back with a cursor.
async fn since(app: &Shared, request: &Request, room: &str) -> Result<Option<Vec<Point>>, Fault> {
    let text = match request.args.get("since") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(Fault::wrong_type("since", "string")),
    };
    let now = (app.now() / 1000).max(0) as u64;
    let cursor = Cursor::open(
        text,
        &app.ports.keys,
        bearer(&Caller::anonymous(), room),
        now,
    );
    let cursor =
        cursor.map_err(|why| Fault::new(Id::BadCursor, why.to_string()).props(["since"]))?;
    let gone = || {
        Fault::new(
            Id::CursorTooOld,
            "the log does not hold what lies behind this cursor any more; subscribe without it",
        )
    };
    let layout = &app.ports.layout;
    if cursor.generation != layout.generation
        || cursor.points.len() != usize::from(layout.partitions(&CHANGES))
    {
        return Err(gone());
    }
    match catch_up::kept(app, &cursor.points).await {
        Some(true) => Ok(Some(cursor.points)),
        Some(false) => Err(gone()),
        None => Err(
            Fault::new(Id::LogAway, "the log cannot be asked what it holds").retry_after(Some(1)),
        ),
    }
}

fn filter(text: &str, most: usize) -> Result<Filter, Fault> {
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
    match filter.conditions() > most {
        true => {
            let found = filter.conditions();
            Err(Fault::new(
                Id::TooManyTerms,
                format!("the filter has {found} conditions, {most} is the limit"),
            )
            .props([&most.to_string()]))
        }
        false => Ok(filter),
    }
}

fn options(request: &Request) -> Result<Options, Fault> {
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
        None => Scopes::default(),
        Some(text) => Scopes::parse(text).ok_or_else(|| wrong(Id::InvalidScope, "scope", text))?,
    };
    let users = match text("users")? {
        None => Users::default(),
        Some(text) => options::users(text).ok_or_else(|| wrong(Id::InvalidUsers, "users", text))?,
    };
    let state = match text("state")? {
        None => States::default(),
        Some(text) => States::parse(text).ok_or_else(|| wrong(Id::InvalidState, "state", text))?,
    };
    Ok(Options {
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

fn fault(refusal: Refusal, room: &str) -> Fault {
    let fault = |id| Fault::new(id, refusal.to_string());
    match refusal {
        Refusal::TooManyRooms => fault(Id::TooManyRooms),
        Refusal::NotSubscribed => fault(Id::NotSubscribed).props([room]),
        Refusal::UnknownRoom => fault(Id::RoomNotFound).props([room]),
        Refusal::Unavailable => fault(Id::LogAway).retry_after(Some(1)),
        Refusal::NotActive => fault(Id::NotActive).retry_after(Some(1)),
        Refusal::Ended => fault(Id::ShuttingDown),
    }
}
