//! All roles and profiles of a tenant: one value, so that a profile never names a role that is not
//! there. Every change is judged here and gives a new set.

use crate::{
    CompiledRights, RightsFault, RightsProfile, Role,
    base::{self, NAMES},
    compile::CompiledRole,
    name,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Roles and profiles by name. The three of [`base`] are always among them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RightsSet {
    pub roles: BTreeMap<String, Role>,
    pub profiles: BTreeMap<String, RightsProfile>,
}

/// Everybody may do everything.
impl Default for RightsSet {
    fn default() -> Self {
        Self {
            roles: base::open_roles(),
            profiles: base::base_profiles(),
        }
    }
}

impl RightsSet {
    /// How many requests a second the profiles allow together: the greatest of theirs, and none if
    /// one of them has no limit. Whoever has no profile that is known is limited like the base
    /// profile `default`: to have none is no way to be limited by none.
    pub fn rate_limit<'a>(&self, profiles: impl Iterator<Item = &'a str>) -> Option<u32> {
        let mut greatest = None;
        for profile in profiles.filter_map(|name| self.profiles.get(name)) {
            let limit = profile.rate_limit.filter(|limit| *limit > 0)?;
            greatest = greatest.max(Some(u32::try_from(limit).unwrap_or(u32::MAX)));
        }
        greatest.or(Some(base::DEFAULT_RATE))
    }

    /// As it is read from a store: what must always be there is put back, restricted.
    #[must_use]
    pub fn completed(mut self) -> Self {
        for (name, role) in base::restricted_roles() {
            self.roles.entry(name).or_insert(role);
        }
        for (name, profile) in base::base_profiles() {
            self.profiles.entry(name).or_insert(profile);
        }
        self
    }

    /// The three base roles and profiles as they are once rights are restricted.
    pub fn restrict(&mut self) {
        self.roles.extend(base::restricted_roles());
        self.profiles.extend(base::base_profiles());
    }

    pub fn put_role(&mut self, id: &str, role: Role, fresh: bool) -> Result<(), RightsFault> {
        name::check_name(id)?;
        if fresh && self.roles.contains_key(id) {
            return Err(RightsFault::RoleExists(id.into()));
        }
        if id == base::ANONYMOUS && !role.allows("auth", "login") {
            return Err(RightsFault::LoginRequired);
        }
        self.roles.insert(id.to_owned(), role);
        Ok(())
    }

    pub fn put_profile(
        &mut self,
        id: &str,
        profile: RightsProfile,
        fresh: bool,
    ) -> Result<(), RightsFault> {
        name::check_name(id)?;
        if fresh && self.profiles.contains_key(id) {
            return Err(RightsFault::ProfileExists(id.into()));
        }
        let mut roles = profile.policies.iter().map(|policy| policy.role.as_str());
        if let Some(unknown) = roles.clone().find(|role| !self.roles.contains_key(*role)) {
            return Err(RightsFault::UnknownRole(unknown.into()));
        }
        if id == base::ANONYMOUS && !roles.any(|role| role == base::ANONYMOUS) {
            return Err(RightsFault::AnonymousRoleRequired);
        }
        self.profiles.insert(id.to_owned(), profile);
        Ok(())
    }

    /// Refused while a profile holds it.
    pub fn delete_role(&mut self, id: &str) -> Result<(), RightsFault> {
        if NAMES.contains(&id) {
            return Err(RightsFault::CannotDelete(id.into()));
        }
        let holds =
            |profile: &RightsProfile| profile.policies.iter().any(|policy| policy.role == id);
        if let Some((holder, _)) = self.profiles.iter().find(|(_, profile)| holds(profile)) {
            return Err(RightsFault::RoleInUse(id.into(), holder.clone()));
        }
        let gone = self.roles.remove(id);
        gone.map(drop)
            .ok_or_else(|| RightsFault::UnknownRole(id.into()))
    }

    /// Whether users have it is looked at by the caller.
    pub fn delete_profile(&mut self, id: &str) -> Result<(), RightsFault> {
        if NAMES.contains(&id) {
            return Err(RightsFault::CannotDelete(id.into()));
        }
        let gone = self.profiles.remove(id);
        gone.map(drop)
            .ok_or_else(|| RightsFault::UnknownProfile(id.into()))
    }

    /// All of these must be there.
    pub fn check_profiles<'a>(
        &self,
        mut ids: impl Iterator<Item = &'a str>,
    ) -> Result<(), RightsFault> {
        match ids.find(|id| !self.profiles.contains_key(*id)) {
            Some(unknown) => Err(RightsFault::UnknownProfile(unknown.into())),
            None => Ok(()),
        }
    }

    /// What a user with these profiles may do; one that is not there allows nothing.
    pub fn compile<'a>(&self, profiles: impl Iterator<Item = &'a str>) -> CompiledRights {
        let held: Vec<&RightsProfile> = profiles.filter_map(|id| self.profiles.get(id)).collect();
        let mut roles: HashMap<Box<str>, Arc<CompiledRole>> = HashMap::new();
        for policy in held.iter().flat_map(|profile| &profile.policies) {
            if let Some(role) = self.roles.get(&policy.role) {
                let compiled = || Arc::new(CompiledRole::of(role));
                roles
                    .entry(policy.role.as_str().into())
                    .or_insert_with(compiled);
            }
        }
        CompiledRights::of(held.into_iter(), &roles)
    }
}
