//! What SQLite is told to do with a transaction is what its jobs asked for.

use super::{Kept, Writer};
use crate::{
    checkpoint::Checkpoints,
    classify::Failure,
    config::Config,
    schema,
    search::field_index::{FieldIndexes, IndexLimits},
};

fn open(folder: &tempfile::TempDir) -> Writer {
    let config = Config::new(folder.path().join("consign.db"));
    let connection = schema::open_writer(&config).expect("it opens");
    let checkpoints =
        Checkpoints::start(&connection, &config, Default::default()).expect("a thread");
    let indexes = FieldIndexes::new(IndexLimits {
        bytes: 0,
        least_documents: 0,
    });
    let known = (Default::default(), indexes.into());
    Writer::start(connection, checkpoints, known).expect("a thread")
}

/// `synchronous` as it stands while a job works.
async fn in_force(writer: &Writer, kept: Kept) -> Result<i64, Failure> {
    writer
        .run(kept, |pen| {
            Ok(pen
                .connection
                .pragma_query_value(None, "synchronous", |row| row.get(0))?)
        })
        .await
}

#[tokio::test]
async fn each_job_is_kept_as_it_asks() {
    let folder = tempfile::tempdir().expect("a folder");
    let writer = open(&folder);
    for _ in 0..3 {
        assert_eq!(in_force(&writer, Kept::OnDisk).await, Ok(2));
        assert_eq!(in_force(&writer, Kept::InOrder).await, Ok(1));
        assert_eq!(in_force(&writer, Kept::InOrder).await, Ok(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_careful_job_makes_the_transaction_careful() {
    let folder = tempfile::tempdir().expect("a folder");
    let writer = open(&folder);
    let (release, held) = std::sync::mpsc::sync_channel::<()>(1);
    let (begun, begins) = tokio::sync::oneshot::channel();
    let busy = writer.run(Kept::InOrder, move |_| {
        begun.send(()).ok();
        held.recv().ok();
        Ok(())
    });
    let waiting = async {
        // The thread works on the first: what is asked now becomes one transaction.
        begins.await.expect("it begins");
        let released = async { release.send(()).ok() };
        tokio::join!(
            in_force(&writer, Kept::InOrder),
            in_force(&writer, Kept::OnDisk),
            released
        )
    };
    let (_, (usual, careful, _)) = tokio::join!(busy, waiting);
    assert_eq!((usual, careful), (Ok(2), Ok(2)));
    assert_eq!(in_force(&writer, Kept::InOrder).await, Ok(1));
}
