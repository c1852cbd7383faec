//! The thread that writes: it takes the jobs that wait, does them in one transaction and answers when the commit is on the disk. It must
//! never answer before that, and never leave a job unanswered.

use crate::{NAME, classify::Failure};
use rusqlite::Connection;
use std::{collections::HashMap, thread};
use store::StoreError;
use tokio::sync::{mpsc, oneshot};

/// Jobs that wait before callers do.
const QUEUE: usize = 256;
/// Jobs of one transaction.
const GROUP: usize = 64;

/// What a job may use: the connection within a transaction, and numbers of collections that were looked up before.
pub struct Pen<'c> {
    pub connection: &'c Connection,
    places: &'c mut Places,
}

type Places = HashMap<(String, String, String), i64>;

impl Pen<'_> {
    /// The number of a collection's incarnation, made when it is first written to.
    pub fn place(&mut self, index: &str, collection: &str, incarnation: &str) -> rusqlite::Result<i64> {
        let name = (index.to_owned(), collection.to_owned(), incarnation.to_owned());
        if let Some(place) = self.places.get(&name) {
            return Ok(*place);
        }
        let parameters = [index, collection, incarnation];
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO places (idx, collection, incarnation) VALUES (?, ?, ?)")?
            .execute(parameters)?;
        let mut find = self.connection.prepare_cached("SELECT place FROM places WHERE idx = ? AND collection = ? AND incarnation = ?")?;
        let place = find.query_row(parameters, |row| row.get(0))?;
        self.places.insert(name, place);
        Ok(place)
    }
}

/// Something to be done within a transaction, and somebody who waits for it.
trait Job: Send {
    fn work(&mut self, pen: &mut Pen<'_>) -> Result<(), Failure>;
    fn answer(self: Box<Self>, committed: Result<(), Failure>);
}

struct Asked<F, T> {
    work: Option<F>,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, Failure>>,
}

impl<F, T> Job for Asked<F, T>
where
    F: FnOnce(&mut Pen<'_>) -> Result<T, Failure> + Send,
    T: Send,
{
    fn work(&mut self, pen: &mut Pen<'_>) -> Result<(), Failure> {
        if let Some(work) = self.work.take() {
            self.result = Some(work(pen)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), Failure>) {
        let Self { result, reply, .. } = *self;
        let answer =
            committed.and_then(|()| result.ok_or_else(|| Failure::Transient("the transaction was given up before this".to_owned())));
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
    pub fn start(connection: Connection) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(move || write(connection, receiver));
        let thread = thread.map_err(|error| StoreError::Unavailable { store: NAME, why: format!("no thread to write: {error}") })?;
        Ok(Self { jobs: Some(sender), thread: Some(thread) })
    }

    /// Does the work within a transaction, perhaps together with others', and comes back when it is on the disk.
    pub async fn run<T, F>(&self, work: F) -> Result<T, Failure>
    where
        F: FnOnce(&mut Pen<'_>) -> Result<T, Failure> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Box<dyn Job> = Box::new(Asked { work: Some(work), result: None, reply });
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

fn write(connection: Connection, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
    let mut places = Places::new();
    while let Some(first) = jobs.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
        let committed = together(&connection, &mut places, &mut group);
        if let Err(failure) = &committed {
            places.clear();
            tracing::warn!(jobs = group.len(), why = ?failure, "a transaction of the embedded store failed");
        }
        group.into_iter().for_each(|job| job.answer(committed.clone()));
    }
}

/// All jobs in one transaction; all or none.
fn together(connection: &Connection, places: &mut Places, group: &mut [Box<dyn Job>]) -> Result<(), Failure> {
    let work = |places: &mut Places, group: &mut [Box<dyn Job>]| -> Result<(), Failure> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut pen = Pen { connection, places };
        group.iter_mut().try_for_each(|job| job.work(&mut pen))?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    };
    let done = work(places, group);
    if done.is_err() && !connection.is_autocommit() {
        // Some failures have rolled back already; the error that counts is the first.
        drop(connection.execute_batch("ROLLBACK"));
    }
    done
}
