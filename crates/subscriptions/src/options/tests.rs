use super::*;

fn options(scope: ScopeFilter, users: PresenceFilter, state: StateFilter) -> ChannelOptions {
    ChannelOptions {
        scope,
        users,
        state,
    }
}

#[test]
fn a_channel_takes_what_it_asked_for() {
    let pending_in = options(ScopeFilter::In, PresenceFilter::Out, StateFilter::Pending);
    assert!(pending_in.takes_change(Scope::In, State::Pending));
    assert!(!pending_in.takes_change(Scope::Out, State::Pending));
    assert!(!pending_in.takes_change(Scope::In, State::Done));
    assert!(
        pending_in.takes_presence(PresenceChange::Out)
            && !pending_in.takes_presence(PresenceChange::In)
    );
    let everything = options(ScopeFilter::All, PresenceFilter::All, StateFilter::All);
    assert!(
        everything.takes_change(Scope::Out, State::Pending)
            && everything.takes_change(Scope::In, State::Done)
    );
    assert!(
        !options(ScopeFilter::None, PresenceFilter::None, StateFilter::All)
            .takes_change(Scope::In, State::Done)
    );
    assert!(!ChannelOptions::default().takes_presence(PresenceChange::In));
}

#[test]
fn what_two_want_to_hear_of_users() {
    assert_eq!(
        (
            union_presence(PresenceFilter::None, PresenceFilter::In),
            union_presence(PresenceFilter::Out, PresenceFilter::Out)
        ),
        (PresenceFilter::In, PresenceFilter::Out)
    );
    for (one, other) in [
        (PresenceFilter::In, PresenceFilter::Out),
        (PresenceFilter::All, PresenceFilter::None),
        (PresenceFilter::Out, PresenceFilter::All),
    ] {
        assert_eq!(union_presence(one, other), PresenceFilter::All);
    }
}
