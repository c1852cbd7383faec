//! The task of a spool: works off what was reported, ships the backlog as the log takes it, lets go
//! of what is shipped, and watches the disk. It must never have two parts of the backlog under way
//! at once: that is what keeps them in order.

use crate::{
    folder::{FolderError, SpooledRecord},
    machine::{DiskState, RecordId, ToReplace},
    sender::Spool,
};
use event_log::{NewRecord, Refused};
use runtime::Shutdown;
use std::{ops::Range, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// How often it looks, at least.
const LOOK: Duration = Duration::from_millis(50);
/// After a refusal that passes.
const PAUSE: Duration = Duration::from_millis(20);
/// After one that does not pass by itself.
const LONG_PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at the disk, and between two times that something is let go of.
const UPKEEP: Duration = Duration::from_millis(500);
/// Records that are read at once.
const BATCH: u64 = 512;

/// Why a record is not handed over.
enum Unshippable {
    NotNow,
    Stuck(String),
    Never(String),
}

impl From<Refused> for Unshippable {
    fn from(why: Refused) -> Self {
        match why {
            Refused::QueueFull => Self::NotNow,
            Refused::TooLarge => Self::Never(why.to_string()),
            // Somebody may make the topic what it was.
            Refused::UnknownPartition | Refused::Closed => Self::Stuck(why.to_string()),
        }
    }
}

/// Why shipping pauses.
enum ShippingPause {
    /// The log has no room now.
    Full,
    Stuck(String),
}

impl Spool {
    /// Runs until all must end.
    pub async fn run(self: Arc<Self>, shutdown: Shutdown) {
        let mut next_upkeep = Instant::now();
        loop {
            self.turn(&mut self.state.lock());
            let pause = self.ship_records().await;
            if Instant::now() >= next_upkeep {
                self.run_upkeep().await;
                next_upkeep = Instant::now() + UPKEEP;
            }
            let wait = match pause {
                None => LOOK,
                Some(ShippingPause::Full) => PAUSE,
                Some(ShippingPause::Stuck(why)) => {
                    self.say_stuck(why);
                    LONG_PAUSE
                }
            };
            tokio::select! {
                () = shutdown.hard() => return,
                _ = timeout(wait, self.wake.notified()) => {}
            }
        }
    }

    fn say_stuck(&self, why: String) {
        let mut state = self.state.lock();
        if state.stuck.as_ref() != Some(&why) {
            tracing::error!(spool = %self.id(), why, "records of the spool cannot be shipped; retrying");
        }
        state.stuck = Some(why);
    }

    /// Hands over as much as the log takes now.
    async fn ship_records(self: &Arc<Self>) -> Option<ShippingPause> {
        if let Err(pause) = self.replace_refused().await {
            return Some(pause);
        }
        if self.rewinds().await {
            return Some(ShippingPause::Full);
        }
        loop {
            let next = self.state.lock().order.next_backlog();
            let Some(range) = next else { break };
            match self.ship_backlog(range).await {
                Ok(0) => return Some(ShippingPause::Full),
                Ok(_) => self.turn(&mut self.state.lock()),
                Err(pause) => return Some(pause),
            }
        }
        let mut state = self.state.lock();
        while let Some((id, pending)) = state.order.next_waiting() {
            match self.log.send(pending.record.clone()) {
                Ok(delivery) => {
                    state.order.handed(id);
                    self.observe(id, delivery, &pending.record, Some(pending.clone()));
                }
                Err(error) if error.why == Refused::QueueFull => return Some(ShippingPause::Full),
                // From the disk, it is set aside or waits.
                Err(error) => return Some(ShippingPause::Stuck(error.why.to_string())),
            }
        }
        None
    }

    /// Is something to be handed over once more, and not known yet from where on?
    async fn rewinds(self: &Arc<Self>) -> bool {
        let why = {
            let mut state = self.state.lock();
            if !state.order.is_rewinding() {
                return false;
            }
            if !state.order.rewind() {
                return true;
            }
            state.stuck.clone().unwrap_or_default()
        };
        tracing::warn!(spool = %self.id(), why, "records of the spool are shipped once more from the first that the log did not acknowledge");
        sleep(LONG_PAUSE).await;
        false
    }

    async fn ship_backlog(self: &Arc<Self>, range: Range<u64>) -> Result<usize, ShippingPause> {
        let records = self
            .read_batch(range)
            .await
            .map_err(|error| ShippingPause::Stuck(error.to_string()))?;
        let mut shipped = 0;
        for record in records {
            let sent = if self.has_expired(record.spooled_at) {
                Err(Unshippable::Never(
                    "it waited in the spool for too long".into(),
                ))
            } else {
                self.send_backlog(&record)
            };
            let sent = match sent {
                Err(Unshippable::Never(why)) => {
                    self.set_aside(&record).await?;
                    self.send_stand_in(&record, &why)
                }
                sent => sent,
            };
            match sent {
                Ok(()) => shipped += 1,
                Err(Unshippable::NotNow) => return Ok(shipped),
                Err(Unshippable::Stuck(why) | Unshippable::Never(why)) => {
                    return Err(ShippingPause::Stuck(why));
                }
            }
        }
        Ok(shipped)
    }

    fn send_backlog(self: &Arc<Self>, spooled: &SpooledRecord) -> Result<(), Unshippable> {
        self.send_as(spooled, spooled.record.clone())
    }

    fn send_stand_in(
        self: &Arc<Self>,
        spooled: &SpooledRecord,
        reason: &str,
    ) -> Result<(), Unshippable> {
        let place = self.place(spooled.number);
        tracing::error!(spool = %self.id(), number = spooled.number, reason, "a record of the spool cannot be shipped; its body is set aside and a dead letter takes its place");
        self.send_as(
            spooled,
            crate::stand_in::stand_in(&spooled.record, place, reason),
        )
    }

    /// Hands the first of the backlog over, in this form.
    fn send_as(
        self: &Arc<Self>,
        spooled: &SpooledRecord,
        record: NewRecord,
    ) -> Result<(), Unshippable> {
        let mut state = self.state.lock();
        let sent = self
            .log
            .send(record)
            .map_err(|error| Unshippable::from(error.why))?;
        let id = state.order.handed_backlog(spooled.number, spooled.size);
        self.observe(id, sent, &spooled.record, None);
        Ok(())
    }

    /// Whatever the log refused when it was in flight.
    async fn replace_refused(self: &Arc<Self>) -> Result<(), ShippingPause> {
        let due = std::mem::take(&mut self.state.lock().to_replace);
        for (id, why) in due {
            let place = self.state.lock().order.to_replace(id);
            let is_done = match place {
                ToReplace::Gone => true,
                ToReplace::NotYet => false,
                ToReplace::At(number) => self.replace_at(id, number, &why).await?,
            };
            if !is_done {
                self.state.lock().to_replace.push((id, why));
            }
        }
        Ok(())
    }

    async fn replace_at(
        self: &Arc<Self>,
        id: RecordId,
        number: u64,
        why: &str,
    ) -> Result<bool, ShippingPause> {
        let read = self.read_batch(number..number + 1).await;
        let records = read.map_err(|error| ShippingPause::Stuck(error.to_string()))?;
        let Some(spooled) = records.first() else {
            return Ok(false);
        };
        self.set_aside(spooled).await?;
        let place = self.place(number);
        let mut state = self.state.lock();
        Ok(self.replace(&mut state, id, place, &spooled.record, why))
    }

    async fn set_aside(self: &Arc<Self>, spooled: &SpooledRecord) -> Result<(), ShippingPause> {
        let (spool, number) = (self.clone(), spooled.number);
        let record: NewRecord = spooled.record.clone();
        let done = run_blocking(move || spool.folder.set_aside(number, &record)).await;
        done.map_err(|error| ShippingPause::Stuck(error.to_string()))
    }

    fn has_expired(&self, spooled_at: i64) -> bool {
        let age = self.options.clock.now().saturating_sub(spooled_at);
        u128::try_from(age).is_ok_and(|age| age > self.options.max_age.as_millis())
    }

    async fn read_batch(
        self: &Arc<Self>,
        range: Range<u64>,
    ) -> Result<Vec<SpooledRecord>, FolderError> {
        let spool = self.clone();
        let most = (range.end - range.start).min(BATCH);
        run_blocking(move || spool.folder.read(range.start, most as usize)).await
    }

    /// Lets go of what is shipped, and sees whether the disk has room.
    async fn run_upkeep(self: &Arc<Self>) {
        let shipped = {
            let mut state = self.state.lock();
            state.let_go.take().map(|_| self.shipped(&state))
        };
        if let Some(shipped) = shipped {
            let spool = self.clone();
            if let Err(error) = run_blocking(move || spool.folder.let_go(&shipped)).await {
                tracing::warn!(spool = %self.id(), %error, "shipped records cannot be removed from the spool; they may be shipped again after a restart");
            }
        }
        let spool = self.clone();
        let reserve = self.options.reserve;
        let free = run_blocking(move || spool.folder.free()).await;
        let disk = match free {
            Ok(free) if free < reserve => DiskState::Full,
            Ok(_) | Err(_) => DiskState::Well,
        };
        self.state.lock().order.set_disk(disk);
    }
}

async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}
