use super::*;
use crate::request::path::is_reserved;
use std::collections::HashSet;

#[test]
fn every_served_route_leads_to_its_own_action() {
    for action in ACTIONS {
        for (verb, path) in action.http {
            let path: Vec<&str> = path_segments(path).collect();
            let (found, variables) = find_route(verb, &path).unwrap();
            let Destination::Served(found) = found.destination else {
                panic!("{verb} {path:?} is not served");
            };
            assert_eq!(
                (found.controller, found.name),
                (action.controller, action.name),
                "{verb} {path:?}"
            );
            let named = path.iter().filter(|segment| segment.starts_with(':'));
            assert_eq!(variables.len(), named.count());
        }
    }
}

#[test]
fn every_route_of_kuzzle_leads_to_its_action() {
    assert!(listed_routes().count() > 290);
    for known in listed_routes() {
        let given: Vec<&str> = path_segments(known.path)
            .map(|segment| segment.strip_prefix(':').unwrap_or(segment))
            .collect();
        let (found, _) = find_route(known.verb, &given).unwrap_or_else(|| panic!("{known:?}"));
        let (controller, name) = match found.destination {
            Destination::Served(action) => (action.controller, action.name),
            Destination::Unserved { controller, name } => (controller, name),
        };
        assert_eq!(
            (controller, name),
            (known.controller, known.name),
            "{known:?}"
        );
    }
}

/// All that paths begin with is reserved, or no name that an index may have.
#[test]
fn what_a_path_begins_with_is_no_name_of_an_index() {
    let firsts: HashSet<&str> = ROUTES
        .values()
        .flatten()
        .filter_map(|route| route.segments.first().copied())
        .filter(|first| !first.starts_with([':', '_']))
        .collect();
    assert!(firsts.contains("users"));
    for first in firsts {
        assert!(is_reserved(first), "{first}");
        for verb in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            for path in [
                &[first][..],
                &[first, "c"],
                &[first, "_create"],
                &[first, "c", "d", "_create"],
            ] {
                if let Some((route, _)) = find_route(verb, path) {
                    assert_eq!(route.segments[0], first, "{verb} {path:?}");
                }
            }
        }
    }
}
