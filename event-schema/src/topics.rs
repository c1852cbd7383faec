//! Every topic: name, key, partitions, retention, cleanup. Start-up creates or checks them against
//! this table and refuses a mismatch.

mod rights;

pub use rights::{Deployed, TopicUse, USES};

use serde::Serialize;

/// How a topic forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleanup {
    /// Nothing goes by itself; the owner deletes behind the mark.
    ByOwner,
    /// Records older than this many milliseconds may go.
    Age(u64),
    /// The newest record of each key stays.
    Compact,
}

/// Which setting gives a topic its number of partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Partitions {
    /// As many as `transactions`.
    Same,
    /// Just this many.
    Fixed(u16),
}

/// One row of the table.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Topic {
    /// Without prefix and generation.
    pub name: &'static str,
    /// What a record's key is.
    pub key: &'static str,
    pub partitions: Partitions,
    pub cleanup: Cleanup,
    /// The largest record in units of the largest document (plus a fixed allowance for the rest of
    /// the record).
    pub record_documents: u32,
    /// Must an append be fsynced (or replicated) before it is acknowledged?
    pub durable: bool,
    /// Does its name carry the generation?
    pub generational: bool,
}

const DAY: u64 = 24 * 60 * 60 * 1000;

pub const TRANSACTIONS: Topic = Topic {
    name: "transactions",
    key: "entity key",
    partitions: Partitions::Same,
    cleanup: Cleanup::ByOwner,
    record_documents: 2,
    durable: true,
    generational: true,
};
pub const CHANGES: Topic = Topic {
    name: "changes",
    key: "entity key",
    partitions: Partitions::Same,
    cleanup: Cleanup::ByOwner,
    record_documents: 6,
    durable: true,
    generational: true,
};
pub const INFORMATIVE: Topic = Topic {
    name: "informative",
    key: "entity key",
    partitions: Partitions::Same,
    cleanup: Cleanup::Age(DAY),
    record_documents: 2,
    durable: true,
    generational: true,
};
pub const MAILBOX: Topic = Topic {
    name: "mailbox",
    key: "gateway instance",
    partitions: Partitions::Same,
    cleanup: Cleanup::Age(DAY / 24),
    record_documents: 6,
    durable: false,
    generational: false,
};
pub const DEAD_LETTERS: Topic = Topic {
    name: "dead-letters",
    key: "entity key",
    partitions: Partitions::Fixed(1),
    cleanup: Cleanup::ByOwner,
    record_documents: 8,
    durable: true,
    generational: false,
};
pub const CATALOG: Topic = Topic {
    name: "catalog",
    key: "catalog version",
    partitions: Partitions::Fixed(1),
    cleanup: Cleanup::Compact,
    record_documents: 4,
    durable: true,
    generational: false,
};
/// One partition: the order of its records is what fences a notifier that lost a partition without
/// knowing.
pub const ROOMS: Topic = Topic {
    name: "rooms",
    key: "gateway instance, connection, room",
    partitions: Partitions::Fixed(1),
    cleanup: Cleanup::Compact,
    record_documents: 2,
    durable: true,
    generational: false,
};

/// One partition: a process's events form a chain, whose order is the log's.
pub const SECURITY_LOG: Topic = Topic {
    name: "security-log",
    key: "process",
    partitions: Partitions::Fixed(1),
    cleanup: Cleanup::Age(400 * DAY),
    record_documents: 1,
    durable: true,
    generational: false,
};

/// One partition: whoever read back what it wrote itself has read everything before it. Nothing in it is
/// of use for longer than a lease lasts, and who comes later begins at its end.
pub const SECURITY: Topic = Topic {
    name: "security",
    key: "account, API key, session, rights, gateway instance",
    partitions: Partitions::Fixed(1),
    cleanup: Cleanup::Age(DAY / 24),
    record_documents: 1,
    durable: true,
    generational: false,
};

/// All topics that are used.
pub const ALL: [Topic; 9] = [
    TRANSACTIONS,
    CHANGES,
    INFORMATIVE,
    MAILBOX,
    DEAD_LETTERS,
    CATALOG,
    ROOMS,
    SECURITY_LOG,
    SECURITY,
];

/// The settings that turn the table into names and numbers.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Put before every name; `consign.` by default.
    pub prefix: String,
    /// From 1; grows when the partition count must change.
    pub generation: u16,
    /// Partitions of `transactions`.
    pub partitions: u16,
    /// The largest document, in bytes.
    pub document_limit: usize,
}

impl Layout {
    /// `consign.transactions.g1`.
    pub fn name(&self, topic: &Topic) -> String {
        if topic.generational {
            format!("{}{}.g{}", self.prefix, topic.name, self.generation)
        } else {
            format!("{}{}", self.prefix, topic.name)
        }
    }

    /// The consumer group that shares `transactions` among the workers.
    pub fn worker_group(&self) -> String {
        format!("{}write-worker", self.prefix)
    }

    /// The consumer group that shares `changes` among the notifiers.
    pub fn notifier_group(&self) -> String {
        format!("{}notifier-worker", self.prefix)
    }

    pub fn partitions(&self, topic: &Topic) -> u16 {
        match topic.partitions {
            Partitions::Same => self.partitions,
            Partitions::Fixed(count) => count,
        }
    }

    /// The largest record of the topic, in bytes.
    pub fn record_limit(&self, topic: &Topic) -> usize {
        self.document_limit * topic.record_documents as usize + 64 * 1024
    }
}
