//! What can be typed, and what is said to what cannot be meant.

use crate::pipeline::{json, run};
use clap::CommandFactory;
use consign::cli::Cli;
use std::path::Path;

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

/// Whoever asks for help finds what it does and a line to copy.
#[test]
fn every_command_has_help_with_an_example() {
    let mut missing = Vec::new();
    walk(Cli::command(), "consign".to_owned(), &mut missing);
    assert!(missing.is_empty(), "{missing:#?}");
}

fn walk(command: clap::Command, path: String, missing: &mut Vec<String>) {
    if command.get_about().is_none() {
        missing.push(format!("{path}: what it does"));
    }
    if !command.has_subcommands() && !path.starts_with("consign filter") {
        let examples = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        if !examples.contains("Examples:") || !examples.contains(&path) {
            missing.push(format!("{path}: an example"));
        }
    }
    for subcommand in command
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set())
        .cloned()
    {
        let path = format!("{path} {}", subcommand.get_name());
        walk(subcommand, path, missing);
    }
}

fn said(arguments: &[&str], folder: &Path) -> (String, i32) {
    let output = run(arguments, folder);
    (
        String::from_utf8_lossy(&output.stderr).into_owned(),
        output.status.code().expect("it was not killed"),
    )
}

#[test]
fn what_cannot_be_meant_is_told_with_what_was() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("bad.toml"),
        "[gateway]\nlisten = \"127.0.0.1:1\"\nbody_limit_byte = 5\n",
    )
    .unwrap();
    for (arguments, expected) in [
        (
            &["config", "check", "--config", "bad.toml"][..],
            "bad.toml: `gateway.body_limit_byte` is not a setting; did you mean `gateway.body_limit_bytes`?",
        ),
        (
            &["config", "check", "--set", "gateway.listn=x"],
            "did you mean `gateway.listen`?",
        ),
        (
            &["config", "check", "--config", "nowhere.toml"],
            "nowhere.toml",
        ),
        (
            &["config", "check", "--set", "topics.partitions=many"],
            "must be a whole number",
        ),
        (&["gateway"], "run `consign dev`"),
        (&["write-worker"], "log.kind"),
        (&["catalog", "shw"], "show"),
        (&["load"], "Usage"),
    ] {
        let (text, code) = said(arguments, folder.path());
        assert!(text.contains(expected), "{arguments:?}: {text}");
        assert_eq!(code, 2, "{arguments:?}: {text}");
    }
}

#[test]
fn a_variable_nobody_knows_names_the_near_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = crate::pipeline::consign(&["config", "check"], folder.path());
    let output = command.env("CONSIGN_GATEWAY_LISTN", "x").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("did you mean `CONSIGN_GATEWAY_LISTEN`?"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_usual_file_is_taken_and_flags_win() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("consign.toml"),
        "[topics]\npartitions = 9\n[secret]\nvalue = \"sixteen bytes or more\"\n",
    )
    .unwrap();
    let (shown, _) = json(
        &["config", "show", "--json", "--set", "topics.generation=3"],
        folder.path(),
    );
    let of = |setting: &str| {
        shown
            .as_array()
            .unwrap()
            .iter()
            .find(|line| line["setting"] == setting)
            .unwrap()
            .clone()
    };
    assert_eq!(
        (
            of("topics.partitions")["value"].clone(),
            of("topics.partitions")["from"].clone()
        ),
        (9.into(), "consign.toml".into())
    );
    assert_eq!(of("topics.generation")["from"], "--set topics.generation");
    assert_eq!(of("secret.value")["value"], "***");
}

#[test]
fn the_defaults_that_are_shown_can_be_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["config", "show", "--defaults"], folder.path());
    std::fs::write(folder.path().join("mine.toml"), output.stdout).unwrap();
    let (told, code) = json(
        &["config", "check", "--config", "mine.toml", "--json"],
        folder.path(),
    );
    assert_eq!((told["sound"].as_bool(), code), (Some(true), 0));
}

#[test]
fn exit_codes_tell_what_kind_of_failure() {
    let folder = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let away = format!("http://{free}");
    assert_eq!(said(&["health", "--url", &away], folder.path()).1, 1);
    let (text, code) = said(&["request", "show", "r1x", "--url", &away], folder.path());
    assert!(code == 3 && text.contains("is it running?"), "{text}");
    assert_eq!(
        said(&["catalog", "show", "document.creat"], folder.path()).1,
        1
    );
    let kafka = format!("kafka.brokers={free}");
    let servers = [
        "--set",
        "log.kind=kafka",
        "--set",
        "record.kind=cassandra",
        "--set",
        "view.kind=none",
        "--set",
        &kafka,
    ];
    let arguments: Vec<&str> = ["topics", "check", "--patience", "1"]
        .into_iter()
        .chain(servers)
        .collect();
    assert_eq!(said(&arguments, folder.path()).1, 3);
}

#[test]
fn what_is_asked_as_json_is_json() {
    let folder = tempfile::tempdir().unwrap();
    let (listed, code) = json(&["catalog", "list", "--json"], folder.path());
    assert!(
        code == 0
            && listed["operations"]
                .as_array()
                .unwrap()
                .iter()
                .any(|operation| operation["name"] == "document.create")
    );
    let (shown, _) = json(
        &["catalog", "show", "document.create", "--json"],
        folder.path(),
    );
    assert!(shown["schema"].is_object() && !shown["examples"].as_array().unwrap().is_empty());
    let (checked, _) = json(&["catalog", "check", "--json"], folder.path());
    assert!(checked["operations"].as_u64().unwrap() > 10);
    let (doctor, code) = json(&["doctor", "--json"], folder.path());
    assert!(code == 0 && doctor["well"] == true, "{doctor}");
    let (written, _) = json(&["schema", "export", "schemas", "--json"], folder.path());
    assert_eq!(
        written.as_array().unwrap().len(),
        std::fs::read_dir(folder.path().join("schemas"))
            .unwrap()
            .count()
    );
}

#[test]
fn exported_schemas_are_those_committed() {
    let folder = tempfile::tempdir().unwrap();
    run(&["schema", "export", "schemas"], folder.path());
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../event-schema/schemas");
    for entry in std::fs::read_dir(folder.path().join("schemas")).unwrap() {
        let path = entry.unwrap().path();
        let own =
            std::fs::read_to_string(committed.join(path.file_name().unwrap())).unwrap_or_default();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            own,
            "consign schema export event-schema/schemas"
        );
    }
}

#[test]
fn definitions_are_checked_under_their_own_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("mine.yaml"),
        "operations:\n  - name: x.y\n    nonsense: 1\n",
    )
    .unwrap();
    let (text, code) = said(&["catalog", "check", "mine.yaml"], folder.path());
    assert!(
        code == 1
            && text.contains("mine.yaml")
            && text.contains("nonsense")
            && !text.contains("given.yaml"),
        "{text}"
    );
}

#[test]
fn shells_get_completions() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["completions", "bash"], folder.path());
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("consign"));
}

#[test]
fn examples_are_carried_out_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let (tested, code) = json(&["catalog", "test", "--json"], folder.path());
    assert_eq!(code, 0, "{tested}");
    let refused = tested["refused"].as_u64();
    assert!(refused.is_some_and(|refused| refused >= 43), "{tested}");
    let mine = "operations: [{name: thing.make, summary: Makes a thing of the test., request: {type: object}, kind: informative, key: {path: [x]}, \
        examples: [{title: One, request: {}}, {title: Two, request: {}, refused: never}]}]";
    std::fs::write(folder.path().join("mine.yaml"), mine).unwrap();
    let (text, code) = said(&["catalog", "test", "mine.yaml"], folder.path());
    assert!(
        code != 0 && text.contains("thing.make: Two: should be refused by `never`, is applied"),
        "{text}"
    );
}
