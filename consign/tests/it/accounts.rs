//! Users, roles, profiles, keys and sessions from the command line, on a deployment that is closed.

use crate::pipeline::{Pipeline, consign};
use serde_json::{Value, json};
use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
};

const ROOT: &str = "correct horse battery";
const MEERA: &str = "one long quiet evening";

/// A deployment with an administrator, and the folder of whoever types.
struct Desk {
    folder: tempfile::TempDir,
    pipeline: Pipeline,
}

impl Desk {
    async fn closed() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pipeline = Pipeline::start(folder.path());
        let desk = Self { folder, pipeline };
        let place = "/v1/collections/demo/notes";
        let (status, answer) = desk.pipeline.call("PUT", place, Some(json!({}))).await;
        assert_eq!(status, 201, "{answer}");
        let local = json!({"username": "root", "password": ROOT});
        let first = Some(json!({"credentials": {"local": local}}));
        let path = "/_createFirstAdmin/root?reset=true";
        let (status, answer) = desk.pipeline.call("POST", path, first).await;
        assert_eq!(status, 200, "{answer}");
        desk.file("root.password", ROOT);
        desk
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// One that its owner alone can read.
    fn file(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), text).unwrap();
        self.open_to(name, 0o600);
    }

    fn open_to(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path().join(name), Permissions::from_mode(mode)).unwrap();
    }

    /// As whom: the session that was saved, or `token`.
    fn command(&self, token: Option<&str>, arguments: &[&str]) -> Command {
        let mut command = consign(arguments, self.path());
        command
            .env("HOME", self.path())
            .env_remove("XDG_STATE_HOME")
            .args(["--url", &self.pipeline.url]);
        if let Some(token) = token {
            command.env("CONSIGN_TOKEN", token);
        }
        command
    }

    fn typed(&self, token: Option<&str>, arguments: &[&str]) -> Output {
        self.command(token, arguments).output().unwrap()
    }

    fn done(&self, token: Option<&str>, arguments: &[&str]) -> String {
        let output = self.typed(token, arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let text = self.done(None, &[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// What it says on exit 1 or 2.
    fn refused(&self, token: Option<&str>, arguments: &[&str], exit: i32) -> String {
        let output = self.typed(token, arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {error}");
        error
    }

    fn log_in(&self) {
        let told = self.done(None, &["login", "root", "--password-file", "root.password"]);
        assert!(
            told.contains("as root") && !told.contains("kauth-"),
            "{told}"
        );
    }
}

const SESSIONS: &str = ".local/state/consign/sessions.json";

#[tokio::test]
async fn a_session_is_kept_for_its_owner_until_it_is_ended() {
    let desk = Desk::closed().await;
    let without = desk.refused(None, &["user", "list"], 1);
    assert!(
        without.contains("401") && without.contains("consign login"),
        "{without}"
    );
    desk.refused(None, &["session", "show"], 1);
    desk.log_in();
    let mode = fs::metadata(desk.path().join(SESSIONS))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let shown = desk.json(&["session", "show"]);
    assert_eq!(
        (&shown["user"], &shown["profiles"]),
        (&json!("root"), &json!(["admin"]))
    );
    assert!(
        shown["expires_at"].as_i64().is_some_and(|until| until > 0),
        "{shown}"
    );
    // Another gateway is not shown it: the same one by another name stands for one.
    let elsewhere = desk.pipeline.url.replace("127.0.0.1", "localhost");
    let mut other = consign(&["session", "show", "--url", &elsewhere], desk.path());
    let other = other
        .env("HOME", desk.path())
        .env_remove("XDG_STATE_HOME")
        .output()
        .unwrap();
    assert_eq!(other.status.code(), Some(1), "{other:?}");

    desk.open_to(SESSIONS, 0o644);
    let open = desk.refused(None, &["user", "list"], 1);
    assert!(
        open.contains("others on this machine") && open.contains("chmod 600"),
        "{open}"
    );
    desk.open_to(SESSIONS, 0o600);

    let token: Value =
        serde_json::from_slice(&fs::read(desk.path().join(SESSIONS)).unwrap()).unwrap();
    let token = token[&desk.pipeline.url]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    desk.done(Some(&token), &["user", "list"]);
    desk.done(None, &["session", "end"]);
    let kept = fs::read_to_string(desk.path().join(SESSIONS)).unwrap();
    assert!(!kept.contains("kauth-"), "{kept}");
    assert!(
        desk.refused(Some(&token), &["user", "list"], 1)
            .contains("401")
    );
}

#[tokio::test]
async fn a_session_elsewhere_is_seen_and_ended_from_here() {
    let desk = Desk::closed().await;
    desk.log_in();
    let print = [
        "login",
        "root",
        "--password-file",
        "root.password",
        "--print",
    ];
    let elsewhere = desk.done(None, &print);
    let mut others = Vec::new();
    for _ in 0..100 {
        let listed = desk.json(&["session", "list"]);
        let listed = listed["sessions"].as_array().unwrap().clone();
        let is_other = |session: &&Value| session["current"] == false;
        others = listed.iter().filter(is_other).cloned().collect();
        if !others.is_empty() {
            assert_eq!(listed.len(), 2, "{listed:#?}");
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let id = others[0]["id"].as_str().unwrap();
    let shown = desk.done(None, &["session", "list"]);
    assert!(shown.contains(id) && shown.contains("this one"), "{shown}");
    desk.done(Some(&elsewhere), &["user", "list"]);
    desk.done(None, &["session", "end", id]);
    let over = desk.refused(Some(&elsewhere), &["user", "list"], 1);
    assert!(over.contains("401"), "{over}");
    let gone = desk.refused(None, &["session", "end", id], 1);
    assert!(gone.contains("404"), "{gone}");
    desk.done(None, &["user", "list"]);
    let log = desk.done(None, &["security", "log", "search", "--type", "session"]);
    assert!(
        log.contains("session.ended  root") && log.contains(id),
        "{log}"
    );
    let verified = desk.done(None, &["security", "log", "verify"]);
    assert!(verified.starts_with("whole: "), "{verified}");
    let tail = desk.json(&["security", "log", "tail", "-n", "1"]);
    assert!(
        tail["type"]
            .as_str()
            .is_some_and(|kind| kind.starts_with("consign.security.")),
        "{tail}"
    );
}

#[tokio::test]
async fn users_roles_and_profiles_are_made_shown_changed_and_deleted() {
    let desk = Desk::closed().await;
    desk.log_in();
    let role = json!({"controllers": {"document": {"actions": {"get": true, "search": true}}, "auth": {"actions": {"*": true}}}});
    desk.file("reader.json", role.to_string());
    desk.done(None, &["role", "set", "reader", "reader.json"]);
    desk.file("none.json", "{}");
    let malformed = desk.refused(None, &["role", "set", "reader", "none.json"], 1);
    assert!(!malformed.contains("--force"), "{malformed}");
    assert_eq!(
        desk.json(&["role", "show", "reader"])["controllers"],
        role["controllers"]
    );
    let profile = json!({"policies": [{"roleId": "reader", "restrictedTo": [{"index": "shop"}]}]});
    desk.file("shop.json", profile.to_string());
    let set = ["profile", "set", "shop-reader", "shop.json"];
    let unknown = desk.refused(None, &set, 1);
    assert!(
        unknown.contains("shop") && unknown.contains("--force"),
        "{unknown}"
    );
    desk.done(None, &[&set[..], &["--force"]].concat());
    // What is shown can be set again.
    desk.file(
        "again.json",
        desk.done(None, &["profile", "show", "shop-reader"]),
    );
    desk.done(
        None,
        &["profile", "set", "shop-reader", "again.json", "--force"],
    );

    desk.file("meera.password", MEERA);
    desk.open_to("meera.password", 0o644);
    let create = [
        "user",
        "create",
        "meera",
        "--profile",
        "shop-reader",
        "--password-file",
        "meera.password",
    ];
    let open = desk.refused(None, &create, 2);
    assert!(open.contains("others on this machine"), "{open}");
    desk.open_to("meera.password", 0o600);
    desk.done(None, &create);
    let asked = desk.refused(
        None,
        &["user", "create", "x", "--profile", "shop-reader"],
        2,
    );
    assert!(
        asked.contains("no terminal") && asked.contains("--password-file"),
        "{asked}"
    );

    let log_in = [
        "login",
        "meera",
        "--password-file",
        "meera.password",
        "--print",
    ];
    let meera = desk.done(None, &log_in);
    assert_eq!(
        desk.done(Some(&meera), &["session", "show"])
            .split(' ')
            .next(),
        Some("meera")
    );
    assert!(
        desk.refused(Some(&meera), &["user", "list"], 1)
            .contains("403")
    );
    let shown = desk.done(None, &["user", "show", "meera"]);
    assert!(
        shown.contains("by local") && shown.contains("search") && shown.contains("shop"),
        "{shown}"
    );
    desk.refused(None, &["profile", "delete", "shop-reader"], 1);

    desk.file("fields.json", "{\"city\": \"Pune\"}");
    desk.done(
        None,
        &[
            "user",
            "update",
            "meera",
            "--fields",
            "fields.json",
            "--profile",
            "default",
        ],
    );
    let changed = desk.json(&["user", "show", "meera"]);
    let fields = &changed["user"]["_source"];
    assert_eq!(
        (&fields["city"], &fields["profileIds"]),
        (&json!("Pune"), &json!(["default"]))
    );

    desk.file("new.password", "another long password");
    desk.done(
        None,
        &[
            "user",
            "password",
            "meera",
            "--password-file",
            "new.password",
        ],
    );
    assert!(
        desk.refused(Some(&meera), &["session", "show"], 1)
            .contains("401")
    );
    desk.refused(None, &log_in, 1);

    desk.done(None, &["profile", "delete", "shop-reader", "--yes"]);
    desk.done(None, &["role", "delete", "reader", "--yes"]);
    desk.refused(None, &["user", "delete", "meera", "nobody", "--yes"], 1);
    assert!(
        desk.refused(None, &["user", "show", "meera"], 1)
            .contains("404")
    );
    let roles = desk.json(&["role", "list"]);
    let roles: Vec<&str> = roles
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|role| role["_id"].as_str())
        .collect();
    assert_eq!(roles, ["admin", "anonymous", "default"]);
}

#[tokio::test]
async fn keys_are_told_once_and_honoured_until_they_are_deleted_or_revoked() {
    let desk = Desk::closed().await;
    desk.log_in();
    desk.done(
        None,
        &[
            "user",
            "create",
            "robot",
            "--profile",
            "admin",
            "--no-password",
        ],
    );
    let key = |id: &str| {
        let create = [
            "key",
            "create",
            "a nightly import",
            "--id",
            id,
            "--user",
            "robot",
            "--expires-in",
            "90d",
        ];
        desk.done(None, &create)
    };
    let (first, second) = (key("first"), key("second"));
    assert!(
        first.starts_with("kapikey-") && !first.contains(char::is_whitespace),
        "{first}"
    );
    // Made and told: found by a search within the second that a view may lag.
    let listed = || desk.done(None, &["key", "list", "--user", "robot"]);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !(listed().contains("first") && listed().contains("second")) {
        assert!(std::time::Instant::now() < deadline, "{}", listed());
    }
    assert!(!listed().contains(&first));
    desk.done(Some(&first), &["user", "list"]);
    desk.done(
        None,
        &["key", "delete", "first", "--user", "robot", "--yes"],
    );
    assert!(
        desk.refused(Some(&first), &["user", "list"], 1)
            .contains("401")
    );
    desk.done(Some(&second), &["user", "list"]);
    desk.done(None, &["session", "revoke", "robot"]);
    assert!(
        desk.refused(Some(&second), &["user", "list"], 1)
            .contains("401")
    );
}

/// Its hash was made by Python's `hashlib.pbkdf2_hmac`, by the rule of Kuzzle's local strategy.
const DUMP: &str = include_str!("accounts/kuzzle-dump.jsonl");
const OLDER: &str = "an older password";

#[tokio::test]
async fn a_dump_of_kuzzle_is_imported_and_its_users_log_in() {
    let desk = Desk::closed().await;
    desk.log_in();
    desk.file("dump.jsonl", DUMP);
    let planned = desk.json(&["security", "import", "dump.jsonl", "--dry-run"]);
    assert_eq!(
        (&planned["dry_run"], &planned["failed"]),
        (&json!(true), &json!(0)),
        "{planned}"
    );
    desk.refused(None, &["user", "show", "kuid-1"], 1);
    for _ in 0..2 {
        let imported = desk.json(&["security", "import", "dump.jsonl"]);
        assert_eq!(imported["failed"], 0, "{imported}");
    }
    desk.file("old.password", OLDER);
    let log_in = [
        "login",
        "old.name",
        "--password-file",
        "old.password",
        "--print",
    ];
    let token = desk.done(None, &log_in);
    let shown = desk.done(Some(&token), &["session", "show"]);
    assert!(
        shown.starts_with("kuid-1 ") && shown.contains("writers"),
        "{shown}"
    );
    // The hash is a stronger one by now, of the same password.
    desk.done(None, &log_in);
}

/// A socket shows the session in each request.
#[tokio::test]
async fn whoever_listens_shows_the_session_too() {
    let desk = Desk::closed().await;
    desk.log_in();
    let subscribe = [
        "subscribe",
        "{}",
        "--index",
        "demo",
        "--collection",
        "notes",
    ];
    let refused = desk.refused(Some("kauth-none"), &subscribe, 1);
    assert!(refused.contains("401"), "{refused}");
    let mut listening = desk.command(None, &subscribe);
    let mut listening = listening
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let states = BufReader::new(listening.stderr.take().unwrap()).lines();
    let mut states = states.map_while(Result::ok);
    let listens = states.any(|state| state.contains("listening in room"));
    listening.kill().unwrap();
    listening.wait().unwrap();
    assert!(listens);
}
