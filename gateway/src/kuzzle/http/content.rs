//! What a body of Kuzzle's HTTP holds: JSON, also where no type is named, or a form, which becomes
//! an object. It does not judge the JSON.

use super::super::{Fault, fault::Id};
use crate::{
    app::App,
    request::{body::HeldBody, headers, inflate::inflate_body, query::QueryString},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};

/// The body as JSON.
pub(super) fn body_json(
    app: &App,
    headers: &HeaderMap,
    body: Bytes,
    held: &mut HeldBody,
) -> Result<Bytes, Fault> {
    if body.is_empty() {
        return Ok(body);
    }
    let body = inflate_body(&app.config, headers, body, held)?;
    let kind = headers.get(header::CONTENT_TYPE);
    let Some(kind) = kind else {
        return Ok(body);
    };
    let text = kind.to_str().unwrap_or_default();
    let name = text.split(';').next().unwrap_or_default().trim();
    let form = match name.to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => parse_urlencoded(&body)?,
        "multipart/form-data" => parse_multipart(text, &body)?,
        _ => {
            headers::expect_json(headers)?;
            return Ok(body);
        }
    };
    Ok(Value::Object(form).to_string().into())
}

fn malformed_body(why: &str) -> Fault {
    Fault::new(Id::BadBody, why)
}

/// A name that repeats becomes a list.
fn parse_urlencoded(body: &[u8]) -> Result<Map<String, Value>, Fault> {
    let text = str::from_utf8(body).map_err(|_| malformed_body("the form is not UTF-8"))?;
    let query = QueryString::parse(Some(text.trim_end_matches(['\r', '\n'])))?;
    let mut form = Map::new();
    for (name, value) in query.pairs() {
        match form.get_mut(name) {
            None => drop(form.insert(name.to_owned(), value.into())),
            Some(Value::Array(list)) => list.push(value.into()),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    Ok(form)
}

/// Fields are texts; a file is an object that holds it in base64.
fn parse_multipart(kind: &str, body: &[u8]) -> Result<Map<String, Value>, Fault> {
    let boundary = header_parameter(kind, "boundary")
        .filter(|boundary| !boundary.is_empty())
        .ok_or_else(|| malformed_body("multipart/form-data must name its boundary"))?;
    let between = format!("\r\n--{boundary}");
    let whole = [b"\r\n", body].concat();
    let mut form = Map::new();
    let mut rest = bytes_after(&whole, between.as_bytes());
    while let Some(part) = rest {
        if part.starts_with(b"--") {
            return Ok(form);
        }
        let end = find_bytes(part, between.as_bytes())
            .ok_or_else(|| malformed_body("a part has no end"))?;
        let (name, value) = multipart_field(&part[..end])?;
        form.insert(name, value);
        rest = bytes_after(part, between.as_bytes());
    }
    Err(malformed_body("the form has no end"))
}

fn multipart_field(part: &[u8]) -> Result<(String, Value), Fault> {
    let head = find_bytes(part, b"\r\n\r\n").ok_or_else(|| malformed_body("a part has no head"))?;
    let data = &part[head + 4..];
    let head =
        str::from_utf8(&part[..head]).map_err(|_| malformed_body("a part's head is not UTF-8"))?;
    let find = |wanted: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find_map(|(name, value)| name.trim().eq_ignore_ascii_case(wanted).then_some(value))
    };
    let disposition = find("content-disposition").unwrap_or_default();
    let name = header_parameter(disposition, "name")
        .ok_or_else(|| malformed_body("a part has no name"))?;
    let value = match header_parameter(disposition, "filename").filter(|name| !name.is_empty()) {
        None => String::from_utf8_lossy(data).into(),
        Some(file) => {
            let mut value = json!({"file": BASE64.encode(data), "filename": file});
            if let Some(kind) = find("content-type") {
                value["encoding"] = kind.trim().into();
            }
            value
        }
    };
    Ok((name, value))
}

/// A parameter of a header's value: `; name=value` or `; name="value"`.
fn header_parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, given) = rest.split_once('=')?;
        let given = given.trim_start();
        let (text, behind) = match given.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => given.split_once(';').unwrap_or((given, "")),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(text.trim_end().to_owned());
        }
        rest = behind.trim_start().trim_start_matches(';');
    }
}

fn find_bytes(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}

fn bytes_after<'a>(bytes: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    find_bytes(bytes, wanted).map(|start| &bytes[start + wanted.len()..])
}

#[cfg(test)]
mod tests;
