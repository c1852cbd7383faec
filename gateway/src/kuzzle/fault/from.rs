//! How the gateway's problems become faults. Every arm is named: a new code must be given its wire
//! form here too.

use super::{Fault, Id};
use crate::error::{Code, Problem};
use store::StoreError;

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        let id = match problem.code() {
            Code::BadRequest
            | Code::BadHeader
            | Code::BadRequestId
            | Code::BadGzip
            | Code::BadUpload
            | Code::BadCatalog
            | Code::ForeignOrigin => Id::BadHttp,
            Code::EmptyBody => Id::BodyRequired,
            Code::NotJson
            | Code::InvalidUtf8
            | Code::DuplicateKey
            | Code::TooDeep
            | Code::NumberOutOfRange
            | Code::IncompleteBody => Id::BadBody,
            Code::BadToken | Code::ExpiredToken | Code::BadKey | Code::NotInBulk => {
                Id::InvalidArgument
            }
            Code::UnknownRoute | Code::UnknownOperation | Code::UnknownTable => Id::NoUrl,
            Code::UnknownCollection => Id::UnknownCollection,
            Code::UnknownRequest
            | Code::UnknownReplay
            | Code::UnknownAudit
            | Code::HistoryGone
            | Code::Missing => Id::NotFound,
            Code::MethodNotAllowed | Code::TooSlow => Id::BadVerb,
            Code::Exists | Code::CollectionDiffers => Id::DocumentExists,
            Code::Superseded | Code::ReplayEnded | Code::Version => Id::VersionConflict,
            Code::IdempotencyInFlight | Code::IdempotencyKeyReused | Code::RateLimited => {
                Id::InvalidArgument
            }
            Code::Forbidden | Code::Revoked => Id::Forbidden,
            Code::BodyTooLarge | Code::HeadTooLarge | Code::GzipRatio => Id::RequestTooLarge,
            Code::UnsupportedMediaType => Id::BadContent,
            Code::UnsupportedEncoding => Id::BadEncoding,
            Code::Invalid | Code::BadName => Id::InvalidArgument,
            Code::BadMappings => Id::InvalidMapping,
            Code::BadSearch => Id::StorageBadRequest,
            Code::TooLarge | Code::Unmappable | Code::Rule => Id::StorageBadRequest,
            Code::HookRefused => Id::HookRefused,
            Code::HookUnavailable => Id::HookUnavailable,
            Code::HookAnswerInvalid => Id::HookAnswerInvalid,
            Code::AnswerTooLarge => Id::GetLimit,
            Code::Overloaded | Code::QueueFull | Code::AuditRunning | Code::TooManyRequests => {
                Id::TooManyRequests
            }
            Code::DeadLettered => Id::DeadLettered,
            Code::Parked => Id::Parked,
            Code::Discarded => Id::Discarded,
            Code::Damaged | Code::Internal => Id::Unexpected,
            Code::UnsupportedSearch | Code::NoView => Id::Unsupported,
            Code::LogUnavailable | Code::LogDenied | Code::SpoolFull | Code::SpoolUnavailable => {
                Id::LogAway
            }
            Code::UnknownOutcome => Id::UnknownOutcome,
            Code::StoreUnavailable | Code::NotMigrated => Id::StoreAway,
            Code::SecurityStale | Code::SetUpRequired => Id::SecurityStale,
            Code::Unauthenticated => Id::Unauthorized,
            Code::ShuttingDown => Id::ShuttingDown,
            Code::LookupIncomplete | Code::KeyLocked => Id::Overloaded,
            Code::NotYet => Id::NotApplied,
        };
        let told = match problem.pointer() {
            Some(pointer) if !pointer.is_empty() => format!("{} (at {pointer})", problem.detail()),
            _ => problem.detail().to_owned(),
        };
        Fault::new(id, told)
            .about(problem.request(), problem.token().map(str::to_owned))
            .retry_after(problem.after_seconds())
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}
