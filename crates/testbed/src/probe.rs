//! Asks a server in its own protocol whether it answers. Knows the smallest request of each
//! protocol and nothing more.

use std::{
    io::{Read, Write},
    net::{TcpStream, ToSocketAddrs},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};

use crate::server::Server;

/// Cassandra, native protocol v4: OPTIONS.
const CASSANDRA_OPTIONS: [u8; 9] = [0x04, 0, 0, 0, 0x05, 0, 0, 0, 0];
/// Kafka: length 10, ApiVersions (18) v0, correlation id 7, no client id.
const KAFKA_API_VERSIONS: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
const ELASTICSEARCH_HEALTH: &[u8] = b"GET /_cluster/health HTTP/1.0\r\n\r\n";

/// Asks once.
///
/// # Errors
/// Says what came instead of the expected answer.
pub fn answers(server: Server, address: &str, patience: Duration) -> Result<()> {
    let first = address.split(',').next().unwrap_or(address);
    let socket = first
        .to_socket_addrs()
        .with_context(|| format!("bad address {first}"))?
        .next()
        .context("no address")?;
    let mut stream = TcpStream::connect_timeout(&socket, patience)
        .with_context(|| format!("cannot connect to {first}"))?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let (request, len): (&[u8], usize) = match server {
        Server::Cassandra => (&CASSANDRA_OPTIONS, 9),
        Server::Kafka | Server::Broker(_) => (&KAFKA_API_VERSIONS, 10),
        Server::Elasticsearch => (ELASTICSEARCH_HEALTH, 12),
    };
    stream.write_all(request)?;
    let mut answer = vec![0; len];
    stream
        .read_exact(&mut answer)
        .with_context(|| format!("{server} on {first} does not answer"))?;
    let expected = match server {
        Server::Cassandra => answer[0] & 0x80 != 0 && answer[4] == 0x06, // a response, SUPPORTED
        Server::Kafka | Server::Broker(_) => answer[4..] == [0, 0, 0, 7, 0, 0], // our correlation id, no error
        Server::Elasticsearch => answer.ends_with(b" 200"),
    };
    ensure!(expected, "{first} does not answer like {server}");
    Ok(())
}

/// Asks until it answers.
///
/// # Errors
/// If it does not within `patience`, with the last failure.
pub fn wait(server: Server, address: &str, patience: Duration) -> Result<()> {
    let began = Instant::now();
    loop {
        match answers(server, address, Duration::from_secs(2)) {
            Ok(()) => return Ok(()),
            Err(e) if began.elapsed() > patience => {
                return Err(e.context(anyhow!("{server} not ready in {} s", patience.as_secs())));
            }
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
    }
}
