//! A file for an operation that takes one: checked and kept, then answered with the id of its process.

use crate::{
    access::Caller,
    answer,
    app::Shared,
    bulk::BulkPermit,
    error::{Code, Problem},
    request::{
        RequestCall,
        body::{incomplete_body, too_slow},
        body_pace::BodyPace,
        headers::Options,
        query::QueryString,
    },
    routes::sunbird::envelope::SunbirdEnvelope,
    upload::{
        body::{UploadBody, UploadParts},
        intake::{TakenFile, UploadIntake},
        keyed,
        open_uploads::{OpenUpload, OpenUploads},
        process_id, status,
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
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout};

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
            answer::json_response(StatusCode::ACCEPTED, &body)
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
    let key = options.idempotency_key.as_deref();
    let unique = app.writes.identifier.identify_file(name, &call.caller, key);
    let process = process_id(&unique);
    let traceparent = options
        .traceparent
        .clone()
        .unwrap_or_else(|| TraceContext::fresh_sampled().to_string());
    let upload = operation.upload().ok_or_else(|| not_a_file(&operation))?;
    let caller = call.caller.clone();
    app.writes.admit_upload(&operation, upload, &caller)?;
    let mut intake = UploadIntake::new(app, &caller, upload, &process, unique, &traceparent);
    let fields = match kind {
        UploadBody::Plain => {
            let _permit = BulkPermit::take(app)?;
            feed_intake(app, &mut intake, call.body).await?;
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
    let taken = intake.finish().await?;
    let open = OpenUpload {
        process: process.clone(),
        operation: name.to_owned(),
        principal: caller.name.to_string(),
        is_anonymous: caller.is_anonymous(),
        birth: if caller.is_anonymous() {
            None
        } else {
            app.access.birth(&caller.name).await?
        },
        unique,
        fields,
        chunks: taken.chunks,
        done: 0,
        failed: 0,
        blocks: 0,
        // What is sent under a key may have been sent before.
        claims: u64::from(key.is_some()),
        holder: String::new(),
        until: 0,
        spools: Vec::new(),
        orphaned: None,
    };
    if begin(app, &caller, &traceparent, (taken, &open), key).await? {
        OpenUploads(app.ports.record.clone()).add(open).await?;
        app.uploads_added.notify_one();
    }
    Ok(process)
}

/// Writes the event that begins the upload. False: there is nothing left to be carried out.
async fn begin(
    app: &Shared,
    caller: &Caller,
    traceparent: &str,
    (taken, open): (TakenFile, &OpenUpload),
    key: Option<&[u8]>,
) -> Result<bool, Problem> {
    let named = key.map(|key| {
        let fields = Value::Object(open.fields.clone()).to_string();
        let digest = Sha256::new().chain_update(taken.digest);
        let digest = digest.chain_update(fields).finalize().into();
        let identifier = &app.writes.identifier;
        identifier.identify_upload(&open.operation, caller, key, &digest)
    });
    if named.is_some() {
        keyed::check_pieces(app, &open.process, &taken).await?;
    }
    let mut about = taken.about;
    about.extend(open.fields.clone());
    let published = app
        .writes
        .publish_derived(DerivedRequest {
            operation: &open.operation,
            json: &ScannedJson::from(&Value::Object(about)),
            unique: named.as_ref().map_or(open.unique, |(unique, _)| *unique),
            caller,
            traceparent,
            claim: named.as_ref().map(|(_, claim)| claim),
        })
        .await?;
    if named.is_none() {
        return Ok(true);
    }
    keyed::check_verdict(app, published.request).await?;
    Ok(!status::is_completed(app, &open.process).await?)
}

fn not_a_file(operation: &Operation) -> Problem {
    Problem::new(
        Code::NotInBulk,
        format!("`{}` takes no file", operation.name()),
    )
}

/// Piece by piece, as it comes.
async fn feed_intake(
    app: &Shared,
    intake: &mut UploadIntake<'_>,
    mut body: Body,
) -> Result<(), Problem> {
    let mut pace = BodyPace::new(&app.config);
    loop {
        let since = Instant::now();
        let frame = timeout(pace.idle, body.frame()).await;
        let frame = frame.map_err(|_| too_slow(pace.idle))?;
        match frame {
            None => return Ok(()),
            Some(Err(_)) => return Err(incomplete_body()),
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                pace.check(since.elapsed(), data.len())?;
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
