//! Topics of the embedded log: create, check, measure, delete behind an offset.

use super::{Core, topic::EmbeddedTopic};
use crate::admin::{Admin, AdminError, Durability, Offsets, TopicProblem, TopicSpec, Weakness};
use segment_log::RetentionError;
use std::sync::Arc;

pub(super) struct EmbeddedAdmin(pub Arc<Core>);

#[async_trait::async_trait]
impl Admin for EmbeddedAdmin {
    async fn create(&self, topics: &[TopicSpec]) -> Result<Vec<TopicProblem>, AdminError> {
        let specs = topics.to_vec();
        run_blocking(&self.0, move |core| {
            specs.iter().try_for_each(|spec| core.topics.create(spec))
        })
        .await?;
        self.check(topics).await
    }

    async fn check(&self, topics: &[TopicSpec]) -> Result<Vec<TopicProblem>, AdminError> {
        Ok(topics
            .iter()
            .flat_map(|spec| match self.0.topics.get(&spec.name) {
                Some(topic) => topic_differences(spec, &topic),
                None => vec![TopicProblem::Missing {
                    topic: spec.name.clone(),
                }],
            })
            .collect())
    }

    async fn offsets(&self, topic: &str, partition: u16) -> Result<Offsets, AdminError> {
        let partition = self
            .0
            .topics
            .partition(topic, partition)
            .ok_or_else(|| AdminError::UnknownPartition(topic.to_owned()))?;
        let bounds = partition.log.bounds();
        Ok(Offsets {
            earliest: bounds.earliest,
            end: bounds.end,
        })
    }

    async fn topic_ids(&self, topics: &[&str]) -> Result<Vec<Option<String>>, AdminError> {
        let id = |name: &&str| match self.0.topics.get(name) {
            Some(topic) => Ok(Some(topic.about.id.clone())),
            None => Err(AdminError::UnknownPartition((*name).to_owned())),
        };
        topics.iter().map(id).collect()
    }

    async fn delete_before(
        &self,
        topic: &str,
        partition: u16,
        offset: u64,
    ) -> Result<(), AdminError> {
        let partition = self
            .0
            .topics
            .partition(topic, partition)
            .ok_or_else(|| AdminError::UnknownPartition(topic.to_owned()))?;
        run_blocking(&self.0, move |_| {
            partition
                .log
                .delete_before(offset)
                .map_err(|error| match error {
                    RetentionError::BeyondEnd { wanted, .. } => AdminError::BeyondEnd { wanted },
                    RetentionError::Io(error) => AdminError::Unavailable(error.to_string()),
                })
        })
        .await
    }

    async fn durability(
        &self,
        topics: &[TopicSpec],
    ) -> Result<(Durability, Vec<Weakness>), AdminError> {
        let weak = |spec: &TopicSpec| {
            let topic = self.0.topics.get(&spec.name)?;
            (spec.durable && !topic.about.durable).then(|| Weakness {
                setting: format!("{}: durable", spec.name),
                found: "false".into(),
                wanted: "true".into(),
                consequence: "a power cut loses records that were acknowledged".into(),
            })
        };
        Ok((
            Durability::Embedded,
            topics.iter().filter_map(weak).collect(),
        ))
    }
}

fn topic_differences(spec: &TopicSpec, topic: &EmbeddedTopic) -> Vec<TopicProblem> {
    let about = &topic.about;
    let settings = [
        (
            "partitions",
            spec.partitions.to_string(),
            about.partitions.to_string(),
        ),
        (
            "cleanup",
            format!("{:?}", spec.cleanup),
            format!("{:?}", about.cleanup),
        ),
        (
            "record_limit",
            spec.record_limit.to_string(),
            about.record_limit.to_string(),
        ),
        (
            "durable",
            spec.durable.to_string(),
            about.durable.to_string(),
        ),
    ];
    settings
        .into_iter()
        .filter(|(_, expected, found)| expected != found)
        .map(|(setting, expected, found)| TopicProblem::Setting {
            topic: spec.name.clone(),
            setting: setting.into(),
            expected,
            found,
        })
        .collect()
}

async fn run_blocking<T: Send + 'static>(
    core: &Arc<Core>,
    act: impl FnOnce(&Core) -> Result<T, AdminError> + Send + 'static,
) -> Result<T, AdminError> {
    let core = core.clone();
    tokio::task::spawn_blocking(move || act(&core))
        .await
        .map_err(|error| AdminError::Unavailable(error.to_string()))?
}
