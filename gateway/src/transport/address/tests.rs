use super::*;

/// What is handed on, however the bytes are cut.
fn handed_on(bytes: &[u8], cut: usize) -> Vec<u8> {
    let mut encoder = AddressEncoder::default();
    let mut all = Vec::new();
    for part in bytes.chunks(cut) {
        all.extend(encoder.take(part).unwrap_or_else(|| part.to_vec()));
    }
    all
}

#[test]
fn addresses_are_encoded_and_nothing_else_is() {
    let quoted = "GET /\"<é>` HTTP/1.1\r\nx: \"é\"\r\n";
    let line = "GET /%22%3C%C3%A9%3E%60 HTTP/1.1\r\nx: \"é\"\r\n";
    let body = "POST /\"a HTTP/1.1\n";
    let long = "y".repeat(200);
    let length = body.len();
    let cases = [
        (format!("{quoted}\r\n"), format!("{line}\r\n")),
        // A body that looks like a head, and the request behind it.
        (
            format!("{quoted}Content-Length: {length}\r\n\r\n{body}{quoted}\r\n"),
            format!("{line}Content-Length: {length}\r\n\r\n{body}{line}\r\n"),
        ),
        (
            format!("{quoted}content-length:0\r\nz: {long}\r\n\r\n\r\n{quoted}\r\n"),
            format!("{line}content-length:0\r\nz: {long}\r\n\r\n\r\n{line}\r\n"),
        ),
    ];
    for (sent, wanted) in cases {
        for cut in [1, 2, 7, 64, 10_000] {
            let found = handed_on(sent.as_bytes(), cut);
            assert_eq!(String::from_utf8_lossy(&found), wanted, "{cut} at a time");
        }
    }
}

#[test]
fn behind_a_framing_that_is_not_plain_nothing_is_changed() {
    for field in [
        "Transfer-Encoding: chunked",
        "Upgrade: websocket",
        "Content-Length: +5",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length : 5\r\nContent-Length: 5",
        " folded: 1",
        "no colon",
    ] {
        let sent = format!("GET / HTTP/1.1\r\n{field}\r\n\r\n\"\r\n\r\nGET /\" HTTP/1.1\r\n\r\n");
        for cut in [1, 10_000] {
            let found = handed_on(sent.as_bytes(), cut);
            assert_eq!(String::from_utf8_lossy(&found), sent, "{field}");
        }
    }
}
