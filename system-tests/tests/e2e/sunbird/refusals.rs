//! What each operation refuses, with status and stable name: both stores hold the same after each as before it.

use super::story::Story;
use anyhow::Result;
use serde_json::{Value, json};

pub async fn refusals(story: &mut Story) -> Result<()> {
    let id = |name: &str| story.id(name);
    let (user, school, mentor) = (id("meera"), id("school"), id("mentor"));
    let (open, closed) = (id("open"), id("closed"));
    let nobody = "00000000-0000-4000-8000-000000000000";
    let taken =
        json!({"phone": "9845099999", "userName": "meera.nair", "email": "other@example.org"});
    let cases: Vec<(&str, Value, u16, &str)> = vec![
        ("user.create", taken, 409, "user_name_taken"),
        (
            "user.update",
            json!({"userId": nobody, "without": ["externalIds", "address", "jobProfile"]}),
            404,
            "missing",
        ),
        ("user.block", json!({"userId": nobody}), 404, "missing"),
        ("user.unblock", json!({"userId": user}), 400, "active"),
        (
            "user.bulk.upload",
            json!({"data": "NAME,SHOE SIZE\nArun,44\n"}),
            400,
            "bad_upload",
        ),
        (
            "user.logintime.update",
            json!({"userId": nobody}),
            404,
            "missing",
        ),
        (
            "user.tnc.accept",
            json!({"userId": user, "version": "v3"}),
            400,
            "latest",
        ),
        (
            "org.member.add",
            json!({"userId": user, "organisationId": nobody}),
            400,
            "organisation_missing",
        ),
        (
            "org.member.remove",
            json!({"userId": mentor, "organisationId": school}),
            400,
            "not_a_member",
        ),
        (
            "user.role.assign",
            json!({"userId": mentor, "organisationId": school}),
            400,
            "not_a_member",
        ),
        (
            "org.create",
            json!({"externalId": "HHS-101"}),
            409,
            "external_id_taken",
        ),
        (
            "org.bulk.upload",
            json!({"data": "SCHOOL NAME\n"}),
            400,
            "bad_upload",
        ),
        (
            "org.update",
            json!({"organisationId": nobody, "locationIds": [id("state")]}),
            404,
            "missing",
        ),
        (
            "org.status.update",
            json!({"organisationId": school, "status": 3}),
            400,
            "transition",
        ),
        (
            "note.create",
            json!({"userId": nobody}),
            400,
            "user_missing",
        ),
        ("note.update", json!({"path": id("note")}), 404, "deleted"),
        ("note.delete", json!({"path": "nowhere"}), 404, "missing"),
        (
            "batch.create",
            json!({"startDate": "2020-01-06", "without": ["createdFor", "mentors", "participants"]}),
            400,
            "start_date",
        ),
        (
            "batch.update",
            json!({"id": open, "startDate": "2031-01-06", "without": ["mentors", "endDate"]}),
            400,
            "start_date",
        ),
        (
            "batch.user.add",
            json!({"path": open, "userIds": [user]}),
            400,
            "not_by_invitation",
        ),
        (
            "batch.user.remove",
            json!({"path": "nowhere", "userIds": [user]}),
            404,
            "missing",
        ),
        (
            "batch.enroll",
            json!({"batchId": open, "userId": user}),
            400,
            "enrolled",
        ),
        (
            "batch.unenroll",
            json!({"batchId": closed, "userId": user}),
            400,
            "by_invitation",
        ),
        (
            "content.state.update",
            json!({"userId": nobody}),
            404,
            "missing",
        ),
        (
            "location.bulk.upload",
            json!({"data": "code,name\nx,y\n"}),
            400,
            "bad_upload",
        ),
        ("location.create", json!({}), 409, "code_taken"),
        (
            "location.update",
            json!({"id": nobody, "without": ["parentId"]}),
            404,
            "missing",
        ),
        ("data.sync", json!({"objectType": "badge"}), 400, "enum"),
        ("issuer.create", json!({"url": "badges"}), 400, "format"),
        (
            "badge.class.create",
            json!({"rootOrgId": school}),
            400,
            "issuer_missing",
        ),
        (
            "badge.assertion.create",
            json!({"recipientId": user}),
            400,
            "badge_missing",
        ),
        (
            "badge.assertion.delete",
            json!({"recipientId": user}),
            404,
            "missing",
        ),
        ("content.badge.link", json!({}), 400, "badge_missing"),
        (
            "content.badge.unlink",
            json!({"badgeIds": ["badgeslug-0"]}),
            400,
            "not_linked",
        ),
        (
            "user.skill.add",
            json!({"endorsedUserId": nobody}),
            404,
            "missing",
        ),
        (
            "user.skill.endorse",
            json!({"userId": user, "endorsedUserId": user}),
            400,
            "self",
        ),
        ("object.create", json!({"entityName": "user"}), 400, "enum"),
        ("object.update", json!({}), 404, "missing"),
        ("object.delete", json!({}), 404, "missing"),
        (
            "system.setting.set",
            json!({"id": "phoneUnique"}),
            400,
            "fixed",
        ),
    ];
    for (operation, changes, status, rule) in cases {
        story.refuse(operation, changes, status, rule).await?;
    }
    for _ in 0..3 {
        story.run("otp.generate", json!({})).await?;
    }
    let often = "too_often_in_an_hour";
    story.refuse("otp.generate", json!({}), 429, often).await?;
    // As a client reads it, it is what it was before, but for how often codes were asked for.
    story
        .compare_all("refusals", include_str!("expected/refusals.json"))
        .await
}
