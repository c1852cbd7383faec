//! What librdkafka can and its safe wrapper cannot. The only unsafe code of the crate; must never
//! keep a pointer beyond the call it was got in.
#![allow(
    unsafe_code,
    reason = "topic ids, cached watermarks, a client's brokers and the test of fatal errors have no safe interface in `rdkafka`"
)]

use crate::admin::AdminError;
use rdkafka::{
    bindings as native,
    client::{Client, ClientContext},
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    types::RDKafkaErrorCode as Code,
};
use std::{
    collections::{BTreeSet, HashMap},
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

/// Has the client heard of a broker that it has not dropped?
pub(super) fn knows_a_broker<C: ClientContext>(client: &Client<C>) -> bool {
    let mut count = 0;
    // SAFETY: the client is alive, `count` outlives the call; the array was made by `malloc`, is
    // not read, and is freed once.
    unsafe {
        let ids = native::rd_kafka_brokers_learned_ids(client.native_ptr(), &mut count);
        native::rd_kafka_mem_free(client.native_ptr(), ids.cast());
    }
    count > 0
}

/// Names brokers to start from, beside those the client has.
pub(super) fn add_brokers<C: ClientContext>(client: &Client<C>, brokers: &CStr) {
    // SAFETY: the client is alive; the text is copied in the call.
    unsafe {
        native::rd_kafka_brokers_add(client.native_ptr(), brokers.as_ptr());
    }
}

/// The broker's ids of topics, in order. Blocks.
pub(super) fn topic_ids<C: ClientContext>(
    client: &Client<C>,
    topics: &[String],
    limit: Duration,
) -> Result<Vec<Option<String>>, AdminError> {
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let name = |topic: &String| {
        CString::new(topic.as_str()).map_err(|_| AdminError::UnknownPartition(topic.clone()))
    };
    // The client refuses names that are given twice.
    let names = topics
        .iter()
        .map(name)
        .collect::<Result<BTreeSet<_>, _>>()?;
    let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    let millis = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: `client` and `names` are alive for all of it; every object is made here, used while
    // alive and destroyed once at the end, in an order in which nothing refers to what is gone;
    // strings are copied before the event that owns them is destroyed.
    unsafe {
        let rk = client.native_ptr();
        let queue = native::rd_kafka_queue_new(rk);
        let options = native::rd_kafka_AdminOptions_new(
            rk,
            native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
        );
        native::rd_kafka_AdminOptions_set_request_timeout(options, millis, std::ptr::null_mut(), 0);
        let collection =
            native::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        native::rd_kafka_DescribeTopics(rk, collection, options, queue);
        let event = native::rd_kafka_queue_poll(queue, millis.saturating_add(1000));
        let answer = if event.is_null() {
            Err(AdminError::Unavailable("the broker did not answer".into()))
        } else {
            described_topics(event).and_then(|found| in_order(topics, &found))
        };
        if !event.is_null() {
            native::rd_kafka_event_destroy(event);
        }
        native::rd_kafka_TopicCollection_destroy(collection);
        native::rd_kafka_AdminOptions_destroy(options);
        native::rd_kafka_queue_destroy(queue);
        answer
    }
}

fn in_order(
    topics: &[String],
    found: &HashMap<String, Option<String>>,
) -> Result<Vec<Option<String>>, AdminError> {
    let id = |topic: &String| match found.get(topic) {
        Some(id) => Ok(id.clone()),
        None => Err(AdminError::UnknownPartition(topic.clone())),
    };
    topics.iter().map(id).collect()
}

/// The ids by the topics' names; a topic that does not exist is left out.
///
/// # Safety
/// `event` must be alive.
unsafe fn described_topics(
    event: *mut native::rd_kafka_event_t,
) -> Result<HashMap<String, Option<String>>, AdminError> {
    // SAFETY: all pointers belong to the event, which the caller keeps alive; the array has `count`
    // elements.
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
        let mut found = HashMap::with_capacity(count);
        for n in 0..if topics.is_null() { 0 } else { count } {
            let topic = *topics.add(n);
            let error = native::rd_kafka_TopicDescription_error(topic);
            if !error.is_null() {
                let code: Code = native::rd_kafka_error_code(error).into();
                match code {
                    Code::NoError => {}
                    Code::UnknownTopicOrPartition | Code::UnknownTopic => continue,
                    other => return Err(AdminError::Unavailable(other.to_string())),
                }
            }
            let name = c_text(native::rd_kafka_TopicDescription_name(topic)).unwrap_or_default();
            let id = native::rd_kafka_TopicDescription_topic_id(topic);
            let id = if id.is_null() {
                None
            } else {
                c_text(native::rd_kafka_Uuid_base64str(id))
            };
            found.insert(name, id);
        }
        Ok(found)
    }
}

/// # Safety
/// `pointer` must be null or a C string that is alive.
unsafe fn c_text(pointer: *const std::ffi::c_char) -> Option<String> {
    // SAFETY: the caller's promise.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer).to_string_lossy().into_owned() })
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
