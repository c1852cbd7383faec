//! What a line of a bulk becomes: an event, or the reason why it is none. Each line by itself; what
//! its check waits for (look-ups, hooks) keeps no other line from being checked.

use super::lines::Line;
use crate::{
    access::{AccessError, Caller},
    app::Shared,
    error::{Code, Problem},
    request::scanned_json,
    transport::tls::client_certificate::ShownCertificate,
    write::{publish::event::Event, submit::BulkLine},
};
use bytes::Bytes;
use std::sync::Arc;

/// What all lines of a bulk have in common.
pub(crate) struct LineMaker {
    pub(crate) app: Shared,
    pub(crate) operation: String,
    pub(crate) sender: LineSender,
    pub(crate) traceparent: String,
    pub(crate) idempotency_key: Option<Bytes>,
}

/// The caller of the head, and by what it was shown. A bulk may go on for long: whether that still
/// counts is asked for each line.
pub(crate) struct LineSender {
    pub(crate) caller: Caller,
    pub(crate) credential: Option<String>,
    pub(crate) certificate: Option<Arc<ShownCertificate>>,
}

pub(crate) struct MadeLine {
    pub(crate) number: u64,
    /// Of the line, bytes.
    pub(crate) size: usize,
    pub(crate) event: Result<Event, Problem>,
}

impl LineMaker {
    pub(crate) async fn make(self: Arc<Self>, line: Line) -> MadeLine {
        match line {
            Line::Whole(number, json) => MadeLine {
                number,
                size: json.len(),
                event: self.event(number, json).await,
            },
            Line::TooLong(number) => {
                let limit = self.app.config.body_limit_bytes;
                let detail = format!("the line is longer than {limit} bytes");
                let event = Err(Problem::new(Code::BodyTooLarge, detail));
                MadeLine {
                    number,
                    size: 0,
                    event,
                }
            }
        }
    }

    /// The caller as it stands when this line is read. See ADR 39.
    async fn caller_now(&self) -> Result<Caller, AccessError> {
        let (access, sender) = (&self.app.access, &self.sender);
        let (shown, certificate) = (sender.credential.as_deref(), sender.certificate.as_ref());
        let identified = match shown {
            // A token that was looked at may have been refreshed since; one that was not looked at
            // may have been refreshed long before.
            Some(_) if sender.caller.unconfirmed.is_none() => {
                access.identify_again(&sender.caller, shown).await
            }
            Some(_) | None => self.app.identify_head(shown, certificate).await,
        };
        match identified {
            Err(AccessError::Stale(why)) => access
                .known_before(shown, certificate.map(|shown| &**shown))
                .ok_or(AccessError::Stale(why)),
            identified => identified,
        }
    }

    async fn event(&self, number: u64, json: Bytes) -> Result<Event, Problem> {
        let json = &scanned_json(json, self.app.config.json_depth)?;
        let writes = &self.app.writes;
        let caller = self.caller_now().await?;
        let line = BulkLine {
            number,
            json,
            caller: &caller,
            key: self.idempotency_key.as_deref(),
            traceparent: &self.traceparent,
        };
        let operation = writes.operation(&self.operation)?;
        writes.prepare_line(&operation, line).await
    }
}
