//! The task of a connection over a socket that keeps what it is given for a while, as one with TLS
//! does.

use super::*;
use crate::{frame::TextFrame, outbox::OutboxLimits};
use tokio::{
    io::{AsyncReadExt, Ready},
    net::{TcpListener, TcpStream},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(10);
const NEVER: Duration = Duration::from_secs(3_600);

/// Holds each piece back once.
struct HoldingSocket {
    stream: TcpStream,
    held: Vec<u8>,
    was_asked: bool,
}

impl ByteSocket for HoldingSocket {
    async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.stream.ready(interest).await
    }

    fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stream.try_read(into)
    }

    fn try_write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        pieces
            .iter()
            .for_each(|piece| self.held.extend_from_slice(piece));
        self.was_asked = false;
        Ok(pieces.iter().map(|piece| piece.len()).sum())
    }

    fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    fn try_flush(&mut self) -> io::Result<bool> {
        if self.held.is_empty() || !std::mem::replace(&mut self.was_asked, true) {
            return Ok(self.held.is_empty());
        }
        let written = self.stream.try_write(&self.held)?;
        self.held.drain(..written);
        Ok(self.held.is_empty())
    }
}

struct Silent;

impl MessageHandler for Silent {
    fn keep_alive(&mut self, _: &[u8]) -> Option<Bytes> {
        None
    }
    fn receive(&mut self, _: Bytes) {}
    fn refuse(&mut self, _: Bytes) {}
    fn resume(&mut self) {}
    fn is_idle(&self) -> bool {
        true
    }
    fn closing(&mut self) {}
}

#[tokio::test]
async fn what_the_socket_holds_is_sent_though_nothing_else_happens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let socket = HoldingSocket {
        stream: listener.accept().await.unwrap().0,
        held: Vec::new(),
        was_asked: false,
    };
    let limits = OutboxLimits {
        pushed_bytes: 1_000,
        pushed: 10,
        answer_bytes: 1_000,
    };
    let outbox = Arc::new(Outbox::new(limits, false, Arc::default()));
    let options = ConnectionOptions {
        timeouts: ConnectionTimeouts {
            ping_after: NEVER,
            pong_within: NEVER,
            message_within: NEVER,
            close_within: NEVER,
            drain_within: NEVER,
        },
        message_limit: 1_000,
        deflate: false,
    };
    let (_trigger, shutdown) = Shutdown::manual();
    let (sending, early) = (outbox.clone(), Bytes::new());
    let serving = serve_connection(socket, early, options, outbox, Silent, shutdown);
    let reading = async {
        for _ in 0..3 {
            sending.control(TextFrame::from_pieces(&["told"]).bytes(false));
            let mut frame = [0; 6];
            client.read_exact(&mut frame).await.unwrap();
            assert_eq!(&frame[2..], b"told");
        }
    };
    tokio::select! {
        () = serving => panic!("the connection ended"),
        read = timeout(PATIENCE, reading) => read.expect("what was held never came"),
    }
}
