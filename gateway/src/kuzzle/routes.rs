//! Which action an HTTP call names. Besides the routes of what is served, every route of Kuzzle's
//! own API is known: one that is not served is answered by its name, and never read as the names
//! of an index and a collection.

use super::{
    Fault,
    fault::Id,
    table::{ACTIONS, Action},
};
use crate::request::path::is_reserved;
use std::{collections::BTreeMap, sync::LazyLock};

/// Kuzzle's own list, as data.
const KUZZLE: &str = include_str!("routes.txt");

/// Where a route leads.
#[derive(Clone, Copy)]
pub(crate) enum Destination {
    Served(&'static Action),
    /// An action of Kuzzle's that is not served.
    Unserved {
        controller: &'static str,
        name: &'static str,
    },
}

/// A route, its path in segments.
pub(crate) struct RouteEntry {
    pub destination: Destination,
    segments: Vec<&'static str>,
}

/// One route of Kuzzle's list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KuzzleRoute {
    pub controller: &'static str,
    pub name: &'static str,
    pub verb: &'static str,
    pub path: &'static str,
}

/// All of Kuzzle's routes.
pub(crate) fn listed_routes() -> impl Iterator<Item = KuzzleRoute> {
    let route = |line: &'static str| {
        let mut words = line.split(' ');
        let (controller, name) = words.next()?.split_once(':')?;
        Some(KuzzleRoute {
            controller,
            name,
            verb: words.next()?,
            path: words.next()?,
        })
    };
    KUZZLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(route)
}

/// All routes, by verb.
static ROUTES: LazyLock<BTreeMap<&'static str, Vec<RouteEntry>>> = LazyLock::new(|| {
    let mut routes: BTreeMap<&str, Vec<RouteEntry>> = BTreeMap::new();
    let mut put = |verb, path, destination| {
        routes.entry(verb).or_default().push(RouteEntry {
            destination,
            segments: path_segments(path).collect(),
        });
    };
    for action in ACTIONS {
        for (verb, path) in action.http {
            put(verb, path, Destination::Served(action));
        }
    }
    for KuzzleRoute {
        controller,
        name,
        verb,
        path,
    } in listed_routes()
    {
        if served_action(controller, name).is_none() {
            put(verb, path, Destination::Unserved { controller, name });
        }
    }
    routes
});

/// The action of this name, if it is served.
fn served_action(controller: &str, name: &str) -> Option<&'static Action> {
    ACTIONS
        .iter()
        .find(|action| action.controller == controller && action.name == name)
}

/// The action of this name, or the fault that names what is unknown.
pub(crate) fn find_action(controller: &str, name: &str) -> Result<&'static Action, Fault> {
    if let Some(action) = served_action(controller, name) {
        return Ok(action);
    }
    let known = listed_routes().any(|route| route.controller == controller && route.name == name);
    let controllers = ACTIONS.iter().any(|action| action.controller == controller);
    if known || controllers {
        return Err(unserved_fault(controller, name, known));
    }
    let why = format!("there is no controller \"{controller}\"");
    Err(Fault::new(Id::NoController, why).props([controller]))
}

/// What an action is answered that is not served. `known`: it is one of Kuzzle's.
fn unserved_fault(controller: &str, name: &str, known: bool) -> Fault {
    let why = if known {
        format!("the action \"{controller}\":\"{name}\" of Kuzzle is not served here")
    } else {
        format!("there is no action \"{controller}\":\"{name}\"")
    };
    Fault::new(Id::NoAction, why).props([controller, name])
}

/// What stands between the slashes of a path. As in Kuzzle, slashes in a row are one, and those at
/// the end are none.
pub(crate) fn path_segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// Is it a verb that any route takes?
pub(crate) fn is_verb(verb: &str) -> bool {
    ROUTES.contains_key(verb)
}

/// The route for a verb and a path in raw segments, with its variables. As in Kuzzle, a segment
/// that some route spells out is never a variable of another, so what begins like Kuzzle's own
/// paths never names an index.
pub(crate) fn find_route<'p>(
    verb: &str,
    path: &[&'p str],
) -> Option<(&'static RouteEntry, Vec<(&'static str, &'p str)>)> {
    let mut fitting: Vec<&'static RouteEntry> = ROUTES.get(verb)?.iter().collect();
    for (n, given) in path.iter().enumerate() {
        let spelled = |route: &&&RouteEntry| route.segments.get(n) == Some(given);
        fitting = if fitting.iter().any(|route| spelled(&route)) {
            fitting.iter().filter(spelled).copied().collect()
        } else {
            fitting
                .into_iter()
                .filter(|route| is_variable(route.segments.get(n)))
                .collect()
        };
    }
    let route = fitting
        .into_iter()
        .find(|route| route.segments.len() == path.len())?;
    // With another verb it may not be spelled out.
    if is_variable(route.segments.first()) && path.first().is_some_and(|name| is_reserved(name)) {
        return None;
    }
    let variables = route
        .segments
        .iter()
        .zip(path)
        .filter_map(|(name, value)| Some((name.strip_prefix(':')?, *value)));
    Some((route, variables.collect()))
}

/// May a call that fits this template be one of Kuzzle's, by whichever verb and whatever stands for
/// the variables of both?
pub(crate) fn takes_like(template: &str) -> bool {
    let template: Vec<&str> = path_segments(template).collect();
    let fits = |(own, other): (&&str, &&str)| {
        own == other || own.starts_with(':') || other.starts_with('{')
    };
    ROUTES.values().flatten().any(|route| {
        route.segments.len() == template.len() && route.segments.iter().zip(&template).all(fits)
    })
}

fn is_variable(segment: Option<&&'static str>) -> bool {
    segment.is_some_and(|segment| segment.starts_with(':'))
}

#[cfg(test)]
mod tests;
