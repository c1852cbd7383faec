//! `/v1/security`: questions about rights. Users, roles and profiles are changed by the controllers
//! `auth` and `security` alone.

pub(crate) mod explain;
pub(crate) mod log;
pub(crate) mod sessions;
