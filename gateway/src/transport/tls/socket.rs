//! A connection over TLS, read and written without waiting, as a WebSocket is served: the handshake
//! is done, and what follows are records of data.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use tokio::{
    io::{Interest, Ready},
    net::TcpStream,
};
use tokio_rustls::{rustls::ServerConnection, server::TlsStream};
use websocket::socket::ByteSocket;

pub(crate) struct TlsSocket {
    stream: TcpStream,
    session: ServerConnection,
}

impl From<TlsStream<TcpStream>> for TlsSocket {
    fn from(stream: TlsStream<TcpStream>) -> Self {
        let (stream, session) = stream.into_inner();
        Self { stream, session }
    }
}

impl ByteSocket for TlsSocket {
    async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.stream.ready(interest).await
    }

    /// What is deciphered is taken before the socket is asked: it is found empty, and so waited for,
    /// only when there is nothing left here.
    fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if self.session.read_tls(&mut Unwaiting(&self.stream))? == 0 {
                // Without a farewell; at the level of frames that is seen as one.
                return Ok(0);
            }
            let state = self.session.process_new_packets();
            // An alert for what was wrong, or an answer to a change of keys.
            self.try_flush()?;
            state.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        }
    }

    fn try_write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.try_flush()? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let taken = self.session.writer().write_vectored(pieces)?;
        self.try_flush()?;
        Ok(taken)
    }

    fn is_holding(&self) -> bool {
        self.session.wants_write()
    }

    fn try_flush(&mut self) -> io::Result<bool> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut Unwaiting(&self.stream)) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// The end of a stream is said (RFC 8446, section 6.1), if the socket takes it.
impl Drop for TlsSocket {
    fn drop(&mut self) {
        self.session.send_close_notify();
        drop(self.try_flush());
    }
}

/// The socket as the TLS session wants it.
struct Unwaiting<'a>(&'a TcpStream);

impl Read for Unwaiting<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(into)
    }
}

impl Write for Unwaiting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
