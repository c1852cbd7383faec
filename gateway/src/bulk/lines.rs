//! Bytes into lines: LF or CRLF, blank ones skipped but counted, the last one with or without its
//! end. A line that is too long is named and skipped to its end; never more than one line is held.

use bytes::{Buf, Bytes, BytesMut};

/// A line that is not blank, by its number from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Whole(u64, Bytes),
    TooLong(u64),
}

impl Line {
    /// Bytes of it that are held.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Whole(_, json) => json.len(),
            Self::TooLong(_) => 0,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Lines {
    buffer: BytesMut,
    /// Bytes of the buffer that hold no line end.
    searched: usize,
    limit: usize,
    /// Of the line that is being read.
    number: u64,
    /// The rest of a line that was too long is being skipped.
    skipping: bool,
}

impl Lines {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            searched: 0,
            limit,
            number: 1,
            skipping: false,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next line whose end is known.
    pub(crate) fn next(&mut self) -> Option<Line> {
        loop {
            let end = self.buffer[self.searched..]
                .iter()
                .position(|byte| *byte == b'\n');
            match end.map(|end| self.searched + end) {
                Some(end) => {
                    let line = self.buffer.split_to(end + 1);
                    self.searched = 0;
                    let number = self.number;
                    self.number += 1;
                    if std::mem::take(&mut self.skipping) {
                        continue;
                    }
                    if let Some(line) = self.line(number, line) {
                        return Some(line);
                    }
                }
                None => {
                    self.searched = self.buffer.len();
                    if self.skipping {
                        self.buffer.clear();
                        self.searched = 0;
                    } else if self.buffer.len() > self.limit + 1 {
                        self.buffer.clear();
                        self.searched = 0;
                        self.skipping = true;
                        return Some(Line::TooLong(self.number));
                    }
                    return None;
                }
            }
        }
    }

    /// What is left when the input is whole: a last line without its end.
    pub(crate) fn last(&mut self) -> Option<Line> {
        let rest = self.buffer.split();
        if self.skipping {
            None
        } else {
            self.line(self.number, rest)
        }
    }

    /// The number of the line that is being read.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The limit holds for the line as it came, without its end.
    fn line(&self, number: u64, mut line: BytesMut) -> Option<Line> {
        for end in *b"\n\r" {
            if line.last() == Some(&end) {
                line.truncate(line.len() - 1);
            }
        }
        if line.len() > self.limit {
            return Some(Line::TooLong(number));
        }
        let blank = line
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        line.advance(blank);
        let blank = line
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        line.truncate(line.len() - blank);
        (!line.is_empty()).then(|| Line::Whole(number, line.freeze()))
    }
}

#[cfg(test)]
mod tests;
