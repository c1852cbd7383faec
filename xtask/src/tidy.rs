//! `xtask tidy`: what rots silently. Fails on a forbidden dependency, a vague name or a missing
//! header; prints the longest files.

mod arrows;
mod files;

use anyhow::Result;

pub(crate) fn run() -> Result<bool> {
    let root = testbed::root();
    let mut faults = arrows::check(&arrows::packages()?);
    let files = files::sources(&root)?;
    faults.extend(files::check(&files));
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    files::report(&files);
    Ok(faults.is_empty())
}
