//! Badges, and objects of plug-ins.

use super::story::{Story, text};
use anyhow::{Context, Result};
use serde_json::json;

pub async fn badges(story: &mut Story) -> Result<()> {
    let (user, root) = (story.id("user"), story.id("root"));
    let issuer = text(&story.run("issuer.create", json!({})).await?, "issuerId")?;
    story
        .has_document(
            "sunbird/badgeissuers",
            &issuer,
            json!({"name": "Coastal Schools Board", "status": 1}),
        )
        .await?;
    let class = json!({"issuerId": issuer, "rootOrgId": root});
    let mentor = text(
        &story.run("badge.class.create", class.clone()).await?,
        "badgeId",
    )?;
    let author = text(&story.run("badge.class.create", class).await?, "badgeId")?;
    let expected = json!({"issuerid": issuer, "roles": ["TEACHER_BADGE_ISSUER"], "type": "user", "subtype": "award"});
    story
        .has_row("badge_class_extension", &mentor, expected.clone())
        .await?;
    story.has_row("badge_class", &mentor, expected).await?;
    story
        .has_document(
            "sunbird/badgeclasses",
            &mentor,
            json!({"name": "Lab Mentor", "issuerId": issuer}),
        )
        .await?;
    story
        .has_row("badge_issuer", &issuer, json!({"badgecount": 2}))
        .await?;

    let assertion = json!({"issuerId": issuer, "badgeId": mentor, "recipientId": user});
    let assertion = text(&story.run("badge.assertion.create", assertion).await?, "id")?;
    story
        .has_row(
            "user_badge_assertion",
            &assertion,
            json!({"userid": user, "badgeid": mentor, "badgeclassname": "Lab Mentor"}),
        )
        .await?;
    let document = story
        .document("sunbird/user", &user)
        .await?
        .context("the user")?;
    assert_eq!(
        document["badgeAssertions"][0]["assertionId"],
        json!(assertion)
    );
    story
        .has_row("badge_class", &mentor, json!({"assertioncount": 1}))
        .await?;

    let content = "do_3129981407755468801";
    story
        .run("content.badge.link", json!({"badgeIds": [mentor, author]}))
        .await?;
    let link = |badge: &str| {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(format!("{content}##{badge}"));
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    for badge in [&mentor, &author] {
        story
            .has_row(
                "content_badge_association",
                &link(badge),
                json!({"contentid": content, "badgeid": badge, "status": 1}),
            )
            .await?;
    }
    story
        .run("content.badge.unlink", json!({"badgeIds": [author]}))
        .await?;
    story
        .has_document(
            "sunbird/badgeassociations",
            &link(&author),
            json!({"status": 0}),
        )
        .await?;
    story
        .has_row(
            "content_badge_association",
            &link(&mentor),
            json!({"status": 1}),
        )
        .await?;

    story
        .refuse(
            "badge.class.delete",
            json!({"path": mentor}),
            400,
            "has_assertions",
        )
        .await?;
    let back = json!({"assertionId": assertion, "recipientId": user});
    story.run("badge.assertion.delete", back).await?;
    assert_eq!(story.row("user_badge_assertion", &assertion).await?, None);
    story
        .has_document("sunbird/user", &user, json!({"badgeAssertions": []}))
        .await?;
    story
        .refuse("issuer.delete", json!({"path": issuer}), 400, "has_badges")
        .await?;
    for badge in [&mentor, &author] {
        story
            .run("badge.class.delete", json!({"path": badge}))
            .await?;
        assert_eq!(story.row("badge_class", badge).await?, None);
        assert_eq!(story.document("sunbird/badgeclasses", badge).await?, None);
    }
    story.run("issuer.delete", json!({"path": issuer})).await?;
    assert_eq!(story.row("badge_issuer", &issuer).await?, None);
    Ok(())
}

pub async fn objects(story: &mut Story) -> Result<()> {
    let id = "0d2b6c7e-91f4-4e38-a5d0-6b8c3f17e942";
    story.run("object.create", json!({})).await?;
    let expected =
        json!({"priority": "normal", "sentcount": 0, "links": ["https://hhs.example.org/fair"]});
    story
        .has_document("sunbirdplugin/announcement", id, expected.clone())
        .await?;
    story.has_row("announcement", id, expected).await?;
    story.run("object.update", json!({})).await?;
    let expected = json!({"sentcount": 118, "status": "cancelled", "priority": "normal"});
    story
        .has_document("sunbirdplugin/announcement", id, expected.clone())
        .await?;
    story.has_row("announcement", id, expected).await?;
    story.run("object.delete", json!({})).await?;
    assert_eq!(story.row("announcement", id).await?, None);
    assert_eq!(
        story.document("sunbirdplugin/announcement", id).await?,
        None
    );
    Ok(())
}
