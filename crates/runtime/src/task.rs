//! The tasks of a service: each has a kind that says what its end means. They are started by
//! [`spawn`], which logs a panic by the task's name.

use crate::{
    health::{Health, State},
    lifecycle::Shutdown,
    spawn::spawn,
};
use std::future::Future;
use tracing::{error, warn};

/// Starts the tasks of one service, and knows what it means when one of them ends.
#[derive(Clone, Debug)]
pub struct TaskStarter {
    health: Health,
    shutdown: Shutdown,
}

impl TaskStarter {
    pub fn new(health: Health, shutdown: Shutdown) -> Self {
        Self { health, shutdown }
    }

    /// A task without which the service does not do what it is there for: if it ends before
    /// shutdown, or panics, the service is not ready any more, and `/readyz` names the task.
    pub fn vital(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let Self { health, shutdown } = self.clone();
        let running = spawn(name, task);
        spawn(name, async move {
            let ended = running.await;
            if ended.is_ok() && shutdown.is_soft() {
                return;
            }
            let why = match ended {
                Ok(()) => "it ended while the service runs".to_owned(),
                Err(error) => error.to_string(),
            };
            error!(task = name, why, "a task that the service needs has ended");
            health.set(&format!("task {name}"), State::Missing { why });
        });
    }

    /// A task whose end is no harm to the service; a panic is logged by its name.
    pub fn background(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        spawn(name, async move {
            task.await;
            if !shutdown.is_soft() {
                warn!(
                    task = name,
                    "a background task ended while the service runs"
                );
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spawn::panic_text;
    use std::time::Duration;

    async fn missing(health: &Health, task: &str) -> Option<String> {
        for _ in 0..200 {
            let report = health.report();
            if let Some(State::Missing { why }) = report.components.get(task) {
                assert!(!report.ready);
                return Some(why.clone());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        None
    }

    #[tokio::test]
    async fn a_vital_task_takes_readiness_with_it() {
        let (trigger, shutdown) = Shutdown::manual();
        let health = Health::default();
        let tasks = TaskStarter::new(health.clone(), shutdown.clone());
        tasks.vital("ends", async {});
        tasks.vital("panics", async { panic!("no more") });
        let until = shutdown.clone();
        tasks.vital("stays", async move { until.soft().await });
        assert!(missing(&health, "task ends").await.is_some());
        let why = missing(&health, "task panics").await.expect("named");
        assert!(why.contains("panic"), "{why}");
        trigger.soft();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!health.report().components.contains_key("task stays"));
    }

    #[tokio::test]
    async fn a_background_task_leaves_readiness_alone() {
        let health = Health::default();
        let tasks = TaskStarter::new(health.clone(), Shutdown::manual().1);
        tasks.background("panics", async { panic!("no more") });
        tasks.background("ends", async {});
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(health.report().ready);
    }

    #[tokio::test]
    async fn a_panic_reaches_who_holds_the_handle() {
        let failed = spawn("fails", async { panic!("{} is too much", 3) });
        let panic = failed.await.map(|(): ()| ()).expect_err("it panicked");
        assert_eq!(panic_text(&*panic.into_panic()), "3 is too much");
    }
}
