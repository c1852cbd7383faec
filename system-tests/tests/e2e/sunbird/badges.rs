//! Badges, and objects of plug-ins.

use super::{
    batches::COURSE,
    story::{Story, hash, text},
};
use anyhow::Result;
use serde_json::json;

pub async fn badges(story: &mut Story) -> Result<()> {
    let (user, root) = (story.id("meera"), story.id("root"));
    let issuer = text(&story.run("issuer.create", json!({})).await?, "issuerId")?;
    let class = json!({"issuerId": issuer, "rootOrgId": root});
    let made = story.run("badge.class.create", class.clone()).await?;
    let mentor = text(&made, "badgeId")?;
    let made = story.run("badge.class.create", class).await?;
    let author = text(&made, "badgeId")?;

    let assertion = json!({"issuerId": issuer, "badgeId": mentor, "recipientId": user});
    let assertion = text(&story.run("badge.assertion.create", assertion).await?, "id")?;
    let both = json!({"badgeIds": [mentor, author]});
    story.run("content.badge.link", both.clone()).await?;
    // What is linked is passed over.
    story.run("content.badge.link", both).await?;
    story
        .run("content.badge.unlink", json!({"badgeIds": [author]}))
        .await?;
    story.know([
        ("mentor link", hash(&[COURSE, &mentor])),
        ("author link", hash(&[COURSE, &author])),
        ("issuer", issuer.clone()),
        ("mentor badge", mentor.clone()),
        ("author badge", author.clone()),
        ("assertion", assertion.clone()),
    ]);
    story
        .compare_all("badges", include_str!("expected/badges.json"))
        .await?;

    let path = json!({"path": mentor});
    story
        .refuse("badge.class.delete", path, 400, "has_assertions")
        .await?;
    let back = json!({"assertionId": assertion, "recipientId": user});
    story.run("badge.assertion.delete", back).await?;
    let path = json!({"path": issuer});
    story
        .refuse("issuer.delete", path.clone(), 400, "has_badges")
        .await?;
    for badge in [&mentor, &author] {
        let path = json!({"path": badge});
        story.run("badge.class.delete", path).await?;
    }
    story.run("issuer.delete", path).await?;
    story
        .compare_all("badges gone", include_str!("expected/badges_gone.json"))
        .await
}

pub async fn objects(story: &mut Story) -> Result<()> {
    story.run("object.create", json!({})).await?;
    story
        .compare_all("object", include_str!("expected/object.json"))
        .await?;
    story.run("object.update", json!({})).await?;
    story
        .compare_all(
            "changed object",
            include_str!("expected/changed_object.json"),
        )
        .await?;
    story.run("object.delete", json!({})).await?;
    story
        .compare_all("object gone", include_str!("expected/object_gone.json"))
        .await
}
