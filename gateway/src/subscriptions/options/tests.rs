use super::*;

fn options(scope: Scopes, users: Users, state: States) -> Options {
    Options {
        scope,
        users,
        state,
    }
}

#[test]
fn channels_are_named_as_clients_know_them() {
    assert_eq!(Options::default().channel("r"), "r-311");
    assert_eq!(
        options(Scopes::In, Users::All, States::Done).channel("r"),
        "r-112"
    );
    assert_eq!(
        options(Scopes::Out, Users::In, States::Pending).channel("r"),
        "r-213p"
    );
    assert_eq!(
        options(Scopes::None, Users::Out, States::All).channel("r"),
        "r-414a"
    );
}

#[test]
fn a_channel_takes_what_it_asked_for() {
    let pending_in = options(Scopes::In, Users::Out, States::Pending);
    assert!(pending_in.take(Scope::In, State::Pending));
    assert!(!pending_in.take(Scope::Out, State::Pending));
    assert!(!pending_in.take(Scope::In, State::Done));
    assert!(pending_in.take_user(Coming::Out) && !pending_in.take_user(Coming::In));
    let everything = options(Scopes::All, Users::All, States::All);
    assert!(everything.take(Scope::Out, State::Pending) && everything.take(Scope::In, State::Done));
    assert!(!options(Scopes::None, Users::None, States::All).take(Scope::In, State::Done));
    assert!(!Options::default().take_user(Coming::In));
}

#[test]
fn what_two_want_to_hear_of_users() {
    assert_eq!(
        (both(Users::None, Users::In), both(Users::Out, Users::Out)),
        (Users::In, Users::Out)
    );
    for (one, other) in [
        (Users::In, Users::Out),
        (Users::All, Users::None),
        (Users::Out, Users::All),
    ] {
        assert_eq!(both(one, other), Users::All);
    }
}
