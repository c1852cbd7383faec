//! How what other parts report becomes a [`Problem`]. Every arm is named: a new way to fail must be
//! given its code here.

use super::{Code, Problem};
use catalog::Invalid;
use collections::CollectionError;
use event_log::{DeliveryError, Refused};
use event_schema::{
    outcome::{DeadReason, Parked, Refusal, RefusalCode},
    token::BadToken,
};
use store::{StoreError, mapping::BadMapping};

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Problem::new(Code::Invalid, invalid.to_string()).violations(invalid.0)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::Unavailable { .. } | StoreError::Denied { .. } => {
                Problem::new(Code::StoreUnavailable, detail).retry_after(2)
            }
            StoreError::Refused { .. } => Problem::new(Code::Internal, detail),
            StoreError::Unsupported { pointer, .. } => {
                Problem::new(Code::UnsupportedSearch, detail).at(pointer)
            }
            StoreError::BadSearch { pointer, .. } => {
                Problem::new(Code::BadSearch, detail).at(pointer)
            }
            StoreError::NotMigrated { .. } => {
                Problem::new(Code::NotMigrated, detail).retry_after(10)
            }
            StoreError::Damaged { .. } => Problem::new(Code::Damaged, detail),
        }
    }
}

impl From<BadToken> for Problem {
    fn from(error: BadToken) -> Self {
        match error {
            BadToken::Malformed | BadToken::Forged | BadToken::Foreign => {
                Problem::new(Code::BadToken, error.to_string())
            }
            BadToken::Expired => Problem::new(Code::ExpiredToken, error.to_string()),
        }
    }
}

/// The log would not even queue the record.
impl From<Refused> for Problem {
    fn from(why: Refused) -> Self {
        match why {
            Refused::QueueFull => Problem::new(Code::QueueFull, why.to_string()).retry_after(1),
            Refused::TooLarge => Problem::new(Code::BodyTooLarge, why.to_string()),
            Refused::UnknownPartition => {
                Problem::new(Code::NotMigrated, why.to_string()).retry_after(10)
            }
            Refused::Closed => Problem::new(Code::LogUnavailable, why.to_string()).retry_after(1),
        }
    }
}

/// The log queued the record and did not acknowledge it.
impl From<DeliveryError> for Problem {
    fn from(error: DeliveryError) -> Self {
        match error {
            DeliveryError::Rejected(_) => {
                Problem::new(Code::LogUnavailable, error.to_string()).retry_after(2)
            }
            DeliveryError::Unknown(_) => {
                Problem::new(Code::UnknownOutcome, error.to_string()).retry_after(2)
            }
        }
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let code = match refusal.code {
            RefusalCode::Exists => Code::Exists,
            RefusalCode::Missing => Code::Missing,
            RefusalCode::Version => Code::Version,
            RefusalCode::Superseded => Code::Superseded,
            RefusalCode::Discarded => Code::Discarded,
            RefusalCode::IdempotencyKeyReused => Code::IdempotencyKeyReused,
            RefusalCode::TooLarge => Code::TooLarge,
            RefusalCode::Unmappable => Code::Unmappable,
            RefusalCode::Rule => Code::Rule,
            RefusalCode::Forbidden => Code::Forbidden,
            RefusalCode::RateLimited => Code::RateLimited,
            RefusalCode::Revoked => Code::Revoked,
        };
        let mut problem = Problem::new(code, refusal.message.clone());
        if let Some(rule) = &refusal.rule {
            problem = problem.with("rule", rule.clone().into());
        }
        match &refusal.pointer {
            Some(pointer) => problem.at(pointer.clone()),
            None => problem,
        }
    }
}

impl From<&DeadReason> for Problem {
    fn from(reason: &DeadReason) -> Self {
        let problem = Problem::new(Code::DeadLettered, reason.message.clone())
            .with("reason", reason.code.clone().into());
        match &reason.store {
            Some(store) => problem.with("store", store.clone().into()),
            None => problem,
        }
    }
}

impl From<&Parked> for Problem {
    fn from(parked: &Parked) -> Self {
        let detail = "it waits behind a dead letter of its key";
        Problem::new(Code::Parked, detail).with("behind", parked.behind.to_string().into())
    }
}

impl From<CollectionError> for Problem {
    fn from(error: CollectionError) -> Self {
        let placed = |part: &str, bad: BadMapping| {
            Self::new(Code::BadMappings, bad.message).at(format!("/{part}{}", bad.pointer))
        };
        match error {
            CollectionError::Store(error) => error.into(),
            CollectionError::Malformed(bad) | CollectionError::Fixed(bad) => {
                placed("mappings", bad)
            }
            CollectionError::BadSettings(bad) => placed("settings", bad),
            CollectionError::Refused(why) => Self::new(Code::BadMappings, why),
            CollectionError::Gone => Self::new(Code::UnknownCollection, error.to_string()),
            CollectionError::Busy(_) => {
                Self::new(Code::StoreUnavailable, error.to_string()).retry_after(5)
            }
        }
    }
}

impl From<sealing::SubjectErased> for Problem {
    fn from(erased: sealing::SubjectErased) -> Self {
        Self::from(&Refusal {
            code: RefusalCode::Rule,
            message: erased.to_string(),
            rule: Some("erased".to_owned()),
            pointer: None,
        })
    }
}
