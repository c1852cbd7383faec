//! Which web pages may talk to this gateway. A browser says in `Origin` where a page is from;
//! whoever sends none is no browser, and is let in. It judges by what a browser says alone: it
//! authenticates nobody, and keeps no other program out.

use crate::{
    GatewayError,
    error::{Code, Problem},
};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header, uri::Authority};
use std::{convert::Infallible, net::IpAddr, time::Duration};
use tower::{Layer, Service, ServiceExt};
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, AllowPrivateNetwork, CorsLayer};

/// What a page may read of an answer beside its body.
const TOLD: [HeaderName; 5] = [
    HeaderName::from_static("consign-token"),
    HeaderName::from_static("preference-applied"),
    header::ETAG,
    header::LOCATION,
    header::RETRY_AFTER,
];
const METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];
/// How long a browser need not ask again whether it may.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The rule.
#[derive(Debug)]
pub(crate) struct Origins {
    any: bool,
    named: Vec<AllowedOrigin>,
    /// Only programs of this machine can reach the gateway, and so can every page that is open on
    /// it.
    loopback: bool,
    cors: CorsLayer,
}

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OriginStanding {
    /// No page's.
    Program,
    /// Of a page that may ask, and read the answer.
    Welcome,
    /// Of a page that may not.
    Foreign,
}

/// Whose page asks, beside the rule that every page may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageStanding {
    /// One that the settings name, or of the gateway itself.
    Allowed,
    Foreign,
    Unsaid,
}

/// Scheme, host and port; the port that goes without saying is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AllowedOrigin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Origins {
    /// `allowed` as in the settings; `listens`: the address that the gateway listens on.
    pub(crate) fn new(allowed: &[String], listens: IpAddr) -> Result<Self, GatewayError> {
        let named = allowed.iter().filter(|origin| *origin != "*");
        let named = named.map(|origin| {
            AllowedOrigin::parse(origin).ok_or_else(|| GatewayError::Origin(origin.clone()))
        });
        let any = allowed.iter().any(|origin| origin == "*");
        let cors = CorsLayer::new()
            // Cookies, where there are some.
            .allow_credentials(!any)
            .allow_origin(AllowOrigin::mirror_request())
            .allow_methods(AllowMethods::list(METHODS))
            .allow_headers(AllowHeaders::mirror_request())
            .allow_private_network(AllowPrivateNetwork::yes())
            .expose_headers(TOLD)
            .max_age(REMEMBERED);
        Ok(Self {
            any,
            named: named.collect::<Result<_, _>>()?,
            loopback: listens.is_loopback(),
            cors,
        })
    }

    pub(crate) fn judge(&self, headers: &HeaderMap, uri: &Uri) -> OriginStanding {
        let mut said = headers.get_all(header::ORIGIN).iter();
        match (said.next(), said.next()) {
            (None, _) => OriginStanding::Program,
            (Some(_), None) if self.any => OriginStanding::Welcome,
            (Some(origin), None) if self.is_welcome(origin, headers, uri) => {
                OriginStanding::Welcome
            }
            (Some(_), _) => OriginStanding::Foreign,
        }
    }

    /// May pages of every origin ask?
    pub(crate) fn is_any(&self) -> bool {
        self.any
    }

    pub(crate) fn page(&self, headers: &HeaderMap, uri: &Uri) -> PageStanding {
        let mut said = headers.get_all(header::ORIGIN).iter();
        match (said.next(), said.next()) {
            (None, _) => PageStanding::Unsaid,
            (Some(origin), None) if self.is_welcome(origin, headers, uri) => PageStanding::Allowed,
            (Some(_), _) => PageStanding::Foreign,
        }
    }

    fn is_welcome(&self, origin: &HeaderValue, headers: &HeaderMap, uri: &Uri) -> bool {
        let Some(origin) = origin.to_str().ok().and_then(AllowedOrigin::parse) else {
            return false;
        };
        let web = matches!(origin.scheme.as_str(), "http" | "https");
        self.named.contains(&origin)
            || (web && ((self.loopback && origin.is_local()) || self.is_own(&origin, headers, uri)))
    }

    /// A page from where the gateway itself is reached. On the loopback a name proves nothing:
    /// whoever owns one can let it lead here.
    fn is_own(&self, origin: &AllowedOrigin, headers: &HeaderMap, uri: &Uri) -> bool {
        let host = headers
            .get(header::HOST)
            .and_then(|host| Authority::try_from(host.as_bytes()).ok());
        let host = host
            .as_ref()
            .or(uri.authority())
            .map(|host| AllowedOrigin::of(&origin.scheme, host));
        host.as_ref() == Some(origin) && (!self.loopback || origin.address().is_some())
    }

    /// What a page that may not ask is told.
    pub(crate) fn refusal(headers: &HeaderMap) -> Response {
        let origin = headers.get(header::ORIGIN).map(|origin| {
            String::from_utf8_lossy(origin.as_bytes())
                .chars()
                .take(200)
                .collect::<String>()
        });
        Problem::new(
            Code::ForeignOrigin,
            format!(
                "pages of {} may not talk to this gateway",
                origin.unwrap_or_default()
            ),
        )
        .into_response()
    }

    /// For a page that may: answers a browser that asks so, and lets it read what `answered` says.
    pub(crate) async fn welcome<S, B>(&self, request: Request<B>, answered: S) -> Response
    where
        S: Service<Request<B>, Response = Response, Error = Infallible>,
    {
        match self.cors.layer(answered).oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

impl AllowedOrigin {
    /// `None`: no scheme, no host, or more than that.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let authority: Authority = authority.parse().ok()?;
        let sound = !scheme.is_empty() && !authority.as_str().contains(['@', '*']);
        sound.then(|| Self::of(&scheme.to_ascii_lowercase(), &authority))
    }

    fn of(scheme: &str, authority: &Authority) -> Self {
        let usual = match scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        let port = authority.port_u16().filter(|port| Some(*port) != usual);
        Self {
            scheme: scheme.to_owned(),
            host: authority.host().to_ascii_lowercase(),
            port,
        }
    }

    fn address(&self) -> Option<IpAddr> {
        self.host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .ok()
    }

    fn is_local(&self) -> bool {
        self.host == "localhost" || self.address().is_some_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests;
