//! Connections: how many, how slow, and how they end. Everything between the listener and the
//! router; it knows no route.

mod handshake;
mod request;
mod tasks;

use crate::{
    Config, GatewayError, Ports,
    access::{ClientAddress, cookie::SessionCookies},
    app::{App, Shared},
    catalog_reload,
    error::{Code, Problem},
    hooks::HookClient,
    instance,
    metrics::GatewayMetrics,
    origins::Origins,
    security_topic,
    served_routes::RouteSet,
    set_up::{self, SetUpCode},
    transport::{
        ClientSocket, ClientStream,
        client_stream::StreamOptions,
        farewell::LingerLimits,
        permit::{ConnectionPermit, ConnectionPermits},
        tls::TlsEndpoint,
        unread::Unread,
    },
};
use axum::body::Body;
use bearer_tokens::TrustedIssuers;
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service};
use hyper_util::rt::{TokioIo, TokioTimer};
use outbound::OutboundClient;
use runtime::{Shutdown, State, spawn};
use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};
use tracing::{debug, info, warn};

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
    tasks::start_tasks(&app, opened, &shutdown);
    if let Some(endpoint) = &endpoint {
        tasks::follow_certificate(&app, endpoint, &shutdown);
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
            async move { Ok::<_, Infallible>(request::serve_request(&app, request).await) }
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
