//! Renames that a store refuses after they were decided, and that are voided: neither name is blocked,
//! and neither has two owners, whoever dies meanwhile.

use super::claims::{PATIENCE, ask, clients, rounds};
use anyhow::{Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use system_tests::{client::Client, cluster::Cluster};
use testbed::{Addresses, Servers};
use tokio::time::sleep;

/// Members have a name that is theirs alone, and a note that no check foresees to be refused.
const MEMBERS: &str = "
collections:
  - {index: claimed, collection: members, owner: member, mappings: {properties: {name: {type: keyword}}}}
operations:
  - name: member.name
    summary: Gives a member a name, or another.
    request: {type: object, required: [id, name], additionalProperties: false, properties: {id: {type: string, format: document-id}, name: {type: string}, note: {type: string}}}
    key: {of: member, id: $request/id}
    claims:
      - {take: {space: member.name, value: $request/name}, rule: name_taken, at: /name, say: another member has this name}
      - {release: {space: member.name, value: $current/document/name}, when: {all: [{present: $current/document/name}, {not: {equals: [$current/document/name, $request/name]}}]}}
    write:
      - document: {index: claimed, collection: members, id: $request/id}
        put: {name: $request/name, note: $request/note}
    examples: [{title: One, request: {id: m1, name: bob}}]
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rename_that_is_voided_blocks_neither_name() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("members.yaml"), MEMBERS)?;
    let folders = format!("[{:?}]", folder.path());
    let settings = [("CONSIGN_CATALOG_FOLDERS", folders.as_str())];
    let servers = Servers::shared().addresses();
    let mut cluster = Cluster::with_settings(servers, 2, 2, &settings).await?;
    refuse_notes(servers, &cluster).await?;
    let clients = clients(&cluster)?;
    for round in 0..rounds(20).div_ceil(10) {
        let name = async |gateway: usize, who: &str, name: &str, note: Option<&str>| {
            let mut body = json!({"id": format!("{who}{round}"), "name": format!("{name}{round}")});
            if let Some(note) = note {
                body["note"] = note.into();
            }
            let key = format!("{who}-{name}-{round}-{}", note.is_some());
            ask(&clients[gateway], "member.name", &body, &key).await
        };
        let taken = Some("name_taken".to_owned());
        ensure!(name(0, "ann", "bob", None).await?.is_none());
        // What the view refuses is voided; another asks for both names meanwhile.
        let worker = format!("worker-{}", round % 2);
        let (renamed, other) = tokio::join!(
            name(0, "ann", "rob", Some("no address")),
            name(1, "eve", "bob", None)
        );
        ensure!(other? == taken, "bob has two owners");
        ensure!(renamed?.as_deref() == Some("dead"), "it was not voided");
        cluster.kill9(&worker)?;
        let (again, other) = tokio::join!(name(1, "eve", "rob", None), name(0, "kim", "bob", None));
        ensure!(again?.is_none(), "rob is blocked");
        ensure!(other? == taken, "bob is nobody's");
        cluster.restart(&worker).await?;
        let document = format!("claimed/members/ann{round}");
        let (status, ann) = get(&clients[0], &document).await?;
        ensure!(
            status == 200 && ann["_source"]["name"] == format!("bob{round}"),
            "{ann}"
        );
    }
    // What was put aside is let go: its names are as free as they were.
    let url = cluster.gateways()[0].clone();
    let arguments = [
        "dlq",
        "discard",
        "--all",
        "--operation",
        "member.name",
        "--reason",
        "a test",
        "--yes",
    ];
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--url", &url]).collect();
    cluster.run("gateway-0", &arguments)?;
    let back = json!({"id": "ann0", "name": "ted"});
    ensure!(
        ask(&clients[0], "member.name", &back, "back")
            .await?
            .is_none()
    );
    // What is let go is let go a moment after that is applied.
    let bob = json!({"id": "kim0", "name": "bob0"});
    let began = Instant::now();
    for n in 0.. {
        let key = format!("free-{n}");
        if ask(&clients[1], "member.name", &bob, &key).await?.is_none() {
            break;
        }
        ensure!(began.elapsed() < PATIENCE, "bob is blocked");
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn get(client: &Client, path: &str) -> Result<(u16, Value)> {
    let request = client.at(Method::GET, &format!("/v1/documents/{path}"));
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

/// Maps the note in the index itself, so that no check can foresee what it refuses.
async fn refuse_notes(servers: &Addresses, cluster: &Cluster) -> Result<()> {
    let prefix = cluster.variable("gateway-0", "CONSIGN_ELASTICSEARCH_PREFIX")?;
    let (http, url) = (reqwest::Client::new(), servers.elasticsearch_url());
    let all = http.get(format!(
        "{url}/_cat/indices/{prefix}*members*?format=json&h=index"
    ));
    let indices: Vec<Value> = all.send().await?.json().await?;
    ensure!(!indices.is_empty(), "no index of members");
    for index in indices.iter().filter_map(|row| row["index"].as_str()) {
        let put = http.put(format!("{url}/{index}/_mapping"));
        let mapping = json!({"properties": {"note": {"type": "ip"}}});
        let answer = put.json(&mapping).send().await?;
        ensure!(answer.status().is_success(), "{}", answer.text().await?);
    }
    Ok(())
}
