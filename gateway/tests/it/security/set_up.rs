//! A gateway that others than this machine can reach: it starts only where it is told that TLS ends
//! in front of it, and serves nothing until somebody who read its code made an administrator.

use super::{PASSWORD, answer, ok, refused, with};
use crate::harness::{App, Builder};
use gateway::{
    Config, GatewayError,
    config::{Security, TlsEnd},
};
use serde_json::json;
use std::net::SocketAddr;

fn anywhere(security: Security) -> Config {
    Config {
        listen: SocketAddr::from(([0, 0, 0, 0], 0)),
        security,
        ..Config::default()
    }
}

fn behind_a_proxy() -> Security {
    Security {
        tls: TlsEnd::Proxy,
        ..Security::default()
    }
}

/// A gateway that nobody has set up yet.
pub async fn shut() -> App {
    start(behind_a_proxy()).await
}

async fn start(security: Security) -> App {
    let builder = Builder {
        config: anywhere(security),
        ..Builder::default()
    };
    builder.start().await
}

#[tokio::test]
async fn it_does_not_start_where_others_could_read_what_is_sent() {
    let app = crate::harness::app().await;
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let config = anywhere(Security::default());
    let (_trigger, shutdown) = runtime::Shutdown::manual();
    let ended = gateway::run(config, listener, app.ports(), shutdown).await;
    let refusal = ended.unwrap_err();
    assert!(matches!(refusal, GatewayError::Unprotected(_)), "{refusal}");
}

#[tokio::test]
async fn nothing_is_served_until_the_first_administrator_is_made_by_the_code() {
    let app = shut().await;
    let shut = (503, "set_up_required");
    for (verb, path) in [
        ("GET", "/v1/collections"),
        ("GET", "/_me"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("POST", "/_query"),
        ("POST", "/_login/local"),
        ("POST", "/_createFirstAdminOrNot"),
        ("GET", "/_createFirstAdmin"),
        ("PUT", "/v1/collections/ix/co"),
    ] {
        refused(&app, (verb, path), None, None, shut).await;
    }
    let socket = tokio_tungstenite::connect_async(format!("ws://{}/", app.address)).await;
    assert!(socket.is_err());
    let local = json!({"username": "root", "password": PASSWORD});
    let body = json!({"credentials": {"local": local}});
    let first = "/_createFirstAdmin/root";
    for wrong in [None, Some("wrong")] {
        let mut asked = with(&app, "POST", first, None, Some(&body));
        if let Some(wrong) = wrong {
            asked = asked.header("x-set-up-code", wrong);
        }
        let (status, id, _) = answer(asked).await;
        assert_eq!((status, id.as_str()), (401, "unauthenticated"));
    }
    let asked = with(&app, "POST", first, None, Some(&body))
        .header("x-set-up-code", gateway::set_up_code(&app.keys));
    let (status, _, made) = answer(asked).await;
    assert_eq!(status, 200, "{made:#}");
    // Closed at once, though nobody asked for it.
    let unauthorized = (401, "security.rights.unauthorized");
    let write = ("PUT", "/ix/co");
    refused(&app, write, None, Some(json!({})), unauthorized).await;
    let token = super::login(&app, "root", PASSWORD).await;
    ok(&app, "POST", "/ix/_create", Some(&token), None).await;
    let ready = app.health.report();
    assert!(ready.weakened.is_empty(), "{ready:?}");
}

#[tokio::test]
async fn who_takes_the_risk_is_served_and_told_of_it() {
    let security = Security {
        open: true,
        ..Security::default()
    };
    let app = start(security).await;
    ok(&app, "POST", "/ix/_create", None, None).await;
    let weakened = app.health.report().weakened;
    assert_eq!(weakened.len(), 1, "{weakened:?}");
    assert_eq!(weakened[0].setting, "security.open");
}
