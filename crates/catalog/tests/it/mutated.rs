//! Definitions that are not what their author meant: a file, damaged in seeded ways. Each is refused in
//! words that name it, or is a catalog; never is it a panic. `CONSIGN_MUTATIONS` for more.

use catalog::Catalog;
use seeded_dice::{SeededDice, mutation_count};
use std::fs;

/// A table, an operation and its examples.
const FILE: &str = include_str!("../../../../catalog/sunbird/setting/setting.yaml");

/// What a word may have become.
const WORDS: [&str; 14] = [
    "{",
    "}",
    "[",
    "]",
    ": ",
    "null",
    "-1",
    "1e999",
    "$request/",
    "$let/x",
    "&a *a",
    "\t",
    "- ",
    "\u{0}",
];

/// Words and what stands between them change places, are lost, doubled or others.
fn damaged_text(dice: &mut SeededDice, text: &str) -> String {
    let mut words: Vec<&str> = text
        .split_inclusive([' ', '\n', '/', ',', '{', '}'])
        .collect();
    for _ in 0..=dice.below(3) {
        let (at, other) = (dice.below(words.len()), dice.below(words.len()));
        match dice.below(5) {
            0 => drop(words.remove(at)),
            1 => words.swap(at, other),
            2 => words.insert(at, words[other]),
            3 => words[at] = WORDS[dice.below(WORDS.len())],
            _ => words.insert(at, WORDS[dice.below(WORDS.len())]),
        }
    }
    words.concat()
}

#[test]
fn damaged_definitions_are_refused_in_words_or_are_a_catalog() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("setting.yaml");
    let load = |text: &str| {
        fs::write(&path, text).unwrap();
        Catalog::load(&[folder.path().to_owned()])
    };
    // The built-in definitions stay, so a team's have other names.
    let file = FILE
        .replace("system_settings", "team_settings")
        .replace("system.setting", "team.setting")
        .replace("/v1/system", "/v1/team");
    load(&file).expect("it is sound as it stands");
    let mut dice = SeededDice::new(1);
    let (mut sound, mut refused) = (0, 0);
    for n in 0..mutation_count(60) {
        let text = damaged_text(&mut dice, &file);
        match load(&text) {
            Ok(_) => sound += 1,
            Err(error) => {
                let why = error.to_string();
                assert!(why.contains("setting"), "mutation {n}: {why}\n{text}");
                refused += 1;
            }
        }
    }
    assert!(
        sound > 0 && refused > 20,
        "{sound} sound, {refused} refused"
    );
}
