//! The catalog read again while the service runs: read, judged as at the start, prepared in the stores,
//! announced in the log, and only then gone by. Whatever is wrong leaves the catalog in use as it was;
//! tables and collections that were made before the log refused stay. Each event names the version that
//! accepted it, so requests in hand end under the old one, other gateways may go by another, and a worker
//! that does not know a version waits until it has read it. See ADR 25.

use crate::{
    GatewayError,
    app::Shared,
    catalog_source::{CatalogSource, ReloadedCatalog},
    error::{Code, Problem},
    openapi, router,
    served_routes::RouteSet,
    write::publish::definitions::announce_definitions,
};
use catalog::Catalog;
use runtime::{Shutdown, health::State};
use std::sync::Arc;
use tokio::time::timeout;

/// Under this name `/readyz` says that the last reload was refused, as long as none succeeded since.
const COMPONENT: &str = "catalog";

/// What is served under a catalog; an operation whose route would shadow another has no place.
pub(crate) fn routes_of(app: &Shared, catalog: &Catalog) -> Result<RouteSet, GatewayError> {
    let document = openapi::openapi_document(catalog);
    let document = serde_json::to_vec(&document).expect("an OpenAPI document is plain JSON");
    Ok(RouteSet {
        router: router::build_router(app.clone(), catalog)?,
        openapi: document.into(),
    })
}

/// Until shutdown: reads again whenever it is asked to, one time after the other.
pub(crate) async fn follow(app: Shared, shutdown: Shutdown) {
    app.metrics
        .catalog
        .set_version(None, app.ports.catalog.current().version());
    let asked = app.reloads.take_requests();
    let (Some(source), Some(mut asked)) = (app.ports.catalog_source.clone(), asked) else {
        shutdown.soft().await;
        return;
    };
    loop {
        let order = tokio::select! {
            () = shutdown.soft() => return,
            () = source.asked() => None,
            Some(order) = asked.recv() => Some(order),
        };
        let reloaded = reload(&app, &source).await;
        tell(
            &app,
            &reloaded,
            order.as_ref().map(|order| order.by.as_str()),
        );
        if let Some(order) = order {
            // Whoever asked may have left.
            _ = order.answer.send(reloaded);
        }
    }
}

/// `by`: the caller who asked for it, if it was one.
fn tell(app: &Shared, reloaded: &Result<ReloadedCatalog, Problem>, by: Option<&str>) {
    let outcome = match reloaded {
        Ok(done) if done.version == done.before => {
            let version = &done.version;
            tracing::info!(version, "the catalog was read again: it is the one in use");
            "unchanged"
        }
        Ok(done) => {
            let (version, before, operations) = (&done.version, &done.before, done.operations);
            tracing::info!(version, before, operations, "the catalog is reloaded");
            app.metrics.catalog.set_version(Some(before), version);
            app.catalog_reloaded(by, (before, version));
            "reloaded"
        }
        Err(problem) => {
            let version = app.ports.catalog.current().version().to_owned();
            let (code, why) = (problem.code().row().name, problem.detail());
            tracing::warn!(
                version,
                code,
                why,
                "the catalog is not reloaded; the one in use stays"
            );
            let why = format!("not reloaded, version {version} is served: {code}: {why}");
            app.ports.health.set(COMPONENT, State::Degraded { why });
            "refused"
        }
    };
    if reloaded.is_ok() {
        app.ports.health.forget(COMPONENT);
    }
    app.metrics.catalog.count_reload(outcome);
}

async fn reload(app: &Shared, source: &Arc<dyn CatalogSource>) -> Result<ReloadedCatalog, Problem> {
    let bad = |why: String| Problem::new(Code::BadCatalog, why);
    let reading = source.clone();
    let read = tokio::task::spawn_blocking(move || reading.read()).await;
    let next = read
        .map_err(|error| bad(error.to_string()))?
        .map_err(|error| bad(error.to_string()))?;
    let in_use = app.ports.catalog.current();
    let done = ReloadedCatalog {
        version: next.version().to_owned(),
        before: in_use.version().to_owned(),
        operations: next.operations().count(),
    };
    // Their secrets may be others, also where the definitions are not.
    let hooks = app.hooks.endpoints_of(&next);
    let hooks = hooks.map_err(|error| bad(error.to_string()))?;
    if done.version == done.before {
        app.hooks.replace(hooks);
        return Ok(done);
    }
    // A path that the router cannot hold is a panic there.
    let serving = app.clone();
    let built = tokio::task::spawn_blocking(move || (routes_of(&serving, &next), next)).await;
    let (routes, next) = built.map_err(|error| bad(error.to_string()))?;
    let routes = routes.map_err(|error| bad(error.to_string()))?;
    source.prepare(&next, &in_use).await?;
    let announced = timeout(
        app.config.publish_timeout(),
        announce_definitions(&app.ports, &next),
    )
    .await;
    let in_time = announced.unwrap_or_else(|_| Err("no answer in time".to_owned()));
    in_time.map_err(|why| {
        let why = format!("the log does not take the definitions: {why}");
        Problem::new(Code::LogUnavailable, why).retry_after(2)
    })?;
    app.hooks.replace(hooks);
    app.ports.catalog.replace(next);
    app.routes.replace(routes);
    Ok(done)
}
