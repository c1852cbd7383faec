//! What a scan takes in one piece: strings, numbers and words.

use super::{JsonFaultKind, Scan, Step, fault::ScanEnd, key::ObjectKey, plain::plain_length};

impl Scan<'_> {
    pub(super) fn string(&mut self) -> Step<ObjectKey> {
        self.at += 1;
        let (start, mut escaped) = (self.at, false);
        loop {
            self.at += plain_length(&self.bytes[self.at..]);
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(ObjectKey {
                        start,
                        end: self.at - 1,
                        escaped,
                    });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => {
                    return Err(self.syntax("a control character in a string must be escaped"));
                }
                None => return Err(self.syntax("the string has no end")),
            }
        }
    }

    fn escape(&mut self) -> Step {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => self.unicode_escape(),
            _ => Err(self.syntax("no such escape in a string")),
        }
    }

    fn unicode_escape(&mut self) -> Step {
        let lone = "the escape is half of a character: a surrogate without its partner";
        match self.hex4(self.at)? {
            0xd800..=0xdbff => {
                if self.bytes.get(self.at + 6..self.at + 8) == Some(b"\\u")
                    && matches!(self.hex4(self.at + 6)?, 0xdc00..=0xdfff)
                {
                    self.at += 12
                } else {
                    return Err(self.stop(JsonFaultKind::Utf8, lone));
                }
            }
            0xdc00..=0xdfff => return Err(self.stop(JsonFaultKind::Utf8, lone)),
            _ => self.at += 6,
        }
        Ok(())
    }

    /// The four digits behind the `\u` at `at`.
    fn hex4(&self, at: usize) -> Step<u32> {
        let digits = self
            .bytes
            .get(at + 2..at + 6)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.ok_or_else(|| self.syntax("`\\u` needs four hexadecimal digits"))?;
        Ok(digits.iter().fold(0, |sum, digit| {
            sum << 4 | (*digit as char).to_digit(16).unwrap_or_default()
        }))
    }

    pub(super) fn number(&mut self) -> Step {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let first = self.at;
        let whole = self.digits()?;
        if whole > 1 && self.bytes[first] == b'0' {
            self.at = first + 1;
            return Err(self.syntax("a number may not start with a zero"));
        }
        let mut plain = true;
        if self.peek() == Some(b'.') {
            plain = false;
            self.at += 1;
            self.digits()?;
        }
        let mut exponent = false;
        if let Some(b'e' | b'E') = self.peek() {
            (plain, exponent) = (false, true);
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.bytes[start..self.at];
        let fits = if plain {
            whole <= 18 || whole_number_fits(text)
        } else {
            (!exponent && whole < 300) || double_fits(text)
        };
        if fits {
            Ok(())
        } else {
            let shown = String::from_utf8_lossy(&text[..text.len().min(40)]).into_owned();
            let message = format!("the number {shown} does not fit into 64 bits");
            Err(ScanEnd {
                kind: JsonFaultKind::Number,
                offset: start,
                message: message.into(),
            })
        }
    }

    fn digits(&mut self) -> Step<usize> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        match self.at - start {
            0 => Err(self.syntax("expected a digit")),
            count => Ok(count),
        }
    }

    pub(super) fn word(&mut self, word: &[u8]) -> Step<bool> {
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(false)
        } else {
            Err(self.syntax("expected a value"))
        }
    }
}

fn whole_number_fits(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).unwrap_or_default();
    text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok()
}

fn double_fits(text: &[u8]) -> bool {
    std::str::from_utf8(text)
        .unwrap_or_default()
        .parse::<f64>()
        .is_ok_and(f64::is_finite)
}
