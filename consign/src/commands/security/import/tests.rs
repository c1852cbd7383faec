use super::dump::KuzzleDump;
use serde_json::{Value, json};

fn hit(index: &str, id: &str, source: Value) -> String {
    json!({"_index": index, "_id": id, "_source": source, "_score": 1}).to_string()
}

fn bodies(dump: KuzzleDump, with_rights: bool) -> Vec<Value> {
    let batches = dump.batches(with_rights);
    batches.into_iter().map(|batch| batch.body).collect()
}

#[test]
fn the_files_of_a_dump_are_put_together() {
    let mut dump = KuzzleDump::default();
    let local = "%plugin:kuzzle-plugin-auth-passport-local.users";
    let hash =
        json!({"userPassword": "00", "userSalt": "s", "algorithm": "sha512", "stretching": true});
    let mut kept = hash.clone();
    kept["kuid"] = "k1".into();
    let lines = [
        hit(local, "meera", kept.clone()),
        String::new(),
        hit(
            "%kuzzle.users",
            "k1",
            json!({"profileIds": ["default"], "_kuzzle_info": {"author": "-1"}}),
        ),
        hit("@%kuzzle.roles", "r", json!({"controllers": {}})),
        hit("%kuzzle.profiles", "p", json!({"policies": []})),
        hit("&kuzzle.api-keys", "a", json!({"userId": "k1"})),
    ];
    dump.add(&lines.join("\n")).unwrap();
    kept["kuid"] = "gone".into();
    dump.add(&hit(local, "nobody", kept)).unwrap();
    let unusable = dump.unusable();
    assert_eq!((unusable.len(), &unusable[0]["id"]), (1, &json!("nobody")));
    let users = json!({"k1": {"content": {"profileIds": ["default"]}, "credentials": {"local": {"username": "meera", "hash": hash}}}});
    assert_eq!(
        bodies(dump, false),
        [
            json!({"roles": {"r": {"controllers": {}}}, "profiles": {"p": {"policies": []}}}),
            json!({"users": users}),
            json!({"apiKeys": {"a": {"userId": "k1"}}}),
        ]
    );
}

#[test]
fn what_kuzzle_loads_is_read_and_large_files_go_in_pieces() {
    let mut dump = KuzzleDump::default();
    let users = (0..450).map(|n| (format!("u{n}"), json!({"content": {}})));
    let users: serde_json::Map<String, Value> = users.collect();
    let whole = json!({"roles": {"r": {}}, "users": users});
    dump.add(&serde_json::to_string_pretty(&whole).unwrap())
        .unwrap();
    let bodies = bodies(dump, true);
    let sizes = bodies
        .iter()
        .map(|body| body["users"].as_object().map_or(0, |users| users.len()));
    assert_eq!(sizes.collect::<Vec<_>>(), [0, 200, 200, 50]);
    // What is only tried out was not written before.
    assert!(bodies.iter().all(|body| body["roles"]["r"].is_object()));
}

#[test]
fn what_is_not_of_users_and_rights_is_refused_by_line() {
    let add = |text: &str| KuzzleDump::default().add(text).unwrap_err();
    let first = hit("%kuzzle.roles", "r", json!({}));
    assert!(add(&format!("{first}\n{{")).starts_with("line 2"));
    assert!(add(&hit("%kuzzle.config", "x", json!({}))).contains("%kuzzle.config"));
    assert!(add(&hit("&shop.users", "x", json!({}))).contains("&shop.users"));
    assert!(add("{\"_id\": \"x\", \"_source\": {}}").contains("_index"));
    assert!(add("{\"documents\": {}}").contains("documents"));
    assert!(add("{\"roles\": []}").contains("roles"));
}
