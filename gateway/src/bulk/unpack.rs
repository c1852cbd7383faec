//! Decompression in small steps, so that a few bytes that unpack to gigabytes are seen before they
//! are memory.

use crate::{
    error::{Code, Problem},
    request::{headers::Encoding, inflate::ALLOWANCE},
};
use flate2::write::MultiGzDecoder;
use std::io::Write;

/// Packed bytes per step: a step unpacks to half a mebibyte at most.
const STEP: usize = 512;

pub(crate) enum Unpack {
    Plain,
    Gzip {
        decoder: Box<MultiGzDecoder<Vec<u8>>>,
        ratio: u64,
        packed: u64,
        unpacked: u64,
    },
}

impl Unpack {
    pub(crate) fn new(encoding: Encoding, ratio: u64) -> Self {
        match encoding {
            Encoding::Identity => Self::Plain,
            Encoding::Gzip => Self::Gzip {
                decoder: Box::new(MultiGzDecoder::new(Vec::new())),
                ratio,
                packed: 0,
                unpacked: 0,
            },
        }
    }

    /// How much of `input` to feed at once.
    pub(crate) fn step(&self, input: usize) -> usize {
        match self {
            Self::Plain => input,
            Self::Gzip { .. } => input.min(STEP),
        }
    }

    /// Unpacks a step's worth into `out`.
    pub(crate) fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Problem> {
        match self {
            Self::Plain => out.extend_from_slice(input),
            Self::Gzip {
                decoder,
                ratio,
                packed,
                unpacked,
            } => {
                decoder
                    .write_all(input)
                    .map_err(|error| damaged_gzip(&error))?;
                let made = decoder.get_mut();
                *packed += input.len() as u64;
                *unpacked += made.len() as u64;
                out.append(made);
                if *unpacked > packed.saturating_mul(*ratio).saturating_add(ALLOWANCE) {
                    return Err(Problem::new(
                        Code::GzipRatio,
                        format!("the body unpacks to more than {ratio} times its size"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Was the input whole?
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Problem> {
        match self {
            Self::Plain => Ok(()),
            Self::Gzip { packed: 0, .. } => Ok(()),
            Self::Gzip { decoder, .. } => {
                decoder.try_finish().map_err(|error| damaged_gzip(&error))?;
                out.append(decoder.get_mut());
                Ok(())
            }
        }
    }
}

fn damaged_gzip(error: &std::io::Error) -> Problem {
    Problem::new(
        Code::BadGzip,
        format!("the body is no gzip, or a part of it is missing: {error}"),
    )
}
