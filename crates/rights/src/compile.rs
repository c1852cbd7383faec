//! What a set of profiles allows, compiled: every check is look-ups in hash maps, one per policy,
//! and allocates nothing.

use crate::{Policy, Restriction, RightsProfile, Role};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Where something is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionPlace<'a> {
    /// It names no place: a restriction does not keep it out.
    Nowhere,
    /// A whole index: a restriction to some of its collections does not reach as far.
    Index(&'a str),
    Collection(&'a str, &'a str),
    /// What cannot be told to be within a restriction: only a policy without one allows it.
    Everywhere,
}

/// What a user with some profiles may do. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct CompiledRights {
    pub(crate) policies: Arc<[CompiledPolicy]>,
}

#[derive(Clone, Debug)]
pub(crate) struct CompiledPolicy {
    pub(crate) role: Arc<CompiledRole>,
    /// `None`: everywhere.
    pub(crate) places: Option<Arc<RestrictedPlaces>>,
}

/// A role.
#[derive(Debug, Default)]
pub(crate) struct CompiledRole {
    pub(crate) named: HashMap<Box<str>, CompiledController>,
    pub(crate) any: Option<CompiledController>,
}

#[derive(Debug, Default)]
pub(crate) struct CompiledController {
    pub(crate) named: HashMap<Box<str>, bool>,
    pub(crate) any: Option<bool>,
}

/// The places that a policy is restricted to.
#[derive(Debug, Default)]
pub(crate) struct RestrictedPlaces {
    /// Index → its collections; none: all of them.
    indices: HashMap<Box<str>, HashSet<Box<str>>>,
}

impl CompiledRole {
    pub(crate) fn of(role: &Role) -> Self {
        let mut compiled = Self::default();
        for (name, entry) in &role.controllers {
            let mut controller = CompiledController::default();
            for (action, allowed) in &entry.actions {
                if action == "*" {
                    controller.any = Some(*allowed);
                } else {
                    controller.named.insert(action.as_str().into(), *allowed);
                }
            }
            if name == "*" {
                compiled.any = Some(controller);
            } else {
                compiled.named.insert(name.as_str().into(), controller);
            }
        }
        compiled
    }

    fn allows(&self, controller: &str, action: &str) -> bool {
        let entry = self.named.get(controller).or(self.any.as_ref());
        entry.is_some_and(|entry| {
            let allowed = entry.named.get(action).copied().or(entry.any);
            allowed.unwrap_or(false)
        })
    }
}

impl RestrictedPlaces {
    pub(crate) fn of(restrictions: &[Restriction]) -> Option<Arc<Self>> {
        let mut places = Self::default();
        for Restriction { index, collections } in restrictions {
            let known = places.indices.get_mut(index.as_str());
            let names = collections.iter().map(|name| Box::from(name.as_str()));
            match known {
                // All of the index stays all of it.
                Some(known) if known.is_empty() => {}
                Some(known) if collections.is_empty() => known.clear(),
                Some(known) => known.extend(names),
                None => drop(
                    places
                        .indices
                        .insert(index.as_str().into(), names.collect()),
                ),
            }
        }
        (!places.indices.is_empty()).then(|| Arc::new(places))
    }

    /// Each as a place of its own.
    pub(crate) fn each(&self) -> impl Iterator<Item = ActionPlace<'_>> {
        self.indices.iter().flat_map(|(index, names)| {
            let whole = names.is_empty().then_some(ActionPlace::Index(index));
            let some = names
                .iter()
                .map(|name| ActionPlace::Collection(index, name));
            whole.into_iter().chain(some)
        })
    }

    pub(crate) fn hold(&self, place: ActionPlace<'_>) -> bool {
        match place {
            ActionPlace::Nowhere => true,
            ActionPlace::Index(index) => self.indices.get(index).is_some_and(HashSet::is_empty),
            ActionPlace::Collection(index, collection) => {
                let among = self.indices.get(index);
                among.is_some_and(|names| names.is_empty() || names.contains(collection))
            }
            ActionPlace::Everywhere => false,
        }
    }
}

impl CompiledPolicy {
    pub(crate) fn reaches(&self, place: ActionPlace<'_>) -> bool {
        self.places.as_ref().is_none_or(|places| places.hold(place))
    }
}

impl CompiledRights {
    /// Of these profiles. A role that is not there allows nothing.
    pub(crate) fn of<'a>(
        profiles: impl Iterator<Item = &'a RightsProfile>,
        roles: &HashMap<Box<str>, Arc<CompiledRole>>,
    ) -> Self {
        let policies = profiles.flat_map(|profile| &profile.policies);
        let compiled = policies.filter_map(
            |Policy {
                 role,
                 restricted_to,
             }| {
                let role = roles.get(role.as_str())?.clone();
                Some(CompiledPolicy {
                    role,
                    places: RestrictedPlaces::of(restricted_to),
                })
            },
        );
        Self {
            policies: compiled.collect(),
        }
    }

    /// May this action be done there?
    pub fn allows(&self, controller: &str, action: &str, place: ActionPlace<'_>) -> bool {
        self.policies
            .iter()
            .any(|policy| policy.role.allows(controller, action) && policy.reaches(place))
    }

    /// May everything be done everywhere?
    pub fn allows_all(&self) -> bool {
        self.policies
            .iter()
            .any(|policy| policy.places.is_none() && policy.role.allows_all())
    }
}

impl CompiledRole {
    /// Conservative: an entry that only repeats what `*` says is passed over.
    pub(crate) fn allows_all(&self) -> bool {
        self.any.as_ref().is_some_and(|any| any.any == Some(true))
            && self.named.values().all(CompiledController::allows_all)
    }
}

impl CompiledController {
    pub(crate) fn allows_all(&self) -> bool {
        self.any == Some(true) && self.named.values().all(|allowed| *allowed)
    }
}
