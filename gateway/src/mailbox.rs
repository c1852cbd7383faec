//! The gateway's mailbox: one partition, read by hand from its end, by a name that is random per
//! start. What is not addressed to it is dropped undecoded. Verdicts go to
//! [`crate::write::feedback`], what notifiers send goes to [`crate::subscriptions`], in the order in
//! which it came. A lost mailbox loses no verdict, only time: [`crate::write::feedback::sweep`] asks
//! the ledger; subscribers are disconnected, to subscribe again.

use crate::{
    access::CallerAccess, subscriptions::Subscriptions, write::feedback::pending::PendingRequests,
};
use event_log::{FollowOptions, Followed, Follower, Limits, Log, Record, consumer::From};
use event_schema::{
    codec::{self, Parts},
    envelope::Reply,
    notification::Mail,
    security::LEASE_IS_OVER,
    topics::{Layout, MAILBOX},
};
use runtime::{Backoff, Health, Shutdown};
use std::{borrow::Cow, sync::Arc, time::Duration};
use tracing::warn;

const COMPONENT: &str = "mailbox";
const BATCH: Limits = Limits {
    records: 1_000,
    bytes: 4 << 20,
};

/// A mailbox, and where its records go.
pub(crate) struct Mailbox {
    /// The name and the partition that are its own.
    pub reply: Reply,
    pub verdicts: Arc<PendingRequests>,
    pub subscriptions: Arc<Subscriptions>,
    /// Nothing is pushed while it is not known whose session goes on.
    pub access: Arc<CallerAccess>,
}

impl Mailbox {
    /// Reads until shutdown; opened again when the log was away.
    pub(crate) async fn run(self, log: Log, layout: Layout, health: Health, shutdown: Shutdown) {
        let options = FollowOptions {
            topic: layout.name(&MAILBOX),
            partition: self.reply.partition,
            from: From::End,
            when_lost: From::End,
            batch: BATCH,
            component: COMPONENT,
            purpose: "opening the mailbox",
        };
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        let mut follower = Follower::new(log, options, health, backoff);
        let mut rooms = self.subscriptions.address();
        // There was no lease for longer than one lasts.
        let mut is_blind = false;
        loop {
            let followed = tokio::select! {
                () = shutdown.hard() => return,
                followed = follower.next() => followed,
            };
            match followed {
                Followed::Records(records) => {
                    let instance = rooms.borrow_and_update().clone();
                    for mail in records.iter().filter_map(|one| self.mail(one, &instance)) {
                        if matches!(mail, Mail::Push(_) | Mail::Presence(_)) {
                            let was_blind = is_blind;
                            tokio::select! {
                                () = shutdown.hard() => return,
                                leased = self.leased(is_blind) => is_blind = !leased,
                            }
                            if is_blind {
                                self.let_subscribers_go(was_blind);
                                continue;
                            }
                        }
                        self.deliver(mail);
                    }
                }
                Followed::Lost(error) => {
                    warn!(%error, "records of the mailbox were lost; subscribers are disconnected to subscribe again");
                    self.subscriptions.missed();
                }
            }
        }
    }

    /// Waits for a lease as long as one may be missing for a moment, or not at all: verdicts wait
    /// behind this.
    async fn leased(&self, is_blind: bool) -> bool {
        let patience = if is_blind {
            Duration::ZERO
        } else {
            LEASE_IS_OVER
        };
        let lease = self.access.state.belief.lease();
        tokio::time::timeout(patience, lease).await.is_ok()
    }

    /// It cannot be known who may be told: they come back with a cursor.
    fn let_subscribers_go(&self, was_blind: bool) {
        if !was_blind {
            warn!(
                "it cannot be known whose session goes on; subscribers are disconnected to subscribe again"
            );
        }
        self.subscriptions.missed();
    }

    /// What a record holds for this gateway. `instance`: the name under which the rooms know it.
    fn mail(&self, record: &Record, instance: &str) -> Option<Mail> {
        let to = record.key.as_deref().unwrap_or_default();
        if to != self.reply.instance.as_bytes() && to != instance.as_bytes() {
            return None;
        }
        let parts = Parts {
            key: None,
            value: record.value.clone(),
            headers: record.headers.clone(),
        };
        let decoded = codec::decode_mail(&parts);
        if let Err(error) = &decoded {
            warn!(%error, offset = record.offset, "a record of the mailbox cannot be decoded; skipped");
        }
        decoded.ok()
    }

    fn deliver(&self, mail: Mail) {
        match mail {
            Mail::Feedback(feedback) => _ = self.verdicts.resolve(Cow::Owned(feedback.entry)),
            Mail::Push(push) => self.subscriptions.push(&push),
            Mail::Presence(presence) => self.subscriptions.presence(&presence),
            Mail::Progress(progress) => {
                if !progress.missed.is_empty() {
                    warn!(partitions = ?progress.missed, "changes were deleted before notifiers read them; subscribers are disconnected to subscribe again");
                    self.subscriptions.missed();
                }
                self.subscriptions.progress(&progress);
            }
        }
    }
}
