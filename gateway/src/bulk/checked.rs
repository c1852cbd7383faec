//! Lines of a bulk whose check waits for something, in their order: so many of them, and so many bytes.

use super::line_maker::MadeLine;
use futures::{StreamExt, future::BoxFuture, stream::FuturesOrdered};

/// Lines that are checked side by side.
const AT_ONCE: usize = 32;

pub(crate) struct CheckedLines {
    lines: FuturesOrdered<BoxFuture<'static, MadeLine>>,
    bytes: usize,
    most_bytes: usize,
}

impl CheckedLines {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self {
            lines: FuturesOrdered::new(),
            bytes: 0,
            most_bytes,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Must one end before another begins?
    pub(crate) fn is_full(&self) -> bool {
        self.lines.len() >= AT_ONCE || self.bytes >= self.most_bytes
    }

    /// `size`: of the line, bytes.
    pub(crate) fn push(&mut self, size: usize, line: BoxFuture<'static, MadeLine>) {
        self.bytes += size;
        self.lines.push_back(line);
    }

    /// The oldest, once it is checked; none: there is none. Cancelled while it waits, nothing is lost.
    pub(crate) async fn next(&mut self) -> Option<MadeLine> {
        let line = self.lines.next().await?;
        self.bytes -= line.size;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Problem};
    use futures::FutureExt;

    fn line(number: u64, size: usize) -> BoxFuture<'static, MadeLine> {
        let event = Err(Problem::new(Code::Invalid, "no event"));
        std::future::ready(MadeLine {
            number,
            size,
            event,
        })
        .boxed()
    }

    #[tokio::test]
    async fn neither_many_lines_nor_large_ones_are_more_than_may_be() {
        let mut small = CheckedLines::new(1_000);
        for number in 0..AT_ONCE as u64 {
            assert!(!small.is_full(), "{number}");
            small.push(1, line(number, 1));
        }
        assert!(small.is_full());
        let mut large = CheckedLines::new(1_000);
        large.push(600, line(0, 600));
        assert!(!large.is_full());
        large.push(600, line(1, 600));
        assert!(large.is_full());
        assert_eq!(large.next().await.unwrap().number, 0);
        assert!(!large.is_full());
        assert_eq!(large.next().await.unwrap().number, 1);
        assert!(large.is_empty() && large.next().await.is_none());
    }
}
