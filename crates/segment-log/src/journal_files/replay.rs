//! Puts what a journal holds back into the segments, before any log is opened. Must never change
//! anything before it is known that all of it fits to what is there.

use super::entry::{self, Section};
use crate::{
    earliest,
    load::{OpenError, list_segments},
    lock::FolderLock,
    medium::Medium,
    recovery::Damage,
    segment::{self, Segment},
};
use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io,
    path::{Component, Path, PathBuf},
};

/// Writes to one segment, in the order of the entries.
type Writes<'a> = Vec<(u64, &'a [u8])>;
type ReplayedSegments<'a> = BTreeMap<u64, Writes<'a>>;

/// One log's part.
struct Plan<'a> {
    folder: PathBuf,
    segments: ReplayedSegments<'a>,
    _lock: FolderLock,
}

/// Answers the number of logs that something was written to.
pub(crate) fn replay_entries(
    medium: &dyn Medium,
    root: &Path,
    entries: &[Vec<u8>],
) -> Result<usize, OpenError> {
    let mut plans = Vec::new();
    for (log, segments) in by_log(root, entries)? {
        let folder = root.join(log);
        if folder.is_dir() {
            plans.push(plan_log(medium, folder, segments)?);
        } else {
            tracing::warn!(folder = %folder.display(), "the journal has records of a deleted log");
        }
    }
    for plan in &plans {
        plan.carry_out(medium).map_err(|source| OpenError::Io {
            path: plan.folder.clone(),
            source,
        })?;
    }
    Ok(plans.len())
}

fn by_log<'a>(
    root: &Path,
    entries: &'a [Vec<u8>],
) -> Result<BTreeMap<&'a str, ReplayedSegments<'a>>, OpenError> {
    let mut logs: BTreeMap<&str, ReplayedSegments<'_>> = BTreeMap::new();
    for bodies in entries {
        let sections = entry::entry_sections(bodies)
            .filter(|sections| sections.iter().all(|section| is_inside(section.log)));
        let sections = sections.ok_or_else(|| {
            journal_damage(root.to_owned(), 0, "an entry of the journal makes no sense")
        })?;
        for Section {
            log,
            base,
            position,
            bytes,
        } in sections
        {
            logs.entry(log)
                .or_default()
                .entry(base)
                .or_default()
                .push((position, bytes));
        }
    }
    Ok(logs)
}

pub(crate) fn is_inside(log: &str) -> bool {
    !log.is_empty()
        && Path::new(log)
            .components()
            .all(|component| matches!(component, Component::Normal(_)))
}

fn plan_log<'a>(
    medium: &dyn Medium,
    folder: PathBuf,
    mut segments: ReplayedSegments<'a>,
) -> Result<Plan<'a>, OpenError> {
    let lock = FolderLock::acquire(&folder)?;
    let gone = SegmentGone::look(medium, &folder, &segments).map_err(|source| OpenError::Io {
        path: folder.clone(),
        source,
    })?;
    segments.retain(|base, _| !gone.is(*base));
    for (base, writes) in &segments {
        let path = segment::segment_path(&folder, *base);
        let mut length = fs::metadata(&path).ok().map(|file| file.len());
        for (position, bytes) in writes {
            // A segment's first bytes create it; all others follow bytes that are there.
            if *position > length.unwrap_or(0) {
                return Err(journal_damage(
                    path,
                    *position,
                    "what the journal has of it does not follow what is there",
                ));
            }
            length = length.max(Some(position + bytes.len() as u64));
        }
    }
    Ok(Plan {
        folder,
        segments,
        _lock: lock,
    })
}

impl Plan<'_> {
    fn carry_out(&self, medium: &dyn Medium) -> io::Result<()> {
        for (base, writes) in &self.segments {
            let path = segment::segment_path(&self.folder, *base);
            let file = if path.exists() {
                OpenOptions::new().read(true).write(true).open(&path)?
            } else {
                medium.create(&path)?
            };
            for (position, bytes) in writes {
                medium.write(&file, *position, bytes)?;
            }
            medium.sync(&file)?;
        }
        medium.sync_folder(&self.folder)
    }
}

/// Segments that the log does not need any more, whatever the journal has of them.
struct SegmentGone {
    /// A segment with a smaller base holds nothing that is kept: there is a later one that begins
    /// at or before the first offset kept.
    kept_from: u64,
    present: Vec<u64>,
    /// Base and end of what was compacted: that was safe before it was put in place.
    compacted: Vec<(u64, u64)>,
}

impl SegmentGone {
    fn look(
        medium: &dyn Medium,
        folder: &Path,
        journaled: &ReplayedSegments<'_>,
    ) -> io::Result<Self> {
        let (mut present, mut compacted) = (Vec::new(), Vec::new());
        for (base, path) in list_segments(medium, folder)? {
            present.push(base);
            let end = Segment::open(path)?.and_then(|segment| segment.about.compacted_end);
            compacted.extend(end.map(|end| (base, end)));
        }
        let earliest = earliest::load_earliest(folder)?.unwrap_or(0);
        let kept_from = present
            .iter()
            .chain(journaled.keys())
            .filter(|base| **base <= earliest)
            .max()
            .copied()
            .unwrap_or(0);
        Ok(Self {
            kept_from,
            present,
            compacted,
        })
    }

    fn is(&self, base: u64) -> bool {
        let compacted = self
            .compacted
            .iter()
            .any(|(first, end)| (*first..*end).contains(&base));
        compacted || (base < self.kept_from && !self.present.contains(&base))
    }
}

fn journal_damage(path: PathBuf, position: u64, why: &'static str) -> OpenError {
    OpenError::Damaged(Damage {
        path,
        position,
        offset: 0,
        why,
    })
}
