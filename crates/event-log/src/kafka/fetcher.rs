//! Consumers that belong to no group and fetch partitions by hand, many each; every partition has
//! its own queue. Must never be asked for the same partition twice at a time: a second reader gets
//! another consumer.

use super::{
    bootstrap::Bootstrap,
    classify,
    config::{CheckedProperties, Quiet},
};
use parking_lot::Mutex;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer, base_consumer::PartitionQueue},
    error::{KafkaError, KafkaResult},
    types::RDKafkaErrorCode,
};
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long a broker may take to answer a question.
pub(super) const ASK: Duration = Duration::from_secs(10);
/// Before a question is asked again.
const BREATH: Duration = Duration::from_millis(50);
/// How often a consumer's own events are served; records do not pass here.
const ROUND: Duration = Duration::from_millis(100);

/// All of a connection.
pub(super) struct Fetchers {
    settings: Arc<CheckedProperties>,
    /// For streams that stay open.
    following: Mutex<Vec<Arc<Fetcher>>>,
    /// For short reads: they must not wait for a fetch that waits for news.
    reading: Mutex<Vec<Arc<Fetcher>>>,
    /// For questions.
    asking: Arc<Fetcher>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    Following,
    Reading,
}

impl Fetchers {
    pub fn new(settings: Arc<CheckedProperties>) -> KafkaResult<Self> {
        let asking = Fetcher::start(&settings, For::Reading)?;
        Ok(Self {
            settings,
            following: Mutex::default(),
            reading: Mutex::new(vec![asking.clone()]),
            asking,
        })
    }

    pub fn asking(&self) -> &Arc<BaseConsumer<Quiet>> {
        self.asking.consumer()
    }

    /// First offset kept and end of a partition. Blocks.
    pub fn watermarks(&self, topic: &str, partition: u16) -> KafkaResult<(u64, u64)> {
        fetch_watermarks(self.asking(), topic, partition)
    }

    /// Starts fetching a partition. Blocks, shortly.
    pub fn open(&self, what: For, topic: &str, partition: u16, offset: u64) -> KafkaResult<Lease> {
        let fetchers = match what {
            For::Following => &self.following,
            For::Reading => &self.reading,
        };
        let fetcher = {
            let mut fetchers = fetchers.lock();
            match fetchers
                .iter()
                .find(|fetcher| fetcher.reserve(topic, partition))
            {
                Some(fetcher) => fetcher.clone(),
                None => {
                    let fetcher = Fetcher::start(&self.settings, what)?;
                    fetcher.reserve(topic, partition);
                    fetchers.push(fetcher.clone());
                    fetcher
                }
            }
        };
        Lease::start(fetcher, topic, partition, offset)
    }
}

pub(super) fn fetch_watermarks(
    consumer: &BaseConsumer<Quiet>,
    topic: &str,
    partition: u16,
) -> KafkaResult<(u64, u64)> {
    // Asking for the watermarks of a topic that does not exist waits until the time is up.
    if !partition_exists(consumer, topic, partition)? {
        return Err(KafkaError::MetadataFetch(
            RDKafkaErrorCode::UnknownTopicOrPartition,
        ));
    }
    let start = Instant::now();
    loop {
        match consumer.fetch_watermarks(topic, i32::from(partition), ASK) {
            Ok((low, high)) => {
                return Ok((
                    u64::try_from(low).unwrap_or(0),
                    u64::try_from(high).unwrap_or(0),
                ));
            }
            Err(error) if classify::is_transient(&error) && start.elapsed() < ASK => {
                thread::sleep(BREATH)
            }
            Err(error) => return Err(error),
        }
    }
}

/// Is there such a partition? Blocks.
pub(super) fn partition_exists(
    consumer: &BaseConsumer<Quiet>,
    topic: &str,
    partition: u16,
) -> KafkaResult<bool> {
    let metadata = consumer.fetch_metadata(Some(topic), ASK)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    Ok(found.is_some_and(|found| {
        found
            .partitions()
            .iter()
            .any(|found| found.id() == i32::from(partition))
    }))
}

/// A consumer that is no member of a group, and the thread that serves it.
pub(super) struct ServedConsumer {
    pub consumer: Arc<BaseConsumer<Quiet>>,
    stop: Arc<AtomicBool>,
}

impl ServedConsumer {
    pub fn start(config: &ClientConfig, mut bootstrap: Bootstrap) -> KafkaResult<Self> {
        let consumer: Arc<BaseConsumer<Quiet>> = Arc::new(BaseConsumer::from_config_and_context(
            config,
            Quiet::default(),
        )?);
        let stop = Arc::new(AtomicBool::new(false));
        let (served, stopped) = (consumer.clone(), stop.clone());
        let serve = move || {
            while !stopped.load(Ordering::Acquire) {
                bootstrap.look(served.client());
                if let Some(Err(error)) = served.poll(ROUND) {
                    tracing::debug!(target: "kafka", %error, "the consumer goes on by itself");
                }
            }
        };
        thread::Builder::new()
            .name("kafka-fetch".into())
            .stack_size(256 << 10)
            .spawn(serve)
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(Self { consumer, stop })
    }
}

impl Drop for ServedConsumer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

pub(super) struct Fetcher {
    served: ServedConsumer,
    taken: Mutex<HashSet<(String, u16)>>,
}

impl Fetcher {
    fn start(settings: &CheckedProperties, what: For) -> KafkaResult<Arc<Self>> {
        let mut config = settings.fetcher();
        if what == For::Reading {
            config.set("fetch.wait.max.ms", "5");
        }
        Ok(Arc::new(Self {
            served: ServedConsumer::start(&config, settings.bootstrap())?,
            taken: Mutex::default(),
        }))
    }

    pub fn consumer(&self) -> &Arc<BaseConsumer<Quiet>> {
        &self.served.consumer
    }

    fn reserve(&self, topic: &str, partition: u16) -> bool {
        self.taken.lock().insert((topic.to_owned(), partition))
    }
}

/// A partition that is being fetched, until it is dropped.
pub(super) struct Lease {
    pub fetcher: Arc<Fetcher>,
    pub topic: String,
    pub partition: u16,
    /// Emptied first when the lease ends.
    pub queue: Option<PartitionQueue<Quiet>>,
}

impl Lease {
    fn start(fetcher: Arc<Fetcher>, topic: &str, partition: u16, offset: u64) -> KafkaResult<Self> {
        // Split before it is assigned: from then on the client leaves the queue where it is.
        let queue = fetcher
            .consumer()
            .split_partition_queue(topic, i32::from(partition));
        let lease = Self {
            fetcher,
            topic: topic.to_owned(),
            partition,
            queue,
        };
        let Some(queue) = &lease.queue else {
            return Err(KafkaError::MetadataFetch(
                RDKafkaErrorCode::UnknownPartition,
            ));
        };
        // What an earlier lease left unread.
        while queue.poll(Duration::ZERO).is_some() {}
        lease
            .fetcher
            .consumer()
            .incremental_assign(&lease.offset_list(Some(offset))?)?;
        Ok(lease)
    }

    /// Fetches from another offset.
    pub fn restart(&self, offset: u64) -> KafkaResult<()> {
        self.fetcher
            .consumer()
            .incremental_unassign(&self.offset_list(None)?)?;
        self.fetcher
            .consumer()
            .incremental_assign(&self.offset_list(Some(offset))?)
    }

    fn offset_list(&self, offset: Option<u64>) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(1);
        let mut partition = list.add_partition(&self.topic, i32::from(self.partition));
        if let Some(offset) = offset {
            partition.set_offset(Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX)))?;
        }
        Ok(list)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let stopped = self
            .offset_list(None)
            .and_then(|list| self.fetcher.consumer().incremental_unassign(&list));
        if let Err(error) = stopped {
            tracing::debug!(target: "kafka", %error, topic = self.topic, partition = self.partition, "the partition was not being fetched");
        }
        drop(self.queue.take());
        self.fetcher
            .taken
            .lock()
            .remove(&(self.topic.clone(), self.partition));
    }
}
