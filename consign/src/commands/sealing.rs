//! `consign sealing`: the keys of subjects whose values are sealed. It never prints a key.

pub mod erase;
pub mod rotate;

use super::Invocation;
use crate::{
    failure::Failure,
    stack::{self, Stack},
};
use ::sealing::SubjectKeys;
use clap::Subcommand;
use event_schema::signing::Keyring;

/// Erase subjects whose values are sealed, or rewrap their keys
#[derive(Debug, Subcommand)]
pub enum Command {
    Erase(erase::Arguments),
    Rotate(rotate::Arguments),
}

pub async fn run(command: Command, invocation: Invocation<'_>) -> Result<(), Failure> {
    match command {
        Command::Erase(arguments) => erase::run(arguments, invocation).await,
        Command::Rotate(arguments) => rotate::run(arguments, invocation).await,
    }
}

/// The stores and the keys in them, as services hold them.
struct OpenedKeys {
    stack: Stack,
    /// The deployment's secret.
    secret: Keyring,
    subjects: SubjectKeys,
}

async fn open_keys(invocation: Invocation<'_>) -> Result<OpenedKeys, Failure> {
    let settings = invocation.settings(&[])?.settings;
    let stack = Stack::open(&settings).await?;
    let secret = match (settings.secret.keyring()?, stack.own_keys()) {
        (Some(keys), _) | (None, Some(keys)) => keys,
        (None, None) => stack::load_keyring(&settings)?,
    };
    let subjects = stack::subject_keys(&settings, &stack.record, &secret)?;
    Ok(OpenedKeys {
        stack,
        secret,
        subjects,
    })
}
