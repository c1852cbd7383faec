//! `consign security explain`: asks a gateway whether a user may do something, and why.

use crate::{
    client::{Client, Endpoint},
    commands::Invocation,
    failure::Failure,
};
use clap::Args;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  consign security explain meera document:create shop/items
  consign security explain anonymous auth:login
  consign security explain meera user.create '*'       what no restriction reaches
  CONSIGN_TOKEN=kapikey-… consign security explain …   where rights are restricted

Exit 0 if it is allowed, 1 if it is not.";

/// Explain whether a user has a right: the policy that grants it, or what is missing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The user's id; `anonymous` for callers without a credential
    user: String,
    /// The right: controller and action, or an operation
    right: String,
    /// index/collection, an index, or `*`; without it: what names no place
    place: Option<String>,
    #[command(flatten)]
    client: Endpoint,
}

pub async fn run(arguments: Arguments, invocation: Invocation<'_>) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let place = arguments.place.unwrap_or_default();
    let asked = [
        ("user", &arguments.user),
        ("right", &arguments.right),
        ("place", &place),
    ];
    let asked = client.at(Method::GET, "/v1/security/explain").query(&asked);
    let explained = client.send(asked.timeout(Duration::from_secs(15))).await?;
    let explained = explained.succeeded()?;
    invocation.output.result(&explained, text)?;
    if explained["allowed"] == true {
        Ok(())
    } else {
        Err(Failure::told())
    }
}

fn text(explained: &Value) -> String {
    let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let verdict = if explained["allowed"] == true {
        "allowed"
    } else {
        "refused"
    };
    let mut text = format!("{verdict}: {}\n", of(&explained["because"]));
    for policy in explained["policies"].as_array().into_iter().flatten() {
        let outcome = of(&policy["outcome"]).replace('_', " ");
        text += &format!(
            "  {} / {}: {outcome}\n",
            of(&policy["profile"]),
            of(&policy["role"])
        );
    }
    for profile in explained["unknown_profiles"]
        .as_array()
        .into_iter()
        .flatten()
    {
        text += &format!("  {}: there is no such profile\n", of(profile));
    }
    text
}
