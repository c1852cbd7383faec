//! `consign security rotate`: another key signs sessions, tokens and cursors, and none of those that
//! were given out before is refused. It changes one file, step by step.

use super::Invocation;
use crate::failure::Failure;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use event_schema::signing::Keyring;
use serde::Serialize;
use standalone::signing_keys::read_private_file;
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

const EXAMPLES: &str = "\
Examples:
  consign security rotate --config gateway.toml                 a new key, which is believed and does not sign yet
  consign security rotate --sign --config gateway.toml          it signs from now on; the others are still believed
  consign security rotate --drop-older --config gateway.toml    only what it signed is believed

After each step, put secret.signing_keys_file on all machines and send their gateways SIGHUP, before the
next. Drop the older keys when no session that they signed is left, an hour usually, or at once if
one became known: users whose sessions it signed log in again.

Request ids, and whatever else must stay the same, follow from secret.file, which is not rotated.";

/// Rotate the key that signs sessions, tokens and cursors
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The key that was added last signs
    #[arg(long, conflicts_with = "drop_older")]
    sign: bool,
    /// The keys that do not sign are dropped
    #[arg(long)]
    drop_older: bool,
}

/// How the file stands now. No key is in it.
#[derive(Debug, Serialize)]
struct SigningRotation {
    file: PathBuf,
    signs: String,
    believed: Vec<String>,
    next: &'static str,
}

/// A line of the file: `secret`, or a number and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyLine(String);

impl KeyLine {
    fn name(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}

pub fn run(arguments: &Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let file = settings.secret.signing_keys_file.ok_or_else(|| {
        let failure = Failure::usage("there is no file of signing keys");
        failure.hint("set secret.signing_keys_file; the first rotation makes the file")
    })?;
    let mut keys = read_keys(&file)?;
    let next = if arguments.sign {
        sign_by_last(&mut keys)?;
        "when all gateways have read it and no session that the older keys signed is left: --drop-older"
    } else if arguments.drop_older {
        drop_older(&mut keys)?;
        "until all gateways have read it, they believe the older keys"
    } else {
        add_key(&mut keys)?;
        "when all gateways have read it: --sign"
    };
    write_keys(&file, &keys)?;
    let names = keys.iter().map(|key| key.name().to_owned());
    let report = SigningRotation {
        file,
        signs: keys.first().map_or("", KeyLine::name).to_owned(),
        believed: names.collect(),
        next,
    };
    invocation.output.result(&report, |report| {
        let SigningRotation {
            file,
            signs,
            believed,
            next,
        } = report;
        let believed = believed.join(", ");
        let file = file.display();
        format!("{file}: `{signs}` signs, believed are {believed}\nput it on all machines and send the gateways SIGHUP; {next}")
    })
}

/// Before the first rotation the secret signs.
fn read_keys(file: &Path) -> Result<Vec<KeyLine>, Failure> {
    if !file.exists() {
        return Ok(vec![KeyLine("secret".to_owned())]);
    }
    let text = read_private_file(file)?;
    let checked = Keyring::new(1, [0_u8; 32]).list_signing_keys(&text);
    checked.map_err(|error| Failure::failed(format!("{}: {error}", file.display())))?;
    let lines = text.lines().map(str::trim);
    let keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(keys.map(|line| KeyLine(line.to_owned())).collect())
}

/// At the end: it is believed and does not sign.
fn add_key(keys: &mut Vec<KeyLine>) -> Result<(), Failure> {
    let is_free = |id: &u8| !keys.iter().any(|key| key.name() == id.to_string());
    let newest = keys
        .iter()
        .filter_map(|key| key.name().parse::<u8>().ok())
        .max();
    let after = newest.unwrap_or(1).saturating_add(1);
    // 1 is the secret's.
    let id = (after..=u8::MAX).chain(2..after).find(is_free);
    let id = id.ok_or_else(|| Failure::failed("all numbers are taken: drop the older keys"))?;
    let key: [u8; 32] = runtime::random();
    keys.push(KeyLine(format!("{id}:{}", STANDARD.encode(key))));
    Ok(())
}

fn sign_by_last(keys: &mut [KeyLine]) -> Result<(), Failure> {
    if keys.len() < 2 {
        let failure = Failure::usage("there is no key that does not sign yet");
        return Err(failure.hint("`consign security rotate` adds one"));
    }
    keys.rotate_right(1);
    Ok(())
}

fn drop_older(keys: &mut Vec<KeyLine>) -> Result<(), Failure> {
    if keys.len() < 2 {
        return Err(Failure::usage("there is one key, and it signs"));
    }
    keys.truncate(1);
    Ok(())
}

/// Whole under another name first: a crash leaves no half of a list behind.
fn write_keys(path: &Path, keys: &[KeyLine]) -> Result<(), Failure> {
    let fresh = path.with_extension("new");
    // What an earlier crash left may be readable by others.
    if fresh.exists() {
        fs::remove_file(&fresh)?;
    }
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&fresh)?;
    writeln!(
        file,
        "# Signing keys: the first signs, all are believed. `consign security rotate` changes this file."
    )?;
    for KeyLine(line) in keys {
        writeln!(file, "{line}")?;
    }
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(keys: &[KeyLine]) -> Vec<&str> {
        keys.iter().map(KeyLine::name).collect()
    }

    #[test]
    fn a_key_is_believed_before_it_signs_and_signs_before_the_others_go() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("signing-keys");
        let mut keys = read_keys(&file).unwrap();
        assert!(sign_by_last(&mut keys).is_err() && drop_older(&mut keys).is_err());
        add_key(&mut keys).unwrap();
        assert_eq!(names(&keys), ["secret", "2"]);
        sign_by_last(&mut keys).unwrap();
        add_key(&mut keys).unwrap();
        assert_eq!(names(&keys), ["2", "secret", "3"]);
        sign_by_last(&mut keys).unwrap();
        assert_eq!(names(&keys), ["3", "2", "secret"]);
        write_keys(&file, &keys).unwrap();
        assert_eq!(read_keys(&file).unwrap(), keys);
        drop_older(&mut keys).unwrap();
        assert_eq!(names(&keys), ["3"]);
    }

    #[test]
    fn numbers_are_used_again_when_all_were() {
        let mut keys = vec![KeyLine("255:x".to_owned()), KeyLine("2:x".to_owned())];
        add_key(&mut keys).unwrap();
        assert_eq!(names(&keys), ["255", "2", "3"]);
    }
}
