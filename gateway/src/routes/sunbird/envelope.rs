//! Sunbird's envelope: taken apart on the way in, put around every answer on the way out. Its
//! clients look at `responseCode` and `result`.

use crate::{
    answer::OperationAnswer,
    answer::{self, taken_answer},
    app::App,
    error::{Code, Problem},
    request::scanned_json,
    write::feedback::Outcome,
};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use json_text::ScannedJson;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fmt::Display;

/// What came in.
pub(crate) struct OpenedEnvelope {
    pub msgid: Option<String>,
    pub bare: ScannedJson,
}

#[derive(Deserialize)]
struct Params {
    #[serde(default)]
    msgid: Option<Value>,
}

impl OpenedEnvelope {
    pub(crate) fn of(json: &ScannedJson) -> Result<Self, Problem> {
        let (mut params, mut bare) = (None, None);
        let members = json.members();
        for member in members.ok_or_else(|| not_an_envelope("it is none"))? {
            match &*member.name {
                "params" => params = read_params(member.text.get())?,
                "request" => bare = Some(member.text).filter(|bare| bare.get() != "null"),
                _ => {}
            }
        }
        let msgid = params
            .and_then(|Params { msgid }| msgid)
            .and_then(|msgid| msgid.as_str().map(str::to_owned));
        let bare = bare.ok_or_else(|| {
            Problem::new(Code::Invalid, "the envelope has no `request`").at("/request")
        })?;
        let bare = json.bytes().slice_ref(bare.get().as_bytes());
        Ok(Self {
            msgid,
            bare: scanned_json(bare, usize::MAX)?,
        })
    }
}

fn read_params(text: &str) -> Result<Option<Params>, Problem> {
    serde_json::from_str(text).map_err(not_an_envelope)
}

fn not_an_envelope(why: impl Display) -> Problem {
    let detail = format!("the envelope must be an object with `request`: {why}");
    Problem::new(Code::Invalid, detail).at("")
}

/// What goes out, as far as it is known before the answer.
pub(crate) struct SunbirdEnvelope {
    id: String,
    ts: String,
    msgid: Option<String>,
}

impl SunbirdEnvelope {
    pub(crate) fn of(operation: &str, now: i64) -> Self {
        Self {
            id: format!("api.{operation}"),
            ts: sunbird_timestamp(now),
            msgid: None,
        }
    }

    /// The message this answers.
    pub(crate) fn answers(&mut self, msgid: Option<String>) {
        self.msgid = msgid;
    }

    pub(crate) fn answer(&self, app: &App, answer: &OperationAnswer) -> Response {
        let Some(outcome) = answer.outcomes.first() else {
            return self.problem(&Problem::new(Code::Internal, "a request has no outcome"));
        };
        let taken = match taken_answer(app, &answer.caller, outcome) {
            Ok(taken) => taken,
            Err(problem) => return self.problem(&problem),
        };
        let accepted = matches!(outcome, Outcome::Accepted(_));
        let mut result = match taken
            .result
            .map(|result| serde_json::from_str(result.get()))
        {
            Some(Ok(Value::Object(map))) => map,
            Some(Ok(other)) => Map::from_iter([("response".to_owned(), other)]),
            Some(Err(_)) | None => Map::new(),
        };
        result
            .entry("response")
            .or_insert_with(|| if accepted { "ACCEPTED" } else { "SUCCESS" }.into());
        result.insert("request_id".into(), json!(taken.request_id));
        result.insert("token".into(), json!(taken.token));
        result.insert("status".into(), json!(taken.status));
        if let Some(confirmed) = taken.confirmed {
            result.insert("confirmed".into(), confirmed.into());
        }
        let status = if accepted {
            StatusCode::ACCEPTED
        } else {
            StatusCode::OK
        };
        let mut response = self.respond(
            status,
            "OK",
            None,
            Value::Object(result),
            Some(taken.request_id.to_string()),
        );
        if accepted
            && let Ok(location) =
                HeaderValue::try_from(format!("/v1/requests/{}", taken.request_id))
        {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }

    /// Something that is done, and what it came to.
    pub(crate) fn done(&self, result: Value) -> Response {
        self.respond(StatusCode::OK, "OK", None, result, None)
    }

    /// A request that breaks rules is a 400 to Sunbird's clients.
    pub(crate) fn problem(&self, problem: &Problem) -> Response {
        let status = match problem.status() {
            StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            other => other,
        };
        let code = match status {
            StatusCode::NOT_FOUND => "RESOURCE_NOT_FOUND",
            StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
            other if other.is_client_error() => "CLIENT_ERROR",
            _ => "SERVER_ERROR",
        };
        let request = problem.request().map(|request| request.to_string());
        let mut response = self.respond(
            status,
            code,
            Some(problem),
            json!({ "problem": problem }),
            request,
        );
        problem.headers(response.headers_mut());
        response
    }

    fn respond(
        &self,
        status: StatusCode,
        code: &str,
        problem: Option<&Problem>,
        result: Value,
        resmsgid: Option<String>,
    ) -> Response {
        let params = json!({
            "resmsgid": resmsgid,
            "msgid": self.msgid,
            "err": problem.map(|problem| problem.code().row().name),
            "status": if problem.is_some() { code } else { "success" },
            "errmsg": problem.map(Problem::detail),
        });
        let body = json!({"id": self.id, "ver": "v1", "ts": self.ts, "params": params, "responseCode": code, "result": result});
        answer::json_response(status, &body)
    }
}

/// `yyyy-MM-dd HH:mm:ss:SSSZ`, in UTC.
fn sunbird_timestamp(millis: i64) -> String {
    let text = event_schema::codec::rfc3339(millis - millis.rem_euclid(1000));
    format!(
        "{}:{:03}+0000",
        text.trim_end_matches('Z').replace('T', " "),
        millis.rem_euclid(1000)
    )
}
