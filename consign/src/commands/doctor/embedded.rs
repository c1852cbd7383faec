//! A data folder: who has it, and what is in it. A folder that a running pipeline has is asked
//! about over HTTP.

use super::{Finding, finding::State};
use crate::{
    client::{self, Client},
    settings::Settings,
    stack::Stack,
};
use serde_json::Value;

pub async fn check_embedded(settings: &Settings) -> Vec<Finding> {
    if !settings.data.exists() {
        return vec![Finding::well(
            "data folder",
            format!(
                "{} is not there yet: `consign dev` makes it",
                settings.data.display()
            ),
        )];
    }
    // Opening would make what is missing, so only a folder that was opened before is.
    if !settings.data.join("log/topics").exists() {
        let found = format!("{} holds no pipeline's data yet", settings.data.display());
        return vec![Finding::well("data folder", found)];
    }
    match standalone::folder::Folder::open(settings.data.clone()).await {
        Ok(folder) => {
            folder.close().await;
            let mut findings = vec![Finding::well(
                "data folder",
                format!("{} is sound; nothing runs on it", settings.data.display()),
            )];
            findings.extend(check_topics(settings).await);
            findings
        }
        Err(error) if error.is_held() => {
            let mut findings = vec![Finding::well(
                "data folder",
                format!("{} is open in a running process", settings.data.display()),
            )];
            findings.extend(check_gateway(settings).await);
            findings
        }
        Err(error) => vec![Finding::missing(
            "data folder",
            error.to_string(),
            "restore it, or choose another: --set data=FOLDER",
        )],
    }
}

async fn check_topics(settings: &Settings) -> Vec<Finding> {
    let stack = match Stack::open(settings).await {
        Ok(stack) => stack,
        Err(failure) => return vec![Finding::of("data folder", &failure, "consign dev")],
    };
    let checked = stack.log.admin.check(&stack.topics()).await;
    let ready = stack.record.ready().await;
    stack.close().await;
    let topics = match checked {
        Ok(problems) if problems.is_empty() => Finding::well("topics", "as they must be"),
        Ok(problems) => {
            let found = problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ");
            Finding::missing(
                "topics",
                found,
                "a folder keeps its settings of topics; choose another with --set data=FOLDER",
            )
        }
        Err(error) => Finding::of("topics", &error.into(), "consign dev"),
    };
    let store = match ready {
        Ok(()) => Finding::well("store", "ready"),
        Err(error) => Finding::of("store", &error.into(), "consign catalog migrate"),
    };
    vec![topics, store]
}

/// What the gateway of the running pipeline says, if it is where the settings say.
async fn check_gateway(settings: &Settings) -> Vec<Finding> {
    let url = format!(
        "{}://{}",
        settings.security.scheme(),
        settings.gateway.listen
    );
    let elsewhere = "if it listens elsewhere: consign health --url http://HOST:PORT";
    let client = match Client::new(&client::Endpoint::at(url)) {
        Ok(client) => client,
        Err(failure) => return vec![Finding::of("gateway", &failure, elsewhere)],
    };
    let report = match client.get("/readyz").await {
        Ok(answer) => answer.body,
        Err(failure) => {
            return vec![Finding {
                mend: Some(elsewhere.to_owned()),
                ..Finding::of("gateway", &failure, elsewhere)
            }];
        }
    };
    let state = |(name, state): (&String, &Value)| match state["state"].as_str() {
        Some("ready") => Finding::well(name.as_str(), "ready"),
        _ => Finding::missing(
            name.as_str(),
            state["why"].as_str().unwrap_or("not ready"),
            "its log says more",
        ),
    };
    let mut findings: Vec<Finding> = report["components"]
        .as_object()
        .into_iter()
        .flatten()
        .map(state)
        .collect();
    if findings.is_empty() {
        let found = format!(
            "{}/readyz does not answer as a Consign service does",
            client.url()
        );
        findings.push(Finding {
            state: State::Missing,
            ..Finding::weak("gateway", found, elsewhere)
        });
    }
    findings
}
