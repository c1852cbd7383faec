//! A power cut after every single call, with any part of what was not synced.

use super::{
    disk::{CrashDice, Op, Recorder},
    folder, journal, queue, records, small, wait,
};
use crate::{AppendError, Kept, SegmentLog};
use proptest::prelude::*;
use std::{path::Path, sync::Arc};

const LOGS: [&str; 3] = ["topics/a/0", "topics/a/1", "b"];

#[derive(Clone, Debug)]
enum Note {
    Asked(usize, Vec<u8>),
    Safe(usize),
    Refused(usize, Vec<u8>),
    /// Somebody read so many records.
    Read(usize, u64),
    Deleting(usize, u64),
    Deleted(usize, u64),
}

#[derive(Clone, Debug)]
enum Act {
    /// So many records of such a length for each of these logs, at once.
    Append(Vec<(usize, usize, usize)>),
    /// The same, and the disk is full for what contains this, after so many bytes.
    Full(&'static str, usize, Vec<(usize, usize, usize)>),
    Delete(usize, u64),
    Compact(usize),
    /// Everything is closed and opened.
    Restart,
    /// One log is.
    Reopen(usize),
}

/// What must hold of one log after a power cut.
#[derive(Clone, Debug, Default)]
struct Model {
    /// Asked for and not refused.
    asked: Vec<Vec<u8>>,
    safe: usize,
    deleted: (u64, u64),
}

fn models(ops: &[Op<Note>], mut models: Vec<Model>) -> Vec<Model> {
    for op in ops {
        let Op::Note(note) = op else { continue };
        match note.clone() {
            Note::Asked(log, record) => models[log].asked.push(record),
            Note::Safe(log) => models[log].safe += 1,
            Note::Refused(log, record) => {
                let model = &mut models[log];
                let at = model
                    .asked
                    .iter()
                    .position(|asked| *asked == record)
                    .unwrap();
                model.asked.remove(at);
            }
            Note::Read(log, count) => {
                models[log].safe = models[log].safe.max(usize::try_from(count).unwrap())
            }
            Note::Deleting(log, offset) => models[log].deleted.1 = offset,
            Note::Deleted(log, offset) => models[log].deleted.0 = offset,
        }
    }
    models
}

/// A process with the logs open.
struct Running {
    disk: Arc<Recorder<Note>>,
    journal: super::Journal,
    logs: Vec<SegmentLog>,
    count: u64,
}

impl Running {
    fn start(disk: Arc<Recorder<Note>>, root: &Path) -> Self {
        let journal = journal(disk.clone(), root);
        let logs = LOGS
            .iter()
            .map(|name| {
                journal
                    .open_log(name, small())
                    .unwrap_or_else(|e| {
                        if let crate::OpenError::Damaged(d) = &e {
                            let b = std::fs::read(&d.path).unwrap();
                            let fr: Vec<_> = (0..b.len())
                                .filter(|i| b[*i..].starts_with(b"CRF1"))
                                .collect();
                            eprintln!(
                                "DBG len {} {:02x?} frames {:?}",
                                b.len(),
                                &b[..b.len().min(80)],
                                fr
                            );
                        }
                        panic!("{e}")
                    })
                    .0
            })
            .collect();
        Self {
            disk,
            journal,
            logs,
            count: 0,
        }
    }

    fn append(&mut self, what: &[(usize, usize, usize)]) {
        let mut waiting = Vec::new();
        for (log, count, length) in what {
            for _ in 0..*count {
                // No two are the same, not even of two processes.
                let mut record =
                    format!("{:p} {} ", Arc::as_ptr(&self.disk), self.count).into_bytes();
                record.resize(record.len().max(*length), b'.');
                self.count += 1;
                self.disk.note(Note::Asked(*log, record.clone()));
                waiting.push((*log, record.clone(), self.queue(*log, record)));
            }
        }
        for (_, _, receiver) in &waiting {
            let _ = wait(receiver);
        }
    }

    fn queue(
        &self,
        log: usize,
        record: Vec<u8>,
    ) -> std::sync::mpsc::Receiver<Result<crate::Appended, AppendError>> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let (disk, told) = (self.disk.clone(), record.clone());
        let done = Box::new(move |result: Result<_, AppendError>| {
            disk.note(match &result {
                Ok(_) => Note::Safe(log),
                Err(AppendError::Rejected(_)) => Note::Refused(log, told),
                Err(error) => panic!("{error}"),
            });
            sender.send(result).unwrap();
        });
        self.logs[log]
            .append(
                record.len(),
                |buffer| buffer.extend_from_slice(&record),
                done,
            )
            .unwrap();
        receiver
    }

    fn act(&mut self, act: &Act, root: &Path) {
        match act {
            Act::Append(what) => self.append(what),
            Act::Full(part, bytes, what) => {
                self.disk
                    .faults(|faults| faults.write = Some((part, *bytes)));
                self.append(what);
                self.disk.faults(|faults| faults.write = None);
            }
            Act::Delete(log, back) => {
                let offset = self.logs[*log].bounds().end.saturating_sub(*back);
                if offset > self.logs[*log].bounds().earliest {
                    self.disk.note(Note::Deleting(*log, offset));
                    self.logs[*log].delete_before(offset).unwrap();
                    self.disk.note(Note::Deleted(*log, offset));
                }
            }
            Act::Compact(log) => drop(self.logs[*log].compact(|_| Kept::Always).unwrap()),
            Act::Restart => {
                self.journal.close().unwrap();
                let (disk, count) = (self.disk.clone(), self.count);
                self.logs.clear();
                *self = Self {
                    count,
                    ..Self::start(disk, root)
                };
            }
            Act::Reopen(log) => {
                self.logs[*log].close().unwrap();
                self.logs[*log] = self.journal.open_log(LOGS[*log], small()).unwrap().0;
            }
        }
    }
}

/// Everything that was to be checked, after a power cut; answers what is there now.
fn check(running: &Running, models: &[Model], what: &str) -> Vec<Model> {
    let mut now = Vec::new();
    for ((log, model), name) in running.logs.iter().zip(models).zip(LOGS) {
        let bounds = log.bounds();
        let found = records(log);
        let end = usize::try_from(bounds.end).unwrap();
        assert!(
            end >= model.safe,
            "{what}: {name} has {end} records and lost acknowledged ones: {}",
            model.safe
        );
        assert!(
            end <= model.asked.len(),
            "{what}: {name} has more than was asked for"
        );
        let (least, most) = model.deleted;
        assert!(
            (least..=most.max(least)).contains(&bounds.earliest),
            "{what}: {name} begins at {}",
            bounds.earliest
        );
        let expected: Vec<_> = (0..)
            .zip(model.asked[..end].iter().cloned())
            .skip(usize::try_from(bounds.earliest).unwrap())
            .collect();
        assert_eq!(found, expected, "{what}: {name}");
        now.push(Model {
            asked: model.asked[..end].to_vec(),
            safe: end,
            deleted: (bounds.earliest, bounds.earliest),
        });
    }
    now
}

/// Cuts the power after `upto` calls, opens, cuts it again somewhere, and opens again.
fn cut(disk: &Recorder<Note>, ops: &[Op<Note>], seed: u64) {
    let mut dice = CrashDice::new(seed);
    let first = folder();
    disk.crash(ops, &mut dice, first.path());
    let before = models(ops, vec![Model::default(); LOGS.len()]);
    let again = Recorder::new(first.path());
    let mut running = Running::start(again.clone(), first.path());
    let now = check(&running, &before, &format!("seed {seed}"));
    for (log, model) in now.iter().enumerate() {
        again.note(Note::Read(log, model.safe as u64));
    }
    running.append(&[(0, 2, 30), (1, 1, 600), (2, 1, 10)]);
    drop(running.logs);
    drop(running.journal);
    let ops = again.ops();
    let upto = usize::try_from(dice.below(ops.len() as u64 + 1)).unwrap();
    let second = folder();
    again.crash(&ops[..upto], &mut dice, second.path());
    // Before anybody read it, what was not acknowledged may still vanish.
    let unread: Vec<_> = now
        .iter()
        .zip(&before)
        .map(|(now, before)| Model {
            safe: before.safe,
            ..now.clone()
        })
        .collect();
    let running = Running::start(Recorder::new(second.path()), second.path());
    check(
        &running,
        &models(&ops[..upto], unread),
        &format!("seed {seed}, second cut"),
    );
}

fn run(acts: &[Act], each: impl Fn(&Recorder<Note>, &[Op<Note>])) {
    let folder = folder();
    let disk = Recorder::new(folder.path());
    let mut running = Running::start(disk.clone(), folder.path());
    acts.iter().for_each(|act| running.act(act, folder.path()));
    each(&disk, &disk.ops());
    drop(running);
    each(&disk, &disk.ops());
}

#[test]
fn at_every_call() {
    let all =
        |count, length| Act::Append((0..LOGS.len()).map(|log| (log, count, length)).collect());
    let mut acts = vec![
        all(1, 20),
        Act::Append(vec![(0, 3, 300)]),
        all(2, 700),
        Act::Full("segment", 60, vec![(1, 2, 100), (2, 1, 50)]),
    ];
    acts.extend([
        all(1, 40),
        Act::Full("journal", 700, vec![(0, 1, 900), (1, 1, 10)]),
        all(1, 10),
        Act::Delete(0, 3),
        Act::Compact(1),
    ]);
    // More than an entry may hold, alone and beside others; then enough to fill both files.
    acts.extend([
        Act::Append(vec![(2, 1, 9000), (0, 1, 10)]),
        Act::Restart,
        all(1, 1500),
        all(1, 1500),
        all(1, 1500),
        Act::Reopen(1),
    ]);
    acts.extend([
        all(1, 2000),
        all(1, 2000),
        all(1, 2000),
        all(1, 2000),
        Act::Compact(0),
        all(1, 2000),
        all(1, 2000),
    ]);
    run(&acts, |disk, ops| {
        for upto in 0..=ops.len() {
            for seed in 0..4 {
                cut(disk, &ops[..upto], upto as u64 * 4 + seed);
            }
        }
    });
}

fn act() -> impl Strategy<Value = Act> {
    let what = || {
        proptest::collection::vec(
            (
                0..LOGS.len(),
                1..4_usize,
                prop_oneof![0..100_usize, 0..3000_usize],
            ),
            1..5,
        )
    };
    let part = prop_oneof![Just("segment"), Just("journal"), Just("topics/a/1")];
    prop_oneof![
        8 => what().prop_map(Act::Append),
        2 => (part, 0..3000_usize, what()).prop_map(|(part, bytes, what)| Act::Full(part, bytes, what)),
        1 => (0..LOGS.len(), 0..10_u64).prop_map(|(log, back)| Act::Delete(log, back)),
        1 => (0..LOGS.len()).prop_map(Act::Compact),
        1 => Just(Act::Restart),
        1 => (0..LOGS.len()).prop_map(Act::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn anywhere(acts in proptest::collection::vec(act(), 1..25), seed in any::<u32>()) {
        run(&acts, |disk, ops| {
            let mut dice = CrashDice::new(u64::from(seed));
            for round in 0..12 {
                let upto = usize::try_from(dice.below(ops.len() as u64 + 1)).unwrap();
                cut(disk, &ops[..upto], u64::from(seed) + round);
            }
        });
    }
}

#[test]
fn a_log_that_was_moved_away_starts_anew() {
    let folder = folder();
    let disk = Recorder::<Note>::new(folder.path());
    let mut running = Running::start(disk.clone(), folder.path());
    running.append(&[(0, 2, 10), (2, 2, 10)]);
    let left = super::folder();
    disk.crash(&disk.ops(), &mut CrashDice::new(3), left.path());
    std::fs::remove_dir_all(left.path().join("b")).unwrap();
    let running = Running::start(Recorder::new(left.path()), left.path());
    assert_eq!(
        [running.logs[0].bounds().end, running.logs[2].bounds().end],
        [2, 0]
    );
    assert_eq!(
        queue(&running.logs[2], b"anew")
            .recv()
            .unwrap()
            .unwrap()
            .offset,
        0
    );
}

#[test]
fn a_closed_log_is_whole_without_the_journal() {
    let folder = folder();
    let disk = Recorder::<Note>::new(folder.path());
    let mut running = Running::start(disk.clone(), folder.path());
    running.append(&[(2, 5, 400), (1, 2, 10)]);
    running.append(&[(2, 5, 400)]);
    running.logs[2].close().unwrap();
    let left = super::folder();
    disk.crash(&disk.ops(), &mut CrashDice::nothing(), left.path());
    std::fs::remove_dir_all(left.path().join("journal")).unwrap();
    let alone = |name: &str| {
        SegmentLog::open(&left.path().join(name), small())
            .unwrap()
            .0
    };
    assert_eq!(records(&alone("b")).len(), 10);
    assert_eq!(
        records(&alone("topics/a/1")).len(),
        0,
        "what was not closed is in the journal only"
    );
}
