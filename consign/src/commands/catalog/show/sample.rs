//! An example of an operation, ready to be sent, and what it would write. The command is made of the
//! definition alone: nothing here asks a gateway.

use super::super::plan::plan_json;
use catalog::{Catalog, Envelope, Example, Operation, Rehearsed};
use reqwest::Url;
use serde::Serialize;
use serde_json::{Value, json};

/// Where `consign dev` listens.
const URL: &str = "http://127.0.0.1:8080";
const MADE_OF_FILE: [&str; 4] = ["processId", "lines", "chunks", "columns"];

#[derive(Serialize)]
pub struct Sample<'a> {
    #[serde(flatten)]
    example: &'a Example,
    /// Nothing for what no client may ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    curl: Option<String>,
    writes: SampleWrites,
}

/// What it would write over what the example says is there.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum SampleWrites {
    /// By which rule or code it is refused.
    Refused(String),
    /// It only tells.
    Nothing,
    Plans(Vec<Value>),
}

impl<'a> Sample<'a> {
    pub fn of(catalog: &Catalog, operation: &Operation, example: &'a Example) -> Self {
        let rehearsed = catalog.rehearse(operation, example);
        let writes = match (rehearsed.refused(), rehearsed) {
            (Some(by), _) => SampleWrites::Refused(by),
            (None, Rehearsed::Planned(plans)) => {
                SampleWrites::Plans(plans.iter().map(plan_json).collect())
            }
            (None, _) => SampleWrites::Nothing,
        };
        Self {
            example,
            curl: (!operation.internal()).then(|| curl(operation, &example.request)),
            writes,
        }
    }

    pub fn text(&self) -> String {
        let request = serde_json::to_string_pretty(&self.example.request).unwrap_or_default();
        let mut text = format!("\n{}:\n{request}\n", self.example.title);
        if let Some(curl) = &self.curl {
            text += &format!("\n  {curl}\n");
        }
        text += &match &self.writes {
            SampleWrites::Refused(by) if self.has_no_state() => {
                format!("\nWhere nothing is there it is refused: {by}\n")
            }
            SampleWrites::Refused(by) => format!("\nIt is refused: {by}\n"),
            SampleWrites::Nothing => "\nIt tells, and writes nothing.\n".to_owned(),
            SampleWrites::Plans(plans) => {
                let lines = plans
                    .iter()
                    .flat_map(written)
                    .map(|line| format!("  {line}\n"));
                format!("\nIt writes:\n{}", lines.collect::<String>())
            }
        };
        text
    }

    /// The example does not say what it needs to be there.
    fn has_no_state(&self) -> bool {
        self.example.rows.is_empty() && self.example.documents.is_empty()
    }
}

/// What each document and row becomes, then what follows from it, a line each.
fn written(plan: &Value) -> Vec<String> {
    let list = |name: &str| plan[name].as_array().cloned().unwrap_or_default();
    let mut lines = Vec::new();
    for change in list("rows") {
        let key = change["row"]["key"].as_object().into_iter().flatten();
        let key: Vec<String> = key.map(|(_, value)| plain(value)).collect();
        let name = format!("row {}/{}", plain(&change["row"]["table"]), key.join("/"));
        lines.push(effect(&name, &change["action"], &change["cells"]));
    }
    for change in list("documents") {
        let key = &change["document"];
        let part = |name: &str| plain(&key[name]);
        let name = format!(
            "document {}/{}/{}",
            part("index"),
            part("collection"),
            part("id")
        );
        lines.push(effect(&name, &change["action"], &change["after"]));
    }
    for part in list("parts") {
        let (operation, key) = (plain(&part["operation"]), plain(&part["key"]));
        lines.push(format!(
            "and asks {operation} of {key}: {}",
            part["request"]
        ));
    }
    for taken in list("takes") {
        let (space, value) = (plain(&taken["space"]), plain(&taken["value"]));
        lines.push(format!("takes {space} {value} for its key alone"));
    }
    lines
}

fn effect(name: &str, action: &Value, becomes: &Value) -> String {
    match action.as_str() {
        Some("remove") => format!("{name} goes"),
        Some("merge") => format!("{name}, changed: {becomes}"),
        _ => format!("{name}: {becomes}"),
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// By the operation's own route where it has one.
fn curl(operation: &Operation, request: &Value) -> String {
    let mut body = request.clone();
    let (method, path) = match operation.http() {
        Some(route) => (route.method.as_str(), path_of(&route.path, &mut body)),
        None => ("POST", format!("/v1/operations/{}", operation.name())),
    };
    if operation.upload().is_some() {
        let url = quoted(&format!("{URL}{path}{}", query_beside_file(&body)));
        return format!(
            "curl -X {method} {url} -H 'content-type: text/csv' --data-binary @FILE.csv"
        );
    }
    let start = format!("curl -X {method} {}", quoted(&format!("{URL}{path}")));
    let wait = "-H 'prefer: wait=10'";
    let is_empty = body.as_object().is_some_and(|members| members.is_empty());
    if operation.http().is_some() && is_empty {
        return format!("{start} {wait}");
    }
    if operation.http().is_some() && matches!(operation.envelope(), Envelope::Sunbird) {
        body = json!({ "request": body });
    }
    let body = quoted(&body.to_string());
    format!("{start} -H 'content-type: application/json' {wait} -d {body}")
}

/// What goes with a file: the members of the request that the gateway does not make of it.
fn query_beside_file(request: &Value) -> String {
    let members = request.as_object().into_iter().flatten();
    let beside = members.filter(|(name, _)| !MADE_OF_FILE.contains(&name.as_str()));
    let mut url = any_url();
    for (name, value) in beside {
        url.query_pairs_mut().append_pair(name, &plain(value));
    }
    url.query()
        .map_or_else(String::new, |query| format!("?{query}"))
}

/// The route with what the request says of it, which is taken out of the body.
fn path_of(template: &str, body: &mut Value) -> String {
    let segments = template.split('/').map(|segment| {
        let braced = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let name = segment.strip_prefix(':').or(braced);
        let given = name.and_then(|name| body.as_object_mut()?.remove(name));
        given.map_or_else(|| segment.to_owned(), |value| encoded(&plain(&value)))
    });
    segments.collect::<Vec<_>>().join("/")
}

/// One segment of a path.
fn encoded(text: &str) -> String {
    let mut url = any_url();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push(text);
    }
    url.path().trim_start_matches('/').to_owned()
}

fn any_url() -> Url {
    Url::parse(URL).expect("it is one")
}

/// One word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/:._-".contains(&byte);
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_a_route_are_filled_in_however_they_are_written() {
        for template in ["/v1/notes/:id/to/:user", "/v1/notes/{id}/to/{user}"] {
            let mut body = json!({"id": "a b/c?d", "user": 7, "text": "x"});
            let path = path_of(template, &mut body);
            assert_eq!(path, "/v1/notes/a%20b%2Fc%3Fd/to/7");
            assert_eq!(body, json!({"text": "x"}));
        }
    }

    #[test]
    fn what_goes_with_a_file_is_encoded() {
        let request = json!({"type": "a & b", "columns": ["x"]});
        assert_eq!(query_beside_file(&request), "?type=a+%26+b");
        assert_eq!(query_beside_file(&json!({"lines": 1})), "");
    }
}
