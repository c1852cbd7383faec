//! This gateway's spool among those of its deployment: a row says that it holds something before a
//! write is answered `spooled`, and goes when all is shipped. Other gateways cannot look into the
//! spool; by the row they know that a request they cannot find may still come. Must never keep a
//! write from being taken: where the record store does not answer, the row comes later.

use parking_lot::Mutex;
use runtime::Clock;
use spool::Spool;
use std::{sync::Arc, time::Duration};
use store::{
    Record, StoreError,
    spools::{self, HoldingSpool},
};
use tokio::time::{Instant, timeout};

/// How long an answer waits for the row.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long answers do not wait after it did not come.
const PAUSE: Duration = Duration::from_secs(5);
/// How long the spool must have been empty before its row goes: it is taken and given less often.
const QUIET: Duration = Duration::from_secs(2);
/// How often a row that stands is looked at and prolonged.
const RENEWED: Duration = Duration::from_secs(5);

/// See the module's header.
pub(crate) struct SpoolRow {
    record: Arc<dyn Record>,
    spool: Arc<Spool>,
    clock: Arc<dyn Clock>,
    /// What the row is known to say. Held while it is written: an answer waits while it is taken away.
    row: tokio::sync::Mutex<Option<KnownRow>>,
    /// Answers do not wait before this.
    paused: Mutex<Option<Instant>>,
}

/// A row that stands, or may.
#[derive(Clone, Copy, Debug)]
struct KnownRow {
    /// False: an earlier process may have left it, or a store did not say whether it took a change.
    is_sure: bool,
    since: i64,
    written: Instant,
    /// When the spool was last seen with something in it.
    held: Instant,
}

impl SpoolRow {
    pub(crate) fn new(record: Arc<dyn Record>, spool: Arc<Spool>, clock: Arc<dyn Clock>) -> Self {
        let found = KnownRow {
            is_sure: false,
            since: clock.now(),
            written: Instant::now(),
            held: Instant::now(),
        };
        Self {
            record,
            spool,
            clock,
            row: tokio::sync::Mutex::new(Some(found)),
            paused: Mutex::default(),
        }
    }

    /// Waits until the row says that the spool holds something, within a time. Called when it does.
    pub(crate) async fn say_holding(&self) {
        if self
            .paused
            .lock()
            .is_some_and(|until| Instant::now() < until)
        {
            return;
        }
        let said = async {
            let mut row = self.row.lock().await;
            match &*row {
                Some(known) if known.is_sure => Ok(()),
                Some(_) | None => self.write(&mut row).await,
            }
        };
        let why = match timeout(PATIENCE, said).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it did not answer in time".to_owned(),
        };
        *self.paused.lock() = Some(Instant::now() + PAUSE);
        tracing::warn!(
            why,
            "the record store does not take the row of this gateway's spool: other gateways do not know yet that it holds writes"
        );
    }

    /// Brings the row up to date; called now and then.
    pub(crate) async fn refresh(&self) {
        let mut row = self.row.lock().await;
        let status = self.spool.status();
        let now = Instant::now();
        let refreshed = match &mut *row {
            Some(known) if status.records > 0 => {
                known.held = now;
                if known.is_sure && now - known.written < RENEWED {
                    return;
                }
                self.write(&mut row).await
            }
            None if status.records > 0 => self.write(&mut row).await,
            Some(known) if now - known.held >= QUIET => {
                known.is_sure = false;
                let id = self.spool.id().to_string();
                let gone = spools::set_empty(self.record.as_ref(), &id).await;
                if gone.is_ok() {
                    *row = None;
                }
                gone
            }
            Some(_) | None => return,
        };
        if let Err(error) = refreshed {
            tracing::debug!(%error, "the row of this gateway's spool waits for the record store");
        }
    }

    async fn write(&self, row: &mut Option<KnownRow>) -> Result<(), StoreError> {
        let (now, at) = (self.clock.now(), Instant::now());
        let since = row.map_or(now, |known| known.since);
        let known = row.insert(KnownRow {
            // Until it is taken; whoever waits for that may give up.
            is_sure: false,
            since,
            written: at,
            held: at,
        });
        let age = i64::try_from(self.spool.max_age().as_millis()).unwrap_or(i64::MAX);
        let holding = HoldingSpool {
            since,
            until: now.saturating_add(age),
        };
        let id = self.spool.id().to_string();
        spools::set_holding(self.record.as_ref(), &id, &holding).await?;
        known.is_sure = true;
        Ok(())
    }
}
