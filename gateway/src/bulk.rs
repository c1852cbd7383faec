//! Bulks: lines in, answers out, in order, without end. Reading never waits for the client to read
//! its answers; what waits is small bookkeeping, first in memory, then in a file, and at a bound
//! the bulk ends. What reading does wait for is the log.

mod answers;
mod checked;
mod line_maker;
mod lines;
mod render;
mod run;
mod unpack;

use crate::{
    access::shown_credential,
    app::Shared,
    error::{Code, Problem},
    request::{
        RequestCall,
        headers::{self, Options},
    },
    transport::tls::client_certificate::ShownCertificate,
};
use axum::{body::Body, response::Response};
use http::{HeaderValue, header};
use std::sync::{Arc, atomic::Ordering};

/// One of the bulks that may run at once; given back on drop.
pub(crate) struct BulkPermit(Shared);

impl BulkPermit {
    pub(crate) fn take(app: &Shared) -> Result<Self, Problem> {
        let place = Self(app.clone());
        if app.bulks.fetch_add(1, Ordering::Relaxed) < app.config.max_bulks {
            Ok(place)
        } else {
            Err(
                Problem::new(Code::Overloaded, "the limit of concurrent bulks is reached")
                    .retry_after(5),
            )
        }
    }
}

impl Drop for BulkPermit {
    fn drop(&mut self) {
        self.0.bulks.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Starts a bulk: what can be refused as a whole is refused here, all else is an answer on its
/// line.
pub(crate) fn start_bulk(
    app: &Shared,
    operation: &str,
    call: RequestCall,
    certificate: Option<Arc<ShownCertificate>>,
) -> Result<Response, Problem> {
    let RequestCall {
        caller,
        headers,
        query,
        body,
    } = call;
    let operation = app.writes.operation(operation)?;
    if operation.many() {
        let detail = format!("`{}` holds many documents in one request", operation.name());
        return Err(Problem::new(Code::NotInBulk, detail));
    }
    headers::expect_ndjson(&headers)?;
    let unpack = unpack::Unpack::new(headers::content_encoding(&headers)?, app.config.gzip_ratio);
    let options = Options::read(&headers, &query, &app.config)?;
    if options.if_match.is_some() {
        return Err(Problem::new(
            Code::BadHeader,
            "If-Match names the version of one document, and a bulk has many: use `if_version`",
        ));
    }
    let place = BulkPermit::take(app)?;
    let (writer, reader) =
        answers::answer_queue(&app.config, app.metrics.bulk_spilled_bytes.clone());
    let run = run::BulkRun::new(
        app.clone(),
        operation.name().to_owned(),
        line_maker::LineSender {
            caller: caller.clone(),
            credential: shown_credential(&headers).map(str::to_owned),
            certificate,
        },
        options,
        unpack,
        writer,
    );
    runtime::spawn("bulk", async move {
        run.finish(body).await;
        drop(place);
    });
    let mut response = Response::new(Body::from_stream(render::answer_stream(
        app.clone(),
        caller,
        reader,
    )));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    Ok(response)
}
