//! `consign sync` on a `consign dev` of its own: what is chosen, what is refused before anything is asked
//! for, and what is written again.

use crate::pipeline::{Pipeline, json, run};
use serde_json::{Value, json};
use std::fs;

async fn root(pipeline: &Pipeline, channel: &str) -> String {
    let request = json!({"orgName": channel, "channel": channel, "isRootOrg": true});
    let path = "/v1/operations/org.create";
    let (status, made) = pipeline.call("POST", path, Some(request)).await;
    assert_eq!(status, 200, "{made:#}");
    made["result"]["organisationId"]
        .as_str()
        .unwrap_or_else(|| panic!("{made:#}"))
        .to_owned()
}

async fn version(pipeline: &Pipeline, id: &str) -> Value {
    let path = format!("/v1/documents/sunbird/org/{id}");
    let (status, found) = pipeline.call("GET", &path, None).await;
    assert_eq!(status, 200, "{found:#}");
    found["_version"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_documents_are_compared_and_written_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipeline = Pipeline::start(folder.path());
    let (first, second) = (
        root(&pipeline, "first").await,
        root(&pipeline, "second").await,
    );
    let before = version(&pipeline, &first).await;
    let sync = |more: &[&str]| {
        let mut arguments = vec![
            "sync",
            "--type",
            "organisation",
            "--url",
            &pipeline.url,
            "--json",
        ];
        arguments.extend(more);
        json(&arguments, folder.path())
    };

    // Nothing differs where both stores are one; each id counts once, wherever it is named.
    fs::write(folder.path().join("ids"), format!("{second}\n\n{first}\n")).expect("a file");
    let (report, code) = sync(&[&first, "--ids-from", "ids"]);
    let expected =
        json!({"compared": 2, "differed": [], "written": 0, "not_written": [], "left": []});
    assert_eq!((report, code), (expected, 0));
    let (report, code) = sync(&["--rewrite", &first]);
    let expected =
        json!({"compared": 1, "differed": [], "written": 1, "not_written": [], "left": []});
    assert_eq!((report, code), (expected, 0));
    assert_eq!(
        version(&pipeline, &first).await,
        before,
        "the same revision"
    );

    // All that there are, and all behind one of them in the order of the record.
    let (report, code) = sync(&["--all", "--rewrite"]);
    assert_eq!(
        (&report["compared"], &report["written"], code),
        (&json!(2), &json!(2), 0)
    );
    let counts = [&first, &second].map(|id| sync(&["--all", "--behind", id]).0["compared"].clone());
    assert!(
        counts == [json!(1), json!(0)] || counts == [json!(0), json!(1)],
        "{counts:?}"
    );

    // Nothing is asked for unless the record has all of them.
    let refused = |more: &[&str]| {
        let mut arguments = vec!["sync", "--type", "user", "--url", &pipeline.url];
        arguments.extend(more);
        let output = run(&arguments, folder.path());
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, told) = refused(&["--rewrite", &first]);
    assert!(
        code == Some(1)
            && told.contains("1 of 1 are not in the record")
            && told.contains("nothing was asked for"),
        "{told}"
    );
    for both in [&["--all", &first][..], &["--behind", &first]] {
        assert_eq!(refused(both).0, Some(2), "{both:?}");
    }
    let (code, told) = refused(&[]);
    assert!(code == Some(2) && told.contains("no id is given"), "{told}");
}
