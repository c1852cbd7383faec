//! The realtime actions that belong to a connection: subscribe, join, unsubscribe, count, list.

use super::Session;
use crate::{
    app::Shared,
    protocol::{Fault, Reply, Request, fault::Id},
};
use std::sync::Arc;

pub(crate) async fn handle(app: &Shared, session: Option<&Arc<Session>>, request: &Request) -> Result<Reply, Fault> {
    let _ = (app, session);
    Err(Fault::new(Id::NoConnection, format!("realtime:{} needs a connection that stays open", request.action)))
}
