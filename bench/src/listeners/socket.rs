//! A WebSocket as bare as can be: frames are told from each other by their heads, and a text counts
//! when its last byte was read. Understands what a server sends that agreed to no extension, and
//! nothing else.

use bytes::BytesMut;
use consign::failure::Failure;
use std::{
    cell::RefCell,
    future::poll_fn,
    pin::Pin,
    task::{Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};

const READ: usize = 64 << 10;
/// For an answer: a room is active when every notifier says so.
const ANSWER: Duration = Duration::from_secs(40);

const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
/// An empty one, masked with nothing.
const PONG: [u8; 6] = [0x8A, 0x80, 0, 0, 0, 0];

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

pub struct Socket {
    stream: TcpStream,
    /// Read and not yet looked at.
    unread: BytesMut,
}

impl Socket {
    pub async fn open(url: &str, path: &str) -> Result<Self, Failure> {
        let address = url.trim_start_matches("http://");
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| Failure::unreachable(format!("{url}: {error}")))?;
        stream.set_nodelay(true)?;
        let mut socket = Self {
            stream,
            unread: BytesMut::new(),
        };
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        socket.stream.write_all(head.as_bytes()).await?;
        let end = loop {
            if let Some(at) = socket
                .unread
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                break at + 4;
            }
            socket.more().await?;
        };
        let head = socket.unread.split_to(end);
        if head.starts_with(b"HTTP/1.1 101") {
            Ok(socket)
        } else {
            Err(Failure::failed(format!(
                "{url} refuses a WebSocket: {}",
                String::from_utf8_lossy(&head)
            )))
        }
    }

    /// Sends a text.
    pub async fn say(&mut self, text: &str) -> Result<(), Failure> {
        let mut frame = Vec::with_capacity(text.len() + 14);
        put(&mut frame, text);
        Ok(self.stream.write_all(&frame).await?)
    }

    pub async fn pong(&mut self) -> Result<(), Failure> {
        Ok(self.stream.write_all(&PONG).await?)
    }

    /// The next text.
    pub async fn text(&mut self) -> Result<String, Failure> {
        loop {
            if let Some((head, length)) = head_of(&self.unread)
                && self.unread.len() >= head + length
            {
                let kind = self.unread[0];
                let frame = self.unread.split_to(head + length);
                match kind {
                    TEXT => return Ok(String::from_utf8_lossy(&frame[head..]).into_owned()),
                    PING => self.pong().await?,
                    other => return Err(unexpected(other)),
                }
                continue;
            }
            tokio::time::timeout(ANSWER, self.more())
                .await
                .map_err(|_| Failure::failed("a socket is not answered"))??;
        }
    }

    /// For whoever writes without waiting for what there is to read.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Waits for something to read, and counts it.
    pub async fn hear(&mut self, frames: &mut Frames) -> Result<(), Failure> {
        if !self.unread.is_empty() {
            return frames.feed(&std::mem::take(&mut self.unread));
        }
        poll_fn(|context| {
            SCRATCH.with_borrow_mut(|scratch| {
                let mut buffer = ReadBuf::new(scratch);
                ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
                Poll::Ready(if buffer.filled().is_empty() {
                    Err(closed())
                } else {
                    frames.feed(buffer.filled())
                })
            })
        })
        .await
    }

    async fn more(&mut self) -> Result<(), Failure> {
        match self.stream.read_buf(&mut self.unread).await? {
            0 => Err(closed()),
            _ => Ok(()),
        }
    }
}

/// Appends a text as a client's frame, masked with nothing.
pub fn put(frames: &mut Vec<u8>, text: &str) {
    frames.push(TEXT);
    match (text.len(), u16::try_from(text.len())) {
        (short @ 0..=125, _) => frames.push(0x80 | short as u8),
        (_, Ok(middle)) => {
            frames.push(0x80 | 126);
            frames.extend_from_slice(&middle.to_be_bytes());
        }
        (long, Err(_)) => {
            frames.push(0x80 | 127);
            frames.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    frames.extend_from_slice(&[0; 4]);
    frames.extend_from_slice(text.as_bytes());
}

/// What was read of texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub messages: u64,
    pub bytes: u64,
}

/// Reads a server's frames from whatever pieces they come in.
#[derive(Debug, Default)]
pub struct Frames {
    pub tally: Tally,
    /// To be answered.
    pub pings: u32,
    head: [u8; 10],
    have: usize,
    /// Bytes of the frame's payload that are still to come; `None`: its head is.
    left: Option<usize>,
    length: usize,
}

impl Frames {
    pub fn feed(&mut self, mut input: &[u8]) -> Result<(), Failure> {
        loop {
            let left = match self.left {
                Some(left) => left,
                None => match self.take_head(&mut input) {
                    Some(length) => length,
                    None => return Ok(()),
                },
            };
            let count = left.min(input.len());
            input = &input[count..];
            if count < left {
                self.left = Some(left - count);
                return Ok(());
            }
            self.left = None;
            match self.head[0] {
                TEXT => {
                    self.tally.messages += 1;
                    self.tally.bytes += self.length as u64;
                }
                PING => self.pings += 1,
                other => return Err(unexpected(other)),
            }
        }
    }

    fn take_head(&mut self, input: &mut &[u8]) -> Option<usize> {
        loop {
            if let Some((_, length)) = head_of(&self.head[..self.have]) {
                self.have = 0;
                self.length = length;
                return Some(length);
            }
            let (first, rest) = input.split_first()?;
            self.head[self.have] = *first;
            self.have += 1;
            *input = rest;
        }
    }
}

/// Lengths of a frame's head and payload, once the head is whole.
fn head_of(bytes: &[u8]) -> Option<(usize, usize)> {
    match (bytes.get(1)? & 0x7f, bytes) {
        (126, [_, _, a, b, ..]) => Some((4, usize::from(u16::from_be_bytes([*a, *b])))),
        (127, [_, _, a, b, c, d, e, f, g, h, ..]) => Some((
            10,
            u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as usize,
        )),
        (126 | 127, _) => None,
        (short, _) => Some((2, usize::from(short))),
    }
}

fn closed() -> Failure {
    Failure::failed("the server closed a WebSocket")
}

fn unexpected(first: u8) -> Failure {
    Failure::failed(format!(
        "a frame that begins with {first:#x} was not expected"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Frames, Tally, put};

    /// As a server frames it: no mask.
    fn frame(text: &str) -> Vec<u8> {
        let mut frame = Vec::new();
        put(&mut frame, text);
        let head = frame.len() - text.len() - 4;
        frame.drain(head..head + 4);
        frame[1] &= 0x7f;
        frame
    }

    #[test]
    fn texts_count_when_their_last_byte_is_there() {
        let texts = [
            "",
            "short",
            &"m".repeat(126),
            &"m".repeat(300),
            &"l".repeat(70_000),
        ];
        let mut bytes: Vec<u8> = texts.iter().flat_map(|text| frame(text)).collect();
        bytes.extend([0x89, 2, b'h', b'i']);
        let all = Tally {
            messages: 5,
            bytes: texts.iter().map(|text| text.len() as u64).sum(),
        };
        for piece in [1, 3, 1000, bytes.len()] {
            let mut frames = Frames::default();
            let last = bytes.len() - 5;
            for part in bytes[..last].chunks(piece) {
                frames.feed(part).unwrap();
            }
            assert_eq!(
                (frames.tally.messages, frames.pings),
                (4, 0),
                "in pieces of {piece}"
            );
            frames.feed(&bytes[last..]).unwrap();
            assert_eq!(
                (frames.tally, frames.pings),
                (all, 1),
                "in pieces of {piece}"
            );
        }
    }

    #[test]
    fn what_is_neither_text_nor_ping_is_refused() {
        assert!(Frames::default().feed(&[0x88, 0]).is_err());
        assert!(Frames::default().feed(&[0xC1, 1, b'x']).is_err());
    }
}
