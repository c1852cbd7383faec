use super::*;

#[test]
fn only_the_parsers_own_refusal_is_bare() {
    let bare = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\
                content-length: 0\r\ndate: Sat, 28 Nov 2026 06:28:57 GMT\r\n\r\n";
    assert_eq!(bare_refusal(bare.as_bytes()), Some((0, 431)));
    let behind = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{{}}{bare}");
    assert_eq!(
        bare_refusal(behind.as_bytes()),
        Some((behind.len() - bare.len(), 431))
    );
    for other in [
        bare.replace("431", "204"),
        bare.replace("date", "etag"),
        bare.replace("content-length: 0", "content-length: 9"),
        format!("{bare}{{}}"),
        "\r\n\r\n".to_owned(),
    ] {
        assert_eq!(bare_refusal(other.as_bytes()), None, "{other}");
    }
}
