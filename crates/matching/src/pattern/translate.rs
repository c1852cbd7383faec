//! From RE2's syntax to that of the `regex` crate. Must never let through a construct that RE2
//! lacks, or one that means something else there.

use std::iter::Peekable;
use std::str::Chars;

const WORD: &str = "0-9A-Za-z_";
const DIGIT: &str = "0-9";
/// RE2's `\s` has no vertical tab.
const SPACE: &str = "\\t\\n\\x0C\\r ";

/// The most copies a counted repetition may ask for.
const MAX_REPEAT: u32 = 1_000;

struct Translator<'a> {
    input: Peekable<Chars<'a>>,
    output: String,
    /// What the last thing was, to refuse `a**` and to know what a repetition would repeat.
    last: Last,
}

#[derive(PartialEq, Clone, Copy)]
enum Last {
    /// Nothing that could be repeated: the start, `(` or `|`.
    Nothing,
    Item,
    Repetition,
}

/// What an escape stands for.
enum Escape {
    Char(char),
    /// The inside of a bracketed class, and whether it is its complement.
    Class(&'static str, bool),
    /// `\pL`, `\p{Greek}`, ready to be written in or outside a class.
    Property(String),
    /// A test of a position, which has no place in a class.
    Position(&'static str),
    /// `\Q`: everything up to `\E` is literal.
    Quote,
}

/// The same pattern for the `regex` crate, or what is wrong with it.
pub fn to_rust(source: &str) -> Result<String, String> {
    let mut translator = Translator {
        input: source.chars().peekable(),
        output: String::with_capacity(source.len() + 16),
        last: Last::Nothing,
    };
    while let Some(letter) = translator.input.next() {
        translator.step(letter)?;
    }
    Ok(translator.output)
}

impl Translator<'_> {
    fn step(&mut self, letter: char) -> Result<(), String> {
        match letter {
            '\\' => self.escape_outside(),
            '[' => {
                self.class()?;
                self.last = Last::Item;
                Ok(())
            }
            '(' => self.group(),
            '|' => {
                self.output.push('|');
                self.last = Last::Nothing;
                Ok(())
            }
            ')' | '.' | '^' | '$' => {
                self.output.push(letter);
                self.last = Last::Item;
                Ok(())
            }
            '*' | '+' | '?' => self.repetition(&letter.to_string()),
            '{' => match self.counted()? {
                Some(count) => self.repetition(&count),
                None => {
                    self.literal('{');
                    Ok(())
                }
            },
            _ => {
                self.literal(letter);
                Ok(())
            }
        }
    }

    fn literal(&mut self, letter: char) {
        push_literal(&mut self.output, letter);
        self.last = Last::Item;
    }

    /// Writes a repetition and the `?` that makes it lazy.
    fn repetition(&mut self, operator: &str) -> Result<(), String> {
        match self.last {
            Last::Nothing => {
                return Err(format!("no argument for repetition operator: {operator}"));
            }
            Last::Repetition => return Err(format!("bad repetition operator: {operator}")),
            Last::Item => {}
        }
        self.output.push_str(operator);
        if self.input.next_if_eq(&'?').is_some() {
            self.output.push('?');
        }
        self.last = Last::Repetition;
        Ok(())
    }

    /// After `{`: the counted repetition `{n}`, `{n,}` or `{n,m}`, consumed; `None` (nothing
    /// consumed) when the brace is literal.
    fn counted(&mut self) -> Result<Option<String>, String> {
        let mut ahead = self.input.clone();
        let mut text = String::from("{");
        loop {
            match ahead.next() {
                Some(letter @ ('0'..='9' | ',')) => text.push(letter),
                Some('}') => break,
                Some(_) | None => return Ok(None),
            }
        }
        let (low, high) = match text[1..].split_once(',') {
            None => (&text[1..], None),
            Some((low, high)) => (low, Some(high)),
        };
        if low.is_empty() || high.is_some_and(|high| high.contains(',')) {
            return Ok(None);
        }
        let bounded = |count: &str| {
            count
                .parse::<u32>()
                .ok()
                .filter(|count| *count <= MAX_REPEAT)
        };
        let least = bounded(low).ok_or_else(|| format!("bad repetition operator: {text}}}"))?;
        if let Some(high) = high.filter(|high| !high.is_empty()) {
            bounded(high)
                .filter(|most| *most >= least)
                .ok_or_else(|| format!("bad repetition operator: {text}}}"))?;
        }
        self.input = ahead;
        text.push('}');
        Ok(Some(text))
    }

    /// After `(`: a plain group, `(?:`, `(?P<name>`, `(?<name>`, `(?flags)` or `(?flags:`.
    fn group(&mut self) -> Result<(), String> {
        self.output.push('(');
        self.last = Last::Nothing;
        if self.input.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        self.output.push('?');
        if self.input.next_if_eq(&'P').is_some() {
            self.output.push('P');
            if self.input.peek() != Some(&'<') {
                return Err("invalid named capture".to_owned());
            }
        }
        if self.input.next_if_eq(&'<').is_some() {
            self.output.push('<');
            return self.group_name();
        }
        loop {
            match self.input.next() {
                Some(letter @ ('i' | 'm' | 's' | 'U' | '-')) => self.output.push(letter),
                Some(':') => {
                    self.output.push(':');
                    return Ok(());
                }
                Some(')') => {
                    self.output.push(')');
                    return Ok(());
                }
                Some(letter) => return Err(format!("invalid perl operator: (?{letter}")),
                None => return Err("missing ): (?".to_owned()),
            }
        }
    }

    fn group_name(&mut self) -> Result<(), String> {
        let mut empty = true;
        loop {
            match self.input.next() {
                Some('>') if !empty => {
                    self.output.push('>');
                    return Ok(());
                }
                Some(letter) if letter.is_ascii_alphanumeric() || letter == '_' => {
                    self.output.push(letter)
                }
                Some(letter @ ('=' | '!')) => {
                    return Err(format!("invalid perl operator: (?<{letter}"));
                }
                Some(_) | None => return Err("invalid named capture".to_owned()),
            }
            empty = false;
        }
    }

    fn escape_outside(&mut self) -> Result<(), String> {
        match self.escape()? {
            Escape::Char(letter) => push_literal(&mut self.output, letter),
            Escape::Class(inside, complement) => {
                self.output.push_str(if complement { "[^" } else { "[" });
                self.output.push_str(inside);
                self.output.push(']');
            }
            Escape::Property(property) => self.output.push_str(&property),
            Escape::Position(position) => self.output.push_str(position),
            Escape::Quote => return self.quoted(),
        }
        self.last = Last::Item;
        Ok(())
    }

    /// Everything up to `\E`, or to the end.
    fn quoted(&mut self) -> Result<(), String> {
        while let Some(letter) = self.input.next() {
            if letter == '\\' && self.input.next_if_eq(&'E').is_some() {
                return Ok(());
            }
            self.literal(letter);
        }
        Ok(())
    }

    /// After `[`, up to and with the closing bracket. Everything literal is escaped: the `regex`
    /// crate has nested classes and set operators, RE2 has not.
    fn class(&mut self) -> Result<(), String> {
        self.output.push('[');
        if self.input.next_if_eq(&'^').is_some() {
            self.output.push('^');
        }
        let mut first = true;
        loop {
            let letter = self.input.next().ok_or("missing ]")?;
            match letter {
                ']' if !first => {
                    self.output.push(']');
                    return Ok(());
                }
                '[' if self.input.peek() == Some(&':') => self.posix_class()?,
                _ => self.class_item(letter)?,
            }
            first = false;
        }
    }

    /// `[:alpha:]` inside a class; a plain `[` when it is not closed as one.
    fn posix_class(&mut self) -> Result<(), String> {
        let rest: String = self.input.clone().skip(1).take(12).collect();
        let Some((name, _)) = rest.split_once(":]") else {
            return self.class_item('[');
        };
        let word = name.strip_prefix('^').unwrap_or(name);
        let known = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print",
            "punct", "space", "upper", "word", "xdigit",
        ];
        if !known.contains(&word) {
            return Err(format!("invalid character class range: [:{name}:]"));
        }
        self.output.push_str(&format!("[:{name}:]"));
        // ':' + name + ':]'
        for _ in 0..name.len() + 3 {
            self.input.next();
        }
        Ok(())
    }

    /// One character, range or escape of a class.
    fn class_item(&mut self, letter: char) -> Result<(), String> {
        let Some(low) = self.class_char(letter)? else {
            return Ok(());
        };
        let mut ahead = self.input.clone();
        let ranged = ahead.next() == Some('-') && ahead.next().is_some_and(|after| after != ']');
        push_literal(&mut self.output, low);
        if !ranged {
            return Ok(());
        }
        self.input.next();
        let next = self.input.next().ok_or("missing ]")?;
        let high = match next {
            '\\' => match self.escape()? {
                Escape::Char(letter) => letter,
                _ => return Err("invalid character class range".to_owned()),
            },
            _ => next,
        };
        if high < low {
            return Err(format!("invalid character class range: {low}-{high}"));
        }
        self.output.push('-');
        push_literal(&mut self.output, high);
        Ok(())
    }

    /// The character that may start a range, or `None` when a whole class was written instead.
    fn class_char(&mut self, letter: char) -> Result<Option<char>, String> {
        if letter != '\\' {
            return Ok(Some(letter));
        }
        match self.escape()? {
            Escape::Char(letter) => return Ok(Some(letter)),
            Escape::Class(inside, false) => self.output.push_str(inside),
            Escape::Class(inside, true) => {
                self.output.push_str("[^");
                self.output.push_str(inside);
                self.output.push(']');
            }
            Escape::Property(property) => self.output.push_str(&property),
            Escape::Position(_) | Escape::Quote => {
                return Err("invalid escape sequence in a character class".to_owned());
            }
        }
        Ok(None)
    }

    /// After a backslash.
    fn escape(&mut self) -> Result<Escape, String> {
        let letter = self.input.next().ok_or("trailing \\")?;
        Ok(match letter {
            'd' => Escape::Class(DIGIT, false),
            'D' => Escape::Class(DIGIT, true),
            'w' => Escape::Class(WORD, false),
            'W' => Escape::Class(WORD, true),
            's' => Escape::Class(SPACE, false),
            'S' => Escape::Class(SPACE, true),
            'b' => Escape::Position("(?-u:\\b)"),
            'B' => Escape::Position("(?-u:\\B)"),
            'A' => Escape::Position("\\A"),
            'z' => Escape::Position("\\z"),
            'Q' => Escape::Quote,
            'a' => Escape::Char('\u{7}'),
            'f' => Escape::Char('\u{c}'),
            't' => Escape::Char('\t'),
            'n' => Escape::Char('\n'),
            'r' => Escape::Char('\r'),
            'v' => Escape::Char('\u{b}'),
            'p' | 'P' => Escape::Property(self.property(letter)?),
            'x' => Escape::Char(self.hexadecimal(2)?),
            'u' => Escape::Char(self.hexadecimal(4)?),
            'c' => Escape::Char(self.control()?),
            '0'..='7' => Escape::Char(self.octal(letter)?),
            _ if letter.is_ascii() && !letter.is_ascii_alphanumeric() && letter != '_' => {
                Escape::Char(letter)
            }
            _ => return Err(format!("invalid escape sequence: \\{letter}")),
        })
    }

    /// `{1F600}`, or exactly `digits` digits.
    fn hexadecimal(&mut self, digits: usize) -> Result<char, String> {
        let mut text = String::new();
        if self.input.next_if_eq(&'{').is_some() {
            loop {
                match self.input.next() {
                    Some('}') => break,
                    Some(letter) if text.len() < 8 => text.push(letter),
                    Some(_) | None => return Err("invalid escape sequence: \\x{".to_owned()),
                }
            }
        } else {
            text.extend((0..digits).map_while(|_| self.input.next_if(char::is_ascii_hexdigit)));
            if text.len() < digits {
                return Err(format!("invalid escape sequence: \\x{text}"));
            }
        }
        let code = u32::from_str_radix(&text, 16)
            .ok()
            .filter(|_| !text.starts_with('+'));
        code.and_then(char::from_u32)
            .ok_or_else(|| format!("invalid escape sequence: \\x{{{text}}}"))
    }

    fn control(&mut self) -> Result<char, String> {
        match self.input.next() {
            Some(letter) if letter.is_ascii_alphabetic() => Ok(char::from(letter as u8 & 0x1f)),
            _ => Err("invalid escape sequence: \\c".to_owned()),
        }
    }

    /// `\0`, `\012`, `\12`; a single digit other than zero would be a back-reference.
    fn octal(&mut self, first: char) -> Result<char, String> {
        let mut code = first.to_digit(8).unwrap_or(0);
        let mut digits = 1;
        while let Some(digit) = self
            .input
            .next_if(|letter| digits < 3 && ('0'..='7').contains(letter))
        {
            code = code * 8 + digit.to_digit(8).unwrap_or(0);
            digits += 1;
        }
        if digits == 1 && first != '0' {
            return Err(format!("invalid escape sequence: \\{first}"));
        }
        char::from_u32(code).ok_or_else(|| "invalid escape sequence".to_owned())
    }

    /// `\pL`, `\p{Greek}`, `\p{^Greek}`.
    fn property(&mut self, letter: char) -> Result<String, String> {
        let mut negated = letter == 'P';
        let mut name = String::new();
        match self.input.next() {
            Some('{') => loop {
                match self.input.next() {
                    Some('}') => break,
                    Some('^') if name.is_empty() => negated = !negated,
                    Some(part)
                        if name.len() < 64
                            && (part.is_ascii_alphanumeric() || part == '_' || part == '=') =>
                    {
                        name.push(part)
                    }
                    Some(_) | None => return Err("invalid character class range: \\p{".to_owned()),
                }
            },
            Some(short) if short.is_ascii_alphabetic() => name.push(short),
            Some(_) | None => return Err("invalid character class range: \\p".to_owned()),
        }
        Ok(format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' }))
    }
}

/// One literal character, escaped where the `regex` crate would read more into it.
fn push_literal(output: &mut String, letter: char) {
    if letter.is_ascii() && !letter.is_ascii_alphanumeric() && letter != '<' && letter != '>' {
        output.push_str(&format!("\\x{:02X}", u32::from(letter)));
    } else {
        output.push(letter);
    }
}
