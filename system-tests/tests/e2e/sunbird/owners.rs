//! Who is not the owner: the deployment is closed, its users have accounts and every right to the
//! operations, and what one of them owns no other changes, an administrator neither, whatever the
//! body claims. Each may change what is their own.

use super::story::{Story, hash, text};
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use system_tests::{accounts::Accounts, cluster::Cluster};

/// Operations that read who the caller is, and refuse.
const OWNED: [&str; 10] = [
    "batch.enroll",
    "batch.unenroll",
    "batch.update",
    "content.state.update",
    "note.create",
    "note.delete",
    "note.update",
    "user.skill.add",
    "user.skill.endorse",
    "user.update",
];
const FORBIDDEN: u16 = 403;

/// Who is logged in.
struct Sessions {
    meera: String,
    third: String,
    admin: String,
}

pub async fn owners(story: &mut Story, cluster: &Cluster) -> Result<()> {
    let sessions = close(story, cluster).await?;
    let refused_before = story.refused.len();
    notes(story, &sessions).await?;
    users_and_skills(story, &sessions).await?;
    batches(story, &sessions).await?;
    let refused = story.refused[refused_before..].iter().map(String::as_str);
    assert_eq!(refused.collect::<BTreeSet<_>>(), OWNED.into());
    story
        .compare_all("owners", include_str!("expected/owners.json"))
        .await
}

/// From now on nobody does anything without a session.
async fn close(story: &mut Story, cluster: &Cluster) -> Result<Sessions> {
    let accounts = Accounts::close(cluster.gateways()).await?;
    let all = json!({"actions": {"*": true}});
    let may = json!({"controllers": {"note": all, "user": all, "batch": all, "content": all}});
    accounts.allow("teacher", may).await?;
    for who in ["meera", "third"] {
        accounts.user(&story.id(who), "teacher").await?;
    }
    let sessions = Sessions {
        meera: accounts.login(&story.id("meera")).await?,
        third: accounts.login(&story.id("third")).await?,
        admin: accounts.admin().to_owned(),
    };
    story.reads_as = Some(sessions.admin.clone());
    Ok(sessions)
}

/// Whoever sends from now on.
fn as_user(story: &mut Story, session: &str) {
    story.sends_as = Some(session.to_owned());
}

/// Refused to whoever sends, and to an administrator after that.
async fn not_theirs(
    story: &mut Story,
    sessions: &Sessions,
    (operation, changes, rule): (&str, Value, &str),
) -> Result<()> {
    let sender = story.sends_as.clone();
    story
        .refuse(operation, changes.clone(), FORBIDDEN, rule)
        .await?;
    as_user(story, &sessions.admin);
    story.refuse(operation, changes, FORBIDDEN, rule).await?;
    story.sends_as = sender;
    Ok(())
}

async fn notes(story: &mut Story, sessions: &Sessions) -> Result<()> {
    let (meera, third) = (story.id("meera"), story.id("third"));
    as_user(story, &sessions.meera);
    let note = story.run("note.create", json!({"userId": meera})).await?;
    let note = text(&note, "id")?;
    story.know([("own note", note.clone())]);

    as_user(story, &sessions.third);
    let claimed = json!({"path": note, "userId": third});
    let cases = [
        ("note.create", json!({"userId": meera}), "owner"),
        ("note.update", json!({"path": note}), "owner"),
        ("note.update", claimed, "owner"),
        ("note.delete", json!({"path": note}), "owner"),
    ];
    for case in cases {
        not_theirs(story, sessions, case).await?;
    }
    story.sends_as = None;
    let path = json!({"path": note});
    let refused = story.refuse("note.delete", path, 401, "unauthenticated");
    refused.await?;

    as_user(story, &sessions.meera);
    // Whose it is and what it is about stays, whatever is sent.
    let changes = json!({"path": note, "userId": third, "courseId": "c2", "isDeleted": true});
    story.run("note.update", changes).await?;
    let kept = json!({"userid": meera, "isdeleted": false, "updatedby": meera});
    story.has_row("user_notes", &note, kept).await?;
    story.run("note.delete", json!({"path": note})).await?;
    Ok(())
}

async fn users_and_skills(story: &mut Story, sessions: &Sessions) -> Result<()> {
    let (meera, third, mentor) = (story.id("meera"), story.id("third"), story.id("mentor"));
    let lists = ["externalIds", "address", "jobProfile", "framework"];
    let name = json!({"userId": meera, "without": lists, "lastName": "Nair"});
    let mut by_external_id = json!({"externalId": "EMP-31802", "externalIdType": "staff", "externalIdProvider": "coastal-schools"});
    by_external_id["without"] = json!(["userId", "externalIds", "address", "jobProfile"]);
    let borrowed = json!({"userId": mentor, "endorsedUserId": meera});
    let named = json!({"userId": mentor, "endorsedUserId": meera, "skillName": ["Lenses"]});
    let contents = json!({"userId": meera});
    as_user(story, &sessions.third);
    let cases = [
        ("user.update", name.clone(), "caller"),
        ("user.update", by_external_id, "caller"),
        ("user.skill.endorse", borrowed, "caller"),
        ("user.skill.add", named, "caller"),
        ("content.state.update", contents, "caller"),
    ];
    for case in cases {
        not_theirs(story, sessions, case).await?;
    }
    let lenses = json!({"endorsedUserId": meera, "skillName": ["Lenses"]});
    story.run("user.skill.add", lenses).await?;
    let endorse = json!({"userId": third, "endorsedUserId": meera});
    story.run("user.skill.endorse", endorse).await?;
    // Terms are accepted by who asks, also where the body says that another one does.
    story
        .run("user.tnc.accept", json!({"userId": mentor}))
        .await?;
    let accepted = json!({"tncacceptedversion": "v4"});
    story.has_row("user", &third, accepted).await?;
    let not_accepted = json!({"tncacceptedversion": null});
    story.has_row("user", &mentor, not_accepted).await?;
    story.know([("meera lenses", hash(&[&meera, "lenses"]))]);

    as_user(story, &sessions.meera);
    story.run("user.update", name).await?;
    let names = json!({"lastName": "Nair", "updatedBy": meera});
    story.has_document("sunbird/user", &meera, names).await?;
    Ok(())
}

async fn batches(story: &mut Story, sessions: &Sessions) -> Result<()> {
    let (meera, third, open) = (story.id("meera"), story.id("third"), story.id("open"));
    let other = json!({"batchId": open, "userId": meera});
    let own = json!({"batchId": open, "userId": third});
    let changed = json!({"id": story.id("closed"), "name": "Optics, spring group", "without": ["mentors", "endDate"]});
    as_user(story, &sessions.third);
    not_theirs(story, sessions, ("batch.unenroll", other, "caller")).await?;
    story.run("batch.enroll", own.clone()).await?;

    as_user(story, &sessions.meera);
    not_theirs(
        story,
        sessions,
        ("batch.update", changed.clone(), "creator_or_mentor"),
    )
    .await?;
    not_theirs(story, sessions, ("batch.enroll", own.clone(), "caller")).await?;
    not_theirs(story, sessions, ("batch.unenroll", own.clone(), "caller")).await?;

    as_user(story, &sessions.third);
    // A mentor of it, and enrolled there by nobody else.
    story.run("batch.update", changed).await?;
    story.run("batch.unenroll", own).await?;
    story.know([("third open", hash(&[&third, super::batches::COURSE, &open]))]);
    Ok(())
}
