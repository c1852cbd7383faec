//! What a subscription wants to be told of, and the name of its channel: subscriptions of a room
//! that want the same share one. Pure.

use event_schema::{
    notification::{Coming, Scope, State},
    rooms::Users,
};

/// Which documents' changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scopes {
    #[default]
    All,
    In,
    Out,
    None,
}

/// How far a change must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum States {
    All,
    Pending,
    #[default]
    Done,
}

/// One channel's options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub scope: Scopes,
    pub users: Users,
    pub state: States,
}

impl Scopes {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "in" => Some(Self::In),
            "out" => Some(Self::Out),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    fn take(self, scope: Scope) -> bool {
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

impl States {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "pending" => Some(Self::Pending),
            "done" => Some(Self::Done),
            _ => None,
        }
    }

    /// Is anything of it told before it is done?
    pub(crate) fn early(self) -> bool {
        match self {
            Self::All | Self::Pending => true,
            Self::Done => false,
        }
    }

    fn take(self, state: State) -> bool {
        match (self, state) {
            (Self::All, State::Pending | State::Done)
            | (Self::Pending, State::Pending)
            | (Self::Done, State::Done) => true,
            (Self::Pending, State::Done) | (Self::Done, State::Pending) => false,
        }
    }
}

/// `users` as clients write it.
pub(crate) fn users(text: &str) -> Option<Users> {
    match text {
        "all" => Some(Users::All),
        "in" => Some(Users::In),
        "out" => Some(Users::Out),
        "none" => Some(Users::None),
        _ => None,
    }
}

/// What both want to hear.
pub(crate) fn both(one: Users, other: Users) -> Users {
    match (one, other) {
        (Users::None, any) | (any, Users::None) => any,
        (Users::In, Users::In) => Users::In,
        (Users::Out, Users::Out) => Users::Out,
        (Users::All, Users::All | Users::In | Users::Out)
        | (Users::In | Users::Out, Users::All) => Users::All,
        (Users::In, Users::Out) | (Users::Out, Users::In) => Users::All,
    }
}

impl Options {
    /// Is a change told on this channel?
    pub(crate) fn take(self, scope: Scope, state: State) -> bool {
        self.scope.take(scope) && self.state.take(state)
    }

    /// Is somebody's coming or going told on it?
    pub(crate) fn take_user(self, user: Coming) -> bool {
        match (self.users, user) {
            (Users::All, Coming::In | Coming::Out)
            | (Users::In, Coming::In)
            | (Users::Out, Coming::Out) => true,
            (Users::In, Coming::Out)
            | (Users::Out, Coming::In)
            | (Users::None, Coming::In | Coming::Out) => false,
        }
    }

    /// The channel's name: `roomId-<users><propagation><scope>`, as Kuzzle's clients know it, and a
    /// letter where the state is not the default. There `users` out and none have the same; here
    /// whoever asked for none shall not hear of others.
    pub(crate) fn channel(self, room: &str) -> String {
        let users = match self.users {
            Users::All => '1',
            Users::In => '2',
            Users::None => '3',
            Users::Out => '4',
        };
        let scope = match self.scope {
            Scopes::All => '1',
            Scopes::In => '2',
            Scopes::Out => '3',
            Scopes::None => '4',
        };
        let state = match self.state {
            States::Done => "",
            States::Pending => "p",
            States::All => "a",
        };
        format!("{room}-{users}1{scope}{state}")
    }
}

#[cfg(test)]
mod tests;
