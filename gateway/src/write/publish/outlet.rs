//! Where events go: to the log, or to the spool in front of it. Must never say that an event is
//! safe before one of them did.

use crate::error::{Code, Problem};
use event_log::{Delivery, DeliveryError, NewRecord, Publisher, Refused};
use spool::{Acknowledged, Spool, SpoolDelivery, SpoolRefusal, machine::NotAccepted};
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// See the module's header.
pub(crate) enum EventOutlet {
    Log(Arc<dyn Publisher>),
    Spool(Arc<Spool>),
}

/// Resolves when an event is safe, or is known not to be.
pub(crate) enum EventDelivery {
    Log(Delivery),
    Spool(SpoolDelivery),
}

/// Why an event was not taken, and its record back where trying again may help.
pub(crate) type NotTaken = (Problem, Option<Box<NewRecord>>);

impl EventOutlet {
    /// Can it take anything, as far as is known without asking?
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Log(log) => log.healthy(),
            Self::Spool(_) => true,
        }
    }

    /// Must it be known what the log's acknowledgement means before anything is sent?
    pub(crate) fn needs_log(&self) -> bool {
        matches!(self, Self::Log(_))
    }

    pub(crate) fn send(&self, record: NewRecord) -> Result<EventDelivery, NotTaken> {
        match self {
            Self::Log(log) => log.send(record).map(EventDelivery::Log).map_err(|error| {
                let back = (error.why == Refused::QueueFull).then_some(error.record);
                (error.why.into(), back)
            }),
            Self::Spool(spool) => spool
                .send(record)
                .map(EventDelivery::Spool)
                .map_err(|error| {
                    let passes = matches!(
                        error.why,
                        SpoolRefusal::Log(Refused::QueueFull)
                            | SpoolRefusal::Spool(NotAccepted::Busy)
                    );
                    (error.why.into(), passes.then_some(error.record))
                }),
        }
    }
}

impl Future for EventDelivery {
    type Output = Result<Acknowledged, DeliveryError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Log(delivery) => Pin::new(delivery)
                .poll(cx)
                .map(|outcome| outcome.map(Acknowledged::Logged)),
            Self::Spool(delivery) => Pin::new(delivery).poll(cx),
        }
    }
}

impl From<SpoolRefusal> for Problem {
    fn from(why: SpoolRefusal) -> Self {
        let detail = why.to_string();
        match why {
            SpoolRefusal::Log(why) => why.into(),
            SpoolRefusal::Denied(_) => Self::new(Code::LogDenied, detail).retry_after(30),
            SpoolRefusal::Spool(NotAccepted::Busy) => {
                Self::new(Code::QueueFull, detail).retry_after(1)
            }
            SpoolRefusal::Spool(NotAccepted::Full | NotAccepted::NoDisk) => {
                Self::new(Code::SpoolFull, detail).retry_after(5)
            }
            SpoolRefusal::Spool(NotAccepted::Away) => {
                Self::new(Code::SpoolUnavailable, detail).retry_after(5)
            }
        }
    }
}
