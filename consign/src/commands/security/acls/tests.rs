use super::*;
use std::collections::BTreeSet;

fn arguments() -> Arguments {
    Arguments {
        only: None,
        users: "consign-".to_owned(),
        command_config: "admin.properties".to_owned(),
    }
}

/// `(user, operation, topic)` of every right on a topic by its name.
fn topic_rights() -> BTreeSet<(String, String, String)> {
    let mut rights = BTreeSet::new();
    for command in kafka_commands(&Settings::default(), &arguments()) {
        let words: Vec<&str> = command.split(' ').collect();
        let after = |flag: &str| -> Vec<String> {
            let pairs = words.windows(2).filter(|pair| pair[0] == flag);
            pairs.map(|pair| pair[1].to_owned()).collect()
        };
        let resources = [after("--topic"), after("--group")].concat();
        assert!(!resources.is_empty(), "{command}");
        let user = after("--allow-principal").remove(0);
        for operation in after("--operation").iter().filter(|name| *name != "All") {
            for topic in after("--topic") {
                rights.insert((user.clone(), operation.clone(), topic));
            }
        }
    }
    rights
}

/// Kafka: to read, to write or to delete implies to describe.
#[test]
fn every_service_may_look_at_every_topic_and_no_right_is_printed_that_another_implies() {
    let (layout, rights) = (Settings::default().topics.layout(), topic_rights());
    for user in SERVICES.map(|(user, _)| format!("User:consign-{user}")) {
        for topic in ALL.iter().map(|topic| layout.name(topic)) {
            let has = |operation: &str| {
                rights.contains(&(user.clone(), operation.to_owned(), topic.clone()))
            };
            let implied = ["Read", "Write", "Delete"].into_iter().any(has);
            assert_ne!(has("Describe"), implied, "{user} on {topic}");
            assert!(has("DescribeConfigs"), "{user} on {topic}");
        }
    }
}

#[test]
fn tables_of_spools_are_granted_where_spools_are_kept_in_them() {
    let mut settings = Settings::default();
    let granted = |settings: &Settings| {
        let statements = cassandra_statements(settings, &arguments());
        statements.iter().any(|one| one.contains("\"blobs\""))
    };
    assert!(!granted(&settings));
    settings.spool.location = Some("cassandra://spools".to_owned());
    assert!(granted(&settings));
}
