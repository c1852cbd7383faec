//! What a hook is told.

use event_schema::id::{EntityKey, RequestId};
use serde::Serialize;
use serde_json::value::RawValue;

/// The body of a question.
#[derive(Debug, Serialize)]
pub(crate) struct HookQuestion<'a> {
    pub hook: &'a str,
    /// The id that the request has if it is accepted: the same in each question about it.
    pub request_id: RequestId,
    pub operation: &'a str,
    pub key: &'a EntityKey,
    pub tenant: &'a str,
    pub principal: &'a str,
    /// Those that it may touch: `index/collection`.
    pub collections: Vec<String>,
    pub catalog: &'a str,
    /// The bare request, as hooks before this one left it.
    pub request: &'a RawValue,
}

impl HookQuestion<'_> {
    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a question is plain JSON")
    }
}
