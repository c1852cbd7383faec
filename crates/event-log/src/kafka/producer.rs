//! The producer and the thread that serves it. A producer that fails for good (an idempotent one
//! does when it loses its place in a partition) is replaced, and everything that was not
//! acknowledged is sent again in the order of the calls. Must never lose a record that was
//! accepted, nor let a later one overtake it; may append one twice.

use super::{
    classify::{self, Failed},
    config::{self, CheckedProperties},
    health::{self, ClientHealth},
};
use crate::{
    publisher::{Appended, DeliveryError, DeliverySender, Refused},
    record::{NewRecord, RESENT},
};
use parking_lot::Mutex;
use rdkafka::{
    ClientContext, Message,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    error::KafkaError,
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig},
    types::RDKafkaErrorCode,
};
use std::{
    mem,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long one round of serving callbacks lasts; they run as they come.
const ROUND: Duration = Duration::from_millis(50);
/// How long answers of the broker to a failed producer are awaited: what it says need not be sent
/// again.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// Between attempts to make a producer.
const PAUSE: Duration = Duration::from_secs(1);

/// Records and bytes that are accepted and not resolved.
#[derive(Default)]
pub(super) struct Load {
    pub records: AtomicUsize,
    pub bytes: AtomicUsize,
}

/// A record's share of the load, given back when it is dropped.
pub(super) struct Share {
    load: Arc<Load>,
    size: usize,
}

impl Share {
    pub fn take(load: Arc<Load>, size: usize) -> Self {
        load.records.fetch_add(1, Ordering::AcqRel);
        load.bytes.fetch_add(size, Ordering::AcqRel);
        Self { load, size }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.load.records.fetch_sub(1, Ordering::AcqRel);
        self.load.bytes.fetch_sub(self.size, Ordering::AcqRel);
    }
}

/// What was accepted between two flushes; a flush waits until nobody holds an earlier one.
pub(super) struct Epoch;

/// A record on its way. Its bytes are kept to be sent again.
pub(super) struct Pending {
    record: Arc<NewRecord>,
    sender: DeliverySender,
    number: u64,
    epoch: Option<Arc<Epoch>>,
    share: Share,
}

impl Pending {
    pub fn new(record: NewRecord, sender: DeliverySender, share: Share) -> Box<Self> {
        Box::new(Self {
            record: Arc::new(record),
            sender,
            number: 0,
            epoch: None,
            share,
        })
    }

    /// The log may hold it already: its consumers are told.
    fn marked_resent(mut self: Box<Self>) -> Box<Self> {
        if !self.record.headers.iter().any(|(name, _)| name == RESENT) {
            Arc::make_mut(&mut self.record)
                .headers
                .push((RESENT.into(), bytes::Bytes::from_static(b"1")));
        }
        self
    }

    fn into_record(self) -> NewRecord {
        Arc::try_unwrap(self.record).unwrap_or_else(|shared| NewRecord::clone(&shared))
    }

    fn resolve(self, result: Result<Appended, DeliveryError>) {
        // Whoever hears of the record finds its place in the queue free.
        drop(self.share);
        // Nobody may be waiting.
        self.sender.send(result);
    }
}

/// Failed deliveries of which it is not decided yet what becomes of them, and why they failed.
type Undecided = Arc<Mutex<Vec<(Box<Pending>, String)>>>;

/// Shared by those who send, the thread, and the producer's callbacks.
pub(super) struct Shared {
    pub settings: Arc<CheckedProperties>,
    pub load: Arc<Load>,
    pub stop: AtomicBool,
    pub health: Arc<ClientHealth>,
    failed: Undecided,
    line: Mutex<Line>,
}

/// Held while a record is numbered and handed to the producer: the order of the calls is the order
/// in the partition.
struct Line {
    producer: Arc<BaseProducer<Context>>,
    last_number: u64,
    /// Accepted while the producer was being replaced.
    #[allow(
        clippy::vec_box,
        reason = "the client holds them as pointers: they are boxed before and after"
    )]
    waiting: Option<Vec<Box<Pending>>>,
    epoch: Arc<Epoch>,
    epochs: Vec<Weak<Epoch>>,
}

impl Shared {
    pub fn start(settings: Arc<CheckedProperties>) -> Result<Arc<Self>, KafkaError> {
        let (health, failed) = (Arc::default(), Arc::default());
        let producer = Arc::new(make_producer(&settings, &health, &failed)?);
        let line = Line {
            producer,
            last_number: 0,
            waiting: None,
            epoch: Arc::new(Epoch),
            epochs: Vec::new(),
        };
        let shared = Arc::new(Self {
            settings,
            load: Arc::default(),
            stop: AtomicBool::new(false),
            health,
            failed,
            line: Mutex::new(line),
        });
        let served = shared.clone();
        let spawned = thread::Builder::new()
            .name("kafka-producer".into())
            .stack_size(512 << 10)
            .spawn(move || served.serve_events());
        let (probed, bootstrap) = (Arc::downgrade(&shared), shared.settings.bootstrap());
        let probe = thread::Builder::new()
            .name("kafka-health".into())
            .stack_size(256 << 10)
            .spawn(move || health::watch_brokers(&probed, bootstrap));
        spawned
            .and(probe)
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(shared)
    }

    pub fn send(&self, mut pending: Box<Pending>) -> Result<(), (Refused, NewRecord)> {
        let mut line = self.line.lock();
        if self.stop.load(Ordering::Acquire) {
            return Err((Refused::Closed, pending.into_record()));
        }
        pending.number = line.last_number + 1;
        pending.epoch = Some(line.epoch.clone());
        if let Some(waiting) = &mut line.waiting {
            waiting.push(pending);
        } else if let Err((code, pending)) = produce_record(&line.producer, pending) {
            match classify::refused_send(code) {
                Some(refused) => return Err((refused, pending.into_record())),
                None => line.waiting = Some(vec![pending]),
            }
        }
        line.last_number += 1;
        Ok(())
    }

    /// Ends the current epoch; answers it and all before it that are not done.
    pub fn next_epoch(&self) -> Vec<Weak<Epoch>> {
        let mut line = self.line.lock();
        let old = mem::replace(&mut line.epoch, Arc::new(Epoch));
        line.epochs.retain(|epoch| epoch.strong_count() > 0);
        line.epochs.push(Arc::downgrade(&old));
        line.epochs.clone()
    }

    pub fn producer(&self) -> Arc<BaseProducer<Context>> {
        self.line.lock().producer.clone()
    }

    fn serve_events(&self) {
        while !self.stop.load(Ordering::Acquire) {
            let producer = self.producer();
            producer.poll(ROUND);
            match producer.client().fatal_error() {
                Some((code, reason)) => self.replace_producer(producer, code, &reason),
                None => self.answer_failed(),
            }
        }
        // Nobody can send any more; what is left is answered as of unknown outcome when the
        // producer is dropped.
        let producer = self.producer();
        producer.purge(PurgeConfig::default().queue().inflight());
        let start = Instant::now();
        while producer.in_flight_count() > 0 && start.elapsed() < LAST_ANSWERS {
            producer.poll(Duration::from_millis(20));
        }
        self.answer_failed();
    }

    fn answer_failed(&self) {
        for (pending, why) in mem::take(&mut *self.failed.lock()) {
            pending.resolve(Err(DeliveryError::Unknown(why)));
        }
    }

    fn replace_producer(
        &self,
        old: Arc<BaseProducer<Context>>,
        code: RDKafkaErrorCode,
        reason: &str,
    ) {
        tracing::warn!(target: "kafka", %code, reason, "the producer failed for good and is replaced");
        self.line.lock().waiting.get_or_insert_default();
        let start = Instant::now();
        while old.in_flight_count() > 0 {
            if start.elapsed() >= LAST_ANSWERS {
                old.purge(PurgeConfig::default().queue().inflight());
            }
            old.poll(Duration::from_millis(20));
        }
        drop(old);
        let new = loop {
            match make_producer(&self.settings, &self.health, &self.failed) {
                Ok(producer) => break Arc::new(producer),
                Err(error) => tracing::error!(target: "kafka", %error, "no producer can be made"),
            }
            if self.stop.load(Ordering::Acquire) {
                return;
            }
            thread::sleep(PAUSE);
        };
        let mut line = self.line.lock();
        let mut again: Vec<_> = mem::take(&mut *self.failed.lock())
            .into_iter()
            .map(|(pending, _)| pending.marked_resent())
            .collect();
        again.extend(line.waiting.take().unwrap_or_default());
        again.sort_unstable_by_key(|pending| pending.number);
        tracing::info!(target: "kafka", records = again.len(), "records that were not acknowledged are sent again");
        let mut again = again.into_iter();
        while let Some(pending) = again.next() {
            if let Err((code, pending)) = produce_record(&new, pending) {
                match classify::refused_send(code) {
                    Some(refused) => {
                        pending.resolve(Err(DeliveryError::Unknown(refused.to_string())))
                    }
                    // The new one failed at once: the next round replaces it, too.
                    None => {
                        line.waiting = Some([pending].into_iter().chain(again).collect());
                        break;
                    }
                }
            }
        }
        line.producer = new;
    }

    /// As if the broker had taken the producer's place in the log away.
    #[cfg(test)]
    pub fn break_producer(&self) {
        super::ffi::break_producer(self.producer().client());
    }
}

fn make_producer(
    settings: &CheckedProperties,
    health: &Arc<ClientHealth>,
    failed: &Undecided,
) -> Result<BaseProducer<Context>, KafkaError> {
    let context = Context {
        health: health.clone(),
        failed: failed.clone(),
    };
    BaseProducer::from_config_and_context(&settings.producer(), context)
}

fn produce_record(
    producer: &BaseProducer<Context>,
    pending: Box<Pending>,
) -> Result<(), (RDKafkaErrorCode, Box<Pending>)> {
    let shared = pending.record.clone();
    let NewRecord {
        topic,
        partition,
        key,
        value,
        headers,
    } = &*shared;
    let mut record = BaseRecord::with_opaque_to(topic, pending).partition(i32::from(*partition));
    if let Some(key) = key {
        record = record.key(key.as_ref());
    }
    if let Some(value) = value {
        record = record.payload(value.as_ref());
    }
    if !headers.is_empty() {
        let owned = OwnedHeaders::new_with_capacity(headers.len());
        record = record.headers(headers.iter().fold(owned, |owned, (name, value)| {
            owned.insert(Header {
                key: name,
                value: Some(value.as_ref()),
            })
        }));
    }
    producer.send(record).map_err(|(error, record)| {
        (
            error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail),
            record.delivery_opaque,
        )
    })
}

pub(super) struct Context {
    health: Arc<ClientHealth>,
    failed: Undecided,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        config::forward_log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "kafka", %error, reason);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown) => self.health.suspect(),
            Some(code) if classify::is_denial(code) => self.health.denied(reason),
            Some(_) | None => {}
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Pending>;

    fn delivery(&self, result: &DeliveryResult<'_>, pending: Self::DeliveryOpaque) {
        match result {
            Ok(message) => {
                self.health.delivered();
                let partition = pending.record.partition;
                let appended = u64::try_from(message.offset()).map(|offset| Appended {
                    partition,
                    offset,
                    timestamp: message.timestamp().to_millis().unwrap_or(-1),
                });
                pending.resolve(appended.map_err(|_| {
                    DeliveryError::Unknown("the broker did not say where it put the record".into())
                }));
            }
            Err((error, _)) => match classify::delivery_failure(
                error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail),
            ) {
                Failed::Answer(answer) => pending.resolve(Err(answer)),
                Failed::PerhapsAgain(why) => self.failed.lock().push((pending, why)),
            },
        }
    }
}
