//! The routes of one operation: what a router can hold, and that all of them ask for the same. What
//! the service's own paths are is the gateway's matter.

use crate::vocabulary::HttpRoutes;
use std::collections::BTreeSet;

/// Or why they cannot be served.
pub(crate) fn check_routes(http: &HttpRoutes) -> Result<(), String> {
    let first = parameters(&http.path);
    for (method, path) in http.each() {
        if !matches!(method, "POST" | "PUT" | "PATCH" | "DELETE") || !path.starts_with('/') {
            return Err("method is POST, PUT, PATCH or DELETE, path begins with `/`".into());
        }
        check_path(path)?;
        let own = parameters(path);
        if own != first {
            return Err(format!(
                "also: each route of an operation has the same parameters: `{path}` has {}, and `{}` has {}",
                listed(&own),
                http.path,
                listed(&first)
            ));
        }
    }
    Ok(())
}

/// A path without the names of its parameters: which of two paths a request means cannot depend on
/// them.
pub fn path_shape(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|segment| parameter(segment).map_or(segment, |_| "{}"));
    segments.collect::<Vec<_>>().join("/")
}

/// A router would not hold it: a parameter is a whole segment.
fn check_path(path: &str) -> Result<(), String> {
    let is_sound =
        |segment: &str| parameter(segment).is_some_and(|name| !name.contains(['{', '}', '*']));
    let mut segments = path.split('/');
    match segments.find(|segment| segment.contains(['{', '}']) && !is_sound(segment)) {
        None => Ok(()),
        Some(segment) => Err(format!(
            "`{segment}` in the path should be a plain word or a parameter, as `{{id}}` or `:id`"
        )),
    }
}

/// `{id}` and `:id`.
fn parameter(segment: &str) -> Option<&str> {
    let braced = || segment.strip_prefix('{')?.strip_suffix('}');
    let name = segment.strip_prefix(':').or_else(braced)?;
    (!name.is_empty()).then_some(name)
}

fn parameters(path: &str) -> BTreeSet<&str> {
    path.split('/').filter_map(parameter).collect()
}

fn listed(names: &BTreeSet<&str>) -> String {
    if names.is_empty() {
        return "none".into();
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
