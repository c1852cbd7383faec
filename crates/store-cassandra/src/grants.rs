//! The least rights that each process needs, as CQL. Runs nothing.

use crate::session::quoted_name;

/// Tables of ours that a gateway writes: idempotency keys, unique values and the keys of subjects,
/// searches that go on, collections.
const WRITTEN_BY_GATEWAYS: [&str; 4] = ["claims", "unique_values", "texts", "collections"];
/// And those of spools, where they are kept here.
const OF_SPOOLS: [&str; 2] = ["blobs", "blob_names"];

/// Who logs in as what.
#[derive(Clone, Copy, Debug)]
pub struct Roles<'a> {
    pub gateway: &'a str,
    pub worker: &'a str,
    /// Whoever runs `consign catalog migrate`.
    pub operator: &'a str,
    /// Do gateways keep their spools in this keyspace?
    pub keeps_spools: bool,
}

/// The statements that give these roles what they need of a keyspace, and nothing more. The roles
/// and the keyspace are there; tables are granted one by one, so it was migrated before.
#[must_use]
pub fn grant_statements(keyspace: &str, roles: Roles<'_>) -> Vec<String> {
    let of_keyspace = |right: &str, role: &str| {
        format!(
            "GRANT {right} ON KEYSPACE {} TO {};",
            quoted_name(keyspace),
            quoted_name(role)
        )
    };
    let mut statements = vec![
        of_keyspace("CREATE", roles.operator),
        of_keyspace("ALTER", roles.operator),
        of_keyspace("SELECT", roles.operator),
        of_keyspace("MODIFY", roles.operator),
        of_keyspace("SELECT", roles.worker),
        of_keyspace("MODIFY", roles.worker),
        of_keyspace("SELECT", roles.gateway),
    ];
    // Whether the server syncs its commit log before it acknowledges stands there.
    statements.extend([roles.operator, roles.worker, roles.gateway].map(|role| {
        format!(
            "GRANT SELECT ON TABLE system_views.settings TO {};",
            quoted_name(role)
        )
    }));
    let of_spools = OF_SPOOLS.iter().filter(|_| roles.keeps_spools);
    statements.extend(WRITTEN_BY_GATEWAYS.iter().chain(of_spools).map(|table| {
        format!(
            "GRANT MODIFY ON TABLE {}.{} TO {};",
            quoted_name(keyspace),
            quoted_name(table),
            quoted_name(roles.gateway)
        )
    }));
    statements
}
