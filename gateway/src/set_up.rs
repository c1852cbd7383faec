//! What a gateway does that others than this machine can reach while everybody may do everything:
//! nothing but health, and the making of the first administrator by who knows the code that the
//! gateway printed. It must never let a request through because something could not be read.

use crate::{
    access::CallerAccess,
    config::{Security, TlsEnd},
    error::{Code, Problem},
};
use axum::response::{IntoResponse, Response};
use event_schema::signing::Keyring;
use http::{HeaderMap, Method};
use runtime::{Health, health::Weakened};
use std::net::IpAddr;
use subtle::ConstantTimeEq;
use tracing::warn;
use zeroize::Zeroizing;

/// Where the code is shown.
const HEADER: &str = "x-set-up-code";
/// Letters that are not taken for one another.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789_";
const LENGTH: usize = 20;

/// May a gateway listen there like this?
pub(crate) fn is_protected(listen: IpAddr, security: &Security) -> bool {
    listen.is_loopback() || security.open || security.tls != TlsEnd::None
}

/// Says in `/readyz` that everybody may do everything, if others than this machine may.
pub(crate) fn name_weakness(listen: IpAddr, security: &Security, health: &Health) {
    if !listen.is_loopback() && security.open {
        let setting = Weakened {
            component: "gateway".to_owned(),
            setting: "security.open".to_owned(),
            found: "true".to_owned(),
            wanted: "false, and TLS".to_owned(),
            consequence: "others than this machine are served without TLS, and everything as \
                          long as there is no administrator"
                .to_owned(),
        };
        health.set_weakened("gateway", vec![setting]);
    }
}

/// The code of the deployment, where it is needed.
pub(crate) struct SetUpCode(Zeroizing<String>);

impl SetUpCode {
    /// All gateways of a deployment have the same.
    pub(crate) fn new(listen: IpAddr, security: &Security, keys: &Keyring) -> Option<Self> {
        if listen.is_loopback() || security.open {
            return None;
        }
        Some(Self(Zeroizing::new(set_up_code(keys))))
    }

    /// Prints it where an operator looks, if it is needed now.
    pub(crate) async fn announce(&self, access: &CallerAccess) {
        if is_open(access).await {
            warn!(
                code = self.0.as_str(),
                "there is no administrator, and others than this machine can reach this gateway: it \
                 serves health and POST /_createFirstAdmin with the header X-Set-Up-Code alone"
            );
        }
    }

    /// What is answered in the place of what the request asks for, if it may not be carried out.
    pub(crate) async fn refusal(
        &self,
        access: &CallerAccess,
        (method, path, headers): (&Method, &str, &HeaderMap),
    ) -> Option<Response> {
        if is_health(path) || !is_open(access).await {
            return None;
        }
        let makes_admin = *method == Method::POST
            && ["/_createFirstAdmin", "/_restrictDefaultRights"]
                .iter()
                .any(|known| {
                    let rest = path.strip_prefix(known);
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                });
        if !makes_admin {
            let why = "there is no administrator yet; this gateway serves nothing until there is";
            return Some(Problem::new(Code::SetUpRequired, why).into_response());
        }
        let shown = headers.get(HEADER);
        let shown = shown.map_or(&b""[..], |shown| shown.as_bytes());
        if shown.ct_eq(self.0.as_bytes()).into() {
            return None;
        }
        let why = "the header X-Set-Up-Code is not the code that the gateway printed";
        Some(Problem::new(Code::Unauthenticated, why).into_response())
    }
}

/// Of the deployment that signs by these keys.
pub(crate) fn set_up_code(keys: &Keyring) -> String {
    let tag = keys.tag("set-up code", &[]);
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    tag.iter().take(LENGTH).map(letter).collect()
}

fn is_health(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/_healthcheck" | "/_ready")
}

/// May callers without a credential do everything? Where that cannot be read, every route that asks
/// for a right is refused anyway.
async fn is_open(access: &CallerAccess) -> bool {
    let known = access.state.current().await;
    known.is_ok_and(|known| known.open)
}
