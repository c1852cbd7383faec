//! `consign catalog hook-secret`: by what a hook's questions are signed that has no secret of its own.

use super::Invocation;
use crate::{failure::Failure, settings::Settings, stack};
use clap::Args;
use event_schema::signing::Keyring;
use serde::Serialize;
use standalone::{folder::secret_of, secret};

const EXAMPLES: &str = "\
Examples:
  consign catalog hook-secret stock.check
  consign catalog hook-secret stock.check --json | jq -r .secret";

/// Print the secret by which a hook's endpoint knows who asks, where it has none of its own
///
/// It derives from the deployment's secret, and tells nothing of that. A file of the hook's name in
/// gateway.hooks.secrets takes its place.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Name of the hook
    hook: String,
}

#[derive(Serialize)]
struct ShownSecret<'a> {
    hook: &'a str,
    secret: String,
}

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let catalog = stack::load_catalog(&settings)?;
    let hook = &arguments.hook;
    if !catalog.hooks().iter().any(|known| known.name() == hook) {
        let failure = Failure::failed(format!("the catalog has no hook `{hook}`"));
        return Err(failure.hint("consign catalog show OPERATION names those of an operation"));
    }
    let shown = ShownSecret {
        hook,
        secret: gateway::hook_secret(hook, &deployment_keys(&settings)?),
    };
    let text = |shown: &ShownSecret<'_>| shown.secret.clone();
    invocation.output.result(&shown, text)
}

/// Those of the settings, or of the data folder.
fn deployment_keys(settings: &Settings) -> Result<Keyring, Failure> {
    let folder = secret_of(&settings.data);
    match settings.secret.keyring()? {
        None if folder.exists() => {
            secret::load_secret(&folder).map_err(|error| Failure::failed(error.to_string()))
        }
        _ => stack::load_keyring(settings),
    }
}
