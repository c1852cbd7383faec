//! What all handlers share: ports, options, and the few tables that live as long as the service. No
//! rule of the write path is here.

use crate::{
    Ports,
    access::{Caller, CallerAccess, accounts::Accounts, cookie::SessionCookies},
    audits::AuditJobs,
    catalog_source::ReloadRequests,
    config::Config,
    handles::{HandleSigner, WrittenPlaces},
    holders::SubscriptionHolders,
    hooks::HookClient,
    metrics::GatewayMetrics,
    origins::Origins,
    read::{
        collections::Collections, kept_searches::KeptSearches, refresh::Refreshes,
        sealed::SealedReader,
    },
    request::RequestReader,
    revocations::Revocations,
    served_routes::ServedRoutes,
    set_up::SetUpCode,
    spool_row::SpoolRow,
    subscriptions::{SubscriptionPorts, Subscriptions},
    write::{
        EventPlace, Published, WritePath,
        feedback::{Feedback, pending::PendingRequests},
        full_keys::FullKeys,
        identify::Identifier,
        publish::{EventOutlet, EventPublisher, event::EventBuilder, known_ends::KnownEnds},
        validate::Validator,
    },
};
use bearer_tokens::TrustedIssuers;
use collections::CollectionStores;
use event_log::Durability;
use event_schema::{
    envelope::Reply,
    id::RequestId,
    topics::{INFORMATIVE, TRANSACTIONS},
};
use runtime::Shutdown;
use security_log::SecurityLog;
use std::{
    sync::{Arc, OnceLock, atomic::AtomicUsize},
    time::Duration,
};
use subscriptions::registry::RegistryLimits;
use tokio::sync::Semaphore;
use websocket::WakeQueue;

/// Reading a partition from its beginning, or a whole store, is work.
const LOG_SCANS: usize = 2;

/// Handed to every handler.
pub(crate) type Shared = Arc<App>;

pub(crate) struct App {
    pub config: Arc<Config>,
    pub ports: Ports,
    pub transactions: Arc<str>,
    pub requests: RequestReader,
    pub writes: WritePath,
    pub collections: Collections,
    pub access: Arc<CallerAccess>,
    /// Where it is needed until the deployment is closed.
    pub set_up: Option<SetUpCode>,
    pub refreshes: Arc<Refreshes>,
    pub subscriptions: Arc<Subscriptions>,
    pub holders: SubscriptionHolders,
    pub revocations: Revocations,
    pub signer: HandleSigner,
    pub wake_queue: Arc<WakeQueue>,
    pub metrics: GatewayMetrics,
    pub origins: Origins,
    pub cookies: SessionCookies,
    pub bulks: AtomicUsize,
    pub audits: AuditJobs,
    /// Readers of whole partitions of the log, or of whole stores, at once.
    pub log_scans: Semaphore,
    pub kept_searches: KeptSearches,
    pub sealed: SealedReader,
    /// Reads whole files that come within forms.
    pub files: RequestReader,
    /// A file was taken: somebody may begin with it.
    pub uploads_added: tokio::sync::Notify,
    pub routes: ServedRoutes,
    pub hooks: Arc<HookClient>,
    pub reloads: ReloadRequests,
    pub security_log: Arc<SecurityLog>,
    pub shutdown: Shutdown,
}

impl App {
    pub(crate) fn new(
        config: Config,
        ports: Ports,
        reply: Reply,
        metrics: GatewayMetrics,
        (origins, cookies): (Origins, SessionCookies),
        (set_up, issuers, hooks): (Option<SetUpCode>, TrustedIssuers, Arc<HookClient>),
        shutdown: Shutdown,
    ) -> Self {
        let limits = RegistryLimits {
            rooms_per_connection: config.live.rooms_per_connection,
            subscriptions: config.live.subscriptions,
        };
        let timeout = Duration::from_secs(config.live.subscribe_timeout_seconds.max(1));
        let signer = HandleSigner {
            keys: ports.keys.clone(),
            clock: ports.clock.clone(),
            generation: ports.layout.generation,
            token_ttl_seconds: config.token_ttl_seconds,
            cursor_ttl_seconds: config.live.cursor_ttl_seconds,
        };
        let subscription_ports = SubscriptionPorts {
            log: ports.log.clone(),
            signer: signer.clone(),
            metrics: metrics.clone(),
            shutdown: shutdown.clone(),
        };
        let subscriptions =
            Subscriptions::new(&reply, &ports.layout, limits, timeout, subscription_ports);
        let lost = metrics.security_events_lost.clone();
        let security_log = Arc::new(SecurityLog::new(ports.clock.clone(), lost));
        let config = Arc::new(config);
        let requests = RequestReader::new(config.clone());
        let collections = Collections::new(ports.record.clone());
        let accounts = Accounts::new(ports.record.clone(), ports.sealing.clone());
        let access = CallerAccess::new(accounts, ports.keys.clone(), issuers, ports.clock.clone());
        let refreshes = Arc::<Refreshes>::default();
        let shared = (collections.clone(), refreshes.clone());
        Self {
            subscriptions: Arc::new(subscriptions),
            holders: SubscriptionHolders::default(),
            signer,
            writes: write_path(
                (&config, &ports, &metrics),
                reply,
                shared,
                hooks.clone(),
                shutdown.clone(),
            ),
            hooks,
            wake_queue: Arc::default(),
            transactions: ports.layout.name(&TRANSACTIONS).into(),
            files: requests.for_files(),
            uploads_added: tokio::sync::Notify::new(),
            requests,
            collections,
            access: Arc::new(access),
            set_up,
            refreshes,
            bulks: AtomicUsize::new(0),
            revocations: Revocations::default(),
            audits: AuditJobs::default(),
            log_scans: Semaphore::new(LOG_SCANS),
            kept_searches: KeptSearches::new(config.kept_searches, config.kept_searches_bytes),
            sealed: SealedReader {
                keys: ports.sealing.clone(),
                catalog: ports.catalog.clone(),
                is_shown: config.show_sealed,
            },
            metrics,
            origins,
            cookies,
            routes: ServedRoutes::default(),
            reloads: ReloadRequests::default(),
            security_log,
            shutdown,
            config,
            ports,
        }
    }

    /// Where collections are made and changed.
    pub(crate) fn collection_stores(&self) -> CollectionStores<'_> {
        CollectionStores {
            record: self.ports.record.as_ref(),
            view: self.ports.view.as_deref(),
            clock: self.ports.clock.as_ref(),
        }
    }

    /// Unix milliseconds.
    pub(crate) fn now(&self) -> i64 {
        self.ports.clock.now()
    }

    /// The signed handle of writes at these places. `request`: the one it stands for, if it is one.
    pub(crate) fn token(
        &self,
        caller: &Caller,
        written: WrittenPlaces,
        request: Option<RequestId>,
    ) -> String {
        self.signer.token(caller, written, request)
    }

    /// The token of one write; an informative event is nothing that a read could wait for.
    pub(crate) fn token_of(&self, caller: &Caller, published: &Published) -> String {
        match (published.kind.has_verdict(), published.place) {
            (true, EventPlace::Logged(offset)) => {
                let written = WrittenPlaces {
                    offsets: vec![(published.partition, offset)],
                    spool: None,
                };
                self.token(caller, written, Some(published.request))
            }
            (true, EventPlace::Spooled(place)) => {
                let written = WrittenPlaces {
                    offsets: Vec::new(),
                    spool: Some((place.spool.0, place.number)),
                };
                self.token(caller, written, Some(published.request))
            }
            (false, _) => self.token(caller, WrittenPlaces::default(), None),
        }
    }

    /// What the acknowledgement of an event means, as answers name it.
    pub(crate) fn durability(&self, published: &Published, is_decided: bool) -> &'static str {
        if published.is_spooled() && !is_decided {
            return "spooled";
        }
        match self.writes.publisher.durability.get() {
            Some(Durability::Replicated) => "replicated",
            // Nothing is acknowledged before it is known.
            Some(Durability::Logged) | None => "logged",
            Some(Durability::Embedded) => "embedded",
        }
    }
}

/// The stages of a write, each with what it needs. `shared`: what reads need, too.
fn write_path(
    (config, ports, metrics): (&Config, &Ports, &GatewayMetrics),
    reply: Reply,
    (collections, refreshes): (Collections, Arc<Refreshes>),
    hooks: Arc<HookClient>,
    shutdown: Shutdown,
) -> WritePath {
    let (keys, clock, layout) = (&ports.keys, &ports.clock, &ports.layout);
    let known_ends = Arc::new(KnownEnds::new(layout.partitions));
    let spool_row = ports.spool.as_ref().map(|spool| {
        let (record, spool) = (ports.record.clone(), spool.clone());
        Arc::new(SpoolRow::new(record, spool, clock.clone()))
    });
    let (entries, ttl) = (config.idempotency_entries, config.idempotency_ttl_seconds);
    WritePath {
        full_keys: Arc::new(FullKeys::new(ports.record.clone(), config.key_queue_limit)),
        catalog: ports.catalog.clone(),
        identifier: Identifier::new(keys.clone(), clock.clone(), entries, ttl),
        validator: Validator {
            collections: collections.clone(),
            record: ports.record.clone(),
            searchable: ports.view.is_some(),
            clock: clock.clone(),
            sealing: ports.sealing.clone(),
            hooks,
            keys: keys.clone(),
            layout: layout.clone(),
        },
        builder: EventBuilder {
            keys: keys.clone(),
            generation: layout.generation,
            partitions: layout.partitions,
            catalog: ports.catalog.clone(),
            transactions: layout.name(&TRANSACTIONS).into(),
            informative: layout.name(&INFORMATIVE).into(),
            clock: clock.clone(),
            known_ends: known_ends.clone(),
            reply,
        },
        publisher: EventPublisher {
            outlet: match &ports.spool {
                Some(spool) => EventOutlet::Spool(spool.clone()),
                None => EventOutlet::Log(ports.log.publisher.clone()),
            },
            record: ports.record.clone(),
            timeout: config.publish_timeout(),
            durability: OnceLock::new(),
            accepted: metrics.accepted.clone(),
            spooled: metrics.spooled.clone(),
            unconfirmed: metrics.unconfirmed.clone(),
            known_ends,
            spool_row,
        },
        feedback: Feedback {
            pending: Arc::new(PendingRequests::new(config.max_waiting)),
            record: ports.record.clone(),
            view: ports.view.clone(),
            collections,
            refreshes,
            shutdown,
        },
    }
}
