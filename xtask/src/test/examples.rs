//! Which packages have examples in the documentation of their code. `cargo test --doc` builds the
//! documentation of a library to find that it has none, which takes minutes for all of them. Runs
//! nothing itself.

#[cfg(test)]
mod tests;

use anyhow::Result;

use super::{binaries::TestBinary, needs};

/// The libraries among what was built that have such examples.
pub(super) fn packages(built: &[TestBinary]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for library in built.iter().filter(|binary| binary.kind == "lib") {
        let sources = needs::sources(library)?;
        if sources.iter().any(|file| has_example(&file.text)) {
            found.push(library.package.clone());
        }
    }
    Ok(found)
}

/// True when the text has a block of code in a doc comment that is to be compiled.
fn has_example(source: &str) -> bool {
    let mut open = false;
    source.lines().any(|line| {
        let Some(fence) = doc(line).and_then(|text| text.trim_start().strip_prefix("```")) else {
            return false;
        };
        open = !open;
        open && is_compiled(fence)
    })
}

/// The text of a line of a doc comment.
fn doc(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"))
}

/// What rustdoc compiles: blocks without a language, or whose words are all rustdoc's own.
fn is_compiled(info: &str) -> bool {
    const WORDS: &[&str] = &["rust", "should_panic", "no_run", "compile_fail"];
    let words = info.split([',', ' ']).map(str::trim);
    let mut words = words.filter(|word| !word.is_empty());
    words.all(|word| WORDS.contains(&word) || word.starts_with("edition"))
}
