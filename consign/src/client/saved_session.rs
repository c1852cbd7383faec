//! Sessions that `consign login` keeps for later commands: one file that its owner alone can read,
//! a session per gateway. A session is shown to no other gateway than the one that gave it.

use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// A session at one gateway.
#[derive(Clone, Deserialize, Serialize)]
pub struct SavedSession {
    pub user: String,
    pub token: String,
    /// Milliseconds since 1970; -1: never.
    pub expires_at: i64,
}

/// By the URL of the gateway.
type SessionsByUrl = BTreeMap<String, SavedSession>;

/// What is kept for the gateway at `url`.
pub fn find_session(url: &str) -> Result<Option<SavedSession>, Failure> {
    match sessions_file() {
        Some(file) => Ok(read_sessions(&file)?.remove(url)),
        None => Ok(None),
    }
}

/// Returns the file that holds it.
pub fn save_session(url: &str, session: SavedSession) -> Result<PathBuf, Failure> {
    let file = sessions_file().ok_or_else(|| {
        Failure::failed(
            "there is no folder for the session: neither XDG_STATE_HOME nor HOME is set",
        )
        .hint("--print writes it to standard output, for CONSIGN_TOKEN")
    })?;
    let mut sessions = read_sessions(&file)?;
    sessions.insert(url.to_owned(), session);
    write_sessions(&file, &sessions)?;
    Ok(file)
}

/// Does nothing where none is kept.
pub fn forget_session(url: &str) -> Result<(), Failure> {
    let Some(file) = sessions_file() else {
        return Ok(());
    };
    let mut sessions = read_sessions(&file)?;
    if sessions.remove(url).is_some() {
        write_sessions(&file, &sessions)?;
    }
    Ok(())
}

/// `sessions.json` in the user's folder of state, as the XDG base directory specification names it.
fn sessions_file() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let state = folder("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| Some(Path::new(&folder("HOME")?).join(".local/state")))?;
    Some(state.join("consign/sessions.json"))
}

fn read_sessions(file: &Path) -> Result<SessionsByUrl, Failure> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(SessionsByUrl::new()),
        Err(error) => return Err(unusable(file, &error)),
    };
    let open_to_others = runtime::secret_file::is_open_to_others(file);
    if open_to_others.map_err(|error| unusable(file, &error))? {
        let why = format!("{}: others on this machine can read it", file.display());
        return Err(Failure::failed(why).hint(format!("chmod 600 {}", file.display())));
    }
    serde_json::from_slice(&text).map_err(|error| unusable(file, &error))
}

/// Whole under another name first, so that a crash leaves the earlier file.
fn write_sessions(file: &Path, sessions: &SessionsByUrl) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        if let Some(folder) = file.parent() {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700).create(folder)?;
        }
        let fresh = file.with_extension(format!("{}.new", std::process::id()));
        let mut options = OpenOptions::new();
        let options = options.create_new(true).write(true).mode(0o600);
        let mut opened = options.open(&fresh)?;
        opened.write_all(&serde_json::to_vec_pretty(sessions)?)?;
        fs::rename(&fresh, file)
    };
    write().map_err(|error| unusable(file, &error))
}

fn unusable(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::failed(format!("{}: {error}", file.display()))
        .hint("it holds sessions of `consign login`: remove it and log in again")
}
