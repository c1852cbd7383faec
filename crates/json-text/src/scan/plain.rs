//! How far a string goes without a byte that must be looked at: eight bytes at a time. The text is
//! known to be UTF-8, of which no later byte of a character is one of those.

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// Bytes from the start that are no quote, no backslash and no control character.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let (eights, _) = bytes.as_chunks::<8>();
    let plain = eights.iter().position(|eight| {
        let found = special_bytes(u64::from_le_bytes(*eight));
        found != 0
    });
    let start = plain.unwrap_or(eights.len()) * 8;
    let rest = bytes[start..].iter();
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    start + rest.clone().position(special).unwrap_or(rest.len())
}

/// Not zero exactly if one of the eight is special. (The high bit of a byte is set where it is; a
/// borrow may set it wrongly above one that is, never where there is none.)
fn special_bytes(eight: u64) -> u64 {
    let quote = eight ^ (ONES * b'"' as u64);
    let backslash = eight ^ (ONES * b'\\' as u64);
    let is_zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let is_control = eight.wrapping_sub(ONES * 0x20) & !eight;
    (is_zero(quote) | is_zero(backslash) | is_control) & HIGH
}

#[cfg(test)]
mod tests {
    use super::plain_length;

    fn slowly(bytes: &[u8]) -> usize {
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        bytes.iter().position(special).unwrap_or(bytes.len())
    }

    #[test]
    fn every_byte_is_judged_as_it_is_one_by_one() {
        for byte in 0..=u8::MAX {
            for length in 0..24 {
                for at in 0..length {
                    for filler in [b'a', 0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xff] {
                        let mut bytes = vec![filler; length];
                        bytes[at] = byte;
                        assert_eq!(plain_length(&bytes), slowly(&bytes), "{bytes:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_of_two_is_found() {
        for first in 0..20 {
            for second in 0..20 {
                for (one, other) in [(b'"', 0x1f), (b'\\', b'"'), (0, b'\\')] {
                    let mut bytes = [b'x'; 20];
                    (bytes[first], bytes[second]) = (one, other);
                    assert_eq!(plain_length(&bytes), first.min(second));
                }
            }
        }
    }
}
