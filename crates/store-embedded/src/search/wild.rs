//! Patterns over whole terms: `wildcard` (`*`, `?`, `\`) and Lucene's regular expressions. What
//! Lucene reads otherwise than it is written here is refused by name.

use regex::Regex;

/// `*` is any text, `?` any letter, a backslash takes the next letter as it is.
pub fn wildcard_regex(pattern: &str, ignore_case: bool) -> Option<Regex> {
    let mut expression = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '\\' => push_literal(letters.next().unwrap_or('\\'), ignore_case, &mut expression),
            other => push_literal(other, ignore_case, &mut expression),
        }
    }
    compile_whole(&expression)
}

/// The text itself, or (`is_open`) what begins with it, whatever the case of its ASCII letters.
pub fn any_case(text: &str, is_open: bool) -> Option<Regex> {
    let mut expression = String::new();
    for letter in text.chars() {
        push_literal(letter, true, &mut expression);
    }
    if is_open {
        expression.push_str(".*");
    }
    compile_whole(&expression)
}

/// Only the letters of ASCII have two cases to an index.
fn push_literal(letter: char, ignore_case: bool, into: &mut String) {
    if ignore_case && letter.is_ascii_alphabetic() {
        into.extend([
            '[',
            letter.to_ascii_lowercase(),
            letter.to_ascii_uppercase(),
            ']',
        ]);
    } else {
        into.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
    }
}

fn compile_whole(expression: &str) -> Option<Regex> {
    regex::RegexBuilder::new(&format!("^(?:{expression})$"))
        .dot_matches_new_line(true)
        .size_limit(1 << 20)
        .build()
        .ok()
}

/// A regular expression of Lucene's; `None` is one that is not read here. `all`: the operators
/// beyond the usual ones (`~`, `&`, `#`, `@`, `<1-9>`, quotes) mean something.
pub fn lucene_regex(pattern: &str, all: bool, ignore_case: bool) -> Option<Regex> {
    let mut expression = String::new();
    let mut letters = pattern.chars().peekable();
    let mut can_repeat = false;
    while let Some(letter) = letters.next() {
        let repeats = matches!(letter, '*' | '+' | '?' | '{');
        if repeats && !can_repeat {
            return None;
        }
        match letter {
            '.' | '(' | ')' | '|' | '*' | '+' | '?' => expression.push(letter),
            '{' => {
                let mut count = String::new();
                loop {
                    match letters.next()? {
                        '}' => break,
                        digit if digit.is_ascii_digit() || digit == ',' => count.push(digit),
                        _ => return None,
                    }
                }
                count
                    .starts_with(|first: char| first.is_ascii_digit())
                    .then_some(())?;
                expression.push_str(&format!("{{{count}}}"));
            }
            '[' => push_class(&mut letters, ignore_case, &mut expression)?,
            '\\' => match letters.next()? {
                other if other.is_ascii_alphanumeric() => return None,
                other => push_literal(other, ignore_case, &mut expression),
            },
            '~' | '&' | '#' | '@' | '<' | '>' | '"' if all => return None,
            ']' | '}' => return None,
            other => push_literal(other, ignore_case, &mut expression),
        }
        can_repeat = !matches!(letter, '(' | '|') && !repeats || letter == ')';
    }
    compile_whole(&expression)
}

/// A class up to its bracket; the opening one was read. Where case is ignored, it counts in ranges
/// as before.
fn push_class(
    letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    ignore_case: bool,
    into: &mut String,
) -> Option<()> {
    into.push('[');
    if letters.next_if_eq(&'^').is_some() {
        into.push('^');
    }
    let mut count = 0;
    loop {
        let first = match letters.next()? {
            ']' if count > 0 => break,
            '\\' => escaped_letter(letters)?,
            '[' | ']' => return None,
            other => other,
        };
        count += 1;
        into.push_str(&format!("\\x{{{:x}}}", u32::from(first)));
        if letters.peek() == Some(&'-') {
            letters.next();
            let last = match letters.next()? {
                ']' => return None,
                '\\' => escaped_letter(letters)?,
                other => other,
            };
            (first <= last).then_some(())?;
            into.push_str(&format!("-\\x{{{:x}}}", u32::from(last)));
        } else if ignore_case && first.is_ascii_alphabetic() {
            into.push(char::from(first as u8 ^ 0x20));
        }
    }
    into.push(']');
    Some(())
}

fn escaped_letter(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    letters
        .next()
        .filter(|letter| !letter.is_ascii_alphanumeric())
}
