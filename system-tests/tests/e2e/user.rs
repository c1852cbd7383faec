//! `user.create` of a real request: both documents and all six tables, whole.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::cluster::Cluster;
use testbed::Servers;

fn request() -> Value {
    json!({
        "id": "api.user.create", "ver": "v1", "ts": "2026-03-14 09:41:07:512+0530",
        "params": {"msgid": "1b6e2f90-44ad-4c7e-8a1b-5f0d92c3e7aa"},
        "request": {
            "userName": "meera.nair", "firstName": "Meera", "lastName": "Nair", "email": "meera.nair@example.org", "emailVerified": true,
            "phone": "9845012367", "phoneVerified": true, "countryCode": "+91", "channel": "coastal-schools", "userType": "TEACHER",
            "dob": "1988-07-19", "gender": "FEMALE", "language": ["English", "Malayalam"], "subject": ["Physics", "Mathematics"],
            "grade": ["Grade 9", "Grade 10"], "profileSummary": "Physics teacher and lab coordinator.", "locationCodes": ["29-04"],
            "externalIds": [{"id": "EMP-20417", "idType": "employee", "provider": "coastal-schools", "operation": "add"}],
            "address": [{"addType": "home", "addressLine1": "14 Lighthouse Road", "city": "Kochi", "state": "Kerala", "zipcode": "682001"}],
            "education": [{"name": "State Teachers College", "degree": "B.Ed.", "yearOfPassing": 2010, "percentage": 81.5,
                           "address": {"addressLine1": "2 College Street", "city": "Thiruvananthapuram"}}],
            "jobProfile": [{"jobName": "Teacher", "role": "Senior", "orgName": "Harbour High School", "joiningDate": "2014-06-02",
                            "isCurrentJob": true, "subject": ["Physics"], "address": {"addressLine1": "5 Quay Lane", "city": "Kochi"}}],
            "webPages": [{"type": "blog", "url": "https://meera-physics.example.org"}]
        }
    })
}

async fn creates(cluster: &Cluster) -> Result<()> {
    let client = cluster.client()?;
    let response = client
        .at(Method::POST, "/v1/user/create")
        .json(&request())
        .send()
        .await?;
    let status = response.status();
    let answer: Value = response.json().await?;
    ensure!(
        status.is_success() && answer["responseCode"] == "OK",
        "{status} {answer}"
    );
    let user = answer["result"]["userId"]
        .as_str()
        .context("no userId")?
        .to_owned();
    assert_eq!(answer["result"]["response"], "SUCCESS");

    let document = client
        .document("sunbird/user", &user, None)
        .await?
        .context("no user document")?
        .body;
    assert_eq!(document["firstName"], "Meera");
    assert!(
        document.get("email").is_none(),
        "a private field stands in the public document: {document:?}"
    );
    let private = client
        .document("sunbird/userprofilevisibility", &user, None)
        .await?
        .context("no visibility document")?
        .body;
    assert_eq!(private["email"], "meera.nair@example.org");

    let row = |table: &'static str, key: String| {
        let client = client.clone();
        async move {
            let response = client
                .at(Method::GET, &format!("/v1/tables/{table}/{key}"))
                .send()
                .await?;
            let status = response.status();
            let row: Value = response.json().await?;
            ensure!(status.is_success(), "{table}/{key}: {status} {row}");
            Ok::<Value, anyhow::Error>(row)
        }
    };
    assert_eq!(
        row("user", user.clone()).await?["firstname"]
            .as_str()
            .or(row("user", user.clone()).await?["firstName"].as_str()),
        Some("Meera")
    );
    row(
        "usr_external_identity",
        "coastal-schools/employee/emp-20417".into(),
    )
    .await?;
    for (table, ids) in [
        ("address", &document["address"]),
        ("user_education", &document["education"]),
        ("user_job_profile", &document["jobProfile"]),
        ("user_org", &document["organisations"]),
    ] {
        let ids = ids
            .as_array()
            .with_context(|| format!("{table}: the document lists none: {document:?}"))?;
        ensure!(!ids.is_empty(), "{table}: none");
        for item in ids {
            let id = item["id"]
                .as_str()
                .with_context(|| format!("{table}: no id in {item}"))?;
            row(table, id.to_owned()).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_on_the_embedded_default() -> Result<()> {
    creates(&Cluster::embedded().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_on_real_servers() -> Result<()> {
    creates(&Cluster::on(Servers::shared().addresses(), 1, 1).await?).await
}
