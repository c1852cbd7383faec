//! A connection's task: bytes from the socket to the machine, and what the machine wants done.
//! While nothing happens it holds no buffer, and it never waits for its client with anything in its
//! hands but what it sends.

use super::{
    Connection,
    decode::{Decoder, Message},
    frame::Frame,
    requests::Requests,
    state::{Action, Event, Machine, Patience},
};
use crate::{app::Shared, kuzzle::fault::Id};
use bytes::Bytes;
use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice},
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::{
    io::Interest,
    net::TcpStream,
    time::{Instant, sleep_until},
};

/// Read at once, into a buffer that all connections of a thread share.
const READ: usize = 16 << 10;
/// Reads before others have their turn.
const TURNS: usize = 16;
/// Taken from the outbox at once, and frames written at once.
const BATCH: usize = 64 << 10;
const SLICES: usize = 32;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// What old clients ask, and the answer.
const ALIVE: &[u8] = br#"{"p":1}"#;
static WELL: LazyLock<Bytes> = LazyLock::new(|| Frame::text(&[r#"{"p":2}"#]).bytes(false));

struct Wire {
    app: Shared,
    stream: TcpStream,
    connection: Arc<Connection>,
    machine: Machine,
    decoder: Decoder,
    requests: Requests,
    sending: VecDeque<Bytes>,
    /// Bytes of the first frame that are sent.
    sent: usize,
    /// The last frame, once there is one.
    last: Option<Bytes>,
    /// When what the outbox holds back may be sent.
    held: Option<Instant>,
    /// The socket took no more the last time.
    blocked: bool,
    closing: bool,
    /// Frames cannot be told from each other any more: what arrives is thrown away.
    broken: bool,
}

/// Gives up everything that the connection has, however its task ends.
struct Leaving {
    app: Shared,
    connection: Arc<Connection>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.connection.outbox.close();
        self.app.subscriptions.forget(self.connection.number);
        self.app.metrics.sockets.dec();
    }
}

/// Serves a connection until it ends. `early`: bytes that came with the request to upgrade.
pub(super) async fn run(
    app: Shared,
    stream: TcpStream,
    early: Bytes,
    connection: Arc<Connection>,
    deflate: bool,
) {
    app.metrics.sockets.inc();
    app.subscriptions
        .welcome(connection.number, connection.outbox.clone());
    let _leaving = Leaving {
        app: app.clone(),
        connection: connection.clone(),
    };
    let mut wire = Wire {
        machine: Machine::new(patience(&app), Instant::now()),
        decoder: Decoder::new(app.config.live.message_limit_bytes, deflate),
        requests: Requests::default(),
        sending: VecDeque::new(),
        sent: 0,
        last: None,
        held: None,
        blocked: false,
        closing: false,
        broken: false,
        app,
        stream,
        connection,
    };
    wire.feed(&early);
    drop(early);
    wire.serve().await;
}

fn patience(app: &Shared) -> Patience {
    let live = &app.config.live;
    Patience {
        ping_after: Duration::from_secs(live.ping_seconds.max(1)),
        pong_within: Duration::from_secs(live.pong_seconds.max(1)),
        message_within: Duration::from_secs(live.message_timeout_seconds.max(1)),
        close_within: Duration::from_secs(live.close_seconds.max(1)),
        drain_within: app.config.drain(),
    }
}

impl Wire {
    async fn serve(&mut self) {
        let shutdown = self.app.shutdown.clone();
        let mut stopping = false;
        let alarm = sleep_until(self.machine.due());
        tokio::pin!(alarm);
        loop {
            self.advance();
            if self.machine.is_ended() {
                return;
            }
            let due = self.due();
            if due < alarm.deadline() {
                alarm.as_mut().reset(due);
            }
            let interest = if self.sending.is_empty() {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            tokio::select! {
                ready = self.stream.ready(interest) => match ready {
                    Ok(ready) if ready.is_readable() || ready.is_read_closed() => self.read(),
                    Ok(_) => {}
                    Err(_) => self.on(Event::PeerGone),
                },
                () = self.connection.outbox.changed() => {}
                () = &mut alarm => {
                    let now = Instant::now();
                    if self.machine.due() <= now {
                        self.on(Event::Tick);
                    }
                    self.held = self.held.filter(|held| *held > now);
                    alarm.as_mut().reset(self.due().max(now + Duration::from_millis(1)));
                }
                () = shutdown.soft(), if !stopping => {
                    stopping = true;
                    self.on(Event::Stopping);
                }
                () = shutdown.hard() => return,
            }
        }
    }

    /// When to look again though nothing happens.
    fn due(&self) -> Instant {
        let due = self.machine.due();
        self.held.map_or(due, |held| held.min(due))
    }

    /// Everything that can be done without waiting.
    fn advance(&mut self) {
        if let Some(ending) = self.connection.outbox.ending() {
            self.on(Event::Ending(ending));
        }
        self.requests.begin(&self.app, &self.connection);
        loop {
            if self.sending.is_empty() {
                self.held = self
                    .connection
                    .outbox
                    .take(&mut self.sending, BATCH, Instant::now());
            }
            if self.sending.is_empty() {
                match self.last.take() {
                    Some(last) => self.sending.push_back(last),
                    None => break,
                }
            }
            match self.write() {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => return self.on(Event::PeerGone),
            }
        }
        self.sending.shrink_to(0);
        // What was sent made room.
        self.requests.begin(&self.app, &self.connection);
        match self.closing {
            true => self.on(Event::Sent),
            false
                if self.requests.is_idle(&self.connection) && self.connection.outbox.is_empty() =>
            {
                self.on(Event::Idle)
            }
            false => {}
        }
        // The farewell of a connection with nothing left to do.
        if !self.machine.is_ended() && self.last.is_some() {
            self.advance();
        }
    }

    /// False: the socket takes no more now.
    fn write(&mut self) -> io::Result<bool> {
        while !self.sending.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            for (n, (slice, frame)) in slices.iter_mut().zip(&self.sending).enumerate() {
                *slice = IoSlice::new(if n == 0 { &frame[self.sent..] } else { frame });
            }
            let count = self.sending.len().min(SLICES);
            let mut written = match self.stream.try_write_vectored(&slices[..count]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.blocked = true;
                    return Ok(false);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if std::mem::take(&mut self.blocked) {
                // Room in a full socket is made by the peer only.
                self.machine.taken(Instant::now());
            }
            while let Some(left) = self.sending.front().map(|frame| frame.len() - self.sent) {
                if written < left {
                    self.sent += written;
                    break;
                }
                written -= left;
                self.sent = 0;
                self.sending.pop_front();
            }
        }
        Ok(true)
    }

    fn read(&mut self) {
        for _ in 0..TURNS {
            let gone = SCRATCH.with_borrow_mut(|scratch| match self.stream.try_read(scratch) {
                Ok(0) => Some(true),
                Ok(count) => {
                    self.feed(&scratch[..count]);
                    (count < READ).then_some(false)
                }
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
                {
                    Some(false)
                }
                Err(_) => Some(true),
            });
            match gone {
                Some(true) => return self.on(Event::PeerGone),
                Some(false) => return,
                None => {}
            }
        }
    }

    /// Once the farewell was said, only the peer's part of it is looked for.
    fn feed(&mut self, mut bytes: &[u8]) {
        while !self.broken && !self.machine.is_ended() {
            match (self.decoder.next(&mut bytes), self.machine.is_listening()) {
                (Ok(Some(message)), true) | (Ok(Some(message @ Message::Close(_))), false) => {
                    self.message(message)
                }
                (
                    Ok(Some(
                        Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong,
                    )),
                    false,
                ) => {}
                (Ok(None), _) => break,
                (Err(violation), _) => {
                    self.broken = true;
                    self.on(Event::Violated(violation));
                }
            }
        }
        self.machine
            .heard(Instant::now(), !self.broken && self.decoder.is_amid());
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Text(text) if *text == *ALIVE => self.connection.outbox.control(WELL.clone()),
            // Kuzzle's clients may send either.
            Message::Text(text) | Message::Binary(text) if !text.is_empty() => {
                self.on(Event::Request(text))
            }
            Message::Text(_) | Message::Binary(_) => {}
            Message::Ping(carried) => self.on(Event::Ping(carried)),
            Message::Pong => self.on(Event::Pong),
            Message::Close(code) => self.on(Event::PeerCloses(code)),
        }
    }

    fn on(&mut self, event: Event) {
        match self.machine.on(event, Instant::now()) {
            Action::Nothing | Action::End => {}
            Action::Take(text) => self.requests.take(&self.app, &self.connection, text),
            Action::Refuse(text) => {
                self.requests.refuse(
                    &self.app,
                    &self.connection,
                    &text,
                    Id::ShuttingDown,
                    "the gateway stops; connect again",
                );
            }
            Action::Send(bytes) => self.connection.outbox.control(bytes),
            Action::Close { last, drop_rest } => self.close(last, drop_rest),
        }
    }

    fn close(&mut self, last: Bytes, drop_rest: bool) {
        self.closing = true;
        self.last = Some(last);
        if drop_rest {
            self.connection.outbox.close();
            // A frame that is begun must be ended, or the last one would not be understood.
            self.sending.truncate(usize::from(self.sent > 0));
        } else {
            self.connection.outbox.seal();
        }
        // Whoever is told to go is in no room any more.
        self.app.subscriptions.forget(self.connection.number);
    }
}
