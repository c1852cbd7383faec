//! A client that speaks TCP: for what a decent HTTP client would never send.

use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Duration, timeout},
};

pub struct Raw(pub TcpStream);

impl Raw {
    pub async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// All that comes until the other side closes.
    pub async fn rest(&mut self) -> String {
        let mut all = Vec::new();
        // A reset after the answer is an end too.
        _ = timeout(Duration::from_secs(20), self.0.read_to_end(&mut all))
            .await
            .expect("the connection stays open");
        String::from_utf8_lossy(&all).into_owned()
    }

    /// What comes until a text is seen.
    pub async fn until(&mut self, text: &str) -> String {
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&all).contains(text) {
            let read = timeout(Duration::from_secs(20), self.0.read(&mut buffer)).await;
            let count = read
                .unwrap_or_else(|_| panic!("only {:?} came", String::from_utf8_lossy(&all)))
                .unwrap();
            assert!(
                count > 0,
                "closed after {:?}",
                String::from_utf8_lossy(&all)
            );
            all.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8_lossy(&all).into_owned()
    }
}
