//! The one place where tasks are started: by a name, by which a panic is logged whether the task's
//! handle is kept or not.

use futures::FutureExt;
use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, resume_unwind},
};
use tokio::task::JoinHandle;
use tracing::{Instrument, error, trace_span};

/// Starts a task whose end concerns nobody but who holds its handle.
pub fn spawn<F>(name: &'static str, task: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let named = async move {
        match AssertUnwindSafe(task).catch_unwind().await {
            Ok(output) => output,
            Err(panic) => {
                error!(task = name, panic = panic_text(&*panic), "a task panicked");
                resume_unwind(panic)
            }
        }
    };
    tokio::spawn(named.instrument(trace_span!("task", name)))
}

/// Runs a future to its end, a panic included: that is answered with what it said.
///
/// What the future had in hand when it panicked is dropped; what it only borrowed may be half
/// changed, and is to be thrown away.
pub async fn catch_panic<F: Future>(future: F) -> Result<F::Output, String> {
    let ended = AssertUnwindSafe(future).catch_unwind().await;
    ended.map_err(|panic| panic_text(&*panic).to_owned())
}

/// What a panic said.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it said nothing")
}
