//! The forty-three operations of Sunbird: each is there with its route, takes the request that its
//! clients send, plans it, and refuses what its definition says it refuses.

use crate::world::{World, accept_beside, accept_example, builtin, event_of};
use catalog::{Catalog, Envelope, Example, Operation};
use event_schema::outcome::Verdict;
use serde_json::{Value, json};

/// Operation, method and path.
const OPERATIONS: [(&str, &str, &str); 43] = [
    ("user.create", "POST", "/v1/user/create"),
    ("user.update", "PATCH", "/v1/user/update"),
    ("user.block", "POST", "/v1/user/block"),
    ("user.unblock", "POST", "/v1/user/unblock"),
    ("user.bulk.upload", "POST", "/v1/user/upload"),
    (
        "user.logintime.update",
        "PATCH",
        "/v1/user/update/logintime",
    ),
    ("user.tnc.accept", "POST", "/v1/user/tnc/accept"),
    ("org.member.add", "POST", "/v1/org/member/add"),
    ("org.member.remove", "POST", "/v1/org/member/remove"),
    ("user.role.assign", "POST", "/v1/user/assign/role"),
    ("org.create", "POST", "/v1/org/create"),
    ("org.bulk.upload", "POST", "/v1/org/upload"),
    ("org.update", "PATCH", "/v1/org/update"),
    ("org.status.update", "PATCH", "/v1/org/status/update"),
    ("note.create", "POST", "/v1/note/create"),
    ("note.update", "PATCH", "/v1/note/update/:noteId"),
    ("note.delete", "DELETE", "/v1/note/delete/:noteId"),
    ("batch.create", "POST", "/v1/course/batch/create"),
    ("batch.update", "PATCH", "/v1/course/batch/update"),
    (
        "batch.user.add",
        "POST",
        "/v1/course/batch/users/add/:batchId",
    ),
    (
        "batch.user.remove",
        "POST",
        "/v1/course/batch/users/remove/:batchId",
    ),
    ("batch.enroll", "POST", "/v1/course/enroll"),
    ("batch.unenroll", "POST", "/v1/course/unenroll"),
    ("content.state.update", "PATCH", "/v1/content/state/update"),
    ("location.bulk.upload", "POST", "/v1/bulk/location/upload"),
    ("location.create", "POST", "/v1/location/create"),
    ("location.update", "PATCH", "/v1/location/update"),
    ("data.sync", "POST", "/v1/data/sync"),
    ("issuer.create", "POST", "/v1/issuer/create"),
    ("issuer.delete", "DELETE", "/v1/issuer/delete/:issuerId"),
    ("badge.class.create", "POST", "/v1/issuer/badge/create"),
    (
        "badge.class.delete",
        "DELETE",
        "/v1/issuer/badge/delete/:badgeId",
    ),
    (
        "badge.assertion.create",
        "POST",
        "/v1/issuer/badge/assertion/create",
    ),
    (
        "badge.assertion.delete",
        "DELETE",
        "/v1/issuer/badge/assertion/delete",
    ),
    ("content.badge.link", "POST", "/v1/content/link"),
    ("content.badge.unlink", "POST", "/v1/content/unlink"),
    ("user.skill.add", "POST", "/v1/user/skill/add"),
    ("user.skill.endorse", "POST", "/v1/user/skill/endorse/add"),
    ("object.create", "POST", "/v1/object/create"),
    ("object.update", "POST", "/v1/object/update"),
    ("object.delete", "POST", "/v1/object/delete"),
    ("system.setting.set", "POST", "/v1/system/settings/set"),
    ("otp.generate", "POST", "/v1/otp/generate"),
];

/// What they are also asked by.
const ALSO: [(&str, &str, &str); 4] = [
    ("user.create", "POST", "/v2/user/create"),
    ("user.update", "PATCH", "/private/user/v1/update"),
    ("user.bulk.upload", "POST", "/v1/bulk/user/upload"),
    ("content.state.update", "PATCH", "/v1/user/content/state"),
];

#[test]
fn some_have_a_further_route() {
    let catalog = builtin();
    let mut found = Vec::new();
    for operation in catalog.operations() {
        let routes = operation.routes().skip(1);
        found.extend(routes.map(|(method, path)| (operation.name(), method, path)));
    }
    found.sort_unstable();
    let mut expected = ALSO;
    expected.sort_unstable();
    assert_eq!(found, expected);
    let skills = catalog.operation("user.skill.update").expect("it is there");
    let exact = ("POST", "/v1/user/skill/update");
    assert_eq!(skills.routes().collect::<Vec<_>>(), [exact]);
    assert_eq!(skills.envelope(), Envelope::Sunbird);
}

#[test]
fn all_of_them_are_there_with_their_routes_examples_and_refusals() {
    let catalog = builtin();
    for (name, method, path) in OPERATIONS {
        let operation = catalog
            .operation(name)
            .unwrap_or_else(|| panic!("{name} is missing"));
        let http = operation
            .http()
            .unwrap_or_else(|| panic!("{name}: a route"));
        assert_eq!((&*http.method, &*http.path), (method, path), "{name}");
        assert_eq!(operation.envelope(), Envelope::Sunbird, "{name}");
        assert!(!operation.refusals().is_empty(), "{name}: a refusal");
        let snapshot = format!(
            "{}/tests/it/snapshots/{name}.1.snap",
            env!("CARGO_MANIFEST_DIR")
        );
        assert!(
            std::path::Path::new(&snapshot).exists(),
            "{name}: a snapshot of a plan"
        );
    }
}

#[test]
fn what_an_operation_refuses_is_refused_by_the_rule_that_it_names() {
    let catalog = builtin();
    for operation in catalog.operations() {
        for example in operation.refusals() {
            let found = refused(&catalog, operation, example);
            let expected = example.refused.as_deref();
            let (name, title) = (operation.name(), &example.title);
            assert_eq!(found.as_deref(), expected, "{name}: {title}");
        }
    }
}

/// The rule or code by which it is refused.
fn refused(catalog: &Catalog, operation: &Operation, example: &Example) -> Option<String> {
    let accepted = match accept_example(operation, example) {
        Err(invalid) => return Some(invalid.0[0].rule.clone()),
        Ok(accepted) => accepted,
    };
    let principal = example.principal.as_deref().unwrap_or("anonymous");
    let event = event_of(catalog, &accepted[0], principal);
    let plan = World::of(catalog, example).plan(operation, &event);
    match plan.expect("the event is sound").verdict {
        Verdict::Refused(refusal) => {
            let code = serde_json::to_value(refusal.code).expect("a code is JSON");
            refusal.rule.or_else(|| code.as_str().map(str::to_owned))
        }
        _ => None,
    }
}

/// What a request of the file needs of others, as the gateway would find it.
pub fn looked(operation: &str) -> Value {
    let (user, org) = (
        json!({"id": "u", "status": 1, "rootOrgId": "o"}),
        json!({"id": "o", "status": 1, "isRootOrg": true}),
    );
    let state = json!({"id": "s", "type": "state"});
    let district = json!({"id": "d", "type": "district", "parentid": "s"});
    let badge = json!({"id": "badgeslug-27", "issuerid": "badgeissuer-18", "rootorgid": "o", "name": "Lab Mentor"});
    let batch =
        json!({"id": "0131905514208378882", "startdate": "2026-01-01", "enddate": "2031-12-31"});
    match operation {
        "user.tnc.accept" => json!({"terms": {"value": "{\"latestVersion\":\"v4\"}"}}),
        "org.member.add" | "org.member.remove" | "user.role.assign" => {
            json!({"user": null, "organisation": null, "org": org})
        }
        "org.create" => {
            json!({"root": "o", "rootOrg": org, "locations": ["d"], "places": [district], "above": [state]})
        }
        "org.update" => json!({"locations": [], "places": [district], "above": [state]}),
        "org.bulk.upload" => json!({"custodian": {"value": "coastal-schools"}, "root": "o"}),
        "note.create" => json!({"user": user}),
        "batch.create" => json!({"organisations": [org], "mentors": [user]}),
        "batch.update" => json!({"organisations": [], "mentors": [user, user]}),
        "batch.user.add" => json!({"users": [user, user]}),
        "content.state.update" => json!({"batches": [batch, batch]}),
        "location.create" | "location.update" => json!({"byCode": "s", "parent": state}),
        "data.sync" => json!({"enrolments": [null, null]}),
        "badge.class.create" => json!({"issuer": {"id": "badgeissuer-18"}, "organisation": org}),
        "badge.class.delete" => json!({"class": badge}),
        "badge.assertion.create" => json!({"class": badge, "user": user}),
        "content.badge.link" => json!({"badges": [badge, badge]}),
        "user.skill.add" => json!({"endorsed": user, "endorser": null}),
        "user.skill.endorse" => json!({"endorsed": user, "endorser": user}),
        _ => json!({}),
    }
}

#[test]
fn every_request_as_clients_send_it_is_accepted_and_planned() {
    let catalog = builtin();
    let lines = include_str!("../../fixtures/sunbird-requests.jsonl").lines();
    let mut seen = 0;
    for line in lines {
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        let name = line["operation"].as_str().expect("its operation");
        let operation = catalog.operation(name).unwrap_or_else(|| panic!("{name}"));
        let mut request = match &line["body"] {
            Value::Null => json!({}),
            body => body["request"].clone(),
        };
        let route = &operation.http().expect("a route").path;
        for (given, part) in line["path"]
            .as_str()
            .expect("a path")
            .split('/')
            .zip(route.split('/'))
        {
            if let Some(parameter) = part.strip_prefix(':') {
                request[parameter] = given.into();
            }
        }
        if operation.upload().is_some() {
            let fields = request.as_object_mut().expect("an object");
            assert!(fields.remove("data").is_some(), "{name}: the file");
            for (name, value) in [
                ("processId", json!("1")),
                ("lines", json!(2)),
                ("chunks", json!(1)),
                ("columns", json!([])),
            ] {
                fields.insert(name.to_owned(), value);
            }
        }
        let beside = Example {
            looked: looked(name).as_object().expect("names").clone(),
            ..Example::default()
        };
        let accepted = accept_beside(operation, &request.to_string(), &beside)
            .unwrap_or_else(|e| panic!("{name}: {e:?}"));
        let event = event_of(&catalog, &accepted[0], "anonymous");
        World::default()
            .plan(operation, &event)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        seen += 1;
    }
    assert_eq!(seen, OPERATIONS.len());
}
