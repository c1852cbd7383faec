//! What librdkafka can and its safe wrapper cannot. The only unsafe code of the crate; must never
//! keep a pointer beyond the call it was got in.
#![allow(
    unsafe_code,
    reason = "topic ids, cached watermarks and the test of fatal errors have no safe interface in `rdkafka`"
)]

use crate::admin::AdminError;
use rdkafka::{
    bindings as native,
    client::{Client, ClientContext},
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    types::RDKafkaErrorCode as Code,
};
use std::{
    ffi::{CStr, CString},
    time::Duration,
};

/// First offset and end of a partition as last heard from the broker, without asking.
pub(super) fn known_watermarks<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partition: u16,
) -> Option<(u64, u64)> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client is alive as long as `consumer`; the other pointers are to locals that
    // outlive the call.
    let answer = unsafe {
        native::rd_kafka_get_watermark_offsets(
            consumer.client().native_ptr(),
            topic.as_ptr(),
            i32::from(partition),
            &mut low,
            &mut high,
        )
    };
    if answer != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return None;
    }
    // Negative where nothing was heard yet.
    Some((u64::try_from(low).unwrap_or(0), u64::try_from(high).ok()?))
}

/// The broker's id of a topic. Blocks.
pub(super) fn topic_id<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    limit: Duration,
) -> Result<Option<String>, AdminError> {
    let unknown = || AdminError::UnknownPartition(topic.to_owned());
    let name = CString::new(topic).map_err(|_| unknown())?;
    let millis = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
    let mut names = [name.as_ptr()];
    // SAFETY: `client` is alive for all of it; every object is made here, used while alive and
    // destroyed once at the end, in an order in which nothing refers to what is gone; strings are
    // copied before the event that owns them is destroyed.
    unsafe {
        let rk = client.native_ptr();
        let queue = native::rd_kafka_queue_new(rk);
        let options = native::rd_kafka_AdminOptions_new(
            rk,
            native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
        );
        native::rd_kafka_AdminOptions_set_request_timeout(options, millis, std::ptr::null_mut(), 0);
        let topics =
            native::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        native::rd_kafka_DescribeTopics(rk, topics, options, queue);
        let event = native::rd_kafka_queue_poll(queue, millis.saturating_add(1000));
        let answer = match event.is_null() {
            true => Err(AdminError::Unavailable("the broker did not answer".into())),
            false => describe(event, unknown),
        };
        if !event.is_null() {
            native::rd_kafka_event_destroy(event);
        }
        native::rd_kafka_TopicCollection_destroy(topics);
        native::rd_kafka_AdminOptions_destroy(options);
        native::rd_kafka_queue_destroy(queue);
        answer
    }
}

/// # Safety
/// `event` must be alive.
unsafe fn describe(
    event: *mut native::rd_kafka_event_t,
    unknown: impl Fn() -> AdminError,
) -> Result<Option<String>, AdminError> {
    // SAFETY: all pointers belong to the event, which the caller keeps alive.
    unsafe {
        let failed: Code = native::rd_kafka_event_error(event).into();
        if failed != Code::NoError {
            return Err(AdminError::Unavailable(failed.to_string()));
        }
        let result = native::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Err(AdminError::Unavailable(
                "the broker's answer was not understood".into(),
            ));
        }
        let mut count = 0;
        let topics = native::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        if topics.is_null() || count == 0 {
            return Err(unknown());
        }
        let topic = *topics;
        let error = native::rd_kafka_TopicDescription_error(topic);
        if !error.is_null() {
            let code: Code = native::rd_kafka_error_code(error).into();
            match code {
                Code::NoError => {}
                Code::UnknownTopicOrPartition | Code::UnknownTopic => return Err(unknown()),
                other => return Err(AdminError::Unavailable(other.to_string())),
            }
        }
        let id = native::rd_kafka_TopicDescription_topic_id(topic);
        if id.is_null() {
            return Ok(None);
        }
        let text = native::rd_kafka_Uuid_base64str(id);
        Ok((!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned()))
    }
}

/// Makes a producer fail for good, as a broker would.
#[cfg(test)]
pub(super) fn break_producer<C: ClientContext>(client: &Client<C>) {
    // SAFETY: the client is alive; the reason is a constant string.
    unsafe {
        let code = native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
        native::rd_kafka_test_fatal_error(client.native_ptr(), code, c"test".as_ptr());
    }
}
