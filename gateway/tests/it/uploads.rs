//! Files of many lines: taken in four ways, carried out line by line, gone on with by another gateway, and
//! refused by line and column.

use crate::harness::{App, Builder, app, log_only, problem, told};
use event_schema::{
    envelope::Transaction,
    id::{EntityKey, RequestId},
    offset::{ChangesOffset, TransactionsOffset},
    outcome::{LedgerEntry, Refusal, RefusalCode, Times, Verdict},
    position::{Position, Version},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use store::spools::{self, HoldingSpool};

const LOCATIONS: &str = "/v1/bulk/location/upload";

/// `n` states, the `m`th of which has no name for each m in `bad`.
fn states(n: usize, bad: &[usize]) -> String {
    let line = |m: usize| {
        if bad.contains(&m) {
            format!("S{m:04},,,\r\n")
        } else {
            format!("S{m:04},\"State, {m}\",,\r\n")
        }
    };
    "\u{feff}code,NAME,parentCode,parentId\r\n".to_owned() + &(0..n).map(line).collect::<String>()
}

async fn send(app: &App, file: String) -> String {
    let sent = app
        .client
        .post(format!("{}?type=state", app.url(LOCATIONS)))
        .header("content-type", "text/csv")
        .body(file);
    let (status, _, json) = told(sent).await;
    assert_eq!(status, 200, "{json:#}");
    json["result"]["processId"].as_str().unwrap().to_owned()
}

pub async fn completed(app: &App, process: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, _, json) = told(app.get(&format!("/v1/upload/status/{process}"))).await;
        if json["result"]["status"] == "COMPLETED" {
            return json["result"].clone();
        }
        assert!(Instant::now() < deadline, "{json:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn results(app: &App, process: &str) -> Vec<String> {
    let answer = app.get(&format!("/v1/upload/results/{process}")).send();
    let text = answer.await.unwrap().text().await.unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn each_line_is_a_request_of_its_own() {
    let app = app().await;
    let process = send(&app, states(300, &[17, 200])).await;
    let status = completed(&app, &process).await;
    let counts =
        ["taskCount", "processed", "succeeded", "failed"].map(|name| status[name].as_u64());
    assert_eq!(
        counts,
        [Some(300), Some(300), Some(298), Some(2)],
        "{status:#}"
    );
    let lines = results(&app, &process).await;
    assert_eq!(lines[0], "code,name,parentCode,parentId,Status,Remarks");
    assert_eq!(lines[1], "S0000,\"State, 0\",,,success,");
    assert_eq!(lines[18], "S0017,,,,failed,a line has a code and a name");
    assert_eq!(lines.len(), 301);
    // The same file again changes what is there, and adds nothing.
    let again = completed(&app, &send(&app, states(300, &[17])).await).await;
    assert_eq!(
        (&again["succeeded"], &again["failed"]),
        (&json!(299), &json!(1))
    );
    let count = app.post("/v1/documents/sunbird/location/_count", &json!({}));
    assert_eq!(told(count).await.2["count"], 299);
}

#[tokio::test]
async fn a_line_may_stand_on_one_before_it() {
    let app = app().await;
    let file = "code,name,parentCode,parentId\nKL,Kerala,,\nTN,Tamil Nadu,,\n";
    completed(&app, &send(&app, file.into()).await).await;
    let blocks = "code,name,parentCode,parentId\nKL-1,One,KL,\nTN-1,Two,TN,\nXX-1,Three,XX,\n";
    let body = json!({"request": {"type": "district", "data": blocks}});
    let (status, _, json) = told(app.post(LOCATIONS, &body)).await;
    assert_eq!(status, 200, "{json:#}");
    let process = json["result"]["processId"].as_str().unwrap();
    let found = completed(&app, process).await;
    assert_eq!(
        (&found["succeeded"], &found["failed"]),
        (&json!(2), &json!(1))
    );
    assert!(results(&app, process).await[3].starts_with("XX-1,Three,XX,,failed,"));
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_by_line_and_column() {
    let app = log_only().await;
    let head = "code,name,parentCode,parentId\n";
    let cases: [(Vec<u8>, u64, u64, &str); 8] = [
        (
            format!("{head}1,\"a\"b,,\n").into(),
            2,
            2,
            "text stands behind a closing quote",
        ),
        (
            [head.as_bytes(), b"1,a,,\n2,Z\xfcrich,,\n"].concat(),
            3,
            2,
            "Latin-1",
        ),
        (
            format!("{head}1,\"a,,\n").into(),
            3,
            2,
            "a quote is not closed",
        ),
        (
            "code,name,height,parentId\n1,a,,\n".into(),
            1,
            3,
            "`height` is no column",
        ),
        (
            "code,name,parentCode,parentId,NAME\n1,a,,,\n".into(),
            1,
            5,
            "the same column as column 2",
        ),
        (
            "code,name,parentCode\n1,a,\n".into(),
            1,
            4,
            "the column `parentId` is missing",
        ),
        (head.into(), 1, 1, "no line behind"),
        (
            (head.to_owned() + &"1,a,,\n".repeat(1001)).into(),
            1002,
            1,
            "at most 1001 lines",
        ),
    ];
    for (file, line, column, why) in cases {
        let sent = app
            .client
            .post(format!("{}?type=state", app.url(LOCATIONS)))
            .header("content-type", "text/csv")
            .body(file);
        let (status, _, json) = told(sent).await;
        let found = &json["result"]["problem"];
        let place = (found["line"].as_u64(), found["column"].as_u64());
        assert_eq!(
            (status.as_u16(), place),
            (400, (Some(line), Some(column))),
            "{why}: {json:#}"
        );
        assert!(found["detail"].as_str().unwrap().contains(why), "{json:#}");
    }
    let unknown = app.get("/v1/upload/status/17");
    assert_eq!(told(unknown).await.0, 404);
    let no_file = app.post(
        "/v1/operations/location.bulk.upload",
        &json!({"type": "state"}),
    );
    problem(no_file, 400, "bad_upload").await;
}

/// The gateway that took the file is gone before it began; another goes on.
#[tokio::test]
async fn any_gateway_goes_on() {
    let taker = taker().await;
    let process = send(&taker, states(40, &[3])).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (_, _, json) = told(taker.get(&format!("/v1/upload/status/{process}"))).await;
    assert_eq!(json["result"]["processed"], 0, "{json:#}");
    taker.sibling(gateway::Config::default()).await;
    let status = completed(&taker, &process).await;
    assert_eq!(
        (&status["succeeded"], &status["failed"]),
        (&json!(39), &json!(1))
    );
}

async fn applied(app: &App, operation: &str, body: Value) -> Value {
    let path = format!("/v1/operations/{operation}");
    let (status, _, json) = told(app.post(&path, &body).header("prefer", "wait=10")).await;
    assert_eq!(status, 200, "{operation}: {json:#}");
    json["result"].clone()
}

/// A gateway that takes files and carries none out.
pub(crate) async fn taker() -> App {
    let config = gateway::Config {
        carry_out_uploads: false,
        ..gateway::Config::default()
    };
    let builder = Builder {
        config,
        ..Builder::default()
    };
    builder.start().await
}

/// What another gateway left that had the uploads and is gone: the list says that each was claimed,
/// and the ledger what these requests of lines came to, each `(line, n, is_last)`.
async fn was_begun(app: &App, upload: [u8; 16], decided: &[((u64, u64, bool), Verdict)]) {
    let names = ["open-uploads".to_owned()];
    let stands = app.record.held_values(&names).await.unwrap().remove(0);
    let mut list: Value = serde_json::from_str(stands.as_ref().unwrap()).unwrap();
    for open in list.as_array_mut().unwrap() {
        open["claims"] = 1.into();
        open["holder"] = "gone".into();
        open["spools"] = json!(["a spool"]);
    }
    let claimed = list.to_string();
    let swapped = app
        .record
        .swap_value(&names[0], stands.as_deref(), &claimed)
        .await;
    swapped.unwrap();
    remember(app, upload, decided).await;
}

/// What the ledger says of requests of lines, each `(line, n, is_last)`.
async fn remember(app: &App, upload: [u8; 16], decided: &[((u64, u64, bool), Verdict)]) {
    let entry = |((line, n, is_last), verdict): &((u64, u64, bool), Verdict)| LedgerEntry {
        request: RequestId::mint(
            &app.keys,
            1,
            0,
            RequestId::child(&upload, (line * 8 + n) * 2 + u64::from(*is_last)),
        ),
        key: EntityKey("k".into()),
        operation: "o".into(),
        principal: None,
        position: Position {
            generation: 1,
            partition: 0,
            offset: TransactionsOffset::new(0),
        },
        version: Version::new(1, ChangesOffset::new(0)),
        verdict: verdict.clone(),
        result: None,
        parts: Vec::new(),
        times: Times::default(),
    };
    let entries: Vec<LedgerEntry> = decided.iter().map(entry).collect();
    app.record.remember(&entries).await;
}

async fn events_of(app: &App, operation: &str) -> Vec<RequestId> {
    let events = app.events().await.into_iter();
    let of = events.filter(|event: &Transaction| event.attributes.operation == operation);
    of.map(|event| event.attributes.id).collect()
}

/// The gateway that carried a file out ended when the first of a line's two requests was decided.
#[tokio::test]
async fn what_is_missing_of_a_line_is_asked_for_by_the_gateway_that_goes_on() {
    let taker = taker().await;
    let custodian =
        json!({"id": "custodianOrgChannel", "field": "custodianOrgChannel", "value": "coast"});
    applied(&taker, "system.setting.set", custodian).await;
    let state = json!({"code": "29", "name": "Karnataka", "type": "state"});
    applied(&taker, "location.create", state).await;
    let root = json!({"orgName": "Coast", "channel": "coast", "isRootOrg": true});
    applied(&taker, "org.create", root).await;
    let school = json!({"orgName": "Harbour", "channel": "coast", "isRootOrg": false});
    let school = applied(&taker, "org.create", school).await;
    let school = school["organisationId"].as_str().unwrap();
    // The last line would be refused now: what it asked for second is not known, and not done.
    let data = format!(
        "SCHOOL NAME,BLOCK CODE,STATUS,SCHOOL ID\nRenamed,29,inactive,{school}\nSame,29,active,{school}\nSame,29,neither,{school}\n"
    );
    let taken = taker.post("/v1/operations/org.bulk.upload", &json!({"data": data}));
    let (status, _, json) = told(taken).await;
    assert_eq!(status, 202, "{json:#}");
    let process = json["processId"].as_str().unwrap();
    let upload = events_of(&taker, "org.bulk.upload").await[0].unique();
    let decided = [
        ((1, 0, false), Verdict::Applied),
        ((2, 0, false), Verdict::Applied),
        ((2, 1, true), Verdict::Applied),
        ((3, 0, false), Verdict::Applied),
    ];
    was_begun(&taker, upload, &decided).await;

    taker.sibling(gateway::Config::default()).await;
    let status = completed(&taker, process).await;
    assert_eq!(
        (&status["succeeded"], &status["failed"]),
        (&json!(2), &json!(1)),
        "{status:#}"
    );
    assert_eq!(events_of(&taker, "org.update").await, [], "all are decided");
    let asked = events_of(&taker, "org.status.update").await;
    assert_eq!(asked.len(), 1, "that of the first line was not");
    let results = results(&taker, process).await;
    assert!(
        results[3].ends_with(",failed,\"a line has a name, a location code, and a status that is active or inactive\""),
        "{results:#?}"
    );
}

/// What a line came to is in the ledger, and what it would come to now is no matter.
#[tokio::test]
async fn what_became_of_lines_before_a_crash_is_told_as_it_was() {
    let taker = taker().await;
    let process = send(&taker, states(5, &[0, 3])).await;
    let upload = events_of(&taker, "location.bulk.upload").await[0].unique();
    let refused = Verdict::Refused(Refusal {
        code: RefusalCode::Rule,
        message: "as it was then".into(),
        rule: None,
        pointer: None,
    });
    // The last line had a second request, which its definitions have no more.
    let decided = [
        ((1, 0, true), Verdict::Applied),
        ((2, 0, true), refused),
        ((5, 0, false), Verdict::Applied),
    ];
    was_begun(&taker, upload, &decided).await;
    taker.sibling(gateway::Config::default()).await;
    completed(&taker, &process).await;
    let results = results(&taker, &process).await;
    assert_eq!(results[1], "S0000,,,,success,");
    assert_eq!(results[2], "S0001,\"State, 1\",,,failed,as it was then");
    assert_eq!(results[3], "S0002,\"State, 2\",,,success,");
    assert_eq!(results[4], "S0003,,,,failed,a line has a code and a name");
    assert!(
        results[5].starts_with("S0004,\"State, 4\",,,failed,its first request was carried out;"),
        "{results:#?}"
    );
    let asked = events_of(&taker, "location.create").await;
    assert_eq!(asked.len(), 1, "three were decided");
}

/// The gateway that carried a file out is gone, and what it sent stands in its spool: until that is
/// shipped nobody knows what lines have asked for.
#[tokio::test]
async fn what_a_gateway_that_is_gone_left_in_its_spool_is_waited_for() {
    let taker = taker().await;
    let process = send(&taker, states(3, &[])).await;
    let upload = events_of(&taker, "location.bulk.upload").await[0].unique();
    was_begun(&taker, upload, &[]).await;
    let holding = HoldingSpool {
        since: 0,
        until: i64::MAX,
    };
    let record = taker.record.as_ref();
    spools::set_holding(record, "a spool", &holding)
        .await
        .unwrap();
    taker.sibling(gateway::Config::default()).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(events_of(&taker, "location.create").await, []);
    // It is shipped, and decided.
    let refused = Verdict::Refused(Refusal {
        code: RefusalCode::Rule,
        message: "as it was asked for then".into(),
        rule: None,
        pointer: None,
    });
    remember(&taker, upload, &[((2, 0, true), refused)]).await;
    spools::set_empty(record, "a spool").await.unwrap();
    completed(&taker, &process).await;
    let results = results(&taker, &process).await;
    assert!(
        results[2].ends_with("failed,as it was asked for then"),
        "{results:#?}"
    );
    assert_eq!(events_of(&taker, "location.create").await.len(), 2);
}

/// Definitions that no gateway has any more come to an end, in words that name what is missing.
#[tokio::test]
async fn lines_that_nothing_defines_any_more_are_refused_by_name_and_the_upload_ends() {
    let ends = [
        (
            "ship.bulk.upload",
            "unknown_operation: the catalog no longer has an operation `ship.bulk.upload`",
        ),
        (
            "user.create",
            "unknown_operation: `user.create` no longer takes a file",
        ),
        (
            "org.bulk.upload",
            "bad_upload: the columns are others now: line 1, column 1: `code` is no column",
        ),
    ];
    for (operation, why) in ends {
        let taker = taker().await;
        let process = send(&taker, states(3, &[])).await;
        let name = "open-uploads";
        let stands = taker.record.held_values(&[name.to_owned()]).await.unwrap();
        let stands = stands[0].as_ref().unwrap();
        let list = stands.replace("\"location.bulk.upload\"", &format!("\"{operation}\""));
        let swapped = taker.record.swap_value(name, Some(stands), &list).await;
        swapped.unwrap();
        let config = gateway::Config {
            upload_orphaned_seconds: 1,
            ..gateway::Config::default()
        };
        taker.sibling(config).await;
        let status = completed(&taker, &process).await;
        assert_eq!(status["failed"], 3, "{status:#}");
        let results = results(&taker, &process).await;
        assert!(results[1].starts_with("S0000,\"State, 0\",,,failed,"));
        assert!(results[1].contains(why), "{operation}: {results:#?}");
        let open = taker.record.held_values(&[name.to_owned()]).await.unwrap();
        assert_eq!(open[0].as_deref(), Some("[]"), "it is not tried any more");
        assert_eq!(events_of(&taker, "location.create").await, []);
    }
}

/// Larger than a piece of a file.
fn large(n: usize) -> String {
    let name = "x".repeat(200);
    let line = |m: usize| format!("L{m:05},{name},,\n");
    "code,name,parentCode,parentId\n".to_owned() + &(0..n).map(line).collect::<String>()
}

fn under_key(app: &App, kind: &str, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
    under(app, "k1", kind, body)
}

fn under(
    app: &App,
    key: &str,
    kind: &str,
    body: impl Into<reqwest::Body>,
) -> reqwest::RequestBuilder {
    app.client
        .post(format!(
            "{}?type={kind}",
            app.url("/v1/operations/location.bulk.upload")
        ))
        .header("content-type", "text/csv")
        .header("idempotency-key", format!("\"{key}\""))
        .body(body)
}

#[tokio::test]
async fn a_file_under_a_key_is_one_upload_and_no_other_file() {
    let config = gateway::Config {
        upload_lines: Some(10_000),
        ..gateway::Config::default()
    };
    let app = Builder {
        config,
        ..Builder::default()
    };
    let app = app.start().await;
    let file = large(1_500);
    let (status, _, first) = told(under_key(&app, "state", file.clone())).await;
    assert_eq!(status, 202, "{first:#}");
    // Again, in other frames.
    let frames: Vec<_> = file
        .as_bytes()
        .chunks(7_001)
        .map(|frame| Ok::<_, std::io::Error>(frame.to_vec()))
        .collect();
    let frames = reqwest::Body::wrap_stream(futures::stream::iter(frames));
    let (status, _, again) = told(under_key(&app, "state", frames)).await;
    assert_eq!((status.as_u16(), &again), (202, &first));
    let process = first["processId"].as_str().unwrap();
    assert_eq!(completed(&app, process).await["succeeded"], 1_500);

    let shorter = large(1_499);
    let other = file.replacen('x', "y", 1);
    for (kind, file) in [
        ("state", shorter),
        ("state", other),
        ("district", file.clone()),
    ] {
        let reused = under_key(&app, kind, file);
        problem(reused, 422, "idempotency_key_reused").await;
    }
    // And once more when all is done.
    let (_, _, again) = told(under_key(&app, "state", file)).await;
    assert_eq!(again, first);
    assert_eq!(events_of(&app, "location.create").await.len(), 1_500);
    assert_eq!(events_of(&app, "location.update").await, []);
}

/// What an attempt left that came to no end is not mixed with another file.
#[tokio::test]
async fn pieces_of_another_file_under_the_key_are_found() {
    let config = gateway::Config {
        upload_lines: Some(10_000),
        publish_timeout_seconds: 2,
        ..gateway::Config::default()
    };
    let builder = Builder {
        config,
        ..Builder::default()
    };
    let app = builder.start().await;
    let broken = large(1_000) + "L,\"never closed";
    let other = large(1_000).replace('x', "y");
    for key in ["k1", "k2"] {
        let broken = under(&app, key, "state", broken.clone());
        problem(broken, 400, "bad_upload").await;
    }
    let mixed = under(&app, "k1", "state", other.clone());
    problem(mixed, 422, "idempotency_key_reused").await;
    assert_eq!(events_of(&app, "location.bulk.upload").await, []);
    // The same file in so far as it came.
    let (status, _, json) = told(under(&app, "k2", "state", large(1_000))).await;
    assert_eq!(status, 202, "{json:#}");
}

#[tokio::test]
async fn a_file_under_a_key_waits_for_the_worker() {
    let config = gateway::Config {
        publish_timeout_seconds: 1,
        ..gateway::Config::default()
    };
    let builder = Builder {
        config,
        worker: false,
        ..Builder::default()
    };
    let app = builder.start().await;
    problem(under_key(&app, "state", large(3)), 504, "not_yet").await;
    app.worker();
    let (status, _, json) = told(under_key(&app, "state", large(3))).await;
    assert_eq!(status, 202, "{json:#}");
}
