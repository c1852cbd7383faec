//! The protocol of Kuzzle's clients on both transports: a request, the action it names, one
//! envelope for every answer. What an action does is in its own file; writes go the way of all
//! writes ([`crate::write`]), and connections that stay open are [`socket`]s.

mod admin;
mod admission;
mod answer;
mod auth;
mod bulk;
mod channel;
mod collection;
mod document;
pub(crate) mod fault;
pub(crate) mod http;
mod index;
mod lifetime;
mod members;
mod metadata;
mod notification;
mod openapi;
mod place;
mod realtime;
mod request;
mod routes;
mod security;
mod server;
pub(crate) mod socket;
mod specification;
mod specifications;
mod subscribe;
mod table;
mod validate;
mod write;

pub(crate) use answer::{Answer, Reply};
pub(crate) use fault::Fault;
pub(crate) use request::{Request, Transport};
pub(crate) use routes::takes_like;

use crate::{app::Shared, security_events::Actor};
use fault::Id;
use socket::SocketRequest;
use std::sync::Arc;
use table::Action;

/// What an action is given.
#[derive(Clone, Copy)]
pub(crate) struct KuzzleCall<'a> {
    pub app: &'a Shared,
    pub request: &'a Request,
    /// The connection it came by, if it stays open.
    pub session: Option<&'a Arc<SocketRequest>>,
}

impl<'a> KuzzleCall<'a> {
    /// Who asks, and from where.
    fn actor(self) -> Actor<'a> {
        self.request.actor()
    }
}

/// A write is only begun behind what its `after` names.
async fn run_action(call: KuzzleCall<'_>, action: &Action) -> Result<Reply, Fault> {
    if action.writes {
        place::wait_for_tokens(call).await?;
    }
    (action.run)(call).await
}

/// Carries a request out. Never fails: what goes wrong is an answer.
pub(crate) async fn handle_request(
    app: &Shared,
    mut request: Request,
    session: Option<&Arc<SocketRequest>>,
) -> Answer {
    if let Some(session) = session {
        request.address = session.connection.address;
        request.cookie = session.connection.cookie.clone();
        request.certificate = session.connection.certificate.clone();
    }
    let outcome = match admission::admit_action(app, &mut request).await {
        Ok(action) => {
            if let Some(session) = session
                && request.caller.unconfirmed.is_none()
            {
                let number = session.connection.number;
                app.holders.shown(number, &request.caller);
            }
            let call = KuzzleCall {
                app,
                request: &request,
                session,
            };
            run_action(call, action).await
        }
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok(reply) => Answer::to(&request, Ok(reply)),
        Err(fault) => refusal_answer(app, &request, fault),
    }
}

/// The answer to a request that is refused; missing rights and credentials are told to the log of
/// security events.
fn refusal_answer(app: &Shared, request: &Request, fault: Fault) -> Answer {
    // Passwords are told by who compared them.
    if fault.id() != Id::LoginFailed {
        let right = (request.controller.as_str(), request.action.as_str());
        app.request_refused(request.actor(), right, fault.status());
    }
    Answer::to(request, Err(fault))
}
