//! What writes answer: outcomes to JSON, status and headers. Wire forms live here and in `routes`,
//! nowhere else.

use crate::{
    access::Caller,
    app::App,
    error::Problem,
    handles::WrittenPlaces,
    read::sealed::masked_json,
    write::{Completed, EventPlace, Published, feedback::Outcome},
};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use catalog::Operation;
use event_schema::{
    id::RequestId,
    outcome::{LedgerEntry, Verdict},
};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{collections::BTreeMap, time::Duration};

/// A write that was answered: one outcome, or many in the request's order.
pub(crate) struct OperationAnswer {
    pub outcomes: Vec<Outcome>,
    pub many: bool,
    pub caller: Caller,
    /// The wait that was honoured.
    pub waited: Option<Duration>,
}

/// The JSON of one outcome that is no problem.
#[derive(Serialize)]
pub(crate) struct TakenAnswer<'a> {
    pub request_id: RequestId,
    pub token: String,
    pub status: &'static str,
    durability: &'static str,
    /// Where it will stand in the log is not known yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'static str>,
    /// Whether the caller may do it is known only when it is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum AnswerItem<'a> {
    Taken(TakenAnswer<'a>),
    Problem { problem: Problem },
}

#[derive(Serialize)]
struct Items<'a> {
    items: Vec<AnswerItem<'a>>,
}

/// An outcome, ready to be told.
pub(crate) fn taken_answer<'a>(
    app: &App,
    caller: &Caller,
    outcome: &'a Outcome,
) -> Result<TakenAnswer<'a>, Problem> {
    let (published, entry) = match outcome {
        Outcome::Accepted(published) => (published, None),
        Outcome::Decided(published, entry) => (published, Some(entry)),
        Outcome::Failed(problem) => return Err(problem.clone()),
    };
    let token = app.token_of(caller, published);
    let (status, result) = match entry.map(|entry| (&entry.verdict, entry)) {
        None if published.kind.has_verdict() => ("accepted", None),
        None => ("published", None),
        Some((Verdict::Applied, entry)) => ("applied", entry.result.as_deref()),
        Some((Verdict::Refused(refusal), _)) => {
            return Err(Problem::from(refusal).about(published.request, Some(token)));
        }
        Some((Verdict::DeadLettered(reason), _)) => {
            return Err(Problem::from(reason).about(published.request, Some(token)));
        }
        Some((Verdict::Parked(parked), _)) => {
            return Err(Problem::from(parked).about(published.request, Some(token)));
        }
    };
    Ok(TakenAnswer {
        request_id: published.request,
        token,
        status,
        durability: app.durability(published, entry.is_some()),
        order: (published.is_spooled() && entry.is_none()).then_some("on_arrival"),
        confirmed: (published.is_unconfirmed && entry.is_none()).then_some(false),
        result,
    })
}

/// How far writes go in each partition, and in the spool: what one token for all of them says.
#[derive(Debug, Default)]
pub(crate) struct Furthest {
    offsets: BTreeMap<u16, u64>,
    spool: Option<(u64, u64)>,
}

impl Furthest {
    pub(crate) fn take(&mut self, published: &Published) {
        match published.place {
            EventPlace::Logged(offset) => {
                let furthest = self.offsets.entry(published.partition).or_default();
                *furthest = offset.max(*furthest);
            }
            // This gateway has one spool, and its numbers rise.
            EventPlace::Spooled(place) => {
                self.spool = self.spool.max(Some((place.spool.0, place.number)));
            }
        }
    }

    pub(crate) fn token(&self, app: &App, caller: &Caller) -> String {
        let offsets = self
            .offsets
            .iter()
            .map(|(partition, offset)| (*partition, *offset));
        let written = WrittenPlaces {
            offsets: offsets.collect(),
            spool: self.spool,
        };
        app.token(caller, written, None)
    }
}

impl OperationAnswer {
    pub(crate) fn new(operation: &Operation, completed: Completed) -> Self {
        Self {
            outcomes: completed.outcomes,
            many: operation.many(),
            caller: completed.request.caller,
            waited: completed.waited,
        }
    }

    pub(crate) fn respond(&self, app: &App) -> Response {
        let mut response = if self.many {
            self.items(app)
        } else {
            self.single(app)
        };
        if let Some(waited) = self.waited {
            let value = HeaderValue::try_from(format!("wait={}", waited.as_secs()))
                .expect("digits are a header's text");
            response.headers_mut().insert("preference-applied", value);
        }
        response
    }

    fn single(&self, app: &App) -> Response {
        let Some(outcome) = self.outcomes.first() else {
            return Problem::new(crate::error::Code::Internal, "a request has no outcome")
                .into_response();
        };
        let taken = match taken_answer(app, &self.caller, outcome) {
            Ok(taken) => taken,
            Err(problem) => return problem.into_response(),
        };
        let status = match outcome {
            Outcome::Decided(..) => StatusCode::OK,
            Outcome::Accepted(published)
                if !published.kind.has_verdict() && self.waited.is_some() =>
            {
                StatusCode::OK
            }
            Outcome::Accepted(_) | Outcome::Failed(_) => StatusCode::ACCEPTED,
        };
        let mut response = json_response(status, &taken);
        if let Outcome::Accepted(Published { kind, .. })
        | Outcome::Decided(Published { kind, .. }, _) = outcome
            && kind.has_verdict()
        {
            let location = HeaderValue::try_from(format!("/v1/requests/{}", taken.request_id))
                .expect("ids are a header's text");
            response.headers_mut().insert(header::LOCATION, location);
        }
        if let Outcome::Decided(_, entry) = outcome
            && let Some(tag) = version_etag(entry)
        {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }

    fn items(&self, app: &App) -> Response {
        let told: Vec<_> = self
            .outcomes
            .iter()
            .map(|outcome| taken_answer(app, &self.caller, outcome))
            .collect();
        let open = self
            .outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Accepted(_)));
        let items: Vec<_> = told
            .into_iter()
            .map(|told| match told {
                Ok(taken) => AnswerItem::Taken(taken),
                Err(problem) => AnswerItem::Problem { problem },
            })
            .collect();
        let status = if open {
            StatusCode::ACCEPTED
        } else {
            StatusCode::OK
        };
        json_response(status, &Items { items })
    }
}

/// `"3"`, if the result names the document's version.
fn version_etag(entry: &LedgerEntry) -> Option<HeaderValue> {
    #[derive(Deserialize)]
    struct Versioned {
        _version: u64,
    }
    let versioned: Versioned = serde_json::from_str(entry.result.as_deref()?.get()).ok()?;
    version_tag(versioned._version)
}

pub(crate) fn version_tag(version: u64) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("\"{version}\"")).ok()
}

/// A JSON response.
pub(crate) fn json_response<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    let body = masked_json(serde_json::to_vec(value).expect("answers are plain JSON"));
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}
