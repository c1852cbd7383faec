//! The Kafka driver on a real broker: the contract, and what only a broker can do.

use crate::contract::{self, Bed};
use event_log::kafka::{self, KafkaSettings};
use std::collections::BTreeMap;
use testbed::{Server, Servers};

pub fn settings(properties: &[(&str, &str)]) -> KafkaSettings {
    let brokers = Servers::shared().addresses().of(Server::Kafka).to_owned();
    KafkaSettings {
        brokers,
        properties: properties
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
    }
}

pub fn bed_with(settings: KafkaSettings) -> Bed {
    let log = kafka::connect_log(settings.clone()).unwrap();
    Bed::new(
        log,
        Box::new(move || kafka::connect_log(settings.clone()).unwrap()),
    )
}

fn bed() -> Bed {
    bed_with(settings(&[]))
}

fn small() -> Bed {
    bed_with(settings(&[("queue.buffering.max.messages", "10")]))
}

contract::suite!(crate::kafka::bed, crate::kafka::small);

/// The newer group protocol, by setting.
mod newer_protocol {
    use super::{Bed, bed_with, contract, settings};

    fn bed() -> Bed {
        bed_with(settings(&[("group.protocol", "consumer")]))
    }

    contract::groups!(crate::kafka::newer_protocol::bed);
}

mod faults;
mod topics_again;
