//! Why a token is not believed. For logs and callers that decide; who shows a token is told nothing
//! of it.

/// What is wrong with a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    #[error("it is no signed token: {0}")]
    Malformed(&'static str),
    #[error("its issuer is not one that is believed")]
    UnknownIssuer,
    #[error("its algorithm is not among those of the issuer")]
    Algorithm,
    #[error("the issuer has published no key of this id for the algorithm")]
    UnknownKey,
    #[error("its signature is wrong")]
    Signature,
    #[error("its claim `{0}` is missing or of a wrong type")]
    Claim(&'static str),
    #[error("it is for others")]
    Audience,
    #[error("it is past its time")]
    Expired,
    #[error("it is not valid yet")]
    NotYet,
    /// It may be believed once they can be read.
    #[error("the keys of the issuer could not be read yet: {0}")]
    NoKeys(String),
}
