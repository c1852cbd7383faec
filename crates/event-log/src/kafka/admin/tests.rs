use super::*;

fn spec(cleanup: CleanupPolicy) -> TopicSpec {
    TopicSpec {
        name: "t".into(),
        partitions: 4,
        cleanup,
        record_limit: 3 << 20,
        durable: true,
    }
}

fn found(spec: &TopicSpec, replicas: usize) -> TopicDescription {
    let settings = topic_settings(spec, replicas)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    TopicDescription {
        partitions: spec.partitions,
        replicas,
        settings,
    }
}

#[test]
fn what_is_created_is_right() {
    for cleanup in [
        CleanupPolicy::Keep,
        CleanupPolicy::Age(3_600_000),
        CleanupPolicy::Compact,
    ] {
        let spec = spec(cleanup);
        assert_eq!(topic_differences(&spec, &found(&spec, 3)), []);
        assert_eq!(topic_weaknesses(&spec, &found(&spec, 3)), []);
    }
}

#[test]
fn every_difference_is_named() {
    let spec = spec(CleanupPolicy::Keep);
    for (setting, value) in [
        ("retention.ms", "604800000"),
        ("retention.bytes", "1000"),
        ("cleanup.policy", "compact"),
        ("message.timestamp.type", "CreateTime"),
        ("max.message.bytes", "1048588"),
    ] {
        let mut found = found(&spec, 3);
        found.settings.insert(setting.into(), value.into());
        let problems = topic_differences(&spec, &found);
        assert!(
            matches!(&problems[..], [TopicProblem::Setting { setting: named, found, .. }] if named == setting && found == value),
            "{problems:?}"
        );
    }
    let fewer = TopicDescription {
        partitions: 3,
        ..found(&spec, 3)
    };
    assert_eq!(
        topic_differences(&spec, &fewer)[0].to_string(),
        "topic `t`: `partitions` is `3`, must be `4`"
    );
    let mut larger = found(&spec, 3);
    larger
        .settings
        .insert("max.message.bytes".into(), "99999999".into());
    assert_eq!(
        topic_differences(&spec, &larger),
        [],
        "a topic may take more"
    );
}

#[test]
fn every_weakness_is_named() {
    let spec = spec(CleanupPolicy::Keep);
    let named = |found: &TopicDescription| {
        topic_weaknesses(&spec, found)
            .into_iter()
            .map(|weakness| weakness.setting)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        named(&found(&spec, 1)),
        ["t: replication", "t: min.insync.replicas"]
    );
    let mut unclean = found(&spec, 3);
    unclean
        .settings
        .insert("unclean.leader.election.enable".into(), "true".into());
    assert_eq!(named(&unclean), ["t: unclean.leader.election.enable"]);
}
