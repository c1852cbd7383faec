//! A topic whose folder was deleted and that was created again under the same name.

use crate::contract::{record, spec};
use event_log::embedded::{self, Options};

#[tokio::test]
async fn it_has_another_id() {
    let folder = tempfile::tempdir().unwrap();
    let (log, handle) = embedded::open_log(folder.path(), Options::default()).unwrap();
    let spec = spec(1);
    log.admin.create(std::slice::from_ref(&spec)).await.unwrap();
    let appended = log.append(record(&spec.name, 0, "x")).await.unwrap();
    assert_eq!(appended.offset, 0);
    let before = log.admin.topic_ids(&[&spec.name]).await.unwrap();
    drop(log);
    handle.shutdown().await;
    std::fs::remove_dir_all(folder.path().join("topics").join(&spec.name)).unwrap();
    let (log, _handle) = embedded::open_log(folder.path(), Options::default()).unwrap();
    assert!(log.admin.topic_ids(&[&spec.name]).await.is_err());
    log.admin.create(std::slice::from_ref(&spec)).await.unwrap();
    let after = log.admin.topic_ids(&[&spec.name]).await.unwrap();
    assert!(
        after[0].is_some() && after != before,
        "{before:?} {after:?}"
    );
}
