//! Is a record store that may forget there, and how often was it away? Whoever works on a partition
//! compares: what it resolved before an absence may be gone from the store, and what it reads after
//! one, before everything of the last minute is applied again, may be older than what it decided.

use parking_lot::Mutex;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct StorePresence {
    seen: Mutex<ProbedState>,
    changed: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct ProbedState {
    is_away: bool,
    absences: u64,
}

impl StorePresence {
    /// How often it was away so far.
    pub fn absences(&self) -> u64 {
        self.seen.lock().absences
    }

    /// Somebody noticed that it was away; it is back.
    pub fn note_absence(&self) {
        self.seen.lock().absences += 1;
        self.changed.notify_waiters();
    }

    /// What the probe was answered. Says whether that is news.
    pub fn probed(&self, is_away: bool) -> bool {
        let mut seen = self.seen.lock();
        let is_news = seen.is_away != is_away;
        seen.is_away = is_away;
        seen.absences += u64::from(is_news && is_away);
        drop(seen);
        if is_news {
            self.changed.notify_waiters();
        }
        is_news
    }

    /// Resolves once it was away more often than that.
    pub async fn absent_since(&self, absences: u64) {
        self.wait_until(|seen| seen.absences > absences).await;
    }

    /// Resolves while it is there.
    pub async fn present(&self) {
        self.wait_until(|seen| !seen.is_away).await;
    }

    async fn wait_until(&self, is_so: impl Fn(ProbedState) -> bool) {
        loop {
            let changed = self.changed.notified();
            let seen = *self.seen.lock();
            if is_so(seen) {
                return;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn an_absence_is_seen_whether_it_comes_before_or_after_the_look() {
        let presence = Arc::new(StorePresence::default());
        let waiting = tokio::spawn({
            let presence = presence.clone();
            async move { presence.absent_since(0).await }
        });
        tokio::task::yield_now().await;
        presence.note_absence();
        waiting.await.unwrap();
        presence.absent_since(0).await;
        assert_eq!(presence.absences(), 1);
    }

    #[tokio::test]
    async fn what_the_probe_says_twice_is_one_absence() {
        let presence = Arc::new(StorePresence::default());
        assert!(!presence.probed(false));
        assert!(presence.probed(true));
        assert!(!presence.probed(true));
        assert_eq!(presence.absences(), 1);
        let waiting = tokio::spawn({
            let presence = presence.clone();
            async move { presence.present().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        assert!(presence.probed(false));
        waiting.await.unwrap();
        assert_eq!(presence.absences(), 1);
    }
}
