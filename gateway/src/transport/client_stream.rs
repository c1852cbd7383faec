//! One client's bytes, with what is done to them before HTTP is read from them and after its last
//! answer: a limit for what stalls, addresses encoded, a body for refusals that have none, and an
//! end that a client who is still sending can understand.

use super::{
    address::AddressEncoder,
    farewell::{Farewell, LingerLimits, RefusalBody, bare_refusal, poll_write_out},
    stall::Stall,
    unread::Unread,
};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How a connection is treated.
#[derive(Clone, Copy)]
pub(crate) struct StreamOptions {
    pub(crate) stall: Duration,
    pub(crate) linger: LingerLimits,
    pub(crate) refusal: RefusalBody,
}

pub(crate) struct GuardedStream<S> {
    stream: Stall<S>,
    options: StreamOptions,
    unread: Unread,
    addresses: AddressEncoder,
    /// Read and encoded, and not asked for yet.
    encoded: Vec<u8>,
    /// A refusal that is not written yet.
    refusal: Vec<u8>,
    /// The client has closed its side.
    ended: bool,
    farewell: Option<Farewell>,
}

impl<S> GuardedStream<S> {
    pub(crate) fn new(stream: S, options: StreamOptions, unread: Unread) -> Self {
        Self {
            stream: Stall::new(stream, options.stall),
            options,
            unread,
            addresses: AddressEncoder::default(),
            encoded: Vec::new(),
            refusal: Vec::new(),
            ended: false,
            farewell: None,
        }
    }

    /// The stream, for whoever has rules of its own, and what was read of it and not asked for.
    pub(crate) fn into_parts(self) -> (S, Vec<u8>) {
        (self.stream.into_inner(), self.encoded)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = &mut *self;
        if me.encoded.is_empty() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut me.stream).poll_read(cx, buf))?;
            me.ended = buf.filled().len() == before && buf.remaining() > 0;
            let Some(encoded) = me.addresses.take(&buf.filled()[before..]) else {
                return Poll::Ready(Ok(()));
            };
            buf.set_filled(before);
            me.encoded = encoded;
        }
        let count = me.encoded.len().min(buf.remaining());
        buf.put_slice(&me.encoded[..count]);
        me.encoded.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> GuardedStream<S> {
    /// Takes the parser's refusal in; what stands before it is to be written as it is.
    fn refuse(&mut self, written: &[u8]) -> Option<usize> {
        let (start, status) = bare_refusal(written)?;
        if start > 0 {
            return Some(start);
        }
        self.refusal = (self.options.refusal)(status);
        self.unread.set(true);
        None
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for GuardedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let me = &mut *self;
        let before = me.refuse(buf);
        if !me.refusal.is_empty() {
            return Poll::Ready(Ok(buf.len()));
        }
        let buf = before.map_or(buf, |before| &buf[..before]);
        Pin::new(&mut me.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // The parser's refusal is one piece.
        let last = bufs.iter().rposition(|buf| !buf.is_empty());
        let refused = last.filter(|last| bare_refusal(&bufs[*last]).is_some());
        match refused {
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, bufs),
            Some(last) => {
                let first = bufs.iter().position(|buf| !buf.is_empty()).unwrap_or(last);
                self.poll_write(cx, &bufs[first])
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = &mut *self;
        ready!(poll_write_out(&mut me.refusal, &mut me.stream, cx))?;
        Pin::new(&mut me.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = &mut *self;
        if me.farewell.is_none() {
            ready!(poll_write_out(&mut me.refusal, &mut me.stream, cx))?;
            ready!(Pin::new(&mut me.stream).poll_shutdown(cx))?;
            if me.ended || !me.unread.get() {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = me.options.linger;
        let farewell = me.farewell.get_or_insert_with(|| Farewell::begin(linger));
        farewell.poll(&mut me.stream, cx).map(Ok)
    }
}
