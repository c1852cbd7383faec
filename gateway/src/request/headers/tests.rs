//! Headers are read as their documents say, and refused by name where they make no sense.

use super::*;
use http::HeaderValue;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
        .collect()
}

fn options(pairs: &[(&'static str, &'static str)]) -> Result<Options, Problem> {
    Options::read(&headers(pairs), &QueryString::default(), &Config::default())
}

#[test]
fn a_wait_is_clamped_and_other_preferences_are_ignored() {
    let wait = |value| {
        options(&[("prefer", value)]).map(|options| options.wait.map(|wait| wait.as_secs()))
    };
    assert_eq!(wait("wait=5").unwrap(), Some(5));
    assert_eq!(wait("respond-async, wait=7").unwrap(), Some(7));
    assert_eq!(wait("Wait = \"8\"; x=y").unwrap(), Some(8));
    assert_eq!(wait("wait=100000000000000000000000").unwrap(), Some(60));
    assert_eq!(wait("return=minimal").unwrap(), None);
    for bad in ["wait=", "wait=-1", "wait=soon", "wait=1.5"] {
        assert_eq!(wait(bad).unwrap_err().code(), Code::BadHeader, "{bad}");
    }
}

#[test]
fn an_idempotency_key_is_a_string_of_sensible_length() {
    let key = |value| options(&[("idempotency-key", value)]).map(|options| options.idempotency_key);
    assert_eq!(key("\"abc\"").unwrap().unwrap(), "abc");
    assert_eq!(key("abc").unwrap().unwrap(), "abc");
    assert_eq!(key("\"\"").unwrap_err().code(), Code::BadHeader);
    assert_eq!(key("").unwrap_err().code(), Code::BadHeader);
    let mut twice = headers(&[("idempotency-key", "a")]);
    twice.append("idempotency-key", HeaderValue::from_static("b"));
    assert_eq!(idempotency_key(&twice).unwrap_err().code(), Code::BadHeader);
}

#[test]
fn an_etag_is_a_version() {
    let version = |value| options(&[("if-match", value)]).map(|options| options.if_match);
    assert_eq!(version("\"3\"").unwrap(), Some(3));
    assert_eq!(version("3").unwrap(), Some(3));
    for bad in ["*", "W/\"3\"", "\"a\"", "\"1\", \"2\"", ""] {
        assert_eq!(version(bad).unwrap_err().code(), Code::BadHeader, "{bad}");
    }
}

#[test]
fn a_malformed_trace_context_is_dropped() {
    let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(
        options(&[("traceparent", good)])
            .unwrap()
            .traceparent
            .as_deref(),
        Some(good)
    );
    for bad in [
        "",
        "x",
        "00-0-0-0",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    ] {
        assert_eq!(
            options(&[("traceparent", bad)]).unwrap().traceparent,
            None,
            "{bad}"
        );
    }
}

#[test]
fn content_types_are_checked() {
    for good in [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        "application/cloudevents+json",
    ] {
        assert!(
            expect_json(&headers(&[("content-type", good)])).is_ok(),
            "{good}"
        );
    }
    for bad in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
        "",
        "json",
    ] {
        let problem = expect_json(&headers(&[("content-type", bad)])).unwrap_err();
        assert_eq!(problem.code(), Code::UnsupportedMediaType, "{bad}");
    }
    assert_eq!(
        expect_json(&HeaderMap::new()).unwrap_err().code(),
        Code::UnsupportedMediaType
    );
    assert!(expect_ndjson(&headers(&[("content-type", "application/x-ndjson")])).is_ok());
    assert!(expect_ndjson(&headers(&[("content-type", "application/json")])).is_err());
    assert_eq!(
        content_encoding(&headers(&[("content-encoding", "gzip")])).unwrap(),
        Encoding::Gzip
    );
    assert_eq!(
        content_encoding(&headers(&[("content-encoding", "br")]))
            .unwrap_err()
            .code(),
        Code::UnsupportedEncoding
    );
}
