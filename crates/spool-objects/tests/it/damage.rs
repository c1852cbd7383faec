//! Objects that are not what was written, or are not there: what is shipped is a prefix of what was
//! acknowledged, and whoever opens or ships the rest is told.

use crate::{
    backends::{Backend, Kind, TOPICS},
    contract::{adopted, over, own},
    wire::{Running, Wire, config, options, text},
};
use spool::{SpoolMedium, adopt, medium::FoundAt};
use std::time::Duration;

const GROUPS: usize = 6;

/// A spool of six groups of one record, whose gateway was killed; and the objects of its groups.
async fn filled(backend: &Backend) -> Vec<String> {
    let medium = own(backend.site(Some("one")).as_ref()).await;
    let running = Running::on(medium, &Wire::default(), &config());
    for n in 0..GROUPS {
        running.put(0, &n.to_string()).await;
    }
    // Until the owner said how far it is.
    tokio::time::sleep(Duration::from_millis(200)).await;
    running.kill().await;
    let folder = format!("{}/records", backend.folder_of("one"));
    let listed = backend.blobs().list_blobs(&folder).await.unwrap();
    let mut paths: Vec<_> = listed.into_iter().map(|blob| blob.name).collect();
    paths.sort();
    assert_eq!(paths.len(), GROUPS);
    paths
}

/// What a shipper reads before it is told that something is wrong.
async fn readable(medium: &dyn SpoolMedium) -> (Vec<String>, Option<String>) {
    let (mut values, found) = (Vec::new(), medium.found().clone());
    while found.earliest + (values.len() as u64) < found.end {
        match medium.read(found.earliest + values.len() as u64, 100).await {
            Ok(FoundAt::Records(records)) if records.is_empty() => return (values, None),
            Ok(FoundAt::Records(records)) => {
                values.extend(records.iter().map(|spooled| text(&spooled.record)));
            }
            Ok(FoundAt::Shipped(_)) => return (values, Some("it is said to be shipped".into())),
            Err(error) => return (values, Some(error.to_string())),
        }
    }
    (values, None)
}

/// After a change of the objects: so many records are found, and all else is told, to shippers and to
/// the gateway that would write on.
async fn is_told_behind(backend: &Backend, records: usize, what: &str) {
    let site = backend.site(None);
    let medium = adopted(site.as_ref()).await;
    let (values, why) = readable(medium.as_ref()).await;
    let expected: Vec<_> = (0..records).map(|n| n.to_string()).collect();
    assert_eq!(values, expected, "{what}");
    assert!(
        why.as_ref().is_some_and(|why| why.contains("damaged")),
        "{what}: {why:?}"
    );
    drop(medium);
    if let Ok(own) = backend.site(Some("one")).take_own(TOPICS).await {
        let (values, why) = readable(own.as_ref()).await;
        assert!(
            values == expected && why.is_some(),
            "{what}: {values:?}, {why:?}"
        );
    }
    let (wire, embedded) = (Wire::default(), tempfile::tempdir().unwrap());
    let medium = adopted(site.as_ref()).await;
    let limit = Duration::from_millis(500);
    let shipped =
        adopt::ship_spool(medium, &over(&wire, &embedded), options(&config()), limit).await;
    assert!(shipped.is_err(), "{what}: {shipped:?}");
    assert_eq!(wire.values(0), expected, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_missing_anywhere_is_told() {
    let kinds = [Kind::Memory, Kind::Local, Kind::S3, Kind::Cassandra];
    let cases = kinds.map(|kind| (0..GROUPS).map(move |at| (kind, at)));
    let told = cases.into_iter().flatten().map(async |(kind, missing)| {
        let backend = Backend::start(kind).await;
        let paths = filled(&backend).await;
        let gone = vec![paths[missing].clone()];
        backend.blobs().remove_blobs(gone).await.unwrap();
        let own = backend.site(Some("one")).take_own(TOPICS).await;
        assert!(own.is_err(), "{kind:?}: starts without group {missing}");
        is_told_behind(
            &backend,
            missing,
            &format!("{kind:?}, without group {missing}"),
        )
        .await;
    });
    futures::future::join_all(told).await;
}

/// What a group's object may have become.
#[derive(Clone, Copy, Debug)]
enum Change {
    CutAt(usize),
    Bit(usize),
    /// The one in front of it.
    Another,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_is_cut_or_changed_or_another_is_told() {
    let cuts = [0, 10, 51, 52, 60, 150].map(Change::CutAt);
    let bits = [5, 100, 410, 420, 800].map(Change::Bit);
    let changes = || cuts.into_iter().chain(bits).chain([Change::Another]);
    let cases = [1, 3, GROUPS - 1].map(|at| changes().map(move |change| (at, change)));
    let told = cases.into_iter().flatten().map(async |(at, change)| {
        let backend = Backend::start(Kind::Memory).await;
        let paths = filled(&backend).await;
        let blobs = backend.blobs();
        let get = async |at: usize| blobs.get_blob(&paths[at]).await.unwrap().unwrap().to_vec();
        let whole = get(at).await;
        let bytes = match change {
            Change::CutAt(cut) => whole[..cut.min(whole.len() - 1)].to_vec(),
            Change::Bit(bit) => {
                let mut bytes = whole;
                bytes[bit / 8] ^= 1 << (bit % 8);
                bytes
            }
            Change::Another => get(at - 1).await,
        };
        blobs.put_blob(&paths[at], bytes.into()).await.unwrap();
        is_told_behind(&backend, at, &format!("group {at}: {change:?}")).await;
    });
    futures::future::join_all(told).await;
}

/// The owner said how far it was: what is gone from the end is no end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_that_are_gone_from_the_end_are_told() {
    for kind in [Kind::Memory, Kind::S3, Kind::Cassandra] {
        let backend = Backend::start(kind).await;
        let gone = filled(&backend).await.split_off(2);
        backend.blobs().remove_blobs(gone).await.unwrap();
        is_told_behind(&backend, 2, &format!("{kind:?}")).await;
    }
}
