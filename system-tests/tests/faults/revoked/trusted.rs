//! A gateway that reaches neither Kafka nor Cassandra takes what those write whom it knew, and says
//! that it could ask nobody. What was taken away meanwhile is refused when it is decided.

use super::{
    deployment::{Deployment, LAST},
    victims::{Kind, Victim},
};
use anyhow::{Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const CREATE: &str = "/v1/operations/document.create";
/// Until the lease of a gateway is over, and until it has what it was told.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

/// Status and answer of a write to the last gateway.
async fn write(deployment: &Deployment, token: &str, name: &str) -> Result<(StatusCode, Value)> {
    let document = json!({"index": "ix", "collection": "co", "body": {"name": name}});
    let asked = (Method::POST, CREATE);
    let accounts = &deployment.accounts;
    accounts
        .ask(LAST, asked, Some(token), Some(&document))
        .await
}

/// Writes until it is taken on trust; the request's id.
async fn taken_on_trust(deployment: &Deployment, token: &str, name: &str) -> Result<String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let (status, told) = write(deployment, token, name).await?;
        if status == StatusCode::ACCEPTED && told["confirmed"] == false {
            return Ok(told["request_id"].as_str().unwrap_or_default().to_owned());
        }
        ensure!(Instant::now() < until, "{name}: {status}: {told:#}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// What a request came to, by the administrator.
async fn verdict(deployment: &Deployment, request: &str) -> Result<Value> {
    let until = Instant::now() + PATIENCE;
    let path = format!("/v1/requests/{request}");
    let accounts = &deployment.accounts;
    loop {
        let asked = (Method::GET, path.as_str());
        let (status, told) = accounts
            .ask(LAST, asked, Some(accounts.admin()), None)
            .await?;
        let ended = matches!(told["status"].as_str(), Some("applied" | "refused"));
        if status.is_success() && ended {
            return Ok(told);
        }
        ensure!(Instant::now() < until, "{request}: {status}: {told:#}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// The last gateway is healed by then.
pub async fn decided_by_what_holds_then(deployment: &Deployment) -> Result<()> {
    let (mut victims, mut kept) = (Vec::new(), Vec::new());
    for (n, kind) in [Kind::Logout, Kind::KeyDeleted, Kind::Role]
        .into_iter()
        .enumerate()
    {
        let stays = Victim::make(deployment, kind, 20 + n).await?;
        victims.push(Victim::make(deployment, kind, 10 + n).await?);
        kept.push(stays);
    }
    // The last gateway knows them all.
    for (n, known) in victims.iter().chain(&kept).enumerate() {
        let (status, told) = write(deployment, &known.credential, &format!("known-{n}")).await?;
        ensure!(
            status == StatusCode::ACCEPTED && told.get("confirmed").is_none(),
            "{status}: {told:#}"
        );
    }
    deployment.cut_from_the_log();
    deployment.cut_from_the_record();
    let mut requests = Vec::new();
    for (n, victim) in victims.iter().enumerate() {
        let before = taken_on_trust(deployment, &victim.credential, &format!("before-{n}")).await?;
        // Answered by a gateway that reaches everything.
        victim.revoke(deployment, 0).await?;
        let behind = taken_on_trust(deployment, &victim.credential, &format!("behind-{n}")).await?;
        requests.extend([(victim.kind, before), (victim.kind, behind)]);
    }
    let mut good = Vec::new();
    for (n, stays) in kept.iter().enumerate() {
        good.push(taken_on_trust(deployment, &stays.credential, &format!("kept-{n}")).await?);
    }
    let (status, told) = {
        let asked = (Method::GET, "/v1/documents/ix/co/seen");
        let token = Some(kept[0].credential.as_str());
        deployment.accounts.ask(LAST, asked, token, None).await?
    };
    ensure!(
        status == StatusCode::SERVICE_UNAVAILABLE,
        "a read: {status}: {told:#}"
    );
    deployment.heal().await?;
    for (kind, request) in requests {
        let told = verdict(deployment, &request).await?;
        let is_revoked =
            told["status"] == "refused" && told.to_string().contains(r#""code":"revoked""#);
        ensure!(is_revoked, "{kind:?}: {told:#}");
    }
    for request in good {
        let told = verdict(deployment, &request).await?;
        ensure!(told["status"] == "applied", "{told:#}");
    }
    Ok(())
}
