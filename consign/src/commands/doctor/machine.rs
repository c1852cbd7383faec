//! This machine and this process: room on the disk, open files, the secret's file.

use super::Finding;
use crate::settings::{LogKind, Settings};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Below this a load of any size ends in a full disk.
const LEAST_ROOM: u64 = 1 << 30;
/// Connections, segments and SQLite files together.
const LEAST_FILES: u64 = 8_192;
/// A time before the first release: the clock was never set.
const LEAST_TIME: i64 = 1_767_225_600_000;

pub fn check_machine(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![check_clock(), check_open_files()];
    if settings.log.kind == LogKind::Embedded {
        findings.push(check_disk_space(&settings.data));
    }
    findings.push(check_secret(settings));
    findings
}

fn check_clock() -> Finding {
    let now = runtime::Clock::now(&runtime::SystemClock);
    let shown = event_schema::codec::rfc3339(now);
    if now > LEAST_TIME {
        Finding::well("clock", shown)
    } else {
        Finding::weak(
            "clock",
            format!("{shown}: tokens and keys expire by it"),
            "timedatectl set-ntp true",
        )
    }
}

/// The limit of this shell; a service takes over the one it is started under.
fn check_open_files() -> Finding {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let limit = line
        .and_then(|line| line.split_whitespace().nth(3))
        .unwrap_or_default();
    match limit.parse::<u64>() {
        Ok(files) if files < LEAST_FILES => Finding::weak(
            "open files",
            format!("{files}, each connection takes one"),
            "ulimit -n 65536",
        ),
        Ok(files) => Finding::well("open files", files.to_string()),
        Err(_) => Finding::well(
            "open files",
            if limit.is_empty() { "not known" } else { limit },
        ),
    }
}

/// As `df` sees it: the standard library has no word for it.
fn check_disk_space(data: &Path) -> Finding {
    let stands: PathBuf = data
        .ancestors()
        .find(|folder| folder.exists() && !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
        .to_owned();
    let asked = Command::new("df").arg("-Pk").arg(&stands).output();
    let text = asked
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let kib = text
        .lines()
        .nth(1)
        .and_then(|line| line.split_whitespace().nth(3))
        .and_then(|field| field.parse::<u64>().ok());
    let shown = |bytes: u64| {
        format!(
            "{:.1} GiB free at {}",
            bytes as f64 / (1 << 30) as f64,
            stands.display()
        )
    };
    match kib.map(|kib| kib * 1024) {
        None => Finding::well("disk", "not known"),
        Some(bytes) if bytes < LEAST_ROOM => Finding::weak(
            "disk",
            shown(bytes),
            "make room, or choose another folder: --set data=FOLDER",
        ),
        Some(bytes) => Finding::well("disk", shown(bytes)),
    }
}

fn check_secret(settings: &Settings) -> Finding {
    let own = standalone::folder::secret_of(&settings.data);
    let file = match (
        &settings.secret.value,
        &settings.secret.file,
        settings.log.kind,
    ) {
        (Some(_), ..) => None,
        (None, Some(file), _) => Some(file),
        (None, None, LogKind::Embedded) if own.exists() => Some(&own),
        (None, None, LogKind::Embedded) => {
            return Finding::well("secret", "will be made with the data folder");
        }
        (None, None, LogKind::Kafka) => {
            let mend = "CONSIGN_SECRET_VALUE=$(head -c 32 /dev/urandom | base64), or secret.file; the same for all gateways";
            return Finding::missing("secret", "none is set", mend);
        }
    };
    let sound = match file {
        Some(path) => standalone::secret::load_secret(path)
            .map(drop)
            .map_err(|error| error.to_string()),
        None => settings
            .secret
            .keyring()
            .map(drop)
            .map_err(|failure| failure.message),
    };
    match (sound, file) {
        (Err(why), _) => Finding::missing(
            "secret",
            why,
            "head -c 32 /dev/urandom | base64 > FILE; chmod 600 FILE",
        ),
        (Ok(()), Some(path)) if runtime::secret_file::is_open_to_others(path).unwrap_or(false) => {
            let found = format!("others on this machine can read {}", path.display());
            Finding::weak("secret", found, format!("chmod 600 {}", path.display()))
        }
        (Ok(()), _) => Finding::well("secret", "set"),
    }
}
