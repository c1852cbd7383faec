//! A TCP proxy that a test can make misbehave: cut every connection, freeze the bytes, forward
//! again. It forwards bytes and never looks into them. Threads, no runtime: it works under any test
//! and outlives none.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Forward,
    Frozen,
    Cut,
    Ended,
}

#[derive(Debug)]
struct State {
    mode: Mode,
    connections: Vec<TcpStream>,
    accepted: u64,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while frozen; false when bytes must not flow any more.
    fn may_flow(&self) -> bool {
        let mut state = self.lock();
        while state.mode == Mode::Frozen {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.mode == Mode::Forward
    }

    fn set(&self, mode: Mode) {
        let mut state = self.lock();
        state.mode = mode;
        if matches!(mode, Mode::Cut | Mode::Ended) {
            for connection in state.connections.drain(..) {
                drop(connection.shutdown(Shutdown::Both));
            }
        }
        self.changed.notify_all();
    }
}

/// Listens on a port of its own and forwards to the target until told otherwise.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Proxy {
    /// A proxy on a free port.
    ///
    /// # Errors
    /// If no port can be had.
    pub fn start(target: &str) -> Result<Self> {
        Self::on(0, target)
    }

    /// A proxy on a port that must be known beforehand (Kafka tells it to its clients).
    ///
    /// # Errors
    /// If the port is taken.
    pub fn on(port: u16, target: &str) -> Result<Self> {
        let listener =
            TcpListener::bind(("127.0.0.1", port)).with_context(|| format!("proxy port {port}"))?;
        let address = listener.local_addr()?;
        let state = State {
            mode: Mode::Forward,
            connections: Vec::new(),
            accepted: 0,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        listener.set_nonblocking(true)?;
        let (inner, target) = (Arc::clone(&shared), target.to_owned());
        thread::Builder::new()
            .name("proxy".into())
            .spawn(move || accept(&listener, &inner, &target))?;
        Ok(Self { address, shared })
    }

    /// `host:port` for the client.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections it has forwarded so far.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.lock().accepted
    }

    /// Closes every connection and every new one at once.
    pub fn cut(&self) {
        self.shared.set(Mode::Cut);
    }

    /// Keeps every connection open, takes new ones, moves no byte: what a dead route or a stopped
    /// process looks like.
    pub fn freeze(&self) {
        self.shared.set(Mode::Frozen);
    }

    /// Forwards again; after a freeze the held bytes go on.
    pub fn restore(&self) {
        self.shared.set(Mode::Forward);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.set(Mode::Ended);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, target: &str) {
    loop {
        if shared.lock().mode == Mode::Ended {
            return;
        }
        match listener.accept() {
            Ok((client, _)) => {
                let (shared, target) = (Arc::clone(shared), target.to_owned());
                thread::spawn(move || serve(client, &shared, &target));
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(2)),
            Err(_) => return,
        }
    }
}

fn serve(client: TcpStream, shared: &Arc<Shared>, target: &str) {
    if !shared.may_flow() || client.set_nonblocking(false).is_err() {
        return; // dropped: closed at once
    }
    let Ok(server) = TcpStream::connect(target) else {
        return;
    };
    drop((client.set_nodelay(true), server.set_nodelay(true)));
    let copies = (
        client.try_clone(),
        server.try_clone(),
        client.try_clone(),
        server.try_clone(),
    );
    let (Ok(client_out), Ok(server_out), Ok(client_kept), Ok(server_kept)) = copies else {
        return;
    };
    {
        let mut state = shared.lock();
        if matches!(state.mode, Mode::Cut | Mode::Ended) {
            return;
        }
        state.accepted += 1;
        state.connections.retain(|c| c.peer_addr().is_ok());
        state.connections.extend([client_kept, server_kept]);
    }
    let up = Arc::clone(shared);
    let upward = thread::spawn(move || pump(client, server_out, &up));
    pump(server, client_out, shared);
    drop(upward.join());
}

fn pump(mut from: TcpStream, mut to: TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return drop(to.shutdown(Shutdown::Write)), // one half is closed, the other may still speak
            Ok(n) if shared.may_flow() && to.write_all(&buffer[..n]).is_ok() => {}
            Ok(_) | Err(_) => {
                return drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
            }
        }
    }
}
