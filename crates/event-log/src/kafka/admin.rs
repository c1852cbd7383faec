//! Topics on Kafka: create, check, measure, delete behind an offset, and say what an
//! acknowledgement is worth. Must never change a topic that is there.

use super::{
    ConnectError,
    bootstrap::Occasional,
    classify,
    config::{CheckedProperties, Quiet},
    fetcher::{ASK, Fetchers},
    ffi,
    topics::KnownTopics,
};
use crate::admin::{
    Admin, AdminError, CleanupPolicy, Durability, Offsets, TopicProblem, TopicSpec, Weakness,
};
use rdkafka::{
    Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
    config::FromClientConfig,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    types::RDKafkaErrorCode as Code,
};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// What a record costs beside key, value and headers, generously.
const RECORD_OVERHEAD: usize = 64 << 10;
/// No topic takes less: it must hold a batch of the publisher.
const LEAST_LIMIT: usize = 1_048_588;
/// More replicas than this are not asked for by themselves.
const REPLICAS: usize = 3;
/// How long brokers may be fenced before that is taken for the number there is.
const UNFENCED: Duration = Duration::from_secs(20);
/// Between attempts meanwhile.
const AGAIN: Duration = Duration::from_millis(500);

pub(super) struct KafkaAdmin {
    client: Arc<AdminClient<DefaultClientContext>>,
    bootstrap: Arc<Occasional>,
    topics: Arc<KnownTopics>,
    fetchers: Arc<Fetchers>,
}

/// A topic as it is.
struct TopicDescription {
    partitions: u16,
    replicas: usize,
    settings: HashMap<String, String>,
}

impl KafkaAdmin {
    pub fn new(
        settings: &CheckedProperties,
        topics: Arc<KnownTopics>,
        fetchers: Arc<Fetchers>,
    ) -> Result<Self, ConnectError> {
        Ok(Self {
            client: Arc::new(AdminClient::from_config(&settings.admin())?),
            bootstrap: Arc::new(Occasional::new(settings.bootstrap())),
            topics,
            fetchers,
        })
    }

    /// To be used at once.
    async fn client(&self) -> &AdminClient<DefaultClientContext> {
        let (client, bootstrap) = (self.client.clone(), self.bootstrap.clone());
        let looked = tokio::task::spawn_blocking(move || bootstrap.bring_back(client.inner()));
        // A look that failed says nothing of the client.
        let _ = looked.await;
        &self.client
    }

    async fn ask_broker<T: Send + 'static>(
        &self,
        topic: &str,
        act: impl FnOnce(&BaseConsumer<Quiet>) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, AdminError> {
        let consumer = self.fetchers.asking().clone();
        let context = consumer.context().clone();
        let answer = tokio::task::spawn_blocking(move || act(&consumer)).await;
        let answer = answer.map_err(|error| AdminError::Unavailable(error.to_string()))?;
        match answer.map_err(|error| classify::admin_error(&error, topic)) {
            // The client says only that no broker answers; why, it told its context.
            Err(AdminError::Unavailable(why)) => match context.denial() {
                Some(reason) => Err(AdminError::Denied(reason)),
                None => Err(AdminError::Unavailable(why)),
            },
            answer => {
                context.reached();
                answer
            }
        }
    }

    /// Creates the topics that do not exist. The inner error may pass: the controller has fenced
    /// brokers that it counts on again when they send their next heartbeat.
    async fn create_missing(&self, topics: &[TopicSpec]) -> Result<Result<(), Code>, AdminError> {
        let (found, brokers) = self.describe_topics(topics).await?;
        let missing: Vec<_> = topics
            .iter()
            .filter(|spec| !found.contains_key(&spec.name))
            .collect();
        if missing.is_empty() {
            return Ok(Ok(()));
        }
        let replicas = brokers.clamp(1, REPLICAS);
        let settings: Vec<_> = missing
            .iter()
            .map(|spec| (*spec, topic_settings(spec, replicas)))
            .collect();
        let new: Vec<_> = settings
            .iter()
            .map(|(spec, settings)| new_topic(spec, replicas, settings))
            .collect();
        let answers = self
            .client()
            .await
            .create_topics(&new, &admin_options())
            .await
            .map_err(|error| classify::admin_error(&error, ""))?;
        for answer in answers {
            match answer {
                // Somebody else created it meanwhile; the check that follows sees how.
                Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
                Err((_, code @ Code::InvalidReplicationFactor)) => return Ok(Err(code)),
                Err((name, code)) => {
                    return Err(classify::admin_error(&KafkaError::AdminOp(code), &name));
                }
            }
        }
        Ok(Ok(()))
    }

    /// The topics that exist, with their settings, and the number of brokers.
    async fn describe_topics(
        &self,
        specs: &[TopicSpec],
    ) -> Result<(HashMap<String, TopicDescription>, usize), AdminError> {
        let metadata = self
            .ask_broker("", |consumer| consumer.fetch_metadata(None, ASK))
            .await?;
        let wanted = metadata.topics().iter().filter(|topic| {
            topic.error().is_none() && specs.iter().any(|spec| spec.name == topic.name())
        });
        let mut found: HashMap<String, TopicDescription> = wanted
            .map(|topic| {
                let replicas = topic
                    .partitions()
                    .iter()
                    .map(|partition| partition.replicas().len())
                    .min()
                    .unwrap_or(0);
                let partitions = u16::try_from(topic.partitions().len()).unwrap_or(u16::MAX);
                (
                    topic.name().to_owned(),
                    TopicDescription {
                        partitions,
                        replicas,
                        settings: HashMap::new(),
                    },
                )
            })
            .collect();
        let names: Vec<String> = found.keys().cloned().collect();
        let resources: Vec<_> = names
            .iter()
            .map(|name| ResourceSpecifier::Topic(name))
            .collect();
        if !resources.is_empty() {
            let answers = self
                .client()
                .await
                .describe_configs(&resources, &admin_options())
                .await
                .map_err(|error| classify::admin_error(&error, ""))?;
            // Answers come in the order of the question.
            for (name, answer) in names.iter().zip(answers) {
                let resource = answer
                    .map_err(|code| classify::admin_error(&KafkaError::AdminOp(code), name))?;
                let settings = resource
                    .entries
                    .into_iter()
                    .filter_map(|entry| Some((entry.name, entry.value?)))
                    .collect();
                found
                    .entry(name.clone())
                    .and_modify(|found| found.settings = settings);
            }
        }
        Ok((found, metadata.brokers().len()))
    }
}

#[async_trait::async_trait]
impl Admin for KafkaAdmin {
    async fn create(&self, topics: &[TopicSpec]) -> Result<Vec<TopicProblem>, AdminError> {
        let start = Instant::now();
        while let Err(code) = self.create_missing(topics).await? {
            if start.elapsed() >= UNFENCED {
                return Err(classify::admin_error(&KafkaError::AdminOp(code), ""));
            }
            tokio::time::sleep(AGAIN).await;
        }
        // A broker may not know at once what the controller just created.
        let mut problems = self.check(topics).await?;
        for _ in 0..50 {
            if !problems
                .iter()
                .any(|problem| matches!(problem, TopicProblem::Missing { .. }))
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            problems = self.check(topics).await?;
        }
        Ok(problems)
    }

    async fn check(&self, topics: &[TopicSpec]) -> Result<Vec<TopicProblem>, AdminError> {
        let (found, _) = self.describe_topics(topics).await?;
        let mut problems = Vec::new();
        for spec in topics {
            match found.get(&spec.name) {
                Some(topic) => {
                    self.topics.learn(spec, topic.partitions);
                    problems.extend(topic_differences(spec, topic));
                }
                None => problems.push(TopicProblem::Missing {
                    topic: spec.name.clone(),
                }),
            }
        }
        Ok(problems)
    }

    async fn offsets(&self, topic: &str, partition: u16) -> Result<Offsets, AdminError> {
        let name = topic.to_owned();
        let (earliest, end) = self
            .ask_broker(topic, move |consumer| {
                super::fetcher::fetch_watermarks(consumer, &name, partition)
            })
            .await?;
        Ok(Offsets { earliest, end })
    }

    async fn topic_ids(&self, topics: &[&str]) -> Result<Vec<Option<String>>, AdminError> {
        let consumer = self.fetchers.asking().clone();
        let names: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let asking =
            tokio::task::spawn_blocking(move || ffi::topic_ids(consumer.client(), &names, ASK));
        let answer = asking.await;
        answer.map_err(|error| AdminError::Unavailable(error.to_string()))?
    }

    async fn delete_before(
        &self,
        topic: &str,
        partition: u16,
        offset: u64,
    ) -> Result<(), AdminError> {
        let mut list = TopicPartitionList::with_capacity(1);
        let wanted = Offset::Offset(
            i64::try_from(offset).map_err(|_| AdminError::BeyondEnd { wanted: offset })?,
        );
        list.add_partition_offset(topic, i32::from(partition), wanted)
            .map_err(|error| classify::admin_error(&error, topic))?;
        let answer = self
            .client()
            .await
            .delete_records(&list, &admin_options())
            .await
            .map_err(|error| classify::admin_error(&error, topic))?;
        for element in answer.elements() {
            match element.error() {
                Ok(()) => {}
                Err(error) if classify::error_code(&error) == Some(Code::OffsetOutOfRange) => {
                    return Err(AdminError::BeyondEnd { wanted: offset });
                }
                Err(error) => return Err(classify::admin_error(&error, topic)),
            }
        }
        Ok(())
    }

    async fn durability(
        &self,
        topics: &[TopicSpec],
    ) -> Result<(Durability, Vec<Weakness>), AdminError> {
        let (found, _) = self.describe_topics(topics).await?;
        let mut weaknesses = Vec::new();
        let mut replicated = true;
        for spec in topics.iter().filter(|spec| spec.durable) {
            let topic = found
                .get(&spec.name)
                .ok_or_else(|| AdminError::UnknownPartition(spec.name.clone()))?;
            let weak = topic_weaknesses(spec, topic);
            replicated &= topic.replicas >= 3 && in_sync_replicas(topic) >= 2;
            weaknesses.extend(weak);
        }
        Ok((
            if replicated {
                Durability::Replicated
            } else {
                Durability::Logged
            },
            weaknesses,
        ))
    }
}

fn admin_options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(ASK))
        .operation_timeout(Some(ASK))
}

fn new_topic<'a>(
    spec: &'a TopicSpec,
    replicas: usize,
    settings: &'a [(&'static str, String)],
) -> NewTopic<'a> {
    let replicas = TopicReplication::Fixed(i32::try_from(replicas).unwrap_or(1));
    let topic = NewTopic::new(&spec.name, i32::from(spec.partitions), replicas);
    settings
        .iter()
        .fold(topic, |topic, (name, value)| topic.set(name, value))
}

/// What a topic is created with.
fn topic_settings(spec: &TopicSpec, replicas: usize) -> Vec<(&'static str, String)> {
    let mut settings = required_settings(spec);
    settings.push(("max.message.bytes", message_limit(spec).to_string()));
    settings.push(("unclean.leader.election.enable", "false".into()));
    if replicas >= REPLICAS && spec.durable {
        settings.push(("min.insync.replicas", "2".into()));
    }
    settings
}

/// What a topic must have, to the letter.
fn required_settings(spec: &TopicSpec) -> Vec<(&'static str, String)> {
    let (policy, retention) = match spec.cleanup {
        CleanupPolicy::Keep => ("delete", Some("-1".to_owned())),
        CleanupPolicy::Age(millis) => ("delete", Some(millis.to_string())),
        CleanupPolicy::Compact => ("compact", None),
    };
    let mut settings = vec![
        ("cleanup.policy", policy.to_owned()),
        ("message.timestamp.type", "LogAppendTime".into()),
    ];
    settings.extend(retention.map(|retention| ("retention.ms", retention)));
    if spec.cleanup == CleanupPolicy::Keep {
        settings.push(("retention.bytes", "-1".into()));
    }
    settings
}

fn message_limit(spec: &TopicSpec) -> usize {
    spec.record_limit
        .saturating_add(RECORD_OVERHEAD)
        .max(LEAST_LIMIT)
}

fn topic_differences(spec: &TopicSpec, topic: &TopicDescription) -> Vec<TopicProblem> {
    let found = |name: &str| topic.settings.get(name).cloned().unwrap_or_default();
    let problem = |setting: &str, expected: String, found: String| TopicProblem::Setting {
        topic: spec.name.clone(),
        setting: setting.into(),
        expected,
        found,
    };
    let mut problems = Vec::new();
    if topic.partitions != spec.partitions {
        problems.push(problem(
            "partitions",
            spec.partitions.to_string(),
            topic.partitions.to_string(),
        ));
    }
    for (name, expected) in required_settings(spec) {
        if found(name) != expected {
            problems.push(problem(name, expected, found(name)));
        }
    }
    if found("max.message.bytes").parse::<usize>().unwrap_or(0) < message_limit(spec) {
        problems.push(problem(
            "max.message.bytes",
            format!("{} or more", message_limit(spec)),
            found("max.message.bytes"),
        ));
    }
    problems
}

fn in_sync_replicas(topic: &TopicDescription) -> usize {
    topic
        .settings
        .get("min.insync.replicas")
        .and_then(|value| value.parse().ok())
        .unwrap_or(1)
}

fn topic_weaknesses(spec: &TopicSpec, topic: &TopicDescription) -> Vec<Weakness> {
    let weakness = |setting: &str, found: String, wanted: &str, consequence: &str| Weakness {
        setting: format!("{}: {setting}", spec.name),
        found,
        wanted: wanted.into(),
        consequence: consequence.into(),
    };
    let mut weaknesses = Vec::new();
    if topic.replicas < 3 {
        let consequence = "the loss of a disk loses acknowledged records";
        weaknesses.push(weakness(
            "replication",
            topic.replicas.to_string(),
            "3 or more",
            consequence,
        ));
    }
    if in_sync_replicas(topic) < 2 {
        let consequence =
            "a record is acknowledged when only one broker has it, and is lost with that broker";
        weaknesses.push(weakness(
            "min.insync.replicas",
            in_sync_replicas(topic).to_string(),
            "2 or more",
            consequence,
        ));
    }
    if topic
        .settings
        .get("unclean.leader.election.enable")
        .is_some_and(|value| value == "true")
    {
        let consequence = "a broker that lacks acknowledged records may become leader";
        weaknesses.push(weakness(
            "unclean.leader.election.enable",
            "true".into(),
            "false",
            consequence,
        ));
    }
    weaknesses
}

#[cfg(test)]
mod tests;
