//! A keyspace that all tests of this process share, dropped when the last of them ends. Never the
//! keyspace of anybody else.

use std::{cell::RefCell, sync::Mutex};
use store::{Record, contract};
use store_cassandra::{Cassandra, Config};

struct Lease;

struct Current {
    name: String,
    users: usize,
}

static CURRENT: Mutex<Option<Current>> = Mutex::new(None);
static MADE: tokio::sync::Mutex<Option<String>> = tokio::sync::Mutex::const_new(None);

thread_local! {
    static LEASE: RefCell<Option<Lease>> = const { RefCell::new(None) };
}

pub fn config(address: &str, keyspace: &str) -> Config {
    Config {
        nodes: vec![address.to_owned()],
        keyspace: keyspace.to_owned(),
        ..Config::default()
    }
}

/// A record on the shared server, its tables made. The keyspace is let go when this test's thread
/// ends.
pub async fn open() -> Cassandra {
    let address = testbed::Servers::shared().addresses().cassandra.clone();
    let name = lease();
    let cassandra = Cassandra::new(config(&address, &name)).expect("the configuration is right");
    let mut made = MADE.lock().await;
    if made.as_deref() != Some(&name) {
        cassandra
            .migrate(&contract::tables())
            .await
            .expect("a migration");
        *made = Some(name);
    }
    drop(made);
    cassandra
}

/// The name of the keyspace of this process's tests.
pub fn lease() -> String {
    let mut current = CURRENT.lock().expect("no test panics here");
    let current = current.get_or_insert_with(|| Current {
        name: testbed::unique("sc"),
        users: 0,
    });
    LEASE.with_borrow_mut(|lease| {
        if lease.is_none() {
            current.users += 1;
            *lease = Some(Lease);
        }
    });
    current.name.clone()
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Ok(mut current) = CURRENT.lock() else {
            return;
        };
        let Some(one) = current.as_mut() else { return };
        one.users -= 1;
        if one.users > 0 {
            return;
        }
        let name = one.name.clone();
        *current = None;
        drop(current);
        drop_keyspace(&testbed::Servers::shared().addresses().cassandra, &name);
    }
}

/// Runs one statement beside the store.
pub async fn run(address: &str, text: String) -> Result<(), String> {
    ask(address, text).await.map(drop)
}

/// The first cell of what a statement beside the store answers: a text.
pub async fn cell(address: &str, text: String) -> Option<String> {
    let answer = ask(address, text).await.expect("an answer");
    let rows = answer.into_rows_result().expect("rows");
    let first = rows.maybe_first_row::<(Option<String>,)>();
    first.expect("a text").and_then(|(cell,)| cell)
}

async fn ask(
    address: &str,
    text: String,
) -> Result<scylla::response::query_result::QueryResult, String> {
    let session = scylla::client::session_builder::SessionBuilder::new()
        .known_node(address)
        .build()
        .await
        .map_err(|e| e.to_string())?;
    let mut statement = scylla::statement::unprepared::Statement::new(text);
    statement.set_request_timeout(Some(std::time::Duration::from_secs(60)));
    session
        .query_unpaged(statement, ())
        .await
        .map_err(|e| e.to_string())
}

fn drop_keyspace(address: &str, name: &str) {
    let (address, text) = (
        address.to_owned(),
        format!("DROP KEYSPACE IF EXISTS \"{name}\""),
    );
    let dropped = std::thread::spawn(move || {
        match tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime.block_on(run(&address, text)),
            Err(e) => Err(e.to_string()),
        }
    });
    if !matches!(dropped.join(), Ok(Ok(()))) {
        eprintln!("keyspace {name} is left behind");
    }
}
