//! `POST /v1/audits`: begins an audit.

use crate::{
    answer,
    app::Shared,
    audits::HiddenNames,
    error::{Code, Problem},
    request::query::QueryString,
};
use audit::AuditOptions;
use axum::{extract::State, response::Response};
use http::StatusCode;

pub(crate) async fn begin(
    State(app): State<Shared>,
    query: QueryString,
) -> Result<Response, Problem> {
    let partitions: Vec<u16> = query
        .all("partition")
        .map(|text| parse_number("partition", text))
        .collect::<Result<_, _>>()?;
    let layout = &app.ports.layout;
    if let Some(none) = partitions.iter().find(|p| **p >= layout.partitions) {
        let detail = format!(
            "there is no partition {none}: there are {}",
            layout.partitions
        );
        return Err(Problem::new(Code::BadRequest, detail));
    }
    let sample = query.one("sample").map(|text| parse_number("sample", text));
    let options = AuditOptions {
        partitions: (!partitions.is_empty()).then_some(partitions),
        sample: sample.transpose()?.unwrap_or(1),
        ..AuditOptions::default()
    };
    let begun = app.audits.begin(&app.ports, options, app.shutdown.clone());
    let job = begun.ok_or_else(|| {
        Problem::new(
            Code::AuditRunning,
            "this gateway carries out one audit at a time",
        )
        .retry_after(5)
    })?;
    Ok(answer::json_response(
        StatusCode::ACCEPTED,
        &job.shown(&HiddenNames {
            catalog: &app.ports.catalog.current(),
            keys: &app.ports.keys,
        }),
    ))
}

fn parse_number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| {
        Problem::new(
            Code::BadRequest,
            format!("`{name}` is no such number: {text}"),
        )
    })
}
