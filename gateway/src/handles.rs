//! The signed handles that clients are given: tokens of writes, and cursors of how far a room is
//! told. It decides nothing about who may use them.

use crate::access::Caller;
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

/// Where the writes are that a token stands for.
#[derive(Clone, Debug, Default)]
pub(crate) struct WrittenPlaces {
    /// The furthest offset in each partition.
    pub offsets: Vec<(u16, u64)>,
    /// The furthest number in a spool: an id, and the number.
    pub spool: Option<(u64, u64)>,
}

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
        written: WrittenPlaces,
        request: Option<RequestId>,
    ) -> String {
        let token = self.write_token(&caller.tenant, written, request);
        let principal = Some(caller.name.to_string());
        Token { principal, ..token }.sign(&self.keys)
    }

    fn write_token(
        &self,
        tenant: &str,
        written: WrittenPlaces,
        request: Option<RequestId>,
    ) -> Token {
        Token {
            tenant: tenant.to_owned(),
            principal: None,
            expires: self.now() + self.token_ttl_seconds,
            generation: self.generation,
            offsets: written.offsets,
            spool: written.spool,
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
/// share one notification, whichever principal they are. Rights are checked on use. It names no
/// request: what became of one is told to whoever made it.
impl SignHandles for HandleSigner {
    fn token(&self, tenant: &str, notice: &Notice) -> Option<String> {
        let write = notice.write?;
        let written = WrittenPlaces {
            offsets: vec![(write.partition, write.offset.get())],
            spool: None,
        };
        let token = self.write_token(tenant, written, None);
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

#[cfg(test)]
mod tests {
    use super::*;
    use event_schema::{
        notification::{Event, State},
        offset::TransactionsOffset,
        position::Position,
        token::BadToken,
    };
    use runtime::SystemClock;

    fn signer() -> HandleSigner {
        HandleSigner {
            keys: Keyring::new(1, *b"0123456789abcdef"),
            clock: Arc::new(SystemClock),
            generation: 1,
            token_ttl_seconds: 60,
            cursor_ttl_seconds: 60,
        }
    }

    fn notice() -> Notice {
        Notice {
            event: Event::Write,
            action: "create".into(),
            state: State::Done,
            index: "i".into(),
            collection: "c".into(),
            id: None,
            version: None,
            source: None,
            updated_fields: None,
            request: RequestId::mint(&signer().keys, 1, 0, [7; 16]),
            origin: None,
            volatile: None,
            timestamp: 0,
            write: Some(Position {
                generation: 1,
                partition: 0,
                offset: TransactionsOffset::new(4),
            }),
            traceparent: None,
        }
    }

    /// A principal may come back with what another of its tenant was sent; another tenant may not.
    #[test]
    fn handles_of_notifications_are_the_tenants_and_those_of_writes_the_principals() {
        let signer = signer();
        let open = |text: &str, tenant, name| {
            let now = signer.now();
            Token::open(text, &signer.keys, tenant, name, now).map(|token| token.offsets)
        };
        let shared = SignHandles::token(&signer, "t", &notice()).unwrap();
        assert_eq!(open(&shared, "t", "anybody"), Ok(vec![(0, 4)]));
        let said = Token::open(&shared, &signer.keys, "t", "anybody", signer.now()).unwrap();
        assert_eq!(said.request, None, "whose request it was is the writer's");
        assert_eq!(open(&shared, "u", "anybody"), Err(BadToken::Foreign));
        let written = WrittenPlaces {
            offsets: vec![(0, 4)],
            spool: None,
        };
        let own = signer.token(&Caller::for_test("t", "p"), written, None);
        assert_eq!(open(&own, "t", "p"), Ok(vec![(0, 4)]));
        assert_eq!(open(&own, "t", "q"), Err(BadToken::Foreign));

        let cursor = signer.cursor("t", "room", &[FeedPosition::default()]);
        assert!(signer.open_cursor("t", "room", &cursor).is_ok());
        for (tenant, room) in [("u", "room"), ("t", "other")] {
            let refused = signer.open_cursor(tenant, room, &cursor);
            assert_eq!(refused, Err(BadCursor::Foreign));
        }
    }
}
