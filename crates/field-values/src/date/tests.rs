use super::{DateFormat, Detected, Fill, Moment, NotAMoment, Reading, detect_date, parse_date};
use serde_json::{Value, json};

fn down(format: Option<&str>, text: &str) -> Result<i64, NotAMoment> {
    parse_date(&DateFormat::read(format), text, Fill::Down)
}

fn query(format: Option<&str>, value: &Value, fill: Fill) -> Result<i64, NotAMoment> {
    let moment = Moment {
        formats: &DateFormat::read(format),
        now: 1_580_000_000_123,
        offset: 0,
    };
    moment.of(value, fill)
}

#[test]
fn what_is_missing_is_filled() {
    let read = |text: &str, fill| parse_date(&DateFormat::read(None), text, fill);
    for (text, fill, millis) in [
        ("1970", Fill::Down, 0),
        ("1970-01-02", Fill::Down, 86_400_000),
        ("1970-01-01", Fill::Up, 86_399_999),
        // A missing day is the first, up or not.
        ("1970-02", Fill::Up, 31 * 86_400_000 + 86_399_999),
        ("1970-01-01T01", Fill::Up, 7_199_999),
        ("1970-01-01T01:00:00.5+01:00", Fill::Down, 500),
        ("1970-01-01T01:00:00.5+01:00", Fill::Up, 500),
        ("1969-12-31T23:59:59.999999Z", Fill::Down, -1),
        ("2020-02-29T12:00-0530", Fill::Down, 1_582_997_400_000),
        ("-5", Fill::Down, -5),
        ("-1.5", Fill::Down, -2),
        ("1577923200000", Fill::Up, 1_577_923_200_000),
        ("-2020-01-01", Fill::Down, -125_912_275_200_000),
        ("2020T10", Fill::Down, 36_000_000),
        ("2020-01-01T10:00:00UTC", Fill::Down, 1_577_872_800_000),
        ("2020-01-01T10:00:00GMT+2", Fill::Down, 1_577_865_600_000),
        (
            "2020-01-01T10:00:00Etc/GMT+5",
            Fill::Down,
            1_577_890_800_000,
        ),
        ("2020-01-01T10:00+01:00:30", Fill::Down, 1_577_869_170_000),
    ] {
        assert_eq!(read(text, fill), Ok(millis), "{text} {fill:?}");
    }
}

#[test]
fn nonsense_is_no_date() {
    for text in [
        "",
        "abc",
        "2020-13-01",
        "2021-02-29",
        "2020-01-01T24:00",
        "2020-01-01 10:00",
        "2020-1-1",
        "2020-01-01T10:00:00.",
        "2020-01-01Tx",
        "é",
        "1e3",
        "0x1F",
        "+5",
        "+2020-01-01",
        "12020-01-01",
        "2020-01-01Z",
        "2020-01-01T10:00+1",
        "2020-01-01T10:00:00utc",
        "2020-01-01T10:00:00EST",
        "2020-01-01T10:00:00+18:01",
        "1577836800000.12345678",
        "99999999999999999999",
    ] {
        assert_eq!(down(None, text), Err(NotAMoment::Malformed), "{text:?}");
    }
}

#[test]
fn zones_and_times_as_each_iso_format_has_them() {
    let taken = |format: &str, text: &str| {
        let read = down(Some(format), &format!("2020-01-01T{text}"));
        !matches!(read, Err(NotAMoment::Malformed))
    };
    for (text, expected) in [
        ("10", [true, true, false]),
        ("10Z", [true, false, false]),
        ("10:00Z", [true, true, false]),
        ("10:00:00Z", [true, true, true]),
        ("10:00:00+0100", [true, true, true]),
        ("10:00:00+010030", [true, false, true]),
        ("10:00:00+01:00:30", [true, true, true]),
        ("10:00:00GMT+2", [true, false, true]),
        ("10:00:00UTC+02", [true, true, true]),
        ("10:00:00UTC+02:00", [true, true, true]),
        ("10:00:00Etc/GMT+5", [true, true, true]),
        ("10:00:00Europe/Paris", [true, true, true]),
        ("", [true, true, false]),
    ] {
        let formats = [
            "strict_date_optional_time",
            "date_optional_time",
            "strict_date_optional_time_nanos",
        ];
        assert_eq!(
            formats.map(|format| taken(format, text)),
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_region_is_a_date_whose_moment_is_not_known_here() {
    let read = down(None, "2020-01-01T10:00:00Europe/Paris");
    assert_eq!(read, Err(NotAMoment::Regional("Europe/Paris".into())));
}

#[test]
fn formats_by_name_and_by_pattern() {
    for (format, text, millis) in [
        ("epoch_second", "10", Some(10_000)),
        ("epoch_second", "1577836800.5", Some(1_577_836_800_500)),
        ("epoch_second", "-1.5", Some(-1_500)),
        ("epoch_millis", "2020", Some(2_020)),
        ("yyyy-MM-dd", "2020-01", None),
        ("yyyy-MM-dd", "2020-01-01", Some(1_577_836_800_000)),
        ("yyyy-MM-dd", "-2020-01-01", None),
        ("uuuu-MM-dd", "-2020-01-01", Some(-125_912_275_200_000)),
        ("strict_date", "2020-02-30", Some(1_583_020_800_000)),
        ("yyyy-MM-dd", "2020-02-30", None),
        ("basic_date", "20200101", Some(1_577_836_800_000)),
        ("dd/MM/yyyy", "01/02/2020", Some(1_580_515_200_000)),
        ("d.M.yyyy", "1.2.2020", Some(1_580_515_200_000)),
        (
            "yyyy-MM-dd HH:mm:ss",
            "2020-01-01 10:20:30",
            Some(1_577_874_030_000),
        ),
        (
            "yyyy-MM-dd HH:mm:ss.SSS",
            "2020-01-01 10:20:30.250",
            Some(1_577_874_030_250),
        ),
        ("yyyy-MM-dd HH:mm:ss.SSS", "2020-01-01 10:20:30", None),
        (
            "yyyy-MM-dd'T'HH:mm:ssX",
            "2020-01-01T10:20:30+01",
            Some(1_577_870_430_000),
        ),
        (
            "epoch_second||yyyy-MM-dd",
            "2020-01-01",
            Some(1_577_836_800_000),
        ),
        (
            "date_optional_time",
            "2020-1-1T1:2:3Z",
            Some(1_577_840_523_000),
        ),
    ] {
        assert_eq!(down(Some(format), text).ok(), millis, "{text} as {format}");
    }
    assert_eq!(
        down(Some("epoch_second||EEE dd MMM"), "Mon 01 Jan"),
        Err(NotAMoment::Unknown("EEE dd MMM".to_owned()))
    );
    // Nothing but signs: what it takes is no date.
    for (format, text) in [("5", "5"), ("1.5", "2020-01-01"), ("'now'", "now")] {
        let read = down(Some(format), text);
        assert_eq!(read, Err(NotAMoment::Malformed), "{text} as {format}");
    }
    assert_eq!(down(Some("5||yyyy"), "2020"), Ok(1_577_836_800_000));
}

#[test]
fn numbers_in_queries_are_milliseconds() {
    for (value, millis) in [
        (json!(2020), Some(2_020)),
        (json!(-1), Some(-1)),
        (json!(1.5), Some(1)),
        (json!(1e3), Some(1_000)),
        (json!(1.5e12), None),
        (json!(9_223_372_036_854_775_808_u64), None),
        (json!(true), None),
    ] {
        for format in [
            None,
            Some("epoch_second"),
            Some("strict_date_optional_time"),
        ] {
            assert_eq!(query(format, &value, Fill::Down).ok(), millis, "{value}");
        }
    }
    assert_eq!(
        query(None, &json!("2020"), Fill::Down),
        Ok(1_577_836_800_000)
    );
    assert_eq!(
        query(Some("epoch_second"), &json!("20"), Fill::Up),
        Ok(20_999)
    );
    assert_eq!(query(Some("epoch_second"), &json!("-1"), Fill::Up), Ok(-1));
}

#[test]
fn date_math() {
    for (text, fill, millis) in [
        ("now", Fill::Down, 1_580_000_000_123),
        ("now-1d", Fill::Down, 1_579_913_600_123),
        ("now/d", Fill::Down, 1_579_996_800_000),
        ("now/d", Fill::Up, 1_580_083_199_999),
        ("now+1M/M", Fill::Down, 1_580_515_200_000),
        ("now/w", Fill::Down, 1_579_478_400_000),
        ("2020-01-31||+1M", Fill::Down, 1_582_934_400_000),
        ("2020-02-29||-1y", Fill::Down, 1_551_312_000_000),
        ("2020-01-01||/y", Fill::Up, 1_609_459_199_999),
        ("2020-01-01T10:30:00||/h", Fill::Down, 1_577_872_800_000),
    ] {
        assert_eq!(
            query(None, &json!(text), fill),
            Ok(millis),
            "{text} {fill:?}"
        );
    }
    for text in ["now+1x", "now/2d", "now*1", "now+", "||/d", "yesterday||/d"] {
        assert_eq!(
            query(None, &json!(text), Fill::Down),
            Err(NotAMoment::Malformed),
            "{text}"
        );
    }
}

#[test]
fn texts_that_make_date_fields() {
    for (text, how) in [
        ("2020-01-01", Some(Detected::Iso)),
        ("2020-01-01T10", Some(Detected::Iso)),
        ("2016/08/18", Some(Detected::Slashes)),
        ("2016/08/18 12:55:43", Some(Detected::Slashes)),
        ("2021-51", None),
        ("5/12/14", None),
        ("12:30", None),
        ("2016/08/18 12:55", None),
    ] {
        assert_eq!(detect_date(text).map(|(how, _)| how), how, "{text}");
    }
    let slashes = detect_date("2016/08/18 12:55:43").map(|(_, reading)| reading);
    assert_eq!(slashes, Some(Reading::Millis(1_471_524_943_000)));
}
