//! A keep-alive HTTP/1.1 connection that does as little as it can, so that it is not what is
//! measured. Knows answers with a Content-Length only.

use consign::failure::Failure;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

pub struct HttpWire {
    stream: TcpStream,
    head: String,
    sent: Vec<u8>,
    answer: Vec<u8>,
}

impl HttpWire {
    /// `headers`: whole lines, each with its end.
    pub async fn open(url: &str, path: &str, headers: &str) -> Result<Self, Failure> {
        let address = url.trim_start_matches("http://");
        let stream = TcpStream::connect(address)
            .await
            .map_err(|error| Failure::unreachable(format!("{url}: {error}")))?;
        stream.set_nodelay(true)?;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n{headers}content-length: "
        );
        Ok(Self {
            stream,
            head,
            sent: Vec::with_capacity(4096),
            answer: vec![0; 64 << 10],
        })
    }

    /// Sends one request and reads its answer; the status.
    pub async fn ask(&mut self, body: &str) -> Result<u16, Failure> {
        self.sent.clear();
        for part in [
            self.head.as_str(),
            &body.len().to_string(),
            "\r\n\r\n",
            body,
        ] {
            self.sent.extend_from_slice(part.as_bytes());
        }
        self.stream.write_all(&self.sent).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.answer[filled..]).await?;
            if read == 0 {
                return Err(Failure::failed(
                    "the server closed the connection, or its answer is too long",
                ));
            }
            filled += read;
            let Some(end) = self.answer[..filled]
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            else {
                continue;
            };
            let head = String::from_utf8_lossy(&self.answer[..end]);
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().ok())?
            });
            let length =
                length.ok_or_else(|| Failure::failed("an answer without a content-length"))?;
            if filled >= end + 4 + length {
                let status = head
                    .split(' ')
                    .nth(1)
                    .and_then(|status| status.parse().ok());
                return status.ok_or_else(|| Failure::failed("an answer without a status"));
            }
        }
    }

    /// Likewise, and fails at any other status than that.
    pub async fn ask_for(&mut self, body: &str, expected: u16) -> Result<(), Failure> {
        let status = self.ask(body).await?;
        if status == expected {
            return Ok(());
        }
        let told = self.told();
        Err(Failure::failed(format!(
            "answered {status}, not {expected}: {told}"
        )))
    }

    /// The last answer, as text.
    fn told(&self) -> String {
        String::from_utf8_lossy(&self.answer)
            .trim_end_matches('\0')
            .chars()
            .take(600)
            .collect()
    }
}

/// Many connections, each asking as fast as it is answered.
pub struct HttpLoad<'a> {
    pub url: &'a str,
    pub path: &'a str,
    pub headers: &'static str,
    pub connections: usize,
    pub expected: u16,
}

impl HttpLoad<'_> {
    /// Answers a second over `duration`, after a moment to get going. `first`: the number of the
    /// first document.
    pub async fn rate(&self, first: &Arc<AtomicU64>, duration: Duration) -> Result<f64, Failure> {
        let (count, stop) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let mut connections = self.start(first, &count, &stop, false).await?;
        tokio::time::sleep(Duration::from_millis(700)).await;
        let (before, began) = (count.load(Ordering::Relaxed), Instant::now());
        tokio::time::sleep(duration).await;
        let rate = (count.load(Ordering::Relaxed) - before) as f64 / began.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        while let Some(ended) = connections.join_next().await {
            ended.map_err(|error| Failure::failed(error.to_string()))??;
        }
        Ok(rate)
    }

    /// How long each answer took, in milliseconds, sorted.
    pub async fn latencies(
        &self,
        first: &Arc<AtomicU64>,
        duration: Duration,
    ) -> Result<Vec<f64>, Failure> {
        let (count, stop) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let mut connections = self.start(first, &count, &stop, true).await?;
        tokio::time::sleep(duration).await;
        stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        while let Some(ended) = connections.join_next().await {
            all.extend(ended.map_err(|error| Failure::failed(error.to_string()))??);
        }
        all.sort_by(f64::total_cmp);
        Ok(all)
    }

    async fn start(
        &self,
        first: &Arc<AtomicU64>,
        count: &Arc<AtomicU64>,
        stop: &Arc<AtomicBool>,
        timed: bool,
    ) -> Result<JoinSet<Result<Vec<f64>, Failure>>, Failure> {
        let mut connections = JoinSet::new();
        for _ in 0..self.connections {
            let mut wire = HttpWire::open(self.url, self.path, self.headers).await?;
            let (next, count, stop, expected) =
                (first.clone(), count.clone(), stop.clone(), self.expected);
            connections.spawn(async move {
                let mut took = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let request = crate::workload::request(next.fetch_add(1, Ordering::Relaxed));
                    let began = Instant::now();
                    wire.ask_for(&request, expected).await?;
                    if timed {
                        took.push(began.elapsed().as_secs_f64() * 1000.0);
                    }
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Ok(took)
            });
        }
        Ok(connections)
    }
}
