//! Lines come out the same however the bytes come in.

use super::*;
use proptest::prelude::*;

fn lines(chunks: &[&[u8]], limit: usize) -> Vec<Line> {
    let mut lines = Lines::new(limit);
    let mut found = Vec::new();
    for chunk in chunks {
        lines.push(chunk);
        while let Some(line) = lines.next() {
            found.push(line);
        }
    }
    found.extend(lines.last());
    found
}

fn whole(number: u64, text: &str) -> Line {
    Line::Whole(number, Bytes::copy_from_slice(text.as_bytes()))
}

#[test]
fn blank_lines_carriage_returns_and_a_missing_end_are_fine() {
    assert_eq!(
        lines(&[b"{}\r\n\n \t\r\n{\"a\":1}\n  [1] "], 100),
        [whole(1, "{}"), whole(4, "{\"a\":1}"), whole(5, "[1]")]
    );
    assert_eq!(lines(&[b""], 100), []);
    assert_eq!(lines(&[b"\n\n"], 100), []);
}

#[test]
fn a_line_that_is_too_long_is_named_once_and_the_next_is_read() {
    let long = [b'x'; 50];
    assert_eq!(
        lines(&[b"a\n", &long, &long, b"yy\nb\n"], 10),
        [whole(1, "a"), Line::TooLong(2), whole(3, "b")]
    );
    assert_eq!(
        lines(&[b"0123456789\n0123456789\r\n01234567890\n"], 10),
        [
            whole(1, "0123456789"),
            whole(2, "0123456789"),
            Line::TooLong(3)
        ]
    );
    assert_eq!(lines(&[&long], 10), [Line::TooLong(1)]);
}

proptest! {
    #[test]
    fn where_the_input_is_cut_does_not_matter(text in "[a-c\r\n ]{0,60}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        let bytes = text.as_bytes();
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
        places.sort_unstable();
        let chunks: Vec<_> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(lines(&chunks, 8), lines(&[bytes], 8));
    }
}
