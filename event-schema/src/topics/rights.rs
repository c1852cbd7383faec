//! Which process of a deployment reads and writes which topic: what the least rights on the log are
//! made of. Names no log's rights themselves.

use super::{
    CATALOG, CHANGES, DEAD_LETTERS, INFORMATIVE, MAILBOX, ROOMS, SECURITY, SECURITY_LOG,
    TRANSACTIONS, Topic,
};

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

const fn reads_topic(by: Deployed, topic: Topic) -> TopicUse {
    TopicUse {
        by,
        topic,
        reads: true,
        writes: false,
        trims: false,
    }
}

const fn writes_topic(by: Deployed, topic: Topic) -> TopicUse {
    TopicUse {
        reads: false,
        writes: true,
        ..reads_topic(by, topic)
    }
}

const fn read_and_write(by: Deployed, topic: Topic) -> TopicUse {
    TopicUse {
        writes: true,
        ..reads_topic(by, topic)
    }
}

const fn trims_topic(of: TopicUse) -> TopicUse {
    TopicUse { trims: true, ..of }
}

/// Every use of a topic.
pub const USES: [TopicUse; 19] = [
    read_and_write(Deployed::Gateway, TRANSACTIONS),
    reads_topic(Deployed::Gateway, CHANGES),
    read_and_write(Deployed::Gateway, INFORMATIVE),
    read_and_write(Deployed::Gateway, MAILBOX),
    reads_topic(Deployed::Gateway, DEAD_LETTERS),
    read_and_write(Deployed::Gateway, CATALOG),
    read_and_write(Deployed::Gateway, ROOMS),
    read_and_write(Deployed::Gateway, SECURITY_LOG),
    read_and_write(Deployed::Gateway, SECURITY),
    trims_topic(reads_topic(Deployed::Worker, TRANSACTIONS)),
    trims_topic(read_and_write(Deployed::Worker, CHANGES)),
    writes_topic(Deployed::Worker, MAILBOX),
    writes_topic(Deployed::Worker, DEAD_LETTERS),
    writes_topic(Deployed::Worker, SECURITY),
    reads_topic(Deployed::Worker, CATALOG),
    reads_topic(Deployed::Notifier, CHANGES),
    reads_topic(Deployed::Notifier, INFORMATIVE),
    writes_topic(Deployed::Notifier, MAILBOX),
    read_and_write(Deployed::Notifier, ROOMS),
];
