use super::*;

#[test]
fn failed_deliveries() {
    let answer = |code| match delivery_failure(code) {
        Failed::Answer(DeliveryError::Rejected(_)) => "rejected",
        Failed::Answer(DeliveryError::Unknown(_)) => "unknown",
        Failed::PerhapsAgain(_) => "again",
    };
    for (code, expected) in [
        (Code::MessageSizeTooLarge, "rejected"),
        (Code::InvalidTimestamp, "rejected"),
        (Code::UnknownPartition, "rejected"),
        // Rights and policies change: an earlier attempt may have been taken.
        (Code::TopicAuthorizationFailed, "unknown"),
        (Code::ClusterAuthorizationFailed, "unknown"),
        (Code::PolicyViolation, "unknown"),
        (Code::MessageTimedOut, "unknown"),
        // A fatal error leaves these behind; without one the outcome is not known.
        (Code::PurgeQueue, "again"),
        (Code::PurgeInflight, "again"),
        (Code::Fatal, "again"),
        (Code::OutOfOrderSequenceNumber, "again"),
        (Code::NotLeaderForPartition, "again"),
        (Code::RequestTimedOut, "again"),
        (Code::NotEnoughReplicasAfterAppend, "again"),
    ] {
        assert_eq!(answer(code), expected, "{code:?}");
    }
}

#[test]
fn refusals() {
    assert_eq!(refused_send(Code::Fatal), None);
    assert_eq!(refused_send(Code::QueueFull), Some(Refused::QueueFull));
    assert_eq!(
        refused_send(Code::MessageSizeTooLarge),
        Some(Refused::TooLarge)
    );
    assert_eq!(
        refused_send(Code::UnknownPartition),
        Some(Refused::UnknownPartition)
    );
}

#[test]
fn what_a_member_hears() {
    let heard = |code| consumer_error(&KafkaError::MessageConsumption(code));
    assert!(matches!(
        heard(Code::GroupAuthorizationFailed),
        Some(ConsumerError::Fatal(_))
    ));
    assert!(matches!(
        heard(Code::UnknownTopicOrPartition),
        Some(ConsumerError::Unavailable(_))
    ));
    assert_eq!(heard(Code::AllBrokersDown), None);
    assert_eq!(heard(Code::BrokerTransportFailure), None);
    assert!(matches!(
        consumer_error(&KafkaError::MessageConsumptionFatal(Code::FencedInstanceId)),
        Some(ConsumerError::Fatal(_))
    ));
}

#[test]
fn what_an_administrator_hears() {
    let heard = |code| admin_error(&KafkaError::AdminOp(code), "topic");
    assert_eq!(
        heard(Code::UnknownTopicOrPartition),
        AdminError::UnknownPartition("topic".into())
    );
    assert!(matches!(
        heard(Code::InvalidReplicationFactor),
        AdminError::Refused(_)
    ));
    assert!(matches!(
        heard(Code::RequestTimedOut),
        AdminError::Unavailable(_)
    ));
}
