use super::*;
use std::collections::HashSet;

#[test]
fn every_route_leads_to_its_own_action() {
    for action in ACTIONS {
        for (verb, path) in action.http {
            let path: Vec<&str> = path[1..].split('/').collect();
            let (found, variables) = route(verb, &path).unwrap();
            assert_eq!((found.action.controller, found.action.name), (action.controller, action.name), "{verb} {path:?}");
            assert_eq!(variables.len(), path.iter().filter(|segment| segment.starts_with(':')).count());
        }
    }
}

#[test]
fn no_action_stands_twice() {
    let names: HashSet<_> = ACTIONS.iter().map(|action| (action.controller, action.name)).collect();
    assert_eq!(names.len(), ACTIONS.len());
}
