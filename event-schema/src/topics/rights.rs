//! Which process of a deployment reads and writes which topic: what the least rights on the log are
//! made of. Names no log's rights themselves.

use super::{CATALOG, CHANGES, DEAD_LETTERS, INFORMATIVE, MAILBOX, ROOMS, TRANSACTIONS, Topic};

/// A kind of process that logs in to the servers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deployed {
    Gateway,
    Worker,
    Notifier,
}

/// What a process does with a topic. Each process looks at the settings and ends of all topics.
#[derive(Clone, Copy, Debug)]
pub struct TopicUse {
    pub by: Deployed,
    pub topic: Topic,
    pub reads: bool,
    pub writes: bool,
    /// Does it delete what nobody needs any more?
    pub trims: bool,
}

const fn read(by: Deployed, topic: Topic) -> TopicUse {
    TopicUse {
        by,
        topic,
        reads: true,
        writes: false,
        trims: false,
    }
}

const fn write(by: Deployed, topic: Topic) -> TopicUse {
    TopicUse {
        reads: false,
        writes: true,
        ..read(by, topic)
    }
}

const fn read_and_write(by: Deployed, topic: Topic) -> TopicUse {
    TopicUse {
        writes: true,
        ..read(by, topic)
    }
}

const fn trimmed(of: TopicUse) -> TopicUse {
    TopicUse { trims: true, ..of }
}

/// Every use of a topic.
pub const USES: [TopicUse; 16] = [
    read_and_write(Deployed::Gateway, TRANSACTIONS),
    read(Deployed::Gateway, CHANGES),
    read_and_write(Deployed::Gateway, INFORMATIVE),
    read_and_write(Deployed::Gateway, MAILBOX),
    read(Deployed::Gateway, DEAD_LETTERS),
    read_and_write(Deployed::Gateway, CATALOG),
    read_and_write(Deployed::Gateway, ROOMS),
    trimmed(read(Deployed::Worker, TRANSACTIONS)),
    trimmed(read_and_write(Deployed::Worker, CHANGES)),
    write(Deployed::Worker, MAILBOX),
    write(Deployed::Worker, DEAD_LETTERS),
    read(Deployed::Worker, CATALOG),
    read(Deployed::Notifier, CHANGES),
    read(Deployed::Notifier, INFORMATIVE),
    write(Deployed::Notifier, MAILBOX),
    read_and_write(Deployed::Notifier, ROOMS),
];
