//! The words that `docs/logging.md` tells operators to look for: each must be part of some message
//! that the product logs. Says nothing about messages that the page does not mention.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::files::Source;

const PAGE: &str = "docs/logging.md";
const HEADING: &str = "## Words to look for";
const LEVELS: &[&str] = &["error!(", "warn!(", "info!("];

pub(super) fn check<'a>(
    root: &Path,
    sources: impl Iterator<Item = &'a Source>,
) -> Result<Vec<String>> {
    let page = fs::read_to_string(root.join(PAGE)).context(PAGE)?;
    let logged: Vec<&str> = sources.flat_map(|source| calls(&source.text)).collect();
    Ok(missing(&page, &logged))
}

fn missing(page: &str, logged: &[&str]) -> Vec<String> {
    let words = words(page);
    if words.is_empty() {
        return vec![format!("{PAGE} lists no words under `{HEADING}`")];
    }
    let unknown = words
        .into_iter()
        .filter(|word| !logged.iter().any(|call| call.contains(word)));
    unknown
        .map(|word| format!("{PAGE}: no message says `{word}`"))
        .collect()
}

/// Between backticks, in the first column of the table under the heading.
fn words(page: &str) -> Vec<&str> {
    let section = page.split(HEADING).nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let first = section.lines().filter_map(|line| line.split('|').nth(1));
    first
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}

/// The arguments of each call that logs, so far as they may hold its message.
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

#[cfg(test)]
mod tests {
    use super::{calls, missing};

    #[test]
    fn a_word_that_no_message_says_is_found() {
        let page = "# Logging\n| `else` | not here |\n## Words to look for\n\n| word | what |\n\
                    | --- | --- |\n| `revoked` | x |\n| `ALARM`, `expired` | y |\n\n## Fields\n| `no` |";
        let source = "tracing::info!(topic, \"partitions revoked\");\n// expired\nwarn!(\n  \"ALARM: stop\"\n);\nlet x = \"expired\";";
        assert_eq!(
            missing(page, &calls(source)),
            ["docs/logging.md: no message says `expired`"]
        );
        assert_eq!(missing("# Logging", &[]).len(), 1);
    }
}
