//! The least that a server of WebSockets does: what comes in on `/tell` goes out, as it is, to
//! every socket on `/`. One task and one place in a channel for each; what waits for a socket
//! leaves in one write.

use axum::{
    Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    response::Response,
    routing::any,
    serve::ListenerExt,
};
use consign::failure::Failure;
use futures::SinkExt;
use tokio::{net::TcpListener, sync::broadcast};

/// Messages that wait for a socket; one that falls behind is closed, which ends the measurement.
const WAITING: usize = 4096;

type Sender = broadcast::Sender<Message>;

pub async fn run(listener: TcpListener) -> Result<(), Failure> {
    let router = Router::new()
        .route("/", any(listen))
        .route("/tell", any(tell))
        .with_state(broadcast::channel(WAITING).0);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    Ok(axum::serve(listener, router).await?)
}

async fn listen(State(told): State<Sender>, upgrade: WebSocketUpgrade) -> Response {
    // From here on nothing is missed: the client sends when it was answered.
    let mut messages = told.subscribe();
    upgrade.on_upgrade(async move |mut socket| {
        loop {
            tokio::select! {
                message = messages.recv() => {
                    let Ok(message) = message else { return };
                    if send(&mut socket, message, &mut messages).await.is_err() {
                        return;
                    }
                }
                heard = socket.recv() => if !matches!(heard, Some(Ok(_))) {
                    return;
                },
            }
        }
    })
}

/// Sends a message, and with it those that wait.
async fn send(
    socket: &mut WebSocket,
    message: Message,
    more: &mut broadcast::Receiver<Message>,
) -> Result<(), axum::Error> {
    socket.feed(message).await?;
    while let Ok(message) = more.try_recv() {
        socket.feed(message).await?;
    }
    socket.flush().await
}

async fn tell(State(told): State<Sender>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        while let Some(Ok(message @ Message::Text(_))) = socket.recv().await {
            // Without a listener there is nobody to tell.
            _ = told.send(message);
        }
    })
}
