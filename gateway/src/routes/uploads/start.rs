//! A file for an operation that takes one: checked and kept, then answered with the id of its process.

use crate::{
    answer,
    app::Shared,
    error::{Code, Problem},
    request::{
        RequestCall,
        body::{incomplete, too_slow},
        headers::Options,
        query::QueryString,
    },
    routes::sunbird::envelope::SunbirdEnvelope,
    upload::{
        body::{UploadBody, UploadParts},
        intake::UploadIntake,
        open_uploads::{OpenUpload, OpenUploads},
        process_id,
    },
    write::derived::DerivedRequest,
};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use catalog::{Envelope, Operation};
use http::{StatusCode, header};
use http_body_util::BodyExt;
use json_text::ScannedJson;
use request_spans::TraceContext;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

/// By the operation's own route.
pub(crate) async fn start(
    operation: String,
    State(app): State<Shared>,
    call: RequestCall,
) -> Response {
    let known = app.writes.operation(&operation);
    if !known.is_ok_and(|known| known.envelope() == Envelope::Sunbird) {
        return start_bare(&operation, &app, call).await;
    }
    let envelope = SunbirdEnvelope::of(&operation, app.now());
    match take_file(&app, &operation, call, true).await {
        Ok(process) => envelope.done(json!({"response": "SUCCESS", "processId": process})),
        Err(problem) => envelope.problem(&problem),
    }
}

/// By the route that all operations have.
pub(crate) async fn start_bare(operation: &str, app: &Shared, call: RequestCall) -> Response {
    match take_file(app, operation, call, false).await {
        Ok(process) => {
            let status = format!("/v1/upload/status/{process}");
            let body = json!({"processId": process, "status": status});
            answer::json(StatusCode::ACCEPTED, &body)
        }
        Err(problem) => problem.into_response(),
    }
}

/// The id of its process, once every piece and its own event are in the log.
async fn take_file(
    app: &Shared,
    name: &str,
    call: RequestCall,
    is_sunbird: bool,
) -> Result<String, Problem> {
    let operation = app.writes.operation(name)?;
    let options = Options::read(&call.headers, &call.query, &app.config)?;
    let content_type = call.headers.get(header::CONTENT_TYPE);
    let kind = UploadBody::of(content_type.and_then(|value| value.to_str().ok()))?;
    let unique =
        app.writes
            .identifier
            .identify_file(name, &call.caller, options.idempotency_key.as_deref());
    let process = process_id(&unique);
    let traceparent = options
        .traceparent
        .unwrap_or_else(|| TraceContext::fresh(true).to_string());
    let upload = operation.upload().ok_or_else(|| not_a_file(operation))?;
    let caller = call.caller.clone();
    app.writes.admit_upload(operation, upload, &caller)?;
    let mut intake = UploadIntake::new(app, &caller, upload, &process, unique, &traceparent);
    let fields = match kind {
        UploadBody::Plain => {
            feed(app, &mut intake, call.body).await?;
            as_fields(&call.query)
        }
        kind => {
            call.query.expect_only(&[])?;
            let (body, _held) = app.files.collect(&call.headers, call.body).await?;
            let UploadParts { file, fields } = kind.parts(body, is_sunbird)?;
            intake.feed(&file).await?;
            fields
        }
    };
    let mut about = intake.finish().await?;
    let chunks = about
        .get("chunks")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    about.extend(fields.clone());
    let request = DerivedRequest {
        operation: name,
        json: &ScannedJson::from(&Value::Object(about)),
        unique,
        caller: &caller,
        traceparent: &traceparent,
    };
    app.writes.publish_derived(request).await?;
    let open = OpenUpload {
        process: process.clone(),
        operation: name.to_owned(),
        principal: caller.name.to_string(),
        is_anonymous: caller.is_anonymous(),
        unique,
        fields,
        chunks,
        done: 0,
        failed: 0,
        blocks: 0,
        holder: String::new(),
        until: 0,
    };
    OpenUploads(app.ports.record.clone()).add(open).await?;
    app.uploads_added.notify_one();
    Ok(process)
}

fn not_a_file(operation: &Operation) -> Problem {
    Problem::new(
        Code::NotInBulk,
        format!("`{}` takes no file", operation.name()),
    )
}

/// Piece by piece, as it comes.
async fn feed(app: &Shared, intake: &mut UploadIntake<'_>, mut body: Body) -> Result<(), Problem> {
    loop {
        let frame = timeout(app.config.body_idle(), body.frame()).await;
        let frame = frame.map_err(|_| too_slow(app.config.body_idle()))?;
        match frame {
            None => return Ok(()),
            Some(Err(_)) => return Err(incomplete()),
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                intake.feed(&data).await?;
            }
        }
    }
}

/// The query's parameters as members of the request.
fn as_fields(query: &QueryString) -> Map<String, Value> {
    let pairs = query.pairs();
    pairs
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}
