//! Roles, profiles and policies in Kuzzle's formats, and what they allow. A role says which actions
//! of which controllers may be done; a policy is a role, perhaps restricted to some collections; a
//! profile is a list of policies; a user has profiles. Everything is compiled once (`compile`), so
//! that a check is a few look-ups and allocates nothing. Pure: it reads no store, no clock, and it
//! must never allow what no policy names.

pub mod base;
mod compile;
mod cover;
mod explain;
mod fault;
mod listing;
mod name;
mod profile;
mod role;
mod set;

pub use compile::{ActionPlace, CompiledRights};
pub use explain::{ExplainedPolicy, PolicyOutcome, RightsExplanation};
pub use fault::RightsFault;
pub use listing::ListedRight;
pub use profile::{Policy, Restriction, RightsProfile};
pub use role::Role;
pub use set::RightsSet;
