//! The trace context of a request, as the header `traceparent` says it. Pure.

use std::fmt;

/// Which trace, which span of it, and whether it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub trace: u128,
    pub span: u64,
    pub sampled: bool,
}

impl TraceContext {
    /// `None`: not well formed. Of a version that is not known yet, what version 00 says is read.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split('-');
        let version = parse_hex(fields.next()?, 2)?;
        let (trace, span) = (
            parse_hex(fields.next()?, 32)?,
            parse_hex(fields.next()?, 16)?,
        );
        let flags = parse_hex(fields.next()?, 2)?;
        let is_known = version == 0;
        if version == 0xff || trace == 0 || span == 0 || is_known && fields.next().is_some() {
            return None;
        }
        Some(Self {
            trace,
            span: u64::try_from(span).ok()?,
            sampled: flags & 1 == 1,
        })
    }

    /// A trace that begins here.
    pub fn fresh(sampled: bool) -> Self {
        Self {
            trace: runtime::random::<u128>().max(1),
            span: new_span_id(),
            sampled,
        }
    }

    /// A trace that begins here, and is exported whenever spans are.
    pub fn fresh_sampled() -> Self {
        Self::fresh(true)
    }

    /// A span of the same trace.
    pub fn child(self) -> Self {
        Self {
            span: new_span_id(),
            ..self
        }
    }
}

/// Lower-case digits alone, and so many.
fn parse_hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() == digits && text.bytes().all(is_hex) {
        u128::from_str_radix(text, 16).ok()
    } else {
        None
    }
}

fn new_span_id() -> u64 {
    runtime::random::<u64>().max(1)
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        put_hex(&mut text[3..35], &self.trace.to_be_bytes());
        put_hex(&mut text[36..52], &self.span.to_be_bytes());
        put_hex(&mut text[53..], &[u8::from(self.sampled)]);
        f.write_str(str::from_utf8(&text).expect("digits are ASCII"))
    }
}

/// Two digits for each byte. Each write has a context of its own: going through the formatter for
/// each number is ten times the work.
fn put_hex(digits: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for sampled in [true, false] {
            let context = TraceContext::fresh(sampled);
            assert_eq!(TraceContext::parse(&context.to_string()), Some(context));
            let child = context.child();
            assert_eq!((child.trace, child.sampled), (context.trace, sampled));
            assert_ne!(child.span, context.span);
        }
    }

    #[test]
    fn it_is_written_as_the_standard_says() {
        let context = TraceContext {
            trace: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736,
            span: 0x00f0_67aa_0ba9_02b7,
            sampled: true,
        };
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(context.to_string(), text);
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more";
        let context = TraceContext::parse(later).unwrap();
        assert_eq!(
            (context.span, context.sampled),
            (0x00f0_67aa_0ba9_02b7, true)
        );
    }

    #[test]
    fn what_is_no_context_is_none() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-01",
            "00-zbf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
    }
}
