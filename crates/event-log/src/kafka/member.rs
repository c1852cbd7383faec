//! The client that keeps a membership alive, and its thread. Fetches nothing: what it is assigned
//! is paused at once. Must never wait in a rebalance, which would stop every partition of the
//! group.

use super::{
    classify,
    config::{self, CheckedProperties},
};
use crate::ownership::{Ownership, TakenPartition};
use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    bindings::rd_kafka_resp_err_t as Answer,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, KafkaResult},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

/// How often the thread looks whether it is to leave; events are served as they come.
const ROUND: Duration = Duration::from_millis(100);

pub(super) struct GroupMembership {
    consumer: Option<Arc<BaseConsumer<MemberContext>>>,
    stop: Arc<AtomicBool>,
    left: Option<oneshot::Receiver<()>>,
}

pub(super) fn join_group(
    settings: &CheckedProperties,
    group: &str,
    topic: &str,
    ownership: Arc<Ownership>,
) -> KafkaResult<GroupMembership> {
    let context = MemberContext {
        topic: topic.to_owned(),
        ownership,
    };
    let consumer: Arc<BaseConsumer<MemberContext>> = Arc::new(
        BaseConsumer::from_config_and_context(&settings.member(group), context)?,
    );
    consumer.subscribe(&[topic])?;
    let stop = Arc::new(AtomicBool::new(false));
    let (left, has_left) = oneshot::channel();
    let (served, stopped) = (consumer.clone(), stop.clone());
    let mut bootstrap = settings.bootstrap();
    let serve = move || {
        while !stopped.load(Ordering::Acquire) {
            bootstrap.look(served.client());
            if let Some(Err(error)) = served.poll(ROUND) {
                served.context().report(&error);
            }
        }
        let context = served.context().clone();
        leave_group(served);
        context.ownership.take_all(TakenPartition::Revoked);
        // Nobody waits when the member was dropped.
        let _ = left.send(());
    };
    thread::Builder::new()
        .name("kafka-member".into())
        .stack_size(512 << 10)
        .spawn(serve)
        .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
    Ok(GroupMembership {
        consumer: Some(consumer),
        stop,
        left: Some(has_left),
    })
}

/// Leaves the group and serves the last rebalance.
fn leave_group(consumer: Arc<BaseConsumer<MemberContext>>) {
    if let Err(error) = consumer.close_queue() {
        tracing::debug!(target: "kafka", %error, "the group could not be left in order");
        return;
    }
    while !consumer.closed() {
        consumer.poll(ROUND);
    }
}

impl GroupMembership {
    pub fn consumer(&self) -> &Arc<BaseConsumer<MemberContext>> {
        self.consumer
            .as_ref()
            .expect("only taken when it is dropped")
    }

    pub async fn leave(mut self) {
        self.stop.store(true, Ordering::Release);
        // The thread must be the last to hold the client: whoever lets go last waits until it is
        // gone.
        drop(self.consumer.take());
        if let Some(left) = self.left.take() {
            // Gone without a word is gone, too.
            let _ = left.await;
        }
    }
}

impl Drop for GroupMembership {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

pub(super) struct MemberContext {
    topic: String,
    ownership: Arc<Ownership>,
}

impl MemberContext {
    fn report(&self, error: &KafkaError) {
        match classify::consumer_error(error) {
            Some(report) => self.ownership.fail(report),
            None => {
                tracing::debug!(target: "kafka", %error, topic = self.topic, "the member goes on by itself")
            }
        }
    }

    fn topic_partitions(&self, list: &TopicPartitionList) -> Vec<u16> {
        list.elements_for_topic(&self.topic)
            .iter()
            .filter_map(|element| u16::try_from(element.partition()).ok())
            .collect()
    }
}

impl ClientContext for MemberContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        config::forward_log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "kafka", %error, reason);
        self.report(&error);
    }
}

impl ConsumerContext for MemberContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        answer: Answer,
        list: &mut TopicPartitionList,
    ) {
        let partitions = self.topic_partitions(list);
        let done = match answer {
            Answer::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                // From the end and paused: this client must not fetch, nor trip over an offset that
                // is gone.
                let done = list
                    .set_all_offsets(Offset::End)
                    .and_then(|()| consumer.incremental_assign(list))
                    .and_then(|()| consumer.pause(list));
                self.ownership.assign(partitions);
                done
            }
            _ => {
                let how = if consumer.assignment_lost() {
                    TakenPartition::Lost
                } else {
                    TakenPartition::Revoked
                };
                self.ownership.take(partitions, how);
                consumer.incremental_unassign(list)
            }
        };
        if let Err(error) = done {
            tracing::error!(target: "kafka", %error, topic = self.topic, "the client refused a change of assignment");
            self.report(&error);
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::debug!(target: "kafka", %error, topic = self.topic, "an offset was not committed");
        }
    }
}
