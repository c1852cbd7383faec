//! A prefix that all tests of this process share; its indices are deleted when the last of them
//! ends. Never anybody else's indices.

use serde_json::{Value, json};
use std::{cell::RefCell, io::Read, io::Write, net::TcpStream, sync::Mutex, time::Duration};
use store_elasticsearch::{Config, Elasticsearch};
use testbed::Servers;

struct Lease;

struct Current {
    prefix: String,
    users: usize,
}

static CURRENT: Mutex<Option<Current>> = Mutex::new(None);

thread_local! {
    static LEASE: RefCell<Option<Lease>> = const { RefCell::new(None) };
}

pub fn config(url: &str, prefix: &str) -> Config {
    Config {
        urls: vec![url.to_owned()],
        prefix: prefix.to_owned(),
        replicas: Some(0),
        ..Config::default()
    }
}

pub fn open() -> Elasticsearch {
    Elasticsearch::new(config(
        &Servers::shared().addresses().elasticsearch_url(),
        &lease(),
    ))
    .expect("the configuration is right")
}

/// This process's prefix, until this test's thread ends.
pub fn lease() -> String {
    let mut current = CURRENT.lock().expect("no test panics here");
    let current = current.get_or_insert_with(|| Current {
        prefix: format!("{}.", testbed::unique("se")),
        users: 0,
    });
    LEASE.with_borrow_mut(|lease| {
        if lease.is_none() {
            current.users += 1;
            *lease = Some(Lease);
        }
    });
    current.prefix.clone()
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Ok(mut current) = CURRENT.lock() else {
            return;
        };
        let Some(one) = current.as_mut() else { return };
        one.users -= 1;
        if one.users > 0 {
            return;
        }
        let prefix = one.prefix.clone();
        *current = None;
        drop(current);
        let address = &Servers::shared().addresses().elasticsearch;
        let (_, indices) = http(
            address,
            "GET",
            &format!("/{prefix}*/_settings?expand_wildcards=all&filter_path=*.settings.index.uuid"),
            None,
        );
        let names: Vec<String> = indices
            .as_object()
            .map(|all| all.keys().cloned().collect())
            .unwrap_or_default();
        for some in names.chunks(20) {
            if http(address, "DELETE", &format!("/{}", some.join(",")), None).0 != 200 {
                eprintln!("indices of {prefix} are left behind");
            }
        }
    }
}

/// One request beside the store, in plain HTTP: what other hands do.
pub fn http(address: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut stream = TcpStream::connect(address).expect("the server is there");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a socket");
    let head = format!(
        "{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream
        .write_all(format!("{head}{body}").as_bytes())
        .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .expect("a status");
    let body = if head.to_ascii_lowercase().contains("chunked") {
        dechunked(body)
    } else {
        body.to_owned()
    };
    (status, serde_json::from_str(&body).unwrap_or(json!(body)))
}

/// Some answers come in chunks, whatever the request could read.
fn dechunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, behind)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).expect("a chunk has a size");
        if size == 0 {
            break;
        }
        body.push_str(&behind[..size]);
        rest = &behind[size + 2..];
    }
    body
}
