//! What a client's connection is made of before anything is spoken on it: its bytes and its permit.
//! It knows no protocol.

pub(crate) mod permit;
pub(crate) mod stall;

/// What a connection's bytes come through.
pub(crate) type ClientStream = stall::Stall<tokio::net::TcpStream>;
