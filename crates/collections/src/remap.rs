//! Mappings change while documents are written: for a while a document must fit the mappings that
//! stand and those that will. Both go into the record first; when every worker knows, and what was
//! decided before is applied, the view takes the new ones; then they stand alone. The answer comes
//! when that, too, is known to every worker.

use super::{CollectionError, CollectionStores, GRACE, of_view};
use serde_json::{Map, Value};
use std::time::Duration;
use store::{Collection, MappingChange, StoreError, mapping::change};
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

/// Says when everything that was decided before the call is applied.
#[async_trait::async_trait]
pub trait Settled: Send + Sync {
    async fn settled(&self) -> Result<(), StoreError>;
}

/// How long what is under way may take to be applied.
const APPLIED_WITHIN: Duration = Duration::from_secs(15);
/// A change that is older than this was left behind by a process that is gone: the next one ends
/// it.
const ABANDONED: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

impl CollectionStores<'_> {
    /// Puts mappings on those that stand. Nothing is changed where that is refused.
    pub async fn remap(
        &self,
        (index, name): (&str, &str),
        given: &Map<String, Value>,
        settled: &dyn Settled,
    ) -> Result<Collection, CollectionError> {
        let deadline = Instant::now() + ABANDONED * 2;
        loop {
            let stands = self.record.collection(index, name).await?;
            let stands = stands.ok_or(CollectionError::Gone)?;
            if let Some(change) = &stands.changing {
                let age = self.clock.now().saturating_sub(change.since);
                if age >= ABANDONED.as_millis() as i64 {
                    warn!(
                        collection = stands.name(),
                        "a mapping change was abandoned; ending it"
                    );
                    // Whatever becomes of it, the next look sees.
                    let _ = self.carry_through(&stands, settled).await;
                    self.end_second_place(&stands).await?;
                } else {
                    sleep(LOOK).await;
                }
            } else {
                let settings = stands.settings.as_ref();
                let mappings = change::put_mappings(stands.mappings.as_ref(), given, settings)?;
                if stands.mappings.as_ref() == Some(&mappings) {
                    return Ok(stands);
                }
                let since = self.clock.now();
                let announced = Collection {
                    changing: Some(MappingChange {
                        mappings,
                        since,
                        writes_both: false,
                    }),
                    ..stands.clone()
                };
                if self.record.replace_collection(&announced, &stands).await? {
                    return self.carry_through(&announced, settled).await;
                }
            }
            if Instant::now() >= deadline {
                let why = "another change of them does not end".to_owned();
                return Err(CollectionError::Busy(why));
            }
        }
    }

    /// A second place that the process which is gone has made: nobody writes to it once its change is
    /// not announced any more.
    async fn end_second_place(&self, abandoned: &Collection) -> Result<(), StoreError> {
        let Collection {
            index, collection, ..
        } = abandoned;
        let found = self.record.collection(index, collection).await?;
        let is_over = found
            .is_some_and(|it| it.incarnation == abandoned.incarnation && it.changing.is_none());
        if let Some(view) = self.view.filter(|_| is_over) {
            sleep(GRACE).await;
            if let Err(error) = view.end_succession(abandoned).await {
                info!(%error, "no second place was removed");
            }
        }
        Ok(())
    }

    /// From the announcement to the end; a change that cannot be made is taken back.
    async fn carry_through(
        &self,
        announced: &Collection,
        settled: &dyn Settled,
    ) -> Result<Collection, CollectionError> {
        let standing = Collection {
            changing: None,
            ..announced.clone()
        };
        let done = Collection {
            mappings: announced
                .changing
                .as_ref()
                .map(|change| change.mappings.clone()),
            ..standing.clone()
        };
        if let Err(error) = self.move_view(&done, settled).await {
            self.record.replace_collection(&standing, announced).await?;
            return Err(error);
        }
        if !self.record.replace_collection(&done, announced).await? {
            return Err(CollectionError::Gone);
        }
        sleep(GRACE).await;
        info!(collection = done.name(), "mappings are changed");
        Ok(done)
    }

    /// The view takes the new mappings once nothing is under way that was planned by the old ones
    /// alone.
    async fn move_view(
        &self,
        done: &Collection,
        settled: &dyn Settled,
    ) -> Result<(), CollectionError> {
        sleep(GRACE).await;
        let applied = timeout(APPLIED_WITHIN, settled.settled()).await;
        applied.map_err(|_| {
            CollectionError::Busy("what was decided before is not applied yet".to_owned())
        })??;
        match self.view {
            Some(view) => view.update_collection(done).await.map_err(of_view),
            None => Ok(()),
        }
    }
}
