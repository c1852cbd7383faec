//! Every operation of Sunbird from outside, with the request that its clients send, in an order in
//! which each finds what it needs; what they leave is compared field by field, and for each
//! operation one refusal that changes nothing. At the end the deployment is closed, and who is not
//! the owner is refused.

mod badges;
mod batches;
mod organisations;
mod owners;
mod refusals;
mod story;
mod users;
mod whole;

use anyhow::Result;
use std::collections::BTreeSet;
use story::Story;
use system_tests::cluster::Cluster;
use testbed::Servers;

async fn all(cluster: &Cluster) -> Result<()> {
    let mut story = Story::new(cluster)?;
    organisations::settings_and_places(&mut story).await?;
    organisations::organisations(&mut story).await?;
    users::users(&mut story).await?;
    users::members_and_roles(&mut story).await?;
    users::notes_skills_and_codes(&mut story).await?;
    batches::batches(&mut story).await?;
    batches::progress(&mut story).await?;
    badges::badges(&mut story).await?;
    badges::objects(&mut story).await?;
    organisations::uploads_and_syncs(&mut story).await?;
    refusals::refusals(&mut story).await?;
    owners::owners(&mut story, cluster).await?;
    story.nothing_differed()?;
    let all: BTreeSet<&str> = story.operations().collect();
    let done: BTreeSet<&str> = story.done.iter().map(String::as_str).collect();
    let refused: BTreeSet<&str> = story.refused.iter().map(String::as_str).collect();
    assert_eq!(all.len(), 43);
    assert_eq!(done, all, "each operation was carried out");
    assert_eq!(refused, all, "each operation refused something");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_on_the_embedded_default() -> Result<()> {
    all(&Cluster::embedded().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_on_real_servers() -> Result<()> {
    all(&Cluster::on(Servers::shared().addresses(), 1, 1).await?).await
}
