use super::{DateFormat, parse};

#[test]
fn what_is_missing_is_filled() {
    let default = DateFormat::read(None);
    let read = |text: &str, up| parse(&default, text, up).expect("a known format");
    assert_eq!(read("1970", false), Some(0));
    assert_eq!(read("1970-01-02", false), Some(86_400_000));
    assert_eq!(read("1970-01-01", true), Some(86_399_999));
    assert_eq!(
        read("1970-02", true),
        Some(31 * 86_400_000 + 86_399_999),
        "a missing day is the first, up or not"
    );
    assert_eq!(read("1970-01-01T01", true), Some(7_199_999));
    assert_eq!(read("1970-01-01T01:00:00.5+01:00", false), Some(500));
    assert_eq!(read("1969-12-31T23:59:59.999999Z", false), Some(-1));
    assert_eq!(
        read("2020-02-29T12:00-0530", false),
        Some(1_582_997_400_000)
    );
    assert_eq!(read("-5", false), Some(-5));
    assert_eq!(read("1577923200000", true), Some(1_577_923_200_000));
}

#[test]
fn nonsense_is_no_date() {
    let default = DateFormat::read(None);
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
    ] {
        assert_eq!(parse(&default, text, false), Ok(None), "{text:?}");
    }
}

#[test]
fn formats_of_the_index_own_language_are_unknown() {
    let formats = DateFormat::read(Some("epoch_second||dd/MM/yyyy"));
    assert_eq!(parse(&formats, "10", false), Ok(Some(10_000)));
    assert_eq!(
        parse(&formats, "01/02/2020", false),
        Err("dd/MM/yyyy".to_owned())
    );
    assert_eq!(
        parse(&DateFormat::read(Some("yyyy-MM-dd")), "2020-01", false),
        Ok(None)
    );
}
