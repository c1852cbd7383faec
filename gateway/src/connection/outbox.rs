//! What waits to be sent to one client, in order and within bounds. A client that does not read
//! fast enough is not told less: it is told to come back ([`Ending`]), and nothing more is taken
//! for it.

use super::{frame::Frame, turns::Turns};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{sync::Notify, time::Instant};

/// What may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Notifications, in bytes and in number.
    pub pushed_bytes: usize,
    pub pushed: usize,
    /// Answers, in bytes; their number is bounded by that of requests in hand.
    pub answer_bytes: usize,
}

/// Why the connection must end, as its close frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub code: u16,
    pub reason: &'static str,
    /// What waits is not sent any more.
    pub drop_rest: bool,
}

impl Ending {
    /// The client takes less than it asked for.
    pub(crate) const SLOW: Self = Self {
        code: 1013,
        reason: "too slow: what was to be told exceeds what may wait; connect and subscribe again",
        drop_rest: true,
    };
    /// Notifications may have been missed.
    pub(crate) const MISSED: Self = Self {
        code: 1012,
        reason: "notifications may have been missed; connect and subscribe again",
        drop_rest: false,
    };
}

/// The queue. The connection's own task takes from it, all others put in.
#[derive(Debug)]
pub(crate) struct Outbox {
    bounds: Bounds,
    deflate: bool,
    queue: Mutex<Queue>,
    changed: Notify,
    turns: Arc<Turns>,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    pushed: usize,
    pushed_bytes: usize,
    answer_bytes: usize,
    ending: Option<Ending>,
    closed: bool,
    /// Requests that were answered, since the connection began.
    answered: u64,
    turn: Turn,
    /// What is pushed does not leave before.
    held: Option<Instant>,
}

/// Whether the connection's task knows that something was pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    /// Everything that was, as far as it could be taken.
    #[default]
    Knows,
    /// It will be woken.
    Waits,
    /// It was woken and has taken nothing since: it runs soon, or its client takes no more now.
    Called,
}

#[derive(Debug)]
enum Item {
    Pushed(Bytes),
    Answer(Bytes),
    /// The answer to this request goes here; nothing behind it leaves before.
    Reserved(u64),
    /// It came: see [`LISTENS`].
    Granted(Bytes),
}

/// kuzzle-sdk begins to listen to a channel when it has handled the answer, and its WebSocket for
/// Node hands on all messages of one packet before that: a notification in the answer's packet
/// would be lost there. So what is pushed leaves a little after the answer.
const LISTENS: Duration = Duration::from_millis(10);

impl Outbox {
    pub(crate) fn new(bounds: Bounds, deflate: bool, turns: Arc<Turns>) -> Self {
        Self {
            bounds,
            deflate,
            queue: Mutex::default(),
            changed: Notify::new(),
            turns,
        }
    }

    /// A notification. Its connection is woken in its turn.
    pub(crate) fn push(self: &Arc<Self>, frame: &Frame) {
        let bytes = frame.bytes(self.deflate);
        let mut queue = self.queue.lock();
        if queue.closed || queue.ending.is_some() {
            return;
        }
        queue.pushed += 1;
        queue.pushed_bytes += bytes.len();
        let full =
            queue.pushed > self.bounds.pushed || queue.pushed_bytes > self.bounds.pushed_bytes;
        queue.items.push_back(Item::Pushed(bytes));
        // One alone is never too many: it could not be sent at all.
        if full && queue.pushed > 1 {
            queue.end(Ending::SLOW);
            drop(queue);
            return self.changed.notify_one();
        }
        let waits = queue.turn == Turn::Knows;
        if waits {
            queue.turn = Turn::Waits;
        }
        drop(queue);
        if waits {
            self.turns.add(self.clone());
        }
    }

    /// Its turn has come.
    pub(super) fn wake(&self) {
        self.queue.lock().turn = Turn::Called;
        self.changed.notify_one();
    }

    /// How many of these notifications may be put in by somebody who makes more of them than the
    /// client has time for, so that half is left for what others bring. A closed one takes all, and
    /// drops them.
    pub(crate) fn takes(&self, frames: &[Frame]) -> usize {
        let queue = self.queue.lock();
        if queue.closed || queue.ending.is_some() {
            return frames.len();
        }
        let room = (self.bounds.pushed / 2).saturating_sub(queue.pushed);
        let mut bytes = queue.pushed_bytes;
        let fits = |frame: &&Frame| {
            bytes += frame.payload().len();
            bytes <= self.bounds.pushed_bytes / 2
        };
        let count = frames.iter().take(room).take_while(fits).count();
        // One alone is never too many.
        if queue.pushed == 0 {
            count.max(1)
        } else {
            count
        }
    }

    /// Keeps a place for the answer to a request: what is pushed from now on is behind it.
    pub(crate) fn reserve(&self, request: u64) {
        self.queue.lock().items.push_back(Item::Reserved(request));
    }

    /// No answer will come for that place.
    pub(crate) fn unreserve(&self, request: u64) {
        self.queue
            .lock()
            .items
            .retain(|item| !matches!(item, Item::Reserved(number) if *number == request));
        self.changed.notify_one();
    }

    /// The answer to a request, in the place kept for it if there is one. `None`: there is none to
    /// give.
    pub(crate) fn answer(&self, request: u64, frame: Option<&Frame>) {
        let bytes = frame.map(|frame| frame.bytes(self.deflate));
        let mut queue = self.queue.lock();
        queue.answered += 1;
        let place = queue
            .items
            .iter()
            .rposition(|item| matches!(item, Item::Reserved(number) if *number == request));
        if let Some(bytes) =
            bytes.filter(|_| !queue.closed && queue.ending.is_none_or(|ending| !ending.drop_rest))
        {
            queue.answer_bytes += bytes.len();
            let full =
                queue.answer_bytes > self.bounds.answer_bytes && queue.answer_bytes > bytes.len();
            match place {
                Some(place) => queue.items[place] = Item::Granted(bytes),
                None => queue.items.push_back(Item::Answer(bytes)),
            }
            if full {
                queue.end(Ending::SLOW);
            }
        } else if let Some(place) = place {
            drop(queue.items.remove(place));
        }
        drop(queue);
        self.changed.notify_one();
    }

    /// A control frame, or what stands for one: it counts as an answer that no request asked for.
    pub(crate) fn control(&self, frame: Bytes) {
        let mut queue = self.queue.lock();
        if queue.closed || queue.ending.is_some() {
            return;
        }
        queue.answer_bytes += frame.len();
        let full = queue.answer_bytes > self.bounds.answer_bytes;
        queue.items.push_back(Item::Answer(frame));
        if full {
            queue.end(Ending::SLOW);
        }
        drop(queue);
        self.changed.notify_one();
    }

    /// Ends the connection, unless it ends already.
    pub(crate) fn end(&self, ending: Ending) {
        let mut queue = self.queue.lock();
        if queue.ending.is_none() && !queue.closed {
            queue.end(ending);
        }
        drop(queue);
        self.changed.notify_one();
    }

    /// Why it must end, if it must.
    pub(crate) fn ending(&self) -> Option<Ending> {
        self.queue.lock().ending
    }

    pub(crate) fn answered(&self) -> u64 {
        self.queue.lock().answered
    }

    /// Is there room to begin with another request? Whoever does not read answers gets no new ones.
    pub(crate) fn has_room(&self) -> bool {
        self.queue.lock().answer_bytes <= self.bounds.answer_bytes / 4
    }

    /// Moves what may be sent next into `frames`, `bytes` or a little more; stops at a place that
    /// is still kept, and at what is to leave a little later: then it says when.
    pub(crate) fn take(
        &self,
        frames: &mut VecDeque<Bytes>,
        bytes: usize,
        now: Instant,
    ) -> Option<Instant> {
        let mut queue = self.queue.lock();
        if queue.turn == Turn::Called {
            queue.turn = Turn::Knows;
        }
        let mut taken = 0;
        while taken < bytes {
            let held = queue.held.filter(|held| *held > now && !queue.closed);
            let frame = match queue.items.pop_front() {
                Some(pushed @ Item::Pushed(_)) if held.is_some() => {
                    queue.items.push_front(pushed);
                    return held;
                }
                Some(Item::Pushed(frame)) => {
                    queue.pushed -= 1;
                    queue.pushed_bytes -= frame.len();
                    frame
                }
                Some(Item::Answer(frame)) => {
                    queue.answer_bytes -= frame.len();
                    frame
                }
                Some(Item::Granted(frame)) => {
                    queue.answer_bytes -= frame.len();
                    queue.held = Some(now + LISTENS);
                    frame
                }
                Some(reserved @ Item::Reserved(_)) => {
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

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.lock().items.is_empty()
    }

    /// Nobody will read it any more.
    pub(crate) fn close(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        queue.clear();
    }

    /// Nothing more is taken; what is there may still be sent.
    pub(crate) fn seal(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        queue
            .items
            .retain(|item| !matches!(item, Item::Reserved(_)));
    }

    /// Something was put in, answered or ended since the last time this was waited for.
    /// Cancel-safe.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Queue {
    fn end(&mut self, ending: Ending) {
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
