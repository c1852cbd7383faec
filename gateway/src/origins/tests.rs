use super::*;

const LOOPBACK: &str = "127.0.0.1";
const ANYWHERE: &str = "0.0.0.0";

fn origins(allowed: &[&str], listens: &str) -> Origins {
    let allowed: Vec<String> = allowed.iter().map(|origin| (*origin).to_owned()).collect();
    Origins::new(&allowed, listens.parse().unwrap()).unwrap()
}

fn judge(origins: &Origins, origin: &str, host: &str) -> OriginStanding {
    let headers = [(header::ORIGIN, origin), (header::HOST, host)]
        .map(|(name, value)| (name, value.parse().unwrap()));
    origins.judge(&HeaderMap::from_iter(headers), &Uri::from_static("/"))
}

#[test]
fn who_sends_none_is_no_browser() {
    let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("a.example"))]);
    assert_eq!(
        origins(&[], ANYWHERE).judge(&headers, &Uri::from_static("/")),
        OriginStanding::Program
    );
}

#[test]
fn a_page_from_where_the_gateway_is_reached_may() {
    let open = origins(&[], ANYWHERE);
    for (origin, host) in [
        ("http://a.example", "a.example"),
        ("https://A.example", "a.EXAMPLE:443"),
        ("https://a.example:8443", "a.example:8443"),
        ("http://10.0.0.7:8080", "10.0.0.7:8080"),
        ("http://[fd00::7]:8080", "[fd00::7]:8080"),
    ] {
        assert_eq!(
            judge(&open, origin, host),
            OriginStanding::Welcome,
            "{origin} at {host}"
        );
    }
    for (origin, host) in [
        ("http://b.example", "a.example"),
        ("http://a.example:81", "a.example"),
        ("http://a.example", "a.example:443"),
        ("http://a.example.evil", "a.example"),
        ("http://localhost:8000", "127.0.0.1:8080"),
        ("null", "a.example"),
        ("", ""),
        ("http://", ""),
        ("evil://a.example", "a.example"),
        ("http://a.example/path", "a.example"),
        ("http://me@a.example", "a.example"),
    ] {
        assert_eq!(
            judge(&open, origin, host),
            OriginStanding::Foreign,
            "{origin} at {host}"
        );
    }
}

#[test]
fn on_the_loopback_every_page_of_this_machine_may() {
    for listens in [LOOPBACK, "::1"] {
        let local = origins(&[], listens);
        for origin in [
            "http://localhost:8000",
            "http://127.0.0.1:3000",
            "https://localhost",
            "http://[::1]:9",
        ] {
            assert_eq!(
                judge(&local, origin, "127.0.0.1:8080"),
                OriginStanding::Welcome,
                "{origin}"
            );
        }
        for origin in [
            "http://evil.example",
            "https://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "null",
            "app://localhost",
        ] {
            assert_eq!(
                judge(&local, origin, "127.0.0.1:8080"),
                OriginStanding::Foreign,
                "{origin}"
            );
        }
    }
}

/// A page may give its own name the address 127.0.0.1, and then be from where it asks.
#[test]
fn on_the_loopback_a_name_that_leads_here_is_not_enough() {
    assert_eq!(
        judge(
            &origins(&[], LOOPBACK),
            "http://evil.example:8080",
            "evil.example:8080"
        ),
        OriginStanding::Foreign
    );
    assert_eq!(
        judge(
            &origins(&["http://mine.example"], LOOPBACK),
            "http://mine.example",
            "mine.example"
        ),
        OriginStanding::Welcome
    );
}

#[test]
fn named_origins_may_and_a_star_is_all() {
    let named = origins(
        &[
            "https://App.example",
            "http://b.example:80",
            "capacitor://localhost",
        ],
        ANYWHERE,
    );
    for origin in [
        "https://app.example",
        "https://app.example:443",
        "http://b.example",
        "capacitor://localhost",
    ] {
        assert_eq!(
            judge(&named, origin, "gateway"),
            OriginStanding::Welcome,
            "{origin}"
        );
    }
    for origin in [
        "http://app.example",
        "https://app.example:444",
        "https://x.app.example",
        "null",
    ] {
        assert_eq!(
            judge(&named, origin, "gateway"),
            OriginStanding::Foreign,
            "{origin}"
        );
    }
    let all = origins(&["*"], ANYWHERE);
    for origin in ["https://app.example", "null"] {
        assert_eq!(
            judge(&all, origin, "gateway"),
            OriginStanding::Welcome,
            "{origin}"
        );
    }
}

#[test]
fn two_are_none_that_a_browser_sends() {
    let mut headers = HeaderMap::new();
    headers.append(header::ORIGIN, HeaderValue::from_static("http://localhost"));
    headers.append(
        header::ORIGIN,
        HeaderValue::from_static("http://evil.example"),
    );
    assert_eq!(
        origins(&["*"], LOOPBACK).judge(&headers, &Uri::from_static("/")),
        OriginStanding::Foreign
    );
}

#[test]
fn what_is_no_origin_stops_the_start() {
    for wrong in [
        "app.example",
        "https://",
        "https://app.example/",
        "https://app.example/path",
        "https://*.example",
        "",
    ] {
        let made = Origins::new(&[wrong.to_owned()], LOOPBACK.parse().unwrap());
        assert!(
            matches!(made, Err(GatewayError::Origin(named)) if named == wrong),
            "{wrong}"
        );
    }
}
