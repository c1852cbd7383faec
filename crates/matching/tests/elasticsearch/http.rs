//! One request, one answer, over a plain connection: enough to ask Elasticsearch, without a client
//! library.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// The answer's body; panics when it is no success.
pub fn call(address: &str, method: &str, path: &str, body: &str) -> Value {
    let mut stream = TcpStream::connect(address)
        .unwrap_or_else(|error| panic!("Elasticsearch at {address}: {error}"));
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("an HTTP answer");
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let body = &answer[end + 4..];
    let body = if head.contains("transfer-encoding: chunked") {
        joined(body)
    } else {
        body.to_vec()
    };
    let status = head.split_whitespace().nth(1).unwrap_or_default();
    assert!(
        status.starts_with('2'),
        "{method} {path}: {head}\n{}",
        String::from_utf8_lossy(&body)
    );
    serde_json::from_slice(&body).unwrap()
}

/// The chunks without their lengths.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = chunks
            .windows(2)
            .position(|window| window == b"\r\n")
            .expect("the length of a chunk");
        let length =
            usize::from_str_radix(std::str::from_utf8(&chunks[..line]).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&chunks[line + 2..line + 2 + length]);
        chunks = &chunks[line + 2 + length + 2..];
    }
}
