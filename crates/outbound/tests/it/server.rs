//! A server that gives each connection the same bytes, and counts them.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};

pub struct Server {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Answers with these bytes and closes; without any, it never answers.
    pub async fn start(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, answer) = (Arc::new(AtomicUsize::new(0)), answer.into());
        let count = connections.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, answer.clone()));
            }
        });
        Self {
            address,
            connections,
        }
    }

    pub fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/path", self.address.port())
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

pub async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: Vec<u8>) {
    let (mut asked, mut piece) = (Vec::new(), [0; 1024]);
    while !asked.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(read) => asked.extend_from_slice(&piece[..read]),
        }
    }
    if answer.is_empty() {
        std::future::pending::<()>().await;
    }
    // A client that has seen enough goes away.
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

pub fn text(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}
