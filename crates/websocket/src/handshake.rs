//! How an HTTP request becomes a WebSocket (RFC 6455 §4, RFC 7692 §7). Pure.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use sha1::{Digest, Sha1};

/// What every server of this protocol appends to the client's key.
const ANSWER: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// An upgrade that both sides agreed on.
#[derive(Debug, PartialEq, Eq)]
pub struct AcceptedUpgrade {
    pub accept: String,
    /// Messages may be compressed, each by itself.
    pub deflate: bool,
    /// The first that the client offers, whatever it is: a server here speaks one protocol, and a
    /// browser ends a connection that agrees to none of its offers. (Some clients offer `null`.)
    pub subprotocol: Option<HeaderValue>,
}

/// Why a request cannot become a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradeError {
    Malformed(&'static str),
    /// Only version 13 is spoken.
    UnsupportedVersion,
}

/// Whether a request asks to become a WebSocket.
pub fn is_upgrade_request(headers: &HeaderMap) -> bool {
    has_token(headers, &header::UPGRADE, "websocket")
}

pub fn accept_upgrade(
    method: &Method,
    headers: &HeaderMap,
    deflate: bool,
) -> Result<AcceptedUpgrade, UpgradeError> {
    if *method != Method::GET || !has_token(headers, &header::CONNECTION, "upgrade") {
        return Err(UpgradeError::Malformed(
            "an upgrade is a GET with `Connection: upgrade`",
        ));
    }
    if headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        return Err(UpgradeError::UnsupportedVersion);
    }
    let key = headers
        .get(header::SEC_WEBSOCKET_KEY)
        .map(HeaderValue::as_bytes);
    let key = key.filter(|key| BASE64.decode(key).is_ok_and(|bytes| bytes.len() == 16));
    let key = key.ok_or(UpgradeError::Malformed(
        "`Sec-WebSocket-Key` must be 16 bytes in base64",
    ))?;
    let accept = BASE64.encode(
        Sha1::new()
            .chain_update(key)
            .chain_update(ANSWER)
            .finalize(),
    );
    let offers = headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS);
    let mut offers = offers
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    Ok(AcceptedUpgrade {
        accept,
        deflate: deflate && offers.any(is_acceptable),
        subprotocol: first_subprotocol(headers),
    })
}

fn first_subprotocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offers = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let first = offers
        .split(',')
        .map(str::trim)
        .find(|offer| !offer.is_empty())?;
    HeaderValue::from_str(first).ok()
}

/// An offer of permessage-deflate that asks for nothing that cannot be done: a smaller window than
/// the usual cannot.
fn is_acceptable(offer: &str) -> bool {
    let mut parts = offer.split(';').map(str::trim);
    let fits = |parameter: &str| {
        let (name, value) = parameter
            .split_once('=')
            .map_or((parameter, None), |(name, value)| {
                (name.trim(), Some(value.trim()))
            });
        match name {
            "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
            "client_max_window_bits" => true,
            "server_max_window_bits" => value.is_some_and(|bits| bits.trim_matches('"') == "15"),
            _ => false,
        }
    };
    parts.next() == Some("permessage-deflate") && parts.all(fits)
}

fn has_token(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(name);
    values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim().eq_ignore_ascii_case(wanted))
}

impl AcceptedUpgrade {
    /// The head of the answer.
    pub fn response_head(&self) -> (StatusCode, HeaderMap) {
        let mut headers = HeaderMap::with_capacity(5);
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(accept) = HeaderValue::try_from(&self.accept) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        if self.deflate {
            let agreed = HeaderValue::from_static(
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            );
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, agreed);
        }
        if let Some(subprotocol) = &self.subprotocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol.clone());
        }
        (StatusCode::SWITCHING_PROTOCOLS, headers)
    }
}

#[cfg(test)]
mod tests;
