//! What stands after the storm: what is said in several places is the same in all of them, each count
//! is that of what was applied, and each name and code has one owner.

use super::{
    clients::{Asked, CONTENTS},
    town::{COURSE, Town},
};
use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use system_tests::client::Client;

const AT_ONCE: usize = 12;

/// Null where nothing is.
pub async fn read(client: &Client, path: &str) -> Result<Value> {
    let response = client.at(Method::GET, path).send().await?;
    let (status, found) = (response.status().as_u16(), response.json::<Value>().await?);
    match status {
        200 => Ok(found),
        404 => Ok(Value::Null),
        other => anyhow::bail!("{path}: {other} {found}"),
    }
}

async fn read_all(
    client: &Client,
    folder: &str,
    ids: impl IntoIterator<Item = impl AsRef<str>>,
) -> Result<BTreeMap<String, Value>> {
    let ids: Vec<String> = ids.into_iter().map(|id| id.as_ref().to_owned()).collect();
    let found = stream::iter(ids).map(|id: String| async move {
        let found = read(client, &format!("{folder}/{id}")).await?;
        anyhow::Ok((id, found))
    });
    found.buffer_unordered(AT_ONCE).try_collect().await
}

fn hash(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("##"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The user documents and what hangs on them.
struct Found {
    users: BTreeMap<String, Value>,
    private: BTreeMap<String, Value>,
}

pub async fn judge(client: &Client, town: &Town, asked: &[Asked]) -> Result<()> {
    for one in asked.iter().filter(|one| one.applied()) {
        for part in list(&one.told["parts"]) {
            ensure!(
                part["status"] == "applied",
                "a part of {} {}: {part}",
                one.operation,
                one.body
            );
        }
    }
    let documents = |found: BTreeMap<String, Value>| {
        let sources = found.into_iter();
        sources
            .map(|(id, found)| (id, found["_source"].clone()))
            .collect()
    };
    let users = read_all(client, "/v1/documents/sunbird/user", &town.users).await?;
    let private = "/v1/documents/sunbird/userprofilevisibility";
    let private = read_all(client, private, &town.users).await?;
    let found = Found {
        users: documents(users),
        private: documents(private),
    };
    whole_users(client, &found).await?;
    members(client, town, &found).await?;
    enrolments(client, town, &found).await?;
    progress(client, town, asked, &found).await?;
    counted(client, town, asked, &found).await?;
    owners(client, asked, &found).await
}

/// A user's document, private document and row say the same.
async fn whole_users(client: &Client, found: &Found) -> Result<()> {
    let rows = read_all(client, "/v1/tables/user", found.users.keys()).await?;
    for (id, user) in &found.users {
        let row = &rows[id];
        let pairs = [
            ("userName", "username"),
            ("lastName", "lastname"),
            ("status", "status"),
            ("isDeleted", "isdeleted"),
            ("currentLoginTime", "currentlogintime"),
            ("tncAcceptedVersion", "tncacceptedversion"),
            ("maskedEmail", "maskedemail"),
        ];
        for (field, column) in pairs {
            ensure!(user[field] == row[column], "{field} of {id}: {user} {row}");
        }
        let email = &found.private[id]["email"];
        ensure!(*email == row["email"], "{id}: {email} {row}");
    }
    Ok(())
}

async fn members(client: &Client, town: &Town, found: &Found) -> Result<()> {
    let elements = found.users.values();
    let elements = elements.flat_map(|user| list(&user["organisations"]));
    let elements: Vec<&Value> = elements.collect();
    let ids = elements.iter().filter_map(|one| one["id"].as_str());
    let rows = read_all(client, "/v1/tables/user_org", ids).await?;
    for element in &elements {
        let row = &rows[element["id"].as_str().context("an id")?];
        for (field, column) in [
            ("userId", "userid"),
            ("organisationId", "organisationid"),
            ("roles", "roles"),
            ("isDeleted", "isdeleted"),
        ] {
            ensure!(element[field] == row[column], "{element} {row}");
        }
    }
    let organisations = &town.organisations;
    let documents = read_all(client, "/v1/documents/sunbird/org", organisations).await?;
    let rows = read_all(client, "/v1/tables/organisation", organisations).await?;
    for id in organisations {
        let is_member = |one: &&&Value| one["organisationId"] == **id && one["isDeleted"] != true;
        let members = elements.iter().filter(is_member).count();
        let told = (
            &rows[id]["noofmembers"],
            &documents[id]["_source"]["noOfMembers"],
        );
        ensure!(
            told == (&json!(members), &json!(members)),
            "{id}: {told:?}, not {members}"
        );
    }
    Ok(())
}

async fn enrolments(client: &Client, town: &Town, found: &Found) -> Result<()> {
    let batches: Vec<&String> = town.batches().collect();
    let documents = read_all(client, "/v1/documents/sunbird/cbatch", &batches).await?;
    let rows = read_all(client, "/v1/tables/course_batch", &batches).await?;
    let mut inside_all = BTreeSet::new();
    for id in &batches {
        let participants = rows[*id]["participant"].as_object();
        let inside: BTreeSet<&String> = participants
            .into_iter()
            .flat_map(|map| map.keys())
            .collect();
        let lists = |user: &Value| {
            list(&user["batches"])
                .iter()
                .any(|one| one["batchId"] == **id)
        };
        let listed = found.users.iter().filter(|(_, user)| lists(user));
        let listed: BTreeSet<&String> = listed.map(|(user, _)| user).collect();
        ensure!(inside == listed, "{id}: {inside:?}, not {listed:?}");
        let count = &documents[*id]["_source"]["participantCount"];
        ensure!(
            *count == inside.len(),
            "{id}: {count}, not {}",
            inside.len()
        );
        inside_all.extend(inside.into_iter().map(|user| hash(&[user, COURSE, id])));
    }
    // Every enrolment that there may ever have been.
    let all = found
        .users
        .keys()
        .flat_map(|user| batches.iter().map(move |id| hash(&[user, COURSE, id])));
    let all: Vec<String> = all.collect();
    let rows = read_all(client, "/v1/tables/user_courses", &all).await?;
    let documents = read_all(client, "/v1/documents/sunbird/usercourses", &all).await?;
    for id in &all {
        let (row, document) = (&rows[id], &documents[id]["_source"]);
        for field in ["active", "status", "progress"] {
            ensure!(row[field] == document[field], "{field}: {row} {document}");
        }
        let is_active = row["active"] == true;
        ensure!(is_active == inside_all.contains(id), "{row}");
    }
    Ok(())
}

/// Views are counted once for each request that was applied, a content once when it is completed first.
async fn progress(client: &Client, town: &Town, asked: &[Asked], found: &Found) -> Result<()> {
    let mut views: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for one in asked
        .iter()
        .filter(|one| one.applied() && one.operation == "content.state.update")
    {
        let user = one.body["userId"].as_str().context("a user")?;
        for content in list(&one.body["contents"]) {
            let content_id = content["contentId"].as_str().context("a content")?;
            let (viewed, completed) = views
                .entry(hash(&[user, content_id, COURSE, &town.stays]))
                .or_default();
            *viewed += 1;
            *completed += u64::from(content["status"] == 2);
        }
    }
    let rows = read_all(client, "/v1/tables/content_consumption", views.keys()).await?;
    for (id, (viewed, completed)) in &views {
        let row = &rows[id];
        let told = (&row["viewcount"], &row["completedcount"]);
        ensure!(
            told == (&json!(viewed), &json!(completed)),
            "{row}: {viewed} {completed}"
        );
        ensure!((row["status"] == 2) == (*completed > 0), "{row}");
    }
    let enrolled = found
        .users
        .keys()
        .map(|user| hash(&[user, COURSE, &town.stays]));
    let enrolled = read_all(client, "/v1/tables/user_courses", enrolled).await?;
    for (id, user) in &found.users {
        let done = (0..CONTENTS).filter(|n| {
            let content = hash(&[id, &format!("do_{n}"), COURSE, &town.stays]);
            views
                .get(&content)
                .is_some_and(|(_, completed)| *completed > 0)
        });
        let done = done.count();
        let row = &enrolled[&hash(&[id, COURSE, &town.stays])];
        ensure!(row["progress"] == done, "{row}, not {done}");
        let listed = list(&user["batches"]).iter();
        let listed = listed.clone().find(|one| one["batchId"] == town.stays);
        ensure!(
            listed.context("listed")?["progress"] == done,
            "{listed:?}, not {done}"
        );
    }
    Ok(())
}

/// Skills, and badges that were given.
async fn counted(client: &Client, town: &Town, asked: &[Asked], found: &Found) -> Result<()> {
    for user in found.users.values() {
        let skills = list(&user["skills"]);
        let ids = skills.iter().filter_map(|skill| skill["id"].as_str());
        let rows = read_all(client, "/v1/tables/user_skills", ids).await?;
        for skill in skills {
            let endorsers = list(&skill["endorsersList"]);
            let names: BTreeSet<&str> = endorsers
                .iter()
                .filter_map(|one| one["userId"].as_str())
                .collect();
            ensure!(names.len() == endorsers.len(), "an endorser twice: {skill}");
            // Who added it counts among the endorsers only.
            ensure!(skill["endorsementCount"] == endorsers.len() - 1, "{skill}");
            let row = &rows[skill["id"].as_str().context("an id")?];
            ensure!(
                row["endorsementcount"] == skill["endorsementCount"],
                "{row} {skill}"
            );
            ensure!(
                row["endorserslist"] == skill["endorsersList"],
                "{row} {skill}"
            );
        }
    }
    let given = asked
        .iter()
        .filter(|one| one.applied() && one.operation == "badge.assertion.create");
    let given = given.count();
    let class = read(client, &format!("/v1/tables/badge_class/{}", town.badge)).await?;
    ensure!(
        class["assertioncount"].as_u64().unwrap_or(0) == given as u64,
        "{class}, not {given}"
    );
    let has = found
        .users
        .values()
        .flat_map(|user| list(&user["badgeAssertions"]));
    let has = has.filter(|one| one["badgeId"] == town.badge).count();
    ensure!(has == given, "{has} badges, not {given}");
    Ok(())
}

/// Of all that asked for a name or a code one has it; an address is no two users'.
async fn owners(client: &Client, asked: &[Asked], found: &Found) -> Result<()> {
    for (operation, member, folder) in [
        ("user.create", "userName", "/v1/documents/sunbird/user"),
        ("location.create", "code", "/v1/documents/sunbird/location"),
    ] {
        let mut contenders: BTreeMap<&str, Vec<&Asked>> = BTreeMap::new();
        for one in asked.iter().filter(|one| one.operation == operation) {
            let value = one.body[member].as_str().context("a text")?;
            contenders.entry(value).or_default().push(one);
        }
        for (value, contenders) in contenders {
            let won: Vec<&&Asked> = contenders.iter().filter(|one| one.applied()).collect();
            ensure!(
                won.len() == 1,
                "{member} {value} has {} owners of {}",
                won.len(),
                contenders.len()
            );
            let result = &won[0].told["result"];
            let id = result["userId"]
                .as_str()
                .or(result["id"].as_str())
                .context("an id")?;
            let document = read(client, &format!("{folder}/{id}")).await?;
            ensure!(document["_source"][member] == value, "{document}");
        }
    }
    let mut emails = BTreeSet::new();
    for (id, private) in &found.private {
        let email = private["email"].as_str().context("an e-mail")?;
        ensure!(
            emails.insert(email),
            "{email} is that of {id} and of another"
        );
    }
    Ok(())
}
