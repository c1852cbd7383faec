//! Ends a process and all that it started: a test that hangs may have left others behind. Looks at
//! Linux's `/proc`; elsewhere only the process itself is ended.

use std::{
    fs,
    process::{Child, Command},
};

use anyhow::Result;

/// SIGKILL to all of them, children first stopped from making more.
pub(super) fn kill_all(child: &mut Child) -> Result<()> {
    let descendants = of(child.id());
    child.kill()?;
    if !descendants.is_empty() {
        let ids = descendants.iter().map(u32::to_string);
        // One that ended by itself meanwhile is what was wanted.
        drop(Command::new("kill").arg("-9").args(ids).output());
    }
    Ok(())
}

fn of(root: u32) -> Vec<u32> {
    let pairs = processes();
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(parent) = open.pop() {
        for (id, _) in pairs.iter().filter(|(_, above)| *above == parent) {
            found.push(*id);
            open.push(*id);
        }
    }
    found
}

/// Each process with its parent.
fn processes() -> Vec<(u32, u32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = entries.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    stats.filter_map(|stat| pair(&stat)).collect()
}

/// `id (name) state parent …`; the name may hold anything.
fn pair(stat: &str) -> Option<(u32, u32)> {
    let (id, _) = stat.split_once(' ')?;
    let (_, rest) = stat.rsplit_once(") ")?;
    Some((id.parse().ok()?, rest.split(' ').nth(1)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{of, pair};

    #[test]
    fn a_childs_child_is_found() {
        assert_eq!(pair("7 (a) b) c) S 3 7 7 0"), Some((7, 3)));
        let mut shell = std::process::Command::new("sh")
            .args(["-c", "sleep 60 & wait"])
            .spawn()
            .expect("a shell");
        let began = std::time::Instant::now();
        while of(shell.id()).is_empty() && began.elapsed().as_secs() < 10 {
            std::thread::yield_now();
        }
        assert_eq!(of(shell.id()).len(), 1);
        super::kill_all(&mut shell).expect("killed");
        shell.wait().expect("gone");
    }
}
