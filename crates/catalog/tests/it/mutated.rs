//! Definitions that are not what their author meant: a file, damaged in seeded ways. Each is refused in
//! words that name it, or is a catalog; never is it a panic. `CONSIGN_MUTATIONS` for more.

use catalog::Catalog;
use std::fs;

/// A table, an operation and its examples.
const FILE: &str = include_str!("../../../../catalog/sunbird/setting/setting.yaml");

fn mutations() -> u64 {
    let asked = std::env::var("CONSIGN_MUTATIONS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(60)
}

/// SplitMix64.
struct SeededDice(u64);

impl SeededDice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % below.max(1)
    }
}

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
    for _ in 0..=dice.roll(3) {
        let (at, other) = (dice.roll(words.len()), dice.roll(words.len()));
        match dice.roll(5) {
            0 => drop(words.remove(at)),
            1 => words.swap(at, other),
            2 => words.insert(at, words[other]),
            3 => words[at] = WORDS[dice.roll(WORDS.len())],
            _ => words.insert(at, WORDS[dice.roll(WORDS.len())]),
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
    let mut dice = SeededDice(1);
    let (mut sound, mut refused) = (0, 0);
    for n in 0..mutations() {
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
