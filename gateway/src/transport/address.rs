//! Encodes what clients leave unencoded in addresses (quotes, angle brackets, letters beyond
//! ASCII), since the parser behind it takes none of it. It follows where heads begin; at a framing
//! that is not plain it ends for good and changes nothing any more, so that no body is ever
//! touched.

/// What of a field's line is looked at: enough for a length.
const LINE: usize = 64;

/// One connection's place in its requests.
#[derive(Debug)]
pub(crate) struct AddressEncoder {
    at: At,
    /// The beginning of the field's line that is being read.
    line: Vec<u8>,
    length: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before or in a request's line; `true`: something of it was seen.
    Request(bool),
    Fields,
    Body(u64),
    /// Nothing is known of what comes.
    Unknown,
}

impl Default for AddressEncoder {
    fn default() -> Self {
        Self {
            at: At::Request(false),
            line: Vec::new(),
            length: None,
        }
    }
}

impl AddressEncoder {
    /// Follows what came. `Some`: what stands in its place.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut encoded: Option<Vec<u8>> = None;
        let mut rest = bytes;
        while !rest.is_empty() {
            let read = match self.at {
                At::Request(_) => {
                    let line = upto_line_end(rest);
                    if encoded.is_none() && line.iter().any(|byte| is_unsafe(*byte)) {
                        encoded = Some(bytes[..bytes.len() - rest.len()].to_vec());
                    }
                    if let Some(encoded) = &mut encoded {
                        encode_line(line, encoded);
                    }
                    self.request_line(line);
                    rest = &rest[line.len()..];
                    continue;
                }
                At::Fields => {
                    let line = upto_line_end(rest);
                    self.field(line);
                    line.len()
                }
                At::Body(left) => {
                    let read =
                        usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
                    self.at = match left - read as u64 {
                        0 => At::Request(false),
                        left => At::Body(left),
                    };
                    read
                }
                At::Unknown => rest.len(),
            };
            if let Some(encoded) = &mut encoded {
                encoded.extend_from_slice(&rest[..read]);
            }
            rest = &rest[read..];
        }
        encoded
    }

    fn request_line(&mut self, line: &[u8]) {
        // Empty lines before a request are passed over.
        let seen = self.at == At::Request(true) || line.iter().any(|b| !matches!(b, b'\r' | b'\n'));
        let ends = line.ends_with(b"\n");
        self.at = if seen && ends {
            self.length = None;
            At::Fields
        } else {
            At::Request(seen)
        };
    }

    fn field(&mut self, part: &[u8]) {
        let room = LINE - self.line.len();
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        if !part.ends_with(b"\n") {
            return;
        }
        let line = std::mem::take(&mut self.line);
        if matches!(line.as_slice(), b"\n" | b"\r\n") {
            self.at = match self.length {
                None | Some(0) => At::Request(false),
                Some(length) => At::Body(length),
            };
        } else if !self.is_plain(&line) {
            self.at = At::Unknown;
        }
        self.line = line;
        self.line.clear();
    }

    /// Does the body's length stay known?
    fn is_plain(&mut self, line: &[u8]) -> bool {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            // The names that matter are shorter.
            return line.len() == LINE && !line.starts_with(b" ") && !line.starts_with(b"\t");
        };
        let name = &line[..colon];
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("transfer-encoding") || is("upgrade") {
            return false;
        }
        if is("content-length") {
            return self.is_first_length(&line[colon + 1..]);
        }
        !name.is_empty() && !name.iter().any(u8::is_ascii_whitespace)
    }

    /// Takes a length, with the end of its line.
    fn is_first_length(&mut self, value: &[u8]) -> bool {
        let digits = str::from_utf8(value).unwrap_or_default().trim();
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let known = digits.parse().ok();
        let known = known.filter(|_| is_number && value.ends_with(b"\n"));
        let is_first = self.length.is_none();
        self.length = known;
        is_first && known.is_some()
    }
}

fn upto_line_end(bytes: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'\n', bytes);
    end.map_or(bytes, |end| &bytes[..=end])
}

/// Bytes that no request line holds, and that clients send in addresses.
fn is_unsafe(byte: u8) -> bool {
    matches!(byte, b'"' | b'<' | b'>' | b'`') || byte >= 0x80
}

fn encode_line(line: &[u8], into: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in line {
        if is_unsafe(*byte) {
            let digit = |nibble: u8| DIGITS[usize::from(nibble)];
            into.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        } else {
            into.push(*byte);
        }
    }
}

#[cfg(test)]
mod tests;
