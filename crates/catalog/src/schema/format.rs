//! The text formats that request schemas may ask for, beside those of JSON Schema.

/// A named check with the words that tell it.
pub(super) struct Format {
    pub name: &'static str,
    pub check: fn(&str) -> bool,
    /// Completes "must be …".
    pub what: &'static str,
}

pub(super) const ALL: &[Format] = &[
    Format {
        name: "document-id",
        check: is_document_id,
        what: "1 to 512 bytes without control characters",
    },
    Format {
        name: "collection-name",
        check: is_collection_name,
        what: "1 to 100 characters of a-z, 0-9, `_` and `-`",
    },
    Format {
        name: "not-blank",
        check: |text| !text.trim().is_empty(),
        what: "more than spaces",
    },
    Format {
        name: "mail",
        check: is_mail,
        what: "an e-mail address",
    },
    Format {
        name: "phone",
        check: is_phone,
        what: "4 to 15 digits without a country code",
    },
    Format {
        name: "country-code",
        check: is_country_code,
        what: "1 to 3 digits, with or without a `+` before them",
    },
    Format {
        name: "sunbird-time",
        check: |text| crate::expression::sunbird_millis(text).is_some(),
        what: "a time such as 2026-03-14 09:41:07:512+0530",
    },
    Format {
        name: "web-address",
        check: is_web_address,
        what: "an http or https address",
    },
];

fn is_document_id(text: &str) -> bool {
    (1..=512).contains(&text.len()) && !text.chars().any(char::is_control)
}

pub(crate) fn is_collection_name(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

fn is_mail(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'))
    };
    let label = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    text.len() <= 254
        && local.split('.').all(word)
        && domain.contains('.')
        && domain.split('.').all(label)
        && top.len() >= 2
        && top.bytes().all(|b| b.is_ascii_alphabetic())
}

fn is_phone(text: &str) -> bool {
    (4..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_country_code(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_web_address(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    plain
        && text.len() <= 2048
        && rest.is_some_and(|rest| !rest.starts_with(['/', '.', ':', '?', '#']) && !rest.is_empty())
}
