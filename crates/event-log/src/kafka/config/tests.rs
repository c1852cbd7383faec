use super::*;

fn settings(properties: &[(&str, &str)]) -> KafkaSettings {
    KafkaSettings {
        brokers: "localhost:1".into(),
        properties: properties
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
    }
}

fn checked(properties: &[(&str, &str)]) -> CheckedProperties {
    CheckedProperties::new(settings(properties)).unwrap()
}

#[test]
fn what_promises_need_cannot_be_changed() {
    for (name, value) in [
        ("acks", "1"),
        ("request.required.acks", "0"),
        ("producer.acks", "1"),
        ("enable.idempotence", "false"),
        ("message.timeout.ms", "60000"),
        ("producer.delivery.timeout.ms", "60000"),
        ("retries", "3"),
        ("auto.offset.reset", "earliest"),
        ("consumer.enable.auto.commit", "true"),
        ("allow.auto.create.topics", "true"),
    ] {
        let error = CheckedProperties::new(settings(&[(name, value)])).err();
        assert!(
            matches!(&error, Some(SettingError::Required { name: named, found, .. }) if named == name && found == value),
            "{name}: {error:?}"
        );
    }
    for name in [
        "group.id",
        "consumer.group.instance.id",
        "transactional.id",
        "bootstrap.servers",
        "partition.assignment.strategy",
    ] {
        let error = CheckedProperties::new(settings(&[(name, "x")])).err();
        assert!(
            matches!(&error, Some(SettingError::Ours { name: named, .. }) if named == name),
            "{name}: {error:?}"
        );
    }
}

#[test]
fn the_error_says_what_and_why() {
    let error = CheckedProperties::new(settings(&[("acks", "1")]))
        .err()
        .unwrap();
    let text = "the Kafka property `acks` must be `all` and cannot be set to `1`: an acknowledged record must be on all replicas in sync";
    assert_eq!(error.to_string(), text);
}

#[test]
fn saying_what_is_so_anyway_is_fine() {
    checked(&[
        ("acks", "all"),
        ("producer.acks", "-1"),
        ("enable.idempotence", "true"),
        ("message.timeout.ms", "0"),
        ("auto.offset.reset", "error"),
    ]);
}

#[test]
fn others_are_passed_through_to_whom_they_concern() {
    let checked = checked(&[
        ("security.protocol", "ssl"),
        ("producer.linger.ms", "7"),
        ("consumer.fetch.min.bytes", "2"),
        ("sasl.password", "secret"),
    ]);
    let (producer, fetcher, member, admin) = (
        checked.producer(),
        checked.fetcher(),
        checked.member("g"),
        checked.admin(),
    );
    for config in [&producer, &fetcher, &member, &admin] {
        assert_eq!(config.get("security.protocol"), Some("ssl"));
        assert_eq!(config.get("sasl.password"), Some("secret"));
        assert_eq!(config.get("bootstrap.servers"), Some("localhost:1"));
    }
    assert_eq!(
        (producer.get("linger.ms"), fetcher.get("linger.ms")),
        (Some("7"), None)
    );
    assert_eq!(
        (
            producer.get("fetch.min.bytes"),
            fetcher.get("fetch.min.bytes")
        ),
        (None, Some("2"))
    );
    assert_eq!(
        (producer.get("acks"), producer.get("enable.idempotence")),
        (Some("all"), Some("true"))
    );
    assert_eq!(producer.get("message.timeout.ms"), Some("0"));
    assert_eq!(
        (member.get("group.id"), member.get("auto.offset.reset")),
        (Some("g"), Some("error"))
    );
}

#[test]
fn groups_are_classic_unless_told_otherwise() {
    let member = checked(&[]).member("g");
    assert_eq!(
        member.get("partition.assignment.strategy"),
        Some("cooperative-sticky")
    );
    assert_eq!(member.get("session.timeout.ms"), Some("10000"));
    let newer = checked(&[("group.protocol", "consumer")]);
    let member = newer.member("g");
    assert_eq!(member.get("group.protocol"), Some("consumer"));
    for name in [
        "partition.assignment.strategy",
        "session.timeout.ms",
        "heartbeat.interval.ms",
    ] {
        assert_eq!(member.get(name), None, "{name} is the broker's");
    }
    assert_eq!(newer.producer().get("group.protocol"), None);
    assert_eq!(newer.fetcher().get("group.protocol"), None);
    let patient = checked(&[("session.timeout.ms", "30000")]);
    assert_eq!(patient.member("g").get("session.timeout.ms"), Some("30000"));
}

#[test]
fn the_queue_has_the_bounds_that_are_set() {
    let default = checked(&[]);
    assert_eq!(
        (default.queue_records, default.queue_bytes),
        (100_000, 64 << 20)
    );
    let small = checked(&[
        ("producer.queue.buffering.max.messages", "10"),
        ("queue.buffering.max.kbytes", "2"),
    ]);
    assert_eq!((small.queue_records, small.queue_bytes), (10, 2048));
    let wrong = CheckedProperties::new(settings(&[("queue.buffering.max.messages", "many")])).err();
    assert!(matches!(wrong, Some(SettingError::NotANumber { .. })));
}

#[test]
fn brokers_are_needed() {
    assert_eq!(
        CheckedProperties::new(KafkaSettings::default()).err(),
        Some(SettingError::NoBrokers)
    );
}

#[test]
fn passwords_are_not_shown() {
    let shown = format!("{:?}", settings(&[("sasl.password", "hunter2")]));
    assert!(
        !shown.contains("hunter2") && shown.contains("sasl.password"),
        "{shown}"
    );
}

#[test]
fn every_client_takes_its_settings() {
    use rdkafka::{
        admin::AdminClient, client::DefaultClientContext, config::FromClientConfig,
        consumer::BaseConsumer, producer::BaseProducer,
    };
    for properties in [
        &[][..],
        &[("group.protocol", "consumer")],
        &[
            ("security.protocol", "ssl"),
            ("enable.ssl.certificate.verification", "false"),
        ],
    ] {
        let checked = checked(properties);
        let _: BaseProducer = BaseProducer::from_config(&checked.producer()).unwrap();
        let _: AdminClient<DefaultClientContext> =
            AdminClient::from_config(&checked.admin()).unwrap();
        let _: BaseConsumer = BaseConsumer::from_config(&checked.fetcher()).unwrap();
        let _: BaseConsumer = BaseConsumer::from_config(&checked.member("g")).unwrap();
    }
}
