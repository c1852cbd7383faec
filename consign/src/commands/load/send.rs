//! One chunk, until every line of it is accepted or refused for good. Where the requests themselves
//! could double, they go under an idempotency key of their own, so that a chunk can be sent again
//! whatever became of it.

use super::{
    Arguments,
    bar::Bar,
    chunk::{Chunk, Refusal},
    state::State,
};
use crate::{client::Client, failure::Failure};
use reqwest::{Method, Response, StatusCode, header};
use runtime::Backoff;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::Instant;

pub struct Sender<'a> {
    client: &'a Client,
    path: String,
    /// Repeating a line changes nothing by itself: the same id with the same document.
    harmless: bool,
    patience: Duration,
}

/// What became of a chunk.
#[derive(Debug, Default)]
pub struct SentChunk {
    pub accepted: u64,
    pub refused: Vec<Refusal>,
    /// Waits for all of it.
    pub token: Option<String>,
}

#[derive(Deserialize)]
struct AnswerLine {
    line: Option<u64>,
    problem: Option<RefusedLine>,
    summary: Option<Totals>,
}

#[derive(Deserialize)]
struct Totals {
    token: Option<String>,
}

#[derive(Deserialize)]
struct RefusedLine {
    #[serde(default)]
    status: u16,
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

/// Why a chunk must be sent again.
struct Again {
    why: String,
    after: Option<Duration>,
}

enum Attempt {
    Done(SentChunk),
    Again(Again),
}

impl<'a> Sender<'a> {
    pub fn new(client: &'a Client, arguments: &Arguments) -> Self {
        Self {
            client,
            path: format!("/v1/operations/{}/_bulk", arguments.operation),
            harmless: arguments.operation == "document.createOrReplace" && arguments.id.is_some(),
            patience: Duration::from_secs(arguments.patience),
        }
    }

    pub async fn send(
        &mut self,
        chunk: &Chunk,
        state: &State,
        bar: &mut Bar,
    ) -> Result<SentChunk, Failure> {
        let refused = |(line, why): &(u64, String)| Refusal {
            line: *line,
            code: "not_sent".to_owned(),
            detail: why.clone(),
        };
        let mut refused: Vec<Refusal> = chunk.bad.iter().map(refused).collect();
        if chunk.lines.is_empty() {
            return Ok(SentChunk {
                refused,
                ..SentChunk::default()
            });
        }
        let deadline = Instant::now() + self.patience;
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        loop {
            let again = match self.attempt(chunk, state).await? {
                Attempt::Done(mut sent) => {
                    bar.well();
                    refused.append(&mut sent.refused);
                    return Ok(SentChunk { refused, ..sent });
                }
                Attempt::Again(again) => again,
            };
            if Instant::now() > deadline {
                let told = format!(
                    "lines {} to {} are not accepted: {}",
                    chunk.lines[0], chunk.through, again.why
                );
                return Err(Failure::unreachable(told).hint("type the same line again to go on"));
            }
            bar.waits(&again.why);
            tokio::time::sleep(again.after.unwrap_or_default().max(backoff.next_wait())).await;
        }
    }

    async fn attempt(&self, chunk: &Chunk, state: &State) -> Result<Attempt, Failure> {
        let mut request = self
            .client
            .at(Method::POST, &self.path)
            .header(header::CONTENT_TYPE, "application/x-ndjson");
        if !self.harmless {
            request = request.header(
                "Idempotency-Key",
                format!("\"load-{}-{}\"", state.key, chunk.lines[0]),
            );
        }
        match request.body(chunk.body.clone()).send().await {
            Err(error) => Ok(Attempt::Again(Again {
                why: self.client.away(&error).message,
                after: None,
            })),
            Ok(response) if response.status().is_success() => {
                Ok(read_answers(chunk, response).await)
            }
            Ok(response) if is_passing(response.status()) => {
                let after = response
                    .headers()
                    .get(header::RETRY_AFTER)
                    .and_then(|value| value.to_str().ok()?.parse().ok());
                Ok(Attempt::Again(Again {
                    why: format!("the gateway answers {}", response.status()),
                    after: after.map(Duration::from_secs),
                }))
            }
            Ok(response) => {
                let (status, text) = (
                    response.status().as_u16(),
                    response.text().await.unwrap_or_default(),
                );
                let body = serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text));
                Err(crate::client::Answer { status, body }
                    .succeeded()
                    .map_or_else(|failure| failure, |_| Failure::failed("no bulk answer")))
            }
        }
    }
}

fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status)
}

/// Reads the answers; a stream that breaks, or a line that may pass later, sends the chunk again.
async fn read_answers(chunk: &Chunk, mut response: Response) -> Attempt {
    let again = |why: String| Attempt::Again(Again { why, after: None });
    let (mut text, mut sent) = (Vec::new(), SentChunk::default());
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => text.extend_from_slice(&piece),
            Ok(None) => break,
            Err(error) => return again(format!("the connection broke: {error}")),
        }
    }
    let (mut passing, mut complete) = (None, false);
    for line in text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let Ok(line) = serde_json::from_slice::<AnswerLine>(line) else {
            return again("the answer cannot be read".to_owned());
        };
        match line {
            AnswerLine {
                summary: Some(totals),
                ..
            } => (complete, sent.token) = (true, totals.token),
            AnswerLine { problem: None, .. } => sent.accepted += 1,
            AnswerLine {
                problem: Some(problem),
                line,
                ..
            } => {
                if StatusCode::from_u16(problem.status).is_ok_and(is_passing) {
                    passing = Some(problem.detail);
                } else {
                    // The gateway counts the lines of the body, from 1.
                    let line = line
                        .and_then(|line| chunk.lines.get((line as usize).checked_sub(1)?).copied())
                        .unwrap_or(chunk.through);
                    sent.refused.push(Refusal {
                        line,
                        code: problem.code,
                        detail: problem.detail,
                    });
                }
            }
        }
    }
    match (passing, complete) {
        (Some(why), _) => again(why),
        (None, false) => again("the answer ended early".to_owned()),
        (None, true) => Attempt::Done(sent),
    }
}

/// Waits until all of these writes are resolved; answers how long that took, in seconds.
pub async fn until_applied(
    client: &Client,
    index: &str,
    collection: &str,
    tokens: &[String],
) -> Result<f64, Failure> {
    let began = Instant::now();
    for token in tokens {
        loop {
            let request = client.at(
                Method::POST,
                &format!("/v1/documents/{index}/{collection}/_count"),
            );
            let request = request
                .query(&[("after", token)])
                .header("Prefer", "wait=10")
                .timeout(Duration::from_secs(30));
            let answer = client.send(request).await?;
            match answer.status {
                503 | 504 => tokio::time::sleep(Duration::from_millis(200)).await,
                _ => {
                    answer.succeeded()?;
                    break;
                }
            }
        }
    }
    Ok(began.elapsed().as_secs_f64())
}
