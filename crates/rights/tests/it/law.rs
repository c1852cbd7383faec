//! 10,000 random sets of roles and profiles, and every request that can be made of their names.

use crate::evaluator;
use proptest::{prelude::*, strategy::ValueTree};
use rights::{ActionPlace, Policy, Restriction, RightsProfile, RightsSet, Role};
use serde_json::{Map, Value, json};

const CONTROLLERS: [&str; 3] = ["document", "index", "auth"];
const ACTIONS: [&str; 3] = ["get", "delete", "login"];
const INDICES: [&str; 3] = ["i", "j", "k"];
const COLLECTIONS: [&str; 3] = ["a", "b", "c"];
const ROLES: [&str; 4] = ["r0", "r1", "r2", "r3"];
const PROFILES: [&str; 3] = ["p0", "p1", "p2"];

fn entry() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec!["*", "get", "delete", "login"]);
    prop::collection::btree_map(names, any::<bool>(), 1..4)
        .prop_map(|actions| json!({"actions": actions}))
}

fn role() -> impl Strategy<Value = Role> {
    let named =
        prop::collection::btree_map(prop::sample::select(CONTROLLERS.to_vec()), entry(), 0..3);
    (named, prop::option::of(any::<bool>())).prop_map(|(named, any)| {
        let mut controllers: Map<String, Value> = named
            .into_iter()
            .map(|(name, entry)| (name.to_owned(), entry))
            .collect();
        if let Some(allowed) = any {
            controllers.insert("*".into(), json!({"actions": {"*": allowed}}));
        }
        if controllers.is_empty() {
            controllers.insert("none".into(), json!({"actions": {"none": false}}));
        }
        let body = Map::from_iter([("controllers".to_owned(), Value::Object(controllers))]);
        Role::read(body).expect("it is a role")
    })
}

fn restriction() -> impl Strategy<Value = Restriction> {
    let index = prop::sample::select(INDICES.to_vec());
    let collections = prop::collection::vec(prop::sample::select(COLLECTIONS.to_vec()), 0..3);
    (index, collections).prop_map(|(index, collections)| Restriction {
        index: index.to_owned(),
        collections: collections.into_iter().map(str::to_owned).collect(),
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    // The last is a role that is not there.
    let role = prop::sample::select([&ROLES[..], &["gone"]].concat());
    (role, prop::collection::vec(restriction(), 0..3)).prop_map(|(role, restricted_to)| Policy {
        role: role.to_owned(),
        restricted_to,
    })
}

prop_compose! {
    fn sets()(
        roles in prop::collection::vec(role(), 4),
        policies in prop::collection::vec(prop::collection::vec(policy(), 1..4), 3),
    ) -> RightsSet {
        let mut set = RightsSet::default();
        for (name, role) in ROLES.iter().zip(roles) {
            set.roles.insert((*name).to_owned(), role);
        }
        for (name, policies) in PROFILES.iter().zip(policies) {
            set.profiles.insert((*name).to_owned(), RightsProfile { policies, ..RightsProfile::default() });
        }
        set
    }
}

fn held() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(
        prop::sample::select([&PROFILES[..], &["gone"]].concat()),
        0..3,
    )
}

fn places() -> Vec<ActionPlace<'static>> {
    let mut places = vec![ActionPlace::Nowhere, ActionPlace::Everywhere];
    for index in INDICES {
        places.push(ActionPlace::Index(index));
        places.extend(COLLECTIONS.map(|collection| ActionPlace::Collection(index, collection)));
    }
    places
}

fn requests() -> Vec<((&'static str, &'static str), ActionPlace<'static>)> {
    let mut requests = Vec::new();
    for controller in [&CONTROLLERS[..], &["other", "none"]].concat() {
        for action in [&ACTIONS[..], &["other", "none"]].concat() {
            requests.extend(
                places()
                    .into_iter()
                    .map(|place| ((controller, action), place)),
            );
        }
    }
    requests
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_compiled_is_the_rule(set in sets(), held in held()) {
        let compiled = set.compile(held.iter().copied());
        for ((controller, action), place) in requests() {
            let plain = evaluator::allowed(&set, &held, (controller, action), place);
            let found = compiled.allows(controller, action, place);
            prop_assert_eq!(found, plain, "{} {} {:?}", controller, action, place);
            let explained = set.explain(held.iter().copied(), (controller, action), place);
            prop_assert_eq!(explained.allowed, plain, "{} {} {:?}", controller, action, place);
        }
    }

    /// Who may grant something may do it.
    #[test]
    fn nothing_is_covered_that_is_not_held(set in sets(), mine in held(), theirs in held()) {
        let (own, other) = (set.compile(mine.iter().copied()), set.compile(theirs.iter().copied()));
        if own.allows_all() {
            for ((controller, action), place) in requests() {
                prop_assert!(own.allows(controller, action, place));
            }
        }
        if own.cover(&other) {
            for ((controller, action), place) in requests() {
                let theirs = other.allows(controller, action, place);
                prop_assert!(!theirs || own.allows(controller, action, place), "{} {} {:?}", controller, action, place);
            }
        }
    }
}

/// Covering is not so careful that it is of no use.
#[test]
fn who_has_a_profile_may_grant_it() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut held_itself, mut cases) = (0, 0);
    for _ in 0..1000 {
        let set = sets().new_tree(&mut runner).expect("a set").current();
        for profile in PROFILES {
            let own = set.compile([profile].into_iter());
            cases += 1;
            held_itself += usize::from(own.cover(&own));
        }
    }
    assert!(held_itself * 10 >= cases * 9, "{held_itself} of {cases}");
}
