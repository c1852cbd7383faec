//! Why a call brought no answer. It must never hold the path of an address or a header: secrets are
//! among them.

use crate::RefusedAddress;
use std::error::Error;

/// No answer came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    #[error("the address cannot be called: {0}")]
    BadAddress(String),
    #[error("`{0}` is called by https only")]
    PlainHost(String),
    #[error(transparent)]
    Refused(#[from] RefusedAddress),
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    #[error("no answer came in time")]
    TimedOut,
    #[error("no answer came: {0}")]
    Failed(String),
}

impl OutboundError {
    /// May the same call bring an answer later, without anybody changing anything here?
    pub fn is_transient(&self) -> bool {
        match self {
            Self::TimedOut | Self::Failed(_) => true,
            Self::BadAddress(_) | Self::PlainHost(_) | Self::Refused(_) | Self::TooLong(_) => false,
        }
    }
}

impl From<reqwest::Error> for OutboundError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        let error = error.without_url();
        let mut cause: &(dyn Error + 'static) = &error;
        loop {
            if let Some(refused) = cause.downcast_ref::<RefusedAddress>() {
                return Self::Refused(refused.clone());
            }
            match cause.source() {
                Some(deeper) => cause = deeper,
                None => return Self::Failed(cause.to_string()),
            }
        }
    }
}
