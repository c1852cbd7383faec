//! Bytes of a client to messages (RFC 6455). Pure. It holds no memory between messages, and never
//! more than the limit: a frame that announces more is refused before its payload.

use crate::deflate::{self, InflateError};
use bytes::Bytes;

/// The head of a client's frame: 2 bytes, up to 8 of length, 4 of mask.
const HEAD: usize = 14;
/// Room that a length on paper gets at once; the rest comes with the bytes.
const TRUSTED: usize = 16 << 10;

/// A whole message or control frame of a client.
#[derive(Debug, PartialEq, Eq)]
pub enum ClientMessage {
    Text(Bytes),
    Binary(Bytes),
    Ping(Bytes),
    Pong,
    Close(Option<u16>),
}

/// Why the connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolViolation {
    /// The framing itself.
    Framing(&'static str),
    TooLarge,
    InvalidPayload,
}

/// Reads one connection's bytes.
#[derive(Debug)]
pub struct FrameDecoder {
    limit: usize,
    deflate: bool,
    head: [u8; HEAD],
    have: usize,
    frame: Option<Frame>,
    /// What came of a message in pieces.
    message: Option<Pieces>,
}

#[derive(Debug)]
struct Frame {
    last: bool,
    kind: FrameKind,
    mask: [u8; 4],
    length: usize,
    payload: Vec<u8>,
}

#[derive(Debug)]
struct Pieces {
    text: bool,
    deflated: bool,
    payload: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FrameKind {
    Continues,
    Begins { text: bool, deflated: bool },
    Close,
    Ping,
    Pong,
}

impl FrameDecoder {
    /// `limit`: of a whole message, before and after it is inflated.
    pub fn new(limit: usize, deflate: bool) -> Self {
        Self {
            limit,
            deflate,
            head: [0; HEAD],
            have: 0,
            frame: None,
            message: None,
        }
    }

    /// Is something half read?
    pub fn has_partial_message(&self) -> bool {
        self.have > 0 || self.frame.is_some() || self.message.is_some()
    }

    /// Takes bytes off `input` until a message is whole or none are left.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<ClientMessage>, ProtocolViolation> {
        loop {
            if self.frame.is_none() {
                match self.collect_head(input)? {
                    Some(frame) => self.frame = Some(frame),
                    None => return Ok(None),
                }
            }
            let Some(frame) = self.frame.as_mut() else {
                return Ok(None);
            };
            frame.take(input);
            if frame.payload.len() < frame.length {
                return Ok(None);
            }
            if let Some(frame) = self.frame.take()
                && let Some(message) = self.whole_message(frame)?
            {
                return Ok(Some(message));
            }
        }
    }

    /// Collects a head; `None`: more bytes are needed.
    fn collect_head(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, ProtocolViolation> {
        loop {
            let needed = match self.have {
                0 | 1 => 2,
                _ => head_length(self.head[1]),
            };
            if self.have >= 2 && self.have == needed {
                self.have = 0;
                return self.parse_head().map(Some);
            }
            if input.is_empty() {
                return Ok(None);
            }
            let count = (needed - self.have).min(input.len());
            self.head[self.have..self.have + count].copy_from_slice(&input[..count]);
            self.have += count;
            *input = &input[count..];
        }
    }

    fn parse_head(&self) -> Result<Frame, ProtocolViolation> {
        let [first, second, ..] = self.head;
        let (last, deflated) = (first & 0x80 != 0, first & 0x40 != 0);
        if first & 0x30 != 0 || (deflated && !self.deflate) {
            return Err(ProtocolViolation::Framing("reserved bits are set"));
        }
        if second & 0x80 == 0 {
            return Err(ProtocolViolation::Framing("a client's frame is not masked"));
        }
        let kind = match first & 0x0f {
            0x0 => FrameKind::Continues,
            0x1 => FrameKind::Begins {
                text: true,
                deflated,
            },
            0x2 => FrameKind::Begins {
                text: false,
                deflated,
            },
            0x8 => FrameKind::Close,
            0x9 => FrameKind::Ping,
            0xA => FrameKind::Pong,
            _ => return Err(ProtocolViolation::Framing("an unknown kind of frame")),
        };
        let (length, mask) = self.head_length();
        let sound = match (kind, &self.message) {
            (FrameKind::Continues, Some(_)) | (FrameKind::Begins { .. }, None) => true,
            (FrameKind::Continues, None) | (FrameKind::Begins { .. }, Some(_)) => false,
            (FrameKind::Close | FrameKind::Ping | FrameKind::Pong, _) => last && length <= 125,
        };
        if !sound || (deflated && !matches!(kind, FrameKind::Begins { .. })) {
            return Err(ProtocolViolation::Framing(
                "frames do not follow each other as they must",
            ));
        }
        let before = self
            .message
            .as_ref()
            .map_or(0, |message| message.payload.len());
        let length = usize::try_from(length)
            .ok()
            .filter(|length| length.saturating_add(before) <= self.limit)
            .ok_or(ProtocolViolation::TooLarge)?;
        Ok(Frame {
            last,
            kind,
            mask,
            length,
            payload: Vec::with_capacity(length.min(TRUSTED)),
        })
    }

    fn head_length(&self) -> (u64, [u8; 4]) {
        let head = &self.head;
        let mask = |at: usize| [head[at], head[at + 1], head[at + 2], head[at + 3]];
        match head[1] & 0x7f {
            126 => (u64::from(u16::from_be_bytes([head[2], head[3]])), mask(4)),
            127 => (
                u64::from_be_bytes([
                    head[2], head[3], head[4], head[5], head[6], head[7], head[8], head[9],
                ]),
                mask(10),
            ),
            short => (u64::from(short), mask(2)),
        }
    }

    /// `None`: a piece of a message that goes on.
    fn whole_message(&mut self, frame: Frame) -> Result<Option<ClientMessage>, ProtocolViolation> {
        let pieces = match frame.kind {
            FrameKind::Ping => return Ok(Some(ClientMessage::Ping(frame.payload.into()))),
            FrameKind::Pong => return Ok(Some(ClientMessage::Pong)),
            FrameKind::Close => {
                return close_code(&frame.payload).map(|code| Some(ClientMessage::Close(code)));
            }
            FrameKind::Begins { text, deflated } => Pieces {
                text,
                deflated,
                payload: frame.payload,
            },
            FrameKind::Continues => {
                let mut pieces = self
                    .message
                    .take()
                    .ok_or(ProtocolViolation::Framing("nothing to continue"))?;
                pieces.payload.extend_from_slice(&frame.payload);
                pieces
            }
        };
        if frame.last {
            pieces.message(self.limit).map(Some)
        } else {
            self.message = Some(pieces);
            Ok(None)
        }
    }
}

/// Bytes of a head whose second byte is this.
fn head_length(second: u8) -> usize {
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    match second & 0x7f {
        126 => 4 + mask,
        127 => 10 + mask,
        _ => 2 + mask,
    }
}

/// The code in a close frame; codes that may not be sent are violations.
fn close_code(payload: &[u8]) -> Result<Option<u16>, ProtocolViolation> {
    match payload {
        [] => Ok(None),
        [high, low, reason @ ..] => match u16::from_be_bytes([*high, *low]) {
            code @ (1000..=1003 | 1007..=1014 | 3000..=4999)
                if std::str::from_utf8(reason).is_ok() =>
            {
                Ok(Some(code))
            }
            _ => Err(ProtocolViolation::Framing("not a code to close with")),
        },
        [_] => Err(ProtocolViolation::Framing("half a code to close with")),
    }
}

impl Frame {
    fn take(&mut self, input: &mut &[u8]) {
        let begin = self.payload.len();
        let count = (self.length - begin).min(input.len());
        self.payload.extend_from_slice(&input[..count]);
        *input = &input[count..];
        let mut mask = self.mask;
        mask.rotate_left(begin % 4);
        let mut words = self.payload[begin..].chunks_exact_mut(4);
        for word in &mut words {
            word.iter_mut()
                .zip(mask)
                .for_each(|(byte, mask)| *byte ^= mask);
        }
        words
            .into_remainder()
            .iter_mut()
            .zip(mask)
            .for_each(|(byte, mask)| *byte ^= mask);
    }
}

impl Pieces {
    fn message(self, limit: usize) -> Result<ClientMessage, ProtocolViolation> {
        let payload = if self.deflated {
            deflate::inflate_payload(&self.payload, limit).map_err(|inflation| match inflation {
                InflateError::TooLarge => ProtocolViolation::TooLarge,
                InflateError::Damaged => ProtocolViolation::InvalidPayload,
            })?
        } else {
            self.payload
        };
        if !self.text {
            Ok(ClientMessage::Binary(payload.into()))
        } else if std::str::from_utf8(&payload).is_err() {
            Err(ProtocolViolation::InvalidPayload)
        } else {
            Ok(ClientMessage::Text(payload.into()))
        }
    }
}

#[cfg(test)]
mod tests;
