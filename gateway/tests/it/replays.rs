//! Jobs that replay: letters are prepared side by side, and each is moved once, in its order.

use crate::{
    harness::{App, Builder, PARTITIONS, told},
    slow_record::{LookUps, SlowRecord},
};
use catalog::Catalog;
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const DEFINITIONS: &str = include_str!("../../../bench/src/letters.yaml");

const LETTERS: usize = 100;

async fn until(app: &App, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, _, answer) = told(app.get(path)).await;
        if is_so(&answer) {
            return answer;
        }
        assert!(Instant::now() < until, "{answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// So many dead letters, and the patch that mends them.
async fn dead_letters(reads: Arc<LookUps>) -> (App, Value) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("letter.yaml"), DEFINITIONS).unwrap();
    let app = Builder {
        wrap_record: Box::new(move |record| Arc::new(SlowRecord(record, reads))),
        catalog: Catalog::load(&[folder.path().to_owned()]).unwrap(),
        ..Builder::default()
    };
    let app = app.start().await;
    for n in 0..LETTERS {
        let put = app.post(
            "/v1/operations/letter.put",
            &json!({"id": format!("k{n}.")}),
        );
        let (status, _, answer) = told(put).await;
        assert_eq!(status.as_u16(), 202, "{answer}");
    }
    until(&app, "/v1/dead-letters?limit=1", |answer| {
        answer["count"] == LETTERS
    })
    .await;
    let patch = json!([{"op": "add", "path": "/body", "value": {"n": 1}}]);
    let order = json!({"select": {"all": true}, "reason": "a test", "patch": patch});
    (app, order)
}

async fn run_to_its_end(app: &App, order: &Value) -> Value {
    let (status, _, job) = told(app.post("/v1/replays", order)).await;
    assert!(status.is_success(), "{job}");
    let path = format!("/v1/replays/{}?limit=100", job["id"].as_str().unwrap());
    until(app, &path, |job| job["state"] == "done").await
}

/// How often, in the log, an intent comes behind one whose item stands behind its own.
async fn steps_back(app: &App, job: &Value) -> usize {
    let items = job["items"].as_array().unwrap();
    let place = |request: &str| items.iter().position(|item| item["request_id"] == request);
    let intents = app.events().await.into_iter().filter_map(|event| {
        let asked: Value = serde_json::from_str(event.data.request.get()).unwrap();
        place(asked["request"].as_str()?)
    });
    let places: Vec<usize> = intents.collect();
    assert_eq!(places.len(), LETTERS);
    places.windows(2).filter(|two| two[0] > two[1]).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_of_a_job_are_prepared_side_by_side_and_sent_in_order() {
    let reads = Arc::<LookUps>::default();
    let (app, order) = dead_letters(reads.clone()).await;
    // The first batch is the last to be read.
    reads.read_rows_in(Duration::from_millis(30));
    let job = run_to_its_end(&app, &order).await;
    assert_eq!(job["counts"], json!({"applied": LETTERS}), "{job}");
    let previews = job["items"].as_array().unwrap().iter();
    let previewed = previews.filter(|item| item["preview"]["verdict"] == "applied");
    assert_eq!(previewed.count(), LETTERS);
    let together = reads.most_rows_together();
    assert!((2..=3).contains(&together), "{together} at a time");
    let back = steps_back(&app, &job).await;
    assert!(
        back < usize::from(PARTITIONS),
        "{back} steps back, over {PARTITIONS} partitions"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_whose_preparation_panics_ends_alone() {
    let reads = Arc::<LookUps>::default();
    let (app, order) = dead_letters(reads.clone()).await;
    // It is read once where the job is made.
    reads.panic_on("k41.", 1);
    let job = run_to_its_end(&app, &order).await;
    let counts = json!({"applied": LETTERS - 1, "refused": 1});
    assert_eq!(job["counts"], counts, "{job}");
    let items = job["items"].as_array().unwrap();
    let refused = items.iter().find(|item| item["status"] == "refused");
    let refused = refused.expect("one of them");
    assert_eq!(refused["key"], "letter/k41.", "{refused}");
    assert_eq!(refused["problem"]["code"], "internal", "{refused}");
}
