//! What is well and what is not, for `/readyz`: a table of components that each part keeps up to
//! date for itself.

use parking_lot::Mutex;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

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
    weakened: Vec<Weakened>,
    /// May be missing.
    dispensable: BTreeSet<String>,
}

/// What `/readyz` answers.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub ready: bool,
    pub components: BTreeMap<String, State>,
    pub weakened: Vec<Weakened>,
}

impl Health {
    pub fn set(&self, component: &str, state: State) {
        self.0.lock().components.insert(component.to_owned(), state);
    }

    /// The component is no longer ours to report on.
    pub fn forget(&self, component: &str) {
        self.0.lock().components.remove(component);
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
            weakened: table.weakened.clone(),
        }
    }
}
