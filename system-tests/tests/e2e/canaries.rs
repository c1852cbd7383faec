//! A value in every secret, by which it would be known where it must not be: in what the processes
//! log at their most talkative, in metrics, in answers, in dead letters, in `config show`, in
//! arguments.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use system_tests::cluster::Cluster;

/// Of the deployment, as its variables hold them.
const SETTINGS: [(&str, &str); 6] = [
    ("CONSIGN_SECRET_VALUE", "canary-secret-of-the-deployment"),
    ("CONSIGN_CASSANDRA_PASSWORD", "canary-password-at-cassandra"),
    (
        "CONSIGN_ELASTICSEARCH_PASSWORD",
        "canary-password-at-elasticsearch",
    ),
    (
        "CONSIGN_ELASTICSEARCH_API_KEY",
        "canary-key-at-elasticsearch",
    ),
    (
        "CONSIGN_KAFKA_PROPERTIES_SASL_PASSWORD",
        "canary-password-at-kafka",
    ),
    ("CONSIGN_LOG", "trace"),
];
/// Of users.
const PASSWORD: &str = "canary-password-of-the-first";
const WRONG: &str = "canary-password-that-is-wrong";
const NEXT: &str = "canary-password-that-comes-next";
const WEAK: &str = "canary7";

/// One gateway, and all that it answered but where a secret was asked for.
struct Asking {
    http: Client,
    address: String,
    answered: String,
}

impl Asking {
    async fn ask(
        &mut self,
        (method, path): (Method, &str),
        token: Option<&str>,
        body: &Value,
    ) -> Result<Value> {
        let request = self.http.request(method, format!("{}{path}", self.address));
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = request.json(body).send().await?;
        let headers = format!("{:?}", answer.headers());
        let text = answer.text().await?;
        let mut json: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        // What is told once, to who asked for it.
        let told = json.clone();
        for secret in ["/result/jwt", "/result/_source/token"] {
            if let Some(secret) = json.pointer_mut(secret) {
                *secret = Value::Null;
            }
        }
        let kept = if json.is_null() {
            text
        } else {
            json.to_string()
        };
        self.answered.push_str(&format!("{headers}\n{kept}\n"));
        Ok(told)
    }

    async fn login(&mut self, password: &str) -> Result<Value> {
        let body = json!({"username": "root", "password": password});
        self.ask((Method::POST, "/_login/local"), None, &body).await
    }
}

fn text(json: &Value, pointer: &str) -> Result<String> {
    let found = json.pointer(pointer).and_then(Value::as_str);
    let found = found.with_context(|| format!("no {pointer} in {json:#}"))?;
    Ok(found.to_owned())
}

/// The part of a token that opens something; the others only name.
fn opening_part(token: &str) -> String {
    token.rsplit('.').next().unwrap_or(token).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_where_it_must_not_be() -> Result<()> {
    let mut cluster = Cluster::embedded_with(&SETTINGS).await?;
    let mut asking = Asking {
        http: Client::new(),
        address: cluster.gateways()[0].clone(),
        answered: String::new(),
    };
    let nothing = Value::Null;
    let admin = json!({"credentials": {"local": {"username": "root", "password": PASSWORD}}});
    let first = (Method::POST, "/_createFirstAdmin/root?reset=true");
    let made = asking.ask(first, None, &admin).await?;
    ensure!(made["status"] == 200, "no administrator was made: {made}");
    let session = text(&asking.login(PASSWORD).await?, "/result/jwt")?;
    let show = Some(session.as_str());
    asking.login(WRONG).await?;
    asking.login(&format!("{WRONG}\n{WRONG}")).await?;
    let weak = json!({"username": "root", "password": WEAK});
    let validate = (Method::POST, "/credentials/local/root/_validate");
    asking.ask(validate, show, &weak).await?;
    let key = (Method::POST, "/api-keys/_create");
    let key = asking.ask(key, show, &json!({"description": "d"})).await?;
    let key = text(&key, "/result/_source/token")?;
    asking
        .ask((Method::GET, "/_me"), Some(&key), &nothing)
        .await?;
    // A body that is none, a credential that is none, one where none belongs.
    let broken = asking.http.post(format!("{}/_login/local", asking.address));
    let broken = broken.header("content-type", "application/json");
    let broken = broken.body(format!(
        "{{\"username\": \"root\", \"password\": \"{WRONG}\""
    ));
    asking
        .answered
        .push_str(&broken.send().await?.text().await?);
    let forged = format!("{session}canary-in-a-token");
    asking
        .ask((Method::GET, "/_me"), Some(&forged), &nothing)
        .await?;
    asking
        .ask((Method::GET, "/v1/collections"), Some(&forged), &nothing)
        .await?;
    let query = json!({"controller": "auth", "action": "checkToken", "jwt": session, "body": {"token": forged}});
    asking.ask((Method::POST, "/_query"), None, &query).await?;
    let refreshed = asking
        .ask((Method::POST, "/_refreshToken"), show, &nothing)
        .await?;
    let refreshed = text(&refreshed, "/result/jwt")?;
    let show = Some(refreshed.as_str());
    let next = json!({"password": NEXT});
    let update = (Method::PUT, "/_me/credentials/local/_update");
    asking.ask(update, show, &next).await?;
    for path in [
        "/_me",
        "/users/root",
        "/credentials/local/root",
        "/_getConfig",
        "/_serverInfo",
        "/metrics",
        "/v1/dead-letters",
        "/v1/status",
        "/v1/operations",
        "/readyz",
    ] {
        asking.ask((Method::GET, path), show, &nothing).await?;
    }
    let search = json!({});
    for path in ["/users/_search", "/api-keys/_search", "/roles/_search"] {
        asking.ask((Method::POST, path), show, &search).await?;
    }
    asking
        .ask((Method::POST, "/_logout"), show, &nothing)
        .await?;

    let (_, config) = cluster.output("dev", &["config", "show"])?;
    ensure!(config.contains("secret"), "it shows no settings: {config}");
    let dev = cluster.process("dev")?;
    let command_line = dev.command_line()?;
    dev.terminate(system_tests::cluster::READY)?;
    let printed = dev.printed()?;
    ensure!(
        printed.contains("DEBUG") || printed.contains("TRACE"),
        "it does not log all that it can: {printed}"
    );

    let mut canaries: Vec<String> = [PASSWORD, WRONG, NEXT, WEAK, "canary-in-a-token"]
        .map(str::to_owned)
        .into();
    canaries.extend([&session, &refreshed, &key].map(|token| opening_part(token)));
    let settings = SETTINGS.iter().map(|(_, value)| (*value).to_owned());
    canaries.extend(settings.filter(|value| value.starts_with("canary")));
    let places = [
        ("the log", &printed),
        ("an answer", &asking.answered),
        ("`config show`", &config),
        ("the arguments", &command_line),
    ];
    let found: Vec<String> = canaries
        .iter()
        .flat_map(|canary| {
            let holds = |(_, text): &&(&str, &String)| text.contains(canary.as_str());
            let places = places.iter().filter(holds);
            places.map(move |(place, text)| {
                let line = text.lines().find(|line| line.contains(canary.as_str()));
                let line = line.unwrap_or_default();
                format!("{canary} in {place}: {}", &line[..line.len().min(400)])
            })
        })
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    Ok(())
}
