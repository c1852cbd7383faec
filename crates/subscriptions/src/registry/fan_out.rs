//! What notifiers push, offered to every recipient that is due it. Encodings and handles are made
//! once and shared.

use super::SubscriptionRegistry;
use crate::{
    delivery::{Change, Delivery, DeliveryContent, EncodingCaches, Encodings, SignHandles},
    room::Channel,
};
use event_schema::notification::{FeedPosition, Presence, Push, RoomMatch};
use std::sync::Arc;

/// What the channels of a tenant share of one push.
struct TenantShare {
    tenant: Arc<str>,
    token: Option<String>,
    encodings: Encodings,
    /// Of the room that is being served.
    cursor: Option<(Arc<str>, Option<String>)>,
}

impl SubscriptionRegistry {
    /// Offers a change to every channel that carries it; says how many recipients took it.
    pub fn push(&mut self, push: &Push, signer: &dyn SignHandles) -> usize {
        if *push.instance != *self.instance || !self.feed_owners.accept(&push.owner) {
            return 0;
        }
        let positions = self.feed_owners.positions();
        let mut shares: Vec<TenantShare> = Vec::new();
        let mut count = 0;
        for found in &push.rooms {
            let Some((name, room)) = self.rooms.get_key_value(found.room.as_str()) else {
                continue;
            };
            for channel in &room.channels {
                let state = push.notice.state;
                if channel.options.takes_change(found.scope, state) {
                    let share = share_of(&mut shares, channel, push, signer);
                    share.sign_cursor(name, positions, signer);
                    count += share.offer(push, found, channel);
                }
            }
        }
        count
    }

    /// Offers a presence event to every channel that carries it; says how many recipients took it.
    pub fn presence(&self, presence: &Presence) -> usize {
        if *presence.instance != *self.instance {
            return 0;
        }
        let Some(room) = self.rooms.get(presence.room.as_str()) else {
            return 0;
        };
        let event = Encodings::default();
        let channels = room.channels.iter();
        let channels = channels.filter(|channel| channel.options.takes_presence(presence.user));
        let offer = |channel: &Channel| {
            let encodings = EncodingCaches {
                event: &event,
                channel: &Encodings::default(),
            };
            let delivery = Delivery {
                content: DeliveryContent::Presence(presence),
                room: &presence.room,
                options: channel.options,
                encodings,
            };
            channel.offer_presence(presence.rooms, &delivery)
        };
        channels.map(offer).sum()
    }
}

fn share_of<'s>(
    shares: &'s mut Vec<TenantShare>,
    channel: &Channel,
    push: &Push,
    signer: &dyn SignHandles,
) -> &'s mut TenantShare {
    let known = shares
        .iter()
        .position(|share| share.tenant == channel.tenant);
    let at = known.unwrap_or_else(|| {
        shares.push(TenantShare {
            tenant: channel.tenant.clone(),
            token: signer.token(&channel.tenant, &push.notice),
            encodings: Encodings::default(),
            cursor: None,
        });
        shares.len() - 1
    });
    &mut shares[at]
}

impl TenantShare {
    /// Signs how far the room is told with this, once for all its channels.
    fn sign_cursor(
        &mut self,
        room: &Arc<str>,
        positions: Option<&[FeedPosition]>,
        signer: &dyn SignHandles,
    ) {
        if self.cursor.as_ref().is_none_or(|(of, _)| of != room) {
            let cursor = positions.map(|positions| signer.cursor(&self.tenant, room, positions));
            self.cursor = Some((room.clone(), cursor));
        }
    }

    fn offer(&self, push: &Push, found: &RoomMatch, channel: &Channel) -> usize {
        let change = Change {
            notice: &push.notice,
            state: push.notice.state,
            scope: found.scope,
            token: self.token.as_deref(),
            cursor: self
                .cursor
                .as_ref()
                .and_then(|(_, cursor)| cursor.as_deref()),
        };
        let encodings = EncodingCaches {
            event: &self.encodings,
            channel: &Encodings::default(),
        };
        let delivery = Delivery {
            content: DeliveryContent::Change(change),
            room: &found.room,
            options: channel.options,
            encodings,
        };
        channel.offer_change(push, &delivery)
    }
}
