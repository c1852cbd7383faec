//! Loading: what is built in, what folders add, and what is said of files that are wrong.

use super::*;

fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("below")).unwrap();
    std::fs::write(folder.path().join("below/own.yaml"), text).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not a definition").unwrap();
    folder
}

fn load(text: &str) -> Result<Catalog, CatalogError> {
    let folder = folder(text);
    Catalog::load(&[folder.path().to_owned()])
}

const PING: &str = "
operations:
  - name: ping.send
    summary: Tells that somebody is there.
    kind: informative
    request: {type: object, additionalProperties: false, properties: {who: {type: string}}}
    key: {path: [ping]}
    examples: [{title: One, request: {who: me}}]
";

#[test]
fn a_folder_adds_operations_without_rust() {
    let (builtin, more) = (Catalog::builtin().unwrap(), load(PING).unwrap());
    assert_eq!(
        more.operation("ping.send").unwrap().kind(),
        crate::Kind::Informative
    );
    assert!(builtin.operation("ping.send").is_none());
    assert_ne!(more.version(), builtin.version());
    assert_eq!(
        load("# nothing yet\n").unwrap().version(),
        builtin.version()
    );
    assert_eq!(
        load(PING).unwrap().version(),
        more.version(),
        "where a file stands does not matter"
    );
}

#[test]
fn an_operation_takes_the_place_of_one_before_it_where_it_says_so() {
    let builtin = Catalog::builtin().unwrap();
    let mine = PING.replace("ping.send\n", "note.delete\n    replaces: true\n");
    let replaced = load(&mine).unwrap();
    let summary = |catalog: &Catalog| {
        let operation = catalog.operation("note.delete").unwrap();
        operation.summary().to_owned()
    };
    assert_ne!(summary(&replaced), summary(&builtin));
    assert_ne!(replaced.version(), builtin.version());
    let count = |catalog: &Catalog| catalog.operations().count();
    assert_eq!(count(&replaced), count(&builtin), "in its place");
    // What travels is whole, and says nothing of what it replaced.
    let travelled = Catalog::from_definitions(replaced.definitions()).unwrap();
    assert_eq!(travelled.version(), replaced.version());
    assert_eq!(summary(&travelled), summary(&replaced));

    // The later folder's stands.
    let (first, second) = (folder(&mine), folder(&mine.replace("somebody", "another")));
    let folders = [&first, &second].map(|folder| folder.path().to_owned());
    assert!(summary(&Catalog::load(&folders).unwrap()).contains("another"));

    let told = |text: &str| load(text).unwrap_err().to_string();
    let unsaid = told(&PING.replace("ping.send", "note.delete"));
    assert!(
        unsaid.contains("first in sunbird/note/note.yaml; with `replaces: true`"),
        "{unsaid}"
    );
    let nothing = told(&mine.replace("note.delete", "note.delet"));
    for part in ["line 3", "`note.delet`", "did you mean `note.delete`?"] {
        assert!(nothing.contains(part), "{nothing}");
    }
    let own = told(&mine.replace("note.delete", "security.createUser"));
    assert!(own.contains("cannot be replaced"), "{own}");
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_place() {
    let told = |text: &str| load(text).unwrap_err().to_string();
    let unknown = told(&PING.replace("summary:", "sumary:"));
    for part in [
        "below/own.yaml: ",
        "operation `ping.send`",
        "unknown field `sumary`",
        "line 4",
        "did you mean `summary`?",
    ] {
        assert!(unknown.contains(part), "{unknown}\n  should have: {part}");
    }
    let variant = told(&PING.replace("kind: informative", "kind: informativ"));
    assert!(
        variant.contains("operation `ping.send`.kind")
            && variant.contains("did you mean `informative`?"),
        "{variant}"
    );
    let missing = told(&PING.replace("    summary: Tells that somebody is there.\n", ""));
    assert!(
        missing.contains("missing field `summary`") && missing.contains("operation `ping.send`"),
        "{missing}"
    );
    assert!(told("operations: [").contains("below/own.yaml"));
    assert!(told("oprations: []").contains("did you mean `operations`?"));
    let taken = told(&PING.replace("ping.send", "document.create"));
    assert!(
        taken.contains("`document.create` is declared twice, first in document.yaml"),
        "{taken}"
    );
    let compiled = told(&PING.replace("path: [ping]", "path: [$reqest/who]"));
    assert!(
        compiled.contains("below/own.yaml: line 7: operation `ping.send`: "),
        "{compiled}"
    );
    let absent = Catalog::load(&[PathBuf::from("no-such-folder")])
        .unwrap_err()
        .to_string();
    assert!(absent.contains("no-such-folder"), "{absent}");
}

/// Each operation that is wrong is told in a line, and none that only stands on one of them.
#[test]
fn all_mistakes_are_told_at_once() {
    let of = |name: &str, wrong: &str| {
        let text = PING.replace("operations:\n", "").replace("ping.send", name);
        text.replace("path: [ping]", wrong)
    };
    let all = [
        "operations:".to_owned(),
        of("ping.one", "path: [$reqest/who]"),
        of("ping.sound", "path: [ping]"),
        of("ping.two", "path: [{lowr: $request/who}]"),
        "  - {name: ping.many, summary: Many., request: {type: object, properties: {all: {type: array}}}, many: {of: ping.two, items: all}, examples: [{title: One, request: {all: []}}]}"
            .to_owned(),
    ];
    let told = load(&all.join("")).unwrap_err().to_string();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(
        lines[0].contains("operation `ping.one`") && lines[0].contains("line 6"),
        "{told}"
    );
    assert!(
        lines[1].contains("operation `ping.two`") && lines[1].contains("did you mean `lower`?"),
        "{told}"
    );

    let folder = folder("operations: [");
    std::fs::write(folder.path().join("other.yaml"), "oprations: []").unwrap();
    let told = Catalog::load(&[folder.path().to_owned()])
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("below/own.yaml") && told.contains("other.yaml"),
        "{told}"
    );
}

/// A member that no request can have is a typing error, and would be absent for ever.
#[test]
fn references_that_a_closed_schema_does_not_have_are_told() {
    let told = |reference: &str| {
        let text = PING
            .replace("who: {type: string}", "who: {type: string}, all: {type: array, items: {$ref: '#/$defs/one'}}, any: {type: object}}, $defs: {one: {type: object, additionalProperties: false, properties: {city: {type: string}}}")
            .replace("path: [ping]", &format!("path: [ping, {reference}]"));
        load(&text).map_or_else(|error| error.to_string(), |_| "sound".to_owned())
    };
    for sound in [
        "$request/who",
        "$request/all/0/city",
        "$request/any/thing",
        "{literal: $request/whoo}",
    ] {
        assert_eq!(told(sound), "sound", "{sound}");
    }
    for (reference, hint) in [
        ("$request/whoo", "`whoo` there: did you mean `who`?"),
        (
            "{concat: [a, {lower: $request/whoo}]}",
            "`whoo` there: did you mean `who`?",
        ),
        ("$request/all/0/ciy", "`ciy` there: did you mean `city`?"),
        ("$request/all/city", "`city` there"),
        ("$request/who/name", "`name` there"),
    ] {
        let told = told(reference);
        let expected = "below/own.yaml: line 7: operation `ping.send`: key.path[1]";
        assert!(told.contains(expected) && told.ends_with(hint), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    // Definitions that travel were accepted once, by whatever release.
    let mut travelled = load(PING).unwrap().definitions().clone();
    for operation in travelled["operations"].as_array_mut().unwrap() {
        if operation["name"] == "ping.send" {
            operation["key"] = serde_json::json!({"path": ["ping", "$request/whoo"]});
        }
    }
    Catalog::from_definitions(&travelled).unwrap();
}

const DOCUMENTATION: &str = include_str!("../../../../docs/catalog.md");

#[test]
fn the_documentations_example_is_sound() {
    let (_, rest) = DOCUMENTATION.split_once("```yaml\n").unwrap();
    let catalog = load(rest.split_once("```").unwrap().0).unwrap();
    let operation = catalog.operation("memo.create").unwrap();
    let request = json_text::ScannedJson::from(&operation.examples()[0].request);
    operation
        .accept(
            &request,
            &crate::Seed {
                unique: [0; 16],
                now: 0,
            },
        )
        .unwrap();
}

#[test]
fn the_documentation_names_every_function_and_field() {
    let fields = [
        "name", "summary", "http", "envelope", "kind", "order", "request", "raw", "many",
        "generate", "rules", "let", "key", "guards", "write", "result", "examples", "internal",
        "look_up", "already", "claims", "parts", "replaces",
    ];
    let actions = [
        "put",
        "merge",
        "upsert",
        "remove_fields",
        "remove",
        "expect",
        "when",
        "for_each",
        "as",
        "expires",
    ];
    let formats = [
        "document-id",
        "collection-name",
        "not-blank",
        "mail",
        "phone",
        "country-code",
        "sunbird-time",
        "web-address",
    ];
    for name in expression::function_names()
        .chain(fields)
        .chain(actions)
        .chain(formats)
    {
        let told = [format!("`{name}`"), format!("`{name}: ")]
            .iter()
            .any(|form| DOCUMENTATION.contains(form));
        assert!(told, "docs/catalog.md does not tell of `{name}`");
    }
}

/// Editors are told what files may say: every file that is compiled in agrees.
#[test]
fn files_agree_with_the_schema_of_files() {
    let schema = Catalog::file_schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let definitions = Catalog::builtin().unwrap().definitions().clone();
    let errors: Vec<String> = validator
        .iter_errors(&definitions)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    let mut wrong = definitions;
    wrong["operations"][0]["sumary"] = "x".into();
    assert!(!validator.is_valid(&wrong));
}
