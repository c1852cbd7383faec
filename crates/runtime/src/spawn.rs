//! The one place where tasks are started: by a name, by which a panic is logged whether the task's
//! handle is kept or not.

#[cfg(test)]
mod tests;

use futures::FutureExt;
use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, resume_unwind},
};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{Instrument, error, trace_span};

/// Starts a task whose end concerns nobody but who holds its handle.
#[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
pub fn spawn<F>(name: &'static str, task: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(run_named(name, task))
}

/// The task as it is run. Made of combinators: an `async` block that takes a future holds it twice,
/// once as what it was given and once as what it awaits, and each task is copied whole when it starts.
fn run_named<F: Future>(name: &'static str, task: F) -> impl Future<Output = F::Output> {
    let watched = AssertUnwindSafe(task).catch_unwind().map(move |ended| {
        ended.unwrap_or_else(|panic| {
            error!(task = name, panic = panic_text(&*panic), "a task panicked");
            resume_unwind(panic)
        })
    });
    watched.instrument(trace_span!("task", name))
}

/// Tasks that do not outlive who started them: whoever drops the set stops them.
#[derive(Debug)]
pub struct TaskSet<T>(JoinSet<T>);

impl<T: Send + 'static> TaskSet<T> {
    #[must_use]
    pub fn new() -> Self {
        Self(JoinSet::new())
    }

    /// Starts one more.
    #[expect(clippy::disallowed_methods, reason = "the task is named")]
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = T> + Send + 'static) {
        self.0.spawn(run_named(name, task));
    }

    /// Waits for one that ends by itself; `None`: there is none left. What panicked was logged.
    /// Cancel-safe.
    pub async fn join_next(&mut self) -> Option<T> {
        loop {
            if let Ok(output) = self.0.join_next().await? {
                return Some(output);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Stops all of them, and waits until they are gone.
    pub async fn shutdown(&mut self) {
        self.0.shutdown().await;
    }
}

impl<T: Send + 'static> Default for TaskSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs a future to its end, a panic included: that is answered with what it said.
///
/// What the future had in hand when it panicked is dropped; what it only borrowed may be half
/// changed, and is to be thrown away.
pub fn catch_panic<F: Future>(future: F) -> impl Future<Output = Result<F::Output, String>> {
    let ended = AssertUnwindSafe(future).catch_unwind();
    ended.map(|ended| ended.map_err(|panic| panic_text(&*panic).to_owned()))
}

/// What a panic said.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it said nothing")
}
