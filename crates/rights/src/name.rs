//! What roles and profiles may be called.

use crate::RightsFault;

/// As document ids: the names stand in paths and in stores.
pub(crate) fn check_name(name: &str) -> Result<(), RightsFault> {
    if !name.is_empty() && name.len() <= 512 && !name.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(RightsFault::BadName(name.chars().take(64).collect()))
    }
}
