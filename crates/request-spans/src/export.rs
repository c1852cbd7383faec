//! The way of spans out of the process: a bounded queue, and one task that sends what is in it. It
//! must never make a stage wait.

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use opentelemetry::KeyValue;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter as _},
};
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};
use tracing::{info, warn};

/// Spans that wait to be sent, at most; about 1 KiB each.
const QUEUE: usize = 8192;
/// Spans of one request to the collector.
const BATCH: usize = 512;
/// A collector says little.
const ANSWER: usize = 64 << 10;
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is said that spans cannot be sent.
const COMPLAINT_EVERY: Duration = Duration::from_secs(60);

/// Whether spans are exported, and which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpanSettings {
    /// Of a collector that takes OTLP over HTTP, without the path `/v1/traces`. Without it spans are
    /// not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otlp_endpoint: Option<String>,
    /// The share of requests that are traced among those that bring no trace context; the others are
    /// as their context says.
    pub sample_ratio: f64,
}

impl Default for SpanSettings {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            sample_ratio: 1.0,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("tracing.sample_ratio is {0}: it is a share, from 0 to 1")]
    Ratio(f64),
    #[error("tracing.otlp_endpoint {endpoint:?}: {why}")]
    Endpoint { endpoint: String, why: String },
}

struct ProcessExport {
    queue: mpsc::Sender<ExportMessage>,
    sample_ratio: f64,
    dropped: AtomicU64,
}

enum ExportMessage {
    Span(Box<SpanData>),
    /// Answered when all before it was sent or given up.
    Flush(oneshot::Sender<()>),
}

/// One for the process, as its logger is.
static EXPORT: OnceLock<ProcessExport> = OnceLock::new();

/// From now on spans are exported, if an endpoint is set; a second call changes nothing. `service`:
/// which part of Consign this process is. Within a Tokio runtime.
///
/// # Errors
/// The settings are none that can be meant.
pub fn export_spans(settings: &SpanSettings, service: &'static str) -> Result<(), ExportError> {
    if !(0.0..=1.0).contains(&settings.sample_ratio) {
        return Err(ExportError::Ratio(settings.sample_ratio));
    }
    let Some(endpoint) = settings.otlp_endpoint.as_deref() else {
        return Ok(());
    };
    let exporter = make_exporter(endpoint, service).map_err(|why| ExportError::Endpoint {
        endpoint: endpoint.to_owned(),
        why,
    })?;
    let (queue, messages) = mpsc::channel(QUEUE);
    let export = ProcessExport {
        queue,
        sample_ratio: settings.sample_ratio,
        dropped: AtomicU64::new(0),
    };
    if EXPORT.set(export).is_ok() {
        info!(endpoint, "spans of requests are exported");
        runtime::spawn("export spans", run_export(exporter, messages));
    }
    Ok(())
}

/// Whether anything becomes of a span.
pub fn is_exporting() -> bool {
    EXPORT.get().is_some()
}

/// Waits until what was recorded before is sent, but not longer than a few seconds: for the end of
/// the process.
pub async fn flush_spans() {
    let Some(export) = EXPORT.get() else {
        return;
    };
    let (done, flushed) = oneshot::channel();
    let flushing = async {
        if export.queue.send(ExportMessage::Flush(done)).await.is_ok() {
            _ = flushed.await;
        }
    };
    _ = timeout(Duration::from_secs(3), flushing).await;
}

/// Whether a request without a trace context is traced.
pub(crate) fn is_sampled() -> bool {
    EXPORT
        .get()
        .is_some_and(|export| runtime::random::<f64>() < export.sample_ratio)
}

pub(crate) fn enqueue_span(span: SpanData) {
    if let Some(export) = EXPORT.get()
        && export
            .queue
            .try_send(ExportMessage::Span(Box::new(span)))
            .is_err()
    {
        export.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

fn make_exporter(endpoint: &str, service: &'static str) -> Result<SpanExporter, String> {
    let base = endpoint.trim_end_matches('/');
    let url = reqwest::Url::parse(base).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it begins with http:// or https://".to_owned());
    }
    let client = reqwest::Client::builder()
        // The machine's own roots are the object stores' affair: they are not believed here.
        .tls_built_in_native_certs(false)
        .http1_only()
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| error.to_string())?;
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(CollectorClient(client))
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(TIMEOUT)
        .with_endpoint(format!("{base}/v1/traces"))
        .build()
        .map_err(|error| error.to_string())?;
    let resource = Resource::builder_empty().with_attributes([
        KeyValue::new("service.name", "consign"),
        KeyValue::new("service.namespace", "consign"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("consign.service", service),
    ]);
    exporter.set_resource(&resource.build());
    Ok(exporter)
}

/// Sends what is in the queue until the process ends.
async fn run_export(exporter: SpanExporter, mut messages: mpsc::Receiver<ExportMessage>) {
    let mut received = Vec::with_capacity(BATCH);
    let mut complained: Option<Instant> = None;
    while messages.recv_many(&mut received, BATCH).await > 0 {
        let mut spans = Vec::with_capacity(received.len());
        let mut flushed = Vec::new();
        for message in received.drain(..) {
            match message {
                ExportMessage::Span(span) => spans.push(*span),
                ExportMessage::Flush(done) => flushed.push(done),
            }
        }
        let many = spans.len();
        if many > 0
            && let Err(error) = exporter.export(spans).await
            && complained.is_none_or(|then| then.elapsed() > COMPLAINT_EVERY)
        {
            warn!(%error, spans = many, "spans cannot be exported; they are lost");
            complained = Some(Instant::now());
        }
        let dropped = EXPORT
            .get()
            .map_or(0, |export| export.dropped.swap(0, Ordering::Relaxed));
        if dropped > 0 {
            warn!(
                dropped,
                "more spans than the collector takes; they are lost"
            );
        }
        for done in flushed {
            _ = done.send(());
        }
    }
}

#[derive(Debug)]
struct CollectorClient(reqwest::Client);

#[async_trait::async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut response = self.0.execute(request.try_into()?).await?;
        let mut answer = Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            headers.clone_from(response.headers());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > ANSWER {
                return Err("the collector's answer is too large".into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(answer.body(body.freeze())?)
    }
}
