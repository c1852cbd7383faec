//! The names of what the service keeps for itself. No route, search, subscription or listing shows
//! any of it: whoever adds a way to name a collection or a table asks here.

pub(crate) use event_schema::security::{ACCOUNTS, API_KEYS, INDEX, RIGHTS, SESSIONS, USERS};

pub(crate) const OPEN_SESSIONS: &str = "security_open_session";

/// Spaces of unique values.
pub(crate) const USERNAME: &str = "security.username";
pub(crate) const FIRST_ADMIN: &str = "security.first-admin";
pub(crate) const KEY_FINGERPRINT: &str = "security.api-key";

pub(crate) fn is_index(index: &str) -> bool {
    index == INDEX
}

/// The operations that write all of it.
pub(crate) fn is_operation(operation: &str) -> bool {
    operation.starts_with("security.")
}

pub(crate) fn is_table(table: &str) -> bool {
    table.starts_with("security_")
}
