//! One refresh of the view for all who wait for one: a refresh serves everybody who asked before it
//! began, never anybody after.

use crate::error::{Code, Problem};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use store::{Collection, View};

/// The gates, one per collection.
#[derive(Debug, Default)]
pub(crate) struct Refreshes(Mutex<HashMap<String, Arc<Gate>>>);

#[derive(Debug, Default)]
struct Gate {
    turn: tokio::sync::Mutex<()>,
    begun: AtomicU64,
    done: AtomicU64,
}

impl Refreshes {
    /// Returns when a refresh that began after this call is done.
    pub(crate) async fn refresh(
        &self,
        view: Option<&dyn View>,
        collection: &Collection,
    ) -> Result<(), Problem> {
        let view = view
            .ok_or_else(|| Problem::new(Code::NoView, "this deployment has no view to search"))?;
        let gate = self.0.lock().entry(collection.name()).or_default().clone();
        let wanted = gate.begun.load(Ordering::SeqCst) + 1;
        let _turn = gate.turn.lock().await;
        if gate.done.load(Ordering::SeqCst) >= wanted {
            return Ok(());
        }
        let mine = gate.begun.fetch_add(1, Ordering::SeqCst) + 1;
        view.refresh(std::slice::from_ref(collection)).await?;
        gate.done.store(mine, Ordering::SeqCst);
        Ok(())
    }
}
