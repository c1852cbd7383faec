use super::*;

#[test]
fn forms_become_objects() {
    let form = parse_urlencoded(b"a=1&b=x+y%21&a=2&c\r\n").unwrap();
    assert_eq!(
        Value::Object(form),
        json!({"a": ["1", "2"], "b": "x y!", "c": ""})
    );
    assert!(parse_urlencoded(b"\xff").is_err());
}

#[test]
fn parts_become_members_and_files_objects() {
    let body = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--c\r\n\
                --b\r\ncontent-disposition: form-data; filename=\"f;.bin\"; name=f\r\n\
                Content-Type: image/png\r\n\r\n\0\r\n\r\n--b--\r\n";
    for kind in [
        "multipart/form-data; boundary=b",
        "multipart/form-data; charset=utf-8;boundary=\"b\"",
    ] {
        let form = parse_multipart(kind, body.as_bytes()).unwrap();
        let file = json!({"file": "AA0K", "filename": "f;.bin", "encoding": "image/png"});
        assert_eq!(Value::Object(form), json!({"a": "x\r\n--c", "f": file}));
    }
    let kind = "multipart/form-data; boundary=b";
    assert!(parse_multipart(kind, b"--b--").unwrap().is_empty());
    for bad in [
        "",
        "--c--",
        "--b\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx",
    ] {
        assert!(parse_multipart(kind, bad.as_bytes()).is_err(), "{bad:?}");
    }
    assert!(parse_multipart("multipart/form-data", body.as_bytes()).is_err());
}
