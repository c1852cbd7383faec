//! Does one set of rights cover another? Nobody grants more than he has. Conservative: rather than
//! a wrong yes, a no.

use crate::{
    ActionPlace, CompiledRights,
    compile::{CompiledController, CompiledPolicy, CompiledRole},
};

impl CompiledRights {
    /// May everything that `others` allow be done with these, too?
    pub fn cover(&self, others: &Self) -> bool {
        self.allows_all()
            || others
                .policies
                .iter()
                .all(|other| self.covers_policy(other))
    }

    fn covers_policy(&self, other: &CompiledPolicy) -> bool {
        let Some(places) = &other.places else {
            return self.covers_role(&other.role, ActionPlace::Everywhere);
        };
        let mut within = places.each();
        within.all(|place| self.covers_role(&other.role, place))
            // What names no place is allowed by a restricted policy as well.
            && self.covers_role(&other.role, ActionPlace::Nowhere)
    }

    fn covers_role(&self, other: &CompiledRole, place: ActionPlace<'_>) -> bool {
        let mut named = other.named.iter();
        named.all(|(name, entry)| self.covers_controller(name, entry, place))
            && other.any.as_ref().is_none_or(|entry| {
                let allows_something = entry.any == Some(true);
                !allows_something || self.covers_any(other, place)
            })
    }

    fn covers_controller(
        &self,
        name: &str,
        entry: &CompiledController,
        place: ActionPlace<'_>,
    ) -> bool {
        let mut named = entry.named.iter().filter(|(_, allowed)| **allowed);
        let each = named.all(|(action, _)| self.allows(name, action, place));
        each && (entry.any != Some(true) || self.allows_any_action(name, entry, place))
    }

    /// All actions of a controller, but for those that the other denies by name.
    fn allows_any_action(
        &self,
        name: &str,
        other: &CompiledController,
        place: ActionPlace<'_>,
    ) -> bool {
        self.policies.iter().any(|policy| {
            let entry = policy.role.named.get(name).or(policy.role.any.as_ref());
            let covered = entry.is_some_and(|entry| {
                let denied = |action: &str| other.named.get(action) == Some(&false);
                entry.any == Some(true)
                    && entry
                        .named
                        .iter()
                        .all(|(action, allowed)| *allowed || denied(action))
            });
            covered && policy.reaches(place)
        })
    }

    /// All controllers, but for those that the other names: they are looked at by themselves.
    fn covers_any(&self, other: &CompiledRole, place: ActionPlace<'_>) -> bool {
        self.policies.iter().any(|policy| {
            let any = policy.role.any.as_ref();
            let covered = any.is_some_and(|any| any.any == Some(true))
                && policy
                    .role
                    .named
                    .iter()
                    .all(|(name, entry)| entry.allows_all() || other.named.contains_key(name));
            covered && policy.reaches(place)
        })
    }
}
