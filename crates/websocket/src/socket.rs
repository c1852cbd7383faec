//! What a connection needs of the bytes under it: all of it is asked without waiting, but for the
//! moment at which something can be done.

use std::{
    future::Future,
    io::{self, IoSlice},
};
use tokio::{
    io::{Interest, Ready},
    net::TcpStream,
};

/// A stream of bytes to and from a client. Nothing but [`ByteSocket::ready`] waits.
pub trait ByteSocket: Send {
    /// Waits until the socket may be read or written, whichever is asked for.
    fn ready(&self, interest: Interest) -> impl Future<Output = io::Result<Ready>> + Send;

    /// Fills the buffer with what there is; 0 at the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock` if there is nothing now.
    fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// # Errors
    /// `WouldBlock` if the socket takes nothing now.
    fn try_write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Are there bytes that were written and are still on this side of the socket?
    fn is_holding(&self) -> bool;

    /// Gives the socket what is held. False: it takes no more now.
    ///
    /// # Errors
    /// If the client is gone.
    fn try_flush(&mut self) -> io::Result<bool>;
}

impl ByteSocket for TcpStream {
    fn ready(&self, interest: Interest) -> impl Future<Output = io::Result<Ready>> + Send {
        TcpStream::ready(self, interest)
    }

    fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        TcpStream::try_read(self, into)
    }

    fn try_write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        TcpStream::try_write_vectored(self, pieces)
    }

    fn is_holding(&self) -> bool {
        false
    }

    fn try_flush(&mut self) -> io::Result<bool> {
        Ok(true)
    }
}
