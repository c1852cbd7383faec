//! What is refused, and that nothing is connected to then.

use crate::server::{Server, text};
use outbound::{
    OutboundClient, OutboundConfig, OutboundError, OutboundRequest, RefusedAddress, ResolveNames,
};
use std::{
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

fn config(networks: &[&str], hosts: &[&str]) -> OutboundConfig {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    OutboundConfig {
        allowed_networks: owned(networks),
        plain_hosts: owned(hosts),
        timeout_seconds: 2,
        answer_limit_bytes: 1_000,
        ..OutboundConfig::default()
    }
}

async fn get(config: &OutboundConfig, url: &str) -> Result<String, OutboundError> {
    let client = OutboundClient::new(config).unwrap();
    let answer = client.send(OutboundRequest::get(url)).await?;
    Ok(format!(
        "{} {}",
        answer.status.as_u16(),
        String::from_utf8_lossy(&answer.body)
    ))
}

fn refused(host: &str, address: &str) -> OutboundError {
    RefusedAddress {
        host: host.to_owned(),
        address: address.parse().unwrap(),
    }
    .into()
}

#[tokio::test]
async fn what_is_not_named_is_not_connected_to() {
    let server = Server::start(text("hello")).await;
    let url = server.url("127.0.0.1");
    let plain = Err(OutboundError::PlainHost("127.0.0.1".to_owned()));
    assert_eq!(get(&config(&["127.0.0.1"], &[]), &url).await, plain);
    let inside = Err(refused("127.0.0.1", "127.0.0.1"));
    assert_eq!(get(&config(&[], &["127.0.0.1"]), &url).await, inside);
    // However the address is written.
    for (written, host) in [
        ("127.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
    ] {
        let address = host.trim_matches(['[', ']']);
        let asked = get(&config(&[], &[host]), &server.url(written)).await;
        assert_eq!(asked, Err(refused(host, address)), "{written}");
    }
    let name = get(&config(&[], &["localhost"]), &server.url("localhost")).await;
    assert!(matches!(name, Err(OutboundError::Refused(_))), "{name:?}");
    assert_eq!(server.connections(), 0);
    let named = config(&["127.0.0.1"], &["127.0.0.1"]);
    assert_eq!(get(&named, &url).await, Ok("200 hello".to_owned()));
    assert_eq!(server.connections(), 1);
    for odd in [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "nothing",
        "http://user:secret@127.0.0.1/",
    ] {
        let asked = get(&named, odd).await.unwrap_err();
        assert!(matches!(asked, OutboundError::BadAddress(_)), "{asked:?}");
        assert!(!asked.to_string().contains("secret") && !asked.is_transient());
    }
}

/// Says one thing first and another later, as a name of an attacker may.
struct Turncoat {
    asked: AtomicUsize,
    answers: [&'static [&'static str]; 2],
}

#[async_trait::async_trait]
impl ResolveNames for Turncoat {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst).min(1);
        let answers = self.answers[turn].iter();
        Ok(answers.map(|text| text.parse().unwrap()).collect())
    }
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_a_connection_and_each_of_its_addresses_must_do() {
    let server = Server::start(text("hello")).await;
    let names = |answers| {
        Arc::new(Turncoat {
            asked: AtomicUsize::new(0),
            answers,
        })
    };
    let config = config(&["127.0.0.1/32"], &["hooks.test"]);
    let url = server.url("hooks.test");
    let turning = names([&["127.0.0.1"], &["127.0.0.2"]]);
    let client = OutboundClient::with_names(&config, turning.clone()).unwrap();
    let first = client.send(OutboundRequest::get(&url)).await.unwrap();
    assert_eq!(first.body, "hello");
    assert_eq!(turning.asked.load(Ordering::SeqCst), 1);
    let second = client.send(OutboundRequest::get(&url)).await;
    assert_eq!(second.unwrap_err(), refused("hooks.test", "127.0.0.2"));
    assert_eq!(server.connections(), 1);

    let mixed = names([&["127.0.0.1", "169.254.169.254"], &[]]);
    let client = OutboundClient::with_names(&config, mixed).unwrap();
    let asked = client.send(OutboundRequest::get(&url)).await;
    assert_eq!(asked.unwrap_err(), refused("hooks.test", "169.254.169.254"));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer_that_is_not_followed() {
    let inside = Server::start(text("secret")).await;
    let to = inside.url("127.0.0.1");
    let moved = format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    let server = Server::start(moved).await;
    let named = config(&["127.0.0.1"], &["127.0.0.1"]);
    assert_eq!(
        get(&named, &server.url("127.0.0.1")).await,
        Ok("302 ".to_owned())
    );
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let named = config(&["127.0.0.1"], &["127.0.0.1"]);
    let long = Err(OutboundError::TooLong(1_000));
    let declared = Server::start(text(&"x".repeat(1_001))).await;
    assert_eq!(get(&named, &declared.url("127.0.0.1")).await, long);
    let pieces = format!("{:x}\r\n{}\r\n", 600, "x".repeat(600)).repeat(2);
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunked = Server::start(format!("{head}{pieces}0\r\n\r\n")).await;
    assert_eq!(get(&named, &chunked.url("127.0.0.1")).await, long);
    let fitting = Server::start(text(&"x".repeat(1_000))).await;
    assert!(get(&named, &fitting.url("127.0.0.1")).await.is_ok());
    let silent = Server::start("").await;
    let asked = get(&named, &silent.url("127.0.0.1")).await;
    assert_eq!(asked, Err(OutboundError::TimedOut));
    // A body that never comes to its end.
    let stuck = Server::start("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx").await;
    let asked = get(&named, &stuck.url("127.0.0.1")).await.unwrap_err();
    assert!(asked.is_transient(), "{asked:?}");
}

const CHILD: &str = "CONSIGN_TEST_OUTBOUND_CHILD";

/// The environment is a process's, so the call is made by another one.
#[tokio::test]
async fn proxies_of_the_environment_are_not_used() {
    if let Ok(url) = std::env::var(CHILD) {
        let named = config(&["127.0.0.1"], &["127.0.0.1"]);
        assert_eq!(get(&named, &url).await, Ok("200 hello".to_owned()));
        return;
    }
    let (server, proxy) = (
        Server::start(text("hello")).await,
        Server::start(text("proxied")).await,
    );
    let child = std::env::current_exe().unwrap();
    let name = "guard::proxies_of_the_environment_are_not_used";
    let mut child = tokio::process::Command::new(child);
    child.args(["--exact", name]);
    child.env(CHILD, server.url("127.0.0.1"));
    for variable in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        child.env(variable, format!("http://{}", proxy.address));
    }
    let ended = child.output().await.unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(
        ended.status.success() && said.contains("1 passed"),
        "{said}"
    );
    assert_eq!((server.connections(), proxy.connections()), (1, 0));
}
