//! Rights as clients list them: one for each entry of a role and each place of its policy; where
//! several say something of the same, what is allowed wins.

use crate::{RightsProfile, RightsSet};
use serde::Serialize;
use std::collections::BTreeMap;

/// One right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedRight {
    pub controller: String,
    pub action: String,
    pub index: String,
    pub collection: String,
    pub value: &'static str,
}

impl RightsSet {
    /// Of a user with these profiles, sorted.
    pub fn listed<'a>(&self, profiles: impl Iterator<Item = &'a str>) -> Vec<ListedRight> {
        let mut rights: BTreeMap<[String; 4], bool> = BTreeMap::new();
        for profile in profiles.filter_map(|id| self.profiles.get(id)) {
            self.list_profile(profile, &mut rights);
        }
        let shown =
            |([controller, action, index, collection], allowed): ([String; 4], bool)| ListedRight {
                controller,
                action,
                index,
                collection,
                value: if allowed { "allowed" } else { "denied" },
            };
        rights.into_iter().map(shown).collect()
    }

    fn list_profile(&self, profile: &RightsProfile, rights: &mut BTreeMap<[String; 4], bool>) {
        for policy in &profile.policies {
            let Some(role) = self.roles.get(&policy.role) else {
                continue;
            };
            let mut places: Vec<(&str, &str)> = Vec::new();
            for place in &policy.restricted_to {
                if place.collections.is_empty() {
                    places.push((&place.index, "*"));
                }
                places.extend(
                    place
                        .collections
                        .iter()
                        .map(|name| (&*place.index, &**name)),
                );
            }
            if places.is_empty() {
                places.push(("*", "*"));
            }
            for (controller, entry) in &role.controllers {
                for (action, allowed) in &entry.actions {
                    for (index, collection) in &places {
                        let right = [controller, action, *index, *collection].map(str::to_owned);
                        *rights.entry(right).or_default() |= allowed;
                    }
                }
            }
        }
    }
}
