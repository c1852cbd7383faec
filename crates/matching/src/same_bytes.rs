//! Equality of short texts without a call into a library: names and values of documents are mostly
//! shorter than that call. Must never answer otherwise than `==`.

use serde_json::{Map, Value};

/// An object with more keys than this is asked by its hash.
const FEW_KEYS: usize = 4;

/// What the object holds under the key.
#[inline]
pub(crate) fn value_of<'a>(object: &'a Map<String, Value>, wanted: &str) -> Option<&'a Value> {
    if object.len() > FEW_KEYS {
        return object.get(wanted);
    }
    object
        .iter()
        .find(|(key, _)| same_bytes(key.as_bytes(), wanted.as_bytes()))
        .map(|(_, value)| value)
}

/// Whether both are the same bytes.
#[inline]
pub(crate) fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if let (Some((a, _)), Some((b, _))) = (a.split_first_chunk::<8>(), b.split_first_chunk::<8>()) {
        if u64::from_ne_bytes(*a) != u64::from_ne_bytes(*b) {
            return false;
        }
    } else if let (Some((first_a, last_a)), Some((first_b, last_b))) = (ends::<4>(a), ends::<4>(b))
    {
        return (u32::from_ne_bytes(first_a) == u32::from_ne_bytes(first_b))
            & (u32::from_ne_bytes(last_a) == u32::from_ne_bytes(last_b));
    } else {
        return a.iter().zip(b).all(|(a, b)| a == b);
    }
    if a.len() > 16 {
        return a[8..] == b[8..];
    }
    match (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        (Some(a), Some(b)) => u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b),
        _ => false,
    }
}

/// The first and the last bytes, which may overlap.
#[inline]
fn ends<const N: usize>(bytes: &[u8]) -> Option<([u8; N], [u8; N])> {
    Some((*bytes.first_chunk::<N>()?, *bytes.last_chunk::<N>()?))
}

#[cfg(test)]
mod tests {
    use super::same_bytes;

    #[test]
    fn as_equality_says_for_every_length_and_every_place() {
        for length in 0..40 {
            let text: Vec<u8> = (0..length).collect();
            assert!(same_bytes(&text, &text.clone()));
            assert!(!same_bytes(&text, &[&text[..], b"x"].concat()));
            for place in 0..text.len() {
                let mut other = text.clone();
                other[place] ^= 0x80;
                assert!(!same_bytes(&text, &other), "{length} {place}");
            }
        }
    }
}
