//! What waits to be sent to one client, in order and within bounds. A client that does not read
//! fast enough never misses a part silently: the connection is closed with a reason
//! ([`CloseReason`]), and nothing more is taken for it.

use crate::{
    frame::TextFrame,
    wake_queue::{WakeQueue, Wakeable},
};
use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{sync::Notify, time::Instant};

/// How much may wait in an [`Outbox`].
#[derive(Clone, Copy, Debug)]
pub struct OutboxLimits {
    /// Pushed messages, in bytes and in number.
    pub pushed_bytes: usize,
    pub pushed: usize,
    /// Answers, in bytes; their number is bounded by that of requests in hand.
    pub answer_bytes: usize,
}

/// Why a connection must end, as its close frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseReason {
    pub code: u16,
    pub reason: &'static str,
    /// What waits is dropped.
    pub drop_rest: bool,
}

impl CloseReason {
    /// The client reads less than is sent to it.
    pub const TOO_SLOW: Self = Self {
        code: 1013,
        reason: "too slow: more waits to be sent than the limit; connect and subscribe again",
        drop_rest: true,
    };
}

/// The bounded queue of one connection. Its own task takes from it, all others put in.
#[derive(Debug)]
pub struct Outbox {
    limits: OutboxLimits,
    deflate: bool,
    queue: Mutex<OutboxQueue>,
    changed: Notify,
    wake_queue: Arc<WakeQueue>,
}

#[derive(Debug, Default)]
struct OutboxQueue {
    items: VecDeque<QueuedFrame>,
    pushed: usize,
    pushed_bytes: usize,
    answer_bytes: usize,
    ending: Option<CloseReason>,
    closed: bool,
    /// Requests that were answered, since the connection began.
    answered: u64,
    wake: WakeState,
    /// Pushed messages do not leave before.
    held_until: Option<Instant>,
}

/// Whether the connection's task knows that something was pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum WakeState {
    /// It took everything that it could.
    #[default]
    Idle,
    /// It will be woken.
    Queued,
    /// It was woken and has taken nothing since: it runs soon, or its socket is full now.
    Woken,
}

#[derive(Debug)]
enum QueuedFrame {
    Pushed(Bytes),
    /// `hold`: pushed messages leave so much later than this answer.
    Answer {
        frame: Bytes,
        hold: Duration,
    },
    /// The answer to this request goes here; nothing behind it leaves before.
    Reserved {
        request: u64,
        hold: Duration,
    },
}

impl Outbox {
    pub fn new(limits: OutboxLimits, deflate: bool, wake_queue: Arc<WakeQueue>) -> Self {
        Self {
            limits,
            deflate,
            queue: Mutex::default(),
            changed: Notify::new(),
            wake_queue,
        }
    }

    /// A pushed message. Its connection is woken by the wake queue.
    pub fn push(self: &Arc<Self>, frame: &TextFrame) {
        let bytes = frame.bytes(self.deflate);
        self.put_frame(self.queue.lock(), bytes);
    }

    fn put_frame(self: &Arc<Self>, mut queue: MutexGuard<'_, OutboxQueue>, bytes: Bytes) {
        if queue.closed || queue.ending.is_some() {
            return;
        }
        queue.pushed += 1;
        queue.pushed_bytes += bytes.len();
        let full =
            queue.pushed > self.limits.pushed || queue.pushed_bytes > self.limits.pushed_bytes;
        queue.items.push_back(QueuedFrame::Pushed(bytes));
        // One alone is never too many: it could not be sent at all.
        if full && queue.pushed > 1 {
            queue.end(CloseReason::TOO_SLOW);
            drop(queue);
            return self.changed.notify_one();
        }
        let idle = queue.wake == WakeState::Idle;
        if idle {
            queue.wake = WakeState::Queued;
        }
        drop(queue);
        if idle {
            self.wake_queue.enqueue(self.clone());
        }
    }

    /// A pushed message of a producer that can wait: false, and nothing is taken, while the queue is
    /// half full, so that half is left for producers that cannot. A closed outbox takes and drops
    /// it.
    pub fn push_if_half_empty(self: &Arc<Self>, frame: &TextFrame) -> bool {
        let bytes = frame.bytes(self.deflate);
        let queue = self.queue.lock();
        // One alone is never too many.
        let full = queue.pushed > 0
            && (queue.pushed >= self.limits.pushed / 2
                || queue.pushed_bytes + bytes.len() > self.limits.pushed_bytes / 2);
        if full && !queue.closed && queue.ending.is_none() {
            return false;
        }
        self.put_frame(queue, bytes);
        true
    }

    /// Keeps a place for the answer to a request: what is pushed from now on leaves behind it, and
    /// `hold` later than it.
    pub fn reserve(&self, request: u64, hold: Duration) {
        self.queue
            .lock()
            .items
            .push_back(QueuedFrame::Reserved { request, hold });
    }

    /// No answer will come for that place.
    pub fn unreserve(&self, request: u64) {
        self.queue
            .lock()
            .items
            .retain(|item| item.reserved_for(request).is_none());
        self.changed.notify_one();
    }

    /// The answer to a request, in the place kept for it if there is one. `None`: it is not
    /// answered.
    pub fn answer(&self, request: u64, frame: Option<&TextFrame>) {
        let bytes = frame.map(|frame| frame.bytes(self.deflate));
        let mut queue = self.queue.lock();
        queue.answered += 1;
        let place = queue
            .items
            .iter()
            .enumerate()
            .rev()
            .find_map(|(place, item)| Some((place, item.reserved_for(request)?)));
        if let Some(bytes) =
            bytes.filter(|_| !queue.closed && queue.ending.is_none_or(|ending| !ending.drop_rest))
        {
            queue.answer_bytes += bytes.len();
            let full =
                queue.answer_bytes > self.limits.answer_bytes && queue.answer_bytes > bytes.len();
            match place {
                Some((place, hold)) => {
                    queue.items[place] = QueuedFrame::Answer { frame: bytes, hold }
                }
                None => queue.items.push_back(QueuedFrame::immediate(bytes)),
            }
            if full {
                queue.end(CloseReason::TOO_SLOW);
            }
        } else if let Some((place, _)) = place {
            drop(queue.items.remove(place));
        }
        drop(queue);
        self.changed.notify_one();
    }

    /// A control frame, or what stands for one: it counts as an answer that no request asked for.
    pub fn control(&self, frame: Bytes) {
        let mut queue = self.queue.lock();
        if queue.closed || queue.ending.is_some() {
            return;
        }
        queue.answer_bytes += frame.len();
        let full = queue.answer_bytes > self.limits.answer_bytes;
        queue.items.push_back(QueuedFrame::immediate(frame));
        if full {
            queue.end(CloseReason::TOO_SLOW);
        }
        drop(queue);
        self.changed.notify_one();
    }

    /// Ends the connection, unless it ends already.
    pub fn end(&self, ending: CloseReason) {
        let mut queue = self.queue.lock();
        if queue.ending.is_none() && !queue.closed {
            queue.end(ending);
        }
        drop(queue);
        self.changed.notify_one();
    }

    /// Why it must end, if it must.
    pub fn ending(&self) -> Option<CloseReason> {
        self.queue.lock().ending
    }

    pub fn answered(&self) -> u64 {
        self.queue.lock().answered
    }

    /// Is there room to begin with another request? None is begun for a client that does not read
    /// its answers.
    pub fn has_room(&self) -> bool {
        self.queue.lock().answer_bytes <= self.limits.answer_bytes / 4
    }

    /// Moves what may be sent next into `frames`, `bytes` or a little more; stops at a place that
    /// is still kept, and at what is to leave a little later: then it says when.
    pub fn take(
        &self,
        frames: &mut VecDeque<Bytes>,
        bytes: usize,
        now: Instant,
    ) -> Option<Instant> {
        let mut queue = self.queue.lock();
        if queue.wake == WakeState::Woken {
            queue.wake = WakeState::Idle;
        }
        let mut taken = 0;
        while taken < bytes {
            let held = queue.held_until.filter(|held| *held > now && !queue.closed);
            let frame = match queue.items.pop_front() {
                Some(pushed @ QueuedFrame::Pushed(_)) if held.is_some() => {
                    queue.items.push_front(pushed);
                    return held;
                }
                Some(QueuedFrame::Pushed(frame)) => {
                    queue.pushed -= 1;
                    queue.pushed_bytes -= frame.len();
                    frame
                }
                Some(QueuedFrame::Answer { frame, hold }) => {
                    queue.answer_bytes -= frame.len();
                    if !hold.is_zero() {
                        queue.held_until = Some(now + hold);
                    }
                    frame
                }
                Some(reserved @ QueuedFrame::Reserved { .. }) => {
                    queue.items.push_front(reserved);
                    return None;
                }
                None => break,
            };
            taken += frame.len();
            frames.push_back(frame);
        }
        // A queue that was long once must not hold its memory for ever.
        if queue.items.is_empty() {
            queue.items.shrink_to(0);
        }
        None
    }

    pub fn is_empty(&self) -> bool {
        self.queue.lock().items.is_empty()
    }

    /// The connection is gone: drops what waits, and all that is put in from now on.
    pub fn close(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        queue.clear();
    }

    /// Nothing more is taken; what is there may still be sent.
    pub fn seal(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        queue
            .items
            .retain(|item| !matches!(item, QueuedFrame::Reserved { .. }));
    }

    /// Something was put in, answered or ended since the last time this was waited for.
    /// Cancel-safe.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Wakeable for Outbox {
    fn wake(&self) {
        self.queue.lock().wake = WakeState::Woken;
        self.changed.notify_one();
    }
}

impl QueuedFrame {
    fn immediate(frame: Bytes) -> Self {
        Self::Answer {
            frame,
            hold: Duration::ZERO,
        }
    }

    /// The hold, if the place is kept for this request.
    fn reserved_for(&self, wanted: u64) -> Option<Duration> {
        match self {
            Self::Reserved { request, hold } if *request == wanted => Some(*hold),
            Self::Reserved { .. } | Self::Pushed(_) | Self::Answer { .. } => None,
        }
    }
}

impl OutboxQueue {
    fn end(&mut self, ending: CloseReason) {
        self.ending = Some(ending);
        if ending.drop_rest {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.items = VecDeque::new();
        self.pushed = 0;
        self.pushed_bytes = 0;
        self.answer_bytes = 0;
    }
}

#[cfg(test)]
mod tests;
