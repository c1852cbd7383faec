//! A link to a server through a proxy that cuts, stalls, delays and half-closes its connections. It
//! forwards bytes, and must never look into them.

use anyhow::{Context, Result};
use runtime::TaskSet;
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
    task::JoinHandle,
    time::sleep,
};

/// What becomes of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Flow {
    #[default]
    Forward,
    Delay(Duration),
    Stall,
    Cut,
}

#[derive(Debug, Clone, Copy, Default)]
struct LinkState {
    flow: Flow,
    /// How often connections were half-closed.
    half_closes: u64,
}

/// The proxy; ends when dropped.
#[derive(Debug)]
pub(super) struct FaultyLink {
    state: watch::Sender<LinkState>,
    task: JoinHandle<()>,
    pub(super) address: String,
}

impl FaultyLink {
    /// Listens at `host:port` (port 0: a free one) and leads to the target.
    pub(super) async fn open(listen: &str, target: &str) -> Result<Self> {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("the proxy of {target} cannot listen at {listen}"))?;
        let address = listener.local_addr()?.to_string();
        let (state, watched) = watch::channel(LinkState::default());
        let task = runtime::spawn(
            "faulty link",
            accept_connections(listener, target.to_owned(), watched),
        );
        Ok(Self {
            state,
            task,
            address,
        })
    }

    pub(super) fn set(&self, flow: Flow) {
        self.state.send_modify(|state| state.flow = flow);
    }

    /// The server's half of each connection ends: the client reads its end, and may still send.
    pub(super) fn half_close(&self) {
        self.state.send_modify(|state| state.half_closes += 1);
    }
}

impl Drop for FaultyLink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept_connections(
    listener: TcpListener,
    target: String,
    watched: watch::Receiver<LinkState>,
) {
    let mut connections = TaskSet::new();
    let target: Arc<str> = target.into();
    loop {
        tokio::select! {
            Some(()) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else {
                    return;
                };
                let forward = forward_connection(client, target.clone(), watched.clone());
                connections.spawn("faulty connection", forward);
            }
        }
    }
}

async fn forward_connection(
    client: TcpStream,
    target: Arc<str>,
    mut watched: watch::Receiver<LinkState>,
) {
    // A stalled link takes connections, and nothing comes of them.
    if !wait_for_flow(&mut watched).await {
        return;
    }
    let Ok(server) = TcpStream::connect(&*target).await else {
        return;
    };
    _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let up = pump_bytes(from_client, to_server, watched.clone(), false);
    let down = pump_bytes(from_server, to_client, watched, true);
    // Whoever is cut ends both; a half that ends by itself leaves the other.
    tokio::pin!(up, down);
    let first = tokio::select! {
        end = &mut up => (end, true),
        end = &mut down => (end, false),
    };
    match first {
        (PumpEnd::Cut, _) => {}
        (PumpEnd::Closed, true) => _ = down.await,
        (PumpEnd::Closed, false) => _ = up.await,
    }
}

/// Waits while it is stalled; false where it is cut.
async fn wait_for_flow(watched: &mut watch::Receiver<LinkState>) -> bool {
    let state = watched.wait_for(|state| state.flow != Flow::Stall).await;
    state.is_ok_and(|state| state.flow != Flow::Cut)
}

enum PumpEnd {
    Cut,
    /// Its own direction is closed; the other may still be open.
    Closed,
}

async fn pump_bytes(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut watched: watch::Receiver<LinkState>,
    is_half_closed: bool,
) -> PumpEnd {
    let half_closes = watched.borrow_and_update().half_closes;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => Some(read),
            changed = watched.changed() => {
                if changed.is_err() {
                    return PumpEnd::Cut;
                }
                None
            }
        };
        let state = *watched.borrow();
        if state.flow == Flow::Cut {
            return PumpEnd::Cut;
        }
        if is_half_closed && state.half_closes > half_closes {
            _ = to.shutdown().await;
            return PumpEnd::Closed;
        }
        match read {
            None => {}
            Some(Ok(0) | Err(_)) => {
                _ = to.shutdown().await;
                return PumpEnd::Closed;
            }
            Some(Ok(count)) => {
                if let Flow::Delay(time) = state.flow {
                    sleep(time).await;
                }
                if !wait_for_flow(&mut watched).await
                    || to.write_all(&buffer[..count]).await.is_err()
                {
                    return PumpEnd::Cut;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FaultyLink, Flow};
    use std::time::Duration;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        time::timeout,
    };

    /// A server that sends back what it is sent, and a link to it.
    async fn echo() -> (FaultyLink, tokio::task::JoinHandle<()>) {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = server.local_addr().unwrap().to_string();
        let task = runtime::spawn("echo", async move {
            while let Ok((mut stream, _)) = server.accept().await {
                runtime::spawn("echoes", async move {
                    let (mut from, mut to) = stream.split();
                    drop(tokio::io::copy(&mut from, &mut to).await);
                });
            }
        });
        (
            FaultyLink::open("127.0.0.1:0", &target).await.unwrap(),
            task,
        )
    }

    async fn ping(stream: &mut TcpStream) -> Option<u8> {
        stream.write_all(b"p").await.ok()?;
        stream.read_u8().await.ok()
    }

    const SHORT: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn it_forwards_stalls_and_cuts() {
        let (link, _server) = echo().await;
        let mut stream = TcpStream::connect(&link.address).await.unwrap();
        assert_eq!(ping(&mut stream).await, Some(b'p'));
        link.set(Flow::Stall);
        assert!(
            timeout(SHORT, ping(&mut stream)).await.is_err(),
            "it forwards"
        );
        link.set(Flow::Forward);
        assert_eq!(
            timeout(SHORT * 10, stream.read_u8())
                .await
                .unwrap()
                .unwrap(),
            b'p'
        );
        link.set(Flow::Cut);
        assert_eq!(timeout(SHORT * 10, ping(&mut stream)).await.unwrap(), None);
        let mut later = TcpStream::connect(&link.address).await.unwrap();
        assert_eq!(timeout(SHORT * 10, ping(&mut later)).await.unwrap(), None);
        link.set(Flow::Forward);
        let mut later = TcpStream::connect(&link.address).await.unwrap();
        assert_eq!(ping(&mut later).await, Some(b'p'));
    }

    #[tokio::test]
    async fn it_delays_and_half_closes() {
        let (link, _server) = echo().await;
        let mut stream = TcpStream::connect(&link.address).await.unwrap();
        assert_eq!(ping(&mut stream).await, Some(b'p'));
        link.set(Flow::Delay(SHORT));
        let began = tokio::time::Instant::now();
        assert_eq!(ping(&mut stream).await, Some(b'p'));
        assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
        link.set(Flow::Forward);
        link.half_close();
        let end = timeout(SHORT * 10, stream.read_u8()).await.unwrap();
        assert!(end.is_err(), "the server's half is open");
        stream.write_all(b"still").await.unwrap();
    }
}
