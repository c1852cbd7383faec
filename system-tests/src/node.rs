//! Scripts in Node that judge the product: their packages, and the count they print last. Which
//! script runs against what is its caller's.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
};

use anyhow::{Context, Result, anyhow, ensure};

/// What a script printed last: `N checks, M failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    pub checks: u64,
    pub failed: u64,
}

impl Summary {
    /// The closing line, if this is one.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let (checks, rest) = line.split_once(" checks, ")?;
        Some(Self {
            checks: checks.parse().ok()?,
            failed: rest.strip_suffix(" failed")?.parse().ok()?,
        })
    }
}

/// `npm ci` in a folder, once per process: what its lock file names, nothing else.
///
/// # Errors
/// If that fails; says what it needs.
pub fn install(folder: &Path) -> Result<()> {
    static DONE: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let mut done = DONE.lock().map_err(|_| {
        anyhow!(
            "the packages of {} could not be installed",
            folder.display()
        )
    })?;
    let done = done.get_or_insert_default();
    if done.contains(folder) {
        return Ok(());
    }
    let arguments = [
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--prefer-offline",
    ];
    let output = Command::new("npm")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output();
    let output = output.context(
        "these tests drive npm packages and need Node and npm: apt-get install nodejs npm",
    )?;
    ensure!(
        output.status.success(),
        "`npm ci` in {} failed; it needs the npm registry, or its packages in npm's cache\n{}",
        folder.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    done.insert(folder.to_owned());
    Ok(())
}
