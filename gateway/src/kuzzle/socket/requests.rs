//! The requests of one connection: so many are carried out at the same time, so many more wait, and
//! what comes then is refused. Each is answered exactly once, even if its handler fails.

use super::{SocketConnection, SocketRequest};
use crate::{
    app::Shared,
    kuzzle::{self, Answer, Fault, Request, Transport, fault::Id, routes},
    spans,
    write::order::{WriteOrder, WriteTurn},
};
use bytes::Bytes;
use futures::FutureExt;
use http::StatusCode;
use runtime::spawn;
use std::{collections::VecDeque, panic::AssertUnwindSafe, sync::Arc};
use tokio::time::Instant;
use tracing::error;
use websocket::TextFrame;

#[derive(Debug, Default)]
pub(super) struct Requests {
    begun: u64,
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
    /// Writes are handed to the log in the order in which they came.
    order: WriteOrder,
}

impl Requests {
    /// Takes a request, or answers that there are too many.
    pub(super) fn take(&mut self, app: &Shared, connection: &Arc<SocketConnection>, text: Bytes) {
        // Those that were there before go first.
        self.begin(app, connection);
        let live = &app.config.live;
        let full = self.waiting.len() >= live.requests_waiting
            || self.waiting_bytes + text.len() > live.requests_waiting_bytes;
        if full && !self.waiting.is_empty() {
            return self.refuse(
                app,
                connection,
                text,
                Id::Overloaded,
                "as many requests of this connection wait as may",
            );
        }
        self.waiting_bytes += text.len();
        self.waiting.push_back(text);
        self.begin(app, connection);
    }

    /// Begins with as many as may be.
    pub(super) fn begin(&mut self, app: &Shared, connection: &Arc<SocketConnection>) {
        while !self.waiting.is_empty()
            && self.in_hand(connection) < app.config.live.requests_in_hand as u64
            && connection.outbox.has_room()
        {
            let Some(text) = self.waiting.pop_front() else {
                return;
            };
            self.waiting_bytes -= text.len();
            if self.waiting.is_empty() {
                self.waiting.shrink_to(0);
            }
            if app.metrics.in_flight.get() >= app.config.max_in_flight as i64 {
                self.refuse(
                    app,
                    connection,
                    text,
                    Id::Overloaded,
                    "the limit of requests in flight is reached",
                );
                continue;
            }
            self.begun += 1;
            let session = Arc::new(SocketRequest {
                connection: connection.clone(),
                request: self.begun,
            });
            let turn = self.order.turn();
            spawn("request", carry_out(app.clone(), session, text, turn));
        }
    }

    /// Answers without carrying it out.
    pub(super) fn refuse(
        &mut self,
        app: &Shared,
        connection: &Arc<SocketConnection>,
        text: Bytes,
        id: Id,
        why: &str,
    ) {
        let fault = Fault::new(id, why).retry_after(Some(1));
        let answer = match read_request(app, text) {
            Ok(request) => Answer::to(&request, Err(fault)),
            Err(answer) => *answer,
        };
        self.begun += 1;
        app.metrics.answer(answer_status(&answer), 0.0);
        connection
            .outbox
            .answer(self.begun, Some(&TextFrame::from_bytes(&answer.to_frame())));
    }

    pub(super) fn in_hand(&self, connection: &SocketConnection) -> u64 {
        self.begun - connection.outbox.answered()
    }

    pub(super) fn is_idle(&self, connection: &SocketConnection) -> bool {
        self.waiting.is_empty() && self.in_hand(connection) == 0
    }
}

async fn carry_out(app: Shared, session: Arc<SocketRequest>, text: Bytes, turn: WriteTurn) {
    let begun = Instant::now();
    app.metrics.in_flight.inc();
    let answer = match AssertUnwindSafe(answer_message(&app, &session, text, turn))
        .catch_unwind()
        .await
    {
        Ok(answer) => answer,
        Err(_) => {
            error!("a handler panicked; its request was answered 500");
            Answer::early(
                None,
                Fault::new(Id::Unexpected, "the handler of this request failed"),
            )
        }
    };
    app.metrics.in_flight.dec();
    app.metrics
        .answer(answer_status(&answer), begun.elapsed().as_secs_f64());
    session.connection.outbox.answer(
        session.request,
        Some(&TextFrame::from_bytes(&answer.to_frame())),
    );
}

fn read_request(app: &Shared, text: Bytes) -> Result<Request, Box<Answer>> {
    Request::from_envelope(text, Transport::WebSocket, app.config.json_depth)
}

fn answer_status(answer: &Answer) -> StatusCode {
    StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn answer_message(
    app: &Shared,
    session: &Arc<SocketRequest>,
    text: Bytes,
    turn: WriteTurn,
) -> Answer {
    match read_request(app, text) {
        Ok(mut request) => {
            request.turn = turn;
            let name = || match routes::find_action(&request.controller, &request.action) {
                Ok(action) => format!("{}:{}", action.controller, action.name),
                Err(_) => "unknown".to_owned(),
            };
            let span = spans::begin_frame(name, &mut request.traceparent);
            let answer = kuzzle::handle_request(app, request, Some(session)).await;
            spans::end_frame(span, answer.status());
            answer
        }
        Err(answer) => *answer,
    }
}
