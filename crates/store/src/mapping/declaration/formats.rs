//! Is this a date format that an index knows: names, or patterns of letters? Which of them are
//! served is another matter.

/// Every name that an index has for a format; all but the first row also with `strict_` before it.
const NAMES: &[&str] = &[
    "epoch_millis",
    "epoch_second",
    "iso8601",
    "date_optional_time",
    "date_optional_time_nanos",
    "basic_date",
    "basic_date_time",
    "basic_date_time_no_millis",
    "basic_ordinal_date",
    "basic_ordinal_date_time",
    "basic_ordinal_date_time_no_millis",
    "basic_time",
    "basic_time_no_millis",
    "basic_t_time",
    "basic_t_time_no_millis",
    "basic_week_date",
    "basic_week_date_time",
    "basic_week_date_time_no_millis",
    "date",
    "date_hour",
    "date_hour_minute",
    "date_hour_minute_second",
    "date_hour_minute_second_fraction",
    "date_hour_minute_second_millis",
    "date_time",
    "date_time_no_millis",
    "hour",
    "hour_minute",
    "hour_minute_second",
    "hour_minute_second_fraction",
    "hour_minute_second_millis",
    "ordinal_date",
    "ordinal_date_time",
    "ordinal_date_time_no_millis",
    "time",
    "time_no_millis",
    "t_time",
    "t_time_no_millis",
    "week_date",
    "week_date_time",
    "week_date_time_no_millis",
    "weekyear",
    "weekyear_week",
    "weekyear_week_day",
    "year",
    "year_month",
    "year_month_day",
];

/// The letters that stand for something in a pattern.
const LETTERS: &str = "GuyDMLdQqYwWEecFaBhKkHmsSAnNVvzOXxZpg";

/// What is wrong with it, if anything is. `||` separates formats.
pub(in crate::mapping) fn fault(formats: &str) -> Option<String> {
    formats.split("||").find_map(|format| {
        let name = format.strip_prefix("strict_").unwrap_or(format);
        if NAMES.contains(&name) {
            None
        } else {
            pattern(format)
        }
    })
}

fn pattern(pattern: &str) -> Option<String> {
    if pattern.trim().is_empty() {
        return Some("a date format is a name or a pattern".to_owned());
    }
    let mut quoted = false;
    for letter in pattern.chars() {
        match letter {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '{' | '}' | '#' => {
                return Some(format!("`{letter}` is reserved in date format `{pattern}`"));
            }
            _ if letter.is_ascii_alphabetic() && !LETTERS.contains(letter) => {
                return Some(format!(
                    "date format `{pattern}` has the letter `{letter}`, which stands for nothing"
                ));
            }
            _ => {}
        }
    }
    quoted.then(|| format!("date format `{pattern}` has a quote without its end"))
}
