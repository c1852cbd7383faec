//! Where each action is done, for restrictions of rights. An action that is not here is refused.

use crate::kuzzle::table::Action;

/// Where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placing {
    /// In the index and the collection that the request names.
    Named,
    /// In places that the request names within, or by a handle: the action looks at them.
    Inside,
    /// A restriction cannot be held: only rights without one reach it.
    Everywhere,
}

pub(crate) fn action_placing(action: &Action) -> Option<Placing> {
    Some(match (action.controller, action.name) {
        ("document", "search" | "scroll")
        | ("realtime", "join" | "count" | "unsubscribe" | "list") => Placing::Inside,
        ("index", "mDelete" | "stats")
        | ("collection", "searchSpecifications" | "scrollSpecifications")
        | ("server", "metrics" | "getConfig")
        | ("admin" | "security", _) => Placing::Everywhere,
        ("document" | "bulk" | "index" | "collection" | "realtime" | "server" | "auth", _) => {
            Placing::Named
        }
        _ => return None,
    })
}
