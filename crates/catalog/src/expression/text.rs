//! Texts that definitions can make of others: masks, hashes, times as Sunbird writes them.

use sha2::{Digest, Sha256};
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

/// SHA-256 in hex over the parts joined by `##`.
pub(super) fn sha256_join(parts: &[String]) -> String {
    Sha256::digest(parts.join("##"))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// `2026-03-14 09:41:07:512+0000`: a colon before the milliseconds, always UTC.
pub(super) fn sunbird_time(millis: i64) -> String {
    at(millis)
        .format(format_description!(
            "[year]-[month]-[day] [hour]:[minute]:[second]:[subsecond digits:3]+0000"
        ))
        .expect("the format only asks for what a time has")
}

/// `2026-03-14`, in UTC.
pub(super) fn date(millis: i64) -> String {
    at(millis)
        .format(format_description!("[year]-[month]-[day]"))
        .expect("the format only asks for what a date has")
}

fn at(millis: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
