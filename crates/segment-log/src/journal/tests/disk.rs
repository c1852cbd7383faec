//! A disk that writes down what is asked of it, and can be cut off from power anywhere: whatever
//! was not synced is then there, or not, sector by sector and name by name, in any order.

use crate::medium::{Disk, Medium};
use parking_lot::{Condvar, Mutex};
use seeded_dice::SeededDice;
use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

const SECTOR: usize = 512;

/// What happened, in order; notes are the test's own.
#[derive(Clone, Debug)]
pub enum Op<N> {
    Name {
        path: PathBuf,
        file: Option<usize>,
    },
    Write {
        file: usize,
        position: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        file: usize,
        length: usize,
    },
    Sync {
        file: usize,
    },
    /// A sync failed: what was not synced is lost, and the system will not say so again.
    Lose {
        file: usize,
    },
    SyncFolder(PathBuf),
    Note(N),
}

/// What the next calls do instead of working.
#[derive(Default)]
pub struct Faults {
    /// Writes fail for files whose path contains this; so many bytes are written.
    pub write: Option<(&'static str, usize)>,
    /// As for writes; all of them, until it is taken back.
    pub sync: Option<&'static str>,
    /// Only the next.
    pub sync_once: Option<&'static str>,
    /// Syncs of such files do not return.
    pub hang: Option<&'static str>,
    pub syncs: usize,
    pub journal_syncs: usize,
}

pub struct Recorder<N> {
    root: PathBuf,
    /// Names and contents before the first operation.
    before: (BTreeMap<PathBuf, usize>, Vec<Vec<u8>>),
    state: Mutex<State<N>>,
    released: Condvar,
}

struct State<N> {
    ops: Vec<Op<N>>,
    /// Files by inode.
    files: HashMap<u64, (usize, PathBuf)>,
    count: usize,
    faults: Faults,
}

impl<N: Clone + Send> Recorder<N> {
    pub fn new(root: &Path) -> Arc<Self> {
        let (mut names, mut contents, mut files) = (BTreeMap::new(), Vec::new(), HashMap::new());
        for path in walk(root) {
            names.insert(path.clone(), contents.len());
            files.insert(
                fs::metadata(&path).unwrap().ino(),
                (contents.len(), path.clone()),
            );
            contents.push(fs::read(path).unwrap());
        }
        let state = State {
            ops: Vec::new(),
            files,
            count: contents.len(),
            faults: Faults::default(),
        };
        Arc::new(Self {
            root: root.to_owned(),
            before: (names, contents),
            state: Mutex::new(state),
            released: Condvar::new(),
        })
    }

    pub fn note(&self, note: N) {
        self.state.lock().ops.push(Op::Note(note));
    }

    pub fn faults(&self, set: impl FnOnce(&mut Faults)) {
        set(&mut self.state.lock().faults);
        self.released.notify_all();
    }

    pub fn counted(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.faults.syncs, state.faults.journal_syncs)
    }

    pub fn ops(&self) -> Vec<Op<N>> {
        self.state.lock().ops.clone()
    }

    fn known(&self, file: &File) -> (usize, PathBuf) {
        self.state.lock().files[&file.metadata().unwrap().ino()].clone()
    }

    /// The folder as a power cut after `ops` may leave it.
    pub fn crash(&self, ops: &[Op<N>], dice: &mut CrashDice, into: &Path) {
        let mut names: Vec<(PathBuf, Option<usize>)> = Vec::new();
        let (mut safe_names, contents) = (self.before.0.clone(), &self.before.1);
        let mut files: Vec<Content> = contents
            .iter()
            .map(|bytes| Content::new(bytes.clone()))
            .collect();
        for op in ops {
            match op {
                Op::Name { path, file } => {
                    files.resize_with(files.len().max(file.map_or(0, |file| file + 1)), || {
                        Content::new(Vec::new())
                    });
                    names.push((path.clone(), *file));
                }
                Op::Write {
                    file,
                    position,
                    bytes,
                } => files[*file].change(|content| {
                    content.resize(content.len().max(position + bytes.len()), 0);
                    content[*position..position + bytes.len()].copy_from_slice(bytes);
                }),
                Op::Truncate { file, length } => {
                    files[*file].change(|content| content.resize(*length, 0))
                }
                Op::Sync { file } => {
                    files[*file].versions = vec![files[*file].versions.pop().unwrap()]
                }
                Op::Lose { file } => files[*file].versions.truncate(1),
                Op::SyncFolder(folder) => {
                    let (now, later): (Vec<_>, Vec<_>) = names
                        .into_iter()
                        .partition(|(path, _)| path.parent() == Some(folder));
                    now.into_iter()
                        .for_each(|(path, file)| name(&mut safe_names, path, file));
                    names = later;
                }
                Op::Note(_) => {}
            }
        }
        names
            .into_iter()
            .filter(|_| dice.keeps())
            .for_each(|(path, file)| name(&mut safe_names, path, file));
        for (path, file) in safe_names {
            let path = into.join(path.strip_prefix(&self.root).unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, files[file].after_crash(dice)).unwrap();
        }
        // Folders of logs are made permanent by whoever makes a log.
        for folder in folders(&self.root) {
            fs::create_dir_all(into.join(folder.strip_prefix(&self.root).unwrap())).unwrap();
        }
    }
}

fn name(names: &mut BTreeMap<PathBuf, usize>, path: PathBuf, file: Option<usize>) {
    match file {
        Some(file) => names.insert(path, file),
        None => names.remove(&path),
    };
}

/// A file since its last sync: how it was after each change.
struct Content {
    versions: Vec<Vec<u8>>,
}

impl Content {
    fn new(bytes: Vec<u8>) -> Self {
        Self {
            versions: vec![bytes],
        }
    }

    fn change(&mut self, act: impl FnOnce(&mut Vec<u8>)) {
        let mut next = self.versions[self.versions.len() - 1].clone();
        act(&mut next);
        self.versions.push(next);
    }

    fn after_crash(&self, dice: &mut CrashDice) -> Vec<u8> {
        let mut bytes = vec![0; self.versions[dice.version(self.versions.len())].len()];
        for (at, sector) in bytes.chunks_mut(SECTOR).enumerate() {
            let version = &self.versions[dice.version(self.versions.len())];
            let there = version.get(at * SECTOR..).unwrap_or_default();
            let length = there.len().min(sector.len());
            sector[..length].copy_from_slice(&there[..length]);
        }
        bytes
    }
}

/// Chance, the same for the same seed. Some seeds keep nothing that was not synced, some
/// everything.
pub struct CrashDice {
    chance: SeededDice,
    mood: u64,
}

impl CrashDice {
    pub fn new(seed: u64) -> Self {
        let mut chance = SeededDice::new(seed);
        let mood = chance.roll(5);
        Self { chance, mood }
    }

    /// Nothing is kept that was not synced.
    pub fn nothing() -> Self {
        Self {
            chance: SeededDice::new(1),
            mood: 0,
        }
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.chance.roll(limit)
    }

    fn keeps(&mut self) -> bool {
        match self.mood {
            0 => false,
            1 => true,
            _ => self.below(2) == 0,
        }
    }

    fn version(&mut self, count: usize) -> usize {
        match self.mood {
            0 => 0,
            1 => count - 1,
            // The newest or none at all, mostly: a sector is seldom written in between.
            2 | 3 => [0, count - 1][usize::from(self.below(2) == 0)],
            _ => usize::try_from(self.below(count as u64)).unwrap(),
        }
    }
}

impl<N: Clone + Send> Medium for Recorder<N> {
    fn create(&self, path: &Path) -> io::Result<File> {
        let old = path.exists();
        let file = Disk.create(path)?;
        let mut state = self.state.lock();
        let inode = file.metadata()?.ino();
        if old {
            let file = state.files[&inode].0;
            state.ops.push(Op::Truncate { file, length: 0 });
        } else {
            let number = state.count;
            state.count += 1;
            state.files.insert(inode, (number, path.to_owned()));
            state.ops.push(Op::Name {
                path: path.to_owned(),
                file: Some(number),
            });
        }
        Ok(file)
    }

    fn write(&self, file: &File, position: u64, bytes: &[u8]) -> io::Result<()> {
        let (number, path) = self.known(file);
        let path = path.to_str().unwrap();
        let mut state = self.state.lock();
        let fault = state.faults.write.take_if(|(part, _)| path.contains(*part));
        // The journal's law is that of the disk: a sector is written or not.
        let whole = if path.ends_with(".journal") {
            SECTOR
        } else {
            1
        };
        let length = fault.map_or(bytes.len(), |(_, length)| {
            length.min(bytes.len()) / whole * whole
        });
        let position_there = usize::try_from(position).unwrap();
        state.ops.push(Op::Write {
            file: number,
            position: position_there,
            bytes: bytes[..length].to_vec(),
        });
        drop(state);
        Disk.write(file, position, &bytes[..length])?;
        if fault.is_some() {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let (number, path) = self.known(file);
        let path = path.to_str().unwrap();
        let mut state = self.state.lock();
        state.faults.syncs += 1;
        state.faults.journal_syncs += usize::from(path.ends_with(".journal"));
        let once = state
            .faults
            .sync_once
            .take_if(|part| path.contains(*part))
            .is_some();
        if once || state.faults.sync.is_some_and(|part| path.contains(part)) {
            state.ops.push(Op::Lose { file: number });
            return Err(io::Error::other("the disk is broken"));
        }
        while state.faults.hang.is_some_and(|part| path.contains(part)) {
            self.released.wait(&mut state);
        }
        state.ops.push(Op::Sync { file: number });
        Ok(())
    }

    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        let number = self.known(file).0;
        self.state.lock().ops.push(Op::Truncate {
            file: number,
            length: usize::try_from(length).unwrap(),
        });
        Disk.truncate(file, length)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)?;
        let inode = fs::metadata(to)?.ino();
        let mut state = self.state.lock();
        let file = state.files[&inode].0;
        state.files.insert(inode, (file, to.to_owned()));
        state.ops.push(Op::Name {
            path: to.to_owned(),
            file: Some(file),
        });
        state.ops.push(Op::Name {
            path: from.to_owned(),
            file: None,
        });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.ops.push(Op::Name {
            path: path.to_owned(),
            file: None,
        });
        Disk.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.state
            .lock()
            .ops
            .push(Op::SyncFolder(folder.to_owned()));
        Ok(())
    }
}

/// Files, except those that are only locked.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path))
        } else if !path.ends_with("lock") {
            files.push(path)
        }
    }
    files
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let inner = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir());
    inner
        .flat_map(|path| [vec![path.clone()], folders(&path)].concat())
        .collect()
}
