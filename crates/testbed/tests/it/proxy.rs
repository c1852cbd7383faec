//! The chaos proxy before an echo server.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use testbed::Proxy;

fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address").to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("accept");
            thread::spawn(move || {
                let mut out = stream.try_clone().expect("clone");
                drop(std::io::copy(&mut stream, &mut out));
            });
        }
    });
    address
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).expect("connect");
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .expect("timeout");
    stream
}

fn ask(stream: &mut TcpStream, text: &[u8; 4]) -> std::io::Result<[u8; 4]> {
    stream.write_all(text)?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).map(|()| answer)
}

#[test]
fn forwards_freezes_and_lets_the_held_bytes_go_on() {
    let proxy = Proxy::start(&echo()).expect("proxy");
    let mut client = connect(&proxy);
    assert_eq!(ask(&mut client, b"one.").expect("answer"), *b"one.");
    proxy.freeze();
    let frozen = ask(&mut client, b"two.").expect_err("frozen");
    assert!(
        matches!(frozen.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{frozen}"
    );
    let mut late = connect(&proxy);
    assert!(
        ask(&mut late, b"late").is_err(),
        "a new connection is taken, but nothing moves"
    );
    proxy.restore();
    let mut held = [0; 4];
    client.read_exact(&mut held).expect("the held bytes");
    assert_eq!(held, *b"two.");
    late.read_exact(&mut held).expect("the held bytes");
    assert_eq!((held, proxy.accepted()), (*b"late", 2));
}

#[test]
fn cuts_old_and_new_connections_until_restored() {
    let proxy = Proxy::start(&echo()).expect("proxy");
    let mut client = connect(&proxy);
    assert!(ask(&mut client, b"one.").is_ok());
    proxy.cut();
    assert!(ask(&mut client, b"two.").is_err());
    assert!(ask(&mut connect(&proxy), b"new.").is_err());
    proxy.restore();
    assert_eq!(
        ask(&mut connect(&proxy), b"back").expect("answer"),
        *b"back"
    );
}

#[test]
fn closing_one_side_reaches_the_other() {
    let proxy = Proxy::start(&echo()).expect("proxy");
    let mut client = connect(&proxy);
    assert!(ask(&mut client, b"one.").is_ok());
    client
        .shutdown(std::net::Shutdown::Write)
        .expect("shutdown");
    assert_eq!(client.read(&mut [0; 4]).expect("end of stream"), 0);
}
