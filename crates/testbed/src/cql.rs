//! The least of Cassandra's native protocol (version 4) by which a test damages what is stored: one
//! statement, and what it answers as JSON lines. For tests only.

use anyhow::{Context, Result, bail, ensure};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    fmt,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::Duration,
};

/// A busy server drops a keyspace in this at the latest.
const PATIENCE: Duration = Duration::from_secs(60);

const STARTUP: u8 = 0x01;
const QUERY: u8 = 0x07;
const ERROR: u8 = 0x00;
const READY: u8 = 0x02;
const AUTHENTICATE: u8 = 0x03;
const RESULT: u8 = 0x08;
const AUTH_RESPONSE: u8 = 0x0f;
const AUTH_SUCCESS: u8 = 0x10;
const ROWS: i32 = 2;

trait Transport: Read + Write + Send {}

impl<T: Read + Write + Send> Transport for T {}

/// A connection.
pub struct Cql(Box<dyn Transport>);

impl fmt::Debug for Cql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cql")
    }
}

impl Cql {
    /// # Errors
    /// If the server does not answer as it should.
    pub fn connect(address: &str) -> Result<Self> {
        let mut cql = Self(Box::new(reach(address)?));
        let (kind, _) = cql.start_up()?;
        ensure!(kind == READY, "Cassandra asks for more than a start-up");
        Ok(cql)
    }

    /// Over TLS, as a role with its password.
    ///
    /// # Errors
    /// If the server does not answer as it should.
    pub fn log_in(address: &str, authority: &Path, role: &str, password: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority)?)?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (host, _) = address.rsplit_once(':').context("no port")?;
        let name = ServerName::try_from(host.to_owned())?;
        let connection = ClientConnection::new(Arc::new(config), name)?;
        let mut cql = Self(Box::new(StreamOwned::new(connection, reach(address)?)));
        let (kind, _) = cql.start_up()?;
        ensure!(kind == AUTHENTICATE, "Cassandra wants no log-in");
        let told = format!("\0{role}\0{password}");
        let mut body = (told.len() as i32).to_be_bytes().to_vec();
        body.extend(told.as_bytes());
        let (kind, _) = cql.ask(AUTH_RESPONSE, &body)?;
        ensure!(kind == AUTH_SUCCESS, "Cassandra does not take the log-in");
        Ok(cql)
    }

    fn start_up(&mut self) -> Result<(u8, Vec<u8>)> {
        let mut body = 1_u16.to_be_bytes().to_vec();
        for text in ["CQL_VERSION", "3.0.0"] {
            body.extend((text.len() as u16).to_be_bytes());
            body.extend(text.as_bytes());
        }
        self.ask(STARTUP, &body)
    }

    /// Runs a statement; the first column of every row, as text.
    ///
    /// # Errors
    /// What the server says against it.
    pub fn run(&mut self, statement: &str) -> Result<Vec<String>> {
        let mut body = (statement.len() as i32).to_be_bytes().to_vec();
        body.extend(statement.as_bytes());
        // Consistency ONE, no flags.
        body.extend([0, 1, 0]);
        let (kind, answer) = self.ask(QUERY, &body)?;
        ensure!(kind == RESULT, "{statement}: an answer of kind {kind}");
        let mut answer = Answer(&answer);
        if answer.int()? != ROWS {
            return Ok(Vec::new());
        }
        let (flags, columns) = (answer.int()?, answer.int()?);
        ensure!(flags & 2 == 0, "{statement}: more than one page");
        let is_global = flags & 1 != 0;
        if is_global {
            answer.name()?;
            answer.name()?;
        }
        for _ in 0..columns {
            if !is_global {
                answer.name()?;
                answer.name()?;
            }
            answer.name()?;
            answer.take(2)?;
        }
        let mut rows = Vec::new();
        for _ in 0..answer.int()? {
            for column in 0..columns {
                let length = usize::try_from(answer.int()?).unwrap_or(0);
                let cell = answer.take(length)?;
                if column == 0 {
                    rows.push(String::from_utf8_lossy(cell).into_owned());
                }
            }
        }
        Ok(rows)
    }

    fn ask(&mut self, opcode: u8, body: &[u8]) -> Result<(u8, Vec<u8>)> {
        let mut frame = vec![4, 0, 0, 0, opcode];
        frame.extend((body.len() as u32).to_be_bytes());
        frame.extend(body);
        self.0.write_all(&frame)?;
        let mut head = [0; 9];
        self.0.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut answer = vec![0; length as usize];
        self.0.read_exact(&mut answer)?;
        if head[4] == ERROR {
            bail!(
                "{}",
                String::from_utf8_lossy(answer.get(6..).unwrap_or_default())
            );
        }
        Ok((head[4], answer))
    }
}

fn reach(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// What is left of an answer.
struct Answer<'a>(&'a [u8]);

impl<'a> Answer<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).context("a short answer")?;
        self.0 = rest;
        Ok(taken)
    }

    fn int(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.take(4)?.try_into()?))
    }

    fn name(&mut self) -> Result<()> {
        let length = u16::from_be_bytes(self.take(2)?.try_into()?);
        self.take(length.into()).map(drop)
    }
}
