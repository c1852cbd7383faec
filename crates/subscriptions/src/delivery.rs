//! One notification on its way to one recipient, in no protocol's form. Each protocol makes its own
//! encoding, once for all recipients that get the same: [`Delivery::once_per_event`] and
//! [`Delivery::once_per_channel`] keep it.

use crate::ChannelOptions;
use event_schema::notification::{FeedPosition, Notice, Presence, Scope, State};
use std::{any::Any, cell::RefCell, fmt};

/// Where the notifications of a connection go: a socket, a stream, a queue. Nothing here may wait.
pub trait Recipient: fmt::Debug + Send + Sync {
    /// Hands over a notification that is happening now. A recipient that has no room for it must
    /// end its connection rather than leave it out.
    fn offer(&self, delivery: &Delivery<'_>) -> Offered;

    /// Hands over a notification that is read from the log. [`Offered::Full`] asks for it again
    /// later, and keeps room for what happens meanwhile.
    fn offer_missed(&self, delivery: &Delivery<'_>) -> Offered;

    /// The subscription of this request is active: its answer must be sent before anything that is
    /// offered from now on.
    fn reserve_answer(&self, request: u64);

    /// No answer will come for this request.
    fn release_answer(&self, request: u64);

    /// Notifications may have been missed: the connection must end, to come back and subscribe
    /// again.
    fn disconnect(&self);
}

/// What became of an offered notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    Taken,
    /// There is no room for it now.
    Full,
}

/// One notification on a channel.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    pub content: DeliveryContent<'a>,
    pub room: &'a str,
    pub options: ChannelOptions,
    pub encodings: EncodingCaches<'a>,
}

/// What is notified.
#[derive(Clone, Copy, Debug)]
pub enum DeliveryContent<'a> {
    Change(Change<'a>),
    Presence(&'a Presence),
}

/// A change of a document, or a message.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    pub notice: &'a Notice,
    pub state: State,
    pub scope: Scope,
    /// The handle of the write that it tells of; messages have none.
    pub token: Option<&'a str>,
    /// The handle of how far the room is told with this.
    pub cursor: Option<&'a str>,
}

/// Where encodings of a delivery are kept: for all channels, and for all recipients of one.
#[derive(Clone, Copy, Debug)]
pub struct EncodingCaches<'a> {
    pub event: &'a Encodings,
    pub channel: &'a Encodings,
}

impl Delivery<'_> {
    /// An encoding of everything but scope, cursor and channel, made once for all channels.
    pub fn once_per_event<T: Clone + Send + 'static>(&self, make: impl FnOnce() -> T) -> T {
        self.encodings.event.get_or_make(make)
    }

    /// An encoding of all, made once for all recipients of the channel.
    pub fn once_per_channel<T: Clone + Send + 'static>(&self, make: impl FnOnce() -> T) -> T {
        self.encodings.channel.get_or_make(make)
    }
}

/// Encodings of one thing, one per type. Their clones must be cheap.
#[derive(Default)]
pub struct Encodings(RefCell<Vec<Box<dyn Any + Send>>>);

impl Encodings {
    fn get_or_make<T: Clone + Send + 'static>(&self, make: impl FnOnce() -> T) -> T {
        let known = self
            .0
            .borrow()
            .iter()
            .find_map(|encoding| encoding.downcast_ref::<T>().cloned());
        known.unwrap_or_else(|| {
            let made = make();
            self.0.borrow_mut().push(Box::new(made.clone()));
            made
        })
    }
}

impl fmt::Debug for Encodings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encodings({})", self.0.borrow().len())
    }
}

/// Makes the signed handles that notifications carry.
pub trait SignHandles {
    /// Of the write that a notice tells of; messages have none.
    fn token(&self, tenant: &str, notice: &Notice) -> Option<String>;

    /// Of how far a room is told.
    fn cursor(&self, tenant: &str, room: &str, positions: &[FeedPosition]) -> String;
}
