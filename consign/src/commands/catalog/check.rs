//! `consign catalog check`: definitions compiled together with those that are built in, without any
//! server.

use super::Invocation;
use crate::failure::Failure;
use catalog::Catalog;
use clap::Args;
use serde::Serialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

const EXAMPLES: &str = "\
Examples:
  consign catalog check                          what is built in, and the folders of the settings
  consign catalog check my-operations/ extra.yaml

Definitions that are built in are always there and need not be given.";

/// Validate operation definitions; reports what is wrong with each, with file, line and field
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Definition files (*.yaml), or folders of them
    #[arg(value_name = "FILE")]
    paths: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Checked<'a> {
    version: &'a str,
    operations: usize,
    tables: usize,
    collections: usize,
}

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let catalog = given_catalog(&arguments.paths, invocation)?;
    let checked = Checked {
        version: catalog.version(),
        operations: catalog.operations().count(),
        tables: catalog.tables().len(),
        collections: catalog.collections().len(),
    };
    invocation.output.result(&checked, |checked| {
        let Checked { version, operations, tables, collections } = checked;
        format!("sound: {operations} operations, {tables} tables, {collections} collections of their own; version {version}")
    })
}

/// What is built in and in the folders of the settings, and these files and folders.
pub(super) fn given_catalog(
    paths: &[PathBuf],
    invocation: Invocation<'_>,
) -> Result<Catalog, Failure> {
    let settings = invocation.settings(&[])?.settings;
    beside(settings.catalog.folders, paths)
}

/// A file of requests and what must stand after each; no definitions.
pub(super) fn is_scenario(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".scenario.yaml")
}

/// What is built in and in these folders, and these files and folders.
pub(super) fn beside(mut folders: Vec<PathBuf>, paths: &[PathBuf]) -> Result<Catalog, Failure> {
    let wrong = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::failed(format!("{}: {error}", path.display()))
    };
    // The catalog reads folders only: a file goes into one of its own, under its own name.
    let held = tempfile::tempdir()?;
    let mut copies = Vec::new();
    for (number, path) in paths.iter().enumerate() {
        if is_scenario(path) {
            continue;
        }
        if path.is_dir() {
            folders.push(path.clone());
            continue;
        }
        let folder = held.path().join(number.to_string());
        let copy = folder.join("given.yaml");
        fs::create_dir(&folder)
            .and_then(|()| fs::copy(path, &copy))
            .map_err(|error| wrong(path, &error))?;
        copies.push((copy.display().to_string(), path.display().to_string()));
        folders.push(folder);
    }
    Catalog::load(&folders).map_err(|error| {
        let told = copies.iter().fold(error.to_string(), |text, (copy, path)| {
            text.replace(copy, path)
        });
        Failure::failed(told)
    })
}
