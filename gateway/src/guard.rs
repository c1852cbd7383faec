//! The guard of all routes but Kuzzle's, which has its own ([`crate::kuzzle`]): who calls, and has
//! the caller the right that the table of routes names? It looks at the head alone.

use crate::{
    access::{Caller, ClientAddress, PlaceRule, Right, right, shown_credential},
    app::Shared,
    error::{Code, Problem},
};
use axum::{
    RequestExt,
    extract::{RawPathParams, Request},
};
use rights::ActionPlace;

/// Lets a request in, with its caller put into its extensions. `operation`: the one that the route
/// itself stands for.
pub(crate) async fn admit_request(
    app: &Shared,
    needed: Right,
    operation: Option<&str>,
    mut request: Request,
) -> Result<Request, Problem> {
    if needed.place == PlaceRule::Public {
        return Ok(request);
    }
    let caller = app.identify(shown_credential(request.headers())).await?;
    let parts = request.extract_parts::<RawPathParams>().await;
    let parts = parts.map_err(|rejection| Problem::new(Code::BadRequest, rejection.body_text()))?;
    let named = |name: &str| {
        let mut found = parts.iter();
        found
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    };
    let missing = |name: &str| Problem::new(Code::Internal, format!("the path has no `{name}`"));
    check_right(&caller, needed, operation, named).unwrap_or_else(|name| Err(missing(name)))?;
    let trusted = &app.config.trusted_proxies;
    let address = ClientAddress::of(request.extensions(), request.headers(), trusted);
    app.access.count(&caller, address)?;
    request.extensions_mut().insert(caller);
    Ok(request)
}

/// The outer error: what the path lacks.
fn check_right<'p>(
    caller: &Caller,
    needed: Right,
    operation: Option<&'p str>,
    named: impl Fn(&str) -> Option<&'p str>,
) -> Result<Result<(), Problem>, &'static str> {
    let right = (needed.controller, needed.action);
    let (right, place) = match needed.place {
        PlaceRule::Public => return Ok(Ok(())),
        PlaceRule::Nowhere => (right, ActionPlace::Nowhere),
        PlaceRule::Everywhere => (right, ActionPlace::Everywhere),
        PlaceRule::Path => {
            let index = named("index").ok_or("index")?;
            let collection = named("collection").ok_or("collection")?;
            (right, ActionPlace::Collection(index, collection))
        }
        PlaceRule::Operation => {
            let operation = operation
                .or_else(|| named("operation"))
                .ok_or("operation")?;
            (right::of_operation(operation), ActionPlace::Nowhere)
        }
    };
    Ok(caller.check(right, place).map_err(Problem::from))
}
