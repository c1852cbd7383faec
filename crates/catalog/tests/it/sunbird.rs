//! Requests as Sunbird's clients send them.

use crate::world::{World, accept, builtin, run};
use event_schema::{
    mutation::RowMutation,
    outcome::{RefusalCode, Verdict},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The bare request of a line of the fixture.
fn line(operation: &str) -> Value {
    let lines = include_str!("../../fixtures/sunbird-requests.jsonl").lines();
    let mut requests =
        lines.map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    requests
        .find(|request| request["operation"] == operation)
        .expect("the line is there")["body"]["request"]
        .take()
}

fn row<'p>(rows: &'p [RowMutation], table: &str) -> Vec<&'p RowMutation> {
    rows.iter().filter(|row| row.key.table == table).collect()
}

#[test]
fn a_user_is_two_documents_and_rows_in_six_tables() {
    let (catalog, mut world) = (builtin(), World::default());
    let plan = run(&mut world, &catalog, "user.create", &line("user.create"));
    assert_eq!(plan.verdict, Verdict::Applied);
    let tables: BTreeSet<&str> = plan.rows.iter().map(|row| row.key.table.as_str()).collect();
    let expected = [
        "address",
        "user",
        "user_education",
        "user_job_profile",
        "user_org",
        "usr_external_identity",
    ];
    assert_eq!(tables.into_iter().collect::<Vec<_>>(), expected);
    let documents: Vec<Value> = plan
        .documents
        .iter()
        .map(|d| serde_json::from_str(d.after.as_ref().unwrap().get()).unwrap())
        .collect();
    let names: Vec<String> = plan
        .documents
        .iter()
        .map(|d| format!("{}/{}", d.key.index, d.key.collection))
        .collect();
    assert_eq!(names, ["sunbird/user", "sunbird/userprofilevisibility"]);
    let (public, private) = (&documents[0], &documents[1]);
    let id = public["id"].as_str().unwrap();
    assert!(
        plan.documents.iter().all(|document| document.key.id == id),
        "both have the user's id"
    );
    assert_eq!(
        (public.get("email"), public.get("phone")),
        (None, None),
        "private fields are not in the public document"
    );
    assert_eq!(
        private,
        &json!({"userId": id, "email": "meera.nair@example.org", "phone": "9845012367",
            "externalIds": [{"id": "emp-20417", "idType": "employee", "provider": "coastal-schools"}]})
    );
    assert_eq!(
        (&public["maskedEmail"], &public["maskedPhone"]),
        (&json!("me********@example.org"), &json!("******2367"))
    );
    assert_eq!(public["loginId"], "meera.nair@coastal-schools");
    assert_eq!(public["createdDate"], "2026-03-14 09:41:07:512+0000");

    let user = row(&plan.rows, "user")[0];
    assert_eq!(user.key.key["id"], id);
    assert_eq!(
        (&user.cells["email"], &user.cells["username"]),
        (&json!("meera.nair@example.org"), &json!("meera.nair"))
    );
    assert_eq!(
        row(&plan.rows, "address").len(),
        3,
        "one of the user, one of the college, one of the job"
    );
    let education = row(&plan.rows, "user_education")[0];
    assert!(
        row(&plan.rows, "address")
            .iter()
            .any(|address| address.key.key["id"] == education.cells["addressid"])
    );
    let identity = row(&plan.rows, "usr_external_identity")[0];
    assert_eq!(identity.key.key["externalid"], "emp-20417");
    assert_eq!(identity.cells["originalexternalid"], "EMP-20417");
    let result: Value = serde_json::from_str(plan.result.unwrap().get()).unwrap();
    assert_eq!(result, json!({"response": "SUCCESS", "userId": id}));
}

#[test]
fn what_a_user_alone_may_have_is_taken() {
    let (catalog, mut world) = (builtin(), World::default());
    let plan = run(&mut world, &catalog, "user.create", &line("user.create"));
    let taken: Vec<String> = plan
        .takes
        .iter()
        .map(|taken| format!("{} {}", taken.value.space, taken.value.value))
        .collect();
    assert_eq!(
        taken,
        [
            "user.login meera.nair@coastal-schools",
            "user.email meera.nair@example.org",
            "user.phone 9845012367",
            "user.external_id coastal-schools/employee/emp-20417"
        ]
    );
    assert!(
        plan.takes
            .iter()
            .all(|taken| taken.refusal.code == RefusalCode::Exists)
    );
}

#[test]
fn what_a_user_must_not_be_is_told_with_its_place() {
    let catalog = builtin();
    let operation = catalog.operation("user.create").unwrap();
    let told = |change: &dyn Fn(&mut Value)| {
        let mut request = line("user.create");
        change(&mut request);
        let violation = accept(operation, &request.to_string())
            .unwrap_err()
            .0
            .swap_remove(0);
        format!("{} {}", violation.pointer, violation.rule)
    };
    let without = |name: &'static str| {
        move |request: &mut Value| drop(request.as_object_mut().unwrap().remove(name))
    };
    let with = |pointer: &'static str, value: Value| {
        move |request: &mut Value| {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            request.pointer_mut(parent).unwrap()[name] = value.clone();
        }
    };
    assert_eq!(told(&without("firstName")), " required");
    assert_eq!(told(&with("/firstName", json!("  "))), "/firstName format");
    assert_eq!(told(&with("/email", json!("a@b"))), "/email format");
    assert_eq!(
        told(&with("/phone", json!("+919845012367"))),
        "/phone format"
    );
    assert_eq!(told(&with("/dob", json!("1988-02-30"))), "/dob format");
    assert_eq!(told(&with("/provider", json!("x"))), "/provider readOnly");
    assert_eq!(
        told(&with("/emailVerified", json!(false))),
        "/emailVerified verified"
    );
    assert_eq!(told(&without("phoneVerified")), " verified");
    assert_eq!(told(&with("/userType", json!("ROBOT"))), "/userType enum");
    assert_eq!(
        told(&with("/address", json!([{"city": "Kochi"}]))),
        "/address/0 required"
    );
    assert_eq!(
        told(&with(
            "/education/0/address",
            json!({"addressLine1": "x", "city": ""})
        )),
        "/education/0/address/city format"
    );
    assert_eq!(
        told(&with("/jobProfile/0/joiningDate", json!("2014-6-2"))),
        "/jobProfile/0/joiningDate format"
    );
    let twice = json!([{"id": "1", "idType": "A", "provider": "p"}, {"id": "2", "idType": "a", "provider": "P"}]);
    assert_eq!(told(&with("/externalIds", twice)), "/externalIds distinct");
    let neither = |request: &mut Value| {
        without("email")(request);
        without("phone")(request);
    };
    assert_eq!(told(&neither), " contact");
}
