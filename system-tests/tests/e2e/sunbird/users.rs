//! Users: what they are, where they belong, what they write and know.

use super::story::{Story, hash, text};
use anyhow::{Context, Result};
use serde_json::{Value, json};

pub async fn users(story: &mut Story) -> Result<()> {
    let user = text(&story.run("user.create", json!({})).await?, "userId")?;
    let other = |name: &str, phone: &str| json!({"userName": name, "firstName": name, "phone": phone, "email": format!("{name}@example.org"), "without": ["externalIds", "address", "education", "jobProfile"]});
    let mentor = other("arun", "9845000001");
    let mentor = text(&story.run("user.create", mentor).await?, "userId")?;
    let mut third = other("leela", "9845000002");
    // Who names an organisation is of its channel, and of it beside its root.
    third["organisationId"] = json!(story.id("school"));
    third["without"] = json!([
        "externalIds",
        "address",
        "education",
        "jobProfile",
        "channel"
    ]);
    let third = text(&story.run("user.create", third).await?, "userId")?;
    let document = |found: Option<Value>| found.context("a user");
    let made = document(story.document("sunbird/user", &user).await?)?;
    let element = |list: &str, id: &str| text(&made[list][0], id);
    story.know([
        ("meera address", element("address", "id")?),
        ("meera education", element("education", "id")?),
        ("meera college", element("education", "addressId")?),
        ("meera job", element("jobProfile", "id")?),
        ("meera office", element("jobProfile", "addressId")?),
        ("meera root", element("organisations", "id")?),
    ]);
    for (name, id) in [("mentor root", &mentor), ("third root", &third)] {
        let made = document(story.document("sunbird/user", id).await?)?;
        story.know([(name, text(&made["organisations"][0], "id")?)]);
    }
    let made = document(story.document("sunbird/user", &third).await?)?;
    story.know([("third school", text(&made["organisations"][1], "id")?)]);
    story.know([("meera", user), ("mentor", mentor), ("third", third)]);
    story
        .compare_all("users", include_str!("expected/users.json"))
        .await?;
    changed(story).await
}

async fn changed(story: &mut Story) -> Result<()> {
    let (user, mentor) = (story.id("meera"), story.id("mentor"));
    let line = story.line("user.update")["body"]["request"].clone();
    let with_id = |list: &str, id: String| {
        let mut element = line[list][0].clone();
        element["id"] = json!(id);
        json!([element])
    };
    let address = with_id("address", story.id("meera address"));
    let job = with_id("jobProfile", story.id("meera job"));
    let changes = json!({"userId": user, "address": address, "jobProfile": job});
    story.run("user.update", changes).await?;

    story.run("user.block", json!({"userId": mentor})).await?;
    let blocked = json!({"status": 0, "isDeleted": true});
    story.has_document("sunbird/user", &mentor, blocked).await?;
    story.run("user.unblock", json!({"userId": mentor})).await?;

    let who = json!({"userId": user});
    story.run("user.logintime.update", who.clone()).await?;
    let first = story
        .has_row("user", &user, json!({"lastlogintime": null}))
        .await?;
    story.run("user.logintime.update", who.clone()).await?;
    let last = json!({"lastlogintime": first["currentlogintime"]});
    story.has_row("user", &user, last).await?;
    story.run("user.tnc.accept", who).await?;
    story
        .compare_all("changed users", include_str!("expected/changed_users.json"))
        .await
}

pub async fn members_and_roles(story: &mut Story) -> Result<()> {
    let (user, school) = (story.id("meera"), story.id("school"));
    let who = json!({"userId": user, "organisationId": school});
    for _ in 0..2 {
        // The second time it is a success without a change.
        story.run("org.member.add", who.clone()).await?;
    }
    story
        .has_row("organisation", &school, json!({"noofmembers": 1}))
        .await?;
    let member = member(story, &user, &school).await?;
    let row = text(&member, "id")?;
    let roles = json!({"roles": ["CONTENT_CREATOR", "COURSE_MENTOR", "PUBLIC"]});
    story.has_row("user_org", &row, roles).await?;

    story.run("user.role.assign", who.clone()).await?;
    let roles = json!({"roles": ["CONTENT_REVIEWER", "PUBLIC"]});
    story.has_row("user_org", &row, roles.clone()).await?;
    let assigned = self::member(story, &user, &school).await?;
    assert_eq!(assigned["roles"], roles["roles"]);

    story.run("org.member.remove", who.clone()).await?;
    story
        .has_row("user_org", &row, json!({"isdeleted": true}))
        .await?;
    let left = self::member(story, &user, &school).await?;
    assert_eq!(left["isDeleted"], true);
    assert!(left["orgLeftDate"].is_string(), "{left}");
    story
        .has_row("organisation", &school, json!({"noofmembers": 0}))
        .await?;
    story.run("org.member.add", who).await?;
    story.know([("meera school", row)]);
    story
        .compare_all("members", include_str!("expected/members.json"))
        .await
}

async fn member(story: &Story, user: &str, organisation: &str) -> Result<Value> {
    let document = story.document("sunbird/user", user).await?;
    let document = document.context("the user")?;
    let list = document["organisations"].as_array();
    let mut list = list.into_iter().flatten();
    let found = list.find(|one| one["organisationId"] == organisation);
    found.context("no member").cloned()
}

pub async fn notes_skills_and_codes(story: &mut Story) -> Result<()> {
    let (user, mentor) = (story.id("meera"), story.id("mentor"));
    let note = story.run("note.create", json!({"userId": user})).await?;
    let note = text(&note, "id")?;
    story.know([("note", note.clone())]);
    story
        .compare_all("note", include_str!("expected/note.json"))
        .await?;
    story.run("note.update", json!({"path": note})).await?;
    let changed = json!({"title": "Refraction and dispersion demo", "isdeleted": false});
    story.has_row("user_notes", &note, changed).await?;
    story.run("note.delete", json!({"path": note})).await?;

    story
        .run("user.skill.add", json!({"endorsedUserId": user}))
        .await?;
    let skill = |name: &str| hash(&[&user, name]);
    let (optics, design) = (skill("optics"), skill("experiment design"));
    let fresh = json!({"endorsementcount": 0});
    story.has_row("user_skills", &optics, fresh).await?;
    for _ in 0..2 {
        // One endorsement of each endorser.
        let endorse = json!({"userId": mentor, "endorsedUserId": user});
        story.run("user.skill.endorse", endorse).await?;
    }
    story.know([("meera optics", optics), ("meera design", design)]);

    // Codes and how often they were asked for are nothing that a client reads.
    for _ in 0..2 {
        story.run("otp.generate", json!({})).await?;
    }
    assert_eq!(story.row("otp", "phone/9845012367").await?, None);
    assert_eq!(story.row("rate_limit", "9845012367/HOUR").await?, None);
    story
        .compare_all("skills", include_str!("expected/skills.json"))
        .await
}
