//! `/v1/dead-letters`: what is held and waits for a person. The rows of the record store tell, not
//! the topic.

pub(crate) mod list;
pub(crate) mod show;

use crate::{
    access::system,
    app::App,
    error::{Code, Problem},
};
use event_schema::id::RequestId;
use replay::{HeldLetter, ReplayError};

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Store(error) => error.into(),
            ReplayError::Row(error) => Self::new(Code::Damaged, error.to_string()),
        }
    }
}

/// The dead letter of a request, or a 404.
async fn find_letter(app: &App, id: &str) -> Result<HeldLetter, Problem> {
    // What nobody can decode is held under an id that no gateway signed.
    let request = RequestId::parse_trusted(id)
        .map_err(|error| Problem::new(Code::BadRequestId, error.to_string()))?;
    let found = replay::dead_letter(app.ports.record.as_ref(), request).await?;
    let found = found.filter(|letter| !system::is_operation(&letter.held.operation));
    found.ok_or_else(|| {
        let detail = "no dead letter of this request waits";
        Problem::new(Code::UnknownRequest, detail).about(request, None)
    })
}
