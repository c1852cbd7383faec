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
pub fn admin_routes(health: Health, registry: Registry) -> Router {
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
pub async fn serve_admin(
    listener: TcpListener,
    health: Health,
    registry: Registry,
    shutdown: Shutdown,
) -> std::io::Result<()> {
    axum::serve(listener, admin_routes(health, registry))
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
