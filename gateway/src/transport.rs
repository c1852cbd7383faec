//! What a client's connection is made of before anything is spoken on it: its bytes and its permit.
//! Of HTTP it knows where a head begins and ends, and no more.

pub(crate) mod address;
pub(crate) mod client_stream;
pub(crate) mod farewell;
pub(crate) mod permit;
pub(crate) mod stall;
pub(crate) mod tls;
pub(crate) mod unread;

/// What a connection's bytes come through.
pub(crate) type ClientStream = client_stream::GuardedStream<ClientSocket>;

/// Plain, or with TLS that ends here.
pub(crate) type ClientSocket = tokio_util::either::Either<
    tokio::net::TcpStream,
    Box<tokio_rustls::server::TlsStream<tokio::net::TcpStream>>,
>;
