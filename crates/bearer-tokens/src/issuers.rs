//! All issuers that are believed. What a token says is looked at in this order: its form, its
//! issuer, its algorithm, its key, its signature, and only then its claims.

use crate::{
    IssuerConfig, IssuerConfigError, TokenBearer, TokenFault, claims,
    key_set::{IssuerKeys, PACE},
    signed_token::SignedToken,
};
use outbound::OutboundClient;
use runtime::{Clock, Shutdown};
use std::{collections::HashSet, sync::Arc};

struct TrustedIssuer {
    config: IssuerConfig,
    keys: IssuerKeys,
}

/// Of a deployment; there may be none.
pub struct TrustedIssuers {
    issuers: Vec<TrustedIssuer>,
    clock: Arc<dyn Clock>,
}

impl TrustedIssuers {
    pub fn new(
        configs: &[IssuerConfig],
        http: &OutboundClient,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IssuerConfigError> {
        let (mut names, mut issuers) = (HashSet::new(), HashSet::new());
        let mut trusted = Vec::with_capacity(configs.len());
        for config in configs {
            config.check()?;
            if !names.insert(&config.name) || !issuers.insert(&config.issuer) {
                return Err(config.wrong("another issuer has this `name` or `issuer`"));
            }
            let checked = http.check(&config.keys);
            checked.map_err(|error| config.wrong(format!("`keys`: {error}")))?;
            trusted.push(TrustedIssuer {
                config: config.clone(),
                keys: IssuerKeys::new(config, http.clone(), clock.clone()),
            });
        }
        Ok(Self {
            issuers: trusted,
            clock,
        })
    }

    /// Is this the name of a principal of one of them, whoever that may be?
    pub fn owns_name(&self, principal: &str) -> bool {
        let issuer = principal.split_once(':').map(|(issuer, _)| issuer);
        let mut names = self.issuers.iter().map(|one| one.config.name.as_str());
        issuer.is_some_and(|issuer| names.any(|name| name == issuer))
    }

    /// Who bears this token.
    pub async fn verify(&self, text: &str) -> Result<TokenBearer, TokenFault> {
        let token = SignedToken::read(text)?;
        let named = claims::text(&token.claims, "iss")?;
        let issuer = self.issuers.iter().find(|one| one.config.issuer == named);
        let TrustedIssuer { config, keys } = issuer.ok_or(TokenFault::UnknownIssuer)?;
        if !config.algorithms.contains(&token.algorithm) {
            return Err(TokenFault::Algorithm);
        }
        let mut keys = keys.of_id(&token.key_id).await?;
        keys.retain(|key| key.is_for(token.algorithm));
        if keys.is_empty() {
            return Err(TokenFault::UnknownKey);
        }
        let signed = token.signed.as_bytes();
        let verifies = |key: &crate::published_key::PublishedKey| {
            key.verifies(token.algorithm, signed, &token.signature)
        };
        if !keys.iter().any(verifies) {
            return Err(TokenFault::Signature);
        }
        claims::check_audience(&token.claims, &config.audiences)?;
        let now = self.clock.now();
        let until = claims::check_times(&token.claims, now, config.leeway_seconds)?;
        TokenBearer::of_claims(config, token.claims, until)
    }

    /// Keeps the keys of all of them fresh, until shutdown.
    pub async fn follow(&self, shutdown: Shutdown) {
        loop {
            for issuer in &self.issuers {
                issuer.keys.renew().await;
            }
            tokio::select! {
                () = shutdown.soft() => return,
                () = tokio::time::sleep(PACE) => {}
            }
        }
    }
}
