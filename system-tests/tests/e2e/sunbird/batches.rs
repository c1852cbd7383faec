//! Batches of a course, who is in them, how far they are.

use super::story::{Story, hash, text};
use anyhow::{Context, Result};
use serde_json::{Value, json};

pub const COURSE: &str = "do_3129981407755468801";
const COMPLETED: &str = "do_3129981523344179202";
const BEGUN: &str = "do_3129981601190215683";

pub async fn batches(story: &mut Story) -> Result<()> {
    let (user, mentor, third) = (story.id("meera"), story.id("mentor"), story.id("third"));
    let create =
        json!({"createdFor": [story.id("school")], "mentors": [mentor], "participants": [user]});
    let batch = text(&story.run("batch.create", create).await?, "batchId")?;
    story.know([
        ("meera closed", hash(&[&user, COURSE, &batch])),
        ("third closed", hash(&[&third, COURSE, &batch])),
        ("closed", batch.clone()),
    ]);
    story
        .compare_all("batch", include_str!("expected/batch.json"))
        .await?;

    let update = json!({"id": batch, "mentors": [mentor, third]});
    story.run("batch.update", update).await?;
    let both = json!({"path": batch, "userIds": [user, third]});
    let result = story.run("batch.user.add", both).await?;
    assert_eq!(
        (&result[&user], &result[&third]),
        (&json!("enrolled already"), &json!("SUCCESS"))
    );
    assert!(batch_of(story, &third, &batch).await?.is_some());
    let participants = json!({"participant": {&user: true, &third: true}});
    story.has_row("course_batch", &batch, participants).await?;
    let gone = json!({"path": batch, "userIds": [third]});
    let result = story.run("batch.user.remove", gone).await?;
    assert_eq!(result[&third], "SUCCESS");

    let created = story.has_row("course_batch", &batch, json!({})).await?;
    let today = text(&created, "createddate")?[..10].to_owned();
    let course = json!({"courseName": "Optics", "courseLogoUrl": "https://content.example.org/optics.png", "description": "Light", "tocUrl": "https://content.example.org/optics.json", "leafNodesCount": 1, "status": "Live"});
    let open = json!({"enrollmentType": "open", "startDate": today, "courseAdditionalInfo": course, "without": ["participants", "mentors", "createdFor"]});
    let open = text(&story.run("batch.create", open).await?, "batchId")?;
    let who = json!({"batchId": open, "userId": user});
    story.run("batch.enroll", who.clone()).await?;
    assert!(batch_of(story, &user, &open).await?.is_some());
    story.run("batch.unenroll", who.clone()).await?;
    assert!(batch_of(story, &user, &open).await?.is_none());
    let left = json!({"active": false});
    story
        .has_row("user_courses", &hash(&[&user, COURSE, &open]), left)
        .await?;
    let nobody = json!({"participant": null});
    story.has_row("course_batch", &open, nobody).await?;
    story.run("batch.enroll", who).await?;
    story.know([
        ("meera open", hash(&[&user, COURSE, &open])),
        ("meera completed", hash(&[&user, COMPLETED, COURSE, &open])),
        ("meera begun", hash(&[&user, BEGUN, COURSE, &open])),
        ("open", open),
    ]);
    story
        .compare_all("enrolments", include_str!("expected/enrolments.json"))
        .await
}

pub async fn progress(story: &mut Story) -> Result<()> {
    let (user, open) = (story.id("meera"), story.id("open"));
    let mut contents = story.line("content.state.update")["body"]["request"]["contents"].clone();
    for content in contents.as_array_mut().context("contents")? {
        content["batchId"] = json!(open);
    }
    let change = json!({"userId": user, "contents": contents});
    for count in 1..=2 {
        let result = story.run("content.state.update", change.clone()).await?;
        assert_eq!(result[COMPLETED], "SUCCESS");
        let listed = batch_of(story, &user, &open).await?.context("listed")?;
        assert_eq!(listed["progress"], 1, "what is completed counts once");
        let counts = json!({"viewcount": count, "completedcount": count});
        story
            .has_row("content_consumption", &story.id("meera completed"), counts)
            .await?;
    }
    story
        .compare_all("progress", include_str!("expected/progress.json"))
        .await
}

async fn batch_of(story: &Story, user: &str, batch: &str) -> Result<Option<Value>> {
    let document = story.document("sunbird/user", user).await?;
    let document = document.context("the user")?;
    let list = document["batches"].as_array().cloned().unwrap_or_default();
    Ok(list.into_iter().find(|one| one["batchId"] == batch))
}
