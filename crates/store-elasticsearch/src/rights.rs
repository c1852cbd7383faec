//! The least rights that each process needs, as roles of Elasticsearch. Makes nothing.

// `manage` holds what `maintenance` (refreshes) and `view_index_metadata` would give beside it.

/// What a gateway does: searches, and makes, changes and drops collections.
const GATEWAY: [&str; 2] = ["read", "manage"];
/// What a worker does: writes documents, and reads those of which the index says that they stand.
const WORKER: [&str; 3] = ["read", "write", "manage"];

/// The two roles, as `roles.yml` spells them.
#[must_use]
pub fn roles_yaml(prefix: &str, gateway: &str, worker: &str) -> String {
    let role = |name: &str, rights: &[&str]| {
        format!(
            "{name}:\n  cluster: [ monitor ]\n  indices:\n    - names: [ '{prefix}*' ]\n      privileges: [ {} ]\n",
            rights.join(", ")
        )
    };
    role(gateway, &GATEWAY) + &role(worker, &WORKER)
}
