//! `/healthz`, `/readyz`, `/metrics`: as routes to merge into a service's own router, and as a
//! server for services that have none.

use crate::{health::Health, lifecycle::Shutdown};
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use prometheus::{Encoder, Registry, TextEncoder};
use tokio::net::TcpListener;

#[derive(Clone)]
struct Admin {
    health: Health,
    registry: Registry,
}

/// The three routes.
pub fn routes(health: Health, registry: Registry) -> Router {
    Router::new()
        .route(
            "/healthz",
            get(async || Json(serde_json::json!({"status": "ok"}))),
        )
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Admin { health, registry })
}

/// Serves them until shutdown.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    registry: Registry,
    shutdown: Shutdown,
) -> std::io::Result<()> {
    axum::serve(listener, routes(health, registry))
        .with_graceful_shutdown(async move { shutdown.soft().await })
        .await
}

/// Serves them while the service itself cannot yet; to everything else it says that it should be
/// tried again.
pub async fn serve_meanwhile(
    listener: TcpListener,
    health: Health,
    registry: Registry,
    shutdown: Shutdown,
) -> std::io::Result<()> {
    let router = routes(health, registry).fallback(async || {
        let problem = serde_json::json!({
            "type": "/docs/errors/starting", "title": "Starting", "status": 503, "code": "starting",
            "detail": "the service waits for what it needs: see /readyz", "hint": "Repeat after `Retry-After` seconds.",
        });
        let headers = [(header::CONTENT_TYPE, "application/problem+json"), (header::RETRY_AFTER, "1"), (header::CONNECTION, "close")];
        (StatusCode::SERVICE_UNAVAILABLE, headers, Json(problem))
    });
    axum::serve(listener, router)
        .with_graceful_shutdown(async move { shutdown.soft().await })
        .await
}

async fn readyz(State(admin): State<Admin>) -> impl IntoResponse {
    let report = admin.health.report();
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report))
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    let mut text = Vec::new();
    match TextEncoder::new().encode(&admin.registry.gather(), &mut text) {
        Ok(()) => (
            StatusCode::OK,
            [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
            text,
        )
            .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
