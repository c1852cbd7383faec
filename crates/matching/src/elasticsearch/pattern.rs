//! A pattern in Lucene's regular expressions, which match a whole value and know no positions. Must
//! never emit an operator that the target reads differently: everything but letters and digits is
//! escaped or spelled as a class.

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};
use serde_json::{Value, json};

use super::{Untranslatable, single_property};
use crate::field::FieldPath;
use crate::pattern::Pattern;

/// The longest expression an index takes by default.
const LONGEST: usize = 1_000;

pub fn translate_pattern(field: &FieldPath, pattern: &Pattern) -> Result<Value, Untranslatable> {
    let refuse = |reason: &str| Untranslatable {
        keyword: "regexp".to_owned(),
        reason: format!("{pattern:?}: {reason}"),
    };
    let hir = pattern
        .hir()
        .ok_or_else(|| refuse("the pattern is not readable"))?;
    let expression = whole_text_regex(&hir).map_err(refuse)?;
    if expression.len() > LONGEST {
        return Err(refuse("the expression is too long"));
    }
    Ok(single_property(
        "regexp",
        single_property(
            field.as_str(),
            json!({ "value": expression, "flags": "NONE" }),
        ),
    ))
}

/// An expression for every whole text in which the pattern is found.
fn whole_text_regex(hir: &Hir) -> Result<String, &'static str> {
    match hir.kind() {
        HirKind::Alternation(branches) => {
            let branches: Vec<String> = branches
                .iter()
                .map(whole_text_regex)
                .collect::<Result<_, _>>()?;
            Ok(format!("({})", branches.join("|")))
        }
        HirKind::Capture(capture) => whole_text_regex(&capture.sub),
        HirKind::Concat(parts) => concatenation_regex(parts),
        _ => concatenation_regex(std::slice::from_ref(hir)),
    }
}

/// Start and end of the text may only stand at the outside.
fn concatenation_regex(parts: &[Hir]) -> Result<String, &'static str> {
    let is = |hir: &Hir, look: Look| matches!(hir.kind(), HirKind::Look(found) if *found == look);
    let starts = parts
        .iter()
        .take_while(|part| is(part, Look::Start))
        .count();
    let rest = &parts[starts..];
    let ends = rest
        .iter()
        .rev()
        .take_while(|part| is(part, Look::End))
        .count();
    let rest = &rest[..rest.len() - ends];
    let mut expression = String::new();
    if starts == 0 {
        expression.push_str(".*");
    }
    for part in rest {
        write_hir(part, &mut expression)?;
    }
    if ends == 0 {
        expression.push_str(".*");
    }
    Ok(expression)
}

fn write_hir(hir: &Hir, out: &mut String) -> Result<(), &'static str> {
    match hir.kind() {
        HirKind::Empty => out.push_str("()"),
        HirKind::Literal(literal) => {
            let text =
                std::str::from_utf8(&literal.0).map_err(|_| "it matches bytes that are no text")?;
            text.chars().for_each(|letter| write_escaped(letter, out));
        }
        HirKind::Class(Class::Unicode(class)) => {
            if class.ranges().is_empty() {
                return Err("it can never match");
            }
            out.push('[');
            for range in class.ranges() {
                write_escaped(range.start(), out);
                if range.start() != range.end() {
                    out.push('-');
                    write_escaped(range.end(), out);
                }
            }
            out.push(']');
        }
        HirKind::Class(Class::Bytes(_)) => return Err("it matches bytes that are no text"),
        HirKind::Look(_) => return Err("positions inside a text have no equivalent"),
        HirKind::Capture(capture) => write_group(&capture.sub, out)?,
        HirKind::Repetition(repetition) => {
            write_group(&repetition.sub, out)?;
            out.push_str(&repetition_suffix(repetition));
        }
        HirKind::Concat(parts) => {
            for part in parts {
                write_hir(part, out)?;
            }
        }
        HirKind::Alternation(branches) => {
            out.push('(');
            for (at, branch) in branches.iter().enumerate() {
                if at > 0 {
                    out.push('|');
                }
                write_hir(branch, out)?;
            }
            out.push(')');
        }
    }
    Ok(())
}

fn write_group(hir: &Hir, out: &mut String) -> Result<(), &'static str> {
    out.push('(');
    write_hir(hir, out)?;
    out.push(')');
    Ok(())
}

fn repetition_suffix(repetition: &Repetition) -> String {
    match (repetition.min, repetition.max) {
        (0, None) => "*".to_owned(),
        (1, None) => "+".to_owned(),
        (0, Some(1)) => "?".to_owned(),
        (min, None) => format!("{{{min},}}"),
        (min, Some(max)) => format!("{{{min},{max}}}"),
    }
}

fn write_escaped(letter: char, out: &mut String) {
    if letter.is_ascii_punctuation() || letter == ' ' {
        out.push('\\');
    }
    out.push(letter);
}
