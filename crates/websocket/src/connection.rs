//! The task of one connection: bytes from the socket to the state machine, and the machine's actions
//! back. While nothing happens it holds no buffer, and it never waits for its client while it holds
//! anything but what it sends.

use crate::{
    decode::{ClientMessage, FrameDecoder},
    machine::{ConnectionAction, ConnectionEvent, ConnectionMachine, ConnectionTimeouts},
    outbox::Outbox,
    socket::ByteSocket,
};
use bytes::Bytes;
use runtime::Shutdown;
use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::Interest,
    time::{Instant, sleep_until},
};

/// Read at once, into a buffer that all connections of a thread share.
const READ: usize = 16 << 10;
/// Reads before other connections run.
const TURNS: usize = 16;
/// Taken from the outbox at once, and frames written at once.
const BATCH: usize = 64 << 10;
const SLICES: usize = 32;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// What the messages of a connection mean: the protocol that is spoken in them. What it answers
/// goes into the connection's [`Outbox`]. Dropped when the connection ends, however that happens.
pub trait MessageHandler {
    /// The answer to a message that is answered at once and counts as no request: a sign of life of
    /// the protocol's own.
    fn keep_alive(&mut self, message: &[u8]) -> Option<Bytes>;

    /// A whole message.
    fn receive(&mut self, message: Bytes);

    /// A whole message that came while the server stops: to be answered and not carried out.
    fn refuse(&mut self, message: Bytes);

    /// What was sent made room: messages that wait can be begun with.
    fn resume(&mut self);

    /// Is every message that was received answered?
    fn is_idle(&self) -> bool;

    /// The close frame is made: nothing is sent to the client from now on.
    fn closing(&mut self);
}

/// What one connection may do, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionOptions {
    pub timeouts: ConnectionTimeouts,
    /// The largest message of a client, before and after it is inflated.
    pub message_limit: usize,
    /// Both sides agreed to compress messages.
    pub deflate: bool,
}

struct Wire<S, H> {
    stream: S,
    outbox: Arc<Outbox>,
    machine: ConnectionMachine,
    decoder: FrameDecoder,
    handler: H,
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

/// Serves a connection until it ends. `early`: bytes that came with the request to upgrade.
pub async fn serve_connection<S: ByteSocket, H: MessageHandler>(
    stream: S,
    early: Bytes,
    options: ConnectionOptions,
    outbox: Arc<Outbox>,
    handler: H,
    shutdown: Shutdown,
) {
    let mut wire = Wire {
        machine: ConnectionMachine::new(options.timeouts, Instant::now()),
        decoder: FrameDecoder::new(options.message_limit, options.deflate),
        handler,
        sending: VecDeque::new(),
        sent: 0,
        last: None,
        held: None,
        blocked: false,
        closing: false,
        broken: false,
        stream,
        outbox,
    };
    wire.feed_bytes(&early);
    drop(early);
    wire.run(&shutdown).await;
}

impl<S, H> Drop for Wire<S, H> {
    fn drop(&mut self) {
        self.outbox.close();
    }
}

impl<S: ByteSocket, H: MessageHandler> Wire<S, H> {
    async fn run(&mut self, shutdown: &Shutdown) {
        let mut stopping = false;
        let alarm = sleep_until(self.machine.due());
        tokio::pin!(alarm);
        // What was deciphered before makes no socket ready.
        self.read_socket();
        loop {
            self.advance();
            if self.machine.is_ended() {
                return;
            }
            let due = self.due();
            if due < alarm.deadline() {
                alarm.as_mut().reset(due);
            }
            let interest = if self.sending.is_empty() && !self.stream.is_holding() {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            tokio::select! {
                ready = self.stream.ready(interest) => match ready {
                    Ok(ready) if ready.is_readable() || ready.is_read_closed() => self.read_socket(),
                    Ok(_) => {}
                    Err(_) => self.on_event(ConnectionEvent::PeerGone),
                },
                () = self.outbox.changed() => {}
                () = &mut alarm => {
                    let now = Instant::now();
                    if self.machine.due() <= now {
                        self.on_event(ConnectionEvent::Tick);
                    }
                    self.held = self.held.filter(|held| *held > now);
                    alarm.as_mut().reset(self.due().max(now + Duration::from_millis(1)));
                }
                () = shutdown.soft(), if !stopping => {
                    stopping = true;
                    self.on_event(ConnectionEvent::Stopping);
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
        if let Some(ending) = self.outbox.ending() {
            self.on_event(ConnectionEvent::CloseRequested(ending));
        }
        self.handler.resume();
        loop {
            match self.stream.try_flush() {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => return self.on_event(ConnectionEvent::PeerGone),
            }
            if self.sending.is_empty() {
                self.held = self.outbox.take(&mut self.sending, BATCH, Instant::now());
            }
            if self.sending.is_empty() {
                match self.last.take() {
                    Some(last) => self.sending.push_back(last),
                    None => break,
                }
            }
            match self.write_queued() {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => return self.on_event(ConnectionEvent::PeerGone),
            }
        }
        self.sending.shrink_to(0);
        // What was sent made room.
        self.handler.resume();
        if self.closing {
            self.on_event(ConnectionEvent::Sent);
        } else if self.handler.is_idle() && self.outbox.is_empty() {
            self.on_event(ConnectionEvent::Idle);
        }
        // The close frame of a connection with nothing left to do.
        if !self.machine.is_ended() && self.last.is_some() {
            self.advance();
        }
    }

    /// False: the socket takes no more now.
    fn write_queued(&mut self) -> io::Result<bool> {
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

    fn read_socket(&mut self) {
        for _ in 0..TURNS {
            let gone = SCRATCH.with_borrow_mut(|scratch| match self.stream.try_read(scratch) {
                Ok(0) => Some(true),
                Ok(count) => {
                    self.feed_bytes(&scratch[..count]);
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
                Some(true) => return self.on_event(ConnectionEvent::PeerGone),
                Some(false) => return,
                None => {}
            }
        }
    }

    /// Once the close frame was made, only the peer's is looked for.
    fn feed_bytes(&mut self, mut bytes: &[u8]) {
        while !self.broken && !self.machine.is_ended() {
            match (self.decoder.next(&mut bytes), self.machine.is_listening()) {
                (Ok(Some(message)), true)
                | (Ok(Some(message @ ClientMessage::Close(_))), false) => {
                    self.take_message(message)
                }
                (
                    Ok(Some(
                        ClientMessage::Text(_)
                        | ClientMessage::Binary(_)
                        | ClientMessage::Ping(_)
                        | ClientMessage::Pong,
                    )),
                    false,
                ) => {}
                (Ok(None), _) => break,
                (Err(violation), _) => {
                    self.broken = true;
                    self.on_event(ConnectionEvent::ProtocolViolated(violation));
                }
            }
        }
        self.machine.heard(
            Instant::now(),
            !self.broken && self.decoder.has_partial_message(),
        );
    }

    fn take_message(&mut self, message: ClientMessage) {
        match message {
            ClientMessage::Text(payload) | ClientMessage::Binary(payload) if payload.is_empty() => {
            }
            // Some clients send their text as binary.
            ClientMessage::Text(payload) | ClientMessage::Binary(payload) => {
                match self.handler.keep_alive(&payload) {
                    Some(answer) => self.outbox.control(answer),
                    None => self.on_event(ConnectionEvent::Message(payload)),
                }
            }
            ClientMessage::Ping(carried) => self.on_event(ConnectionEvent::Ping(carried)),
            ClientMessage::Pong => self.on_event(ConnectionEvent::Pong),
            ClientMessage::Close(code) => self.on_event(ConnectionEvent::PeerCloses(code)),
        }
    }

    fn on_event(&mut self, event: ConnectionEvent) {
        match self.machine.on(event, Instant::now()) {
            ConnectionAction::Nothing | ConnectionAction::End => {}
            ConnectionAction::Take(message) => self.handler.receive(message),
            ConnectionAction::Refuse(message) => self.handler.refuse(message),
            ConnectionAction::Send(frame) => self.outbox.control(frame),
            ConnectionAction::Close { last, drop_rest } => self.begin_close(last, drop_rest),
        }
    }

    fn begin_close(&mut self, last: Bytes, drop_rest: bool) {
        self.closing = true;
        self.last = Some(last);
        if drop_rest {
            self.outbox.close();
            // A frame that is begun must be ended, or the last one would not be understood.
            self.sending.truncate(usize::from(self.sent > 0));
        } else {
            self.outbox.seal();
        }
        self.handler.closing();
    }
}

#[cfg(test)]
mod tests;
