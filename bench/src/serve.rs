//! `consign-bench serve`: a process to be measured. The floor is a handler that parses the same
//! JSON, appends to nothing and answers 202, served the way a gateway is; the gateway is one on
//! files without a worker beside it; the broadcast is the floor for WebSockets.

mod broadcast;

use clap::{Args, ValueEnum};
use consign::commands::Invocation;
use consign::{failure::Failure, settings::Settings};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use runtime::{Health, Shutdown};
use standalone::{folder::Folder, prepare};
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tower::Service;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum What {
    Floor,
    Gateway,
    Broadcast,
}

#[derive(Debug, Args)]
pub struct Arguments {
    what: What,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings(&[])?.settings;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let told = serde_json::json!({ "listening": format!("http://{}", listener.local_addr()?) });
    match arguments.what {
        What::Floor => {
            invocation.output.line(&told.to_string());
            floor(listener).await
        }
        What::Broadcast => {
            invocation.output.line(&told.to_string());
            broadcast::run(listener).await
        }
        What::Gateway => {
            gateway(settings, listener, || {
                invocation.output.line(&told.to_string())
            })
            .await
        }
    }
}

async fn floor(listener: TcpListener) -> Result<(), Failure> {
    let handler =
        async |body: bytes::Bytes| match serde_json::from_slice::<serde_json::Value>(&body) {
            Ok(request) => {
                std::hint::black_box(&request);
                (
                    http::StatusCode::ACCEPTED,
                    "{\"status\":\"accepted\"}".to_owned(),
                )
            }
            Err(error) => (http::StatusCode::BAD_REQUEST, error.to_string()),
        };
    let router = runtime::admin::admin_routes(Health::default(), prometheus::Registry::new())
        .fallback(handler);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let router = router.clone();
        runtime::spawn("connection", async move {
            let service =
                service_fn(move |request: Request<Incoming>| router.clone().call(request));
            // The measuring side sees a connection that breaks.
            _ = http1::Builder::new()
                .pipeline_flush(true)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn gateway(
    settings: Settings,
    listener: TcpListener,
    ready: impl FnOnce(),
) -> Result<(), Failure> {
    let shutdown = Shutdown::on_signals(Duration::from_secs(30))?;
    let folder = Folder::open(settings.data.clone()).await?;
    let (catalog, layout) = (
        consign::stack::load_catalog(&settings)?,
        settings.topics.layout(),
    );
    let topics = prepare::topic_specs(&layout);
    folder.log.admin.create(&topics).await?;
    prepare::prepare_stores(
        &catalog,
        folder.record.as_ref(),
        Some(folder.view.as_ref()),
        &runtime::SystemClock,
    )
    .await?;
    let masters = sealing::MasterKeys::derived(&folder.keys);
    let record = folder.record.clone();
    let ports = gateway::Ports {
        feedback: gateway::LocalFeedback::default(),
        sealing: sealing::SubjectKeys::new(record, folder.keys.clone(), masters),
        log: folder.log.clone(),
        catalog: catalog.into(),
        catalog_source: None,
        record: folder.record.clone(),
        view: Some(folder.view.clone()),
        keys: folder.keys.clone(),
        layout,
        clock: Arc::new(runtime::SystemClock),
        spool: None,
        durability: tokio::sync::watch::channel(Some(event_log::Durability::Embedded)).1,
        health: Health::default(),
        registry: prometheus::Registry::new(),
    };
    ready();
    consign::services::run_gateway(settings.gateway, listener, ports, shutdown).await?;
    folder.close().await;
    Ok(())
}
