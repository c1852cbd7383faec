use super::*;

fn origins(allowed: &[&str]) -> Origins {
    let allowed: Vec<String> = allowed.iter().map(|origin| (*origin).to_owned()).collect();
    Origins::new(&allowed, [10, 0, 0, 1].into()).unwrap()
}

fn head(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn read(method: &Method, pairs: &[(&'static str, &str)]) -> HeadCookie {
    let origins = origins(&["https://app.example"]);
    let uri = Uri::from_static("/_me");
    SessionCookies::Secure.read(&origins, (method, &head(pairs), &uri))
}

const COOKIE: (&str, &str) = ("cookie", "a=1; __Host-authToken=kauth-x; b=2");
const JSON: (&str, &str) = ("content-type", "application/json");
const APP: (&str, &str) = ("origin", "https://app.example");
const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");

#[test]
fn a_cookie_counts_where_the_browser_says_that_an_allowed_page_asks() {
    for pairs in [vec![COOKIE, JSON, APP], vec![COOKIE, JSON, SAME]] {
        let found = read(&Method::POST, &pairs);
        assert_eq!(found.token.as_deref(), Some("kauth-x"));
        assert_eq!(found.refusal, None, "{pairs:?}");
    }
    // What reads has no content to name.
    assert_eq!(read(&Method::GET, &[COOKIE, APP]).refusal, None);
}

#[test]
fn a_cookie_that_does_not_count_is_refused_and_not_passed_over() {
    use CookieRefusal::{Content, Page, Twice};
    let form = ("content-type", "application/x-www-form-urlencoded");
    let text = ("content-type", "text/plain");
    let evil = ("origin", "https://evil.example");
    let cases = [
        (Page, vec![COOKIE, JSON]),
        (Page, vec![COOKIE, JSON, evil]),
        (Page, vec![COOKIE, JSON, evil, SAME]),
        (Page, vec![COOKIE, JSON, ("origin", "null")]),
        (Page, vec![COOKIE, JSON, APP, evil]),
        (Page, vec![COOKIE, JSON, ("sec-fetch-site", "same-site")]),
        (Page, vec![COOKIE, JSON, ("sec-fetch-site", "none")]),
        (
            Page,
            vec![COOKIE, JSON, SAME, ("sec-fetch-site", "cross-site")],
        ),
        (Content, vec![COOKIE, APP]),
        (Content, vec![COOKIE, APP, form]),
        (Content, vec![COOKIE, APP, text]),
        (Twice, vec![COOKIE, COOKIE, JSON, APP]),
    ];
    for (refusal, pairs) in cases {
        let found = read(&Method::POST, &pairs);
        assert_eq!(found.refusal, Some(refusal), "{pairs:?}");
        assert!(found.token.is_some(), "{pairs:?}");
    }
}

#[test]
fn other_names_are_other_cookies() {
    for cookie in [
        "authToken=kauth-x",
        "__host-authtoken=x",
        "__Host-authToken=null",
        "__Host-authToken=",
    ] {
        assert_eq!(
            read(&Method::GET, &[("cookie", cookie), APP]).token,
            None,
            "{cookie}"
        );
    }
}

#[test]
fn there_are_none_where_every_page_may_ask_or_others_could_read_along() {
    let (here, there) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([10, 0, 0, 1]));
    let security = |tls| Security {
        tls,
        ..Security::default()
    };
    let named = origins(&["https://app.example"]);
    let any = origins(&["*", "https://app.example"]);
    let cases = [
        (TlsEnd::Own, there, &named, SessionCookies::Secure),
        (TlsEnd::Proxy, there, &named, SessionCookies::Secure),
        (TlsEnd::None, here, &named, SessionCookies::Plain),
        (TlsEnd::None, there, &named, SessionCookies::Unsupported),
        (TlsEnd::Own, there, &any, SessionCookies::Unsupported),
        (TlsEnd::None, here, &any, SessionCookies::Unsupported),
    ];
    for (tls, listens, origins, expected) in cases {
        let found = SessionCookies::new(&security(tls), listens, origins);
        assert_eq!(found, expected, "{tls:?} {listens}");
    }
    let shown = head(&[("cookie", "authToken=kauth-x"), JSON, APP]);
    let uri = Uri::from_static("/_me");
    let found = SessionCookies::Unsupported.read(&any, (&Method::POST, &shown, &uri));
    let told = (found.token, found.refusal);
    assert_eq!(told, (None, Some(CookieRefusal::Unsupported)));
    assert_eq!(SessionCookies::Unsupported.setting("kauth-x", 1), None);
}

#[test]
fn scripts_and_other_sites_get_none_of_it() {
    let line = SessionCookies::Secure
        .setting("kauth-x", 3_600_500)
        .unwrap();
    let expected = "__Host-authToken=kauth-x; HttpOnly; Path=/; SameSite=Strict; \
                    Max-Age=3600; Secure";
    assert_eq!(line.to_str().unwrap(), expected);
    let line = SessionCookies::Plain.clearing().unwrap();
    let expected = "authToken=null; HttpOnly; Path=/; SameSite=Strict; Max-Age=0";
    assert_eq!(line.to_str().unwrap(), expected);
}
