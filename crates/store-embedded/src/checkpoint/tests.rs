//! The journal stays short under a steady load, and readers of old states keep no write waiting.

use super::{Checkpoints, JournalLimits};
use crate::{config::Config, schema};
use rusqlite::{Connection, params};
use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

const PAGE: u64 = 4_096;
const LIMITS: JournalLimits = JournalLimits {
    step: 100,
    ahead: 400,
};
/// Pages of one transaction, and some for what it changes besides.
const PAGES: u64 = 20;
const TRANSACTION: u64 = PAGES + 5;
/// The longest that the journal may become: what makes writes wait, the transaction that came to
/// that, and 100 of slack for the next one.
const LONGEST: u64 = 100 + 100 + 400 + TRANSACTION + 100;

struct Written {
    folder: tempfile::TempDir,
    config: Config,
    connection: Connection,
    checkpoints: Checkpoints,
    next: i64,
}

impl Written {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config::new(folder.path().join("consign.db"));
        let connection = schema::open_writer(&config).expect("it opens");
        let checkpoints = Checkpoints::start(&connection, &config, LIMITS).expect("a thread");
        connection
            .execute_batch("CREATE TABLE filled (n INTEGER PRIMARY KEY, bytes BLOB)")
            .expect("a table");
        Self {
            folder,
            config,
            connection,
            checkpoints,
            next: 0,
        }
    }

    fn write(&mut self, transactions: usize) {
        let bytes = vec![7_u8; (PAGES * PAGE) as usize];
        for _ in 0..transactions {
            self.next += 1;
            self.connection
                .execute(
                    "INSERT INTO filled VALUES (?, ?)",
                    params![self.next, bytes],
                )
                .expect("it is written");
            self.checkpoints.follow_transaction(&self.connection);
        }
    }

    /// Pages of the journal's file, which only ever grows.
    fn longest(&self) -> u64 {
        let journal = fs::metadata(self.folder.path().join("consign.db-wal"));
        journal.expect("a journal").len() / PAGE
    }
}

#[test]
fn under_a_steady_load_the_journal_begins_again_and_again() {
    let mut written = Written::open();
    written.write(400);
    let longest = written.longest();
    assert!(longest <= LONGEST, "{longest} pages");
    let rows = written
        .connection
        .query_row("SELECT count(*) FROM filled", [], |row| {
            row.get::<_, i64>(0)
        });
    assert_eq!(rows, Ok(400));
}

#[test]
fn readers_that_are_always_there_let_the_journal_begin_again() {
    let mut written = Written::open();
    written.write(1);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let reader = schema::open_reader(&written.config).expect("it opens");
            let is_over = &is_over;
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    reader
                        .query_row("SELECT length(bytes) FROM filled WHERE n = 1", [], |_| {
                            Ok(())
                        })
                        .expect("it is read");
                }
            });
        }
        written.write(400);
        is_over.store(true, Ordering::Relaxed);
    });
    let longest = written.longest();
    assert!(longest <= 2 * LONGEST, "{longest} pages");
}

#[test]
fn a_reader_of_an_old_state_keeps_no_write_waiting_and_the_journal_short_once_it_ends() {
    let mut written = Written::open();
    written.write(1);
    let reader = schema::open_reader(&written.config).expect("it opens");
    let count = |reader: &Connection| {
        reader.query_row("SELECT count(*) FROM filled", [], |row| {
            row.get::<_, i64>(0)
        })
    };
    reader.execute_batch("BEGIN").expect("it begins");
    assert_eq!(count(&reader), Ok(1));
    written.write(100);
    assert_eq!(count(&reader), Ok(1), "its state stands");
    let while_it_read = written.longest();
    assert!(while_it_read > 100 * PAGES, "nothing is taken from it");
    reader.execute_batch("COMMIT").expect("it ends");
    written.write(400);
    let longest = written.longest();
    assert!(longest <= while_it_read + LONGEST, "{longest} pages");
    assert_eq!(count(&reader), Ok(501));
}
