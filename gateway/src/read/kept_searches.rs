//! How much this gateway keeps in the record store for scrolls: bounded in number and bytes. It
//! holds names and sizes only, and forgets them when their time is over, as the store does.

use crate::error::{Code, Problem};
use parking_lot::Mutex;
use std::collections::HashMap;

/// The bounds, and what is taken of them.
#[derive(Debug)]
pub(crate) struct KeptSearches {
    most: usize,
    most_bytes: usize,
    kept: Mutex<HashMap<String, KeptText>>,
}

#[derive(Clone, Copy, Debug)]
struct KeptText {
    bytes: usize,
    until: i64,
}

impl KeptSearches {
    pub(crate) fn new(most: usize, most_bytes: usize) -> Self {
        Self {
            most,
            most_bytes,
            kept: Mutex::default(),
        }
    }

    /// Takes room for a text, in place of what the name stood for.
    pub(crate) fn admit(
        &self,
        name: &str,
        bytes: usize,
        until: i64,
        now: i64,
    ) -> Result<(), Problem> {
        let mut kept = self.kept.lock();
        kept.retain(|_, one| one.until > now);
        let others = || kept.iter().filter(|(other, _)| *other != name);
        let held: usize = others().map(|(_, one)| one.bytes).sum();
        if others().count() >= self.most || held.saturating_add(bytes) > self.most_bytes {
            let why = "long scrolls of other requests fill the room that is set aside for them; \
                       they end when their time is over";
            return Err(Problem::new(Code::Overloaded, why).retry_after(10));
        }
        kept.insert(name.to_owned(), KeptText { bytes, until });
        Ok(())
    }
}
