//! Zones behind a time: `Z`, offsets, `UTC+2`, and names of regions. Which offset a region had at a
//! moment is not known here, only that there is such a region.

use super::iso::{skip_mark, take_digits};
use std::sync::Arc;

/// A region's name, like `Europe/Paris`.
pub type Region = Arc<str>;

#[derive(Clone, Debug, PartialEq)]
pub enum Zone {
    /// Seconds east of Greenwich.
    Offset(i64),
    Region(Region),
}

/// The names of all regions, one a line, as Java 17 lists them.
const REGIONS: &str = include_str!("zones.txt");

/// The whole text is a zone.
pub fn parse_zone(text: &str) -> Option<Zone> {
    let mut rest = text;
    if let Some(offset) = take_offset(&mut rest) {
        return rest.is_empty().then_some(Zone::Offset(offset));
    }
    if let Some(fixed) = fixed_offset(text) {
        return Some(Zone::Offset(fixed));
    }
    let is_region = REGIONS.lines().any(|name| name == text);
    is_region.then(|| Zone::Region(text.into()))
}

/// `Z`, `+01`, `+0100`, `+01:00`, `+01:00:30`.
pub fn take_offset(rest: &mut &str) -> Option<i64> {
    if skip_mark(rest, 'Z') {
        return Some(0);
    }
    let sign = match rest.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    *rest = &rest[1..];
    let (mut seconds, mut unit, mut colon) = (take_digits(rest, 2, 2)? * 3_600, 60, None);
    while unit > 0 && !rest.is_empty() {
        let has_colon = skip_mark(rest, ':');
        if colon.is_some_and(|before| before != has_colon) {
            return None;
        }
        colon = Some(has_colon);
        let part = take_digits(rest, 2, 2).filter(|part| *part < 60)?;
        seconds += part * unit;
        unit /= 60;
    }
    (seconds <= 18 * 3_600).then_some(sign * seconds)
}

/// Names whose offset never changes.
fn fixed_offset(text: &str) -> Option<i64> {
    const UTC: [&str; 16] = [
        "UTC",
        "GMT",
        "UT",
        "GMT0",
        "UCT",
        "Zulu",
        "Universal",
        "Greenwich",
        "Etc/UTC",
        "Etc/GMT",
        "Etc/UCT",
        "Etc/Zulu",
        "Etc/Universal",
        "Etc/Greenwich",
        "Etc/GMT0",
        "Etc/GMT-0",
    ];
    if UTC.contains(&text) || text == "Etc/GMT+0" {
        return Some(0);
    }
    if let Some(hours) = text.strip_prefix("Etc/GMT") {
        // The signs of these names are those of POSIX: west is positive.
        let listed = REGIONS.lines().any(|name| name == text);
        return hours
            .parse::<i64>()
            .ok()
            .filter(|_| listed)
            .map(|hours| -hours * 3_600);
    }
    let behind = ["UTC", "GMT", "UT"]
        .iter()
        .find_map(|name| text.strip_prefix(name))?;
    let mut rest = behind;
    let single = behind.len() == 2 && !behind.starts_with('Z');
    let found = if single {
        // `UTC+2`
        let hours = behind[1..].parse::<i64>().ok()? * 3_600;
        rest = "";
        Some(if behind.starts_with('-') {
            -hours
        } else {
            hours
        })
    } else {
        take_offset(&mut rest)
    };
    found.filter(|_| rest.is_empty() && behind.starts_with(['+', '-']))
}
