//! What a role and a profile may look like.

use rights::{RightsFault, RightsProfile, Role};
use serde_json::{Value, json};

fn role(value: Value) -> Result<Role, RightsFault> {
    Role::read(value.as_object().expect("an object").clone())
}

fn profile(value: Value) -> Result<RightsProfile, RightsFault> {
    RightsProfile::read(value.as_object().expect("an object").clone())
}

#[test]
fn a_role_is_read_as_kuzzle_writes_it() {
    let body = json!({"controllers": {"document": {"actions": {"delete": false, "*": true}}}});
    let read = role(body.clone()).unwrap();
    assert!(read.allows("document", "get"));
    assert!(!read.allows("document", "delete"));
    assert!(!read.allows("index", "get"));
    assert_eq!(serde_json::to_value(&read).unwrap(), body);
}

#[test]
fn what_is_no_role_is_refused_by_name() {
    let actions = |actions: Value| json!({"controllers": {"document": {"actions": actions}}});
    let wrong = |at: &str, what| RightsFault::WrongType(at.into(), what);
    let cases = [
        (json!({}), RightsFault::Missing("controllers".into())),
        (
            json!({"controllers": []}),
            wrong("controllers", "an object"),
        ),
        (
            json!({"controllers": {}}),
            RightsFault::Empty("controllers".into()),
        ),
        (
            json!({"controllers": {"document": {}}}),
            RightsFault::Missing("controllers.document.actions".into()),
        ),
        (
            actions(json!({})),
            RightsFault::Empty("controllers.document.actions".into()),
        ),
        (
            actions(json!({"get": 1})),
            wrong("controllers.document.actions.get", "a boolean"),
        ),
        (
            actions(json!({"get": "true"})),
            wrong("controllers.document.actions.get", "a boolean"),
        ),
        (
            json!({"controllers": {"*": {"actions": {"get": true}}}}),
            RightsFault::ActionOfAnyController("get".into()),
        ),
        (
            json!({"controllers": {"*": {"actions": {"*": true}}}, "x": 1}),
            RightsFault::Unexpected("x".into(), "controllers, tags"),
        ),
    ];
    for (body, fault) in cases {
        assert_eq!(role(body.clone()), Err(fault), "{body}");
    }
}

#[test]
fn a_profile_is_read_as_kuzzle_writes_it() {
    let body = json!({"policies": [
        {"roleId": "a"},
        {"roleId": "b", "restrictedTo": [{"index": "i"}, {"index": "j", "collections": ["c"]}]},
    ], "rateLimit": 10});
    assert_eq!(
        serde_json::to_value(profile(body.clone()).unwrap()).unwrap(),
        body
    );
    let none = profile(json!({"policies": []})).unwrap();
    assert_eq!(none.policies[0].role, "default");
}

#[test]
fn what_is_no_profile_is_refused_by_name() {
    let policy = |policy: Value| json!({"policies": [policy]});
    let unexpected = |at: &str, known| RightsFault::Unexpected(at.into(), known);
    let cases = [
        (json!({}), RightsFault::Missing("policies".into())),
        (
            policy(json!({})),
            RightsFault::Missing("policies[0].roleId".into()),
        ),
        (
            policy(json!({"roleId": ""})),
            RightsFault::Empty("policies[0].roleId".into()),
        ),
        (
            policy(json!({"roleId": "a", "x": 1})),
            unexpected("policies[0].x", "roleId, restrictedTo"),
        ),
        (
            policy(json!({"roleId": "a", "restrictedTo": [{"collections": ["c"]}]})),
            RightsFault::Missing("policies[0].restrictedTo[0].index".into()),
        ),
        (
            policy(json!({"roleId": "a", "restrictedTo": [{"index": "i", "y": 1}]})),
            unexpected("policies[0].restrictedTo[0].y", "index, collections"),
        ),
        (
            json!({"policies": [], "rateLimit": -1}),
            RightsFault::WrongType("rateLimit".into(), "a whole number that is not negative"),
        ),
    ];
    for (body, fault) in cases {
        assert_eq!(profile(body.clone()), Err(fault), "{body}");
    }
}
