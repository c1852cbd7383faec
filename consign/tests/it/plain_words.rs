//! Texts that a user can see use the words of the field: helps of commands, pages of problems, log
//! messages, every other text that a source spells out, the README and the pages of `docs`. A list
//! of words says what no such text says; it cannot say whether a text is good.

use clap::CommandFactory as _;
use consign::cli::Cli;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Persons where there are processes, turns of speech where there is a term.
const NOT_SAID: &[&str] = &[
    "anew",
    "any more",
    "anybody",
    "as may be",
    "died",
    "hears",
    "let go",
    "mail",
    "nobody",
    "of ours",
    "other hands",
    "seat",
    "seats",
    "so many",
    "somebody",
    "story",
    "told",
    "whoever",
];

const LEVELS: &[&str] = &["error!(", "warn!(", "info!("];

/// The words that are not said, in a text; whole words only.
fn odd(text: &str) -> Vec<&'static str> {
    let lower = text.to_lowercase();
    let plain: String = lower
        .chars()
        .map(|letter| {
            if letter.is_alphanumeric() {
                letter
            } else {
                ' '
            }
        })
        .collect();
    let plain = format!(
        " {} ",
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    );
    let said = |word: &&&str| plain.contains(&format!(" {word} "));
    NOT_SAID.iter().filter(said).copied().collect()
}

fn collect(place: &str, text: &str, found: &mut Vec<String>) {
    let words = odd(text);
    if !words.is_empty() {
        found.push(format!("{place}: {words:?} in {text:?}"));
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in a workspace")
}

#[test]
fn help_says_what_the_field_says() {
    let mut found = Vec::new();
    walk(&Cli::command(), "consign", &mut found);
    assert!(found.is_empty(), "{found:#?}");
}

fn walk(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    let texts = [
        command.get_about(),
        command.get_long_about(),
        command.get_after_help(),
    ];
    for text in texts.into_iter().flatten() {
        collect(path, &text.to_string(), found);
    }
    for argument in command.get_arguments() {
        let texts = [argument.get_help(), argument.get_long_help()];
        for text in texts.into_iter().flatten() {
            let place = format!("{path} {}", argument.get_id());
            collect(&place, &text.to_string(), found);
        }
    }
    for inner in command.get_subcommands() {
        walk(inner, &format!("{path} {}", inner.get_name()), found);
    }
}

#[test]
fn pages_of_problems_say_what_the_field_says() {
    let mut found = Vec::new();
    let pages = fs::read_dir(root().join("docs/errors")).expect("the pages");
    for page in pages {
        let path = page.expect("an entry").path();
        for line in fs::read_to_string(&path).expect("a page").lines() {
            collect(&path.display().to_string(), line, &mut found);
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn log_messages_say_what_the_field_says() {
    let (mut found, mut count) = (Vec::new(), 0);
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source");
        for call in calls(&text) {
            // What stands between quotation marks; names of fields are not read.
            for message in call.split('"').skip(1).step_by(2) {
                count += 1;
                collect(&path.display().to_string(), message, &mut found);
            }
        }
    }
    assert!(count > 80, "only {count} messages were found");
    assert!(found.is_empty(), "{found:#?}");
}

/// Answers, findings, notes: whatever a source spells out.
#[test]
fn texts_in_sources_say_what_the_field_says() {
    let (mut found, mut count) = (Vec::new(), 0);
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source");
        for literal in sentences(&text) {
            count += 1;
            collect(&path.display().to_string(), literal, &mut found);
        }
    }
    assert!(count > 3_000, "only {count} texts were found");
    // Said of subscribers, and of what is a letter.
    found.retain(|one| !one.contains("[\"told\"]") && !one.contains("[\"mail\"]"));
    assert!(found.is_empty(), "{found:#?}");
}

/// What the pages of `docs` may say of persons, since some are about accounts and operators.
const OF_PERSONS: &[&str] = &["nobody", "somebody", "told", "whoever", "mail", "story"];

/// Pages that are made of other texts, or list words that are no longer said.
const OTHER_PAGES: &[&str] = &["glossary.md", "operations.md"];

#[test]
fn pages_say_what_the_field_says() {
    let (mut found, mut pages) = (Vec::new(), vec![root().join("README.md")]);
    for folder in ["docs", "docs/operate"] {
        let all = fs::read_dir(root().join(folder)).expect("the pages");
        pages.extend(all.map(|page| page.expect("an entry").path()));
    }
    let is_read = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.ends_with(".md") && !OTHER_PAGES.contains(&name))
    };
    for path in pages.into_iter().filter(is_read) {
        for line in fs::read_to_string(&path).expect("a page").lines() {
            // Names in code spans are what they are.
            let plain: String = line.split('`').step_by(2).collect();
            let words = odd(&plain);
            if words.iter().any(|word| !OF_PERSONS.contains(word)) {
                found.push(format!("{}: {words:?} in {line:?}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn odd_words_are_seen() {
    assert_eq!(odd("Nobody is told, again."), ["nobody", "told"]);
    assert_eq!(odd("The mailbox is full; a teller"), [""; 0]);
    let source = "tracing::warn!(%error, \"a thread\n died\");\nlet x = \"told\";";
    assert_eq!(calls(source).len(), 1);
    assert!(calls(source)[0].contains("died") && !calls(source)[0].contains("told"));
    let source =
        "// \"a note\"\nlet x = (\"one\", \"nobody knows\");\n#[cfg(test)]\nlet y = \"a test\";";
    assert_eq!(sentences(source), ["nobody knows"]);
}

/// What stands between quotation marks on one line of code and has a blank in it. Tests at the end
/// of a file are not read.
fn sentences(text: &str) -> Vec<&str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let literals = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    literals.filter(|literal| literal.contains(' ')).collect()
}

/// The arguments of each call that logs.
fn calls(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for level in LEVELS {
        for (at, _) in text.match_indices(level) {
            let rest = &text[at..];
            found.push(rest.split(");").next().unwrap_or(rest));
        }
    }
    found
}

/// The sources of the services and their crates, without tests.
fn sources() -> Vec<PathBuf> {
    let services = ["consign", "gateway", "notifier-worker", "write-worker"];
    let mut folders: Vec<PathBuf> = services.map(|name| root().join(name).join("src")).into();
    for entry in fs::read_dir(root().join("crates")).expect("the crates") {
        folders.push(entry.expect("an entry").path().join("src"));
    }
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let is_test = ["tests.rs", "tests", "contract"]
                .iter()
                .any(|name| path.ends_with(name));
            if path.is_dir() && !is_test {
                folders.push(path);
            } else if !is_test && path.extension().is_some_and(|name| name == "rs") {
                files.push(path);
            }
        }
    }
    files
}
