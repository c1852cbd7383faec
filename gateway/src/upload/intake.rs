//! A file on its way in: checked line by line, and handed to the log piece by piece as events of its
//! own key, so that any gateway can go on from there. It holds one piece at a time.

use super::{
    DerivedId,
    csv::CsvReader,
    header::{UploadHeader, header_problem},
};
use crate::{
    access::Caller,
    app::Shared,
    error::{Code, Problem},
    write::derived::DerivedRequest,
};
use catalog::Upload;
use json_text::ScannedJson;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The most bytes of a piece. Where a piece ends is a matter of the file alone, however it comes:
/// whoever sends it once more sends the same pieces.
const PIECE: usize = 128 << 10;
/// The operation that keeps a piece.
const CHUNK: &str = "upload.chunk";

pub(crate) struct UploadIntake<'a> {
    pub app: &'a Shared,
    pub caller: &'a Caller,
    pub upload: &'a Upload,
    pub process: &'a str,
    pub unique: [u8; 16],
    pub traceparent: &'a str,
    reader: CsvReader,
    header: Option<UploadHeader>,
    lines: u64,
    bytes: u64,
    chunks: u64,
    piece: Vec<u8>,
    digest: Sha256,
}

/// A file whose pieces are all in the log.
pub(crate) struct TakenFile {
    /// What the upload's own event says of it.
    pub about: Map<String, Value>,
    pub chunks: u64,
    pub digest: [u8; 32],
}

impl<'a> UploadIntake<'a> {
    pub(crate) fn new(
        app: &'a Shared,
        caller: &'a Caller,
        upload: &'a Upload,
        process: &'a str,
        unique: [u8; 16],
        traceparent: &'a str,
    ) -> Self {
        Self {
            app,
            caller,
            upload,
            process,
            unique,
            traceparent,
            reader: CsvReader::new(),
            header: None,
            lines: 0,
            bytes: 0,
            chunks: 0,
            piece: Vec::new(),
            digest: Sha256::new(),
        }
    }

    pub(crate) async fn feed(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.bytes += bytes.len() as u64;
        let limit = self.app.config.upload_limit_bytes as u64;
        if self.bytes > limit {
            let why = format!("the file is larger than {limit} bytes");
            return Err(Problem::new(Code::BodyTooLarge, why));
        }
        self.digest.update(bytes);
        let mut rest = bytes;
        while !rest.is_empty() {
            let (part, later) = rest.split_at(rest.len().min(PIECE - self.piece.len()));
            rest = later;
            let lines = self.reader.push(part)?;
            self.count(lines)?;
            self.piece.extend_from_slice(part);
            if self.piece.len() == PIECE {
                self.send_whole_lines().await?;
            }
        }
        Ok(())
    }

    /// The whole file is in the log.
    pub(crate) async fn finish(mut self) -> Result<TakenFile, Problem> {
        let last = self.reader.finish()?;
        self.count(last)?;
        if self.lines == 0 {
            return Err(header_problem(
                1,
                1,
                "there is no line behind the one that names the columns",
            ));
        }
        let rest = std::mem::take(&mut self.piece);
        self.send(rest).await?;
        let header = self.header.as_ref().map(UploadHeader::names);
        let about = Map::from_iter([
            ("processId".to_owned(), self.process.into()),
            ("lines".to_owned(), self.lines.into()),
            ("chunks".to_owned(), self.chunks.into()),
            ("columns".to_owned(), header.unwrap_or_default().into()),
        ]);
        Ok(TakenFile {
            about,
            chunks: self.chunks,
            digest: self.digest.finalize().into(),
        })
    }

    fn count(
        &mut self,
        lines: impl IntoIterator<Item = super::csv::CsvLine>,
    ) -> Result<(), Problem> {
        for line in lines {
            if self.header.is_none() {
                self.header = Some(UploadHeader::read(self.upload, &line)?);
                continue;
            }
            self.lines += 1;
            let most = self
                .app
                .config
                .upload_lines
                .unwrap_or(self.upload.most_lines);
            if self.lines >= most {
                let why = format!("a file has at most {most} lines, the first included");
                return Err(header_problem(line.number, 1, &why));
            }
        }
        Ok(())
    }

    /// A piece ends where a line does; within a line that is longer, where a character does.
    async fn send_whole_lines(&mut self) -> Result<(), Problem> {
        let line_end = self.piece.iter().rposition(|byte| *byte == b'\n');
        let end = line_end.map_or_else(|| whole_characters(&self.piece), |at| at + 1);
        let rest = self.piece.split_off(end);
        let piece = std::mem::replace(&mut self.piece, rest);
        self.send(piece).await
    }

    async fn send(&mut self, piece: Vec<u8>) -> Result<(), Problem> {
        if piece.is_empty() {
            return Ok(());
        }
        let data = String::from_utf8(piece)
            .map_err(|_| header_problem(1, 1, "a byte is not UTF-8: save the file as UTF-8"))?;
        let json = json!({"processId": self.process, "number": self.chunks, "data": data});
        let request = DerivedRequest {
            operation: CHUNK,
            json: &ScannedJson::from(&json),
            unique: DerivedId::Chunk(self.chunks).of(&self.unique),
            caller: self.caller,
            traceparent: self.traceparent,
            claim: None,
        };
        self.app.writes.publish_derived(request).await?;
        self.chunks += 1;
        Ok(())
    }
}

/// How many of these bytes are whole characters; all, where they are no text at all.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Ok(_) | Err(_) => bytes.len(),
    }
}
