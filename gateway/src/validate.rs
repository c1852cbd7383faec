//! Stage 2: the catalog's rules, and the collections a request touches. What comes out may be
//! published; nothing else may.

use crate::{
    app::App,
    error::{Code, Problem},
    idempotency::Ticket,
    request::{RawRequest, caller::Caller, path},
};
use catalog::{Accepted, AcceptedRequest, Kind, Operation, Seed};
use event_schema::envelope::Origin;
use serde_json::{Map, Value};

/// A request that keeps every rule that can be checked without its documents. Made only by
/// [`validate`].
pub(crate) struct ValidRequest {
    pub kind: Kind,
    /// One per event, in the request's order; a problem where one document of many breaks rules.
    pub items: Vec<Result<ValidItem, Problem>>,
    pub caller: Caller,
    pub traceparent: Option<String>,
    pub ticket: Option<Ticket>,
    pub origin: Option<Origin>,
}

impl ValidRequest {
    /// Every collection that it may touch, once.
    pub(crate) fn collections(&self) -> Vec<(String, String)> {
        let touched: std::collections::BTreeSet<_> = self
            .items
            .iter()
            .flatten()
            .flat_map(|item| item.accepted.collections.iter().cloned())
            .collect();
        touched.into_iter().collect()
    }
}

/// What one event will carry. Its fields are private, so that nothing is published that did not
/// pass through [`item`].
pub(crate) struct ValidItem {
    accepted: Accepted,
    incarnations: Map<String, Value>,
}

impl ValidItem {
    pub(crate) fn into_parts(self) -> (Accepted, Map<String, Value>) {
        (self.accepted, self.incarnations)
    }
}

/// Checks a request against its operation. `unique` names it: see [`crate::idempotency`].
pub(crate) async fn validate(
    app: &App,
    operation: &Operation,
    request: &RawRequest,
    unique: [u8; 16],
    ticket: Option<Ticket>,
) -> Result<ValidRequest, Problem> {
    if request.options.refresh && app.ports.view.is_none() {
        return Err(Problem::new(
            Code::NoView,
            "`refresh=wait_for` needs a view, and this deployment has none",
        ));
    }
    let seed = Seed {
        unique,
        now: app.now(),
    };
    let if_match = request.options.if_match;
    let items = match operation.accept(&request.json, &seed)? {
        AcceptedRequest::One(accepted) => vec![Ok(item(app, *accepted, if_match).await?)],
        AcceptedRequest::Many(_) if if_match.is_some() => {
            return Err(Problem::new(
                Code::BadHeader,
                "If-Match names the version of one document, and this request has many",
            ));
        }
        AcceptedRequest::Many(children) => {
            let mut items = Vec::with_capacity(children.len());
            for child in children {
                items.push(match child {
                    Ok(accepted) => item(app, accepted, None).await,
                    Err(invalid) => Err(invalid.into()),
                });
            }
            items
        }
    };
    Ok(ValidRequest {
        kind: operation.kind(),
        items,
        caller: request.caller,
        traceparent: request.options.traceparent.clone(),
        ticket,
        origin: request.options.origin.clone(),
    })
}

/// Looks up the collections; If-Match and `if_version` must not contradict each other.
pub(crate) async fn item(
    app: &App,
    mut accepted: Accepted,
    if_match: Option<u64>,
) -> Result<ValidItem, Problem> {
    if let Some(version) = if_match {
        if accepted.if_version.is_some_and(|other| other != version) {
            return Err(Problem::new(
                Code::BadHeader,
                "If-Match and `if_version` ask for different versions",
            )
            .at("/if_version"));
        }
        accepted.if_version = Some(version);
    }
    let mut incarnations = Map::new();
    for (index, name) in &accepted.collections {
        let collection = app.collections.get(index, name).await?;
        incarnations.insert(collection.name(), collection.incarnation.clone().into());
    }
    Ok(ValidItem {
        accepted,
        incarnations,
    })
}

/// The operation of this name, or a 404 that names the nearest.
pub(crate) fn operation<'a>(app: &'a App, name: &str) -> Result<&'a Operation, Problem> {
    app.ports.catalog.operation(name).ok_or_else(|| {
        let shown = path::shorten(name);
        Problem::new(
            Code::UnknownOperation,
            match app.ports.catalog.nearest(name) {
                Some(nearest) => {
                    format!("there is no operation `{shown}`: did you mean `{nearest}`?")
                }
                None => format!("there is no operation `{shown}`"),
            },
        )
    })
}
