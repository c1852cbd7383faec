//! Lines of a bulk whose check waits for something, in their order: so many of them, and so many bytes.
//! Each is a task of its own: while the bulk waits for the log, for room or for its client, a line that was
//! given its turn to read, or to ask a hook, must take it and pass it on. All end with the bulk.

use super::line_maker::MadeLine;
use futures::{StreamExt, future::BoxFuture, stream::FuturesOrdered};
use runtime::spawn;
use std::{
    panic::resume_unwind,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::task::JoinHandle;

/// Lines that are checked side by side.
const AT_ONCE: usize = 32;

pub(crate) struct CheckedLines {
    lines: FuturesOrdered<LineCheck>,
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
        self.lines.push_back(LineCheck(spawn("bulk-line", line)));
    }

    /// The oldest, once it is checked; none: there is none. Cancelled while it waits, nothing is lost.
    pub(crate) async fn next(&mut self) -> Option<MadeLine> {
        let line = self.lines.next().await?;
        self.bytes -= line.size;
        Some(line)
    }
}

/// The check of one line, which goes on whether or not its result is waited for.
struct LineCheck(JoinHandle<MadeLine>);

impl Future for LineCheck {
    type Output = MadeLine;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<MadeLine> {
        match ready!(Pin::new(&mut self.0).poll(context)) {
            Ok(line) => Poll::Ready(line),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // Only who drops it cancels it, and the runtime when it ends.
                Err(_) => Poll::Pending,
            },
        }
    }
}

impl Drop for LineCheck {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Problem};
    use futures::FutureExt;
    use std::{sync::Arc, time::Duration};
    use tokio::{sync::Semaphore, time::timeout};

    fn line(number: u64, size: usize) -> BoxFuture<'static, MadeLine> {
        let event = Err(Problem::new(Code::Invalid, "no event"));
        std::future::ready(MadeLine {
            number,
            size,
            event,
        })
        .boxed()
    }

    /// A line that takes a turn, and a bulk that has looked at it once.
    fn in_turn(turns: &Arc<Semaphore>) -> BoxFuture<'static, MadeLine> {
        let turns = turns.clone();
        let check = async move {
            let _turn = turns.acquire().await.unwrap();
            line(0, 1).await
        };
        let mut check = check.boxed();
        assert!((&mut check).now_or_never().is_none(), "the turn is taken");
        check
    }

    /// A turn is given to whoever asked first, whether or not they look: nobody else would ever read.
    #[tokio::test]
    async fn a_line_passes_on_its_turn_while_its_bulk_waits_for_something_else() {
        let turns = Arc::new(Semaphore::new(1));
        let others = turns.clone().acquire_owned().await.unwrap();
        let mut lines = CheckedLines::new(1_000);
        lines.push(1, in_turn(&turns));
        drop(others);
        let turn = timeout(Duration::from_secs(10), turns.acquire()).await;
        drop(turn.expect("the line has its turn, and does not take it"));
        assert_eq!(lines.next().await.unwrap().number, 0);

        // What nobody will ask for does not go on.
        let others = turns.clone().acquire_owned().await.unwrap();
        lines.push(1, in_turn(&turns));
        drop(lines);
        while Arc::strong_count(&turns) > 2 {
            tokio::task::yield_now().await;
        }
        drop(others);
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
