//! Batches of a course, who is in them, how far they are.

use super::story::{Story, text};
use anyhow::{Context, Result};
use serde_json::{Value, json};

const COURSE: &str = "do_3129981407755468801";

pub async fn batches(story: &mut Story) -> Result<()> {
    let (user, mentor, third) = (story.id("user"), story.id("mentor"), story.id("third"));
    let create =
        json!({"createdFor": [story.id("school")], "mentors": [mentor], "participants": [user]});
    let batch = text(&story.run("batch.create", create).await?, "batchId")?;
    let expected = json!({"batchId": batch, "courseId": COURSE, "enrollmentType": "invite-only", "status": 0, "participantCount": 1, "hashTagId": batch});
    story
        .has_document("sunbird/cbatch", &batch, expected)
        .await?;
    story
        .has_row(
            "course_batch",
            &batch,
            json!({"participant": {&user: true}, "startdate": "2031-01-06"}),
        )
        .await?;
    let listed = batch_of(story, &user, &batch)
        .await?
        .context("listed with the user")?;
    assert_eq!(
        (&listed["courseId"], &listed["progress"]),
        (&json!(COURSE), &json!(0))
    );

    let update = json!({"id": batch, "mentors": [mentor, third]});
    story.run("batch.update", update).await?;
    story.has_row("course_batch", &batch, json!({"name": "Optics, winter group", "startdate": "2031-01-13", "mentors": [mentor, third]})).await?;
    story
        .has_document(
            "sunbird/cbatch",
            &batch,
            json!({"endDate": "2031-05-15", "participantCount": 1}),
        )
        .await?;

    let result = story
        .run(
            "batch.user.add",
            json!({"path": batch, "userIds": [user, third]}),
        )
        .await?;
    assert_eq!(
        (&result[&user], &result[&third]),
        (&json!("enrolled already"), &json!("SUCCESS"))
    );
    assert!(batch_of(story, &third, &batch).await?.is_some());
    story
        .has_row(
            "course_batch",
            &batch,
            json!({"participant": {&user: true, &third: true}}),
        )
        .await?;
    let result = story
        .run(
            "batch.user.remove",
            json!({"path": batch, "userIds": [third]}),
        )
        .await?;
    assert_eq!(result[&third], "SUCCESS");
    assert!(batch_of(story, &third, &batch).await?.is_none());
    story
        .has_document("sunbird/cbatch", &batch, json!({"participantCount": 1}))
        .await?;
    story.ids.insert("closed", batch);

    let created = story
        .has_row("course_batch", &story.id("closed"), json!({}))
        .await?;
    let today = text(&created, "createddate")?[..10].to_owned();
    let course = json!({"courseName": "Optics", "leafNodesCount": 1});
    let open = json!({"enrollmentType": "open", "startDate": today, "courseAdditionalInfo": course, "without": ["participants", "mentors", "createdFor"]});
    let open = text(&story.run("batch.create", open).await?, "batchId")?;
    story
        .has_row(
            "course_batch",
            &open,
            json!({"status": 1, "courseadditionalinfo": {"courseName": "Optics", "leafNodesCount": "1"}}),
        )
        .await?;
    let who = json!({"batchId": open, "userId": user});
    story.run("batch.enroll", who.clone()).await?;
    assert!(batch_of(story, &user, &open).await?.is_some());
    story.run("batch.unenroll", who.clone()).await?;
    assert!(batch_of(story, &user, &open).await?.is_none());
    story
        .has_row("course_batch", &open, json!({"participant": null}))
        .await?;
    story.run("batch.enroll", who).await?;
    story.ids.insert("open", open);
    Ok(())
}

pub async fn progress(story: &mut Story) -> Result<()> {
    let (user, open) = (story.id("user"), story.id("open"));
    let mut contents = story.line("content.state.update")["body"]["request"]["contents"].clone();
    for content in contents.as_array_mut().context("contents")? {
        content["batchId"] = json!(open);
    }
    let change = json!({"userId": user, "contents": contents});
    for count in 1..=2 {
        let result = story.run("content.state.update", change.clone()).await?;
        assert_eq!(result["do_3129981523344179202"], "SUCCESS");
        let listed = batch_of(story, &user, &open).await?.context("listed")?;
        assert_eq!(listed["progress"], 1, "what is completed counts once");
        let id = hash(&[&user, "do_3129981523344179202", COURSE, &open]);
        let expected =
            json!({"status": 2, "progress": 100, "viewcount": count, "completedcount": count});
        story.has_row("content_consumption", &id, expected).await?;
        let id = hash(&[&user, COURSE, &open]);
        let expected = json!({"progress": 1, "status": 2, "active": true});
        story.has_row("user_courses", &id, expected.clone()).await?;
        story
            .has_document("sunbird/usercourses", &id, expected)
            .await?;
    }
    Ok(())
}

async fn batch_of(story: &Story, user: &str, batch: &str) -> Result<Option<Value>> {
    let document = story
        .document("sunbird/user", user)
        .await?
        .context("the user")?;
    let list = document["batches"].as_array().cloned().unwrap_or_default();
    Ok(list.into_iter().find(|one| one["batchId"] == batch))
}

fn hash(parts: &[&str]) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(parts.join("##"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
