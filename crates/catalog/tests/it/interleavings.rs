//! Operations with parts, in any order that keys allow: each key's events in the order in which they
//! arrive, parts published later than their parents and twice now and then. Whatever the order, what
//! stands in several places in the end is what a plain model says.

use crate::world::{SEED, World, builtin};
use catalog::{Accepted, AcceptedRequest, Beside, Catalog, Seed};
use event_schema::outcome::Verdict;
use json_text::ScannedJson;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    sync::LazyLock,
};

static CATALOG: LazyLock<Catalog> = LazyLock::new(builtin);

const USERS: usize = 3;
const ORGANISATIONS: usize = 2;
const BATCHES: usize = 2;

/// What clients ask for.
#[derive(Clone, Debug)]
enum Call {
    Join(usize, usize),
    Leave(usize, usize),
    Enrol(usize, usize),
    Unenrol(usize, usize),
    Complete(usize),
}

fn call() -> impl Strategy<Value = Call> {
    let (user, organisation, batch) = (0..USERS, 0..ORGANISATIONS, 0..BATCHES);
    prop_oneof![
        (user.clone(), organisation.clone()).prop_map(|(u, o)| Call::Join(u, o)),
        (user.clone(), organisation).prop_map(|(u, o)| Call::Leave(u, o)),
        (user.clone(), batch.clone()).prop_map(|(u, b)| Call::Enrol(u, b)),
        (user, batch).prop_map(|(u, b)| Call::Unenrol(u, b)),
        (0..4_usize).prop_map(Call::Complete),
    ]
}

/// Operation, request, and what the gateway looks up.
fn asked(call: &Call) -> (&'static str, Value, Value) {
    let org =
        |o: &usize| json!({"user": null, "organisation": null, "org": {"id": format!("o{o}")}});
    let member = |u: &usize, o: &usize| json!({"userId": format!("u{u}"), "organisationId": format!("o{o}")});
    let enrolment = |u: &usize, b: &usize| json!({"userId": format!("u{u}"), "batchId": format!("b{b}"), "courseId": "c"});
    match call {
        Call::Join(u, o) => ("org.member.add", member(u, o), org(o)),
        Call::Leave(u, o) => ("org.member.remove", member(u, o), org(o)),
        Call::Enrol(u, b) => ("batch.enroll", enrolment(u, b), json!({})),
        Call::Unenrol(u, b) => ("batch.unenroll", enrolment(u, b), json!({})),
        // Of a batch that its user never leaves.
        Call::Complete(n) => (
            "content.state.update",
            json!({"userId": "u0", "contents": [{"contentId": format!("d{n}"), "courseId": "c", "batchId": "stays", "status": 2}]}),
            json!({"batches": [{"id": "stays", "startdate": "2026-01-01", "enddate": "2026-12-31"}]}),
        ),
    }
}

fn accept(operation: &str, request: &Value, looked: Value, n: u64) -> Accepted {
    let mut unique = [0; 16];
    unique[8..].copy_from_slice(&n.to_be_bytes());
    let Value::Object(looked) = looked else {
        panic!("what is looked up has names")
    };
    let beside = Beside {
        principal: "anonymous",
        looked,
    };
    let seed = Seed { unique, ..SEED };
    let operation = CATALOG.operation(operation).expect("it is there");
    let accepted = operation.accept_with(&ScannedJson::from(request), &seed, &beside);
    match accepted.expect("a sound request") {
        AcceptedRequest::One(one) => *one,
        AcceptedRequest::Many(_) => panic!("one event"),
    }
}

/// KeyQueues with what waits for them, and the world that they write.
#[derive(Default)]
struct KeyQueues {
    world: World,
    queues: BTreeMap<String, VecDeque<Accepted>>,
    /// Requests that have a verdict.
    decided: HashSet<[u8; 16]>,
}

impl KeyQueues {
    fn arrive(&mut self, accepted: Accepted) {
        let queue = self.queues.entry(accepted.key.0.clone()).or_default();
        queue.push_back(accepted);
    }

    /// Decides the first event of some key; `twice`: its parts are published once more.
    fn step(&mut self, which: usize, twice: bool) -> bool {
        let waiting = self
            .queues
            .values()
            .filter(|queue| !queue.is_empty())
            .count();
        if waiting == 0 {
            return false;
        }
        let mut queues = self.queues.values_mut().filter(|queue| !queue.is_empty());
        let queue = queues.nth(which % waiting).expect("it was counted");
        let accepted = queue.pop_front().expect("it is not empty");
        if !self.decided.insert(accepted.unique) {
            return true;
        }
        let plan = self.world.run(&CATALOG, &accepted).expect("a sound event");
        if plan.verdict == Verdict::Applied {
            for _ in 0..=usize::from(twice) {
                plan.parts
                    .iter()
                    .cloned()
                    .for_each(|part| self.arrive(part));
            }
        }
        true
    }

    fn drain(&mut self) {
        while self.step(0, false) {}
    }

    fn document(&self, collection: &str, id: &str) -> Value {
        let found = self
            .world
            .documents
            .iter()
            .find(|(key, _)| key.collection == collection && key.id == id);
        let body = found.and_then(|(_, document)| document.body.clone());
        serde_json::from_str(body.expect("a document").get()).expect("JSON")
    }

    fn row(&self, name: &str) -> &Map<String, Value> {
        &self.world.rows[name]
    }
}

/// Users, organisations and batches, all applied.
fn prepared() -> KeyQueues {
    let mut keys = KeyQueues::default();
    let mut put = |collection: &str, id: String, body: Value| {
        let (index, incarnation) = ("sunbird".to_owned(), "x1".to_owned());
        let key = event_schema::mutation::DocumentKey {
            index,
            collection: collection.to_owned(),
            incarnation,
            id,
        };
        let body = Some(event_schema::to_raw(&body));
        let document = catalog::CurrentDocument { revision: 1, body };
        keys.world.documents.insert(key, document);
    };
    for u in 0..USERS {
        put("user", format!("u{u}"), json!({"id": format!("u{u}")}));
    }
    for o in 0..ORGANISATIONS {
        put(
            "org",
            format!("o{o}"),
            json!({"id": format!("o{o}"), "noOfMembers": 0}),
        );
    }
    let batches = (0..BATCHES)
        .map(|b| format!("b{b}"))
        .chain(["stays".to_owned()]);
    let batches: Vec<String> = batches.collect();
    for b in &batches {
        put("cbatch", b.clone(), json!({"id": b, "participantCount": 0}));
    }
    let mut row = |name: String, cells: Value| {
        let cells = cells.as_object().expect("cells").clone();
        keys.world.rows.insert(name, cells);
    };
    for o in 0..ORGANISATIONS {
        row(format!("organisation/\"o{o}\""), json!({"noofmembers": 0}));
    }
    for b in &batches {
        let cells = json!({"courseid": "c", "enrollmenttype": "open", "status": 1, "startdate": "2026-01-01"});
        row(format!("course_batch/\"{b}\""), cells);
    }
    let stays = json!({"userId": "u0", "batchId": "stays", "courseId": "c"});
    keys.arrive(accept("batch.enroll", &stays, json!({}), 1));
    keys.drain();
    keys
}

/// Ids under a member of each element of a list.
fn ids(list: &Value, member: &str, live: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let list = list.as_array().cloned().unwrap_or_default();
    let live = list.into_iter().filter(|one| live(one));
    live.filter_map(|one| one[member].as_str().map(str::to_owned))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_order_the_same_stands_everywhere(
        calls in prop::collection::vec(call(), 1..40),
        choices in prop::collection::vec((any::<u16>(), any::<bool>()), 40..120),
    ) {
        let mut keys = prepared();
        let mut choices = choices.into_iter().cycle();
        let mut done = BTreeSet::new();
        for (n, call) in calls.iter().enumerate() {
            let (operation, request, looked) = asked(call);
            keys.arrive(accept(operation, &request, looked, n as u64 + 10));
            if let Call::Complete(content) = call {
                done.insert(*content);
            }
            let (steps, _) = choices.next().expect("it cycles");
            for _ in 0..steps % 4 {
                let (which, twice) = choices.next().expect("it cycles");
                keys.step(usize::from(which), twice);
            }
        }
        while keys.queues.values().any(|queue| !queue.is_empty()) {
            let (which, twice) = choices.next().expect("it cycles");
            keys.step(usize::from(which), twice);
        }
        let users: Vec<Value> = (0..USERS).map(|u| keys.document("user", &format!("u{u}"))).collect();
        for o in 0..ORGANISATIONS {
            let is_in = |user: &&Value| {
                let live = |one: &Value| one["isDeleted"] != true;
                ids(&user["organisations"], "organisationId", live).contains(&format!("o{o}"))
            };
            let members = users.iter().filter(is_in).count();
            prop_assert_eq!(&keys.row(&format!("organisation/\"o{o}\""))["noofmembers"], members);
            prop_assert_eq!(&keys.document("org", &format!("o{o}"))["noOfMembers"], members);
        }
        for b in (0..BATCHES).map(|b| format!("b{b}")).chain(["stays".to_owned()]) {
            let row = keys.row(&format!("course_batch/\"{b}\""));
            let inside: BTreeSet<String> = row.get("participant").and_then(Value::as_object)
                .map(|map| map.keys().cloned().collect()).unwrap_or_default();
            let listed: BTreeSet<String> = users.iter()
                .filter(|user| ids(&user["batches"], "batchId", |_| true).contains(&b))
                .map(|user| user["id"].as_str().expect("an id").to_owned())
                .collect();
            prop_assert_eq!(&inside, &listed, "{}", b);
            prop_assert_eq!(&keys.document("cbatch", &b)["participantCount"], inside.len());
            let active: BTreeSet<String> = keys.world.rows.iter()
                .filter(|(name, row)| name.starts_with("user_courses/") && row["batchid"] == b && row["active"] == true)
                .map(|(_, row)| row["userid"].as_str().expect("a user").to_owned())
                .collect();
            prop_assert_eq!(&active, &inside, "{}", b);
        }
        let enrolment = keys.world.rows.iter()
            .find(|(name, row)| name.starts_with("user_courses/") && row["batchid"] == "stays");
        prop_assert_eq!(&enrolment.expect("it stays").1["progress"], done.len());
        let listed = users[0]["batches"].as_array().expect("batches").iter().find(|one| one["batchId"] == "stays");
        prop_assert_eq!(&listed.expect("it is listed")["progress"], done.len());
    }
}
