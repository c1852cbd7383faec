//! How far a load is, beside its file: replaced as a whole, so that a crash leaves the old one or
//! the new one.

use super::Arguments;
use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    /// What is loaded, and how: another load does not go on from here.
    load: Load,
    /// Part of every idempotency key: a load afresh has another.
    pub key: String,
    /// All lines up to this one were answered for good.
    pub lines: u64,
    pub done: bool,
    /// What an earlier run loaded into is gone.
    #[serde(skip)]
    pub started_over: bool,
    #[serde(skip)]
    path: PathBuf,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Load {
    file: PathBuf,
    size: u64,
    target: Target,
    operation: String,
    index: Option<String>,
    collection: Option<String>,
    id: Option<String>,
    member: String,
    chunk: u64,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A collection by its incarnation: the same through any gateway, another one in any other
    /// deployment.
    Incarnation(String),
    /// Whatever answers at this address.
    Url(String),
}

impl State {
    pub fn open(arguments: &Arguments, size: u64, target: Target) -> Result<Self, Failure> {
        let path = arguments
            .state
            .clone()
            .unwrap_or_else(|| state_path(&arguments.file));
        let load = Load {
            file: fs::canonicalize(&arguments.file)?,
            size,
            target,
            operation: arguments.operation.clone(),
            index: arguments.index.clone(),
            collection: arguments.collection.clone(),
            id: arguments.id.clone(),
            member: arguments.member.clone(),
            chunk: arguments.chunk,
        };
        if arguments.afresh || !path.exists() {
            return Ok(Self {
                load,
                key: random_key()?,
                lines: 0,
                done: false,
                started_over: false,
                path,
            });
        }
        let unreadable = |error: &dyn std::fmt::Display| {
            Failure::failed(format!("{}: {error}", path.display()))
                .hint("--afresh starts over, --state FILE keeps it elsewhere")
        };
        let text = fs::read(&path).map_err(|error| unreadable(&error))?;
        let state: Self = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
        if let (Target::Incarnation(before), Target::Incarnation(now)) =
            (&state.load.target, &load.target)
            && before != now
        {
            return Ok(Self {
                load,
                key: random_key()?,
                lines: 0,
                done: false,
                started_over: true,
                path,
            });
        }
        if state.load != load {
            return Err(unreadable(
                &"it is of another load: the file, the gateway or an argument differs",
            ));
        }
        Ok(Self { path, ..state })
    }

    pub fn advance(&mut self, through: u64) -> Result<(), Failure> {
        self.lines = through;
        self.keep()
    }

    pub fn finish(&mut self) -> Result<(), Failure> {
        self.done = true;
        self.keep()
    }

    fn keep(&self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::failed(format!("{}: {error}", self.path.display()))
                .hint("--state FILE keeps how far it is elsewhere")
        };
        let fresh = self.path.with_extension("json.new");
        let text =
            serde_json::to_vec_pretty(self).map_err(|error| Failure::failed(error.to_string()))?;
        let mut file = File::create(&fresh).map_err(failed)?;
        file.write_all(&text)
            .and_then(|()| file.sync_data())
            .and_then(|()| fs::rename(&fresh, &self.path))
            .map_err(failed)
    }
}

fn state_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".load.json");
    name.into()
}

/// 16 random characters.
fn random_key() -> Result<String, Failure> {
    use std::io::Read;
    let mut random = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
