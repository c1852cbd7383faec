//! Changes of the whole set, and what users of its profiles are shown.

use rights::{ActionPlace, PolicyOutcome, RightsFault, RightsProfile, RightsSet, Role, base};
use serde_json::{Value, json};

fn role(controllers: Value) -> Role {
    let body = json!({"controllers": controllers});
    Role::read(body.as_object().expect("an object").clone()).expect("sound")
}

fn profile(policies: Value) -> RightsProfile {
    let body = json!({"policies": policies});
    RightsProfile::read(body.as_object().expect("an object").clone()).expect("sound")
}

#[test]
fn everybody_may_do_everything_until_rights_are_restricted() {
    let mut set = RightsSet::default();
    let anonymous = |set: &RightsSet| set.compile([base::ANONYMOUS].into_iter());
    assert!(anonymous(&set).allows_all());
    set.restrict();
    let rights = anonymous(&set);
    assert!(!rights.allows_all());
    assert!(rights.allows("auth", "login", ActionPlace::Nowhere));
    assert!(!rights.allows("document", "get", ActionPlace::Collection("i", "c")));
    assert!(!rights.allows("security", "createFirstAdmin", ActionPlace::Nowhere));
    assert!(set.compile(["admin"].into_iter()).allows_all());
}

/// A set that lost its base rows is closed, not open.
#[test]
fn what_is_missing_in_a_store_is_put_back_restricted() {
    let set: RightsSet = serde_json::from_value(json!({"roles": {}, "profiles": {}})).unwrap();
    let set = set.completed();
    assert!(!set.compile([base::ANONYMOUS].into_iter()).allows_all());
    assert!(set.compile([base::ADMIN].into_iter()).allows_all());
}

#[test]
fn roles_and_profiles_hold_each_other() {
    let mut set = RightsSet::default();
    let reader = || role(json!({"document": {"actions": {"get": true}}}));
    let unknown = set.put_profile("p", profile(json!([{"roleId": "reader"}])), true);
    assert_eq!(unknown, Err(RightsFault::UnknownRole("reader".into())));
    set.put_role("reader", reader(), true).unwrap();
    assert_eq!(
        set.put_role("reader", reader(), true),
        Err(RightsFault::RoleExists("reader".into()))
    );
    set.put_profile("p", profile(json!([{"roleId": "reader"}])), true)
        .unwrap();
    let in_use = RightsFault::RoleInUse("reader".into(), "p".into());
    assert_eq!(set.delete_role("reader"), Err(in_use));
    assert_eq!(
        set.delete_role("admin"),
        Err(RightsFault::CannotDelete("admin".into()))
    );
    assert_eq!(
        set.delete_profile("default"),
        Err(RightsFault::CannotDelete("default".into()))
    );
    set.delete_profile("p").unwrap();
    set.delete_role("reader").unwrap();
    assert_eq!(
        set.delete_role("reader"),
        Err(RightsFault::UnknownRole("reader".into()))
    );
}

#[test]
fn nobody_is_locked_out_for_good() {
    let mut set = RightsSet::default();
    let deaf = role(json!({"document": {"actions": {"*": true}}}));
    assert_eq!(
        set.put_role("anonymous", deaf, false),
        Err(RightsFault::LoginRequired)
    );
    let other = profile(json!([{"roleId": "default"}]));
    let refused = set.put_profile("anonymous", other, false);
    assert_eq!(refused, Err(RightsFault::AnonymousRoleRequired));
}

#[test]
fn what_each_policy_says_is_explained() {
    let mut set = RightsSet::default();
    let yes = role(json!({"document": {"actions": {"get": true, "create": false}}}));
    set.put_role("some", yes, true).unwrap();
    let here = json!([{"index": "i", "collections": ["c"]}]);
    let policies = json!([{"roleId": "some", "restrictedTo": here}]);
    set.put_profile("p", profile(policies), true).unwrap();
    let said = |action, place| {
        let explained = set.explain(["gone", "p"].into_iter(), ("document", action), place);
        assert_eq!(explained.unknown_profiles, ["gone"]);
        assert_eq!(explained.policies.len(), 1);
        (explained.allowed, explained.policies[0].outcome)
    };
    let here = ActionPlace::Collection("i", "c");
    assert_eq!(said("get", here), (true, PolicyOutcome::Allows));
    let there = ActionPlace::Collection("i", "d");
    assert_eq!(said("get", there), (false, PolicyOutcome::Elsewhere));
    assert_eq!(
        said("get", ActionPlace::Everywhere),
        (false, PolicyOutcome::Elsewhere)
    );
    assert_eq!(said("create", here), (false, PolicyOutcome::RoleDenies));
    assert_eq!(said("delete", here), (false, PolicyOutcome::RoleIsSilent));
    set.roles.remove("some");
    let explained = set.explain(["p"].into_iter(), ("document", "get"), here);
    assert_eq!(explained.policies[0].outcome, PolicyOutcome::UnknownRole);
}

#[test]
fn rights_are_listed_once_and_allowed_wins() {
    let mut set = RightsSet::default();
    let yes = role(json!({"document": {"actions": {"get": true}}}));
    let no = role(json!({"document": {"actions": {"get": false, "create": false}}}));
    set.put_role("yes", yes, true).unwrap();
    set.put_role("no", no, true).unwrap();
    let place = json!([{"index": "i", "collections": ["c"]}]);
    let policies = json!([
        {"roleId": "yes", "restrictedTo": place},
        {"roleId": "no", "restrictedTo": place},
    ]);
    set.put_profile("p", profile(policies), true).unwrap();
    let listed = serde_json::to_value(set.listed(["p"].into_iter())).unwrap();
    let right = |action, value| json!({"controller": "document", "action": action, "index": "i", "collection": "c", "value": value});
    assert_eq!(
        listed,
        json!([right("create", "denied"), right("get", "allowed")])
    );
}

#[test]
fn the_greatest_rate_of_the_profiles_counts_and_who_has_none_is_limited_as_well() {
    let mut set = RightsSet::default();
    for (name, rate) in [("slow", json!(3)), ("fast", json!(7)), ("free", json!(0))] {
        let written = json!({"policies": [{"roleId": "default"}], "rateLimit": rate});
        let profile = RightsProfile::read(written.as_object().unwrap().clone()).unwrap();
        set.put_profile(name, profile, true).unwrap();
    }
    let cases: [(&[&str], Option<u32>); 5] = [
        (&["slow", "fast"], Some(7)),
        (&["slow", "free"], None),
        (&["slow", "unknown"], Some(3)),
        (&["unknown"], Some(10)),
        (&[], Some(10)),
    ];
    for (profiles, expected) in cases {
        let found = set.rate_limit(profiles.iter().copied());
        assert_eq!(found, expected, "{profiles:?}");
    }
}
