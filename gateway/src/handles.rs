//! The signed handles that clients are given: tokens of writes, and cursors of how far a room is
//! told. It decides nothing about who may use them.

use crate::request::caller::Caller;
use event_schema::{
    cursor::{BadCursor, Cursor, CursorScope},
    id::RequestId,
    notification::{FeedPosition, Notice},
    signing::Keyring,
    token::Token,
};
use runtime::Clock;
use std::sync::Arc;
use subscriptions::SignHandles;

/// Signs with the keys that all gateways of a deployment share.
#[derive(Clone)]
pub(crate) struct HandleSigner {
    pub keys: Keyring,
    pub clock: Arc<dyn Clock>,
    pub generation: u16,
    pub token_ttl_seconds: u64,
    pub cursor_ttl_seconds: u64,
}

impl HandleSigner {
    /// Unix seconds.
    fn now(&self) -> u64 {
        (self.clock.now() / 1000).max(0) as u64
    }

    /// Of writes at these places, for the principal that made them. `request`: the one it stands
    /// for, if it is one.
    pub(crate) fn token(
        &self,
        caller: &Caller,
        offsets: Vec<(u16, u64)>,
        request: Option<RequestId>,
    ) -> String {
        let token = self.write_token(caller.tenant, offsets, request);
        let principal = Some(caller.principal.to_owned());
        Token { principal, ..token }.sign(&self.keys)
    }

    fn write_token(
        &self,
        tenant: &str,
        offsets: Vec<(u16, u64)>,
        request: Option<RequestId>,
    ) -> Token {
        Token {
            tenant: tenant.to_owned(),
            principal: None,
            expires: self.now() + self.token_ttl_seconds,
            generation: self.generation,
            offsets,
            request,
        }
    }

    /// Reads a cursor that was made for this tenant and room.
    pub(crate) fn open_cursor(
        &self,
        tenant: &str,
        room: &str,
        text: &str,
    ) -> Result<Cursor, BadCursor> {
        let scope = CursorScope { tenant, room };
        Cursor::open(text, &self.keys, scope, self.now())
    }
}

/// What notifications carry is bound to the tenant (and the room): the subscribers of a channel
/// share one notification, whichever principal they are. Rights are checked on use.
impl SignHandles for HandleSigner {
    fn token(&self, tenant: &str, notice: &Notice) -> Option<String> {
        let write = notice.write?;
        let place = (write.partition, write.offset.get());
        let token = self.write_token(tenant, vec![place], Some(notice.request));
        Some(token.sign(&self.keys))
    }

    fn cursor(&self, tenant: &str, room: &str, positions: &[FeedPosition]) -> String {
        let cursor = Cursor {
            generation: self.generation,
            expires: self.now() + self.cursor_ttl_seconds,
            points: positions.to_vec(),
        };
        cursor.sign(&self.keys, CursorScope { tenant, room })
    }
}
