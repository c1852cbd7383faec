//! Whoever makes, empties or drops a collection dies in the middle, beside a real Elasticsearch:
//! what is left behind is told, and gone once the name is made, emptied or dropped again.

use collections::{CollectionStores, NewCollection};
use runtime::SystemClock;
use serde_json::json;
use std::{future::Future, time::Duration};
use store::{Collection, Record, View};
use store_elasticsearch::{Config, Elasticsearch};
use store_embedded::EmbeddedStore;
use testbed::Servers;

struct HalfWay {
    record: EmbeddedStore,
    view: Elasticsearch,
    _folder: tempfile::TempDir,
}

impl HalfWay {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = store_embedded::Config::new(folder.path().join("store.sqlite"));
        let record = EmbeddedStore::open(config).unwrap();
        Record::migrate(&record, &[]).await.unwrap();
        let view = Elasticsearch::new(Config {
            urls: vec![Servers::shared().addresses().elasticsearch_url()],
            prefix: format!("{}.", testbed::unique("half").to_lowercase()),
            replicas: Some(0),
            ..Config::default()
        });
        Self {
            record,
            view: view.unwrap(),
            _folder: folder,
        }
    }

    fn stores(&self) -> CollectionStores<'_> {
        CollectionStores {
            record: &self.record,
            view: Some(&self.view),
            clock: &SystemClock,
        }
    }

    async fn create(&self, name: &str) -> Collection {
        let created = self.stores().create(wanted(name)).await.unwrap();
        assert!(created.fresh);
        created.collection
    }

    /// The incarnations that have an index, whatever the record says.
    async fn indices(&self, name: &str) -> Vec<String> {
        let held = self.view.held_incarnations(Some(("I.x", name))).await;
        let held = held.unwrap().into_iter();
        held.map(|one| one.incarnation).collect()
    }

    async fn stands(&self, name: &str) -> Option<Collection> {
        let stands = Record::collection(&self.record, "I.x", name).await;
        stands.unwrap()
    }

    /// How many places belong to no collection.
    async fn leftovers(&self) -> usize {
        self.stores().leftovers().await.unwrap().len()
    }

    async fn drop_at_last(&self, name: &str) {
        let stands = self.stands(name).await.unwrap();
        self.stores().drop_all(&[stands]).await.unwrap();
        assert_eq!(self.indices(name).await, [""; 0]);
    }
}

fn wanted(name: &str) -> NewCollection {
    NewCollection {
        index: "I.x".into(),
        collection: name.into(),
        mappings: Some(json!({"properties": {"n": {"type": "long"}}})),
        settings: None,
    }
}

/// Goes on with a call only until it has come so far, and never again: its process is gone.
async fn dies_when(call: impl Future, mut came_so_far: impl AsyncFnMut() -> bool) {
    let mut call = Box::pin(call);
    for _ in 0..4_000 {
        let ended = futures::poll!(&mut call).is_ready();
        assert!(!ended, "it ended before it came so far");
        if came_so_far().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("it does not come so far");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_whose_maker_died_goes_when_the_name_is_made() {
    let world = HalfWay::open().await;
    let stores = world.stores();
    for round in 1..=2 {
        let mut indices = Vec::new();
        let dies = dies_when(stores.create(wanted("c")), async || {
            indices = world.indices("c").await;
            indices.len() == round
        });
        dies.await;
        assert_eq!(
            world.stands("c").await,
            None,
            "it had not come to the record"
        );
        assert_eq!(world.leftovers().await, round);
    }
    // One whose name begins alike is nobody's leftover.
    let other = world.create("c.c").await;
    let made = world.create("c").await;
    assert_eq!(world.indices("c").await, [made.incarnation.as_str()]);
    assert_eq!(world.indices("c.c").await, [other.incarnation.as_str()]);
    assert_eq!(world.leftovers().await, 0);
    assert_eq!(world.view.count(&made, None).await, Ok(0));
    world.drop_at_last("c").await;
    world.drop_at_last("c.c").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_emptying_left_goes_when_the_collection_is_found_or_emptied_again() {
    let world = HalfWay::open().await;
    let stores = world.stores();
    let made = world.create("c").await;
    // Its next incarnation is in the record; the last one was not removed.
    let dies = dies_when(stores.truncate(&made), async || {
        world.stands("c").await.unwrap().incarnation != made.incarnation
    });
    dies.await;
    let emptied = world.stands("c").await.unwrap();
    let both = [made.incarnation.clone(), emptied.incarnation.clone()];
    assert_eq!(world.indices("c").await, both);
    assert_eq!(world.leftovers().await, 1);
    let found = world.stores().create(wanted("c")).await.unwrap();
    assert!(!found.fresh && found.collection == emptied);
    assert_eq!(world.indices("c").await, [emptied.incarnation.as_str()]);
    // Its next incarnation has an index, and is not in the record: it is newer than what stands, so
    // it might be somebody's who is about to go on, until the collection is emptied again.
    let dies = dies_when(stores.truncate(&emptied), async || {
        world.indices("c").await.len() == 2
    });
    dies.await;
    assert_eq!(world.stands("c").await, Some(emptied.clone()));
    let found = world.stores().create(wanted("c")).await.unwrap();
    assert_eq!(found.collection, emptied);
    assert_eq!(world.indices("c").await.len(), 2);
    let again = world.stores().truncate(&emptied).await.unwrap();
    assert_eq!(world.indices("c").await, [again.incarnation]);
    world.drop_at_last("c").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_whose_dropper_died_goes_when_the_name_is_made() {
    let world = HalfWay::open().await;
    let stores = world.stores();
    let made = world.create("c").await;
    let all = [made.clone()];
    let dies = dies_when(stores.drop_all(&all), async || {
        world.stands("c").await.is_none()
    });
    dies.await;
    assert_eq!(world.indices("c").await, [made.incarnation.as_str()]);
    assert_eq!(world.leftovers().await, 1);
    let again = world.create("c").await;
    assert_eq!(world.indices("c").await, [again.incarnation.as_str()]);
    world.drop_at_last("c").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_whose_index_is_gone_has_one_after_the_same_call() {
    let world = HalfWay::open().await;
    let made = world.create("c").await;
    View::drop_collection(&world.view, &made).await.unwrap();
    let found = world.stores().create(wanted("c")).await.unwrap();
    assert!(!found.fresh && found.collection == made);
    assert_eq!(world.indices("c").await, [made.incarnation.as_str()]);
    world.drop_at_last("c").await;
}

/// Whoever found a collection and comes late makes no place for what is not there any more, and takes
/// none from what stands by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_found_a_collection_that_was_emptied_meanwhile_takes_nothing_from_it() {
    let world = HalfWay::open().await;
    let stores = world.stores();
    let first = world.create("c").await;
    let mut late = Box::pin(stores.create(wanted("c")));
    assert!(futures::poll!(&mut late).is_pending());
    // It has read the record by then, and goes on afterwards.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let emptied = stores.truncate(&first).await.unwrap();
    let found = late.await.unwrap();
    assert_eq!(
        (found.fresh, found.collection.incarnation),
        (false, emptied.incarnation.clone())
    );
    assert_eq!(world.indices("c").await, [emptied.incarnation.as_str()]);

    let mut late = Box::pin(stores.create(wanted("c")));
    assert!(futures::poll!(&mut late).is_pending());
    tokio::time::sleep(Duration::from_millis(100)).await;
    stores.drop_all(&[emptied]).await.unwrap();
    let again = world.create("c").await;
    let found = late.await.unwrap();
    assert_eq!(found.collection.incarnation, again.incarnation);
    assert_eq!(world.indices("c").await, [again.incarnation.as_str()]);
    world.drop_at_last("c").await;
}
