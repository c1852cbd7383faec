//! `/v1/requests`: what became of a request.

pub(crate) mod explain;
pub(crate) mod show;

use crate::{
    app::App,
    error::{Code, Problem},
};
use event_schema::id::{BadRequestId, RequestId};

/// The id of a path.
fn parse_id(app: &App, text: &str) -> Result<RequestId, Problem> {
    RequestId::parse(text, &app.ports.keys).map_err(|error| match error {
        BadRequestId::Malformed => Problem::new(Code::BadRequestId, error.to_string()),
        BadRequestId::Forged => Problem::new(Code::UnknownRequest, error.to_string()),
    })
}
