//! The tasks that run beside the listener for as long as the gateway does, and what they need. They
//! answer no request; one that ends before the gateway takes readiness with it.

use crate::{
    app::{App, Shared},
    catalog_reload,
    mailbox::Mailbox,
    security_topic, session_sweep, spool_watch,
    subscriptions::{append, follow},
    transport::tls::TlsEndpoint,
    upload::runner,
    write::feedback::sweep,
    write_opening,
};
use event_schema::outcome::LedgerEntry;
use runtime::{Shutdown, State, TaskStarter, spawn};
use std::{borrow::Cow, time::Duration};
use tokio::sync::oneshot;

/// The tasks beside the listener. Only the first ends by itself: when writes are open.
pub(super) fn start_tasks(app: &Shared, opened: oneshot::Sender<()>, shutdown: &Shutdown) {
    let (config, ports) = (&app.config, &app.ports);
    let poll = Duration::from_millis(config.ledger_poll_millis.max(10));
    let refresh = Duration::from_secs(config.collections_refresh_seconds.max(1));
    let beat = Duration::from_millis(config.live.heartbeat_millis.max(10));
    let (log, clock, health) = (&ports.log, ports.clock.clone(), &ports.health);
    let (until, subscriptions) = (|| shutdown.clone(), || app.subscriptions.clone());
    spawn(
        "catalog",
        write_opening::open_writes(app.clone(), opened, until()),
    );
    let tasks = TaskStarter::new(health.clone(), shutdown.clone());
    if let Some(spool) = &ports.spool {
        health.set_dispensable(&spool_watch::DISPENSABLE);
        tasks.vital("spool-shipper", spool.clone().run(until()));
    }
    let (reply, verdicts) = (&app.writes.builder.reply, &app.writes.feedback.pending);
    let pending = verdicts.clone();
    let take_verdict = move |entry: &LedgerEntry| _ = pending.resolve(Cow::Borrowed(entry));
    ports
        .feedback
        .connect_gateway(&reply.instance, take_verdict);
    let mailbox = Mailbox {
        reply: reply.clone(),
        verdicts: verdicts.clone(),
        subscriptions: subscriptions(),
        access: app.access.clone(),
    };
    let layout = ports.layout.clone();
    let delivering = mailbox.run(log.clone(), layout, health.clone(), until());
    tasks.vital("mailbox", delivering);
    let following =
        follow::follow_memberships(subscriptions(), log.clone(), health.clone(), until());
    tasks.vital("rooms", following);
    let appending = append::run_appender(subscriptions(), log.clone(), clock, beat, until());
    tasks.vital("memberships", appending);
    tasks.vital("wake-queue", app.wake_queue.clone().run(until()));
    let pending = app.writes.feedback.pending.clone();
    let sweeping = sweep::run_sweep(pending, ports.record.clone(), poll, until());
    tasks.vital("sweep", sweeping);
    tasks.vital(
        "collections",
        app.collections.clone().follow(refresh, until()),
    );
    let full_keys = app.writes.full_keys.clone();
    tasks.vital("full-keys", full_keys.follow(until()));
    let access = app.access.clone();
    let until_then = until();
    tasks.vital(
        "rights",
        async move { access.state.follow(until_then).await },
    );
    tasks.vital(
        "catalog-reload",
        catalog_reload::follow(app.clone(), until()),
    );
    tasks.vital("security-log", app.clone().write_security_log(until()));
    tasks.vital(
        "security",
        security_topic::follow_security(app.clone(), until()),
    );
    tasks.vital("sessions", session_sweep::run_sweep(app.clone(), until()));
    if !config.security.issuers.is_empty() {
        let (access, until) = (app.access.clone(), until());
        let following = async move { access.issuers.follow(until).await };
        tasks.vital("issuers", following);
    }
    if config.carry_out_uploads {
        tasks.vital("uploads", runner::run_uploads(app.clone(), until()));
    }
    tasks.vital("watch", watch_readiness(app.clone(), until()));
}

pub(super) fn follow_certificate(app: &App, endpoint: &TlsEndpoint, shutdown: &Shutdown) {
    let (health, clock) = (app.ports.health.clone(), app.ports.clock.clone());
    let expiry = app.metrics.certificate_expires.clone();
    let certificate = endpoint.certificate.clone();
    let following = certificate.follow(clock, health.clone(), expiry, shutdown.clone());
    TaskStarter::new(health, shutdown.clone()).vital("certificate", following);
}

/// Keeps `/readyz` true to what this service needs.
async fn watch_readiness(app: Shared, shutdown: Shutdown) {
    loop {
        let health = &app.ports.health;
        // Before that, whoever looks at its topics says how it is.
        if app.ports.durability.borrow().is_some() {
            let why = || "the log is out of reach".to_owned();
            let log = match app.ports.log.publisher.healthy() {
                true => State::Ready,
                false => State::Missing { why: why() },
            };
            health.set("log", log);
        }
        let record = State::told_by(app.ports.record.ready()).await;
        health.set("record", record);
        if let Some(view) = &app.ports.view {
            health.set("view", State::told_by(view.ready()).await);
            let bytes = i64::try_from(view.index_bytes()).unwrap_or(i64::MAX);
            app.metrics.view_index_bytes.set(bytes);
        }
        spool_watch::report_spool(&app.ports, &app.metrics);
        if let Some(row) = &app.writes.publisher.spool_row {
            row.refresh().await;
        }
        app.metrics
            .waiting
            .set(app.writes.feedback.pending.len() as i64);
        app.metrics
            .subscriptions
            .set(app.subscriptions.len() as i64);
        tokio::select! {
            () = shutdown.soft() => return health.set("gateway", State::Missing { why: "stopping".into() }),
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
        }
    }
}
