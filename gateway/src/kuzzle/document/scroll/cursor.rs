//! What a scroll id holds: signed, bound to the principal, and never long. It must fit into an
//! address wherever one is written, so a search or a position that is not small is kept in the
//! record store, where every gateway finds it, and the id holds its name.

use super::super::super::{Fault, KuzzleCall};
use crate::{access::Caller, write::identify::random_bytes};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use event_schema::signing::Keyring;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

const PURPOSE: &str = "scroll";
/// The longest text that an id holds itself, bytes. Two of them, as base64, stay well below 2 KB.
const SHORT: usize = 500;

/// What a scroll id says.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::kuzzle) struct ScrollCursor {
    #[serde(rename = "s")]
    pub(in crate::kuzzle) search: ScrollPart,
    #[serde(rename = "p")]
    pub(in crate::kuzzle) position: ScrollPart,
    /// Milliseconds from page to page.
    #[serde(rename = "k")]
    pub(in crate::kuzzle) keep: i64,
    /// Unix milliseconds.
    #[serde(rename = "u")]
    pub(in crate::kuzzle) until: i64,
}

/// A JSON text, in the id or in the record store.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::kuzzle) enum ScrollPart {
    #[serde(rename = "t")]
    Text(Box<RawValue>),
    #[serde(rename = "n")]
    Kept { name: String, until: i64 },
}

/// Until when an id is taken, and how long the one after it will be.
#[derive(Clone, Copy)]
pub(super) struct UntilThen {
    pub(super) until: i64,
    pub(super) keep: i64,
}

impl ScrollPart {
    /// What is kept is kept twice as long as this id is taken, so that not every page writes it
    /// anew. `standing`: in whose place it stands.
    pub(super) async fn of<T: Serialize>(
        call: KuzzleCall<'_>,
        value: &T,
        standing: Option<Self>,
        then: UntilThen,
    ) -> Result<Self, Fault> {
        let text = serde_json::to_string(value).expect("a scroll is plain JSON");
        if text.len() <= SHORT {
            let text = RawValue::from_string(text).expect("JSON was just written");
            return Ok(Self::Text(text));
        }
        let name = match standing {
            Some(Self::Kept { name, .. }) => name,
            Some(Self::Text(_)) | None => format!("scroll/{}", BASE64.encode(random_bytes())),
        };
        let until = then.until.saturating_add(then.keep);
        let now = call.app.now();
        call.app
            .kept_searches
            .admit(&name, text.len(), until, now)?;
        call.app.ports.record.keep_text(&name, &text, until).await?;
        Ok(Self::Kept { name, until })
    }

    /// One that is known to be short.
    pub(in crate::kuzzle) fn text_of<T: Serialize>(value: &T) -> Self {
        let text = serde_json::value::to_raw_value(value);
        Self::Text(text.expect("a part of a scroll is plain JSON"))
    }

    /// May an id hold it until then as it is?
    pub(super) fn stands_until(&self, then: i64) -> bool {
        match self {
            Self::Text(_) => true,
            Self::Kept { until, .. } => *until >= then,
        }
    }

    /// `None`: it is not kept any more.
    pub(super) async fn text(&self, call: KuzzleCall<'_>) -> Result<Option<String>, Fault> {
        match self {
            Self::Text(text) => Ok(Some(text.get().to_owned())),
            Self::Kept { name, .. } => Ok(call.app.ports.record.kept_text(name).await?),
        }
    }
}

impl ScrollCursor {
    pub(in crate::kuzzle) fn sign(&self, keys: &Keyring, caller: &Caller) -> String {
        let payload = BASE64.encode(serde_json::to_vec(self).expect("a cursor is plain JSON"));
        let key = keys.signer();
        let mut signature = vec![key.id()];
        signature.extend_from_slice(&key.tag(PURPOSE, &cursor_scope(caller, &payload))[..16]);
        format!("{payload}.{}", BASE64.encode(signature))
    }

    /// `None`: it was not made here, or its time is over.
    pub(in crate::kuzzle) fn open(
        text: &str,
        keys: &Keyring,
        caller: &Caller,
        now: i64,
    ) -> Option<Self> {
        let (payload, signature) = text.split_once('.')?;
        let signature = BASE64.decode(signature).ok()?;
        let (id, tag) = signature.split_first()?;
        let key = keys.signing_key(*id)?;
        let ours = tag.len() == 16 && key.verify(PURPOSE, &cursor_scope(caller, payload), tag);
        let cursor: Self =
            serde_json::from_slice(&BASE64.decode(payload).ok().filter(|_| ours)?).ok()?;
        (now <= cursor.until).then_some(cursor)
    }
}

/// A scroll is for whom it was made.
fn cursor_scope<'a>(caller: &'a Caller, payload: &'a str) -> [&'a [u8]; 3] {
    [&caller.tenant, &caller.name, payload].map(str::as_bytes)
}
