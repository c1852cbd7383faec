//! What must stand before a service runs: topics, tables, the catalog's own collections. All of it
//! can be repeated and overwrites nothing. The same steps for every driver.

use catalog::Catalog;
use collections::{CollectionError, CollectionStores, Created, NewCollection};
use event_log::{CleanupPolicy, TopicSpec};
use event_schema::topics::{ALL, Cleanup, Layout};
use runtime::{Clock, Health, SystemClock, health::Weakened};
use serde::Serialize;
use serde_json::{Map, Value};
use store::{
    Collection, Record, StoreError, View, mapping::change, schema::MigrationReport,
    view::HeldIncarnation,
};

/// What a migration did or found.
#[derive(Clone, Debug, Serialize)]
pub struct Prepared {
    pub record: MigrationReport,
    pub view: Option<MigrationReport>,
    /// The catalog's own collections.
    pub collections: MigrationReport,
}

impl Prepared {
    /// What differs from the definitions and was left as it is.
    pub fn drift(&self) -> impl Iterator<Item = &str> {
        self.reports()
            .flat_map(|report| &report.drift)
            .map(String::as_str)
    }

    /// What stands beside what the definitions ask for.
    pub fn undeclared(&self) -> impl Iterator<Item = &str> {
        self.reports()
            .flat_map(|report| &report.undeclared)
            .map(String::as_str)
    }

    pub fn reports(&self) -> impl Iterator<Item = &MigrationReport> {
        [&self.record, &self.collections]
            .into_iter()
            .chain(&self.view)
    }
}

/// The table of topics, as this deployment names and sizes them.
pub fn topic_specs(layout: &Layout) -> Vec<TopicSpec> {
    let spec = |topic| TopicSpec {
        name: layout.name(topic),
        partitions: layout.partitions(topic),
        cleanup: match topic.cleanup {
            Cleanup::ByOwner => CleanupPolicy::Keep,
            Cleanup::Age(millis) => CleanupPolicy::Age(millis),
            Cleanup::Compact => CleanupPolicy::Compact,
        },
        record_limit: layout.record_limit(topic),
        durable: topic.durable,
    };
    ALL.iter().map(spec).collect()
}

/// Tables and collections.
pub async fn prepare_stores(
    catalog: &Catalog,
    record: &dyn Record,
    view: Option<&dyn View>,
    clock: &dyn Clock,
) -> Result<Prepared, StoreError> {
    record.check_settings().await?;
    let tables = record.migrate(catalog.tables()).await?;
    let collections = own_collections(
        catalog,
        CollectionStores {
            record,
            view,
            clock,
        },
    )
    .await?;
    let view = match view {
        Some(view) => Some(view.migrate(&record.collections().await?).await?),
        None => None,
    };
    Ok(Prepared {
        record: tables,
        view,
        collections,
    })
}

/// Places in the view that belong to no collection of the record.
pub async fn find_leftovers(
    record: &dyn Record,
    view: &dyn View,
) -> Result<Vec<HeldIncarnation>, StoreError> {
    let stores = CollectionStores {
        record,
        view: Some(view),
        clock: &SystemClock,
    };
    stores.leftovers().await
}

async fn own_collections(
    catalog: &Catalog,
    stores: CollectionStores<'_>,
) -> Result<MigrationReport, StoreError> {
    let mut report = MigrationReport::default();
    for own in catalog.collections() {
        let given = |value: &serde_json::Value| (!value.is_null()).then(|| value.clone());
        let wanted = NewCollection {
            index: own.index.clone(),
            collection: own.collection.clone(),
            mappings: given(&own.mappings),
            settings: given(&own.settings),
        };
        let Created {
            collection: stands,
            fresh,
        } = stores
            .create(wanted.clone())
            .await
            .map_err(collection_failure)?;
        if fresh {
            report.created.push(format!("collection {}", stands.name()));
        } else if stands.mappings == wanted.mappings && stands.settings == wanted.settings {
            report.unchanged += 1;
        } else if has_more_fields(&stands, &wanted) {
            let name = stands.name();
            report.undeclared.push(format!("collection {name}: fields"));
        } else {
            report.drift.push(format!(
                "collection {}: its mappings or settings are not the catalog's",
                stands.name()
            ));
        }
    }
    Ok(report)
}

/// Has everything that is asked for, and other fields beside it.
fn has_more_fields(stands: &Collection, wanted: &NewCollection) -> bool {
    let parts = |mappings: &Option<Value>| {
        let mut rest = mappings.as_ref()?.as_object()?.clone();
        let fields = rest.remove("properties");
        Some((fields, rest))
    };
    let Some(((_, standing), (Some(fields), rest))) =
        parts(&stands.mappings).zip(parts(&wanted.mappings))
    else {
        return false;
    };
    let given = Map::from_iter([("properties".to_owned(), fields)]);
    let settings = stands.settings.as_ref();
    let with_them = change::put_mappings(stands.mappings.as_ref(), &given, settings);
    standing == rest
        && stands.settings == wanted.settings
        && with_them.ok().as_ref() == stands.mappings.as_ref()
}

fn collection_failure(error: CollectionError) -> StoreError {
    match error {
        CollectionError::Store(error) => error,
        other => StoreError::Refused {
            store: "collections",
            why: other.to_string(),
        },
    }
}

/// Puts into `/readyz` which settings weaken which promise; a store that cannot tell now says so in
/// its own state.
pub async fn name_weaknesses(
    health: &Health,
    log: Vec<event_log::Weakness>,
    record: &dyn Record,
    view: Option<&dyn View>,
) {
    name_weak_log(health, log);
    let view = match view {
        Some(view) => Some((view.name(), view.weaknesses().await)),
        None => None,
    };
    for (name, weaknesses) in
        std::iter::once((record.name(), record.weaknesses().await)).chain(view)
    {
        let Ok(weaknesses) = weaknesses else { continue };
        let named = weaknesses.into_iter().map(
            |store::schema::Weakness {
                 setting,
                 found,
                 wanted,
                 consequence,
             }| {
                weakened_log(
                    name,
                    event_log::Weakness {
                        setting,
                        found,
                        wanted,
                        consequence,
                    },
                )
            },
        );
        health.set_weakened(name, named.collect());
    }
}

/// The same of the log alone.
pub fn name_weak_log(health: &Health, log: Vec<event_log::Weakness>) {
    health.set_weakened(
        "log",
        log.into_iter()
            .map(|weakness| weakened_log("log", weakness))
            .collect(),
    );
}

fn weakened_log(component: &str, weakness: event_log::Weakness) -> Weakened {
    Weakened {
        component: component.to_owned(),
        setting: weakness.setting,
        found: weakness.found,
        wanted: weakness.wanted,
        consequence: weakness.consequence,
    }
}

/// A worker's or a notifier's name in its records: unique for each start.
pub fn owner_name() -> String {
    format!(
        "{}-{}",
        std::process::id(),
        collections::fresh_incarnation()
    )
}
