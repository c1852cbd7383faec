//! Blobs on two tables of a real Cassandra: who has put one, what is listed, and what a process that
//! ended half-way leaves.

use crate::keyspace::{config, lease, open, run};
use futures::{StreamExt, stream};
use std::collections::BTreeSet;
use store::{BlobPut, BlobStore};
use store_cassandra::CassandraBlobs;

/// Blobs, and the address and the keyspace that they are in.
struct Opened {
    blobs: CassandraBlobs,
    address: String,
    keyspace: String,
    folder: String,
}

async fn opened() -> Opened {
    open().await;
    let keyspace = lease();
    let address = testbed::Servers::shared().addresses().cassandra.clone();
    let blobs = CassandraBlobs::new(config(&address, &keyspace)).expect("it is right");
    Opened {
        blobs,
        address,
        keyspace,
        folder: testbed::unique("folder"),
    }
}

#[tokio::test]
async fn of_many_that_put_a_blob_at_once_one_is_told_that_it_did() {
    let Opened { blobs, folder, .. } = opened().await;
    for round in 0..5 {
        let name = format!("{folder}/{round}");
        let puts = (0..8_u8).map(|who| {
            let (blobs, name) = (&blobs, &name);
            async move {
                // One that does not know whether it put it asks what stands, as a spool does.
                let put = blobs.put_new_blob(name, vec![who; 100].into()).await;
                (who, put)
            }
        });
        let told = futures::future::join_all(puts).await;
        let standing = blobs.get_blob(&name).await.expect("an answer");
        let standing = standing.expect("somebody put it")[0];
        for (who, put) in told {
            match put {
                Ok(BlobPut::Done) => assert_eq!(standing, who, "two were told that they put it"),
                Ok(BlobPut::IsThere) | Err(_) => {}
            }
        }
        let listed = blobs.list_blobs(&folder).await.expect("a list");
        assert!(
            listed
                .iter()
                .any(|blob| blob.name == name && blob.size == 100)
        );
    }
}

#[tokio::test]
async fn a_blob_that_a_process_left_without_its_name_is_listed_by_whoever_finds_it() {
    let Opened {
        blobs,
        address,
        keyspace,
        folder,
    } = opened().await;
    let name = format!("{folder}/records/7");
    let bytes: Vec<u8> = (0..200).collect();
    blobs
        .put_new_blob(&name, bytes.clone().into())
        .await
        .expect("put");
    let lost = format!(
        "DELETE FROM \"{keyspace}\".blob_names WHERE folder = '{folder}/records' AND name = '7'"
    );
    run(&address, lost).await.expect("its name is gone");
    assert_eq!(
        blobs.list_blobs(&format!("{folder}/records")).await,
        Ok(vec![])
    );
    let start = blobs.get_blob_start(&name, 4).await.expect("an answer");
    assert_eq!(start.as_deref(), Some(&bytes[..4]), "its bytes stand");
    let put = blobs.put_new_blob(&name, vec![1; 3].into()).await;
    assert_eq!(put, Ok(BlobPut::IsThere));
    let listed = blobs
        .list_blobs(&format!("{folder}/records"))
        .await
        .expect("a list");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].size, 200, "it is listed as what stands");
}

#[tokio::test]
async fn what_is_replaced_is_read_whole_and_described_anew() {
    let Opened { blobs, folder, .. } = opened().await;
    let name = format!("{folder}/owner.json");
    assert_eq!(blobs.get_blob(&name).await, Ok(None));
    assert_eq!(blobs.get_blob_start(&name, 10).await, Ok(None));
    for size in [300_usize, 10, 64, 65] {
        let bytes: Vec<u8> = (0..size).map(|n| n as u8).collect();
        blobs
            .put_blob(&name, bytes.clone().into())
            .await
            .expect("put");
        let whole = blobs.get_blob(&name).await.expect("an answer");
        assert_eq!(whole.as_deref(), Some(&bytes[..]));
        for length in [0_usize, 5, 52, 64, 65, 1_000] {
            let start = blobs.get_blob_start(&name, length as u64).await;
            let start = start.expect("an answer").expect("it is there");
            assert_eq!(start, bytes[..length.min(size)], "{length} of {size}");
        }
        let described = blobs.describe_blob(&name).await.expect("an answer");
        assert_eq!(described.map(|blob| blob.size), Some(size as u64));
    }
    let names = vec![name.clone(), format!("{folder}/never")];
    blobs.remove_blobs(names).await.expect("removed");
    assert_eq!(blobs.get_blob(&name).await, Ok(None));
    assert_eq!(blobs.describe_blob(&name).await, Ok(None));
}

#[tokio::test]
async fn a_list_of_more_than_a_page_is_whole_and_folders_are_found() {
    const MANY: usize = 1_003;
    let Opened { blobs, folder, .. } = opened().await;
    let names: BTreeSet<String> = (0..MANY)
        .map(|n| format!("{folder}/one/records/{n:020}"))
        .collect();
    let puts: Vec<_> = names
        .iter()
        .map(|name| blobs.put_new_blob(name, vec![1].into()))
        .collect();
    let put: Vec<_> = stream::iter(puts).buffer_unordered(32).collect().await;
    assert!(put.iter().all(Result::is_ok), "{put:?}");
    for name in ["one/spool.json", "two/spool.json"] {
        blobs
            .put_blob(&format!("{folder}/{name}"), vec![2].into())
            .await
            .expect("put");
    }
    let listed = blobs
        .list_blobs(&format!("{folder}/one/records"))
        .await
        .expect("a list");
    let listed: BTreeSet<String> = listed.into_iter().map(|blob| blob.name).collect();
    assert_eq!(listed, names);
    let folders = blobs.list_folders(&folder).await.expect("folders");
    assert_eq!(folders, ["one", "two"]);
    let direct = blobs
        .list_blobs(&format!("{folder}/one"))
        .await
        .expect("a list");
    assert_eq!(
        direct.len(),
        1,
        "those of folders in it are not of the folder"
    );
}
