//! Who asked for a held event to be decided, as the decision names it.

use crate::{envelope::Reply, id::RequestId, position::Position};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The intent by which a held event was decided: where it stands, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replay {
    pub position: Position,
    pub request: RequestId,
    /// [`REPLAY`](crate::held::REPLAY) or [`DISCARD`](crate::held::DISCARD).
    pub operation: String,
    pub principal: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Unix milliseconds: accepted by the log.
    pub accepted: i64,
    /// Who waits for its verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
}
