//! Names of indices and aliases. Pure.
//!
//! The rule: `prefix index . collection . incarnation` is the alias that everything is written and
//! read by; the index behind it adds a running number, so that another can take its place.
//! Lower-case letters, digits, `_` and `-` stand for themselves; every other byte of a name is `~`
//! and two hex digits. So names may have capitals, dots and accents, two names never meet, and
//! [`decode_alias`] tells what an alias stands for.

use crate::STORE;
use store::StoreError;

/// Elasticsearch takes 255 bytes; the number of the index needs seven.
const LONGEST: usize = 255 - 7;

/// What the alias of an index adds to the collection's that is about to take the place of another,
pub(crate) const NEXT: &str = ".next";
/// and that of the other.
pub(crate) const LAST: &str = ".last";

pub(crate) fn is_prefix(prefix: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
    prefix.len() <= 64
        && prefix.starts_with(|c: char| c.is_ascii_lowercase())
        && prefix.chars().all(allowed)
}

pub(crate) fn alias_name(
    prefix: &str,
    index: &str,
    collection: &str,
    incarnation: &str,
) -> Result<String, StoreError> {
    let mut name = prefix.to_owned();
    for (n, part) in [index, collection, incarnation].into_iter().enumerate() {
        if n > 0 {
            name.push('.');
        }
        encode_part(part, &mut name);
    }
    if name.len() > LONGEST {
        let why = format!(
            "the names of {index}/{collection} make an index name of {} bytes; {LONGEST} fit",
            name.len()
        );
        return Err(StoreError::Refused { store: STORE, why });
    }
    Ok(name)
}

/// The index that is made first for an alias.
pub(crate) fn first_index(alias: &str) -> String {
    numbered_index(alias, 1)
}

/// One that takes the place of another has the next number.
pub(crate) fn numbered_index(alias: &str, number: u32) -> String {
    format!("{alias}-{number:06}")
}

pub(crate) fn index_number(alias: &str, index: &str) -> Option<u32> {
    index.strip_prefix(alias)?.strip_prefix('-')?.parse().ok()
}

fn encode_part(part: &str, into: &mut String) {
    for byte in part.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => into.push(byte.into()),
            _ => into.push_str(&format!("~{byte:02x}")),
        }
    }
}

/// The pattern of all indices of a name, or of all names.
pub(crate) fn index_pattern(prefix: &str, name: Option<(&str, &str)>) -> String {
    let mut pattern = prefix.to_owned();
    for part in name.into_iter().flat_map(|(index, name)| [index, name]) {
        encode_part(part, &mut pattern);
        pattern.push('.');
    }
    pattern + "*"
}

/// Index, collection and incarnation of an index of ours; `None`: it is not one.
pub(crate) fn decode_index(prefix: &str, index: &str) -> Option<[String; 3]> {
    let (alias, number) = index.rsplit_once('-')?;
    let is_numbered = number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_ours = |names: &[String; 3]| event_schema::incarnation::is_incarnation(&names[2]);
    decode_alias(prefix, alias).filter(|names| is_numbered && is_ours(names))
}

/// Index, collection and incarnation of an alias of ours.
fn decode_alias(prefix: &str, alias: &str) -> Option<[String; 3]> {
    let parts: Vec<&str> = alias.strip_prefix(prefix)?.split('.').collect();
    let parts: [&str; 3] = parts.try_into().ok()?;
    let mut decoded = [const { String::new() }; 3];
    for (part, into) in parts.iter().zip(&mut decoded) {
        let (mut bytes, mut rest) = (Vec::new(), part.bytes());
        while let Some(byte) = rest.next() {
            if byte != b'~' {
                bytes.push(byte);
                continue;
            }
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        }
        *into = String::from_utf8(bytes).ok()?;
    }
    Some(decoded)
}

#[cfg(test)]
mod tests;
