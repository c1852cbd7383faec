//! Frames that a server sends (RFC 6455): made once, shared by every connection that gets the same.
//! Nothing of a connection is in them, so the compressed form of one can be shared as well.
//!
//! See ADR 8.

use crate::deflate;
use bytes::Bytes;
use std::sync::{Arc, OnceLock};

/// Below this many bytes compression is not worth its time.
const WORTH_DEFLATING: usize = 1024;

const FINAL: u8 = 0x80;
const DEFLATED: u8 = 0x40;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// One text message, ready to be sent. Clones share it.
#[derive(Clone, Debug)]
pub struct TextFrame(Arc<Forms>);

#[derive(Debug)]
struct Forms {
    plain: Bytes,
    head: usize,
    deflated: OnceLock<Option<Bytes>>,
}

impl TextFrame {
    /// Of a text in pieces.
    pub fn from_pieces(pieces: &[&str]) -> Self {
        Self::of(pieces.iter().map(|piece| piece.as_bytes()))
    }

    /// Of UTF-8 text as bytes: JSON that was serialised, for instance.
    pub fn from_bytes(text: &[u8]) -> Self {
        Self::of(std::iter::once(text))
    }

    fn of<'a>(pieces: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let length = pieces.clone().map(<[u8]>::len).sum();
        let mut bytes = Vec::with_capacity(length + 10);
        write_head(&mut bytes, FINAL | TEXT, length);
        let head = bytes.len();
        pieces.for_each(|piece| bytes.extend_from_slice(piece));
        Self(Arc::new(Forms {
            plain: bytes.into(),
            head,
            deflated: OnceLock::new(),
        }))
    }

    /// Its bytes for a peer; compressed once, when first asked for by a connection that agreed to
    /// compression.
    pub fn bytes(&self, deflate: bool) -> Bytes {
        let forms = &*self.0;
        if !deflate || self.payload().len() < WORTH_DEFLATING {
            return forms.plain.clone();
        }
        let deflated = forms.deflated.get_or_init(|| {
            let body = deflate::deflate_payload(self.payload())?;
            let mut bytes = Vec::with_capacity(body.len() + 10);
            write_head(&mut bytes, FINAL | DEFLATED | TEXT, body.len());
            bytes.extend_from_slice(&body);
            Some(bytes.into())
        });
        deflated.as_ref().unwrap_or(&forms.plain).clone()
    }

    pub fn payload(&self) -> &[u8] {
        &self.0.plain[self.0.head..]
    }
}

/// Asks the peer whether it is there.
pub fn ping_frame() -> Bytes {
    control_frame(PING, &[])
}

/// Answers a ping with what it carried.
pub fn pong_frame(carried: &[u8]) -> Bytes {
    control_frame(PONG, carried)
}

/// The last frame: why it ends. `None` answers a peer that gave no code.
pub fn close_frame(code: Option<u16>, reason: &str) -> Bytes {
    let Some(code) = code else {
        return control_frame(CLOSE, &[]);
    };
    let mut carried = code.to_be_bytes().to_vec();
    carried.extend_from_slice(reason.as_bytes());
    control_frame(CLOSE, &carried)
}

/// Control frames carry at most 125 bytes; what is made here is shorter, what a peer sent was
/// checked.
fn control_frame(kind: u8, carried: &[u8]) -> Bytes {
    let carried = &carried[..carried.len().min(125)];
    let mut bytes = Vec::with_capacity(carried.len() + 2);
    write_head(&mut bytes, FINAL | kind, carried.len());
    bytes.extend_from_slice(carried);
    bytes.into()
}

fn write_head(bytes: &mut Vec<u8>, first: u8, length: usize) {
    bytes.push(first);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => bytes.push(short),
        (_, Ok(middle)) => {
            bytes.push(126);
            bytes.extend_from_slice(&middle.to_be_bytes());
        }
        (_, Err(_)) => {
            bytes.push(127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}
