//! Looking into a log without opening it: while a process has it open, and after the machine
//! crashed.

use crate::contract::{record, spec, value};
use event_log::{
    Limits, Record, TopicSpec,
    embedded::{self, Options},
};
use std::{fs, path::Path, time::Duration};

const COUNT: usize = 20;

async fn copied(from: &Path) -> Vec<Record> {
    let into = tempfile::tempdir().unwrap();
    assert!(!embedded::copy_topic(from, "other", into.path()).unwrap());
    assert!(embedded::copy_topic(from, "letters", into.path()).unwrap());
    let (log, handle) = embedded::open_log(into.path(), Options::default()).unwrap();
    let end = log.admin.offsets("letters", 0).await.unwrap().end;
    let limits = Limits {
        records: 100,
        bytes: 1 << 20,
    };
    let records = log
        .reader
        .read("letters", 0, 0, end, limits, Duration::from_secs(5))
        .await
        .unwrap();
    handle.shutdown().await;
    records
}

#[tokio::test]
async fn an_open_log_and_one_that_lost_power() {
    let folder = tempfile::tempdir().unwrap();
    let (log, handle) = embedded::open_log(folder.path(), Options::default()).unwrap();
    let topics = ["letters", "more"].map(|name| TopicSpec {
        name: name.into(),
        ..spec(1)
    });
    log.admin.create(&topics).await.unwrap();
    for number in 0..COUNT {
        for topic in ["letters", "more"] {
            log.publisher
                .send(record(topic, 0, &format!("{topic} {number}")))
                .unwrap()
                .await
                .unwrap();
        }
    }
    let expected: Vec<String> = (0..COUNT)
        .map(|number| format!("letters {number}"))
        .collect();
    let values = |records: Vec<Record>| {
        records
            .iter()
            .map(|record| value(record).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        values(copied(folder.path()).await),
        expected,
        "while it is open"
    );

    // As a power cut leaves it: the journal was synced, the segment was not.
    let left = tempfile::tempdir().unwrap();
    let segment = "topics/letters/0/00000000000000000000.segment";
    for file in [
        "journal/0.journal",
        "journal/1.journal",
        "topics/letters/topic.json",
        segment,
    ] {
        fs::create_dir_all(left.path().join(file).parent().unwrap()).unwrap();
        fs::copy(folder.path().join(file), left.path().join(file)).unwrap();
    }
    fs::File::options()
        .write(true)
        .open(left.path().join(segment))
        .unwrap()
        .set_len(40)
        .unwrap();
    assert_eq!(
        values(copied(left.path()).await),
        expected,
        "after a power cut"
    );
    assert_eq!(
        fs::metadata(left.path().join(segment)).unwrap().len(),
        40,
        "nothing was changed where it was copied from"
    );
    handle.shutdown().await;
    assert_eq!(values(copied(folder.path()).await), expected, "closed");
}
