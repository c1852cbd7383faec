//! Why something is allowed or is not: what each policy says of it. It must say the same as what is
//! compiled, which alone decides.

use crate::{ActionPlace, Policy, RightsSet, compile::RestrictedPlaces};
use serde::Serialize;

/// What one policy says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyOutcome {
    /// It allows it.
    Allows,
    /// Its role is not there.
    UnknownRole,
    /// Its role says nothing of the action.
    RoleIsSilent,
    /// Its role says no.
    RoleDenies,
    /// Its role allows it, but the policy is restricted to other places.
    Elsewhere,
}

/// A policy that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedPolicy {
    pub profile: String,
    pub role: String,
    pub outcome: PolicyOutcome,
}

/// Of everything that a user has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RightsExplanation {
    pub allowed: bool,
    pub policies: Vec<ExplainedPolicy>,
    /// Profiles that are not there, and so allow nothing.
    pub unknown_profiles: Vec<String>,
}

impl RightsSet {
    /// What a user with these profiles may do there, and by which policy.
    pub fn explain<'a>(
        &self,
        profiles: impl Iterator<Item = &'a str>,
        right: (&str, &str),
        place: ActionPlace<'_>,
    ) -> RightsExplanation {
        let (mut policies, mut unknown_profiles) = (Vec::new(), Vec::new());
        for name in profiles {
            let Some(profile) = self.profiles.get(name) else {
                unknown_profiles.push(name.to_owned());
                continue;
            };
            policies.extend(profile.policies.iter().map(|policy| ExplainedPolicy {
                profile: name.to_owned(),
                role: policy.role.clone(),
                outcome: self.outcome(policy, right, place),
            }));
        }
        let allows = |policy: &ExplainedPolicy| policy.outcome == PolicyOutcome::Allows;
        RightsExplanation {
            allowed: policies.iter().any(allows),
            policies,
            unknown_profiles,
        }
    }

    fn outcome(
        &self,
        policy: &Policy,
        (controller, action): (&str, &str),
        place: ActionPlace<'_>,
    ) -> PolicyOutcome {
        let Some(role) = self.roles.get(&policy.role) else {
            return PolicyOutcome::UnknownRole;
        };
        let entry = role.controllers.get(controller);
        let entry = entry.or_else(|| role.controllers.get("*"));
        let said = entry.and_then(|entry| {
            let actions = &entry.actions;
            actions.get(action).or_else(|| actions.get("*"))
        });
        let places = RestrictedPlaces::of(&policy.restricted_to);
        let is_within = places.is_none_or(|places| places.hold(place));
        match said {
            None => PolicyOutcome::RoleIsSilent,
            Some(false) => PolicyOutcome::RoleDenies,
            Some(true) if is_within => PolicyOutcome::Allows,
            Some(true) => PolicyOutcome::Elsewhere,
        }
    }
}
