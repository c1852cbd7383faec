//! Finds out what a log's folder holds, and makes it whole after a crash. Must never remove a file
//! that may hold an acknowledged record.

use crate::{
    Options, earliest,
    lock::LockError,
    medium::Medium,
    recovery::{self, Damage, RecoveryTrouble},
    segment::{self, About, Segment, SegmentList},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(
        "{0}; nothing was changed. Restore the file from a backup, or move the folder away to start with an empty one"
    )]
    Damaged(Damage),
    #[error("{path} cannot be opened: {source}")]
    Io { path: PathBuf, source: io::Error },
    /// Nothing can be opened in it before it is opened again.
    #[error("the journal is closed or failed")]
    JournalClosed,
}

pub(crate) struct Loaded {
    pub segments: SegmentList,
    pub earliest: u64,
    pub end: recovery::End,
}

/// Of a log in a journal, what that has is in the segments again.
pub(crate) fn load_log(
    medium: &dyn Medium,
    folder: &Path,
    options: &Options,
    journaled: bool,
) -> Result<Loaded, OpenError> {
    let failed = |source| OpenError::Io {
        path: folder.to_owned(),
        source,
    };
    let StandingSegments {
        mut segments,
        mut unfinished,
    } = open_segments(medium, folder, journaled)?;
    let kept = earliest::load_earliest(folder).map_err(failed)?;
    if segments.is_empty() {
        let base = unfinished.or(kept).unwrap_or(0);
        let about = About {
            base,
            created: (options.clock)(),
            compacted_end: None,
        };
        segments.push(Arc::new(
            Segment::create_safe(medium, folder, about).map_err(failed)?,
        ));
        unfinished = None;
    }
    let earliest = kept.unwrap_or(segments[0].base());
    if earliest < segments[0].base() {
        return Err(OpenError::Damaged(segment_damage(
            &segment::segment_path(folder, earliest),
            earliest,
            "the segment is missing",
        )));
    }
    let active = segments[segments.len() - 1].clone();
    let end = match recovery::recover_segment(medium, &active, options.sync) {
        Ok(end) => end,
        Err(RecoveryTrouble::Damage(damage)) => return Err(OpenError::Damaged(damage)),
        Err(RecoveryTrouble::Io(source)) => return Err(failed(source)),
    };
    if end.offset < earliest || unfinished.is_some_and(|base| base != end.offset) {
        return Err(OpenError::Damaged(segment_damage(
            &active.path,
            end.offset,
            "it ends before what is known to have been in it",
        )));
    }
    let gone = segments
        .windows(2)
        .take_while(|pair| pair[1].base() <= earliest)
        .count();
    for segment in segments.drain(..gone) {
        medium.remove(&segment.path).map_err(failed)?;
    }
    Ok(Loaded {
        segments,
        earliest,
        end,
    })
}

/// The segments that stand in a folder.
#[derive(Default)]
struct StandingSegments {
    segments: SegmentList,
    /// The base of a last one that was begun and is gone.
    unfinished: Option<u64>,
}

fn open_segments(
    medium: &dyn Medium,
    folder: &Path,
    journaled: bool,
) -> Result<StandingSegments, OpenError> {
    let failed = |source| OpenError::Io {
        path: folder.to_owned(),
        source,
    };
    let mut standing = StandingSegments::default();
    let (mut replaced, mut removed) = (0, false);
    let files = list_segments(medium, folder).map_err(failed)?;
    for (at, (base, path)) in files.iter().enumerate() {
        // A crash between putting a compacted segment in place and deleting what it stands for
        // leaves both; those may not even be whole.
        if *base < replaced {
            medium.remove(path).map_err(failed)?;
            removed = true;
            continue;
        }
        let damaged = |why| OpenError::Damaged(segment_damage(path, *base, why));
        match Segment::open(path.clone()).map_err(failed)? {
            Some(segment) if segment.base() == *base => {
                replaced = segment.about.compacted_end.unwrap_or(0);
                standing.segments.push(Arc::new(segment));
            }
            Some(_) => return Err(damaged("its name and its header disagree")),
            None if at + 1 == files.len()
                && recovery::never_was(path, *base, journaled).map_err(failed)? =>
            {
                medium.remove(path).map_err(failed)?;
                (standing.unfinished, removed) = (Some(*base), true);
            }
            None => return Err(damaged("its header does not pass its checksum")),
        }
    }
    if removed {
        // Before another of that name is made.
        medium.sync_folder(folder).map_err(failed)?;
    }
    Ok(standing)
}

fn segment_damage(path: &Path, offset: u64, why: &'static str) -> Damage {
    Damage {
        path: path.to_owned(),
        position: 0,
        offset,
        why,
    }
}

/// Segment files by base; leftovers of an unfinished replacement are removed.
pub(crate) fn list_segments(medium: &dyn Medium, folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name.ends_with(".tmp") {
            medium.remove(&path)?;
        } else if let Some(base) = name
            .strip_suffix(".segment")
            .and_then(|base| base.parse().ok())
        {
            files.push((base, path));
        }
    }
    files.sort_unstable();
    Ok(files)
}
