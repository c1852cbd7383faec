use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let usual = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in usual.iter().chain(pairs) {
        if value.is_empty() {
            drop(headers.remove(*name))
        } else {
            drop(headers.insert(*name, HeaderValue::from_static(value)))
        }
    }
    headers
}

#[test]
fn the_key_is_answered_as_the_standard_says() {
    let agreed = accept_upgrade(&Method::GET, &headers(&[]), true).unwrap();
    assert_eq!(
        agreed,
        AcceptedUpgrade {
            accept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".into(),
            deflate: false,
            subprotocol: None
        }
    );
    assert!(is_upgrade_request(&headers(&[])) && !is_upgrade_request(&HeaderMap::new()));
}

#[test]
fn compression_is_agreed_on_where_it_can_be_done() {
    let deflate = |offer| {
        accept_upgrade(
            &Method::GET,
            &headers(&[("sec-websocket-extensions", offer)]),
            true,
        )
        .unwrap()
        .deflate
    };
    assert!(deflate("permessage-deflate; client_max_window_bits"));
    assert!(deflate(
        "permessage-deflate; server_max_window_bits=10, permessage-deflate"
    ));
    assert!(deflate(
        "permessage-deflate;server_no_context_takeover; server_max_window_bits=15"
    ));
    assert!(!deflate("permessage-deflate; server_max_window_bits=10"));
    assert!(!deflate("permessage-bzip2"));
    assert!(
        !accept_upgrade(
            &Method::GET,
            &headers(&[("sec-websocket-extensions", "permessage-deflate")]),
            false
        )
        .unwrap()
        .deflate
    );
}

#[test]
fn what_is_no_upgrade_is_refused() {
    assert!(matches!(
        accept_upgrade(&Method::POST, &headers(&[]), true),
        Err(UpgradeError::Malformed(_))
    ));
    assert!(matches!(
        accept_upgrade(&Method::GET, &headers(&[("connection", "close")]), true),
        Err(UpgradeError::Malformed(_))
    ));
    assert!(matches!(
        accept_upgrade(
            &Method::GET,
            &headers(&[("sec-websocket-key", "short")]),
            true
        ),
        Err(UpgradeError::Malformed(_))
    ));
    assert!(matches!(
        accept_upgrade(&Method::GET, &headers(&[("sec-websocket-key", "")]), true),
        Err(UpgradeError::Malformed(_))
    ));
    assert_eq!(
        accept_upgrade(
            &Method::GET,
            &headers(&[("sec-websocket-version", "8")]),
            true
        ),
        Err(UpgradeError::UnsupportedVersion)
    );
}

/// What a browser offers and is not answered ends its connection.
#[test]
fn the_first_subprotocol_is_agreed_on() {
    let answered = |offers| {
        let (_, head) = accept_upgrade(
            &Method::GET,
            &headers(&[("sec-websocket-protocol", offers)]),
            true,
        )
        .unwrap()
        .response_head();
        head.get(header::SEC_WEBSOCKET_PROTOCOL)
            .map(|one| one.to_str().unwrap().to_owned())
    };
    assert_eq!(answered("null").as_deref(), Some("null"));
    assert_eq!(answered(" a , b").as_deref(), Some("a"));
    assert_eq!((answered(" , "), answered("")), (None, None));
}
