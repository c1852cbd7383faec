//! The file, unpacked if need be, line by line, and how far it was read.

use crate::failure::Failure;
use flate2::read::MultiGzDecoder;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

pub struct Input {
    lines: Box<dyn BufRead + Send>,
    /// Bytes of the file, packed as it is.
    pub size: u64,
    /// How many of them were read.
    pub position: Arc<AtomicU64>,
}

/// Counts what goes through.
struct Counted<R> {
    inner: R,
    position: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.position.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Input {
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::usage(format!("{}: {error}", path.display()));
        let file = File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if about.is_dir() {
            return Err(Failure::usage(format!("{} is a folder", path.display())));
        }
        let position = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            inner: file,
            position: position.clone(),
        };
        let packed = path.extension().is_some_and(|extension| extension == "gz");
        let lines: Box<dyn BufRead + Send> = if packed {
            Box::new(BufReader::with_capacity(
                1 << 18,
                MultiGzDecoder::new(BufReader::with_capacity(1 << 16, counted)),
            ))
        } else {
            Box::new(BufReader::with_capacity(1 << 18, counted))
        };
        Ok(Self {
            lines,
            size: about.len(),
            position,
        })
    }

    /// The next line without its end; an empty one is a line too. `None`: there are no more.
    pub fn next(&mut self, line: &mut Vec<u8>) -> Result<Option<()>, Failure> {
        line.clear();
        let read = self
            .lines
            .read_until(b'\n', line)
            .map_err(|error| Failure::failed(format!("the file cannot be read: {error}")))?;
        while line.last().is_some_and(u8::is_ascii_whitespace) {
            line.pop();
        }
        Ok((read > 0).then_some(()))
    }
}
