//! What each of Kafka's answers means for us. Pure tables.

use crate::{
    admin::AdminError,
    consumer::ConsumerError,
    publisher::{DeliveryError, Refused},
};
use rdkafka::{error::KafkaError, types::RDKafkaErrorCode as Code};

/// What becomes of a record whose delivery failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    Answer(DeliveryError),
    /// Sent again if the producer turns out to have failed for good, otherwise of unknown outcome.
    PerhapsAgain(String),
}

/// The code in an error, also where `rdkafka` keeps it to itself.
pub(super) fn error_code(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::AdminOp(code)
        | KafkaError::ConsumerQueueClose(code)
        | KafkaError::MockCluster(code) => Some(*code),
        other => other.rdkafka_error_code(),
    }
}

/// Rejected is only what the record itself is to blame for, at every attempt alike. What the broker
/// may have taken at an earlier attempt (rights or a policy that changed in between) is unknown.
pub(super) fn delivery_failure(code: Code) -> Failed {
    match code {
        Code::MessageSizeTooLarge
        | Code::InvalidMessageSize
        | Code::InvalidMessage
        | Code::InvalidRecord
        | Code::InvalidTimestamp
        | Code::InvalidTopic
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::UnsupportedCompressionType => {
            Failed::Answer(DeliveryError::Rejected(code.to_string()))
        }
        Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::PolicyViolation
        | Code::MessageTimedOut => Failed::Answer(DeliveryError::Unknown(code.to_string())),
        other => Failed::PerhapsAgain(other.to_string()),
    }
}

/// Will the broker not have this client at all, whatever it asks?
pub(super) fn is_denial(code: Code) -> bool {
    matches!(
        code,
        Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL
    )
}

/// What a producer says at once; `None`: it failed for good and will be replaced.
pub(super) fn refused_send(code: Code) -> Option<Refused> {
    match code {
        Code::Fatal => None,
        Code::MessageSizeTooLarge | Code::InvalidMessageSize => Some(Refused::TooLarge),
        Code::UnknownTopic
        | Code::UnknownPartition
        | Code::UnknownTopicOrPartition
        | Code::InvalidTopic => Some(Refused::UnknownPartition),
        _ => Some(Refused::QueueFull),
    }
}

/// What a group member must hear; `None`: the client goes on by itself.
pub(super) fn consumer_error(error: &KafkaError) -> Option<ConsumerError> {
    let code = error_code(error)?;
    match (error, code) {
        (KafkaError::MessageConsumptionFatal(_), _)
        | (
            _,
            Code::Fatal
            | Code::GroupAuthorizationFailed
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::InconsistentGroupProtocol
            | Code::InvalidSessionTimeout
            | Code::UnsupportedAssignor,
        ) => Some(ConsumerError::Fatal(error.to_string())),
        (_, Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => {
            Some(ConsumerError::Unavailable(error.to_string()))
        }
        _ => None,
    }
}

/// Does it pass by itself within moments (a partition between two leaders, or just created)?
pub(super) fn is_transient(error: &KafkaError) -> bool {
    matches!(
        error_code(error),
        Some(
            Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::FencedLeaderEpoch
                | Code::UnknownLeaderEpoch
                | Code::OffsetNotAvailable
                | Code::BrokerTransportFailure
        )
    )
}

pub(super) fn admin_error(error: &KafkaError, topic: &str) -> AdminError {
    match error_code(error) {
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => {
            AdminError::UnknownPartition(topic.to_owned())
        }
        Some(
            Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::PolicyViolation
            | Code::InvalidTopic
            | Code::InvalidPartitions
            | Code::InvalidReplicationFactor
            | Code::InvalidConfig
            | Code::InvalidRequest
            | Code::UnsupportedVersion,
        ) => AdminError::Refused(error.to_string()),
        _ => AdminError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
