//! The file that is uploaded, read piece by piece: once for the key that is its own, once to be sent. It
//! must never be held whole.

use crate::failure::Failure;
use futures::stream;
use reqwest::Body;
use sha2::{Digest, Sha256};
use std::{io, path::Path};
use tokio::{fs::File, io::AsyncReadExt};

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// A file as it was read first.
pub struct SentFile<'a> {
    path: &'a Path,
    /// Of all of it.
    pub bytes: u64,
    /// The same for the same file with the same fields.
    pub key: String,
}

impl<'a> SentFile<'a> {
    /// To be sent with these fields.
    pub async fn read(path: &'a Path, fields: &[(&str, &str)]) -> Result<Self, Failure> {
        let mut read = Self {
            path,
            bytes: 0,
            key: String::new(),
        };
        let mut hash = Sha256::new();
        for (name, value) in fields {
            hash.update(format!("{name}={value}\n"));
        }
        let mut file = read.open().await?;
        while let Some(piece) = next_piece(&mut file).await.map_err(|e| read.unread(&e))? {
            read.bytes += piece.len() as u64;
            hash.update(&piece);
        }
        let hash = hash.finalize();
        let digits = hash.iter().take(20).map(|byte| format!("{byte:02x}"));
        read.key = digits.collect();
        Ok(read)
    }

    /// A body that reads the file as it is sent.
    pub async fn body(&self) -> Result<Body, Failure> {
        let file = self.open().await?;
        let pieces = stream::try_unfold(file, |mut file| async move {
            let piece = next_piece(&mut file).await?;
            Ok::<_, io::Error>(piece.map(|piece| (piece, file)))
        });
        Ok(Body::wrap_stream(pieces))
    }

    async fn open(&self) -> Result<File, Failure> {
        File::open(self.path).await.map_err(|e| self.unread(&e))
    }

    fn unread(&self, error: &io::Error) -> Failure {
        Failure::usage(format!("{}: {error}", self.path.display()))
    }
}

async fn next_piece(file: &mut File) -> io::Result<Option<Vec<u8>>> {
    let mut piece = vec![0; PIECE];
    let read = file.read(&mut piece).await?;
    piece.truncate(read);
    Ok((read > 0).then_some(piece))
}
