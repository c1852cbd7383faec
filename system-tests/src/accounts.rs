//! The accounts of a deployment that its first administrator closed: users with rights, and their
//! sessions. It keeps no token but the administrator's.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// Of every user.
pub const PASSWORD: &str = "correct horse battery";

/// Speaks to the gateways of a closed deployment.
#[derive(Debug)]
pub struct Accounts {
    http: Client,
    gateways: Vec<String>,
    admin: String,
}

impl Accounts {
    /// Makes the first administrator, who restricts the rights of everybody else.
    ///
    /// # Errors
    /// If there is one already.
    pub async fn close(gateways: &[String]) -> Result<Self> {
        let mut accounts = Self {
            http: Client::builder().timeout(Duration::from_secs(60)).build()?,
            gateways: gateways.to_vec(),
            admin: String::new(),
        };
        let local = json!({"username": "root", "password": PASSWORD});
        let first = json!({"content": {}, "credentials": {"local": local}});
        let path = "/_createFirstAdmin/root?reset=true";
        accounts.made((Method::POST, path), None, first).await?;
        accounts.admin = accounts.login("root").await?;
        Ok(accounts)
    }

    #[must_use]
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// The administrator's token.
    #[must_use]
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// Of the gateway of that number, counted round.
    #[must_use]
    pub fn url(&self, gateway: usize, path: &str) -> String {
        format!("{}{path}", self.gateways[gateway % self.gateways.len()])
    }

    /// Status and answer.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn ask(
        &self,
        gateway: usize,
        (method, path): (Method, &str),
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        let mut request = self.http.request(method, self.url(gateway, path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request = match body {
            Some(body) => request.json(body),
            None => request.header("content-type", "application/json"),
        };
        let answer = request.send().await?;
        let status = answer.status();
        Ok((status, answer.json().await.unwrap_or_default()))
    }

    /// What must succeed; the result.
    ///
    /// # Errors
    /// If it does not.
    pub async fn made(
        &self,
        (method, path): (Method, &str),
        token: Option<&str>,
        body: Value,
    ) -> Result<Value> {
        let asked = (method.clone(), path);
        let (status, mut told) = self.ask(0, asked, token, Some(&body)).await?;
        ensure!(status.is_success(), "{method} {path}: {status}: {told:#}");
        Ok(told["result"].take())
    }

    /// # Errors
    /// As [`made`](Self::made).
    pub async fn by_admin(&self, asked: (Method, &str), body: Value) -> Result<Value> {
        self.made(asked, Some(&self.admin), body).await
    }

    /// A profile with the one role of its name, which allows this.
    ///
    /// # Errors
    /// As [`made`](Self::made).
    pub async fn allow(&self, name: &str, role: Value) -> Result<()> {
        let path = format!("/roles/{name}");
        self.by_admin((Method::PUT, &path), role).await?;
        let profile = json!({"policies": [{"roleId": name}]});
        let path = format!("/profiles/{name}");
        self.by_admin((Method::PUT, &path), profile).await?;
        Ok(())
    }

    /// A user of this id, who logs in by it.
    ///
    /// # Errors
    /// As [`made`](Self::made).
    pub async fn user(&self, id: &str, profile: &str) -> Result<()> {
        let local = json!({"username": id, "password": PASSWORD});
        let user = json!({"content": {"profileIds": [profile]}, "credentials": {"local": local}});
        let path = format!("/users/{id}/_create");
        self.by_admin((Method::POST, &path), user).await?;
        Ok(())
    }

    /// The token of a session that begins.
    ///
    /// # Errors
    /// As [`made`](Self::made).
    pub async fn login(&self, username: &str) -> Result<String> {
        let body = json!({"username": username, "password": PASSWORD});
        let asked = (Method::POST, "/_login/local");
        let told = self.made(asked, None, body).await?;
        let token = told["jwt"].as_str().context("no token")?;
        Ok(token.to_owned())
    }
}
