//! One issuer that is believed: what its tokens say, once form, algorithm, key, signature, audience
//! and times are right.

use crate::{
    IssuerConfig, TokenFault, claims, key_set::IssuerKeys, published_key::PublishedKey,
    signed_token::SignedToken,
};
use serde_json::{Map, Value};

pub(crate) struct TrustedIssuer {
    pub config: IssuerConfig,
    pub keys: IssuerKeys,
}

impl TrustedIssuer {
    /// What a token says that this issuer signed for one of these, and until when it is believed,
    /// Unix milliseconds.
    pub(crate) async fn believed_claims(
        &self,
        token: SignedToken<'_>,
        audiences: &[String],
        now: i64,
    ) -> Result<(Map<String, Value>, i64), TokenFault> {
        if !self.config.algorithms.contains(&token.algorithm) {
            return Err(TokenFault::Algorithm);
        }
        let mut keys = self.keys.of_id(&token.key_id).await?;
        keys.retain(|key| key.is_for(token.algorithm));
        if keys.is_empty() {
            return Err(TokenFault::UnknownKey);
        }
        let signed = token.signed.as_bytes();
        let verifies = |key: &PublishedKey| key.verifies(token.algorithm, signed, &token.signature);
        if !keys.iter().any(verifies) {
            return Err(TokenFault::Signature);
        }
        claims::check_audience(&token.claims, audiences)?;
        let until = claims::check_times(&token.claims, now, self.config.leeway_seconds)?;
        Ok((token.claims, until))
    }
}
