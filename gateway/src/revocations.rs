//! Who took something away and waits for all gateways to know. First a beacon must be made that asks the
//! others, then it is read back, then all others must have come past it. Pure: beacons are made and read
//! by what follows the topic `security`.

use event_schema::security::LEASE_IS_OVER;
use parking_lot::Mutex;
use std::time::Duration;
use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

/// How far the question of one who waits has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Unasked,
    /// By the beacon of this number.
    Asked(u64),
    /// Its beacon stands there.
    At(u64),
}

struct Waiter {
    question: Question,
    answer: oneshot::Sender<()>,
}

/// See the module's header.
#[derive(Default)]
pub(crate) struct Revocations {
    waiting: Mutex<Vec<Waiter>>,
    wanted: Notify,
    leaving: Notify,
    left: Notify,
}

impl Revocations {
    /// Returns when no gateway honours what was decided and applied before the call. Where a gateway
    /// says nothing, or this one reads nothing, that is so once every lease from before is over.
    pub(crate) async fn settled(&self) {
        let (answer, answered) = oneshot::channel();
        let question = Question::Unasked;
        self.waiting.lock().push(Waiter { question, answer });
        self.wanted.notify_one();
        drop(timeout(LEASE_IS_OVER, answered).await);
    }

    /// Somebody waits from now on.
    pub(crate) async fn asked(&self) {
        self.wanted.notified().await;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty()
    }

    /// The gateway serves no more: what follows the topic ends, and says so, within `limit`.
    pub(crate) async fn leave(&self, limit: Duration) {
        self.leaving.notify_one();
        drop(timeout(limit, self.left.notified()).await);
    }

    /// The gateway serves no more.
    pub(crate) async fn leaving(&self) {
        self.leaving.notified().await;
    }

    pub(crate) fn left(&self) {
        self.left.notify_one();
    }

    /// Does somebody wait whose question is in no beacon yet?
    pub(crate) fn is_unasked(&self) -> bool {
        let waiting = self.waiting.lock();
        let mut questions = waiting.iter().map(|waiter| waiter.question);
        questions.any(|question| question == Question::Unasked)
    }

    /// A beacon is about to be made: it asks for all who wait by now. Does anybody?
    pub(crate) fn ask(&self, number: u64) -> bool {
        let mut asks = false;
        for waiter in self.waiting.lock().iter_mut() {
            if waiter.question == Question::Unasked {
                waiter.question = Question::Asked(number);
                asks = true;
            }
        }
        asks
    }

    /// That beacon was not sent.
    pub(crate) fn unask(&self, number: u64) {
        for waiter in self.waiting.lock().iter_mut() {
            if waiter.question == Question::Asked(number) {
                waiter.question = Question::Unasked;
            }
        }
    }

    /// A beacon stands there. One that was made later may stand for those that were lost.
    pub(crate) fn read_back(&self, number: u64, offset: u64) {
        for waiter in self.waiting.lock().iter_mut() {
            if matches!(waiter.question, Question::Asked(asked) if asked <= number) {
                waiter.question = Question::At(offset);
            }
        }
    }

    /// `passed`: does everybody know what stands before this offset?
    pub(crate) fn answer(&self, mut passed: impl FnMut(u64) -> bool) {
        let mut waiting = self.waiting.lock();
        let mut left = Vec::new();
        for waiter in waiting.drain(..) {
            match waiter.question {
                Question::At(offset) if passed(offset) => _ = waiter.answer.send(()),
                // Who waits no longer is forgotten.
                _ if waiter.answer.is_closed() => {}
                Question::Unasked | Question::Asked(_) | Question::At(_) => left.push(waiter),
            }
        }
        *waiting = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_is_answered_when_all_have_come_past_the_question() {
        let revocations = Arc::new(Revocations::default());
        let waiting = tokio::spawn({
            let revocations = revocations.clone();
            async move { revocations.settled().await }
        });
        revocations.asked().await;
        assert!(revocations.is_unasked());
        // A beacon from before says nothing of it.
        revocations.read_back(6, 40);
        revocations.answer(|_| true);
        assert!(revocations.ask(6));
        revocations.unask(6);
        assert!(revocations.ask(7) && !revocations.ask(8));
        assert!(!revocations.is_unasked());
        revocations.answer(|_| true);
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(!waiting.is_finished(), "it is not read back");
        revocations.read_back(7, 41);
        revocations.answer(|offset| offset < 41);
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(!waiting.is_finished(), "somebody has not come past it");
        revocations.answer(|offset| offset <= 41);
        waiting.await.unwrap();
        assert!(revocations.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_longer_than_a_lease_lasts() {
        let revocations = Revocations::default();
        let began = tokio::time::Instant::now();
        revocations.settled().await;
        assert_eq!(began.elapsed(), LEASE_IS_OVER);
        revocations.answer(|_| false);
        assert!(revocations.is_empty());
    }
}
