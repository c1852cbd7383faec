//! Connections: how many, how slow, and how they end. Everything between the listener and the
//! router; it knows no route.

mod handshake;

use crate::{
    Config, GatewayError, Ports,
    access::{ClientAddress, cookie::SessionCookies},
    app::{App, Shared},
    catalog_reload,
    config::TlsEnd,
    error::{Code, Problem},
    hooks::HookClient,
    host_header, instance,
    kuzzle::socket,
    mailbox::Mailbox,
    metrics::GatewayMetrics,
    origins::{OriginStanding, Origins},
    security_topic,
    served_routes::RouteSet,
    session_sweep,
    set_up::{self, SetUpCode},
    spans, spool_watch,
    subscriptions::{append, follow},
    transport::{
        ClientSocket, ClientStream,
        client_stream::StreamOptions,
        farewell::LingerLimits,
        permit::{ConnectionPermit, ConnectionPermits},
        tls::TlsEndpoint,
        unread::Unread,
    },
    upload::runner,
    write::feedback::sweep,
    write_opening,
};
use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
};
use bearer_tokens::TrustedIssuers;
use event_schema::outcome::LedgerEntry;
use futures::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use hyper::{body::Incoming, server::conn::http1, service};
use hyper_util::rt::{TokioIo, TokioTimer};
use outbound::OutboundClient;
use runtime::{Shutdown, State, TaskStarter, spawn};
use std::{
    borrow::Cow, convert::Infallible, net::IpAddr, panic::AssertUnwindSafe, sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::{Instant, timeout},
};
use tower::{Service, service_fn};
use tracing::{debug, error, info, warn};

/// A year (RFC 6797): browsers do not ask this host without TLS again.
const TLS_FROM_NOW_ON: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// How long connections wait at the start for a log that is about to be found.
const START_PATIENCE: Duration = Duration::from_secs(2);

/// Serves until shutdown, then drains.
pub(crate) async fn run_server(
    config: Config,
    listener: TcpListener,
    ports: Ports,
    shutdown: Shutdown,
) -> Result<(), GatewayError> {
    let metrics = GatewayMetrics::new(&ports.registry)?;
    let address = listener.local_addr()?;
    if !set_up::is_protected(address.ip(), &config.security) {
        return Err(GatewayError::Unprotected(address));
    }
    let endpoint = handshake::tls_endpoint(&config, &*ports.clock)?.map(Arc::new);
    let origins = Origins::new(&config.allowed_origins, address.ip())?;
    let cookies = SessionCookies::new(&config.security, address.ip(), &origins);
    let set_up = SetUpCode::new(address.ip(), &config.security, &ports.keys);
    let http = OutboundClient::new(&config.outbound)?;
    let issuers = TrustedIssuers::new(&config.security.issuers, &http, ports.clock.clone())?;
    let hooks = HookClient::new(http, &config, &ports, metrics.hooks.clone())?;
    set_up::name_weakness(address.ip(), &config.security, &ports.health);
    let reply = instance::reply_address(&ports.layout);
    let app: Shared = Arc::new(App::new(
        config,
        ports,
        reply,
        metrics,
        (origins, cookies),
        (set_up, issuers, Arc::new(hooks)),
        shutdown.clone(),
    ));
    let catalog = app.ports.catalog.current();
    app.routes
        .replace(catalog_reload::routes_of(&app, &catalog)?);

    let (opened, is_open) = oneshot::channel();
    start_tasks(&app, opened, &shutdown);
    if let Some(endpoint) = &endpoint {
        follow_certificate(&app, endpoint, &shutdown);
    }
    // Where the log is there, the first request finds the way of writes open.
    drop(timeout(START_PATIENCE, is_open).await);
    app.ports.health.set("gateway", State::Ready);
    info!(%address, "the gateway listens");
    if let Some(code) = &app.set_up {
        code.announce(&app.access).await;
    }
    let permits = accept_connections(&app, (listener, endpoint), &shutdown).await;
    drain_requests(&app, &permits, &shutdown).await;
    app.revocations.leave(security_topic::FAREWELL).await;
    app.security_log.close().await;
    // They hold what they serve.
    app.routes.replace(RouteSet::default());
    Ok(())
}

/// The tasks beside the listener. Only the first ends by itself: when writes are open.
fn start_tasks(app: &Shared, opened: oneshot::Sender<()>, shutdown: &Shutdown) {
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

fn follow_certificate(app: &App, endpoint: &TlsEndpoint, shutdown: &Shutdown) {
    let (health, clock) = (app.ports.health.clone(), app.ports.clock.clone());
    let expiry = app.metrics.certificate_expires.clone();
    let certificate = endpoint.certificate.clone();
    let following = certificate.follow(clock, health.clone(), expiry, shutdown.clone());
    TaskStarter::new(health, shutdown.clone()).vital("certificate", following);
}

/// Accepts until soft shutdown; beyond the bound on connections, new ones wait in the kernel,
/// beyond that of their address they are closed.
async fn accept_connections(
    app: &Shared,
    (listener, endpoint): (TcpListener, Option<Arc<TlsEndpoint>>),
    shutdown: &Shutdown,
) -> Arc<ConnectionPermits> {
    let permits = ConnectionPermits::new(
        app.config.max_connections,
        app.config.live.connections_per_address,
    );
    let builder = http_protocol(&app.config);
    loop {
        let accepted = async {
            let permit = permits.room().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            biased;
            () = shutdown.soft() => return permits,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                let Some(permit) = permit.and_then(|permit| permits.take(permit, from.ip())) else {
                    debug!(address = %from.ip(), "the limit of open connections of one address is reached");
                    continue;
                };
                spawn(
                    "connection",
                    serve_http(
                        app.clone(),
                        builder.clone(),
                        (stream, endpoint.clone()),
                        (Arc::new(permit), from.ip()),
                        shutdown.clone(),
                    ),
                );
            }
            Err(error) => {
                // Out of file descriptors, mostly: others may end in the meantime.
                warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn http_protocol(config: &Config) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout())
        .max_headers(config.max_headers)
        .max_buf_size(config.header_limit_bytes.max(8 << 10))
        .half_close(true);
    builder
}

fn stream_options(config: &Config) -> StreamOptions {
    StreamOptions {
        stall: config.stall_timeout(),
        linger: LingerLimits {
            bytes: config.linger_bytes,
            time: config.linger(),
        },
        refusal: unreadable_head,
    }
}

/// What is answered where a head is no head of a request.
fn unreadable_head(status: u16) -> Vec<u8> {
    let problem = match status {
        400 => Problem::new(
            Code::BadRequest,
            "the request line or a header field cannot be understood",
        ),
        _ => Problem::new(
            Code::HeadTooLarge,
            "the address or the header fields of the request are larger than may be",
        ),
    };
    bare_problem(&problem)
}

/// A problem as it is written where there is no request to answer.
fn bare_problem(problem: &Problem) -> Vec<u8> {
    let body = serde_json::to_string(problem).expect("a problem is plain JSON");
    let (status, length) = (problem.status(), body.len());
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Serves requests on a connection until it ends or becomes something else. The permit is its own,
/// and that of what it becomes.
async fn serve_http(
    app: Shared,
    builder: http1::Builder,
    (stream, endpoint): (TcpStream, Option<Arc<TlsEndpoint>>),
    (permit, from): (Arc<ConnectionPermit>, IpAddr),
    shutdown: Shutdown,
) {
    app.metrics.connections.inc();
    // Answers are small and whole: waiting to fill a packet only adds delay.
    drop(stream.set_nodelay(true));
    let socket = tokio::select! {
        socket = handshake::finish_handshake(&app, endpoint.as_deref(), stream) => socket,
        () = shutdown.soft() => None,
    };
    if let Some(socket) = socket {
        serve_requests(&app, builder, socket, (permit, from), &shutdown).await;
    }
    app.metrics.connections.dec();
}

async fn serve_requests(
    app: &Shared,
    builder: http1::Builder,
    socket: ClientSocket,
    (permit, from): (Arc<ConnectionPermit>, IpAddr),
    shutdown: &Shutdown,
) {
    let unread = Unread::default();
    let certificate = handshake::shown_certificate(app, &socket);
    let client = ClientStream::new(socket, stream_options(&app.config), unread.clone());
    let io = TokioIo::new(client);
    let service = {
        let app = app.clone();
        service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(permit.clone());
            request.extensions_mut().insert(ClientAddress(from));
            if let Some(certificate) = &certificate {
                let shown = handshake::certificate_of_request(&app, certificate, &request);
                request.extensions_mut().insert(shown);
            }
            let request = request.map(|body| Body::new(unread.clone().watch(body)));
            let app = app.clone();
            async move { Ok::<_, Infallible>(serve_request(&app, request).await) }
        })
    };
    let mut served = std::pin::pin!(builder.serve_connection(io, service).with_upgrades());
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = shutdown.soft() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended early");
    }
}

/// One request: judged by the page that sends it, if one does.
async fn serve_request(app: &Shared, mut request: Request<Body>) -> Response {
    let begun = Instant::now();
    let span = spans::begin_http(&mut request, &app.ports.catalog.current());
    let upgrade = websocket::is_upgrade_request(request.headers());
    // What changes nothing is answered: a browser does not let a page read what it may not.
    let harmless = !upgrade && matches!(*request.method(), Method::GET | Method::HEAD);
    let head = (request.method(), request.uri().path(), request.headers());
    let host = host_header::check_host(request.version(), request.headers());
    let mut response = match (host, refused_until_set_up(app, head).await) {
        (Err(problem), _) => problem.into_response(),
        (Ok(()), Some(refusal)) => refusal,
        (Ok(()), None) => serve_judged(app, app.routes.router(), request, upgrade, harmless).await,
    };
    if app.config.security.tls == TlsEnd::Own {
        let headers = response.headers_mut();
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TLS_FROM_NOW_ON);
    }
    app.metrics
        .answer(response.status(), begun.elapsed().as_secs_f64());
    spans::end_http(span, response.status());
    response
}

async fn refused_until_set_up(app: &App, head: (&Method, &str, &HeaderMap)) -> Option<Response> {
    app.set_up.as_ref()?.refusal(&app.access, head).await
}

async fn serve_judged(
    app: &Shared,
    router: Router,
    request: Request<Body>,
    upgrade: bool,
    harmless: bool,
) -> Response {
    match app.origins.judge(request.headers(), request.uri()) {
        OriginStanding::Foreign if !harmless => Origins::refusal(request.headers()),
        OriginStanding::Program | OriginStanding::Welcome if upgrade => {
            socket::upgrade_socket(app.clone(), request).await
        }
        OriginStanding::Welcome => {
            let answered = service_fn(|request| {
                let router = router.clone();
                async move { Ok(answer_request(app, router, request).await) }
            });
            app.origins.welcome(request, answered).await
        }
        OriginStanding::Program | OriginStanding::Foreign => {
            let mut response = answer_request(app, router, request).await;
            response
                .headers_mut()
                .append(header::VARY, HeaderValue::from_static("origin"));
            response
        }
    }
}

/// Counted, bounded, and answered whatever happens.
async fn answer_request(app: &Shared, mut router: Router, request: Request<Body>) -> Response {
    app.metrics.in_flight.inc();
    let response = if app.metrics.in_flight.get() > app.config.max_in_flight as i64 {
        Problem::new(
            Code::Overloaded,
            "the limit of requests in flight is reached",
        )
        .retry_after(1)
        .into_response()
    } else {
        match AssertUnwindSafe(router.call(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => {
                error!("a handler panicked; its request was answered 500");
                Problem::new(Code::Internal, "the handler of this request failed").into_response()
            }
        }
    };
    app.metrics.in_flight.dec();
    response
}

/// Lets what is in hand finish, within bounds, and sees that nothing is left in the queue to the
/// log.
async fn drain_requests(app: &App, permits: &ConnectionPermits, shutdown: &Shutdown) {
    let open = permits.taken();
    info!(connections = open, "the gateway accepts no more requests");
    tokio::select! {
        () = permits.empty() => {}
        () = tokio::time::sleep(app.config.drain()) => warn!("not all connections ended in time"),
        () = shutdown.hard() => {}
    }
    tokio::select! {
        () = app.subscriptions.end(Duration::from_secs(5)) => {}
        () = shutdown.hard() => {}
    }
    if let Some(spool) = &app.ports.spool {
        let left = spool.flush(Duration::from_secs(5)).await;
        if left > 0 {
            warn!(
                records = left,
                "records stay in the spool; the next gateway that finds it ships them"
            );
        }
        spool.close().await;
        return;
    }
    let left = app.ports.log.publisher.flush(Duration::from_secs(5)).await;
    if left > 0 {
        warn!(
            records = left,
            "records were not acknowledged by the log before shutdown; their clients got no 2xx"
        );
    }
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
