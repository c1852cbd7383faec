//! Sealed values from a request to the files: plain nowhere, shown by reads by id alone, and gone
//! for ever once the subject is erased.

use crate::{
    harness::{App, app, problem, told},
    socket::Socket,
    uploads::completed,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// What must be in no file; words that no program says by chance.
const PLANTED: [&str; 9] = [
    "quokka.one@example.org",
    "quokka.two@example.org",
    "QuokkaUser",
    "9700099017",
    "17 Quokka Lane",
    "Quokkaville",
    "EMP-QUOKKA",
    "Quokka Reception",
    "quokka.line@example.org",
];
const PLAIN: &str = "Wallabyname";

/// Waits for the verdict; the result.
async fn run(app: &App, operation: &str, request: Value) -> Value {
    let path = format!("/v1/operations/{operation}");
    let asked = app.post(&path, &request).header("prefer", "wait=20");
    let (status, _, json) = told(asked).await;
    assert_eq!(status, 200, "{operation}: {json:#}");
    json
}

async fn a_user(app: &App) -> String {
    let request = json!({
        "firstName": PLAIN, "userName": "QuokkaUser", "email": "quokka.one@example.org", "emailVerified": true,
        "phone": "9700099017", "phoneVerified": true, "location": "Quokkaville", "channel": "c",
        "externalIds": [{"id": "EMP-QUOKKA", "idType": "employee", "provider": "p"}],
        "address": [{"addressLine1": "17 Quokka Lane", "city": "Quokkaville"}],
    });
    let created = run(app, "user.create", request).await;
    created["result"]["userId"].as_str().unwrap().to_owned()
}

async fn read(app: &App, path: &str) -> Value {
    let (status, _, json) = told(app.get(path)).await;
    assert_eq!(status, 200, "{path}: {json:#}");
    json
}

/// How a text may stand in a file, in small letters: as it is, or within something in base64,
/// wherever in it the text begins.
fn spellings(text: &str) -> Vec<String> {
    let within_base64 = |before: usize| {
        let bytes = [&vec![0; before], text.as_bytes()].concat();
        let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        STANDARD.encode(&bytes)[from..to].to_lowercase()
    };
    let mut all: Vec<String> = (0..3).map(within_base64).collect();
    all.push(text.to_lowercase());
    all
}

/// How many files below the folder hold the text.
pub fn files_with(folder: &Path, text: &str) -> usize {
    let mut found = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found += files_with(&path, text);
        } else {
            let file = String::from_utf8_lossy(&fs::read(&path).unwrap()).to_lowercase();
            let spelt = spellings(text);
            found += usize::from(spelt.iter().any(|spelt| file.contains(spelt)));
        }
    }
    found
}

#[test]
fn what_is_in_base64_is_found_wherever_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    for before in 0..5 {
        let text = format!("{}{}{before}", "x".repeat(before), PLANTED[0]);
        fs::write(folder.path().join("file"), STANDARD.encode(text)).unwrap();
        assert_eq!(files_with(folder.path(), PLANTED[0]), 1, "{before}");
    }
    assert_eq!(files_with(folder.path(), PLANTED[1]), 0);
}

#[tokio::test]
async fn what_is_sealed_is_in_no_file() {
    let app = app().await;
    let user = a_user(&app).await;
    let change = json!({"userId": user, "email": "quokka.two@example.org", "emailVerified": true});
    run(&app, "user.update", change).await;
    let code = json!({"type": "email", "key": "quokka.two@example.org"});
    run(&app, "otp.generate", code).await;
    let contact = json!([{"name": "Quokka Reception", "phone": "9700099017"}]);
    let office = json!({"addressLine1": "17 Quokka Lane", "city": "Quokkaville"});
    let org = json!({"orgName": "School", "channel": "c", "isRootOrg": true, "contactDetail": contact, "address": office});
    run(&app, "org.create", org).await;
    // A line of an upload is sealed with the file, and as the user that it becomes.
    let line = "NAME,EMAIL,USER_TYPE,ROLES\nSomeone,quokka.line@example.org,OTHER,PUBLIC\n";
    let sent = app.post("/v1/operations/user.bulk.upload", &json!({ "data": line }));
    let (status, _, json) = told(sent).await;
    assert_eq!(status, 202, "{json:#}");
    let process = json["processId"].as_str().unwrap();
    assert_eq!(completed(&app, process).await["succeeded"], 1);
    assert!(
        files_with(app.folder(), PLAIN) > 0,
        "what is plain is found"
    );
    for text in PLANTED {
        assert_eq!(files_with(app.folder(), text), 0, "{text}");
    }
}

#[tokio::test]
async fn reads_by_id_show_it_and_nothing_else_does() {
    let app = app().await;
    let user = a_user(&app).await;
    let private = format!("/v1/documents/sunbird/userprofilevisibility/{user}");
    let shown = read(&app, &private).await;
    assert_eq!(shown["_source"]["email"], "quokka.one@example.org");
    let row = read(&app, &format!("/v1/tables/user/{user}")).await;
    assert_eq!(
        (&row["phone"], &row["location"]),
        (&json!("9700099017"), &json!("Quokkaville"))
    );
    assert_eq!(row["maskedphone"], "******9017");
    let by_hash = "/v1/tables/usr_external_identity/p/employee/emp-quokka";
    assert_eq!(
        read(&app, by_hash).await["originalexternalid"],
        "EMP-QUOKKA"
    );
    let kuzzle = read(&app, &format!("/sunbird/user/{user}")).await;
    assert_eq!(
        kuzzle["result"]["_source"]["address"][0]["city"],
        "Quokkaville"
    );

    let search = app.post(
        "/v1/documents/sunbird/user/_search",
        &json!({"query": {"match_all": {}}}),
    );
    let (status, _, found) = told(search).await;
    assert_eq!(status, 200, "{found:#}");
    let text = found.to_string();
    assert!(text.contains(PLAIN) && text.contains("•••"), "{text}");
    assert!(
        !text.contains("Quokka") && !text.contains("sealed:"),
        "{text}"
    );
}

#[tokio::test]
async fn equal_values_are_found_without_being_readable() {
    let app = app().await;
    let user = a_user(&app).await;
    let twin =
        json!({"firstName": "Other", "email": "Quokka.One@example.org", "emailVerified": true});
    let refused = problem(
        app.post("/v1/operations/user.create", &twin)
            .header("prefer", "wait=20"),
        409,
        "exists",
    )
    .await;
    assert_eq!(refused["rule"], "email_taken", "{refused:#}");
    // By its external id, which is looked up as a keyed hash.
    let change = json!({"externalId": "emp-quokka", "externalIdType": "employee", "externalIdProvider": "p", "lastName": "Found"});
    run(&app, "user.update", change).await;
    let row = read(&app, &format!("/v1/tables/user/{user}")).await;
    assert_eq!(
        (&row["lastname"], &row["email"]),
        (&json!("Found"), &json!("quokka.one@example.org"))
    );
}

#[tokio::test]
async fn messages_do_not_show_it() {
    let app = app().await;
    let bad = json!({"firstName": "Other", "email": "quokka at example", "emailVerified": true});
    let refused = problem(app.post("/v1/operations/user.create", &bad), 422, "invalid").await;
    assert!(!refused.to_string().contains("quokka"), "{refused:#}");
}

#[tokio::test]
async fn subscribers_do_not_see_it() {
    let app = app().await;
    app.notifier("n1");
    let mut socket = Socket::connect(app.address).await;
    let place = json!({"index": "sunbird", "collection": "user"});
    let (_, channel) = socket.subscribe(json!({}), place).await;
    a_user(&app).await;
    let mut notification = socket.next().await;
    while notification["room"] != channel.as_str() || notification["state"] != "done" {
        notification = socket.next().await;
    }
    let text = notification.to_string();
    assert!(text.contains(PLAIN) && text.contains("•••"), "{text}");
    assert!(
        !text.contains("Quokka") && !text.contains("sealed:"),
        "{text}"
    );
}

#[tokio::test]
async fn an_erased_subject_cannot_be_read_any_more() {
    let app = app().await;
    let user = a_user(&app).await;
    let key = format!("sealing-key:{}", app.sealing().id(&format!("user/{user}")));
    let key = app.record.held_values(&[key]).await.unwrap().remove(0);
    let key: Value = serde_json::from_str(&key.unwrap()).unwrap();
    let key = key["key"].as_str().unwrap();
    assert!(
        files_with(app.folder(), key) > 0,
        "a key that stands is found"
    );
    let erased = app.erase(&format!("user/{user}")).await;
    assert_eq!(erased, sealing::ErasedSubject::Destroyed);
    assert_eq!(files_with(app.folder(), key), 0, "the wrapped key");
    // Copies in memory are believed for a while; another gateway has none.
    let sibling = app.sibling(gateway::Config::default()).await;
    let get = async |path: String| {
        let client = reqwest::Client::new();
        let answer = client
            .get(format!("http://{sibling}{path}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json::<Value>().await.unwrap()
    };
    let row = get(format!("/v1/tables/user/{user}")).await;
    assert_eq!(
        (&row["email"], &row["firstname"]),
        (&json!("•••"), &json!(PLAIN))
    );
    let document = get(format!(
        "/v1/documents/sunbird/userprofilevisibility/{user}"
    ))
    .await;
    assert_eq!(document["_source"]["email"], "•••");
    // Nothing personal can be added.
    let change = json!({"userId": user, "email": "quokka.two@example.org", "emailVerified": true});
    let url = format!("http://{sibling}/v1/operations/user.update");
    let asked = reqwest::Client::new().post(url).json(&change);
    let refused = problem(asked, 422, "rule").await;
    assert_eq!(refused["rule"], "erased", "{refused:#}");
    // Not even if it looks like what is sealed already.
    let change = json!({"userId": user, "location": "Quokkaville sealed:1:"});
    let url = format!("http://{sibling}/v1/operations/user.update");
    let asked = reqwest::Client::new().post(url).json(&change);
    let refused = problem(asked, 422, "rule").await;
    assert_eq!(refused["rule"], "erased", "{refused:#}");
    assert_eq!(files_with(app.folder(), "Quokkaville"), 0);
}
