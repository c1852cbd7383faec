//! What the storm is about: a root organisation with schools, users, and batches of one course. All of
//! it is made, and applied, before anything is shaken.

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use std::ops::Range;
use system_tests::client::Client;

pub const COURSE: &str = "do_3129981407755468801";
const AT_ONCE: usize = 12;

pub struct Sizes {
    pub users: usize,
    pub organisations: usize,
    pub batches: usize,
    pub requests: usize,
}

pub struct Town {
    pub users: Vec<String>,
    pub organisations: Vec<String>,
    /// Open to all: users come and go.
    pub open: Vec<String>,
    /// By invitation.
    pub closed: Vec<String>,
    /// One in which each user stays from the beginning.
    pub stays: String,
    /// The badge class of the root organisation.
    pub badge: String,
    pub issuer: String,
}

impl Town {
    pub async fn build(client: &Client, sizes: &Sizes) -> Result<Self> {
        let root = json!({"orgName": "Storm", "channel": "storm", "isRootOrg": true});
        let root = made(client, "org.create", &root, "organisationId").await?;
        let terms =
            json!({"id": "tncConfig", "field": "tncConfig", "value": "{\"latestVersion\":\"v4\"}"});
        done(client, "system.setting.set", &terms).await?;
        let school = |n| json!({"orgName": format!("School {n}"), "channel": "storm", "externalId": format!("s-{n}")});
        let organisations = 0..sizes.organisations;
        let organisations = all(
            client,
            "org.create",
            "organisationId",
            organisations,
            school,
        )
        .await?;
        let user = |n| {
            json!({"firstName": format!("User {n}"), "userName": format!("user{n}"), "channel": "storm",
                "email": format!("user{n}@example.org"), "emailVerified": true})
        };
        let users = all(client, "user.create", "userId", 0..sizes.users, user).await?;
        let today = today(client, &users[0]).await?;
        let open = |n| batch("open", n, &today, &organisations[0]);
        let closed = |n| batch("invite-only", n, &today, &organisations[0]);
        let half = sizes.batches / 2;
        let stays = made(client, "batch.create", &open(sizes.batches), "batchId").await?;
        let open = all(client, "batch.create", "batchId", 0..half, open).await?;
        let closed = all(
            client,
            "batch.create",
            "batchId",
            half + 1..sizes.batches,
            closed,
        )
        .await?;
        let enrolled = stream::iter(&users).map(|user| {
            let request = json!({"userId": user, "batchId": stays, "courseId": COURSE});
            async move { done(client, "batch.enroll", &request).await.map(drop) }
        });
        enrolled
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        let (issuer, badge) = badge_class(client, &root).await?;
        Ok(Self {
            users,
            organisations,
            open,
            closed,
            stays,
            badge,
            issuer,
        })
    }

    pub fn batches(&self) -> impl Iterator<Item = &String> {
        self.open.iter().chain(&self.closed).chain([&self.stays])
    }
}

fn batch(kind: &str, n: usize, today: &str, school: &str) -> Value {
    let mut batch = json!({"courseId": COURSE, "name": format!("{kind} {n}"), "enrollmentType": kind,
        "startDate": today, "endDate": "2099-12-31"});
    if kind == "invite-only" {
        batch["createdFor"] = json!([school]);
    }
    batch
}

/// An issuer and its class of badges.
async fn badge_class(client: &Client, root: &str) -> Result<(String, String)> {
    let issuer = json!({"name": "Board", "description": "Issues badges.", "url": "https://badges.example.org", "email": "badges@example.org"});
    let issuer = made(client, "issuer.create", &issuer, "issuerId").await?;
    let class = json!({"issuerId": issuer, "name": "Lab Mentor", "description": "Led a term.", "criteria": "https://badges.example.org/lab",
        "type": "user", "subtype": "award", "roles": "[\"TEACHER_BADGE_ISSUER\"]", "rootOrgId": root, "image": "aGk="});
    let badge = made(client, "badge.class.create", &class, "badgeId").await?;
    Ok((issuer, badge))
}

async fn all(
    client: &Client,
    operation: &str,
    id: &str,
    numbers: Range<usize>,
    request: impl Fn(usize) -> Value,
) -> Result<Vec<String>> {
    let requests: Vec<Value> = numbers.map(request).collect();
    let made = stream::iter(&requests).map(|request| made(client, operation, request, id));
    made.buffered(AT_ONCE).try_collect().await
}

async fn made(client: &Client, operation: &str, request: &Value, id: &str) -> Result<String> {
    let result = done(client, operation, request).await?;
    let id = result[id].as_str();
    id.map(str::to_owned)
        .with_context(|| format!("{operation}: {result}"))
}

async fn done(client: &Client, operation: &str, request: &Value) -> Result<Value> {
    let (status, answer) = client.write(operation, request, 55).await?;
    ensure!(
        answer["status"] == "applied",
        "{operation} {request}: {status} {answer}"
    );
    Ok(answer["result"].clone())
}

/// As the deployment counts days.
async fn today(client: &Client, user: &str) -> Result<String> {
    let user = super::judged::read(client, &format!("/v1/documents/sunbird/user/{user}")).await?;
    let created = user["_source"]["createdDate"].as_str().context("a time")?;
    Ok(created[..10].to_owned())
}
