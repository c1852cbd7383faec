//! Patterns with the meaning RE2 gives them, on Rust's `regex`: linear time, no look-around, no
//! back-reference. Must never compile a pattern beyond its limits, nor let `\w \d \s \b` mean
//! anything but ASCII.

mod translate;

use std::fmt;
use std::sync::{Arc, OnceLock};

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// How deeply groups and repetitions may nest in a pattern.
const MAX_NESTING: u32 = 64;

/// Patterns whose estimated automaton is smaller than this are compiled at their first use: they
/// fit in any sensible limit.
const SMALL: usize = 1_000;

/// Bytes a state of the automaton takes at most, for the limit of patterns that are compiled late.
const STATE_BYTES: usize = 1_024;

/// A valid pattern and its flags. Cheap to clone; equal when text and flags are. Compiled when it
/// is first used, unless it is so large that only compiling could tell whether it fits the limit.
#[derive(Clone)]
pub struct Pattern(Arc<CompiledPattern>);

struct CompiledPattern {
    source: Box<str>,
    flags: Flags,
    compiled: OnceLock<Option<Regex>>,
}

/// The flags that change what a pattern matches. `g` and `y` only steer a scan, `u` is always on,
/// unknown ones are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Flags {
    /// `i`: upper and lower case are alike.
    pub ignore_case: bool,
    /// `m`: `^` and `$` match at line ends too.
    pub multi_line: bool,
    /// `s`: `.` matches a line feed too.
    pub dot_all: bool,
}

/// Why a pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("the pattern is longer than {0} bytes")]
    TooLong(usize),
    #[error("the pattern compiles to more than {0} bytes")]
    TooLarge(usize),
    #[error("{0}")]
    Syntax(String),
}

impl Flags {
    pub fn parse(text: &str) -> Flags {
        Flags {
            ignore_case: text.contains('i'),
            multi_line: text.contains('m'),
            dot_all: text.contains('s'),
        }
    }

    /// The letters of the flags that are set, in alphabetical order.
    pub fn to_text(self) -> String {
        let letters = [
            (self.ignore_case, 'i'),
            (self.multi_line, 'm'),
            (self.dot_all, 's'),
        ];
        letters
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, letter)| *letter)
            .collect()
    }
}

impl Pattern {
    /// Checks a pattern. `max_bytes` bounds its text, `max_program` the memory of its automaton.
    pub fn parse(
        source: &str,
        flags: Flags,
        max_bytes: usize,
        max_program: usize,
    ) -> Result<Pattern, PatternError> {
        if source.len() > max_bytes {
            return Err(PatternError::TooLong(max_bytes));
        }
        let syntax = translate::to_rust(source).map_err(PatternError::Syntax)?;
        let estimate = count_states(&parse_syntax(&syntax, flags)?);
        if estimate.saturating_mul(4) > max_program {
            return Err(PatternError::TooLarge(max_program));
        }
        let compiled = OnceLock::new();
        if estimate > SMALL || max_program < SMALL * STATE_BYTES {
            let regex = compile_regex(&syntax, flags, max_program)
                .ok_or(PatternError::TooLarge(max_program))?;
            let _ = compiled.set(Some(regex));
        }
        Ok(Pattern(Arc::new(CompiledPattern {
            source: source.into(),
            flags,
            compiled,
        })))
    }

    /// Whether the pattern is found anywhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex()
            .is_some_and(|regex| regex.is_match(text.as_bytes()))
    }

    /// The pattern as it was written.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    pub fn flags(&self) -> Flags {
        self.0.flags
    }

    /// The same pattern in the syntax of the `regex` crate, without its flags: for automata over
    /// many patterns at once.
    pub fn syntax(&self) -> String {
        translate::to_rust(&self.0.source).unwrap_or_default()
    }

    /// The pattern as a syntax tree, flags applied: for finding the literals it cannot match
    /// without.
    pub fn hir(&self) -> Option<Hir> {
        parse_syntax(&self.syntax(), self.0.flags).ok()
    }

    fn regex(&self) -> Option<&Regex> {
        self.0
            .compiled
            .get_or_init(|| compile_regex(&self.syntax(), self.0.flags, SMALL * STATE_BYTES))
            .as_ref()
    }
}

fn parse_syntax(syntax: &str, flags: Flags) -> Result<Hir, PatternError> {
    ParserBuilder::new()
        .utf8(false)
        .nest_limit(MAX_NESTING)
        .case_insensitive(flags.ignore_case)
        .multi_line(flags.multi_line)
        .dot_matches_new_line(flags.dot_all)
        .build()
        .parse(syntax)
        .map_err(|error| PatternError::Syntax(one_line(&error)))
}

/// The reason alone: the full text draws the pattern over several lines.
fn one_line(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        _ => "not a valid pattern".to_owned(),
    }
}

fn compile_regex(syntax: &str, flags: Flags, max_program: usize) -> Option<Regex> {
    RegexBuilder::new(syntax)
        .nest_limit(MAX_NESTING)
        .size_limit(max_program)
        .dfa_size_limit(max_program)
        .case_insensitive(flags.ignore_case)
        .multi_line(flags.multi_line)
        .dot_matches_new_line(flags.dot_all)
        .build()
        .ok()
}

/// An upper estimate of the states of the automaton.
fn count_states(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Bytes(_)) => 1,
        HirKind::Class(Class::Unicode(class)) => class
            .ranges()
            .iter()
            .map(|range| 1 + 2 * range.end().len_utf8())
            .sum(),
        HirKind::Capture(capture) => 2 + count_states(&capture.sub),
        HirKind::Repetition(repetition) => {
            let copies = repetition
                .max
                .unwrap_or(repetition.min.saturating_add(1))
                .max(1) as usize;
            count_states(&repetition.sub)
                .saturating_add(1)
                .saturating_mul(copies)
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts
            .iter()
            .fold(1, |sum, part| count_states(part).saturating_add(sum)),
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.source() == other.source() && self.flags() == other.flags()
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/{}", self.source(), self.flags().to_text())
    }
}

#[cfg(test)]
mod tests;
