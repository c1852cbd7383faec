//! The formats of dates that an index has: names and patterns of letters, and which of them are
//! read here. Tried on Elasticsearch 8.19, name by name and letter by letter; a text that is
//! neither is no format. It must never take another text for one.

use super::{DateFormat, Strictness, pattern::Pattern};

/// What stands behind a name.
#[derive(Clone, Copy, Debug)]
enum Behind {
    /// There is no such name.
    Nothing,
    /// The index knows it; it is not read here.
    Index,
    Iso,
    IsoNanos,
    LenientIso,
    Day,
    Millis,
    Seconds,
    /// A pattern of the same meaning.
    Pattern(&'static str),
    /// Likewise, and a day beyond its month's end is one of the next month.
    Rolling(&'static str),
}

use Behind::{
    Day, Index, Iso, IsoNanos, LenientIso, Millis, Nothing, Pattern as Like, Rolling, Seconds,
};

/// Each name: what it is, and what it is with `strict_` before it.
const NAMES: &[(&str, Behind, Behind)] = &[
    ("epoch_millis", Millis, Nothing),
    ("epoch_second", Seconds, Nothing),
    ("iso8601", Iso, Nothing),
    ("date_optional_time", LenientIso, Iso),
    ("date_optional_time_nanos", Nothing, IsoNanos),
    ("basic_date", Like("uuuuMMdd"), Nothing),
    ("basic_date_time", Index, Nothing),
    ("basic_date_time_no_millis", Index, Nothing),
    ("basic_ordinal_date", Index, Nothing),
    ("basic_ordinal_date_time", Index, Nothing),
    ("basic_ordinal_date_time_no_millis", Index, Nothing),
    ("basic_time", Index, Nothing),
    ("basic_time_no_millis", Index, Nothing),
    ("basic_t_time", Index, Nothing),
    ("basic_t_time_no_millis", Index, Nothing),
    ("basic_week_date", Index, Index),
    ("basic_week_date_time", Index, Index),
    ("basic_week_date_time_no_millis", Index, Index),
    ("date", Day, Rolling("uuuu-MM-dd")),
    ("date_hour", Index, Index),
    ("date_hour_minute", Index, Like("uuuu-MM-dd'T'HH:mm")),
    (
        "date_hour_minute_second",
        Index,
        Like("uuuu-MM-dd'T'HH:mm:ss"),
    ),
    ("date_hour_minute_second_fraction", Index, Index),
    (
        "date_hour_minute_second_millis",
        Index,
        Like("uuuu-MM-dd'T'HH:mm:ss.SSS"),
    ),
    ("date_time", Index, Index),
    ("date_time_no_millis", Index, Index),
    ("hour", Index, Index),
    ("hour_minute", Index, Index),
    ("hour_minute_second", Index, Index),
    ("hour_minute_second_fraction", Index, Index),
    ("hour_minute_second_millis", Index, Index),
    ("ordinal_date", Index, Index),
    ("ordinal_date_time", Index, Index),
    ("ordinal_date_time_no_millis", Index, Index),
    ("time", Index, Index),
    ("time_no_millis", Index, Index),
    ("t_time", Index, Index),
    ("t_time_no_millis", Index, Index),
    ("week_date", Index, Index),
    ("week_date_time", Index, Index),
    ("week_date_time_no_millis", Index, Index),
    ("weekyear", Index, Index),
    ("weekyear_week", Index, Index),
    ("weekyear_week_day", Index, Index),
    ("year", Index, Like("uuuu")),
    ("year_month", Index, Like("uuuu-MM")),
    ("year_month_day", Index, Rolling("uuuu-MM-dd")),
];

/// How often each letter may stand in a row; `Y` may as often as one likes.
const LETTERS: &[(&str, &[usize])] = &[
    (
        "uyYAnNg",
        &[
            1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
        ],
    ),
    ("GMLQqEe", &[1, 2, 3, 4, 5]),
    ("D", &[1, 2, 3]),
    ("dHhkKmsw", &[1, 2]),
    ("FaW", &[1]),
    ("c", &[1, 3, 4, 5]),
    ("B", &[1, 4, 5]),
    ("S", &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ("V", &[2]),
    ("v", &[1, 4]),
    ("z", &[1, 2, 3, 4]),
    ("O", &[1, 4]),
    ("xXZ", &[1, 2, 3, 4, 5]),
];

/// Every name that an index has, and every one that it might have by this table and has not.
pub fn format_names() -> impl Iterator<Item = (String, bool)> {
    NAMES.iter().flat_map(|(name, plain, strict)| {
        let is = |behind: &Behind| !matches!(behind, Nothing);
        [
            ((*name).to_owned(), is(plain)),
            (format!("strict_{name}"), is(strict)),
        ]
    })
}

fn behind_name(name: &str) -> Behind {
    let (base, is_strict) = match name.strip_prefix("strict_") {
        Some(base) => (base, true),
        None => (name, false),
    };
    let row = NAMES.iter().find(|(known, ..)| *known == base);
    row.map_or(
        Nothing,
        |(_, plain, strict)| if is_strict { *strict } else { *plain },
    )
}

/// The formats of `a||b`, those that are not read here as unknown. An index of old marked its
/// formats with an 8 in front, which still means nothing.
pub fn read_formats(formats: &str) -> Vec<DateFormat> {
    let formats = formats.strip_prefix('8').unwrap_or(formats);
    formats.split("||").map(read_format).collect()
}

fn read_format(name: &str) -> DateFormat {
    let unknown = || DateFormat::Unknown(name.to_owned());
    let pattern = |text: &str| Pattern::read(text).map_or_else(unknown, DateFormat::Pattern);
    match behind_name(name) {
        Nothing => pattern(name),
        Index => unknown(),
        Iso => DateFormat::Iso(Strictness::Strict),
        IsoNanos => DateFormat::Iso(Strictness::WholeTime),
        LenientIso => DateFormat::Iso(Strictness::Lenient),
        Day => DateFormat::Day,
        Millis => DateFormat::EpochMillis,
        Seconds => DateFormat::EpochSecond,
        Like(text) => pattern(text),
        Rolling(text) => match Pattern::read(text) {
            Some(read) => DateFormat::Pattern(read.rolling()),
            None => unknown(),
        },
    }
}

/// What is wrong with it as the format of a date, if anything is.
pub fn format_fault(formats: &str) -> Option<String> {
    let formats = formats.strip_prefix('8').unwrap_or(formats);
    formats
        .split("||")
        .find_map(|format| match behind_name(format) {
            Nothing => in_pattern(format),
            _ => None,
        })
}

fn in_pattern(pattern: &str) -> Option<String> {
    if pattern.trim().is_empty() {
        return Some("a date format is a name or a pattern".to_owned());
    }
    let (mut quoted, mut open, mut pads) = (false, 0, false);
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '[' => open += 1,
            ']' if open == 0 => {
                return Some(format!("date format `{pattern}` has a `]` without a `[`"));
            }
            ']' => open -= 1,
            '{' | '}' | '#' => {
                return Some(format!("`{letter}` is reserved in date format `{pattern}`"));
            }
            _ if letter.is_ascii_alphabetic() => {
                let mut width = 1;
                while letters.next_if_eq(&letter).is_some() {
                    width += 1;
                }
                let is_pad = letter == 'p' && !pads;
                if !is_pad && !is_run(letter, width) {
                    return Some(format!(
                        "date format `{pattern}` has the letter `{letter}` {width} times in a row, \
                         which stands for nothing"
                    ));
                }
                pads = is_pad;
                continue;
            }
            _ => {}
        }
        if pads {
            break;
        }
    }
    if pads {
        return Some(format!("date format `{pattern}` pads nothing"));
    }
    quoted.then(|| format!("date format `{pattern}` has a quote without its end"))
}

fn is_run(letter: char, width: usize) -> bool {
    if letter == 'Y' {
        return true;
    }
    let row = LETTERS.iter().find(|(letters, _)| letters.contains(letter));
    row.is_some_and(|(_, widths)| widths.contains(&width))
}
