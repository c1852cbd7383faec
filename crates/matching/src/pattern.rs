//! Patterns with the meaning RE2 gives them, on Rust's `regex`: linear time, no look-around, no back-reference. Must never
//! compile a pattern beyond its limits, nor let `\w \d \s \b` mean anything but ASCII.

use std::fmt;
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

/// How deeply groups and repetitions may nest in a pattern.
const MAX_NESTING: u32 = 64;

/// A compiled pattern and the text it came from. Cheap to clone; equal when text and flags are.
#[derive(Clone)]
pub struct Pattern {
    source: Arc<str>,
    flags: Flags,
    compiled: Arc<Regex>,
}

/// The flags that change what a pattern matches. `g` and `y` only steer a scan, `u` is always on, unknown ones are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Flags {
    /// `i`: upper and lower case are alike.
    pub ignore_case: bool,
    /// `m`: `^` and `$` match at line ends too.
    pub multi_line: bool,
    /// `s`: `.` matches a line feed too.
    pub dot_all: bool,
}

impl Flags {
    pub fn parse(text: &str) -> Flags {
        Flags { ignore_case: text.contains('i'), multi_line: text.contains('m'), dot_all: text.contains('s') }
    }

    /// The letters, in alphabetical order.
    pub fn to_text(self) -> String {
        [(self.ignore_case, 'i'), (self.multi_line, 'm'), (self.dot_all, 's')].iter().filter(|(on, _)| *on).map(|(_, letter)| *letter).collect()
    }
}
