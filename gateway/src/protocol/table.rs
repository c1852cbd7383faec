//! Every action on one page: what carries it out and its HTTP routes. Dispatch, routes, `GET /_publicApi` and `server:info` are made from this
//! table, and `docs/kuzzle.md` is held against it.

use super::{Call, Fault, Reply, server, unknown};
use crate::connection::realtime;
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

pub(crate) type Run = for<'a> fn(Call<'a>) -> BoxFuture<'a, Result<Reply, Fault>>;

/// One action.
pub(crate) struct Action {
    pub controller: &'static str,
    pub name: &'static str,
    pub run: Run,
    /// Verb and path; `:name` is a variable.
    pub http: &'static [(&'static str, &'static str)],
}

macro_rules! actions {
    ($($controller:ident { $($name:ident => $run:expr, [$($verb:ident $path:literal)*];)* })*) => {
        /// The table.
        pub(crate) const ACTIONS: &[Action] = &[$($(Action {
            controller: stringify!($controller),
            name: stringify!($name),
            run: |call| Box::pin(async move { $run(call).await }),
            http: &[$((stringify!($verb), $path)),*],
        }),*),*];
    };
}

async fn connection(call: Call<'_>) -> Result<Reply, Fault> {
    realtime::handle(call.app, call.session, call.request).await
}

actions! {
    realtime {
        subscribe => connection, [];
        join => connection, [];
        unsubscribe => connection, [];
        count => connection, [];
        list => connection, [GET "/_listSubscriptions"];
    }
    server {
        info => server::info, [GET "/_serverInfo" GET "/"];
        now => server::now, [GET "/_now"];
        publicApi => server::public_api, [GET "/_publicApi"];
    }
}

/// The action of this name, or the fault that names what is unknown.
pub(crate) fn action(controller: &str, name: &str) -> Result<&'static Action, Fault> {
    let mut known = false;
    for action in ACTIONS.iter().filter(|action| action.controller == controller) {
        known = true;
        if action.name == name {
            return Ok(action);
        }
    }
    Err(unknown(controller, known.then_some(name)))
}

/// A route, its path in segments.
pub(crate) struct Route {
    pub action: &'static Action,
    verb: &'static str,
    segments: Vec<&'static str>,
}

/// All routes, those with fewer variables first.
static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let of = |action: &'static Action| {
        action.http.iter().map(move |(verb, path)| Route { action, verb, segments: path[1..].split('/').collect() })
    };
    let mut routes: Vec<Route> = ACTIONS.iter().flat_map(of).collect();
    routes.sort_by_key(|route| route.segments.iter().filter(|segment| segment.starts_with(':')).count());
    routes
});

/// The route for a verb and a path in raw segments, with its variables.
pub(crate) fn route<'p>(verb: &str, path: &[&'p str]) -> Option<(&'static Route, Vec<(&'static str, &'p str)>)> {
    let fits = |route: &&Route| {
        route.verb == verb
            && route.segments.len() == path.len()
            && route.segments.iter().zip(path).all(|(wanted, given)| wanted == given || (wanted.starts_with(':') && !given.is_empty()))
    };
    let route = ROUTES.iter().find(fits)?;
    let variables = route.segments.iter().zip(path).filter_map(|(name, value)| Some((name.strip_prefix(':')?, *value)));
    Some((route, variables.collect()))
}

/// `{controller: {action: {controller, action, http: [{verb, url}]}}}`, as clients read it.
pub(crate) fn public_api() -> Value {
    let mut api: Map<String, Value> = Map::new();
    for action in ACTIONS {
        let http: Vec<Value> = action.http.iter().map(|(verb, path)| json!({"verb": verb, "path": path, "url": path})).collect();
        let mut told = json!({"controller": action.controller, "action": action.name});
        if !http.is_empty() {
            told["http"] = http.into();
        }
        api.entry(action.controller).or_insert_with(|| json!({}))[action.name] = told;
    }
    Value::Object(api)
}

#[cfg(test)]
mod tests;
