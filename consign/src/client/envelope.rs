//! Requests in the envelope that Kuzzle's clients speak: a controller and an action, one answer.
//! Written here once for HTTP and sockets.

use super::{Client, refusal_failure};
use crate::failure::Failure;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than any gateway takes to answer a write.
const PATIENCE: Duration = Duration::from_secs(40);

/// What is asked for; `more` are its arguments.
pub fn request_envelope(controller: &str, action: &str, more: Value) -> Value {
    let mut request = json!({ "controller": controller, "action": action });
    if let (Some(request), Value::Object(more)) = (request.as_object_mut(), more) {
        request.extend(more);
    }
    request
}

/// The result in an answer's envelope, or why there is none.
pub fn take_result(mut answer: Value) -> Result<Value, Failure> {
    let error = &answer["error"];
    if error.is_null()
        && answer["status"]
            .as_u64()
            .is_some_and(|status| (200..300).contains(&status))
    {
        return Ok(answer["result"].take());
    }
    // An error from before the request was understood comes without envelope.
    let error = if error.is_object() { error } else { &answer };
    let of = |name: &str| error[name].as_str().filter(|text| !text.is_empty());
    Err(refusal_failure(
        error["status"].as_u64(),
        of("id"),
        of("message"),
        error,
    ))
}

impl Client {
    /// Asks over HTTP.
    pub async fn ask(&self, controller: &str, action: &str, more: Value) -> Result<Value, Failure> {
        let request = self
            .at(Method::POST, "/_query")
            .timeout(PATIENCE)
            .json(&request_envelope(controller, action, more));
        take_result(self.send(request).await?.body)
    }
}
