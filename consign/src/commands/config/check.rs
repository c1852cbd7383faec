//! `consign config check`: do file, variables and flags make sound settings? Asks no server.

use super::Invocation;
use crate::{failure::Failure, stack, stack::Stack};
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  consign config check --config gateway.toml
  consign config check --set gateway.listn=:80        says which setting was meant

Exit 2 if something is wrong.";

/// Check the settings of file, CONSIGN_* variables and flags
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {}

pub fn run(_: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let loaded = invocation.settings(&[])?;
    stack::load_catalog(&loaded.settings)?;
    if !loaded.settings.is_embedded() {
        // Making the drivers looks at their own settings and reaches nobody.
        Stack::shared(&loaded.settings)?;
        stack::load_keyring(&loaded.settings)?;
    }
    let set = loaded.origins.len();
    let told = serde_json::json!({ "sound": true, "set": set });
    invocation.output.result(&told, |_| {
        format!("sound: {set} settings are not the default")
    })
}
