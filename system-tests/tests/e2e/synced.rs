//! Documents of the view that were deleted or damaged by hand, named and written again by `consign sync`
//! on real servers: of all four kinds, chosen ones and all.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use system_tests::{client::Client, cluster::Cluster, stores::Stores};
use testbed::{Addresses, Servers};

/// What `consign sync --type` calls a kind, the collection of its documents, and ids of three.
type SyncedKind = (&'static str, &'static str, [String; 3]);

async fn made(client: &Client, operation: &str, request: Value, id: &str) -> Result<String> {
    let (status, answer) = client.write(operation, &request, 55).await?;
    ensure!(
        answer["status"] == "applied",
        "{operation}: {status} {answer}"
    );
    let id = answer["result"][id].as_str();
    id.map(str::to_owned).with_context(|| answer.to_string())
}

fn hash(parts: &[&str]) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(parts.join("##"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Three of each: users, their organisations, batches, and who is enrolled in these.
async fn kinds(client: &Client) -> Result<[SyncedKind; 4]> {
    let mut ids: [Vec<String>; 4] = Default::default();
    for n in 1..=3 {
        let channel = format!("channel-{n}");
        let organisation = json!({"orgName": channel, "channel": channel, "isRootOrg": true});
        let user = json!({"userName": format!("user-{n}"), "firstName": "Meera", "channel": channel, "email": format!("user-{n}@example.org"), "emailVerified": true});
        ids[1].push(made(client, "org.create", organisation, "organisationId").await?);
        let user = made(client, "user.create", user, "userId").await?;
        let batch = json!({"courseId": "c1", "name": "Optics", "enrollmentType": "invite-only", "startDate": "2031-01-06", "participants": [user]});
        let batch = made(client, "batch.create", batch, "batchId").await?;
        ids[3].push(hash(&[&user, "c1", &batch]));
        ids[0].push(user);
        ids[2].push(batch);
    }
    let [users, organisations, batches, enrolments] = ids.map(|ids| ids.try_into());
    let three = |ids: Result<[String; 3], Vec<String>>| ids.ok().context("three of each");
    Ok([
        ("user", "user", three(users)?),
        ("organisation", "org", three(organisations)?),
        ("batch", "cbatch", three(batches)?),
        ("user_course", "usercourses", three(enrolments)?),
    ])
}

/// Exit code and report; null where there is none.
fn sync(cluster: &Cluster, kind: &str, more: &[&str]) -> Result<(i32, Value)> {
    let url = &cluster.gateways()[0];
    let mut arguments = vec!["sync", "--type", kind, "--json", "--url", url];
    arguments.extend(more);
    let (code, text) = cluster.output("gateway-0", &arguments)?;
    Ok((code, serde_json::from_str(&text).unwrap_or_default()))
}

/// Elasticsearch's own address of a document.
async fn place(
    servers: &Addresses,
    cluster: &Cluster,
    collection: &str,
    id: &str,
) -> Result<String> {
    let prefix = cluster.variable("gateway-0", "CONSIGN_ELASTICSEARCH_PREFIX")?;
    let url = servers.elasticsearch_url();
    let http = reqwest::Client::new();
    let indices = format!("{url}/{prefix}sunbird.{collection}.*");
    http.post(format!("{indices}/_refresh")).send().await?;
    let query = json!({"query": {"match_all": {}}, "size": 100});
    let asked = http.post(format!("{indices}/_search")).json(&query);
    let found: Value = asked.send().await?.json().await?;
    let hits = found["hits"]["hits"].as_array().context("hits")?;
    let is_it = |hit: &&Value| hit["_source"]["_consign"]["id"] == id;
    let hit = hits.iter().find(is_it);
    let hit = hit.with_context(|| found.to_string())?;
    let part = |name: &str| hit[name].as_str().with_context(|| hit.to_string());
    Ok(format!(
        "{url}/{}/_doc/{}?refresh=true",
        part("_index")?,
        part("_id")?
    ))
}

/// Deletes one document of the view and writes another over.
async fn meddle(servers: &Addresses, cluster: &Cluster, kind: &SyncedKind) -> Result<()> {
    let (_, collection, [lost, damaged, _]) = kind;
    let http = reqwest::Client::new();
    let lost = place(servers, cluster, collection, lost).await?;
    let deleted = http.delete(lost).send().await?;
    ensure!(deleted.status().is_success(), "{}", deleted.text().await?);
    let other = json!({"id": damaged, "orgName": "Somebody else"});
    let damaged = place(servers, cluster, collection, damaged).await?;
    let put = http.put(damaged).json(&other).send().await?;
    ensure!(put.status().is_success(), "{}", put.text().await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hands_did_to_the_view_is_named_and_undone() -> Result<()> {
    let servers = Servers::shared().addresses();
    let cluster = Cluster::on(servers, 1, 1).await?;
    let client = cluster.client()?;
    let kinds = kinds(&client).await?;
    for kind in &kinds {
        let (name, _, ids) = kind;
        let all: Vec<&str> = ids.iter().map(String::as_str).collect();
        let (code, report) = sync(&cluster, name, &all)?;
        ensure!(
            code == 0 && report["written"] == 0,
            "{name}: {code} {report}"
        );
        meddle(servers, &cluster, kind).await?;
        // Nothing is begun where one is not there.
        let (code, report) = sync(&cluster, name, &[all[0], "nobody"])?;
        ensure!(code == 1 && report.is_null(), "{name}: {code} {report}");
        let (code, report) = sync(&cluster, name, &all)?;
        let expected = json!({"compared": 3, "differed": [ids[0], ids[1]], "written": 2, "not_written": [], "left": []});
        ensure!((code, &report) == (0, &expected), "{name}: {code} {report}");
    }
    // Both stores have the same.
    Stores::of(&cluster)?.read().await?;

    // All of a kind, whatever was done to which of them.
    for kind in &kinds {
        let (name, _, ids) = kind;
        meddle(servers, &cluster, kind).await?;
        let (code, report) = sync(&cluster, name, &["--all"])?;
        let mut differed: Vec<&str> = report["differed"]
            .as_array()
            .with_context(|| format!("{name}: {code} {report}"))?
            .iter()
            .filter_map(Value::as_str)
            .collect();
        differed.sort_unstable();
        let mut expected = [ids[0].as_str(), &ids[1]];
        expected.sort_unstable();
        ensure!(
            code == 0 && differed == expected && report["compared"] == 3 && report["written"] == 2,
            "{name}: {code} {report}"
        );
    }
    Stores::of(&cluster)?.read().await?;
    Ok(())
}
