//! Definition files to definitions. What is wrong is told with file, operation, place and, where a
//! name is misspelt, the name that was meant.

use super::CatalogError;
use crate::{definition::FileDefinition, expression::did_you_mean};
use serde::Deserialize;
use std::{fs, path::Path};

/// Name and text of every file below `catalog/` at the time of building.
pub(super) fn builtin_files() -> Vec<(String, String)> {
    let files: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/builtin.rs"));
    files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

/// Adds every `*.yaml` below a folder, in the order of their names.
pub(super) fn read_folder(
    folder: &Path,
    texts: &mut Vec<(String, String)>,
) -> Result<(), CatalogError> {
    let told = |e: std::io::Error| CatalogError(format!("{}: {e}", folder.display()));
    let mut entries = fs::read_dir(folder)
        .map_err(told)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(told)?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            self::read_folder(&path, texts)?;
        } else if is_definitions(&path) {
            let text = fs::read_to_string(&path)
                .map_err(|e| CatalogError(format!("{}: {e}", path.display())))?;
            texts.push((path.display().to_string(), text));
        }
    }
    Ok(())
}

/// Scenarios of a test may lie beside the definitions.
fn is_definitions(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".yaml") && !name.ends_with(".scenario.yaml")
}

pub(super) fn parse_file(file: &str, text: &str) -> Result<FileDefinition, CatalogError> {
    if text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
    {
        return Ok(FileDefinition::default());
    }
    serde_yaml_ng::from_str(text)
        .map_err(|e| CatalogError(format!("{file}: {}", explain_error(&e.to_string(), text))))
}

/// Adds the operation's name to the place that the parser tells, and the near name to one it does
/// not know.
fn explain_error(error: &str, text: &str) -> String {
    let mut told = error.to_owned();
    if let Some((number, name)) = operation_of(error, text) {
        told = told.replacen(
            &format!("operations[{number}]"),
            &format!("operation `{name}`"),
            1,
        );
    }
    let mut quoted = error.split('`').skip(1).step_by(2);
    if error.contains("unknown field") || error.contains("unknown variant") {
        let given = quoted.next().unwrap_or_default();
        told += &did_you_mean(given, quoted);
    }
    told
}

/// Adds the line at which the operation, table, collection or hook begins that the error names behind its
/// file; of a reference that it names, the line where that stands.
pub(super) fn with_line(error: CatalogError, texts: &[(String, String)]) -> CatalogError {
    let found = texts.iter().find_map(|(file, text)| {
        let rest = error.0.strip_prefix(file.as_str())?.strip_prefix(": ")?;
        let name = rest.split('`').nth(1)?;
        let begins = |line: &str| {
            let entry = line.trim().trim_start_matches(['-', ' ', '{']);
            let given = entry.strip_prefix("name:");
            let given = given.and_then(|given| given.split([',', '}']).next());
            given.is_some_and(|given| given.trim().trim_matches('"') == name)
        };
        let first = text.lines().position(begins)?;
        let mut quoted = rest.split('`').skip(1).step_by(2);
        let reference = quoted.find(|quoted| quoted.starts_with('$'));
        let named = reference.or_else(|| misspelt(rest));
        let begin = place_below(rest, text, first);
        let found = named.and_then(|name| line_of(name, text, begin));
        let line = found.map_or(first, |below| begin + below) + 1;
        Some(format!("{file}: line {line}: {rest}"))
    });
    found.map_or(error, CatalogError)
}

/// The name that an error says is nowhere known, or else the operation whose request is not what it takes.
fn misspelt(error: &str) -> Option<&str> {
    let behind = |words: &str| error.split_once(words)?.1.split('`').next();
    let is_needed = error.ends_with("which it needs");
    let member = || behind(" no member `").filter(|_| !is_needed);
    member().or_else(|| behind("the request of `"))
}

/// The line below `first` at which the part of the operation begins that an error names: `let.total` at
/// `total:` below `let:`.
fn place_below(error: &str, text: &str, first: usize) -> usize {
    let place = error
        .split_once("`: ")
        .and_then(|(_, rest)| rest.split(": ").next());
    let steps = place.unwrap_or_default().split(['.', '[']).take(2);
    let mut at = first;
    for step in steps {
        let begins = |line: &str| {
            let entry = line.trim_start().trim_start_matches("- ");
            entry
                .strip_prefix(step)
                .is_some_and(|rest| rest.starts_with(':'))
        };
        at += text.lines().skip(at).position(begins).unwrap_or(0);
    }
    at
}

/// How many lines below `first` a reference or a name stands; none where it comes from elsewhere, out of a
/// fragment.
fn line_of(reference: &str, text: &str, first: usize) -> Option<usize> {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '~');
    let names = |line: &str| {
        let mut found = line.match_indices(reference);
        found.any(|(at, _)| {
            let (before, behind) = (&line[..at], &line[at + reference.len()..]);
            !behind.starts_with(goes_on) && !before.ends_with(goes_on)
        })
    };
    text.lines().skip(first).position(names)
}

fn operation_of(error: &str, text: &str) -> Option<(usize, String)> {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    #[derive(Deserialize)]
    struct Outline {
        operations: Vec<Named>,
    }
    let number = error
        .split_once("operations[")?
        .1
        .split_once(']')?
        .0
        .parse()
        .ok()?;
    let outline: Outline = serde_yaml_ng::from_str(text).ok()?;
    Some((number, outline.operations.into_iter().nth(number)?.name))
}
