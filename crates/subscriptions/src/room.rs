//! One room, as far as this gateway's connections are members of it.

use crate::{
    delivery::{Delivery, Offered, Recipient},
    options::{ChannelOptions, union_presence},
};
use event_schema::{
    Raw,
    membership::PresenceFilter,
    notification::{Event, FeedPosition, Push},
};
use std::{collections::HashMap, sync::Arc};

pub(crate) struct SubscribedRoom {
    pub index: String,
    pub collection: String,
    pub filter: Raw,
    /// Every partition of `changes` is matched against it for this gateway, and will be while it
    /// has a member.
    active: bool,
    /// The same of changes that are decided and not yet done, while a member wants them.
    pending_active: bool,
    pending_members: usize,
    /// By connection.
    pub members: HashMap<u64, MembershipState>,
    pub channels: Vec<Channel>,
}

/// Connections of one tenant that want the same of a room.
pub(crate) struct Channel {
    pub options: ChannelOptions,
    pub tenant: Arc<str>,
    pub members: HashMap<u64, ChannelMember>,
}

/// A connection on a channel.
pub(crate) struct ChannelMember {
    pub recipient: Arc<dyn Recipient>,
    /// The offset in `rooms` by which it joined: presence events before are not sent to it.
    pub since: u64,
    pub live: LiveDelivery,
}

/// Which of the changes and messages that are pushed now a member is sent.
pub(crate) enum LiveDelivery {
    Everything,
    /// None: it catches up from the log, and will be sent these by that.
    Suspended,
    /// Those that it was not sent from the log, by partition.
    FromPosition(Arc<[FeedPosition]>),
}

impl LiveDelivery {
    fn takes(&self, push: &Push) -> bool {
        let positions = match self {
            Self::Everything => return true,
            Self::Suspended => return false,
            Self::FromPosition(positions) => positions,
        };
        let from = positions.get(usize::from(push.owner.partition));
        from.is_none_or(|from| match push.notice.event {
            Event::Write | Event::Delete => push.record >= from.next.get(),
            Event::Publish => push.record >= from.informative.get(),
        })
    }
}

impl Channel {
    /// Offers a pushed change to the members that are due it; says how many took it.
    pub fn offer_change(&self, push: &Push, delivery: &Delivery<'_>) -> usize {
        let due = self.members.values();
        let due = due.filter(|member| member.live.takes(push));
        due.filter(|member| member.recipient.offer(delivery) == Offered::Taken)
            .count()
    }

    /// Offers a presence event to the members that joined before it.
    pub fn offer_presence(&self, at: u64, delivery: &Delivery<'_>) -> usize {
        let due = self.members.values().filter(|member| member.since < at);
        due.filter(|member| member.recipient.offer(delivery) == Offered::Taken)
            .count()
    }
}

/// A connection's membership, as it is known to the log or will be.
pub(crate) struct MembershipState {
    /// Its own number: a later membership of the same connection in the same room has another.
    pub number: u64,
    /// What its record says, or will say.
    pub users: PresenceFilter,
    pub pending: bool,
    pub volatile: Option<Raw>,
    pub written: Written,
    pub channels: Vec<ChannelOptions>,
    /// Requests that are not yet answered.
    pub waiting: usize,
}

/// Where a membership's newest record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// On its way, under this number.
    Sent(u64),
    At(u64),
}

impl MembershipState {
    pub fn new(number: u64, options: ChannelOptions, volatile: Option<Raw>) -> Self {
        Self {
            number,
            users: options.users,
            pending: options.state.takes_pending(),
            volatile,
            written: Written::Sent(0),
            channels: Vec::with_capacity(1),
            waiting: 1,
        }
    }

    /// It is on no channel, and waits for none.
    pub fn is_idle(&self) -> bool {
        self.channels.is_empty() && self.waiting == 0
    }
}

impl SubscribedRoom {
    pub fn new(index: String, collection: String, filter: Raw) -> Self {
        Self {
            index,
            collection,
            filter,
            active: false,
            pending_active: false,
            pending_members: 0,
            members: HashMap::new(),
            channels: Vec::with_capacity(1),
        }
    }

    /// Is everything that these options ask for pushed to this gateway already?
    pub fn is_active(&self, options: ChannelOptions) -> bool {
        self.active && (self.pending_active || !options.state.takes_pending())
    }

    /// It is from now on.
    pub fn activate(&mut self, options: ChannelOptions) {
        self.active = true;
        self.pending_active |= options.state.takes_pending();
    }

    /// A connection becomes a member.
    pub fn add_member(&mut self, connection: u64, membership: MembershipState) {
        self.pending_members += usize::from(membership.pending);
        self.members.insert(connection, membership);
    }

    /// A member wants these options, too; is that more than its record says?
    pub fn widen(&mut self, connection: u64, options: ChannelOptions) -> bool {
        let Some(membership) = self.members.get_mut(&connection) else {
            return false;
        };
        let users = union_presence(membership.users, options.users);
        let pending = membership.pending || options.state.takes_pending();
        let wider = users != membership.users || pending != membership.pending;
        self.pending_members += usize::from(pending && !membership.pending);
        (membership.users, membership.pending) = (users, pending);
        wider
    }

    /// Is the connection on the channel of these options already?
    pub fn is_on_channel(&self, connection: u64, options: ChannelOptions) -> bool {
        self.members
            .get(&connection)
            .is_some_and(|membership| membership.channels.contains(&options))
    }

    /// Puts a member on a channel.
    pub fn join_channel(
        &mut self,
        connection: u64,
        tenant: Arc<str>,
        options: ChannelOptions,
        member: ChannelMember,
    ) {
        let Some(membership) = self.members.get_mut(&connection) else {
            return;
        };
        membership.waiting = membership.waiting.saturating_sub(1);
        if !membership.channels.contains(&options) {
            membership.channels.push(options);
        }
        let known = self
            .channels
            .iter_mut()
            .find(|channel| channel.options == options && channel.tenant == tenant);
        if let Some(channel) = known {
            channel.members.insert(connection, member);
        } else {
            self.channels.push(Channel {
                options,
                tenant,
                members: HashMap::from([(connection, member)]),
            });
        }
    }

    /// A connection on a channel, as long as it has this membership.
    pub fn channel_member(
        &mut self,
        connection: u64,
        membership: u64,
        options: ChannelOptions,
    ) -> Option<&mut ChannelMember> {
        self.members
            .get(&connection)
            .filter(|known| known.number == membership)?;
        self.channels
            .iter_mut()
            .filter(|channel| channel.options == options)
            .find_map(|channel| channel.members.get_mut(&connection))
    }

    /// Takes a connection out; false if it was no member.
    pub fn remove_member(&mut self, connection: u64) -> bool {
        let Some(membership) = self.members.remove(&connection) else {
            return false;
        };
        self.pending_members -= usize::from(membership.pending);
        self.pending_active &= self.pending_members > 0;
        for channel in &mut self.channels {
            channel.members.remove(&connection);
        }
        self.channels.retain(|channel| !channel.members.is_empty());
        true
    }
}
