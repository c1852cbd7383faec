//! Answers that wait to be read: bookkeeping of some 40 bytes a line, blocks of it in memory up to
//! a bound, then in an unnamed file, in order. The writer never waits for the reader. What a block
//! says is [`super::render`]'s business.

use crate::config::Config;
use parking_lot::Mutex;
use prometheus::IntCounter;
use std::{collections::VecDeque, fs::File, io, os::unix::fs::FileExt, path::PathBuf, sync::Arc};
use tokio::{sync::Notify, task::spawn_blocking};

/// A block is passed on when it is this large; earlier if somebody waits for it.
const BLOCK: usize = 8 << 10;

/// Why nothing more can be answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    #[error("the client is gone")]
    Gone,
    #[error("more answers wait to be read than may be kept")]
    Full,
    #[error("answers cannot be kept in a file: {0}")]
    File(#[from] io::Error),
}

struct AnswerQueue {
    state: Mutex<AnswersState>,
    readable: Notify,
    memory: usize,
    spill: u64,
    folder: PathBuf,
    spilled: IntCounter,
}

/// Oldest first: `front`, then `filed`, then `back`.
#[derive(Default)]
struct AnswersState {
    front: VecDeque<Vec<u8>>,
    front_bytes: usize,
    filed: VecDeque<Filed>,
    filed_bytes: u64,
    back: Vec<u8>,
    ended: bool,
    writer_gone: bool,
    reader_gone: bool,
}

/// A block in a file. A file is gone with its last block.
#[derive(Clone)]
struct Filed {
    file: Arc<File>,
    at: u64,
    length: usize,
}

/// A file takes this much, then comes the next: what was read need not be kept.
const FILE: u64 = 16 << 20;

pub(crate) struct AnswerWriter {
    queue: Arc<AnswerQueue>,
    /// The file that is being filled, and how far.
    file: Option<(Arc<File>, u64)>,
}

pub(crate) struct AnswerReader(Arc<AnswerQueue>);

pub(crate) fn answer_queue(config: &Config, spilled: IntCounter) -> (AnswerWriter, AnswerReader) {
    let queue = Arc::new(AnswerQueue {
        state: Mutex::default(),
        readable: Notify::new(),
        memory: config.bulk_answers_bytes,
        spill: config.bulk_spill_limit_bytes,
        folder: config.spill_dir.clone().unwrap_or_else(std::env::temp_dir),
        spilled,
    });
    (
        AnswerWriter {
            queue: queue.clone(),
            file: None,
        },
        AnswerReader(queue),
    )
}

impl AnswerWriter {
    /// Appends to the answers.
    pub(crate) async fn push(&mut self, record: &[u8]) -> Result<(), Lost> {
        let full = {
            let mut state = self.queue.state.lock();
            if state.reader_gone {
                return Err(Lost::Gone);
            }
            state.back.extend_from_slice(record);
            if state.back.len() < BLOCK {
                None
            } else {
                self.queue.pass_on(&mut state)
            }
        };
        if let Some(block) = full {
            self.spill(block).await?;
        }
        self.queue.readable.notify_one();
        Ok(())
    }

    /// All is answered.
    pub(crate) fn end(self) {
        self.queue.state.lock().ended = true;
    }

    /// Until this returns nothing is behind the block, so the reader cannot take anything out of
    /// turn.
    async fn spill(&mut self, block: Vec<u8>) -> Result<(), Lost> {
        let length = block.len();
        if self.queue.state.lock().filed_bytes + length as u64 > self.queue.spill {
            return Err(Lost::Full);
        }
        let (folder, known) = (
            self.queue.folder.clone(),
            self.file.take().filter(|(_, at)| *at < FILE),
        );
        let written = spawn_blocking(move || {
            let (file, at) = match known {
                Some(known) => known,
                None => (Arc::new(tempfile::tempfile_in(folder)?), 0),
            };
            file.write_all_at(&block, at)?;
            Ok::<_, io::Error>((file, at))
        });
        let (file, at) = written.await.map_err(io::Error::other)??;
        self.file = Some((file.clone(), at + length as u64));
        self.queue.spilled.inc_by(length as u64);
        let mut state = self.queue.state.lock();
        state.filed.push_back(Filed { file, at, length });
        state.filed_bytes += length as u64;
        Ok(())
    }
}

impl Drop for AnswerWriter {
    fn drop(&mut self) {
        self.queue.state.lock().writer_gone = true;
        self.queue.readable.notify_one();
    }
}

impl AnswerQueue {
    /// A full block goes to memory, or is given back to be put into the file.
    fn pass_on(&self, state: &mut AnswersState) -> Option<Vec<u8>> {
        let block = std::mem::replace(&mut state.back, Vec::with_capacity(BLOCK + 256));
        if state.filed.is_empty() && state.front_bytes + block.len() <= self.memory {
            state.front_bytes += block.len();
            state.front.push_back(block);
            return None;
        }
        Some(block)
    }
}

impl AnswerReader {
    /// The next block; `None` at the end. An error: the writer went away without ending, or the
    /// file cannot be read.
    pub(crate) async fn next(&self) -> io::Result<Option<Vec<u8>>> {
        loop {
            match self.take() {
                AnswersTaken::Block(block) => return Ok(Some(block)),
                AnswersTaken::Filed(filed) => return self.read(filed).await.map(Some),
                AnswersTaken::End => return Ok(None),
                AnswersTaken::Broken => {
                    return Err(io::Error::other("the bulk ended before its answers"));
                }
                AnswersTaken::Nothing => self.0.readable.notified().await,
            }
        }
    }

    fn take(&self) -> AnswersTaken {
        let mut state = self.0.state.lock();
        if let Some(block) = state.front.pop_front() {
            state.front_bytes -= block.len();
            return AnswersTaken::Block(block);
        }
        match (state.filed.front().cloned(), state.back.is_empty()) {
            (Some(filed), _) => AnswersTaken::Filed(filed),
            (None, false) => AnswersTaken::Block(std::mem::take(&mut state.back)),
            (None, true) if state.ended => AnswersTaken::End,
            (None, true) if state.writer_gone => AnswersTaken::Broken,
            (None, true) => AnswersTaken::Nothing,
        }
    }

    /// It leaves the queue only when it was read, so that later blocks stay behind it.
    async fn read(&self, filed: Filed) -> io::Result<Vec<u8>> {
        let read = spawn_blocking(move || {
            let mut block = vec![0; filed.length];
            filed
                .file
                .read_exact_at(&mut block, filed.at)
                .map(|()| block)
        });
        let block = read.await.map_err(io::Error::other)??;
        let mut state = self.0.state.lock();
        state.filed.pop_front();
        state.filed_bytes -= block.len() as u64;
        Ok(block)
    }
}

enum AnswersTaken {
    Block(Vec<u8>),
    Filed(Filed),
    End,
    Broken,
    Nothing,
}

impl Drop for AnswerReader {
    fn drop(&mut self) {
        self.0.state.lock().reader_gone = true;
    }
}

#[cfg(test)]
mod tests;
