//! Guessing at passwords is slowed down, and requests keep the rate of their profiles.

use super::{PASSWORD, allow, answer, login, ok, refused, sessions::on_a_clock, user, with};
use crate::{harness::App, socket::Socket};
use serde_json::{Value, json};

async fn attempt(app: &App, username: &str, password: &str) -> (u16, String, Option<u64>) {
    let body = json!({"username": username, "password": password});
    let asked = with(app, "POST", "/_login/local", None, Some(&body));
    let answer = asked.send().await.unwrap();
    let after = answer.headers().get("retry-after");
    let after = after.map(|after| after.to_str().unwrap().parse().unwrap());
    let status = answer.status().as_u16();
    let json: Value = answer.json().await.unwrap();
    let id = json["error"]["id"].as_str().unwrap_or_default().to_owned();
    (status, id, after)
}

#[tokio::test]
async fn guesses_at_an_account_are_slowed_down_and_its_sessions_go_on() {
    let (app, clock) = on_a_clock().await;
    let admin = login(&app, "root", PASSWORD).await;
    let rights = json!({"none": allow(&["none"])});
    let meera = user(&app, &admin, "meera", rights, json!([])).await;
    for account in ["meera", "nobody"] {
        let (mut judged, mut held) = (0, 0);
        for n in 0..40 {
            match attempt(&app, account, &format!("guess {n}")).await {
                (401, id, _) if id == "plugin.strategy.missing_user" => judged += 1,
                (429, id, Some(1..)) if id == "api.process.too_many_logins_requests" => held += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((judged, held), (10, 30), "{account}");
    }
    // The right one is not judged either, so that nothing can be learnt.
    let (status, ..) = attempt(&app, "meera", PASSWORD).await;
    assert_eq!(status, 429);
    ok(&app, "GET", "/_me", Some(&meera), None).await;
    login(&app, "root", PASSWORD).await;
    clock.advance(1_000);
    login(&app, "meera", PASSWORD).await;
}

#[tokio::test]
async fn a_profile_says_how_many_requests_a_second() {
    let (app, clock) = on_a_clock().await;
    let admin = login(&app, "root", PASSWORD).await;
    let rights = json!({"server": allow(&["now"]), "collection": allow(&["list"])});
    let meera = user(&app, &admin, "meera", rights, json!([])).await;
    let slow = json!({"policies": [{"roleId": "default"}, {"roleId": "meera"}], "rateLimit": 3});
    let profile = "/profiles/meera";
    ok(&app, "PUT", profile, Some(&admin), Some(slow)).await;
    let mut refusals = 0;
    for _ in 0..20 {
        let (status, id, _) = answer(with(&app, "GET", "/_now", Some(&meera), None)).await;
        refusals += usize::from(status == 429 && id == "api.process.too_many_requests");
    }
    assert_eq!(refusals, 17);
    let own = answer(with(&app, "GET", "/v1/collections", Some(&meera), None));
    let (status, id, _) = own.await;
    assert_eq!((status, id.as_str()), (429, "too_many_requests"));
    let mut socket = Socket::connect(app.address).await;
    let now = json!({"controller": "server", "action": "now", "jwt": meera, "requestId": "n"});
    socket.send(now.to_string()).await;
    assert_eq!(socket.next().await["status"], 429);
    clock.advance(1_000);
    ok(&app, "GET", "/_now", Some(&meera), None).await;
    // Others are not held up, and whoever wants to leave may.
    for _ in 0..20 {
        ok(&app, "GET", "/_now", Some(&admin), None).await;
    }
    ok(&app, "POST", "/_logout", Some(&meera), None).await;
    let ended = (401, "security.token.invalid");
    refused(&app, ("GET", "/_now"), Some(&meera), None, ended).await;
}
