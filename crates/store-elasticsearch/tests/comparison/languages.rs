//! Searches that are written as text, terms that are nearly right, and questions to nested objects.

use super::{
    searches,
    world::{Named, World},
};
use seeded_dice::SeededDice;
use serde_json::{Value, json};

const WORDS: &[&str] = &[
    "quick", "quik", "brown", "fox", "fx", "aple", "apple", "a", "", "lazy", "lzay", "10", "éclar",
    "Foxx", "B", "hello", "wrod", "true",
];

pub fn fuzzy(dice: &mut SeededDice, path: &str) -> Value {
    let word = *dice.pick(WORDS);
    let edits = [
        json!("AUTO"),
        json!(0),
        json!(1),
        json!("2"),
        json!("AUTO:2,4"),
    ];
    match dice.below(4) {
        0 => json!({"fuzzy": {path: word}}),
        1 => {
            let mut body = json!({"value": word, "fuzziness": dice.pick(&edits)});
            if dice.chance(1, 3) {
                body["prefix_length"] = json!(dice.below(3));
            }
            if dice.chance(1, 3) {
                body["max_expansions"] = json!(1 + dice.below(3));
            }
            if dice.chance(1, 3) {
                body["transpositions"] = json!(dice.chance(1, 2));
            }
            json!({"fuzzy": {path: body}})
        }
        _ => {
            let other = *dice.pick(WORDS);
            let mut body =
                json!({"query": format!("{word} {other}"), "fuzziness": dice.pick(&edits)});
            if dice.chance(1, 3) {
                body["operator"] = json!("and");
            }
            if dice.chance(1, 4) {
                body["lenient"] = json!(true);
            }
            if dice.chance(1, 4) {
                body["fuzzy_transpositions"] = json!(false);
            }
            json!({"match": {path: body}})
        }
    }
}

/// A question to the objects at a path, mostly about their own fields.
pub fn nested(dice: &mut SeededDice, world: &World, depth: usize) -> Value {
    let all: Vec<&Named> = world
        .fields
        .iter()
        .filter(|field| field.kind == "nested")
        .collect();
    let path = if all.is_empty() || dice.chance(1, 12) {
        searches::field(dice, world).path.clone()
    } else {
        dice.pick(&all).path.clone()
    };
    let mut within = world.clone();
    if !dice.chance(1, 8) {
        let prefix = format!("{path}.");
        within
            .fields
            .retain(|field| field.path.starts_with(&prefix));
    }
    let query = if within.fields.is_empty() {
        json!({"match_all": {}})
    } else {
        searches::query(dice, &within, depth + 1)
    };
    let mut body = json!({"path": path, "query": query});
    if dice.chance(1, 3) {
        body["score_mode"] = json!(dice.pick(&["avg", "sum", "max", "min", "none"]));
    }
    if dice.chance(1, 6) {
        body["ignore_unmapped"] = json!(true);
    }
    json!({"nested": body})
}

/// A text in the language of Lucene, or in the simple one.
pub fn query_string(dice: &mut SeededDice, world: &World) -> Value {
    let is_simple = dice.chance(2, 5);
    let known: Vec<&Named> = world
        .fields
        .iter()
        .filter(|field| !field.kind.starts_with("free") && field.kind != "geo_point")
        .collect();
    // Within nested objects there may be but points.
    if known.is_empty() {
        return json!({"match_all": {}});
    }
    let paths: Vec<&str> = (0..1 + dice.below(2))
        .map(|_| dice.pick(&known).path.as_str())
        .collect();
    let text = if is_simple {
        simple(dice)
    } else {
        classic(dice, &known, 0)
    };
    let mut body = json!({"query": text, "fields": paths});
    if dice.chance(1, 3) {
        body["default_operator"] = json!(dice.pick(&["and", "or", "AND"]));
    }
    if dice.chance(3, 4) {
        body["lenient"] = json!(true);
    }
    if is_simple {
        json!({"simple_query_string": body})
    } else {
        json!({"query_string": body})
    }
}

fn classic(dice: &mut SeededDice, known: &[&Named], depth: usize) -> String {
    let mut text = String::new();
    for n in 0..1 + dice.below(4) {
        if n > 0 {
            text.push_str(one(dice, &[" ", " ", " AND ", " OR ", " && ", " || "]));
        }
        text.push_str(one(dice, &["", "", "", "", "", "+", "-", "NOT ", "!"]));
        if dice.chance(1, 6) {
            text.push_str(&dice.pick(known).path);
            text.push(':');
        }
        match dice.below(14) {
            0 => text.push_str("\"quick brown\""),
            1 => text.push_str("\"fox quick\"~2"),
            2 => text.push_str(one(dice, &["qu*", "*o*", "q?ick", "Qu*", "*"])),
            3 => text.push_str(one(dice, &["quik~", "fx~1", "bronw~2", "fox~0"])),
            4 => text.push_str(one(
                dice,
                &["[a TO f]", "{a TO *}", "[* TO 10}", "[1 TO 5]"],
            )),
            5 => text.push_str(one(dice, &["fox^2", "quick^0.5", "\"lazy\"^3"])),
            6 if depth < 2 => text.push_str(&format!("({})", classic(dice, known, depth + 1))),
            7 => text.push_str(one(dice, &[">5", ">=a", "<10", "_exists_:f0", "*:*"])),
            8 => text.push_str(one(dice, &["well-done", "10.5", "(", ")", "a\\:b", "\""])),
            _ => text.push_str(one(dice, WORDS)),
        }
    }
    text
}

fn simple(dice: &mut SeededDice) -> String {
    let mut text = String::new();
    for _ in 0..1 + dice.below(5) {
        text.push_str(one(
            dice,
            &[
                "quick",
                "brown",
                "fox",
                "apple",
                "lazy",
                " ",
                " ",
                " + ",
                " | ",
                " -",
                "\"",
                "(",
                ")",
                "qu*",
                "~1",
                "quik~1",
                "\"quick fox\"~2",
                "\"brown fox\"",
                " 10 ",
                "\\",
                "*",
                "fx~",
            ],
        ));
        if dice.chance(1, 2) {
            text.push(' ');
        }
    }
    text
}

fn one(dice: &mut SeededDice, from: &[&'static str]) -> &'static str {
    dice.pick::<&'static str>(from)
}
