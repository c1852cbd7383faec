//! Compose file, image and their configuration against what the binary knows: every flag, variable,
//! path and port in them.

use clap::Parser;
use consign::{
    cli::{Cli, Command},
    settings::{LoadedSettings, Settings},
};
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn compose() -> Value {
    let mut yaml: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(&read("docker-compose.yml")).unwrap();
    yaml.apply_merge().unwrap();
    serde_json::to_value(yaml).unwrap()
}

/// A stage of the Dockerfile.
#[derive(Debug, Default)]
struct Target {
    entrypoint: Vec<String>,
    healthcheck: Vec<String>,
    exposed: Option<u16>,
}

/// The last word of each instruction's JSON list, by stage. Stages of a service stand on `base` and
/// take nothing else over.
fn targets() -> BTreeMap<String, Target> {
    let (mut targets, mut current) = (BTreeMap::<String, Target>::new(), String::new());
    let list = |line: &str| -> Vec<String> {
        serde_json::from_str(&line[line.find('[').expect("a list")..]).unwrap()
    };
    for line in read("deploy/docker/Dockerfile").lines() {
        match line.split_whitespace().next() {
            Some("FROM") => current = line.rsplit(' ').next().unwrap().to_owned(),
            Some("ENTRYPOINT") => {
                targets.entry(current.clone()).or_default().entrypoint = list(line)
            }
            Some("HEALTHCHECK") => {
                targets.entry(current.clone()).or_default().healthcheck = list(line)
            }
            Some("EXPOSE") => {
                targets.entry(current.clone()).or_default().exposed =
                    Some(line[7..].trim().parse().unwrap())
            }
            _ => {}
        }
    }
    targets
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

/// `${NAME:-default}` as its default: what a newcomer gets.
fn resolved(text: &str) -> String {
    match text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .and_then(|rest| rest.split_once(":-"))
    {
        Some((_, default)) => default.to_owned(),
        None => text.to_owned(),
    }
}

/// What a service of ours is started with, parsed as the binary parses it, and the settings it
/// gets.
fn started(service: &Value, targets: &BTreeMap<String, Target>) -> (Cli, Settings) {
    let target = service["build"]["target"].as_str().expect("a target");
    let mut line = targets[target].entrypoint.clone();
    line.extend(texts(&service["command"]));
    let cli = Cli::try_parse_from(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    let path = cli
        .shared
        .config
        .clone()
        .expect("--config")
        .display()
        .to_string();
    // The image has deploy/config at /etc/consign.
    let file = format!(
        "deploy/config/{}",
        path.strip_prefix("/etc/consign/")
            .expect("a file of the image")
    );
    let variables = service["environment"].as_object().into_iter().flatten();
    let variables: Vec<(String, String)> = variables
        .map(|(name, value)| (name.clone(), resolved(value.as_str().unwrap())))
        .collect();
    assert!(
        variables
            .iter()
            .all(|(name, _)| name.starts_with("CONSIGN_")),
        "{variables:?}"
    );
    let flags: Vec<&str> = cli.shared.set.iter().map(String::as_str).collect();
    let loaded = LoadedSettings::layered(Some((&file, &read(&file))), variables, &flags)
        .unwrap_or_else(|error| panic!("{file}: {error}"));
    (cli, loaded.settings)
}

fn ours(compose: &Value) -> Vec<(String, Value)> {
    let services = compose["services"].as_object().unwrap();
    services
        .iter()
        .filter(|(_, service)| service.get("build").is_some())
        .map(|(name, service)| (name.clone(), service.clone()))
        .collect()
}

#[test]
fn every_service_starts_with_what_the_binary_knows() {
    let (compose, targets) = (compose(), targets());
    let mut kinds = Vec::new();
    for (name, service) in ours(&compose) {
        assert!(
            root()
                .join(service["build"]["dockerfile"].as_str().unwrap())
                .exists(),
            "{name}"
        );
        let (cli, settings) = started(&service, &targets);
        for (about, address) in reached(&settings) {
            let (host, port) = address.rsplit_once(':').unwrap();
            let server = compose["services"]
                .get(host)
                .unwrap_or_else(|| panic!("{name}: {about} is at {host}, which is no service"));
            assert!(
                listens(host, server, port),
                "{name}: {host} does not listen on {port}"
            );
        }
        kinds.push(match cli.command {
            Command::Gateway(_) => {
                assert!(
                    settings.secret.keyring().unwrap().is_some(),
                    "{name} has no secret"
                );
                let port = settings.gateway.listen.port();
                assert_eq!(
                    texts(&service["ports"]),
                    [format!("127.0.0.1:8080:{port}")],
                    "published on the loopback only"
                );
                assert_eq!(targets["gateway"].exposed, Some(port));
                assert_eq!(asked(&targets["gateway"]), port);
                "gateway"
            }
            Command::WriteWorker(_) => {
                assert!(service.get("ports").is_none());
                assert_eq!(
                    targets["write-worker"].exposed,
                    Some(settings.admin.listen.port())
                );
                assert_eq!(
                    asked(&targets["write-worker"]),
                    settings.admin.listen.port()
                );
                "write-worker"
            }
            Command::Notifier(_) => {
                assert!(service.get("ports").is_none());
                assert_eq!(
                    targets["notifier"].exposed,
                    Some(settings.admin.listen.port())
                );
                assert_eq!(asked(&targets["notifier"]), settings.admin.listen.port());
                "notifier"
            }
            Command::Catalog(_) => "catalog",
            Command::Topics(_) => "topics",
            other => panic!("{name}: {other:?}"),
        });
    }
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["catalog", "gateway", "notifier", "topics", "write-worker"]
    );
}

/// Where the settings look for servers.
fn reached(settings: &Settings) -> Vec<(&'static str, String)> {
    let kafka = settings
        .kafka
        .brokers
        .iter()
        .map(|broker| ("kafka", broker.clone()));
    let cassandra = settings
        .cassandra
        .nodes
        .iter()
        .map(|node| ("cassandra", node.clone()));
    let elasticsearch = settings.elasticsearch.urls.iter().map(|url| {
        (
            "elasticsearch",
            url.trim_start_matches("http://").to_owned(),
        )
    });
    kafka.chain(cassandra).chain(elasticsearch).collect()
}

/// Kafka tells its clients where it is, by listener; the others listen where their images always
/// do.
fn listens(host: &str, server: &Value, port: &str) -> bool {
    match host {
        "kafka" => server["environment"]["KAFKA_ADVERTISED_LISTENERS"]
            .as_str()
            .unwrap()
            .split(',')
            .any(|listener| listener.ends_with(&format!("//kafka:{port}"))),
        _ => texts(&server["ports"])
            .iter()
            .any(|published| published.ends_with(&format!(":{port}"))),
    }
}

/// The port that a container's health check asks.
fn asked(target: &Target) -> u16 {
    let cli = Cli::try_parse_from(&target.healthcheck)
        .unwrap_or_else(|error| panic!("{:?}: {error}", target.healthcheck));
    let Command::Health(arguments) = cli.command else {
        panic!("{:?}", target.healthcheck)
    };
    arguments
        .client
        .url
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn everything_is_published_on_the_loopback_only() {
    for (name, service) in compose()["services"].as_object().unwrap() {
        texts(&service["ports"])
            .iter()
            .for_each(|port| assert!(port.starts_with("127.0.0.1:"), "{name}: {port}"));
    }
}

#[test]
fn services_of_one_deployment_agree() {
    let (compose, targets) = (compose(), targets());
    let shown: Vec<String> = ours(&compose)
        .iter()
        .map(|(_, service)| {
            let settings = started(service, &targets).1;
            format!(
                "{:?} {:?} {:?} {:?}",
                settings.topics, settings.kafka, settings.cassandra, settings.elasticsearch
            )
        })
        .collect();
    assert!(
        shown.windows(2).all(|pair| pair[0] == pair[1]),
        "{shown:#?}"
    );
}

#[test]
fn what_the_image_copies_is_there() {
    for line in read("deploy/docker/Dockerfile")
        .lines()
        .filter(|line| line.starts_with("COPY") && !line.contains("--from"))
    {
        let from = line.split_whitespace().nth(1).unwrap();
        assert!(root().join(from).exists(), "{line}");
    }
    assert!(read("deploy/docker/Dockerfile").contains("--package consign"));
}

#[test]
fn every_file_of_settings_is_sound() {
    for entry in std::fs::read_dir(root().join("deploy/config")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        LoadedSettings::layered(Some((&path.display().to_string(), &text)), [], &[])
            .unwrap_or_else(|error| panic!("{error}"));
    }
}
