//! Sessions in cookies, for pages: their scripts never see the token. A browser sends a cookie whoever
//! makes it ask, so one counts only where the browser says that an allowed page asks, in a request
//! that no form can make. Kuzzle's protocol alone looks at them. It must never take a cookie that
//! does not count for none.

use super::Caller;
use crate::{
    config::{Security, TlsEnd},
    origins::{Origins, PageStanding},
};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

/// Of a deployment: how its cookies are called, if there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionCookies {
    /// Where pages of every origin may ask, or others could read along.
    Unsupported,
    /// On the loopback, where there is no TLS.
    Plain,
    Secure,
}

/// What a head says of a session in a cookie.
#[derive(Clone, Debug)]
pub(crate) struct HeadCookie {
    pub token: Option<String>,
    /// Why a cookie does not count here, nor is one set; nothing, if it does.
    pub refusal: Option<CookieRefusal>,
    /// On a connection that stays open: who showed it first. That the token was refreshed since, by
    /// another page of the same browser, does not put it into two hands.
    pub begun: Option<Arc<OnceLock<Caller>>>,
    /// The attempt to log in by another issuer that this browser began.
    pub attempt: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CookieRefusal {
    #[error(
        "sessions in cookies are not supported: pages of every origin may ask, or TLS is missing"
    )]
    Unsupported,
    #[error("a session in a cookie is for HTTP: a connection has that with which it was opened")]
    NotHttp,
    #[error("a session in a cookie is for pages that are allowed, of which the browser says so")]
    Page,
    #[error("a request with a session in a cookie says that its content is JSON")]
    Content,
    #[error("there are two cookies of one name")]
    Twice,
}

impl HeadCookie {
    /// Of what came without a head.
    pub(crate) fn none() -> Self {
        Self {
            token: None,
            refusal: Some(CookieRefusal::NotHttp),
            begun: None,
            attempt: None,
        }
    }

    /// As all requests of a connection show it that was opened with it.
    pub(crate) fn of_connection(self) -> Self {
        let begun = self.token.as_ref().map(|_| Arc::default());
        Self { begun, ..self }
    }
}

impl SessionCookies {
    pub(crate) fn new(security: &Security, listens: IpAddr, origins: &Origins) -> Self {
        if origins.is_any() {
            Self::Unsupported
        } else if security.tls != TlsEnd::None {
            Self::Secure
        } else if listens.is_loopback() {
            Self::Plain
        } else {
            Self::Unsupported
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Secure => "__Host-authToken",
            Self::Plain | Self::Unsupported => "authToken",
        }
    }

    /// Where cookies are not supported, none is looked at.
    pub(crate) fn read(
        self,
        origins: &Origins,
        (method, headers, uri): (&Method, &HeaderMap, &Uri),
    ) -> HeadCookie {
        let refused = |refusal| HeadCookie {
            token: None,
            refusal: Some(refusal),
            begun: None,
            attempt: None,
        };
        if self == Self::Unsupported {
            return refused(CookieRefusal::Unsupported);
        }
        let mut shown = cookies_of_name(headers, self.name());
        let (token, second) = (shown.next(), shown.next());
        let refusal = if second.is_some() {
            Some(CookieRefusal::Twice)
        } else if !is_of_allowed_page(origins, headers, uri) {
            Some(CookieRefusal::Page)
        } else if !matches!(*method, Method::GET | Method::HEAD) && !is_json(headers) {
            Some(CookieRefusal::Content)
        } else {
            None
        };
        HeadCookie {
            token: token.map(str::to_owned),
            refusal,
            begun: None,
            attempt: self.shown_attempt(headers),
        }
    }

    /// It comes back from another site, and what it says is worth nothing without what that site
    /// says: so it counts whoever asks.
    fn shown_attempt(self, headers: &HeaderMap) -> Option<String> {
        let mut shown = cookies_of_name(headers, self.attempt_name());
        let (attempt, second) = (shown.next(), shown.next());
        attempt.filter(|_| second.is_none()).map(str::to_owned)
    }

    fn attempt_name(self) -> &'static str {
        match self {
            Self::Secure => "__Host-loginAttempt",
            Self::Plain | Self::Unsupported => "loginAttempt",
        }
    }

    /// An attempt to log in by another issuer; `seconds`: nought takes it back.
    pub(crate) fn attempt(self, attempt: &str, seconds: i64) -> Option<HeaderValue> {
        self.line((self.attempt_name(), attempt), "Lax", seconds)
    }

    /// `ttl`: milliseconds.
    pub(crate) fn setting(self, token: &str, ttl: i64) -> Option<HeaderValue> {
        self.line((self.name(), token), "Strict", ttl / 1000)
    }

    /// As Kuzzle takes it back.
    pub(crate) fn clearing(self) -> Option<HeaderValue> {
        self.line((self.name(), "null"), "Strict", 0)
    }

    fn line(
        self,
        (name, value): (&str, &str),
        same_site: &str,
        seconds: i64,
    ) -> Option<HeaderValue> {
        let secure = match self {
            Self::Unsupported => return None,
            Self::Plain => "",
            Self::Secure => "; Secure",
        };
        let seconds = seconds.max(0);
        let line = format!(
            "{name}={value}; HttpOnly; Path=/; SameSite={same_site}; Max-Age={seconds}{secure}"
        );
        let mut line = HeaderValue::try_from(line).ok()?;
        line.set_sensitive(true);
        Some(line)
    }
}

/// What logging out leaves in it is none.
fn cookies_of_name<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let lines = lines.map(|line| line.to_str().unwrap_or_default());
    let pairs = lines.flat_map(|line| line.split(';'));
    let named = pairs.filter_map(move |pair| {
        let (known, value) = pair.trim().split_once('=')?;
        (known == name).then_some(value.trim_matches('"'))
    });
    named.filter(|value| !value.is_empty() && *value != "null")
}

/// A page that the settings name, or one of this very gateway. A browser that sends no `Origin` says
/// in `Sec-Fetch-Site` whose page asks; a script cannot set either.
fn is_of_allowed_page(origins: &Origins, headers: &HeaderMap, uri: &Uri) -> bool {
    match origins.page(headers, uri) {
        PageStanding::Allowed => true,
        PageStanding::Foreign => false,
        PageStanding::Unsaid => {
            let mut said = headers.get_all("sec-fetch-site").iter();
            let is_same = said.next().is_some_and(|site| site == "same-origin");
            is_same && said.next().is_none()
        }
    }
}

/// Does a browser send this for a page that may not act as its user? A program that says nothing of a
/// page has none.
pub(crate) fn is_of_foreign_page(origins: &Origins, headers: &HeaderMap, uri: &Uri) -> bool {
    match origins.page(headers, uri) {
        PageStanding::Allowed => false,
        PageStanding::Foreign => true,
        PageStanding::Unsaid => {
            let mut said = headers.get_all("sec-fetch-site").iter();
            // `none`: whoever sits there typed the address.
            said.any(|site| site != "same-origin" && site != "none")
        }
    }
}

/// Forms cannot say so.
fn is_json(headers: &HeaderMap) -> bool {
    let mut said = headers.get_all(header::CONTENT_TYPE).iter();
    let kind = said.next().and_then(|kind| kind.to_str().ok());
    let name = kind.and_then(|kind| kind.split(';').next());
    let is_json = name.is_some_and(|name| name.trim().eq_ignore_ascii_case("application/json"));
    is_json && said.next().is_none()
}

#[cfg(test)]
mod tests;
