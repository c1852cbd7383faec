//! The rule of rights, as plainly as it can be said: some policy of some profile has a role whose
//! entry for the controller (the one of that name, else `*`) has an entry for the action (of that
//! name, else `*`) that is true; and that policy is not restricted, or the place is within it.

use rights::{ActionPlace, Policy, RightsSet};

pub fn allowed(
    set: &RightsSet,
    profiles: &[&str],
    (controller, action): (&str, &str),
    place: ActionPlace<'_>,
) -> bool {
    for profile in profiles {
        let Some(profile) = set.profiles.get(*profile) else {
            continue;
        };
        for policy in &profile.policies {
            if says_yes(set, &policy.role, controller, action) && within(policy, place) {
                return true;
            }
        }
    }
    false
}

fn says_yes(set: &RightsSet, role: &str, controller: &str, action: &str) -> bool {
    let Some(role) = set.roles.get(role) else {
        return false;
    };
    let entry = match role.controllers.get(controller) {
        Some(entry) => entry,
        None => match role.controllers.get("*") {
            Some(entry) => entry,
            None => return false,
        },
    };
    match entry.actions.get(action) {
        Some(allowed) => *allowed,
        None => entry.actions.get("*").copied() == Some(true),
    }
}

fn within(policy: &Policy, place: ActionPlace<'_>) -> bool {
    if policy.restricted_to.is_empty() {
        return true;
    }
    match place {
        ActionPlace::Nowhere => true,
        ActionPlace::Everywhere => false,
        ActionPlace::Index(index) => policy
            .restricted_to
            .iter()
            .any(|one| one.index == index && one.collections.is_empty()),
        ActionPlace::Collection(index, collection) => policy.restricted_to.iter().any(|one| {
            let listed = one.collections.iter().any(|name| name == collection);
            one.index == index && (one.collections.is_empty() || listed)
        }),
    }
}
