//! What is well and what is not, for `/readyz`: a table of components that each part keeps up to
//! date for itself.

use parking_lot::Mutex;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// How long a component may take to say how it is. One that says nothing is not well, and whoever asks it
/// has others to ask.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// How a component is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    Ready,
    /// It works, though something is not as it should be.
    Degraded {
        why: String,
    },
    Starting {
        why: String,
    },
    Missing {
        why: String,
    },
}

impl State {
    /// As a component says itself, in time.
    pub async fn told_by<E: Display>(question: impl Future<Output = Result<(), E>>) -> Self {
        let why = match timeout(TOLD_WITHIN, question).await {
            Ok(Ok(())) => return Self::Ready,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it does not answer: {} s passed", TOLD_WITHIN.as_secs()),
        };
        Self::Missing { why }
    }
}

/// A setting that weakens a promise: allowed, never silent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Weakened {
    pub component: String,
    pub setting: String,
    pub found: String,
    pub wanted: String,
    pub consequence: String,
}

/// The table. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<HealthTable>>);

#[derive(Debug, Default)]
struct HealthTable {
    components: BTreeMap<String, State>,
    /// Since when a component is not ready.
    since: BTreeMap<String, Instant>,
    weakened: Vec<Weakened>,
    /// May be missing.
    dispensable: BTreeSet<String>,
}

/// What `/readyz` answers.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub ready: bool,
    pub components: BTreeMap<String, State>,
    /// For how many seconds each component that is not ready has not been.
    pub not_ready_seconds: BTreeMap<String, u64>,
    pub weakened: Vec<Weakened>,
}

impl Health {
    pub fn set(&self, component: &str, state: State) {
        let mut table = self.0.lock();
        if state == State::Ready {
            table.since.remove(component);
        } else if !table.since.contains_key(component) {
            table.since.insert(component.to_owned(), Instant::now());
        }
        table.components.insert(component.to_owned(), state);
    }

    /// The component is no longer ours to report on.
    pub fn forget(&self, component: &str) {
        let mut table = self.0.lock();
        table.components.remove(component);
        table.since.remove(component);
    }

    /// The service is ready without these components.
    pub fn set_dispensable(&self, components: &[&str]) {
        let components = components.iter().map(|name| (*name).to_owned());
        self.0.lock().dispensable = components.collect();
    }

    /// Replaces what is known to be weakened about a component.
    pub fn set_weakened(&self, component: &str, weakened: Vec<Weakened>) {
        let mut table = self.0.lock();
        table.weakened.retain(|known| known.component != component);
        table.weakened.extend(weakened);
    }

    pub fn report(&self) -> Report {
        let table = self.0.lock();
        Report {
            ready: table.components.iter().all(|(name, state)| match state {
                State::Ready | State::Degraded { .. } => true,
                State::Starting { .. } | State::Missing { .. } => table.dispensable.contains(name),
            }),
            components: table.components.clone(),
            not_ready_seconds: table
                .since
                .iter()
                .map(|(name, since)| (name.clone(), since.elapsed().as_secs()))
                .collect(),
            weakened: table.weakened.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Health, State};

    #[tokio::test(start_paused = true)]
    async fn a_component_that_says_nothing_is_not_well() {
        let well = async || Ok::<(), String>(());
        assert_eq!(State::told_by(well()).await, State::Ready);
        let away = async || Err::<(), _>("refused");
        let missing = |why: &str| State::Missing { why: why.into() };
        assert_eq!(State::told_by(away()).await, missing("refused"));
        let silent = std::future::pending::<Result<(), String>>();
        let told = State::told_by(silent).await;
        assert_eq!(told, missing("it does not answer: 5 s passed"));
    }

    /// Another reason for the same trouble does not make it younger.
    #[test]
    fn it_is_known_since_when_a_component_is_not_ready() {
        let health = Health::default();
        let missing = |why: &str| State::Missing { why: why.into() };
        let since = |component: &str| health.0.lock().since.get(component).copied();
        health.set("record", missing("refused"));
        health.set("view", missing("refused"));
        let first = since("record");
        assert!(first.is_some());
        health.set("record", missing("no answer"));
        assert_eq!(since("record"), first);
        health.set("view", State::Ready);
        health.forget("gone");
        let known: Vec<String> = health.report().not_ready_seconds.into_keys().collect();
        assert_eq!(known, ["record"]);
        health.set("record", State::Ready);
        assert_eq!(since("record"), None);
        health.set("record", missing("again"));
        assert!(since("record") > first);
        health.forget("record");
        assert!(health.report().not_ready_seconds.is_empty());
    }
}
