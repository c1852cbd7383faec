//! `consign security acls`: the least rights on Kafka, Cassandra and Elasticsearch, made from the
//! tables that the services themselves stand on. Asks no server and changes nothing.

use super::Invocation;
use crate::{failure::Failure, settings::Settings, spools};
use clap::Args;
use event_log::kafka::NOMINAL_GROUP;
use event_schema::topics::{ALL, Deployed, Layout, Topic, TopicUse, USES};
use serde::Serialize;
use std::collections::BTreeMap;

const EXAMPLES: &str = "\
Examples:
  consign security acls
  consign security acls --only kafka --users prod- | sh
  consign security acls --only cassandra | cqlsh -u admin
  consign security acls --only elasticsearch >> config/roles.yml";

/// Print the least rights that each service needs on each server
///
/// Gateways, workers, notifiers and the operator who migrates log in as users of their own: consign-gateway,
/// consign-worker, consign-notifier and consign-operator, or with what --users puts before. The
/// users themselves are made elsewhere, with their passwords.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only the rights on this server
    #[arg(long)]
    only: Option<Server>,
    /// Prefix of the users' names
    #[arg(long, value_name = "PREFIX", default_value = "consign-")]
    users: String,
    /// A file with the properties by which Kafka's administrator logs in
    #[arg(long, value_name = "FILE", default_value = "admin.properties")]
    command_config: String,
}

/// The users' names, without what is put before.
const SERVICES: [(&str, Deployed); 3] = [
    ("gateway", Deployed::Gateway),
    ("worker", Deployed::Worker),
    ("notifier", Deployed::Notifier),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Server {
    Kafka,
    Cassandra,
    Elasticsearch,
}

/// What to type, per server.
#[derive(Debug, Default, Serialize)]
struct Rights {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kafka: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cassandra: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elasticsearch: Option<String>,
}

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let shown = |server| arguments.only.is_none_or(|only| only == server);
    let user = |name: &str| format!("{}{name}", arguments.users);
    let mut rights = Rights::default();
    if shown(Server::Kafka) {
        rights.kafka = kafka_commands(&settings, arguments);
    }
    if shown(Server::Cassandra) {
        rights.cassandra = cassandra_statements(&settings, arguments);
    }
    if shown(Server::Elasticsearch) {
        rights.elasticsearch = Some(store_elasticsearch::roles_yaml(
            &settings.elasticsearch.prefix,
            &user("gateway"),
            &user("worker"),
        ));
    }
    let is_titled = arguments.only.is_none();
    invocation
        .output
        .result(&rights, |rights| rights_text(rights, is_titled))
}

fn rights_text(rights: &Rights, is_titled: bool) -> String {
    let parts = [
        ("Kafka: in a shell", rights.kafka.join("\n")),
        (
            "Cassandra: in cqlsh, after `consign catalog migrate`",
            rights.cassandra.join("\n"),
        ),
        (
            "Elasticsearch: in roles.yml",
            rights.elasticsearch.clone().unwrap_or_default(),
        ),
    ];
    let shown = parts.iter().filter(|(_, lines)| !lines.is_empty());
    let titled = shown.map(|(title, lines)| {
        if is_titled {
            format!("# {title}\n{}", lines.trim_end())
        } else {
            lines.trim_end().to_owned()
        }
    });
    titled.collect::<Vec<_>>().join("\n\n")
}

/// One command for each set of rights that topics of one user have in common.
fn kafka_commands(settings: &Settings, arguments: &Arguments) -> Vec<String> {
    let layout = settings.topics.layout();
    let command = |user: &str, rights: &str| {
        format!(
            "kafka-acls.sh --bootstrap-server {} --command-config {} --add --force --allow-principal User:{}{user} {rights}",
            settings.kafka.brokers.join(","),
            arguments.command_config,
            arguments.users,
        )
    };
    let looking = SERVICES.iter().flat_map(|(user, by)| {
        let rights = looking_rights(&layout, *by);
        rights.into_iter().map(|rights| command(user, &rights))
    });
    let mut alike: BTreeMap<(&str, String), String> = BTreeMap::new();
    for one in &USES {
        let topics = alike
            .entry((user_of(one.by), operation_flags(one)))
            .or_default();
        *topics += &topic_argument(&layout, &one.topic);
    }
    let of_topics = alike
        .iter()
        .map(|((user, operations), topics)| command(user, &format!("{operations}{topics}")));
    let of_groups = group_rights(&layout)
        .into_iter()
        .map(|(user, operation, group)| {
            command(user, &format!("--operation {operation} --group {group}"))
        });
    let of_operator = command(
        "operator",
        &format!(
            "--operation All --resource-pattern-type prefixed --topic {0} --group {0}",
            layout.prefix
        ),
    );
    let of_services = looking.chain(of_topics).chain(of_groups);
    of_services.chain([of_operator]).collect()
}

/// Each service looks at the settings and ends of all topics. Whoever may read, write or trim a topic
/// may look at its ends: Kafka derives that right from each of these.
fn looking_rights(layout: &Layout, by: Deployed) -> Vec<String> {
    let is_used = |topic: &&Topic| {
        let mut uses = USES.iter();
        uses.any(|one| one.by == by && one.topic.name == topic.name)
    };
    let argument = |topic| topic_argument(layout, topic);
    let all: String = ALL.iter().map(argument).collect();
    let others = ALL.iter().filter(|topic| !is_used(topic));
    let others: String = others.map(argument).collect();
    let mut rights = vec![format!("--operation DescribeConfigs{all}")];
    if !others.is_empty() {
        rights.push(format!("--operation Describe{others}"));
    }
    rights
}

fn cassandra_statements(settings: &Settings, arguments: &Arguments) -> Vec<String> {
    let user = |name: &str| format!("{}{name}", arguments.users);
    let roles = store_cassandra::Roles {
        gateway: &user("gateway"),
        worker: &user("worker"),
        operator: &user("operator"),
        keeps_spools: spools::is_in_tables(settings),
    };
    store_cassandra::grant_statements(&settings.cassandra.keyspace, roles)
}

fn topic_argument(layout: &Layout, topic: &Topic) -> String {
    format!(" --topic {}", layout.name(topic))
}

/// Who joins a group, who looks how far it is, and who names one only because the client must.
fn group_rights(layout: &Layout) -> Vec<(&'static str, &'static str, String)> {
    let (workers, notifiers) = (layout.worker_group(), layout.notifier_group());
    let nominal = SERVICES.map(|(user, _)| (user, "Describe", NOMINAL_GROUP.to_owned()));
    let real = [
        ("worker", "Read", workers.clone()),
        ("worker", "Describe", notifiers.clone()),
        ("notifier", "Read", notifiers.clone()),
        ("gateway", "Describe", workers),
        ("gateway", "Describe", notifiers),
    ];
    real.into_iter().chain(nominal).collect()
}

fn user_of(by: Deployed) -> &'static str {
    let mut services = SERVICES.iter();
    let found = services.find(|(_, deployed)| *deployed == by);
    found.expect("each service has a user").0
}

fn operation_flags(one: &TopicUse) -> String {
    let named = [
        (one.reads, "Read"),
        (one.writes, "Write"),
        (one.trims, "Delete"),
    ];
    let had = named.iter().filter(|(is_had, _)| *is_had);
    let flags = had.map(|(_, name)| format!("--operation {name}"));
    flags.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
