//! Closes a deployment that was just started: its first administrator, and base roles that let
//! nobody in without credentials. The password is made here, printed once and kept nowhere.

use crate::{
    client::{Answer, Client, Endpoint},
    failure::Failure,
};
use reqwest::Method;
use serde::Serialize;
use serde_json::json;

const NAME: &str = "admin";
/// Letters that are not taken for one another: a power of two of them, so that all are as likely.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789-";
const LENGTH: usize = 24;

/// Who may do everything from now on.
#[derive(Debug, Serialize)]
pub(super) struct FirstAdmin {
    pub name: &'static str,
    /// None: there was one before.
    pub password: Option<String>,
}

pub(super) async fn create_first_admin(url: &str) -> Result<FirstAdmin, Failure> {
    let client = Client::without_credential(&Endpoint::at(url))?;
    let bytes: [u8; LENGTH] = runtime::random();
    let letter = |byte: u8| char::from(LETTERS[usize::from(byte % 32)]);
    let password: String = bytes.into_iter().map(letter).collect();
    let local = json!({"username": NAME, "password": password});
    let made = client
        .at(
            Method::POST,
            &format!("/_createFirstAdmin/{NAME}?reset=true"),
        )
        .json(&json!({"credentials": {"local": local}}));
    let made = client.send(made).await?;
    if made.status == 200 {
        let password = Some(password);
        return Ok(FirstAdmin {
            name: NAME,
            password,
        });
    }
    // There is one already; who may do what is narrowed if it was not.
    let is_there = [401, 403, 412].contains(&made.status);
    if !is_there {
        return Err(refusal_failure(&made));
    }
    let restricted = client.at(Method::POST, "/_restrictDefaultRights");
    let restricted = client.send(restricted).await?;
    if restricted.status != 200 && restricted.status != 401 {
        return Err(refusal_failure(&restricted));
    }
    Ok(FirstAdmin {
        name: NAME,
        password: None,
    })
}

fn refusal_failure(answer: &Answer) -> Failure {
    let why = answer.body["error"]["message"].as_str();
    let why = why.map_or_else(|| answer.body.to_string(), str::to_owned);
    Failure::failed(format!("it cannot be closed: {} {why}", answer.status))
}
