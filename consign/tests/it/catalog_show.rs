//! `consign catalog show`: its commands work as they are printed, and what it says that an example writes
//! is what stands after it.

use crate::pipeline::{Pipeline, json, run};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

fn shown(operation: &str, folder: &Path) -> Value {
    let (shown, code) = json(&["catalog", "show", operation, "--json"], folder);
    assert_eq!(code, 0, "{shown:#}");
    shown
}

/// Of the first example.
fn command(operation: &str, folder: &Path) -> Option<String> {
    let curl = shown(operation, folder)["examples"][0]["curl"].take();
    curl.as_str().map(str::to_owned)
}

#[test]
fn the_command_of_an_example_is_how_its_route_takes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    // What stands in the path is not in the body; without anything else there is none.
    let update = command("note.update", folder).expect("a command");
    let path = "curl -X PATCH http://127.0.0.1:8080/v1/note/update/n1 ";
    assert!(update.starts_with(path), "{update}");
    assert!(
        update.contains("-d '{\"request\":{") && !update.contains("noteId"),
        "{update}"
    );
    let delete = "curl -X DELETE http://127.0.0.1:8080/v1/note/delete/n1 -H 'prefer: wait=10'";
    assert_eq!(command("note.delete", folder).as_deref(), Some(delete));
    let upload = command("location.bulk.upload", folder).expect("a command");
    assert!(
        upload.contains("/v1/bulk/location/upload?type=") && upload.ends_with(" @FILE.csv"),
        "{upload}"
    );
    let bare = command("document.create", folder).expect("a command");
    assert!(bare.contains("/v1/operations/document.create "), "{bare}");
    assert_eq!(command("skills.add", folder), None, "no client asks for it");

    let note = run(&["catalog", "show", "note.update"], folder);
    let note = String::from_utf8_lossy(&note.stdout).into_owned();
    for told in [
        path,
        "\n  row user_notes/n1, changed: {",
        "\n  document sunbird/usernotes/n1, changed: {",
    ] {
        assert!(note.contains(told), "{told}\n{note}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_printed_command_writes_is_what_is_said() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::create_dir(folder.join("shop")).expect("a folder");
    let shop = root.join("examples/shop/shop.yaml");
    fs::copy(shop, folder.join("shop/shop.yaml")).expect("the shop");
    let settings = "[catalog]\nfolders = [\"shop\"]\n";
    fs::write(folder.join("consign.toml"), settings).expect("settings");
    let shown_receipt = shown("stock.receive", folder);
    let example = &shown_receipt["examples"][0];
    let plan = &example["writes"]["plans"][0];
    let pipeline = Pipeline::start(folder);
    // What the example says is there.
    let two = json!({"productId": "lamp", "quantity": 2});
    let (status, _) = pipeline.call("POST", "/v1/shop/stock", Some(two)).await;
    assert_eq!(status, 200);
    let curl = example["curl"].as_str().expect("a command");
    let here = curl.replace("http://127.0.0.1:8080", &pipeline.url);
    assert_ne!(curl, here);
    let sent = Command::new("sh").args(["-c", &here]).output();
    let sent = sent.expect("a shell");
    let answer: Value = serde_json::from_slice(&sent.stdout).expect("JSON");
    assert_eq!(answer["status"], "applied", "{answer:#}");

    let (row, document) = (&plan["rows"][0], &plan["documents"][0]);
    assert_eq!(row["row"]["table"], "shop_stock", "{plan:#}");
    let (_, found) = pipeline
        .call("GET", "/v1/tables/shop_stock/lamp", None)
        .await;
    let cells = row["cells"].as_object().expect("cells");
    assert!(!cells.is_empty() && cells.iter().all(|(name, cell)| found[name] == *cell));
    let key = &document["document"];
    let part = |name: &str| key[name].as_str().expect("text");
    let path = format!(
        "/v1/documents/{}/{}/{}",
        part("index"),
        part("collection"),
        part("id")
    );
    let (_, found) = pipeline.call("GET", &path, None).await;
    assert_eq!(found["_source"], document["after"], "{plan:#}");

    // It says by what it is refused, and nothing that would be written.
    let order = shown("document.update", folder);
    let refused = &order["examples"][0]["writes"];
    assert_eq!(*refused, json!({"refused": "missing"}), "{order:#}");
}
