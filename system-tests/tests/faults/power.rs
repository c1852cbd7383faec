//! A cut of the power: the log keeps what it acknowledged, the store on files comes back as it was
//! some transactions ago.

use super::{COLLECTION, judge, load};
use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use std::{fs, path::PathBuf, time::Duration};
use system_tests::{cluster::Cluster, history::Status};

/// Files of a store that were copied while the process stood still: what a disk may hold.
struct Copy {
    files: Vec<(PathBuf, Vec<u8>)>,
    store: PathBuf,
}

impl Copy {
    fn take(cluster: &mut Cluster) -> Result<Self> {
        let store = cluster.folder().join("data/store");
        let process = cluster.process("dev")?;
        process.stop()?;
        let mut files = Vec::new();
        for entry in fs::read_dir(&store)? {
            let path = entry?.path();
            // The index of the store's log is in memory alone: a cut of the power leaves none.
            if path
                .extension()
                .is_none_or(|extension| !extension.to_string_lossy().ends_with("-shm"))
            {
                files.push((path.clone(), fs::read(path)?));
            }
        }
        process.cont()?;
        ensure!(
            files.len() == 2,
            "the store is a file and its log, not {} files",
            files.len()
        );
        Ok(Self { files, store })
    }

    fn put_back(&self) -> Result<()> {
        fs::remove_dir_all(&self.store)?;
        fs::create_dir(&self.store)?;
        self.files
            .iter()
            .try_for_each(|(path, bytes)| fs::write(path, bytes).context("a file of the store"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_lost_its_last_transactions_catches_up() -> Result<()> {
    let mut cluster = Cluster::embedded().await?;
    let client = cluster.client()?;
    let workload = load(&client).await?;
    for _ in 0..4 {
        workload.progress(60, Duration::from_secs(60)).await?;
        let copy = Copy::take(&mut cluster)?;
        workload.progress(120, Duration::from_secs(60)).await?;
        cluster.kill9("dev")?;
        copy.put_back()?;
        cluster.restart("dev").await?;
    }
    workload.progress(100, Duration::from_secs(60)).await?;
    judge(workload).await
}

/// Whoever is let in after the cut finds what was answered as applied before it: without a token,
/// and from the first request on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reads_before_the_store_has_caught_up() -> Result<()> {
    const WRITES: usize = 6_000;
    let mut cluster = Cluster::embedded().await?;
    let client = cluster.client()?;
    client.collection(COLLECTION, &json!({})).await?;
    let write = |n: usize| {
        let client = &client;
        async move {
            let body = json!({"index": "faults", "collection": "documents", "_id": format!("d{n}"), "body": {"n": n}});
            let (status, answer) = client.write("document.create", &body, 30).await?;
            ensure!(status == 200 || status == 201, "{status} {answer}");
            let request = answer["request_id"].as_str().context("no request id")?;
            Ok(request.to_owned())
        }
    };
    let copy = Copy::take(&mut cluster)?;
    let requests: Vec<String> = stream::iter(0..WRITES)
        .map(write)
        .buffered(64)
        .try_collect()
        .await?;
    cluster.kill9("dev")?;
    copy.put_back()?;
    // The last are applied again last; asked for from before anybody listens.
    let (last, request) = (format!("d{}", WRITES - 1), &requests[WRITES - 1]);
    let soon = || tokio::time::sleep(Duration::from_millis(1));
    let read = async {
        loop {
            match client.document(COLLECTION, &last, None).await {
                Ok(found) => return found.is_some(),
                Err(_) => soon().await,
            }
        }
    };
    let looked = async {
        loop {
            match client.look(request).await {
                Some(seen) => return seen.status,
                None => soon().await,
            }
        }
    };
    let (restarted, found, status) = tokio::join!(cluster.restart("dev"), read, looked);
    restarted?;
    ensure!(found, "the last document was not there");
    ensure!(status == Status::Applied, "the last request was {status:?}");
    for n in (0..WRITES).step_by(20) {
        ensure!(
            client
                .document(COLLECTION, &format!("d{n}"), None)
                .await?
                .is_some(),
            "document {n} is not there"
        );
    }
    Ok(())
}
