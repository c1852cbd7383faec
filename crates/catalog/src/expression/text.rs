//! Texts that definitions can make of others: masks, hashes, times as Sunbird writes them.

use data_encoding::HEXLOWER;
use event_schema::signing::Keyring;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use time::{OffsetDateTime, macros::format_description};

/// The first two characters of the local part and the whole domain stay: `me********@example.org`.
pub(super) fn mask_email(email: &str) -> String {
    let Some((local, domain)) = email.split_once('@') else {
        return mask_phone(email);
    };
    let kept: String = local.chars().take(2).collect();
    let stars = local.chars().count().saturating_sub(2);
    format!("{kept}{}@{domain}", "*".repeat(stars))
}

/// The last four characters stay. What is too short to hide anything is hidden whole.
pub(super) fn mask_phone(phone: &str) -> String {
    let digits: Vec<char> = phone
        .chars()
        .filter(|c| *c != '-' && !c.is_whitespace())
        .collect();
    let hidden = if digits.len() < 8 {
        digits.len()
    } else {
        digits.len() - 4
    };
    "*".repeat(hidden) + &digits[hidden..].iter().collect::<String>()
}

/// Six digits that follow from the texts and the deployment's secret.
pub(super) fn secret_digits(keys: &Keyring, parts: &[Cow<'_, str>]) -> String {
    let tag = keys.tag("secret-digits", &[parts.join("##").as_bytes()]);
    let number = u64::from_be_bytes(tag[..8].try_into().expect("sliced to 8 bytes"));
    format!("{:06}", number % 1_000_000)
}

/// SHA-256 in hex over the parts joined by `##`.
pub(super) fn sha256_join(parts: &[Cow<'_, str>]) -> String {
    HEXLOWER.encode(&Sha256::digest(parts.join("##")))
}

/// `2026-03-14 09:41:07:512+0000`: a colon before the milliseconds, always UTC.
pub(super) fn sunbird_time(millis: i64) -> String {
    utc_time(millis)
        .format(format_description!(
            "[year]-[month]-[day] [hour]:[minute]:[second]:[subsecond digits:3]+0000"
        ))
        .expect("the format only asks for what a time has")
}

/// Unix milliseconds of a time such as `2026-03-14 09:41:07:512+0530`.
pub(crate) fn sunbird_millis(text: &str) -> Option<i64> {
    let parsed = OffsetDateTime::parse(
        text,
        format_description!(
            "[year]-[month]-[day] [hour]:[minute]:[second]:[subsecond digits:3][offset_hour sign:mandatory][offset_minute]"
        ),
    );
    i64::try_from(parsed.ok()?.unix_timestamp_nanos() / 1_000_000).ok()
}

/// `Coastal Schools, West` → `coastal-schools-west`.
pub(super) fn make_slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// The lines of a text with commas and double quotes as objects, by the names in its first line in
/// lower case.
/// Blank lines and empty cells are left out. `None` where a line has more cells than there are
/// names, a name stands twice, or a quote is never closed.
pub(super) fn parse_csv(text: &str) -> Option<Vec<Value>> {
    let names = csv_names(text)?;
    let lines = csv_lines(text)?.into_iter().skip(1);
    let object = |cells: Vec<String>| {
        let pairs = names.iter().zip(cells.iter());
        let members = pairs.filter(|(_, cell)| !cell.is_empty());
        let object: Map<String, Value> = members
            .map(|(name, cell)| (name.clone(), Value::from(&**cell)))
            .collect();
        (cells.len() <= names.len()).then_some(Value::Object(object))
    };
    lines.map(object).collect()
}

/// The names in the first line, in lower case.
pub(super) fn csv_names(text: &str) -> Option<Vec<String>> {
    let first = csv_lines(text)?.into_iter().next()?;
    let names: Vec<String> = first.iter().map(|name| name.to_lowercase()).collect();
    let mut seen = std::collections::HashSet::new();
    let are_names = names
        .iter()
        .all(|name| !name.is_empty() && seen.insert(name));
    are_names.then_some(names)
}

fn csv_lines(text: &str) -> Option<Vec<Vec<String>>> {
    let text = text.trim_start_matches('\u{feff}');
    let (mut lines, mut line, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    let mut end_line = |line: &mut Vec<String>| {
        let line = std::mem::take(line);
        if line.iter().any(|cell| !cell.is_empty()) {
            lines.push(line);
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(std::mem::take(&mut cell).trim().to_owned()),
            '\n' if !quoted => {
                line.push(std::mem::take(&mut cell).trim().to_owned());
                end_line(&mut line);
            }
            '\r' if !quoted => {}
            c => cell.push(c),
        }
    }
    line.push(cell.trim().to_owned());
    end_line(&mut line);
    (!quoted).then_some(lines)
}

/// `2026-03-14`, in UTC.
pub(super) fn utc_date(millis: i64) -> String {
    utc_time(millis)
        .format(format_description!("[year]-[month]-[day]"))
        .expect("the format only asks for what a date has")
}

fn utc_time(millis: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
