//! Both ends in one process: what a socket with TLS promises of reading and writing without waiting.

use super::*;
use rcgen::{CertificateParams, KeyPair};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector, client,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        pki_types::{PrivateKeyDer, ServerName, pem::PemObject},
    },
};

const PATIENCE: Duration = Duration::from_secs(20);

async fn pair() -> (TlsSocket, client::TlsStream<TcpStream>) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let client = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    // Little room, so that a full socket is soon reached.
    socket.set_recv_buffer_size(8 << 10).unwrap();
    let connected = socket.connect(listener.local_addr().unwrap());
    let connected = connected.await.unwrap();
    let accepted = listener.accept().await.unwrap().0;
    let (acceptor, connector) = (
        TlsAcceptor::from(Arc::new(server)),
        TlsConnector::from(Arc::new(client)),
    );
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let (accepted, connected) = tokio::join!(
        acceptor.accept(accepted),
        connector.connect(name, connected)
    );
    (accepted.unwrap().into(), connected.unwrap())
}

fn is_waiting<T: std::fmt::Debug>(result: io::Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[tokio::test]
async fn what_is_taken_is_sent_when_there_is_room_again() {
    let (mut socket, mut client) = pair().await;
    let piece = vec![b'x'; 10_000];
    let mut taken = 0;
    loop {
        match socket.try_write_vectored(&[IoSlice::new(&piece)]) {
            Ok(count) => taken += count,
            Err(error) => break assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    assert!(socket.is_holding() && !socket.try_flush().unwrap());
    let reading = tokio::spawn(async move {
        let mut received = vec![0; taken];
        client.read_exact(&mut received).await.unwrap();
        received
    });
    let flushing = async {
        while !socket.try_flush().unwrap() {
            socket.ready(Interest::WRITABLE).await.unwrap();
        }
    };
    timeout(PATIENCE, flushing).await.unwrap();
    assert!(!socket.is_holding());
    let received = timeout(PATIENCE, reading).await.unwrap().unwrap();
    assert!(received.iter().all(|byte| *byte == b'x'));
}

#[tokio::test]
async fn all_that_was_sent_is_read_and_the_end_is_said() {
    let (mut socket, mut client) = pair().await;
    let mut buffer = vec![0; 64 << 10];
    assert!(is_waiting(socket.try_read(&mut buffer)));
    client.write_all(&[b'y'; 40_000]).await.unwrap();
    client.flush().await.unwrap();
    let mut read = 0;
    let reading = async {
        while read < 40_000 {
            socket.ready(Interest::READABLE).await.unwrap();
            match socket.try_read(&mut buffer) {
                Ok(count) => read += count,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    };
    timeout(PATIENCE, reading)
        .await
        .expect("what was deciphered is not read");
    client.shutdown().await.unwrap();
    let ended = async {
        loop {
            socket.ready(Interest::READABLE).await.unwrap();
            match socket.try_read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => return other.unwrap(),
            }
        }
    };
    assert_eq!(timeout(PATIENCE, ended).await.unwrap(), 0);
    drop(socket);
    assert_eq!(
        client.read(&mut buffer).await.unwrap(),
        0,
        "the end is said"
    );
}
