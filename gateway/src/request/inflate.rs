//! Single bodies that came packed, by gzip or deflate, unpacked in small steps: never to more than
//! a body may be, nor beyond the ratio that a bulk may.

use super::body::{HeldBody, too_large};
use crate::{
    Config,
    error::{Code, Problem},
};
use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status, read::MultiGzDecoder};
use http::{HeaderMap, header};
use std::io::{self, Read};

/// What may come out whatever the ratio: small inputs pack well.
pub(crate) const ALLOWANCE: u64 = 4 << 20;
/// Encodings of one body.
const LAYERS: usize = 3;

/// The body as it was before `Content-Encoding`.
pub(crate) fn inflate_body(
    config: &Config,
    headers: &HeaderMap,
    body: Bytes,
    held: &mut HeldBody,
) -> Result<Bytes, Problem> {
    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    let named = values.flat_map(|value| value.to_str().unwrap_or("?").split(','));
    let encodings: Vec<String> = named
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !matches!(name.as_str(), "" | "identity"))
        .collect();
    if encodings.len() > LAYERS {
        let why = format!("a body may be packed {LAYERS} times");
        return Err(Problem::new(Code::UnsupportedEncoding, why));
    }
    // The last was applied last.
    encodings.iter().rev().try_fold(body, |body, encoding| {
        let packed = &body[..];
        let unpacked = match encoding.as_str() {
            "gzip" | "x-gzip" => read_unpacked(config, MultiGzDecoder::new(packed), packed, held)?,
            "deflate" => read_unpacked(config, DeflateReader::new(packed), packed, held)?,
            other => {
                let other = super::path::shorten_text(other);
                let why = format!("the content encoding `{other}` is not known");
                return Err(Problem::new(Code::UnsupportedEncoding, why));
            }
        };
        Ok(unpacked)
    })
}

/// A stream of zlib, as RFC 9110 has it, or the bare one that some clients send under the same
/// name. It is an error if it is cut short, or something follows.
struct DeflateReader<'a> {
    state: Decompress,
    left: &'a [u8],
    ended: bool,
}

impl<'a> DeflateReader<'a> {
    fn new(packed: &'a [u8]) -> Self {
        let is_zlib = match packed {
            [first, second, ..] => {
                first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0
            }
            _ => true,
        };
        Self {
            state: Decompress::new(is_zlib),
            left: packed,
            ended: false,
        }
    }
}

impl Read for DeflateReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.ended {
            let (before, made) = (self.state.total_in(), self.state.total_out());
            let none = FlushDecompress::None;
            let status = self.state.decompress(self.left, out, none);
            let status =
                status.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let taken = (self.state.total_in() - before) as usize;
            let made = (self.state.total_out() - made) as usize;
            self.left = &self.left[taken..];
            self.ended = status == Status::StreamEnd;
            if made > 0 {
                return Ok(made);
            }
            if !self.ended && taken == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if self.left.is_empty() {
            Ok(0)
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "something follows the end of the stream",
            ))
        }
    }
}

fn read_unpacked(
    config: &Config,
    mut unpacking: impl Read,
    packed: &[u8],
    held: &mut HeldBody,
) -> Result<Bytes, Problem> {
    let most = (packed.len() as u64).saturating_mul(config.gzip_ratio) + ALLOWANCE;
    let (mut whole, mut piece) = (Vec::new(), [0; 16 << 10]);
    loop {
        let count = unpacking.read(&mut piece).map_err(|error| {
            let why = format!("the body cannot be unpacked: {error}");
            Problem::new(Code::BadGzip, why)
        })?;
        if count == 0 {
            return Ok(whole.into());
        }
        whole.extend_from_slice(&piece[..count]);
        if whole.len() > config.body_limit_bytes {
            return Err(too_large(config.body_limit_bytes));
        }
        if whole.len() as u64 > most {
            let ratio = config.gzip_ratio;
            let why = format!("the body unpacks to more than {ratio} times its size");
            return Err(Problem::new(Code::GzipRatio, why));
        }
        held.grow_to(packed.len() + whole.len())?;
    }
}
