//! Is Elasticsearch there, and which of its settings weaken a promise. Looks, never mends.

use crate::{STORE, classify, client::Client, read::damaged_error};
use elasticsearch::http::Method;
use serde_json::{Map, Value};
use store::{StoreError, schema::Weakness};

/// There, and with a master. Whether the indices are there is for `migrate` to say.
pub(crate) async fn check_ready(client: &Client) -> Result<(), StoreError> {
    get_json(client, "_cluster/health?timeout=5s")
        .await
        .map(drop)
}

async fn get_json(client: &Client, path: &str) -> Result<Value, StoreError> {
    let answer = client.ask(Method::Get, path, None).await?;
    if answer.status != 200 {
        return Err(
            match classify::request_failure(answer.status, &answer.body, classify::refused_error) {
                StoreError::NotMigrated { why, .. } => {
                    StoreError::Unavailable { store: STORE, why }
                }
                other => other,
            },
        );
    }
    serde_json::from_slice(&answer.body).map_err(damaged_error)
}

pub(crate) async fn find_weaknesses(client: &Client) -> Result<Vec<Weakness>, StoreError> {
    let mut found = Vec::new();
    let health = get_json(client, "_cluster/health?timeout=5s").await?;
    let nodes = health["number_of_data_nodes"].as_u64().unwrap_or(0);
    if nodes < 2 {
        found.push(make_weakness(
            "data nodes",
            &nodes.to_string(),
            "2 or more",
            "with the node goes the view; it can be rebuilt from the record",
        ));
    }
    found.extend(version_weaknesses(client).await?);
    found.extend(index_weaknesses(client).await?);
    Ok(found)
}

async fn version_weaknesses(client: &Client) -> Result<Vec<Weakness>, StoreError> {
    let mut found: Vec<Weakness> = Vec::new();
    let versions = get_json(client, "_nodes?filter_path=nodes.*.version").await?;
    for version in versions["nodes"]
        .as_object()
        .into_iter()
        .flat_map(Map::values)
        .filter_map(|node| node["version"].as_str())
    {
        let major = version
            .split('.')
            .next()
            .and_then(|major| major.parse::<u32>().ok());
        if !matches!(major, Some(8..=9)) && !found.iter().any(|one| one.found == version) {
            found.push(make_weakness(
                "version",
                version,
                "8 or 9",
                "not tried: searches and errors may differ",
            ));
        }
    }
    Ok(found)
}

async fn index_weaknesses(client: &Client) -> Result<Vec<Weakness>, StoreError> {
    let mut found = Vec::new();
    let path = format!(
        "{}*/_settings?include_defaults=true&expand_wildcards=open&filter_path=*.*.index.translog.durability,*.*.index.number_of_replicas",
        client.config().prefix
    );
    let settings = get_json(client, &path).await?;
    let indices = settings.as_object();
    let those = |pointer: &str, bad: &str| -> Vec<&str> {
        let has = |index: &Value, part: &str| {
            index
                .pointer(&format!("/{part}/index/{pointer}"))
                .and_then(Value::as_str)
                == Some(bad)
        };
        let set = indices
            .into_iter()
            .flatten()
            .filter(|(_, index)| has(index, "settings") || has(index, "defaults"));
        set.map(|(name, _)| name.as_str()).collect()
    };
    let asynchronous = those("translog/durability", "async");
    if !asynchronous.is_empty() {
        let consequence = "a killed node forgets documents that it acknowledged; the record still has them, the view does not";
        found.push(make_weakness(
            &format!("index.translog.durability of {}", some_names(&asynchronous)),
            "async",
            "request",
            consequence,
        ));
    }
    let alone = those("number_of_replicas", "0");
    if !alone.is_empty() {
        let consequence =
            "with a node goes its part of the view until it is rebuilt from the record";
        found.push(make_weakness(
            &format!("index.number_of_replicas of {}", some_names(&alone)),
            "0",
            "1 or more",
            consequence,
        ));
    }
    Ok(found)
}

fn make_weakness(setting: &str, found: &str, wanted: &str, consequence: &str) -> Weakness {
    Weakness {
        setting: setting.to_owned(),
        found: found.to_owned(),
        wanted: wanted.to_owned(),
        consequence: consequence.to_owned(),
    }
}

fn some_names(names: &[&str]) -> String {
    match names {
        [one] => (*one).to_owned(),
        [one, two] => format!("{one}, {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
        [] => String::new(),
    }
}
