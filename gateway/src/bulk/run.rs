//! The life of one bulk: read, split, check, send, and settle in order. It waits for the client's
//! bytes, for whoever is asked about a line, and for the log. What waits for others is checked side by
//! side; everything is sent in the order of the lines.

use super::{
    answers::{AnswerWriter, Lost},
    checked::CheckedLines,
    line_maker::{LineMaker, LineSender, MadeLine},
    lines::{Line, Lines},
    render,
    unpack::Unpack,
};
use crate::{
    answer::Furthest,
    app::Shared,
    error::{Code, Problem},
    request::{
        body::{incomplete_body, too_slow},
        body_pace::BodyPace,
        headers::Options,
    },
    write::{
        Published,
        publish::{Sent, event::Event},
    },
};
use axum::body::Body;
use bytes::Bytes;
use futures::FutureExt;
use http_body_util::BodyExt;
use request_spans::TraceContext;
use std::{collections::VecDeque, sync::Arc};
use tokio::time::{Duration, Instant, sleep_until, timeout_at};
use tracing::debug;

/// A line that is not answered yet.
enum OpenLine {
    Sent { line: u64, size: usize, sent: Sent },
    Refused { line: u64, problem: Problem },
}

pub(crate) struct BulkRun {
    app: Shared,
    maker: Arc<LineMaker>,
    unpack: Unpack,
    lines: Lines,
    checked: CheckedLines,
    open: VecDeque<OpenLine>,
    open_bytes: usize,
    answers: AnswerWriter,
    accepted: u64,
    refused: u64,
    furthest: Furthest,
    /// The log would take nothing for as long as patience lasts: later lines are refused at once,
    /// until it takes one again.
    stuck: bool,
    pace: BodyPace,
}

impl BulkRun {
    pub(crate) fn new(
        app: Shared,
        operation: String,
        sender: LineSender,
        options: Options,
        unpack: Unpack,
        answers: AnswerWriter,
    ) -> Self {
        let config = &app.config;
        Self {
            maker: Arc::new(LineMaker {
                app: app.clone(),
                operation,
                sender,
                traceparent: options
                    .traceparent
                    .unwrap_or_else(|| TraceContext::fresh_sampled().to_string()),
                idempotency_key: options.idempotency_key,
            }),
            unpack,
            lines: Lines::new(config.body_limit_bytes),
            checked: CheckedLines::new(config.bulk_in_flight_bytes),
            open: VecDeque::new(),
            open_bytes: 0,
            answers,
            accepted: 0,
            refused: 0,
            furthest: Furthest::default(),
            stuck: false,
            pace: BodyPace::new(config),
            app,
        }
    }

    /// Reads to the end and answers everything; gives up only when nobody can be answered any more.
    pub(crate) async fn finish(mut self, body: Body) {
        match self.run(body).await {
            Ok(()) => self.answers.end(),
            Err(lost) => debug!(%lost, "a bulk ended without its summary"),
        }
    }

    async fn run(&mut self, body: Body) -> Result<(), Lost> {
        let read = self.read(body).await?;
        while let Some(line) = self.checked.next().await {
            self.hand_over(line).await?;
        }
        if let Err(problem) = read {
            let line = self.lines.number();
            self.refuse(line, problem);
        }
        while !self.open.is_empty() {
            self.settle().await?;
        }
        let token = self.furthest.token(&self.app, &self.maker.sender.caller);
        let summary = render::summary_record(self.accepted, self.refused, &token);
        self.answers.push(&summary).await
    }

    /// The inner result: what ended the reading early.
    async fn read(&mut self, mut body: Body) -> Result<Result<(), Problem>, Lost> {
        loop {
            let chunk = match self.chunk(&mut body).await? {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(problem) => return Ok(Err(problem)),
            };
            let mut chunk = &chunk[..];
            while !chunk.is_empty() {
                let (now, later) = chunk.split_at(self.unpack.step(chunk.len()));
                chunk = later;
                let mut text = Vec::new();
                if let Err(problem) = self.unpack.feed(now, &mut text) {
                    return Ok(Err(problem));
                }
                self.lines.push(&text);
                self.take_lines().await?;
            }
        }
        let mut text = Vec::new();
        if let Err(problem) = self.unpack.finish(&mut text) {
            return Ok(Err(problem));
        }
        self.lines.push(&text);
        self.take_lines().await?;
        if let Some(line) = self.lines.last() {
            self.take(line).await?;
        }
        Ok(Ok(()))
    }

    /// The next piece of the body; settles what the log acknowledges in the meantime.
    async fn chunk(&mut self, body: &mut Body) -> Result<Result<Option<Bytes>, Problem>, Lost> {
        let since = Instant::now();
        loop {
            self.settle_ready().await?;
            let shutdown = self.app.shutdown.clone();
            let idle = since + self.pace.idle;
            tokio::select! {
                biased;
                () = shutdown.soft() => return Ok(Err(Problem::new(Code::ShuttingDown, "the gateway stops: this line and later ones were not read").retry_after(1))),
                frame = body.frame() => {
                    let data = match frame {
                        None => return Ok(Ok(None)),
                        Some(Err(_)) => return Ok(Err(incomplete_body())),
                        Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                    };
                    return Ok(self.pace.check(since.elapsed(), data.len()).map(|()| Some(data)));
                }
                Some(line) = self.checked.next() => self.hand_over(line).await?,
                () = oldest_acknowledged(&mut self.open) => {}
                () = sleep_until(idle) => return Ok(Err(too_slow(self.pace.idle))),
            }
        }
    }

    async fn take_lines(&mut self) -> Result<(), Lost> {
        while let Some(line) = self.lines.next() {
            self.take(line).await?;
            tokio::task::coop::consume_budget().await;
        }
        Ok(())
    }

    async fn take(&mut self, line: Line) -> Result<(), Lost> {
        self.app.metrics.bulk_lines.inc();
        let size = line.size();
        let mut made = self.maker.clone().make(line).boxed();
        if self.checked.is_empty()
            && let Some(made) = (&mut made).now_or_never()
        {
            return self.hand_over(made).await;
        }
        self.checked.push(size, made);
        while self.checked.is_full()
            && let Some(line) = self.checked.next().await
        {
            self.hand_over(line).await?;
        }
        Ok(())
    }

    /// The oldest line of those that are checked.
    async fn hand_over(&mut self, line: MadeLine) -> Result<(), Lost> {
        // One may always be under way: where none is there is nothing to wait for.
        while !self.open.is_empty()
            && (self.open.len() >= self.app.config.bulk_in_flight
                || self.open_bytes >= self.app.config.bulk_in_flight_bytes)
        {
            self.settle().await?;
        }
        match line.event {
            Ok(event) => self.send(line.number, event).await,
            Err(problem) => {
                self.refuse(line.number, problem);
                Ok(())
            }
        }
    }

    /// Waits for room in the queue to the log as long as patience lasts.
    async fn send(&mut self, line: u64, event: Event) -> Result<(), Lost> {
        let size = event.size();
        let patience = if self.stuck {
            Duration::ZERO
        } else {
            self.app.config.bulk_patience()
        };
        let deadline = Instant::now() + patience;
        let mut event = event;
        loop {
            let (problem, back) = match self.app.writes.publisher.send(event) {
                Ok(sent) => {
                    self.stuck = false;
                    self.open_bytes += size;
                    self.open.push_back(OpenLine::Sent { line, size, sent });
                    return Ok(());
                }
                Err(failed) => *failed,
            };
            let Some(back) =
                back.filter(|_| Instant::now() < deadline && !self.app.shutdown.is_hard())
            else {
                self.stuck = true;
                self.refuse(line, problem);
                return Ok(());
            };
            event = back;
            // Room comes with what is settled; a log that is away needs a moment.
            let pause = Instant::now() + Duration::from_millis(20);
            drop(timeout_at(pause.min(deadline), oldest_acknowledged(&mut self.open)).await);
            self.settle_ready().await?;
        }
    }

    fn refuse(&mut self, line: u64, problem: Problem) {
        self.open.push_back(OpenLine::Refused { line, problem });
    }

    /// Answers the oldest line, whatever it takes.
    async fn settle(&mut self) -> Result<(), Lost> {
        oldest_acknowledged(&mut self.open).await;
        self.settle_ready().await
    }

    /// Answers, in order, all lines that wait for nothing.
    async fn settle_ready(&mut self) -> Result<(), Lost> {
        while let Some(open) = self.open.pop_front() {
            match open {
                OpenLine::Refused { line, problem } => self.told_refused(line, &problem).await?,
                OpenLine::Sent {
                    line,
                    size,
                    mut sent,
                } => match sent.published().now_or_never() {
                    None => {
                        self.open.push_front(OpenLine::Sent { line, size, sent });
                        return Ok(());
                    }
                    Some(Ok(published)) => {
                        self.open_bytes -= size;
                        self.told_accepted(line, &published).await?;
                    }
                    Some(Err(problem)) => {
                        self.open_bytes -= size;
                        self.told_refused(line, &problem).await?;
                    }
                },
            }
        }
        Ok(())
    }

    async fn told_accepted(&mut self, line: u64, published: &Published) -> Result<(), Lost> {
        self.accepted += 1;
        if published.kind.has_verdict() {
            self.furthest.take(published);
        }
        self.answers
            .push(&render::accepted_record(line, published))
            .await
    }

    async fn told_refused(&mut self, line: u64, problem: &Problem) -> Result<(), Lost> {
        self.refused += 1;
        self.answers
            .push(&render::refused_record(line, problem))
            .await
    }
}

/// Resolves when the oldest open line can be answered; never if there is none. Cancel-safe: the
/// answer is kept by [`Sent`].
async fn oldest_acknowledged(open: &mut VecDeque<OpenLine>) {
    match open.front_mut() {
        Some(OpenLine::Sent { sent, .. }) => sent.acknowledged().await,
        Some(OpenLine::Refused { .. }) => {}
        None => std::future::pending().await,
    }
}
