//! Spans of requests, from HTTP to the last push, exported by OTLP over HTTP when an endpoint is set
//! (<https://opentelemetry.io/docs/specs/otlp/>). A stage says what it did for whom: the trace context
//! (<https://www.w3.org/TR/trace-context/>) travels with the event, so that stages of other processes
//! find it.
//!
//! Nothing may wait for a span, and nothing may be decided by one: what there is no room for is
//! counted and lost. Without an endpoint nothing is made, kept or sent.

mod context;
mod export;
mod span;

pub use context::TraceContext;
pub use export::{ExportError, SpanSettings, export_spans, flush_spans, is_exporting};
pub use span::{OpenSpan, SpanKind, Stage};
