//! A topic that is deleted and created again under the same name.

use super::{bed, settings};
use event_log::AdminError;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_has_another_id() {
    let bed = bed();
    let spec = crate::contract::spec(1);
    let specs = [spec.clone()];
    assert_eq!(bed.log.admin.create(&specs).await.unwrap(), []);
    bed.fill(&spec.name, 0, 20).await;
    let before = bed.log.admin.topic_ids(&[&spec.name]).await.unwrap();
    assert!(before[0].is_some());
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", settings(&[]).brokers)
        .create()
        .unwrap();
    admin
        .delete_topics(&[&spec.name], &AdminOptions::new())
        .await
        .unwrap()[0]
        .as_ref()
        .unwrap();
    let mut missing = bed.log.admin.topic_ids(&[&spec.name]).await;
    for _ in 0..100 {
        if missing.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        missing = bed.log.admin.topic_ids(&[&spec.name]).await;
    }
    assert_eq!(
        missing,
        Err(AdminError::UnknownPartition(spec.name.clone()))
    );
    assert_eq!(bed.log.admin.create(&specs).await.unwrap(), []);
    let after = bed.log.admin.topic_ids(&[&spec.name]).await.unwrap();
    assert!(
        after[0].is_some() && after != before,
        "{before:?} {after:?}"
    );
    assert_eq!(bed.append(&spec.name, 0, "first again").await.offset, 0);
}
