//! The default file is the documentation: it must say what the code does, and know every key.

use super::*;
use runtime::settings::leaf_values;

fn layered(
    file: Option<&str>,
    variables: &[(&str, &str)],
    flags: &[&str],
) -> Result<LoadedSettings, Failure> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    LoadedSettings::layered(file.map(|text| ("f.toml", text)), variables, flags)
}

#[test]
fn the_default_file_says_what_the_code_does() {
    let written = leaf_values(&parse_defaults(DEFAULTS).unwrap());
    let known = leaf_values(&Table::try_from(Settings::default()).unwrap());
    let differ = |of: &[(String, Value)], than: &[(String, Value)]| -> Vec<String> {
        of.iter()
            .filter(|setting| !than.contains(setting))
            .map(|(key, value)| format!("{key} = {value}"))
            .collect()
    };
    assert_eq!(
        differ(&known, &written),
        [""; 0],
        "config.default.toml must say this"
    );
    assert_eq!(
        differ(&written, &known),
        [""; 0],
        "config.default.toml says this, and the code does not"
    );
    let shown = |settings: &Settings| toml::to_string(settings).unwrap();
    assert_eq!(
        shown(&layered(None, &[], &[]).unwrap().settings),
        shown(&Settings::default())
    );
}

/// What a setting does not stand without: a name is one at a location, and certificates of clients
/// have all their settings or none.
fn settings_beside(key: &str, examples: &Table) -> Vec<String> {
    const TOGETHER: &str = "security.client_certificates.";
    if key == "spool.name" {
        return vec!["spool.location=s3://bucket/spools".to_owned()];
    }
    let all = leaf_values(examples).into_iter();
    let beside = all.filter(|(other, _)| key.starts_with(TOGETHER) && other.starts_with(TOGETHER));
    beside
        .map(|(other, value)| format!("{other}={value}"))
        .collect()
}

#[test]
fn each_setting_without_a_default_is_one() {
    let examples = parse_defaults(&example_settings(DEFAULTS)).unwrap();
    assert!(leaf_values(&examples).len() >= 8);
    for (key, value) in leaf_values(&examples) {
        let value = if value.as_str() == Some("") {
            Value::String("a secret of thirty bytes......".into())
        } else {
            value
        };
        let given = format!("{key}={value}");
        let beside = settings_beside(&key, &examples);
        let beside = beside.iter().map(String::as_str);
        let given: Vec<&str> = beside.chain([given.as_str()]).collect();
        let settings = layered(None, &[], &given)
            .unwrap_or_else(|error| panic!("{key}: {error}"))
            .settings;
        assert!(
            leaf_values(&Table::try_from(settings).unwrap())
                .iter()
                .any(|(known, _)| *known == key),
            "{key}"
        );
    }
    // And none is forgotten: with all of them unset, what is left has a default.
    let optional = [
        "gateway.spill_dir",
        "worker.reapply_window_ms",
        "cassandra.datacenter",
        "secret.file",
    ];
    optional.iter().for_each(|key| {
        assert!(
            leaf_values(&examples).iter().any(|(known, _)| known == key),
            "{key}"
        )
    });
}

#[test]
fn every_setting_has_a_comment_near_it() {
    let mut explained = false;
    for line in DEFAULTS.lines() {
        match line {
            "" => explained = false,
            _ if line.starts_with("# ") => explained = true,
            _ if line.starts_with('[') => {}
            // Groups of settings share a comment.
            setting => assert!(
                explained || setting.contains("user"),
                "{setting}: nothing says what it is for"
            ),
        }
    }
}

#[test]
fn layers_win_in_order() {
    let file = "[gateway]\nlisten = \"127.0.0.1:1\"\n[topics]\npartitions = 8\nprefix = \"x.\"";
    let loaded = layered(
        Some(file),
        &[
            ("CONSIGN_TOPICS_PARTITIONS", "9"),
            ("CONSIGN_GATEWAY_MAX_BULKS", "3"),
        ],
        &["topics.partitions=10"],
    );
    let loaded = loaded.unwrap();
    assert_eq!(loaded.settings.topics.partitions, 10);
    assert_eq!(loaded.settings.topics.prefix, "x.");
    assert_eq!(loaded.settings.gateway.max_bulks, 3);
    assert_eq!(
        loaded.origins["topics.partitions"],
        Source::Flag("topics.partitions".into())
    );
}

#[test]
fn what_does_not_fit_together_is_refused() {
    for (flags, expected) in [
        (&["log.kind=kafka"][..], "`record.kind` too"),
        (&["record.kind=cassandra"], "needs `log.kind`"),
        (&["topics.generation=2048"], "1 to 2047"),
        (&["topics.partitions=0"], "at least 1"),
        (
            &["gateway.body_limit_bytes=2000000"],
            "document_limit_bytes",
        ),
        (&["secret.value=x", "secret.file=y"], "not both"),
        (&["log.kind=kafkaa"], "kafkaa"),
        (&["gateway.listen=nowhere"], "socket address"),
        (&["topics.partitions=70000"], "70000"),
    ] {
        let failure = layered(None, &[], flags).unwrap_err();
        assert!(failure.message.contains(expected), "{flags:?}: {failure}");
        assert_eq!(failure.kind, crate::failure::Kind::Usage);
    }
}

#[test]
fn kafka_properties_are_texts_and_copies_replace_each_other() {
    let file = "[kafka.properties]\nlinger.ms = 5\n\"sasl.username\" = \"u\"\n[cassandra.replication.datacenters]\ndc1 = 3";
    let settings = layered(
        Some(file),
        &[("CONSIGN_KAFKA_PROPERTIES_SASL_PASSWORD", "12")],
        &[],
    )
    .unwrap()
    .settings;
    assert_eq!(settings.kafka.properties["linger.ms"], "5");
    assert_eq!(settings.kafka.properties["sasl.password"], "12");
    assert!(
        matches!(settings.cassandra.replication, store_cassandra::Replication::Datacenters(copies) if copies["dc1"] == 3)
    );
}

#[test]
fn reserved_variables_are_no_settings() {
    let reserved = [
        ("CONSIGN_LOG", "debug"),
        ("CONSIGN_CONFIG", "x"),
        ("CONSIGN_TEST_KAFKA", "x"),
        ("CONSIGN_ORACLE_DIR", "x"),
    ];
    layered(None, &reserved, &[]).unwrap();
    // Not the section `log`, of which there are settings.
    assert!(layered(None, &[("CONSIGN_LOG_KIND", "kafkaa")], &[]).is_err());
}
