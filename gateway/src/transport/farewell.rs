//! How a connection ends whose client may still be sending. Closed at once, the system would answer
//! what comes with a reset, and the client would never read why. So our side is closed, and what
//! comes is read and thrown away until the client closes, too: for a bounded time and size.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// A client that says nothing for so long has taken what it wanted.
const QUIET: Duration = Duration::from_secs(2);
/// Read at once.
const PIECE: usize = 16 << 10;

/// What is read of a client that was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LingerLimits {
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
}

/// The end of one connection.
#[derive(Debug)]
pub(crate) struct Farewell {
    left: u64,
    until: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl Farewell {
    /// Begins when our side is closed.
    pub(crate) fn begin(limits: LingerLimits) -> Self {
        let now = Instant::now();
        let until = now + limits.time;
        Self {
            left: limits.bytes,
            until,
            alarm: Box::pin(sleep_until(until.min(now + QUIET))),
        }
    }

    /// Ready when the connection may be closed.
    pub(crate) fn poll(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mut piece = [0; PIECE];
        while self.left > 0 {
            let mut buffer = ReadBuf::new(&mut piece);
            match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                Poll::Pending => return self.alarm.as_mut().poll(cx),
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {
                    self.left = self.left.saturating_sub(buffer.filled().len() as u64);
                    let now = Instant::now();
                    if now >= self.until {
                        return Poll::Ready(());
                    }
                    self.alarm.as_mut().reset(self.until.min(now + QUIET));
                }
            }
        }
        Poll::Ready(())
    }
}

/// The body of what is refused before it is a request, by its status.
pub(crate) type RefusalBody = fn(u16) -> Vec<u8>;

/// Where the HTTP parser's own refusal stands in what it writes, and its status. It has no body,
/// and nothing follows it.
pub(crate) fn bare_refusal(written: &[u8]) -> Option<(usize, u16)> {
    const BEGIN: &[u8] = b"HTTP/1.";
    if !written.ends_with(b"\r\n\r\n") {
        return None;
    }
    let window = written.len().saturating_sub(256);
    let start = written[window..]
        .windows(BEGIN.len())
        .rposition(|part| part == BEGIN)?
        + window;
    let head = str::from_utf8(&written[start..]).ok()?.to_ascii_lowercase();
    let status = head.get(9..12)?.parse().ok()?;
    let mut fields = head.split("\r\n").skip(1);
    let bare = head.contains("\r\ncontent-length: 0\r\n")
        && fields.all(|field| {
            let name = field.split(':').next().unwrap_or_default();
            matches!(name, "" | "content-length" | "connection" | "date")
        });
    (bare && matches!(status, 400 | 414 | 431)).then_some((start, status))
}

/// Writes all that is left.
pub(crate) fn poll_write_out(
    left: &mut Vec<u8>,
    stream: &mut (impl AsyncWrite + Unpin),
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !left.is_empty() {
        let count = ready!(Pin::new(&mut *stream).poll_write(cx, left))?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        left.drain(..count);
    }
    Poll::Ready(Ok(()))
}

#[cfg(test)]
mod tests;
