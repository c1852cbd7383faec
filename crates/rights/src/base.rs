//! The three roles and profiles that are always there: what they are before anybody is kept out,
//! and what they are afterwards.

use crate::{Policy, RightsProfile, Role, role::ControllerEntry};
use std::collections::BTreeMap;

/// Their names, of roles and profiles alike.
pub const NAMES: [&str; 3] = ["admin", "default", "anonymous"];

/// The profile of users who are not authenticated.
pub const ANONYMOUS: &str = "anonymous";
/// The profile that may do everything.
pub const ADMIN: &str = "admin";

/// Requests a second of the profile `default`, and of whoever has none.
pub(crate) const DEFAULT_RATE: u32 = 10;

const DEFAULT_AUTH: &[&str] = &[
    "checkToken",
    "getCurrentUser",
    "getMyRights",
    "logout",
    "updateSelf",
];
const DEFAULT_SERVER: &[&str] = &["publicApi"];
const ANONYMOUS_AUTH: &[&str] = &["checkToken", "getCurrentUser", "getMyRights", "login"];
const ANONYMOUS_SERVER: &[&str] = &["publicApi", "openapi"];

fn controller_entry(actions: &[&str]) -> ControllerEntry {
    let actions = actions
        .iter()
        .map(|action| ((*action).to_owned(), true))
        .collect();
    ControllerEntry { actions }
}

fn base_role(controllers: &[(&str, &[&str])]) -> Role {
    let entries = controllers
        .iter()
        .map(|(name, actions)| ((*name).to_owned(), controller_entry(actions)));
    Role {
        controllers: entries.collect(),
        ..Role::default()
    }
}

/// While everybody may do everything.
pub fn open_roles() -> BTreeMap<String, Role> {
    NAMES
        .map(|name| (name.to_owned(), base_role(&[("*", &["*"])])))
        .into()
}

/// Once rights are restricted.
pub fn restricted_roles() -> BTreeMap<String, Role> {
    let default = base_role(&[("auth", DEFAULT_AUTH), ("server", DEFAULT_SERVER)]);
    let anonymous = base_role(&[("auth", ANONYMOUS_AUTH), ("server", ANONYMOUS_SERVER)]);
    BTreeMap::from([
        ("admin".into(), base_role(&[("*", &["*"])])),
        ("default".into(), default),
        ("anonymous".into(), anonymous),
    ])
}

/// Each has the role of its name.
pub fn base_profiles() -> BTreeMap<String, RightsProfile> {
    let profile = |name: &str, rate_limit| RightsProfile {
        policies: vec![Policy {
            role: name.to_owned(),
            restricted_to: Vec::new(),
        }],
        rate_limit: Some(rate_limit),
        ..RightsProfile::default()
    };
    BTreeMap::from([
        ("admin".into(), profile("admin", 0)),
        ("default".into(), profile("default", DEFAULT_RATE.into())),
        ("anonymous".into(), profile("anonymous", 200)),
    ])
}
