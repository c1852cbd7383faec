//! A member of a Kafka group. The group only says who owns what: a client of its own keeps the
//! membership and never fetches, and what is owned is fetched by hand from where its owner wants,
//! so no rebalance touches records and nothing is waited for in a callback.

use super::{
    classify,
    config::{CheckedProperties, Quiet},
    fetcher::{self, ASK, Fetchers, For, ServedConsumer},
    member::{self, GroupMembership},
    stream::{KafkaStream, Start, run_blocking},
};
use crate::{
    consumer::{
        Committed, Consumer, ConsumerError, ConsumerEvent, Groups, PartitionStream, StreamError,
    },
    ownership::{Ownership, RebalanceHeard},
};
use parking_lot::Mutex;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaError,
};
use std::{collections::HashMap, sync::Arc};

pub(super) struct KafkaGroups {
    settings: Arc<CheckedProperties>,
    fetchers: Arc<Fetchers>,
    /// Clients that ask for committed offsets from outside, by group.
    asking: Mutex<HashMap<String, ServedConsumer>>,
}

impl KafkaGroups {
    pub fn new(settings: Arc<CheckedProperties>, fetchers: Arc<Fetchers>) -> Self {
        Self {
            settings,
            fetchers,
            asking: Mutex::default(),
        }
    }

    fn asking(&self, group: &str) -> Result<Arc<BaseConsumer<Quiet>>, ConsumerError> {
        let mut asking = self.asking.lock();
        if let Some(served) = asking.get(group) {
            return Ok(served.consumer.clone());
        }
        let bootstrap = self.settings.bootstrap();
        let served = ServedConsumer::start(&self.settings.member(group), bootstrap)
            .map_err(|error| fatal_error(&error))?;
        let consumer = served.consumer.clone();
        asking.insert(group.to_owned(), served);
        Ok(consumer)
    }
}

#[async_trait::async_trait]
impl Groups for KafkaGroups {
    async fn join(&self, group: &str, topic: &str) -> Result<Box<dyn Consumer>, ConsumerError> {
        // Members of the newer protocol never hear that there is no such topic.
        let (asking, name) = (self.fetchers.asking().clone(), topic.to_owned());
        let found =
            tokio::task::spawn_blocking(move || fetcher::partition_exists(&asking, &name, 0)).await;
        match found.map_err(|error| ConsumerError::Unavailable(error.to_string()))? {
            Ok(true) => {}
            Ok(false) => return Err(ConsumerError::Fatal(format!("there is no topic `{topic}`"))),
            Err(error) => {
                return Err(classify::consumer_error(&error)
                    .unwrap_or_else(|| ConsumerError::Unavailable(error.to_string())));
            }
        }
        let ownership = Arc::new(Ownership::default());
        let membership = member::join_group(&self.settings, group, topic, ownership.clone())
            .map_err(|error| fatal_error(&error))?;
        Ok(Box::new(KafkaConsumer {
            topic: topic.to_owned(),
            membership,
            fetchers: self.fetchers.clone(),
            ownership,
            told: RebalanceHeard::default(),
        }))
    }

    async fn committed(
        &self,
        group: &str,
        topic: &str,
        partition: u16,
    ) -> Result<Option<Committed>, ConsumerError> {
        committed_offset(self.asking(group)?, topic.to_owned(), partition).await
    }
}

struct KafkaConsumer {
    topic: String,
    membership: GroupMembership,
    fetchers: Arc<Fetchers>,
    ownership: Arc<Ownership>,
    told: RebalanceHeard,
}

#[async_trait::async_trait]
impl Consumer for KafkaConsumer {
    async fn next(&mut self) -> Result<ConsumerEvent, ConsumerError> {
        self.ownership.next(&mut self.told).await
    }

    async fn open(
        &mut self,
        partition: u16,
        offset: u64,
    ) -> Result<Box<dyn PartitionStream>, StreamError> {
        let revoked = self.ownership.watch(&self.told, partition)?;
        let (fetchers, topic) = (self.fetchers.clone(), self.topic.clone());
        let open = move || {
            KafkaStream::open(
                &fetchers,
                For::Following,
                &topic,
                partition,
                Start::Offset(offset),
                Some(revoked),
            )
        };
        Ok(Box::new(run_blocking(open).await??))
    }

    fn commit(&self, partition: u16, offset: u64, metadata: &str) {
        let list = offset_list(&self.topic, partition, offset, metadata);
        let committed = list.and_then(|list| {
            self.membership
                .consumer()
                .commit(&list, rdkafka::consumer::CommitMode::Async)
        });
        if let Err(error) = committed {
            tracing::debug!(target: "kafka", %error, topic = self.topic, partition, offset, "the offset was not committed");
        }
    }

    async fn committed(&self, partition: u16) -> Result<Option<Committed>, ConsumerError> {
        committed_offset(
            self.membership.consumer().clone(),
            self.topic.clone(),
            partition,
        )
        .await
    }

    async fn leave(self: Box<Self>) {
        self.membership.leave().await;
    }
}

fn offset_list(
    topic: &str,
    partition: u16,
    offset: u64,
    metadata: &str,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(1);
    let mut element = list.add_partition(topic, i32::from(partition));
    element.set_offset(Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX)))?;
    element.set_metadata(metadata);
    Ok(list)
}

async fn committed_offset<C: ConsumerContext + 'static>(
    consumer: Arc<BaseConsumer<C>>,
    topic: String,
    partition: u16,
) -> Result<Option<Committed>, ConsumerError> {
    let ask = move || {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(&topic, i32::from(partition));
        let answer = consumer.committed_offsets(list, ASK)?;
        let element = answer.find_partition(&topic, i32::from(partition));
        let Some(element) = element else {
            return Ok(None);
        };
        element.error()?;
        let offset = element
            .offset()
            .to_raw()
            .and_then(|offset| u64::try_from(offset).ok());
        Ok(offset.map(|offset| Committed {
            offset,
            metadata: element.metadata().to_owned(),
        }))
    };
    match tokio::task::spawn_blocking(ask).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(classify::consumer_error(&error)
            .unwrap_or_else(|| ConsumerError::Unavailable(error.to_string()))),
        Err(error) => Err(ConsumerError::Unavailable(error.to_string())),
    }
}

fn fatal_error(error: &KafkaError) -> ConsumerError {
    ConsumerError::Fatal(error.to_string())
}
