//! The names of channels as Kuzzle's clients know them: `roomId-<users><propagation><scope>`, and a
//! letter where the state is not the default. Pure.

use event_schema::membership::PresenceFilter;
use subscriptions::{
    ChannelOptions,
    options::{ScopeFilter, StateFilter},
};

/// The name of the channel of these options. Kuzzle gives `users` out and none the same name; here
/// a subscription that asked for none must not get the other's presence events.
pub(crate) fn channel_name(room: &str, options: ChannelOptions) -> String {
    let users = match options.users {
        PresenceFilter::All => '1',
        PresenceFilter::In => '2',
        PresenceFilter::None => '3',
        PresenceFilter::Out => '4',
    };
    let scope = match options.scope {
        ScopeFilter::All => '1',
        ScopeFilter::In => '2',
        ScopeFilter::Out => '3',
        ScopeFilter::None => '4',
    };
    let state = match options.state {
        StateFilter::Done => "",
        StateFilter::Pending => "p",
        StateFilter::All => "a",
    };
    format!("{room}-{users}1{scope}{state}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_named_as_clients_know_them() {
        let name = |scope, users, state| {
            let options = ChannelOptions {
                scope,
                users,
                state,
            };
            super::channel_name("r", options)
        };
        assert_eq!(super::channel_name("r", ChannelOptions::default()), "r-311");
        assert_eq!(
            name(ScopeFilter::In, PresenceFilter::All, StateFilter::Done),
            "r-112"
        );
        assert_eq!(
            name(ScopeFilter::Out, PresenceFilter::In, StateFilter::Pending),
            "r-213p"
        );
        assert_eq!(
            name(ScopeFilter::None, PresenceFilter::Out, StateFilter::All),
            "r-414a"
        );
    }
}
