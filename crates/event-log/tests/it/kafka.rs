//! The Kafka driver on a real broker: the contract, and what only a broker can do.

use crate::contract::{self, Bed};
use event_log::kafka::{self, KafkaSettings};
use std::collections::BTreeMap;
use testbed::{Server, Servers};

pub fn settings(properties: &[(&str, &str)]) -> KafkaSettings {
    let brokers = Servers::shared().addresses().of(Server::Kafka).to_owned();
    KafkaSettings {
        brokers,
        properties: properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>(),
    }
}

pub fn bed_with(settings: KafkaSettings) -> Bed {
    let log = kafka::connect(settings.clone()).unwrap();
    Bed::new(log, Box::new(move || kafka::connect(settings.clone()).unwrap()))
}

fn bed() -> Bed {
    bed_with(settings(&[]))
}

contract::suite!(super::bed);
