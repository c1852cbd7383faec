//! The task of a spool: works off what was reported, ships the backlog as the log takes it, lets go
//! of what is shipped, and watches the disk. It must never have two parts of the backlog under way
//! at once: that is what keeps them in order.

use crate::{
    machine::{DiskState, RecordId, ToReplace},
    medium::{FoundAt, MediumError, MediumState, Shipped, SpooledRecord},
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
        let first = range.start;
        let found = self
            .read_batch(range)
            .await
            .map_err(|error| ShippingPause::Stuck(error.to_string()))?;
        let records = match found {
            FoundAt::Records(records) => records,
            FoundAt::Shipped(shipped) if shipped.through > first => {
                self.skip_shipped(&shipped);
                return Ok(1);
            }
            FoundAt::Shipped(_) => {
                let why = format!("record {first} is gone, and was not shipped");
                return Err(ShippingPause::Stuck(why));
            }
        };
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

    /// Another process took this spool for one that nobody ships. What it shipped is let go of as if
    /// this one had.
    fn skip_shipped(&self, shipped: &Shipped) {
        tracing::warn!(spool = %self.id(), through = shipped.through, "records of the spool were shipped by another process");
        self.state.lock().skip_shipped(shipped);
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
        state.times.note(spooled.number, spooled.spooled_at);
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
        let records = match read.map_err(|error| ShippingPause::Stuck(error.to_string()))? {
            FoundAt::Records(records) => records,
            FoundAt::Shipped(_) => {
                self.state.lock().order.acknowledged(id);
                return Ok(true);
            }
        };
        let Some(spooled) = records.first() else {
            return Ok(false);
        };
        self.set_aside(spooled).await?;
        let place = self.place(number);
        let mut state = self.state.lock();
        Ok(self.replace(&mut state, id, place, &spooled.record, why))
    }

    async fn set_aside(self: &Arc<Self>, spooled: &SpooledRecord) -> Result<(), ShippingPause> {
        let set_aside = self.medium.set_aside(spooled.number, &spooled.record);
        let done = set_aside.await;
        done.map_err(|error| ShippingPause::Stuck(error.to_string()))
    }

    fn has_expired(&self, spooled_at: i64) -> bool {
        let age = self.options.clock.now().saturating_sub(spooled_at);
        u128::try_from(age).is_ok_and(|age| age > self.options.max_age.as_millis())
    }

    async fn read_batch(&self, range: Range<u64>) -> Result<FoundAt, MediumError> {
        let most = (range.end - range.start).min(BATCH);
        self.medium.read(range.start, most as usize).await
    }

    /// Lets go of what is shipped, and sees whether the disk has room.
    async fn run_upkeep(self: &Arc<Self>) {
        let shipped = {
            let mut state = self.state.lock();
            state.let_go.take().map(|_| self.shipped(&state))
        };
        if let Some(shipped) = shipped
            && let Err(error) = self.medium.let_go(&shipped).await
        {
            tracing::warn!(spool = %self.id(), %error, "shipped records cannot be removed from the spool; they may be shipped again after a restart");
        }
        let (disk, why) = match self.medium.state(self.options.reserve).await {
            MediumState::Well => (DiskState::Well, None),
            MediumState::Full => (DiskState::Full, None),
            MediumState::Away(why) => (DiskState::Away, Some(why)),
            MediumState::Failed(why) => (DiskState::Failed, Some(why)),
        };
        let mut state = self.state.lock();
        if disk == DiskState::Away && state.order.disk() != disk {
            tracing::error!(spool = %self.id(), why, "the spool is out of reach; writes that the log does not take are refused");
        }
        state.order.set_disk(disk);
        state.disk_why = why;
    }
}
