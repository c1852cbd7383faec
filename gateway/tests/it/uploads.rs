//! Files of many lines: taken in four ways, carried out line by line, gone on with by another gateway, and
//! refused by line and column.

use crate::harness::{App, Builder, app, log_only, problem, told};
use event_schema::{
    envelope::Transaction,
    id::{EntityKey, RequestId},
    offset::{ChangesOffset, TransactionsOffset},
    outcome::{LedgerEntry, Times, Verdict},
    position::{Position, Version},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

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
    let config = gateway::Config {
        carry_out_uploads: false,
        ..gateway::Config::default()
    };
    let taker = Builder {
        config,
        ..Builder::default()
    };
    let taker = taker.start().await;
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

/// The gateway that carried a file out ended when the first of a line's two requests was decided.
#[tokio::test]
async fn what_is_missing_of_a_line_is_asked_for_by_the_gateway_that_goes_on() {
    let config = gateway::Config {
        carry_out_uploads: false,
        ..gateway::Config::default()
    };
    let taker = Builder {
        config,
        ..Builder::default()
    };
    let taker = taker.start().await;
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
    let data = format!("SCHOOL NAME,BLOCK CODE,STATUS,SCHOOL ID\nRenamed,29,inactive,{school}\n");
    let taken = taker.post("/v1/operations/org.bulk.upload", &json!({"data": data}));
    let (status, _, json) = told(taken).await;
    assert_eq!(status, 202, "{json:#}");
    let process = json["processId"].as_str().unwrap();

    let of = |events: &[Transaction], operation: &str| {
        let of = events
            .iter()
            .filter(|event| event.attributes.operation == operation);
        of.map(|event| event.attributes.id).collect::<Vec<_>>()
    };
    let upload = of(&taker.events().await, "org.bulk.upload")[0];
    let first = RequestId::mint(&taker.keys, 1, 0, RequestId::child(&upload.unique(), 8));
    let entries = [LedgerEntry {
        request: first,
        key: EntityKey(format!("organisation/{school}")),
        operation: "org.update".into(),
        position: Position {
            generation: 1,
            partition: 0,
            offset: TransactionsOffset::new(0),
        },
        version: Version::new(1, ChangesOffset::new(0)),
        verdict: Verdict::Applied,
        result: None,
        parts: Vec::new(),
        times: Times::default(),
    }];
    taker.record.remember(&entries).await;

    taker.sibling(gateway::Config::default()).await;
    let status = completed(&taker, process).await;
    assert_eq!(status["succeeded"], 1, "{status:#}");
    let events = taker.events().await;
    assert_eq!(of(&events, "org.update"), [], "it was decided");
    assert_eq!(of(&events, "org.status.update").len(), 1, "it was not");
}
