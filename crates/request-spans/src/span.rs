//! Spans as stages make them: one that is open while a request is in hand, and ones that are recorded
//! when a stage is done with an event.

use crate::{
    context::TraceContext,
    export::{self, is_exporting},
};
use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanContext, SpanId, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::{
    borrow::Cow,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub use opentelemetry::trace::SpanKind;

/// The span of something that is in hand, as a request that a client waits for: recorded when it is
/// dropped.
#[derive(Debug)]
pub struct OpenSpan {
    kind: SpanKind,
    context: TraceContext,
    parent: Option<u64>,
    name: Cow<'static, str>,
    started: SystemTime,
    attributes: Vec<KeyValue>,
    failure: Option<Cow<'static, str>>,
}

impl OpenSpan {
    /// Begins that of a request, below the caller's if it brought one. `None`: spans are not
    /// exported.
    pub fn of_request(
        name: impl Into<Cow<'static, str>>,
        traceparent: Option<&str>,
    ) -> Option<Self> {
        if !is_exporting() {
            return None;
        }
        let caller = traceparent.and_then(TraceContext::parse);
        let context = caller.map_or_else(
            || TraceContext::fresh(export::is_sampled()),
            TraceContext::child,
        );
        Some(Self {
            kind: SpanKind::Server,
            context,
            parent: caller.map(|caller| caller.span),
            name: name.into(),
            started: system_time(),
            attributes: Vec::new(),
            failure: None,
        })
    }

    /// Begins that of a stage that works on an event. `None`: spans are not exported, or not of this
    /// trace.
    pub fn of_stage(name: &'static str, kind: SpanKind, traceparent: Option<&str>) -> Option<Self> {
        if !is_exporting() {
            return None;
        }
        let caller = traceparent.and_then(TraceContext::parse)?;
        caller.sampled.then(|| Self {
            kind,
            context: caller.child(),
            parent: Some(caller.span),
            name: name.into(),
            started: system_time(),
            attributes: Vec::new(),
            failure: None,
        })
    }

    /// What the request's events carry, so that later stages are below this span.
    pub fn traceparent(&self) -> String {
        self.context.to_string()
    }

    pub fn set_attribute(&mut self, key: &'static str, value: impl Into<Cow<'static, str>>) {
        if self.context.sampled {
            self.attributes.push(KeyValue::new(key, value.into()));
        }
    }

    /// The request failed, by this code.
    pub fn set_failed(&mut self, code: impl Into<Cow<'static, str>>) {
        self.failure = Some(code.into());
    }
}

impl Drop for OpenSpan {
    fn drop(&mut self) {
        if self.context.sampled {
            let status = match self.failure.take() {
                Some(code) => Status::error(code),
                None => Status::Unset,
            };
            export::enqueue_span(SpanData {
                status,
                attributes: std::mem::take(&mut self.attributes),
                ..span_data(
                    self.context,
                    self.parent,
                    std::mem::take(&mut self.name),
                    self.kind.clone(),
                    self.started..system_time(),
                )
            });
        }
    }
}

/// What a stage did for one event.
#[derive(Clone, Debug)]
pub struct Stage<'a> {
    pub name: &'static str,
    pub kind: SpanKind,
    /// The event's trace context. Without one there is no span.
    pub traceparent: Option<&'a str>,
    /// Unix milliseconds.
    pub from: i64,
    pub to: i64,
}

impl Stage<'_> {
    /// Records it, unless spans are not exported or the trace is not sampled.
    pub fn record(self, attributes: impl FnOnce() -> Vec<(&'static str, String)>) {
        if !is_exporting() {
            return;
        }
        let Some(caller) = self.traceparent.and_then(TraceContext::parse) else {
            return;
        };
        if !caller.sampled {
            return;
        }
        let from = time_of_millis(self.from);
        let to = time_of_millis(self.to).max(from);
        let attributes = attributes()
            .into_iter()
            .map(|(key, value)| KeyValue::new(key, value))
            .collect();
        export::enqueue_span(SpanData {
            attributes,
            parent_span_is_remote: true,
            ..span_data(
                caller.child(),
                Some(caller.span),
                self.name.into(),
                self.kind,
                from..to,
            )
        });
    }
}

fn span_data(
    context: TraceContext,
    parent: Option<u64>,
    name: Cow<'static, str>,
    span_kind: SpanKind,
    time: std::ops::Range<SystemTime>,
) -> SpanData {
    SpanData {
        span_context: SpanContext::new(
            TraceId::from_bytes(context.trace.to_be_bytes()),
            SpanId::from_bytes(context.span.to_be_bytes()),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: parent.map_or(SpanId::INVALID, |span| {
            SpanId::from_bytes(span.to_be_bytes())
        }),
        parent_span_is_remote: parent.is_some(),
        span_kind,
        name,
        start_time: time.start,
        end_time: time.end,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("consign").build(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "as the time of a log line: nothing is decided by it"
)]
fn system_time() -> SystemTime {
    SystemTime::now()
}

fn time_of_millis(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
