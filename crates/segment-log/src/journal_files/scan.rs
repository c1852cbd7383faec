//! Reads a journal's files after a crash, by the law in the crate's header. Must never leave out an
//! entry that was synced without saying so.

use super::entry::{self, BLOCK, Place, SECTOR, Sector};
use crate::recovery::{Damage, RecoveryTrouble};
use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// What the files hold.
pub(crate) struct JournalContents {
    /// Bodies of the entries that count, in order.
    pub entries: Vec<Vec<u8>>,
    /// No sequence number that stands anywhere is greater.
    pub greatest: u64,
    /// The file that was written before the other.
    pub older: usize,
}

pub(crate) fn scan_journal(
    paths: &[PathBuf; 2],
    files: &[File; 2],
) -> Result<JournalContents, RecoveryTrouble> {
    let mut readers = [
        JournalReader::new(&paths[0], &files[0], 0)?,
        JournalReader::new(&paths[1], &files[1], 1)?,
    ];
    let floor = readers[0].floor()?.max(readers[1].floor()?);
    let older = usize::from(readers[1].begins_with(floor + 1)?);
    let mut found = JournalContents {
        entries: Vec::new(),
        greatest: floor,
        older,
    };
    for at in [older, 1 - older] {
        readers[at].entries(&mut found)?;
    }
    let last = found.greatest;
    for reader in &mut readers {
        reader.check_rest(last, &mut found.greatest)?;
    }
    Ok(found)
}

struct JournalReader<'a> {
    path: &'a Path,
    file: &'a File,
    number: u32,
    length: u64,
    /// Where the next entry would be.
    at: u64,
    start: u64,
    chunk: Vec<u8>,
}

impl<'a> JournalReader<'a> {
    fn new(path: &'a Path, file: &'a File, number: u32) -> io::Result<Self> {
        // What does not fill a sector was never synced.
        let length = file.metadata()?.len() / SECTOR as u64 * SECTOR as u64;
        Ok(Self {
            path,
            file,
            number,
            length,
            at: BLOCK,
            start: 0,
            chunk: Vec::new(),
        })
    }

    fn read_sector(&mut self, position: u64) -> io::Result<Sector<'_>> {
        if position + SECTOR as u64 > self.length {
            return Ok(Sector::Blank);
        }
        if position < self.start || position >= self.start + self.chunk.len() as u64 {
            let length = usize::try_from(self.length - position)
                .unwrap_or(usize::MAX)
                .min(CHUNK);
            self.chunk.resize(length, 0);
            self.start = position;
            self.file.read_exact_at(&mut self.chunk, position)?;
        }
        let from = usize::try_from(position - self.start).unwrap_or(usize::MAX);
        let bytes = self.chunk[from..]
            .first_chunk()
            .ok_or_else(|| io::Error::other("a sector is cut"))?;
        Ok(entry::read_sector(
            bytes,
            Place {
                file: self.number,
                position,
            },
        ))
    }

    fn damage(&self, position: u64, offset: u64, why: &'static str) -> RecoveryTrouble {
        RecoveryTrouble::Damage(Damage {
            path: self.path.to_owned(),
            position,
            offset,
            why,
        })
    }

    fn floor(&mut self) -> Result<u64, RecoveryTrouble> {
        match self.read_sector(0)? {
            Sector::Blank => Ok(0),
            Sector::Whole {
                sequence,
                index: 0,
                body,
            } if entry::is_floor(body) => Ok(sequence),
            _ => Err(self.damage(0, 0, BAD)),
        }
    }

    fn begins_with(&mut self, sequence: u64) -> io::Result<bool> {
        Ok(
            matches!(self.read_sector(BLOCK)?, Sector::Whole { sequence: found, index: 0, .. } if found == sequence),
        )
    }

    /// Moves over the entries that follow the last found.
    fn entries(&mut self, found: &mut JournalContents) -> Result<(), RecoveryTrouble> {
        while let Some(bodies) = self.read_entry(found.greatest + 1)? {
            self.at = (self.at + (bodies.len() / BODY * SECTOR) as u64).next_multiple_of(BLOCK);
            found.entries.push(bodies);
            found.greatest += 1;
        }
        Ok(())
    }

    /// The entry with this number, if it is here and whole.
    fn read_entry(&mut self, wanted: u64) -> Result<Option<Vec<u8>>, RecoveryTrouble> {
        let (mut bodies, mut count) = (Vec::new(), 1);
        let mut at = 0;
        while at < count {
            let position = self.at + u64::from(at) * SECTOR as u64;
            match self.read_sector(position)? {
                Sector::Bad => return Err(self.damage(position, wanted, BAD)),
                Sector::Whole {
                    sequence,
                    index,
                    body,
                } if sequence == wanted && index == at => bodies.extend_from_slice(body),
                // What stood there before: this one was never synced, or there is none.
                Sector::Whole { .. } | Sector::Blank => return Ok(None),
            }
            if at == 0 {
                count = entry::count_sectors(&bodies)
                    .ok_or_else(|| self.damage(position, wanted, "the entry makes no sense"))?;
            }
            at += 1;
        }
        Ok(Some(bodies))
    }

    /// Behind the last entry there may be one that was being written; a later one would prove that
    /// this had been synced.
    fn check_rest(&mut self, last: u64, greatest: &mut u64) -> Result<(), RecoveryTrouble> {
        let mut position = self.at;
        while position < self.length {
            if let Sector::Whole { sequence, .. } = self.read_sector(position)? {
                if sequence > last + 1 {
                    return Err(self.damage(self.at, last + 1, "an entry is missing"));
                }
                *greatest = (*greatest).max(sequence);
            }
            position += SECTOR as u64;
        }
        Ok(())
    }
}

const BODY: usize = SECTOR - 16;
const BAD: &str = "a sector of the journal does not pass its checksum";
