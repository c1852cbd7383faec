//! What a subscription wants to be notified of. Subscriptions of a room that want the same share a
//! channel. Pure.

use event_schema::{
    membership::PresenceFilter,
    notification::{PresenceChange, Scope, State},
};

/// Changes in which scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScopeFilter {
    #[default]
    All,
    In,
    Out,
    None,
}

/// Changes in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StateFilter {
    All,
    Pending,
    #[default]
    Done,
}

/// What one channel of a room carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelOptions {
    pub scope: ScopeFilter,
    pub users: PresenceFilter,
    pub state: StateFilter,
}

impl ScopeFilter {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "in" => Some(Self::In),
            "out" => Some(Self::Out),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    fn takes(self, scope: Scope) -> bool {
        match (self, scope) {
            (Self::All, Scope::In | Scope::Out)
            | (Self::In, Scope::In)
            | (Self::Out, Scope::Out) => true,
            (Self::In, Scope::Out)
            | (Self::Out, Scope::In)
            | (Self::None, Scope::In | Scope::Out) => false,
        }
    }
}

impl StateFilter {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "pending" => Some(Self::Pending),
            "done" => Some(Self::Done),
            _ => None,
        }
    }

    /// Does it take changes that are not yet done?
    pub fn takes_pending(self) -> bool {
        self.takes(State::Pending)
    }

    fn takes(self, state: State) -> bool {
        match (self, state) {
            (Self::All, State::Pending | State::Done)
            | (Self::Pending, State::Pending)
            | (Self::Done, State::Done) => true,
            (Self::Pending, State::Done) | (Self::Done, State::Pending) => false,
        }
    }
}

/// Presence events as clients name them.
pub fn parse_presence_filter(text: &str) -> Option<PresenceFilter> {
    match text {
        "all" => Some(PresenceFilter::All),
        "in" => Some(PresenceFilter::In),
        "out" => Some(PresenceFilter::Out),
        "none" => Some(PresenceFilter::None),
        _ => None,
    }
}

/// What either takes.
pub(crate) fn union_presence(one: PresenceFilter, other: PresenceFilter) -> PresenceFilter {
    use PresenceFilter::{All, In, None, Out};
    match (one, other) {
        (None, any) | (any, None) => any,
        (In, In) => In,
        (Out, Out) => Out,
        (All, All | In | Out) | (In | Out, All) | (In, Out) | (Out, In) => All,
    }
}

impl ChannelOptions {
    /// Does the channel carry a change in this scope and state?
    pub fn takes_change(self, scope: Scope, state: State) -> bool {
        self.scope.takes(scope) && self.state.takes(state)
    }

    /// Does the channel carry this presence event?
    pub fn takes_presence(self, change: PresenceChange) -> bool {
        match (self.users, change) {
            (PresenceFilter::All, PresenceChange::In | PresenceChange::Out)
            | (PresenceFilter::In, PresenceChange::In)
            | (PresenceFilter::Out, PresenceChange::Out) => true,
            (PresenceFilter::In, PresenceChange::Out)
            | (PresenceFilter::Out, PresenceChange::In)
            | (PresenceFilter::None, PresenceChange::In | PresenceChange::Out) => false,
        }
    }
}

#[cfg(test)]
mod tests;
