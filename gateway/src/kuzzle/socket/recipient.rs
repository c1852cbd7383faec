//! A socket as a recipient of notifications: they become Kuzzle's JSON in its outbox.

use crate::kuzzle::notification;
use std::{sync::Arc, time::Duration};
use subscriptions::{Delivery, Offered, Recipient};
use websocket::{CloseReason, Outbox};

/// kuzzle-sdk begins to listen to a channel when it has handled the answer, and its WebSocket for
/// Node hands on all messages of one packet before that: a notification in the answer's packet
/// would be lost there. So what is pushed leaves a little later than the answer to a subscription.
const SUBSCRIBE_ANSWER_HOLD: Duration = Duration::from_millis(10);

/// Notifications may have been missed.
pub(crate) const MISSED: CloseReason = CloseReason {
    code: 1012,
    reason: "notifications may have been missed; connect and subscribe again",
    drop_rest: false,
};

#[derive(Debug)]
pub(super) struct SocketRecipient(pub Arc<Outbox>);

impl Recipient for SocketRecipient {
    /// The outbox of a client that reads too slowly closes the connection.
    fn offer(&self, delivery: &Delivery<'_>) -> Offered {
        self.0.push(&notification::delivery_frame(delivery));
        Offered::Taken
    }

    fn offer_missed(&self, delivery: &Delivery<'_>) -> Offered {
        if self
            .0
            .push_if_half_empty(&notification::delivery_frame(delivery))
        {
            Offered::Taken
        } else {
            Offered::Full
        }
    }

    fn reserve_answer(&self, request: u64) {
        self.0.reserve(request, SUBSCRIBE_ANSWER_HOLD);
    }

    fn release_answer(&self, request: u64) {
        self.0.unreserve(request);
    }

    fn disconnect(&self) {
        self.0.end(MISSED);
    }
}
