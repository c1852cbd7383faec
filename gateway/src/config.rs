//! This service's options, each with its default. Limits are here and nowhere else; a queue or body
//! without a bound does not exist.

mod hooks;
mod live;
mod security;

pub use hooks::Hooks;
pub use live::Live;
pub use security::{CertificatePrincipal, ClientCertificates, Security, TlsEnd};

use outbound::OutboundConfig;
use serde::{Deserialize, Serialize};
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// The gateway's section of the settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The section `security` of the settings.
    #[serde(skip)]
    pub security: Security,
    /// The section `outbound` of the settings.
    #[serde(skip)]
    pub outbound: OutboundConfig,
    /// Where to listen. Off the loopback: only with TLS or `security.open`, and without an
    /// administrator nothing is served (docs/security.md).
    pub listen: SocketAddr,
    /// Web pages that may talk to this gateway, by origin: `https://app.example`; `*` for all.
    /// Beside them, always: those of the host that the gateway is asked under, and those of this
    /// machine where it listens on the loopback. Who is no browser is not asked.
    pub allowed_origins: Vec<String>,
    /// Addresses of proxies in front of the gateway: what they say of where a request comes from
    /// (`X-Forwarded-For`) is believed, and nobody else's word.
    pub trusted_proxies: Vec<IpAddr>,
    /// Do reads by id show what is sealed? Searches, notifications and logs never do.
    pub show_sealed: bool,
    /// The largest file of an upload, in bytes.
    pub upload_limit_bytes: usize,
    /// Does this gateway carry out the lines of uploads?
    pub carry_out_uploads: bool,
    /// Lines of a file, the first included; unset: as the operation says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_lines: Option<u64>,
    /// How long an upload waits, in seconds, for a gateway whose catalog has its operation and columns
    /// (others may be about to be started with it) before its lines are refused.
    pub upload_orphaned_seconds: u64,
    /// The largest body of a single request, and the longest line of a bulk, in bytes.
    pub body_limit_bytes: usize,
    /// How deep objects and arrays may nest.
    pub json_depth: usize,
    /// Bodies that are held in memory at once, over all requests, in bytes; beyond: 429.
    pub body_budget_bytes: usize,
    /// Requests in hand at once; beyond: 429.
    pub max_in_flight: usize,
    /// Open connections; beyond, new ones wait to be accepted.
    pub max_connections: usize,
    /// Requests that wait for their verdict at once; beyond, `Prefer: wait` is not honoured (202).
    pub max_waiting: usize,
    /// Header fields of a request, and their size in bytes.
    pub max_headers: usize,
    pub header_limit_bytes: usize,
    /// Seconds for the head of a request to arrive, and for an idle connection to say something.
    pub header_timeout_seconds: u64,
    /// Seconds for a whole single body to arrive.
    pub body_timeout_seconds: u64,
    /// Seconds between two pieces of any body.
    pub body_idle_seconds: u64,
    /// A bulk or file that brings fewer bytes a second, averaged over `body_idle_seconds`, is cut.
    pub bulk_least_bytes_per_second: u64,
    /// Seconds after which a connection is cut that neither takes answers nor sends anything.
    pub stall_timeout_seconds: u64,
    /// What is read, and thrown away, of a client that is still sending when its request is answered
    /// and the connection ends, so that it can read the answer: bytes, and seconds.
    pub linger_bytes: u64,
    pub linger_seconds: u64,
    /// Events of one key that may wait behind a dead letter; beyond, new writes of the key are 503
    /// `key_locked`.
    pub key_queue_limit: u64,
    /// The longest `Prefer: wait=N`, seconds.
    pub wait_max_seconds: u64,
    /// How long `refresh=wait_for` waits without a `Prefer: wait`, seconds.
    pub refresh_wait_seconds: u64,
    /// How long reads with `after` wait without a `Prefer: wait`, seconds.
    pub after_wait_seconds: u64,
    /// How long catalog routes in Sunbird's envelope wait for the verdict, seconds.
    pub sunbird_wait_seconds: u64,
    /// How long writes of Kuzzle's protocol wait until they are applied, seconds; then the client
    /// is told that they are not yet.
    pub kuzzle_wait_seconds: u64,
    /// Documents that one write of that protocol may name, and documents that one of its reads may
    /// fetch.
    pub kuzzle_write_documents: usize,
    pub kuzzle_fetch_documents: usize,
    /// Scrolls whose search is too long for an id are kept in the record store: how many at once,
    /// and their bytes; beyond: 429.
    pub kept_searches: usize,
    pub kept_searches_bytes: usize,
    /// How long the log may take to acknowledge before the outcome is called unknown, seconds.
    pub publish_timeout_seconds: u64,
    /// How long tokens are honoured, seconds.
    pub token_ttl_seconds: u64,
    /// How long an Idempotency-Key is defended, seconds.
    pub idempotency_ttl_seconds: u64,
    /// Idempotency keys remembered here, so that most repeats need not ask a store.
    pub idempotency_entries: u64,
    /// How often waiting requests are looked up in the ledger, in case their feedback was lost,
    /// milliseconds.
    pub ledger_poll_millis: u64,
    /// How often the list of collections is read anew, seconds.
    pub collections_refresh_seconds: u64,
    /// Bulk lines that wait for the log's acknowledgement at once, per bulk, and their bytes: a
    /// small part of the log's queue, so that bulks do not crowd out single writes.
    pub bulk_in_flight: usize,
    pub bulk_in_flight_bytes: usize,
    /// Bulks, and files that are read piece by piece, at once; beyond: 429.
    pub max_bulks: usize,
    /// How long a bulk waits for room in the queue to the log before its line is refused, seconds.
    pub bulk_patience_seconds: u64,
    /// Answers of a bulk that are kept in memory while the client does not read them, in bytes;
    /// more go to a file in `spill_dir`.
    pub bulk_answers_bytes: usize,
    /// And the size of that file at which the bulk ends; nothing more is read.
    pub bulk_spill_limit_bytes: u64,
    /// Where such files go (unnamed, gone with the process); the system's temporary folder by
    /// default.
    pub spill_dir: Option<PathBuf>,
    /// How many times its size a gzip body may unpack to.
    pub gzip_ratio: u64,
    /// Events looked through, from the worker's position on, for a request that has no verdict yet.
    pub scan_records: usize,
    /// And the time for it, milliseconds.
    pub scan_millis: u64,
    /// Ids in one `_mget`.
    pub mget_limit: usize,
    /// The largest answer of reads that return many documents, in bytes.
    pub answer_limit_bytes: usize,
    /// How long requests in hand may take to finish when stopping, seconds.
    pub drain_seconds: u64,
    /// Connections that stay open.
    pub live: Live,
    /// Endpoints that are asked before requests are accepted.
    pub hooks: Hooks,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            security: Security::default(),
            outbound: OutboundConfig::default(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            show_sealed: true,
            upload_limit_bytes: 10_000_000,
            carry_out_uploads: true,
            upload_lines: None,
            upload_orphaned_seconds: 300,
            body_limit_bytes: 1 << 20,
            json_depth: 64,
            body_budget_bytes: 128 << 20,
            max_in_flight: 4096,
            max_connections: 8192,
            max_waiting: 16_384,
            max_headers: 64,
            header_limit_bytes: 32 << 10,
            header_timeout_seconds: 30,
            body_timeout_seconds: 60,
            body_idle_seconds: 15,
            bulk_least_bytes_per_second: 64,
            stall_timeout_seconds: 60,
            linger_bytes: 64 << 20,
            linger_seconds: 10,
            wait_max_seconds: 60,
            refresh_wait_seconds: 10,
            after_wait_seconds: 10,
            sunbird_wait_seconds: 10,
            kuzzle_wait_seconds: 30,
            kuzzle_write_documents: 200,
            kuzzle_fetch_documents: 10_000,
            key_queue_limit: 10_000,
            kept_searches: 10_000,
            kept_searches_bytes: 64 << 20,
            publish_timeout_seconds: 30,
            token_ttl_seconds: 24 * 60 * 60,
            idempotency_ttl_seconds: 24 * 60 * 60,
            idempotency_entries: 100_000,
            ledger_poll_millis: 500,
            collections_refresh_seconds: 10,
            bulk_in_flight: 4096,
            bulk_in_flight_bytes: 4 << 20,
            max_bulks: 32,
            bulk_patience_seconds: 10,
            bulk_answers_bytes: 1 << 20,
            bulk_spill_limit_bytes: 1 << 30,
            spill_dir: None,
            gzip_ratio: 200,
            scan_records: 20_000,
            scan_millis: 2_000,
            mget_limit: 1_000,
            answer_limit_bytes: 32 << 20,
            drain_seconds: 20,
            live: Live::default(),
            hooks: Hooks::default(),
        }
    }
}

macro_rules! durations {
    ($($name:ident = $field:ident),* $(,)?) => {
        impl Config {
            $(pub(crate) fn $name(&self) -> Duration { Duration::from_secs(self.$field) })*
        }
    };
}

durations! {
    header_timeout = header_timeout_seconds,
    body_timeout = body_timeout_seconds,
    body_idle = body_idle_seconds,
    stall_timeout = stall_timeout_seconds,
    linger = linger_seconds,
    wait_max = wait_max_seconds,
    refresh_wait = refresh_wait_seconds,
    after_wait = after_wait_seconds,
    sunbird_wait = sunbird_wait_seconds,
    kuzzle_wait = kuzzle_wait_seconds,
    publish_timeout = publish_timeout_seconds,
    bulk_patience = bulk_patience_seconds,
    drain = drain_seconds,
}
