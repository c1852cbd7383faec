//! The thread that writes: it takes the jobs that wait, does them in one transaction and answers
//! after the commit. A job says what it may rely on then ([`Kept`]); the whole transaction is kept
//! as its most careful job asks. It must never answer before that, never leave a job unanswered,
//! and never let a later transaction outlive an earlier one.
//!
//! See ADR 10.

use crate::{
    NAME,
    checkpoint::Checkpoints,
    classify::Failure,
    newest::Newest,
    places::Places,
    search::field_index::{FieldIndexes, IndexedChange},
};
use rusqlite::{CachedStatement, Connection};
use std::{sync::Arc, thread};
use store::StoreError;
use tokio::sync::{mpsc, oneshot};

/// Jobs that wait before callers do.
const QUEUE: usize = 256;
/// Jobs of one transaction.
const GROUP: usize = 64;

/// What a cut of the power may do to a job that was answered. (A process that is killed loses
/// nothing either way.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// It may be taken back, with every job after it: for what can be done again from the log.
    /// `synchronous=NORMAL`.
    InOrder,
    /// Nothing: it is on the disk, with every job before it. `synchronous=FULL`.
    OnDisk,
}

impl Kept {
    fn pragma(self) -> &'static str {
        match self {
            Self::InOrder => "PRAGMA synchronous = NORMAL",
            Self::OnDisk => "PRAGMA synchronous = FULL",
        }
    }
}

/// What a job may use: the connection within a transaction, and numbers of collections that were
/// looked up before.
pub struct Pen<'c> {
    pub connection: &'c Connection,
    pub newest: &'c Newest,
    pub indexes: &'c FieldIndexes,
    /// What indexes must take over once it is committed, by the numbers of collections.
    pub changes: Vec<(i64, IndexedChange)>,
    places: &'c mut Places,
    /// Statements that run for every item: looking one up costs a third of running it.
    statements: Vec<(&'static str, CachedStatement<'c>)>,
}

impl<'c> Pen<'c> {
    /// The statement, kept for the rest of the transaction.
    pub fn statement(&mut self, sql: &'static str) -> rusqlite::Result<&mut CachedStatement<'c>> {
        let known = self
            .statements
            .iter()
            .position(|(text, _)| std::ptr::eq(*text, sql));
        let n = match known {
            Some(n) => n,
            None => {
                self.statements
                    .push((sql, self.connection.prepare_cached(sql)?));
                self.statements.len() - 1
            }
        };
        Ok(&mut self.statements[n].1)
    }

    /// The number of a collection's incarnation, made when it is first written to.
    pub fn place(
        &mut self,
        index: &str,
        collection: &str,
        incarnation: &str,
    ) -> rusqlite::Result<i64> {
        self.places
            .find_or_make(self.connection, [index, collection, incarnation])
    }
}

/// Something to be done within a transaction, and somebody who waits for it.
trait Job: Send {
    fn kept(&self) -> Kept;
    fn work(&mut self, pen: &mut Pen<'_>) -> Result<(), Failure>;
    fn answer(self: Box<Self>, committed: Result<(), Failure>);
}

struct Asked<F, T> {
    kept: Kept,
    work: Option<F>,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, Failure>>,
}

impl<F, T> Job for Asked<F, T>
where
    F: FnOnce(&mut Pen<'_>) -> Result<T, Failure> + Send,
    T: Send,
{
    fn kept(&self) -> Kept {
        self.kept
    }

    fn work(&mut self, pen: &mut Pen<'_>) -> Result<(), Failure> {
        if let Some(work) = self.work.take() {
            self.result = Some(work(pen)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), Failure>) {
        let Self { result, reply, .. } = *self;
        let answer = committed.and_then(|()| {
            result.ok_or_else(|| {
                Failure::Transient("the transaction was given up before this".to_owned())
            })
        });
        // Nobody waits any more when the caller was cancelled: the write stands all the same.
        drop(reply.send(answer));
    }
}

/// The caller's end.
pub struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    pub fn start(
        connection: Connection,
        checkpoints: Checkpoints,
        (newest, indexes): (Arc<Newest>, Arc<FieldIndexes>),
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run_writer(connection, checkpoints, (&newest, &indexes), receiver));
        let thread = thread.map_err(|error| StoreError::Unavailable {
            store: NAME,
            why: format!("no thread to write: {error}"),
        })?;
        Ok(Self {
            jobs: Some(sender),
            thread: Some(thread),
        })
    }

    /// Does the work within a transaction, perhaps together with others', and comes back when it is
    /// kept as asked.
    pub async fn run<T, F>(&self, kept: Kept, work: F) -> Result<T, Failure>
    where
        F: FnOnce(&mut Pen<'_>) -> Result<T, Failure> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Box<dyn Job> = Box::new(Asked {
            kept,
            work: Some(work),
            result: None,
            reply,
        });
        let jobs = self.jobs.as_ref().ok_or_else(Failure::closed)?;
        jobs.send(job).await.map_err(|_| Failure::closed())?;
        answer.await.map_err(|_| Failure::closed())?
    }

    pub fn is_running(&self) -> bool {
        self.jobs.as_ref().is_some_and(|jobs| !jobs.is_closed())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has said so on its own; there is nothing left to save here.
            drop(thread.join());
        }
    }
}

fn run_writer(
    connection: Connection,
    mut checkpoints: Checkpoints,
    (newest, indexes): (&Newest, &FieldIndexes),
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
) {
    let mut places = Places::default();
    let mut set = None;
    while let Some(first) = jobs.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
        let committed = set_durability(&connection, &mut set, &group).and_then(|()| {
            commit_together(&connection, (newest, indexes), &mut places, &mut group)
        });
        if let Err(failure) = &committed {
            places.forget_all();
            tracing::warn!(jobs = group.len(), why = ?failure, "a transaction of the embedded store failed");
        }
        group
            .into_iter()
            .for_each(|job| job.answer(committed.clone()));
        checkpoints.follow_transaction(&connection);
    }
}

/// Sets how the next transaction is kept, unless that is how the last one was. SQLite takes this
/// between transactions only.
fn set_durability(
    connection: &Connection,
    set: &mut Option<Kept>,
    group: &[Box<dyn Job>],
) -> Result<(), Failure> {
    let kept = group.iter().map(|job| job.kept()).max();
    if *set != kept
        && let Some(kept) = kept
    {
        connection.execute_batch(kept.pragma())?;
    }
    *set = kept;
    Ok(())
}

/// All jobs in one transaction; all or none.
fn commit_together(
    connection: &Connection,
    (newest, indexes): (&Newest, &FieldIndexes),
    places: &mut Places,
    group: &mut [Box<dyn Job>],
) -> Result<(), Failure> {
    let _transaction = indexes.begin();
    let work = |places: &mut Places, group: &mut [Box<dyn Job>]| -> Result<(), Failure> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut pen = Pen {
            connection,
            newest,
            indexes,
            changes: Vec::new(),
            places,
            statements: Vec::new(),
        };
        group.iter_mut().try_for_each(|job| job.work(&mut pen))?;
        indexes.commit(pen.changes, || {
            connection.prepare_cached("COMMIT")?.execute([])?;
            Ok(())
        })
    };
    let done = work(places, group);
    if done.is_err() && !connection.is_autocommit() {
        // Some failures have rolled back already; the error that counts is the first.
        drop(connection.execute_batch("ROLLBACK"));
    }
    done
}

#[cfg(test)]
mod tests;
