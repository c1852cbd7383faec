//! The life of collections on the embedded record, with a view that says what it was told and
//! refuses on command; and with an Elasticsearch that is away.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod away;
mod half_way;

use collections::{CollectionError, CollectionStores, NewCollection, Settled};
use event_schema::{Raw, mutation::DocumentKey};
use parking_lot::Mutex;
use runtime::{Clock, SystemClock, clock::ManualClock};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};
use store::{
    Collection, DocumentWrite, ItemVerdict, MappingChange, Record, SearchRequest, SearchResult,
    StoreError, Unmappable, View,
    schema::{MigrationReport, Weakness},
};
use store_embedded::EmbeddedStore;

/// What happened, in order.
type Happened = Arc<Mutex<Vec<String>>>;

struct Watched {
    real: EmbeddedStore,
    happened: Happened,
    refuses: bool,
    is_away: bool,
}

#[async_trait::async_trait]
impl View for Watched {
    fn name(&self) -> &'static str {
        "watched"
    }
    async fn apply(&self, writes: &[DocumentWrite]) -> Vec<ItemVerdict> {
        View::apply(&self.real, writes).await
    }
    fn check(&self, collection: &Collection, id: &str, body: &Raw) -> Result<(), Unmappable> {
        View::check(&self.real, collection, id, body)
    }
    async fn refresh(&self, collections: &[Collection]) -> Result<(), StoreError> {
        View::refresh(&self.real, collections).await
    }
    async fn search_together(
        &self,
        c: &[&Collection],
        r: &SearchRequest,
    ) -> Result<SearchResult, StoreError> {
        View::search_together(&self.real, c, r).await
    }
    async fn count(&self, c: &Collection, query: Option<&Value>) -> Result<u64, StoreError> {
        View::count(&self.real, c, query).await
    }
    async fn sizes(&self, collections: &[Collection]) -> Result<Vec<u64>, StoreError> {
        View::sizes(&self.real, collections).await
    }
    async fn documents(&self, keys: &[DocumentKey]) -> Result<Vec<Option<Raw>>, StoreError> {
        View::documents(&self.real, keys).await
    }
    async fn create_collection(&self, collection: &Collection) -> Result<(), StoreError> {
        let incarnation = &collection.incarnation;
        self.answer(&format!("create {incarnation}"))
    }
    async fn update_collection(&self, collection: &Collection) -> Result<(), StoreError> {
        self.answer("update")?;
        View::update_collection(&self.real, collection).await
    }
    async fn drop_collection(&self, collection: &Collection) -> Result<(), StoreError> {
        let incarnation = &collection.incarnation;
        self.answer(&format!("drop {incarnation}"))?;
        View::drop_collection(&self.real, collection).await
    }
    async fn end_succession(&self, _: &Collection) -> Result<(), StoreError> {
        self.answer("ends its second place")
    }
    async fn migrate(&self, collections: &[Collection]) -> Result<MigrationReport, StoreError> {
        View::migrate(&self.real, collections).await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        self.answer("is ready")?;
        View::ready(&self.real).await
    }
    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        View::weaknesses(&self.real).await
    }
}

impl Watched {
    fn answer(&self, what: &str) -> Result<(), StoreError> {
        if self.is_away {
            return Err(StoreError::Unavailable {
                store: "watched",
                why: "away".into(),
            });
        }
        self.happened.lock().push(format!("view {what}"));
        if self.refuses {
            return Err(StoreError::Refused {
                store: "watched",
                why: "on command".into(),
            });
        }
        Ok(())
    }
}

/// Looks at the record when everything is said to be applied.
struct Applied {
    record: EmbeddedStore,
    happened: Happened,
    pause: Duration,
    fails: bool,
}

#[async_trait::async_trait]
impl Settled for Applied {
    async fn settled(&self) -> Result<(), StoreError> {
        let stands = Record::collection(&self.record, "i", "c").await?.unwrap();
        let changing = stands.changing.is_some();
        self.happened
            .lock()
            .push(format!("settled, changing: {changing}"));
        tokio::time::sleep(self.pause).await;
        if self.fails {
            return Err(StoreError::Unavailable {
                store: "log",
                why: "away".into(),
            });
        }
        Ok(())
    }
}

struct World {
    record: EmbeddedStore,
    view: Watched,
    applied: Applied,
    clock: Arc<dyn Clock>,
    happened: Happened,
    _folder: tempfile::TempDir,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let config = store_embedded::Config::new(folder.path().join("store.sqlite"));
    let (record, happened) = (EmbeddedStore::open(config).unwrap(), Happened::default());
    World {
        view: Watched {
            real: record.clone(),
            happened: happened.clone(),
            refuses: false,
            is_away: false,
        },
        applied: Applied {
            record: record.clone(),
            happened: happened.clone(),
            pause: Duration::ZERO,
            fails: false,
        },
        clock: Arc::new(SystemClock),
        record,
        happened,
        _folder: folder,
    }
}

impl World {
    fn stores(&self) -> CollectionStores<'_> {
        CollectionStores {
            record: &self.record,
            view: Some(&self.view),
            clock: self.clock.as_ref(),
        }
    }

    async fn create(&self, mappings: Value) -> Result<Collection, CollectionError> {
        Record::migrate(&self.record, &[]).await.unwrap();
        let wanted = NewCollection {
            index: "i".into(),
            collection: "c".into(),
            mappings: Some(mappings),
            settings: None,
        };
        let created = self.stores().create(wanted).await;
        created.map(|created| created.collection)
    }

    async fn remap(&self, given: Value) -> Result<Collection, CollectionError> {
        self.stores()
            .remap(("i", "c"), &object(given), &self.applied)
            .await
    }

    async fn stands(&self) -> Option<Collection> {
        Record::collection(&self.record, "i", "c").await.unwrap()
    }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn fields(names: &[(&str, &str)]) -> Value {
    let field = |(name, kind): &(&str, &str)| ((*name).to_owned(), json!({"type": kind}));
    json!({"properties": Map::from_iter(names.iter().map(field))})
}

#[tokio::test]
async fn a_change_is_announced_settled_and_then_made() {
    let world = world();
    world.create(fields(&[("a", "long")])).await.unwrap();
    world.happened.lock().clear();
    let changed = world.remap(fields(&[("b", "ip")])).await.unwrap();
    let happened = world.happened.lock().clone();
    assert_eq!(happened, ["settled, changing: true", "view update"]);
    assert_eq!(
        changed.mappings,
        Some(fields(&[("a", "long"), ("b", "ip")]))
    );
    assert_eq!(world.stands().await, Some(changed));
    // What changes nothing waits for nothing.
    world.happened.lock().clear();
    world.remap(fields(&[("a", "long")])).await.unwrap();
    assert_eq!(*world.happened.lock(), [""; 0]);
}

#[tokio::test]
async fn meanwhile_a_document_must_fit_both() {
    let mut world = world();
    let strict = json!({"dynamic": "strict", "properties": {"a": {"type": "keyword"}}});
    world.create(strict).await.unwrap();
    world.applied.pause = Duration::from_millis(300);
    let given = json!({"properties": {"b": {"type": "long"}}});
    let body = |text: &str| -> Raw {
        Arc::from(serde_json::value::RawValue::from_string(text.to_owned()).unwrap())
    };
    let look = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let stands = world.stands().await.unwrap();
        assert!(stands.changing.is_some());
        let fits = |text: &str| world.view.check(&stands, "x", &body(text)).is_ok();
        assert!(fits(r#"{"a": "x"}"#));
        assert!(!fits(r#"{"b": 1}"#), "it does not fit what stands");
    };
    let (changed, ()) = futures::join!(world.remap(given), look);
    let changed = changed.unwrap();
    let fits = |text: &str| world.view.check(&changed, "x", &body(text)).is_ok();
    assert!(fits(r#"{"b": 1}"#));
    // And the other way: what the next mapping forbids is refused before it stands.
    let open = Collection {
        mappings: Some(json!({})),
        changing: Some(MappingChange {
            mappings: json!({"dynamic": "strict"}),
            since: 0,
            writes_both: false,
        }),
        ..changed
    };
    assert!(world.view.check(&open, "x", &body(r#"{"zz": 1}"#)).is_err());
}

#[tokio::test]
async fn what_cannot_be_made_is_taken_back() {
    let mut world = world();
    let made = world.create(fields(&[("a", "long")])).await.unwrap();
    world.view.refuses = true;
    let refused = world.remap(fields(&[("b", "ip")])).await;
    assert!(
        matches!(refused, Err(CollectionError::Refused(_))),
        "{refused:?}"
    );
    assert_eq!(world.stands().await, Some(made.clone()));
    world.view.refuses = false;
    world.applied.fails = true;
    let refused = world.remap(fields(&[("b", "ip")])).await;
    assert!(
        matches!(refused, Err(CollectionError::Store(_))),
        "{refused:?}"
    );
    assert_eq!(world.stands().await, Some(made));
    let fixed = world.remap(fields(&[("a", "ip")])).await;
    assert!(
        matches!(&fixed, Err(CollectionError::Fixed(bad)) if bad.pointer == "/properties/a/type"),
        "{fixed:?}"
    );
}

#[tokio::test]
async fn changes_at_once_are_all_made() {
    let world = world();
    world.create(fields(&[("a", "long")])).await.unwrap();
    let (one, two, three) = futures::join!(
        world.remap(fields(&[("b", "ip")])),
        world.remap(fields(&[("c", "ip")])),
        world.remap(fields(&[("d", "ip")])),
    );
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    let mappings = world.stands().await.unwrap().mappings.unwrap();
    for name in ["a", "b", "c", "d"] {
        assert!(mappings["properties"].get(name).is_some(), "{mappings}");
    }
}

#[tokio::test]
async fn what_was_abandoned_is_ended_by_the_next() {
    let mut world = world();
    let made = world.create(fields(&[("a", "long")])).await.unwrap();
    let abandoned = Collection {
        changing: Some(MappingChange {
            mappings: fields(&[("a", "long"), ("b", "ip")]),
            since: 1_000,
            writes_both: true,
        }),
        ..made.clone()
    };
    let record = &world.record;
    assert!(record.replace_collection(&abandoned, &made).await.unwrap());
    world.clock = Arc::new(ManualClock::at(60_000));
    let changed = world.remap(fields(&[("c", "ip")])).await.unwrap();
    let wanted = fields(&[("a", "long"), ("b", "ip"), ("c", "ip")]);
    assert_eq!(changed.mappings, Some(wanted));
    let happened = world.view.happened.lock().clone();
    let ended = happened
        .iter()
        .filter(|what| *what == "view ends its second place");
    assert_eq!(ended.count(), 1, "{happened:?}");
}

#[tokio::test]
async fn a_collection_that_was_emptied_meanwhile_is_not_changed() {
    let mut world = world();
    let made = world.create(fields(&[("a", "long")])).await.unwrap();
    world.applied.pause = Duration::from_millis(800);
    let empty = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let stands = world.stands().await.unwrap();
        world.stores().truncate(&stands).await.unwrap()
    };
    let (changed, emptied) = futures::join!(world.remap(fields(&[("b", "ip")])), empty);
    assert!(matches!(changed, Err(CollectionError::Gone)), "{changed:?}");
    assert_eq!(
        (&emptied.mappings, &emptied.changing),
        (&made.mappings, &None)
    );
    assert_eq!(world.stands().await, Some(emptied));
}

#[tokio::test]
async fn what_the_view_refuses_does_not_stand_in_the_record() {
    let mut world = world();
    world.view.refuses = true;
    let refused = world.create(fields(&[("a", "long")])).await;
    assert!(
        matches!(refused, Err(CollectionError::Refused(_))),
        "{refused:?}"
    );
    assert_eq!(world.stands().await, None);
    let malformed = world.create(fields(&[("a", "strnig")])).await;
    assert!(
        matches!(&malformed, Err(CollectionError::Malformed(bad)) if bad.pointer == "/properties/a/type"),
        "{malformed:?}"
    );
}

#[tokio::test]
async fn what_is_made_while_the_view_is_away_does_not_stand() {
    let mut world = world();
    world.view.is_away = true;
    let failed = world.create(fields(&[("a", "long")])).await;
    assert!(
        matches!(
            failed,
            Err(CollectionError::Store(StoreError::Unavailable { .. }))
        ),
        "{failed:?}"
    );
    assert_eq!(world.stands().await, None, "nobody writes to it");
    world.view.is_away = false;
    let made = world.create(fields(&[("a", "long")])).await.unwrap();
    assert_eq!(world.stands().await, Some(made.clone()));
    // And once more behind the record.
    let expected = format!("view create {}", made.incarnation);
    assert_eq!(*world.happened.lock(), [expected.clone(), expected.clone()]);
    // A call again makes the view follow.
    let again = world.create(fields(&[("b", "long")])).await.unwrap();
    assert_eq!(again, made);
    assert_eq!(*world.happened.lock(), vec![expected; 3]);
}

#[tokio::test]
async fn of_those_who_make_it_at_once_one_does() {
    let world = world();
    let mappings = || fields(&[("a", "long")]);
    let (one, two, three) = futures::join!(
        world.create(mappings()),
        world.create(mappings()),
        world.create(mappings())
    );
    let stands = world.stands().await.unwrap();
    for made in [one, two, three] {
        assert_eq!(made.unwrap(), stands);
    }
    let mut held = std::collections::BTreeSet::new();
    for what in world.happened.lock().iter() {
        let (what, incarnation) = what.strip_prefix("view ").unwrap().split_once(' ').unwrap();
        if what == "create" {
            held.insert(incarnation.to_owned());
        } else {
            held.remove(incarnation);
        }
    }
    assert_eq!(held.into_iter().collect::<Vec<_>>(), [stands.incarnation]);
}

#[tokio::test]
async fn nothing_is_dropped_while_the_view_is_away() {
    let mut world = world();
    let made = world.create(fields(&[("a", "long")])).await.unwrap();
    let all = [made.clone()];
    world.view.is_away = true;
    let failed = world.stores().drop_all(&all).await;
    assert!(
        matches!(failed, Err(StoreError::Unavailable { .. })),
        "{failed:?}"
    );
    assert_eq!(world.stands().await, Some(made.clone()));
    world.view.is_away = false;
    world.happened.lock().clear();
    world.stores().drop_all(&all).await.unwrap();
    assert_eq!(world.stands().await, None);
    let dropped = format!("view drop {}", made.incarnation);
    assert_eq!(
        *world.happened.lock(),
        ["view is ready".to_owned(), dropped]
    );
}
