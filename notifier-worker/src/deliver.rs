//! Stage: into the log. Mails go to the partition of `mailbox` that a gateway reads. Nothing here
//! waits for an acknowledgement: whoever sends keeps the deliveries, and calls nothing told before
//! they came.

use crate::Notifier;
use event_log::{Delivery, NewRecord, Refused};
use event_schema::{
    codec,
    notification::{Mail, Push},
};
use partition_owner::TenureOutcome;

/// Rooms in one push: more go into a further one, since a record of the topic cannot be of any
/// size.
const ROOMS_AT_ONCE: usize = 4_096;

impl Notifier {
    /// Queues a mail, waiting while the queue is full. None: the log will never take it, which is
    /// said and counted.
    pub(crate) async fn post_mail(
        &self,
        mailbox: u16,
        mail: &Mail,
    ) -> Result<Option<Delivery>, TenureOutcome> {
        match self.enqueue(self.mail_record(mailbox, mail)).await {
            Ok(delivery) => Ok(Some(delivery)),
            Err(TenureOutcome::Halted(why)) => {
                tracing::error!(mailbox, why, "feedback cannot be sent to a gateway");
                self.metrics.refused();
                Ok(None)
            }
            Err(halt) => Err(halt),
        }
    }

    /// Queues a mail if there is room, and forgets it.
    pub(crate) fn post_now(&self, mailbox: u16, mail: &Mail) {
        if let Err(error) = self
            .ports
            .log
            .publisher
            .send(self.mail_record(mailbox, mail))
        {
            tracing::debug!(%error, mailbox, "a feedback record was skipped; the next one carries the same");
        }
    }

    fn mail_record(&self, mailbox: u16, mail: &Mail) -> NewRecord {
        let parts = codec::encode_mail(mail);
        NewRecord {
            topic: self.topics.mailbox.clone(),
            partition: mailbox,
            key: parts.key,
            value: parts.value,
            headers: parts.headers,
        }
    }

    /// Queues a record, waiting while the queue is full: the log's own back-pressure.
    pub(crate) async fn enqueue(&self, record: NewRecord) -> Result<Delivery, TenureOutcome> {
        let queued = self.ports.log.enqueue(record).await;
        queued.map_err(|error| match error.why {
            Refused::Closed => TenureOutcome::Stopped,
            Refused::QueueFull | Refused::TooLarge | Refused::UnknownPartition => {
                TenureOutcome::Halted(format!(
                    "the log will not take a record for `{}`: {error}",
                    error.record.topic
                ))
            }
        })
    }
}

/// One push, or several where there are more rooms than one may carry.
pub(crate) fn split_push(mut push: Push) -> Vec<Push> {
    let mut pushes = Vec::with_capacity(1);
    while push.rooms.len() > ROOMS_AT_ONCE {
        let rest = push.rooms.split_off(ROOMS_AT_ONCE);
        let (instance, notice) = (push.instance.clone(), push.notice.clone());
        let next = Push {
            instance,
            owner: push.owner,
            record: push.record,
            rooms: rest,
            notice,
        };
        pushes.push(std::mem::replace(&mut push, next));
    }
    pushes.push(push);
    pushes
}
