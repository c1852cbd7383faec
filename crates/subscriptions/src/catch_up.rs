//! Recipients that come back with a cursor: what they missed is read from the log and offered here,
//! until they are sent what all are sent. Each change reaches a recipient by one of the two, never
//! by both and never by neither.

use crate::{
    ChannelOptions,
    delivery::{Change, Delivery, DeliveryContent, EncodingCaches, Encodings, Offered},
    registry::SubscriptionRegistry,
    room::{ChannelMember, LiveDelivery},
};
use event_schema::notification::{FeedPosition, Notice, Scope, State};
use std::sync::Arc;

/// A connection on a channel that catches up, as long as it has this membership.
#[derive(Clone, Debug)]
pub struct CatchUpTarget {
    pub connection: u64,
    pub room: Arc<str>,
    pub membership: u64,
    pub options: ChannelOptions,
}

/// A change that was read from the log, to be offered until it is taken.
#[derive(Debug)]
pub struct MissedChange {
    pub notice: Notice,
    pub state: State,
    pub scope: Scope,
    pub token: Option<String>,
    pub cursor: String,
    event: Encodings,
    channel: Encodings,
}

impl MissedChange {
    pub fn new(
        notice: Notice,
        state: State,
        scope: Scope,
        token: Option<String>,
        cursor: String,
    ) -> Self {
        Self {
            notice,
            state,
            scope,
            token,
            cursor,
            event: Encodings::default(),
            channel: Encodings::default(),
        }
    }
}

/// Whether a recipient that was sent everything to the end of the log has caught up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUpEnd {
    /// From now on it is sent what all are sent.
    CaughtUp,
    /// Others were sent more by now.
    Behind,
    /// It is not on the channel any more.
    Gone,
}

impl SubscriptionRegistry {
    /// Offers what was read for a recipient, in order, as far as it has room; says how many of them
    /// were taken. `None`: it is not on the channel any more, and is offered nothing.
    pub fn replay(&mut self, target: &CatchUpTarget, missed: &[MissedChange]) -> Option<usize> {
        let recipient = self.catching_up(target)?.recipient.clone();
        let taken = missed.iter().take_while(|missed| {
            let change = Change {
                notice: &missed.notice,
                state: missed.state,
                scope: missed.scope,
                token: missed.token.as_deref(),
                cursor: Some(&missed.cursor),
            };
            let encodings = EncodingCaches {
                event: &missed.event,
                channel: &missed.channel,
            };
            let delivery = Delivery {
                content: DeliveryContent::Change(change),
                room: &target.room,
                options: target.options,
                encodings,
            };
            recipient.offer_missed(&delivery) == Offered::Taken
        });
        Some(taken.count())
    }

    /// A recipient was sent everything before these positions. What others were sent before is
    /// behind them, and what is pushed from now on it is sent, or was sent from the log.
    pub fn finish_catch_up(
        &mut self,
        target: &CatchUpTarget,
        positions: &[FeedPosition],
    ) -> CatchUpEnd {
        let sent = self.feed_positions().map(<[FeedPosition]>::to_vec);
        let sent = sent.unwrap_or_default();
        let Some(member) = self.catching_up(target) else {
            return CatchUpEnd::Gone;
        };
        let reached = |(sent, read): (&FeedPosition, &FeedPosition)| {
            (read.next, 0) >= (sent.next, sent.emitted) && read.informative >= sent.informative
        };
        if sent.iter().zip(positions).all(reached) {
            member.live = LiveDelivery::FromPosition(positions.into());
            CatchUpEnd::CaughtUp
        } else {
            CatchUpEnd::Behind
        }
    }

    fn catching_up(&mut self, target: &CatchUpTarget) -> Option<&mut ChannelMember> {
        let CatchUpTarget {
            connection,
            room,
            membership,
            options,
        } = target;
        self.room_mut(room)?
            .channel_member(*connection, *membership, *options)
    }
}
