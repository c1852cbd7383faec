//! Who a request is made for, and what he may do. [`Caller`]s are made in one place, [`CallerAccess`]: of
//! the credential that a request shows, once for each request, before its body is read. It must
//! never take a credential that cannot be verified for none at all.

pub(crate) mod accounts;
pub(crate) mod api_key;
pub(crate) mod authenticator;
pub(crate) mod belief;
pub(crate) mod client_address;
pub(crate) mod cookie;
pub(crate) mod limits;
pub(crate) mod login_attempt;
pub(crate) mod password;
pub(crate) mod right;
pub(crate) mod rights_state;
pub(crate) mod session;
pub(crate) mod system;

pub(crate) use api_key::ApiKeyText;
pub(crate) use authenticator::{AccessError, CallerAccess, unconfirmed::UnconfirmedCaller};
pub(crate) use belief::CallerBasis;
pub(crate) use client_address::ClientAddress;
pub(crate) use right::{Denied, PlaceRule, Right};

use crate::error::Problem;
use axum::extract::FromRequestParts;
use http::{Extensions, HeaderMap, header, request::Parts};
use rights::{ActionPlace, CompiledRights};
use serde_json::{Map, Value};
use session::UserSession;
use std::{convert::Infallible, ops::Deref, sync::Arc};

/// The one tenant there is.
pub(crate) const TENANT: &str = "default";
/// The name of callers who show no credential. Tokens and keys are bound to it.
pub(crate) const ANONYMOUS: &str = "anonymous";
/// What clients of Kuzzle's protocol call them.
pub(crate) const ANONYMOUS_KUID: &str = "-1";

/// By what a caller is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    Nothing,
    /// One that was shown when the request came in which is carried out now.
    Kept,
    Session(UserSession),
    /// Its id, what its owner's keys were when it was made, and when it ends by itself, Unix
    /// milliseconds.
    ApiKey {
        id: String,
        birth: String,
        until: Option<i64>,
    },
    /// A client's certificate, which stands for a user: what the account was when it was looked at,
    /// and both ends of the certificate's time, Unix milliseconds.
    Certificate {
        birth: String,
        from: i64,
        until: i64,
    },
    /// A token that another issuer made: until when it is believed, Unix milliseconds, and what it
    /// says of its bearer.
    Issued {
        until: i64,
        attributes: Arc<Map<String, Value>>,
    },
}

/// A user or program within a tenant, and what it may do now.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    pub tenant: Arc<str>,
    pub name: Arc<str>,
    pub credential: Credential,
    pub profiles: Arc<[String]>,
    pub rights: CompiledRights,
    /// Requests a second, if they are limited.
    pub rate: Option<u32>,
    /// What was read of it, and when.
    pub basis: CallerBasis,
    /// It could not be looked at: it is let in for a write that says so.
    pub unconfirmed: Option<UnconfirmedCaller>,
}

impl Principal {
    /// # Errors
    /// If it could not be looked at: this takes effect without another look.
    pub(crate) fn require_look(&self) -> Result<(), Problem> {
        match self.unconfirmed {
            None => Ok(()),
            Some(_) => Err(no_look()),
        }
    }
}

/// Why what a caller asks who could not be looked at is not done.
pub(crate) fn no_look() -> Problem {
    AccessError::Stale("nothing looks again before this takes effect".to_owned()).into()
}

/// The principal of a request. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Caller(Arc<Principal>);

impl Caller {
    pub(crate) fn new(principal: Principal) -> Self {
        Self(Arc::new(principal))
    }

    /// Of a request whose credential was not looked at: it may do nothing.
    pub(crate) fn nobody() -> Self {
        Self::new(Principal {
            tenant: TENANT.into(),
            name: ANONYMOUS.into(),
            credential: Credential::Nothing,
            profiles: Arc::default(),
            rights: CompiledRights::default(),
            rate: None,
            basis: CallerBasis::default(),
            unconfirmed: None,
        })
    }

    /// Of a request that was let in.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions
            .get::<Self>()
            .cloned()
            .unwrap_or_else(Self::nobody)
    }
}

#[cfg(test)]
impl Caller {
    pub(crate) fn for_test(tenant: &str, name: &str) -> Self {
        Self::new(Principal {
            tenant: tenant.into(),
            name: name.into(),
            credential: Credential::Nothing,
            profiles: Arc::default(),
            rights: CompiledRights::default(),
            rate: None,
            basis: CallerBasis::default(),
            unconfirmed: None,
        })
    }
}

impl Deref for Caller {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

impl Principal {
    /// Under which an Idempotency-Key means one request: parts are length-prefixed, so no two scopes
    /// collide.
    pub(crate) fn scope(&self, operation: &str) -> Vec<u8> {
        let mut scope = Vec::with_capacity(64);
        for part in [&self.tenant, &self.name, operation] {
            scope.extend_from_slice(&(part.len() as u32).to_le_bytes());
            scope.extend_from_slice(part.as_bytes());
        }
        scope
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        self.credential == Credential::Nothing
    }

    /// Its id as clients of Kuzzle's protocol know it.
    pub(crate) fn kuid(&self) -> &str {
        if self.is_anonymous() {
            ANONYMOUS_KUID
        } else {
            &self.name
        }
    }

    pub(crate) fn session(&self) -> Option<&UserSession> {
        match &self.credential {
            Credential::Session(session) => Some(session),
            Credential::Nothing
            | Credential::Kept
            | Credential::ApiKey { .. }
            | Credential::Certificate { .. }
            | Credential::Issued { .. } => None,
        }
    }

    /// What an issuer says of the caller, if it is one of another issuer: nobody of this deployment.
    pub(crate) fn issued(&self) -> Option<&Map<String, Value>> {
        match &self.credential {
            Credential::Issued { attributes, .. } => Some(attributes),
            Credential::Session(session) => {
                let issued = session.issued.as_ref();
                issued.map(|issued| &issued.attributes)
            }
            Credential::Nothing
            | Credential::Kept
            | Credential::ApiKey { .. }
            | Credential::Certificate { .. } => None,
        }
    }

    /// May it do this there?
    pub(crate) fn check(
        &self,
        (controller, action): (&str, &str),
        place: ActionPlace<'_>,
    ) -> Result<(), Denied> {
        if self.rights.allows(controller, action, place) {
            Ok(())
        } else {
            Err(Denied::new(self, controller, action))
        }
    }
}

/// What a head shows: the user's token where Sunbird's clients put it (their `Authorization` is
/// their application's), else the bearer. Anything else in `Authorization` is a credential, too,
/// and one that nobody can verify.
pub(crate) fn shown_credential(headers: &HeaderMap) -> Option<&str> {
    if let Some(token) = headers.get("x-authenticated-user-token") {
        return Some(token.to_str().unwrap_or("?"));
    }
    let shown = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or("?");
    let (scheme, token) = shown.split_once(' ').unwrap_or((shown, ""));
    if scheme.eq_ignore_ascii_case("bearer") {
        Some(token.trim()).filter(|token| !token.is_empty() && *token != "null")
    } else {
        Some(shown)
    }
}
