//! Rows that go by themselves: what was read from a store is planned over until then, and no longer.

use crate::harness::{World, applied};
use catalog::Catalog;
use event_schema::outcome::{RefusalCode, Verdict};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn codes() -> Catalog {
    let text = json!({"type": "string"});
    let write = |action: Value| {
        let mut write = json!({"row": {"table": "codes", "key": {"id": "$request/id"}}});
        let members = action.as_object().unwrap().clone();
        write.as_object_mut().unwrap().extend(members);
        write
    };
    let operation = |name: &str, write: Value, guards: Value| {
        json!({
            "name": name,
            "summary": "Of a code that is good for a while.",
            "request": {
                "type": "object",
                "properties": {"id": text, "pin": text, "until": {"type": "integer"}},
            },
            "key": {"of": "code", "id": "$request/id"},
            "write": [write],
            "guards": guards,
            "examples": [{"title": "One", "request": {"id": "a", "pin": "1", "until": 1}}],
        })
    };
    let make = json!({"put": {"pin": "$request/pin"}, "expires": "$request/until"});
    let consume = json!({"as": "code", "expect": "present", "merge": {"used": "yes"}});
    let guard = json!([{
        "that": {"equals": ["$request/pin", "$current/code/pin"]},
        "rule": "pin",
        "say": "another pin",
    }]);
    let columns = json!({"id": "text", "pin": "text", "used": "text"});
    let definitions = json!({
        "tables": [{"name": "codes", "owner": "code", "partition_key": ["id"], "columns": columns}],
        "operations": [
            operation("code.make", write(make), json!([])),
            operation("code.use", write(consume), guard),
        ],
    });
    Catalog::from_definitions(&definitions).unwrap()
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// The worker read the row when it stood, and holds it in memory when it has gone from the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_was_read_goes_when_it_goes_in_the_store() {
    let world = World::of(codes()).await;
    let worker = world.worker("w1");
    let until = now() + 1_500;
    let made = json!({"id": "a", "pin": "1", "until": until});
    let made = world.write("code.make", made).await;
    assert!(applied(&world.resolved(&[made]).await[0]));
    worker.stop().await;
    // Another worker, so that it reads the row.
    let worker = world.worker("w2");
    let refusal = async |pin: &str| {
        let used = world
            .write("code.use", json!({"id": "a", "pin": pin}))
            .await;
        match &world.resolved(&[used]).await[0].verdict {
            Verdict::Refused(refusal) => refusal.code,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refusal("2").await, RefusalCode::Rule);
    assert!(now() < until, "too slow to show anything");
    let left = u64::try_from(until - now()).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(left + 100)).await;
    assert_eq!(refusal("1").await, RefusalCode::Missing);
    worker.stop().await;
}
