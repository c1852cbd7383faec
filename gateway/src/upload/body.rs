//! The ways in which a file may come: the lines themselves (`text/csv`), read piece by piece; or
//! within a form or JSON, which are bounded and read whole.

use crate::error::{Code, Problem};
use bytes::Bytes;
use serde_json::{Map, Value};

/// How a body holds the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UploadBody {
    /// It is the file.
    Plain,
    Json,
    Form,
    /// With this boundary.
    Multipart(String),
}

/// A file, and what was sent beside it.
pub(crate) struct UploadParts {
    pub file: Bytes,
    pub fields: Map<String, Value>,
}

impl UploadBody {
    /// By its Content-Type.
    pub(crate) fn of(content_type: Option<&str>) -> Result<Self, Problem> {
        let whole = content_type.unwrap_or_default();
        let (kind, parameters) = whole.split_once(';').unwrap_or((whole, ""));
        match kind.trim().to_ascii_lowercase().as_str() {
            "text/csv" => Ok(Self::Plain),
            "application/json" => Ok(Self::Json),
            "application/x-www-form-urlencoded" => Ok(Self::Form),
            "multipart/form-data" => {
                let boundary = parameters.split(';').find_map(|parameter| {
                    let (name, value) = parameter.split_once('=')?;
                    let is_it = name.trim().eq_ignore_ascii_case("boundary");
                    is_it.then(|| value.trim().trim_matches('"').to_owned())
                });
                let boundary = boundary.filter(|text| !text.is_empty() && text.len() <= 200);
                boundary.map(Self::Multipart).ok_or_else(|| {
                    Problem::new(Code::BadHeader, "multipart/form-data names no boundary")
                })
            }
            _ => Err(Problem::new(
                Code::UnsupportedMediaType,
                "a file is sent as multipart/form-data, application/x-www-form-urlencoded, application/json or text/csv",
            )),
        }
    }

    /// Takes a whole body apart.
    pub(crate) fn parts(&self, body: Bytes, is_sunbird: bool) -> Result<UploadParts, Problem> {
        match self {
            Self::Plain => Ok(UploadParts {
                file: body,
                fields: Map::new(),
            }),
            Self::Json => json_parts(&body, is_sunbird),
            Self::Form => form_parts(&body),
            Self::Multipart(boundary) => multipart_parts(&body, boundary),
        }
    }
}

fn no_file() -> Problem {
    Problem::new(
        Code::BadUpload,
        "there is no file: it is the member or field `data`, or the part that has a file name",
    )
}

fn json_parts(body: &Bytes, is_sunbird: bool) -> Result<UploadParts, Problem> {
    let wrong = |why: String| Problem::new(Code::Invalid, why).at("");
    let mut value: Value = serde_json::from_slice(body)
        .map_err(|error| Problem::new(Code::NotJson, format!("the body is not JSON: {error}")))?;
    let mut request = if is_sunbird {
        value
            .get_mut("request")
            .map(Value::take)
            .unwrap_or_default()
    } else {
        value
    };
    let Some(fields) = request.as_object_mut() else {
        return Err(wrong("the request must be an object".into()));
    };
    let Some(Value::String(file)) = fields.remove("data") else {
        return Err(no_file());
    };
    Ok(UploadParts {
        file: file.into(),
        fields: std::mem::take(fields),
    })
}

fn form_parts(body: &Bytes) -> Result<UploadParts, Problem> {
    let (mut file, mut fields) = (None, Map::new());
    for pair in body
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
    {
        let at = pair
            .iter()
            .position(|byte| *byte == b'=')
            .unwrap_or(pair.len());
        let name = String::from_utf8_lossy(&unescaped_bytes(&pair[..at])).into_owned();
        let value = unescaped_bytes(pair.get(at + 1..).unwrap_or_default());
        match name.as_str() {
            "data" => file = Some(Bytes::from(value)),
            _ => {
                let value = String::from_utf8_lossy(&value).into_owned();
                fields.insert(name, value.into());
            }
        }
    }
    let file = file.ok_or_else(no_file)?;
    Ok(UploadParts { file, fields })
}

fn unescaped_bytes(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        let digits = behind
            .get(..2)
            .and_then(|two| std::str::from_utf8(two).ok());
        let escaped = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = &behind[2..];
            }
            (b'+', _) => {
                out.push(b' ');
                rest = behind;
            }
            (byte, _) => {
                out.push(*byte);
                rest = behind;
            }
        }
    }
    out
}

fn multipart_parts(body: &Bytes, boundary: &str) -> Result<UploadParts, Problem> {
    let damaged = || {
        Problem::new(
            Code::BadUpload,
            "the body is no multipart/form-data with this boundary",
        )
    };
    let delimiter = format!("--{boundary}");
    let (mut file, mut fields) = (None, Map::new());
    let mut at = find_bytes(body, delimiter.as_bytes(), 0).ok_or_else(damaged)? + delimiter.len();
    let between = format!("\r\n{delimiter}");
    while !body[at..].starts_with(b"--") {
        let head_end = find_bytes(body, b"\r\n\r\n", at).ok_or_else(damaged)?;
        let head = String::from_utf8_lossy(&body[at..head_end]).into_owned();
        let end = find_bytes(body, between.as_bytes(), head_end + 2).ok_or_else(damaged)?;
        let content = body.slice((head_end + 4).min(end)..end);
        let name = disposition_parameter(&head, "name").ok_or_else(damaged)?;
        if disposition_parameter(&head, "filename").is_some() || name == "data" {
            file = Some(content)
        } else {
            let text = String::from_utf8_lossy(&content).into_owned();
            fields.insert(name, text.into());
        }
        at = end + between.len();
    }
    let file = file.ok_or_else(no_file)?;
    Ok(UploadParts { file, fields })
}

/// A parameter of the part's Content-Disposition.
fn disposition_parameter(head: &str, name: &str) -> Option<String> {
    let line = head.lines().find(|line| {
        let line = line.trim_start();
        line.get(..20)
            .is_some_and(|start| start.eq_ignore_ascii_case("content-disposition:"))
    })?;
    line.split(';').skip(1).find_map(|part| {
        let (known, value) = part.split_once('=')?;
        let is_it = known.trim().eq_ignore_ascii_case(name);
        is_it.then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn find_bytes(body: &[u8], what: &[u8], from: usize) -> Option<usize> {
    let found = body
        .get(from..)?
        .windows(what.len())
        .position(|part| part == what);
    found.map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(content_type: &str, body: &str) -> (String, Value) {
        let kind = UploadBody::of(Some(content_type)).unwrap();
        let parts = kind.parts(Bytes::from(body.to_owned()), true).unwrap();
        let file = String::from_utf8(parts.file.to_vec()).unwrap();
        (file, Value::Object(parts.fields))
    }

    #[test]
    fn a_file_comes_in_four_ways() {
        let expected = (
            "a,b\r\n1,2+\r\n".to_owned(),
            serde_json::json!({"type": "block"}),
        );
        let multipart = "--X\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\nblock\r\n--X\r\ncontent-disposition: form-data; name=\"f\"; filename=\"l.csv\"\r\nContent-Type: text/csv\r\n\r\na,b\r\n1,2+\r\n\r\n--X--\r\n";
        assert_eq!(
            parts("multipart/form-data; boundary=\"X\"", multipart),
            expected
        );
        let form = "type=block&data=a%2Cb%0D%0A1,2%2B%0d%0a";
        assert_eq!(parts("application/x-www-form-urlencoded", form), expected);
        let json = r#"{"request": {"type": "block", "data": "a,b\r\n1,2+\r\n"}}"#;
        assert_eq!(parts("application/json; charset=utf-8", json), expected);
        assert_eq!(parts("text/csv", "a,b\r\n1,2+\r\n").0, expected.0);
    }

    #[test]
    fn a_body_without_a_file_is_refused() {
        let refused = |content_type: &str, body: &str| {
            let kind = UploadBody::of(Some(content_type))?;
            kind.parts(Bytes::from(body.to_owned()), true).map(|_| ())
        };
        for (content_type, body) in [
            ("multipart/form-data", ""),
            ("multipart/form-data; boundary=X", "--X--"),
            (
                "multipart/form-data; boundary=X",
                "--X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\nabc",
            ),
            ("multipart/form-data; boundary=X", "abc"),
            ("application/x-www-form-urlencoded", "type=block"),
            ("application/json", r#"{"request": {"type": "block"}}"#),
            ("application/json", "[]"),
            ("application/xml", "<a/>"),
        ] {
            assert!(
                refused(content_type, body).is_err(),
                "{content_type} {body}"
            );
        }
    }
}
