//! Log-in by another issuer: the authorization code flow of OpenID Connect (Core 1.0, 3.1) with PKCE
//! (RFC 7636). A browser is sent to the issuer and comes back with a code, which is exchanged for an
//! ID token by the one outbound client. Who the browser is, and that it is the one that was sent, is
//! the caller's affair: it makes the [`AttemptSecrets`]. It must never log or print a code or secret.

mod discovery;
mod form;

use crate::{
    CodeFlowConfig, IssuerConfig, IssuerConfigError, TokenBearer, TokenFault, claims,
    signed_token::SignedToken, trusted_issuer::TrustedIssuer,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use discovery::{Discovery, PublishedEndpoints};
use form::{add_query, encode_form, encode_text};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use outbound::{OutboundClient, OutboundRequest};
use ring::digest::{SHA256, digest};
use runtime::Clock;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};
use zeroize::Zeroizing;

/// No code is longer, bytes.
const LONGEST_CODE: usize = 4096;
/// Of an issuer's own words in a fault, bytes.
const LONGEST_WORD: usize = 64;

/// Why nobody is logged in. For logs; who tries is told less.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginFault {
    #[error("the issuer cannot be asked: {0}")]
    Away(String),
    #[error("the issuer gives no token: {0}")]
    Refused(String),
    #[error("the token that the issuer gave is not believed: {0}")]
    Token(#[from] TokenFault),
    #[error("the token that the issuer gave is of another attempt")]
    Nonce,
    #[error("the token that the issuer gave was made for another client")]
    AuthorizedParty,
}

/// What belongs to one attempt to log in, and nobody can guess.
pub struct AttemptSecrets {
    /// Comes back with the code: the code is for this attempt.
    pub state: String,
    /// Comes back in the ID token: the token is for this attempt.
    pub nonce: String,
    /// Of PKCE: whoever has the code alone gets no token. Never given to a browser.
    pub verifier: Zeroizing<String>,
}

/// The client that this deployment is at an issuer.
pub(crate) struct CodeFlow {
    config: CodeFlowConfig,
    secret: Option<Zeroizing<String>>,
    discovery: Discovery,
    http: OutboundClient,
}

/// An issuer by which users log in.
#[derive(Clone, Copy)]
pub struct IssuerLogin<'a> {
    issuer: &'a TrustedIssuer,
    flow: &'a CodeFlow,
    clock: &'a dyn Clock,
}

/// What the token endpoint answers: of all that, the ID token counts.
#[derive(Deserialize)]
struct ExchangedTokens {
    id_token: String,
}

/// RFC 6749, 5.2.
#[derive(Deserialize)]
struct ExchangeRefusal {
    error: String,
}

impl CodeFlow {
    pub(crate) fn of_issuer(
        issuer: &IssuerConfig,
        http: &OutboundClient,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Self>, IssuerConfigError> {
        let Some(config) = &issuer.login else {
            return Ok(None);
        };
        let discovery = Discovery::new(issuer, http.clone(), clock.clone());
        let checked = http.check(discovery.address());
        checked.map_err(|error| issuer.wrong(format!("`issuer`: {error}")))?;
        let secret = config.secret().map_err(|why| issuer.wrong(why))?;
        Ok(Some(Self {
            config: config.clone(),
            secret,
            discovery,
            http: http.clone(),
        }))
    }

    /// The client's name and secret, as the issuer wants them: a header, or members of the form.
    fn authenticate<'a>(
        &'a self,
        endpoints: &PublishedEndpoints,
        form: &mut Vec<(&'static str, &'a str)>,
    ) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match &self.secret {
            Some(secret) if endpoints.takes_basic() => {
                let (id, secret) = (encode_text(&self.config.client_id), encode_text(secret));
                let pair = Zeroizing::new(format!("{id}:{secret}"));
                let basic = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
                if let Ok(mut value) = HeaderValue::try_from(basic.as_str()) {
                    value.set_sensitive(true);
                    headers.insert(header::AUTHORIZATION, value);
                }
            }
            Some(secret) => {
                form.push(("client_id", self.config.client_id.as_str()));
                form.push(("client_secret", secret.as_str()));
            }
            None => form.push(("client_id", self.config.client_id.as_str())),
        }
        headers
    }

    /// The ID token for a code.
    async fn exchange(
        &self,
        code: &str,
        secrets: &AttemptSecrets,
    ) -> Result<Zeroizing<String>, LoginFault> {
        let endpoints = self.discovery.current().await.map_err(LoginFault::Away)?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.config.redirect.as_str()),
            ("code_verifier", secrets.verifier.as_str()),
        ];
        let mut headers = self.authenticate(&endpoints, &mut form);
        let form_kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form_kind);
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::ACCEPT, json);
        let request = OutboundRequest {
            method: Method::POST,
            url: endpoints.token_endpoint.clone(),
            headers,
            body: encode_form(&form).into(),
        };
        let answer = self.http.send(request).await;
        let answer = answer.map_err(|error| LoginFault::Away(error.to_string()))?;
        if answer.status == StatusCode::OK {
            let tokens: Result<ExchangedTokens, _> = serde_json::from_slice(&answer.body);
            let tokens = tokens.map_err(|_| LoginFault::Refused("no ID token".to_owned()))?;
            return Ok(Zeroizing::new(tokens.id_token));
        }
        let status = answer.status.as_u16();
        if answer.status.is_server_error() {
            return Err(LoginFault::Away(format!("the status is {status}")));
        }
        let refusal: Option<ExchangeRefusal> = serde_json::from_slice(&answer.body).ok();
        let said = refusal.map_or_else(|| status.to_string(), |refusal| word(&refusal.error));
        Err(LoginFault::Refused(said))
    }
}

/// Of what somebody else wrote: what may stand in a log.
fn word(text: &str) -> String {
    let plain = text.chars().filter(|letter| letter.is_ascii_graphic());
    plain.take(LONGEST_WORD).collect()
}

impl<'a> IssuerLogin<'a> {
    pub(crate) fn of_issuer(
        issuer: &'a TrustedIssuer,
        flow: &'a CodeFlow,
        clock: &'a dyn Clock,
    ) -> Self {
        Self {
            issuer,
            flow,
            clock,
        }
    }

    /// Its name in the configuration, and its own.
    pub fn names(self) -> (&'a str, &'a str) {
        (&self.issuer.config.name, &self.issuer.config.issuer)
    }

    /// Where a browser that comes back to the gateway itself goes on.
    pub fn landing(self) -> Option<&'a str> {
        self.flow.config.landing.as_deref()
    }

    /// No session of its principals lasts longer.
    pub fn longest_session(self) -> Duration {
        Duration::from_secs(self.flow.config.longest_session_seconds)
    }

    /// Where a browser is sent for this attempt.
    pub async fn redirect(self, secrets: &AttemptSecrets) -> Result<String, LoginFault> {
        let endpoints = self.flow.discovery.current().await;
        let endpoints = endpoints.map_err(LoginFault::Away)?;
        let config = &self.flow.config;
        let challenge = digest(&SHA256, secrets.verifier.as_bytes());
        let (challenge, scopes) = (URL_SAFE_NO_PAD.encode(challenge), config.scopes.join(" "));
        let asked = [
            ("response_type", "code"),
            ("client_id", config.client_id.as_str()),
            ("redirect_uri", config.redirect.as_str()),
            ("scope", scopes.as_str()),
            ("state", secrets.state.as_str()),
            ("nonce", secrets.nonce.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        Ok(add_query(&endpoints.authorization_endpoint, &asked))
    }

    /// Who came back with this code.
    pub async fn exchange(
        self,
        code: &str,
        secrets: &AttemptSecrets,
    ) -> Result<TokenBearer, LoginFault> {
        if code.len() > LONGEST_CODE {
            return Err(LoginFault::Refused("the code is too long".to_owned()));
        }
        let text = self.flow.exchange(code, secrets).await?;
        let token = SignedToken::read(&text)?;
        let config = &self.issuer.config;
        if claims::text(&token.claims, "iss")? != config.issuer {
            return Err(TokenFault::UnknownIssuer.into());
        }
        let client = &self.flow.config.client_id;
        let believed =
            self.issuer
                .believed_claims(token, std::slice::from_ref(client), self.clock.now());
        let (claims, until) = believed.await?;
        expect_party(&claims, client)?;
        if claims::text(&claims, "nonce")? != secrets.nonce {
            return Err(LoginFault::Nonce);
        }
        Ok(TokenBearer::of_claims(config, claims, until)?)
    }
}

/// A token for several was asked for by this client (OpenID Connect Core, 3.1.3.7).
fn expect_party(claims: &Map<String, Value>, client: &str) -> Result<(), LoginFault> {
    let is_for_many = claims
        .get("aud")
        .and_then(Value::as_array)
        .is_some_and(|audiences| audiences.len() > 1);
    match claims.get("azp") {
        Some(Value::String(party)) if party == client => Ok(()),
        None if !is_for_many => Ok(()),
        None | Some(_) => Err(LoginFault::AuthorizedParty),
    }
}
