//! Who has something that is about to be taken away, and by what call it is.

use super::deployment::Deployment;
use anyhow::{Context, Result, bail, ensure};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Logout,
    LogoutEverywhere,
    /// One's own, by its id, from another session.
    OwnSession,
    /// All sessions of a user.
    Tokens,
    /// Likewise, seen by an API key.
    KeyByTokens,
    KeyDeleted,
    User,
    /// Another one: other sessions end.
    Password,
    /// Of a user: without the one that allowed it.
    Profiles,
    /// Without the action.
    Role,
}

pub const KINDS: [Kind; 10] = [
    Kind::Logout,
    Kind::LogoutEverywhere,
    Kind::OwnSession,
    Kind::Tokens,
    Kind::KeyByTokens,
    Kind::KeyDeleted,
    Kind::User,
    Kind::Password,
    Kind::Profiles,
    Kind::Role,
];

/// How long it may take until a change is answered at all, where a worker was killed.
const AT_LAST: Duration = Duration::from_secs(90);

/// A user, and a credential that is honoured.
pub struct Victim {
    pub kind: Kind,
    name: String,
    pub credential: String,
    /// Another session of the user, where that takes it.
    other: Option<String>,
    /// The id of the key or session that is taken.
    taken: Option<String>,
}

/// What a victim may: read and make documents, and listen; or no more than know that they exist.
pub fn role(may: bool) -> Value {
    let allowed = |names: &[&str]| {
        let actions = names.iter().map(|name| ((*name).to_owned(), json!(true)));
        json!({"actions": Map::from_iter(actions)})
    };
    let (documents, rooms): (&[&str], _) = if may {
        (&["get", "create"], "subscribe")
    } else {
        (&["exists"], "count")
    };
    json!({"controllers": {
        "document": allowed(documents), "realtime": allowed(&[rooms]), "auth": allowed(&["*"]),
    }})
}

impl Victim {
    pub async fn make(deployment: &Deployment, kind: Kind, n: usize) -> Result<Self> {
        let name = format!("{kind:?}-{n}").to_lowercase();
        let profile = profile_of(deployment, kind, &name).await?;
        deployment.accounts.user(&name, &profile).await?;
        let mut victim = Self {
            kind,
            name,
            credential: String::new(),
            other: None,
            taken: None,
        };
        victim.log_in(deployment).await?;
        Ok(victim)
    }

    async fn log_in(&mut self, deployment: &Deployment) -> Result<()> {
        self.credential = deployment.accounts.login(&self.name).await?;
        if matches!(self.kind, Kind::OwnSession | Kind::Password) {
            self.other = Some(deployment.accounts.login(&self.name).await?);
        }
        if self.kind == Kind::OwnSession {
            self.taken = Some(own_session(deployment, &self.credential).await?);
        }
        if matches!(self.kind, Kind::KeyByTokens | Kind::KeyDeleted) {
            let body = json!({"description": "of a victim"});
            let asked = (Method::POST, "/api-keys/_create");
            let told = deployment
                .accounts
                .made(asked, Some(&self.credential), body)
                .await?;
            let text = |of: &Value| of.as_str().map(str::to_owned).context("no key");
            self.taken = Some(text(&told["_id"])?);
            self.credential = text(&told["_source"]["token"])?;
        }
        Ok(())
    }

    /// The call that takes it, and who makes it.
    fn call<'a>(&'a self, admin: &'a str) -> Result<(Method, String, &'a str, Value)> {
        let name = &self.name;
        let other = || self.other.as_deref().context("no other session");
        let taken = || self.taken.as_deref().context("no id of what is taken");
        let own = self.credential.as_str();
        let nothing = json!({});
        Ok(match self.kind {
            Kind::Logout => (Method::POST, "/_logout".to_owned(), own, nothing),
            Kind::LogoutEverywhere => {
                let path = "/_logout?global=true".to_owned();
                (Method::POST, path, own, nothing)
            }
            Kind::OwnSession => {
                let path = format!("/v1/security/sessions/{}", taken()?);
                (Method::DELETE, path, other()?, Value::Null)
            }
            Kind::Tokens | Kind::KeyByTokens => (
                Method::DELETE,
                format!("/users/{name}/tokens"),
                admin,
                nothing,
            ),
            Kind::KeyDeleted => {
                let path = format!("/users/{name}/api-keys/{}", taken()?);
                (Method::DELETE, path, admin, nothing)
            }
            Kind::User => (Method::DELETE, format!("/users/{name}"), admin, nothing),
            Kind::Password => {
                let body = json!({"password": "another long password"});
                let path = "/_me/credentials/local/_update".to_owned();
                (Method::PUT, path, other()?, body)
            }
            Kind::Profiles => {
                let body = json!({"profileIds": ["default"]});
                (Method::PUT, format!("/users/{name}/_update"), admin, body)
            }
            Kind::Role => (Method::PUT, format!("/roles/{name}"), admin, role(false)),
        })
    }

    /// Takes it away, on the gateway of that number.
    pub async fn revoke(&self, deployment: &Deployment, gateway: usize) -> Result<()> {
        let (method, path, token, body) = self.call(deployment.accounts.admin())?;
        let body = Some(&body).filter(|body| !body.is_null());
        let asked = (method.clone(), path.as_str());
        let (status, told) = deployment
            .accounts
            .ask(gateway, asked, Some(token), body)
            .await?;
        ensure!(status.is_success(), "{method} {path}: {status}: {told:#}");
        Ok(())
    }

    /// Asks again until it is taken.
    pub async fn revoke_at_last(&self, deployment: &Deployment, gateway: usize) -> Result<()> {
        let patience = Instant::now() + AT_LAST;
        loop {
            let (method, path, token, body) = self.call(deployment.accounts.admin())?;
            let body = Some(&body).filter(|body| !body.is_null());
            let asked = (method, path.as_str());
            let (status, told) = deployment
                .accounts
                .ask(gateway, asked, Some(token), body)
                .await?;
            // What was not answered before may have been done: the credential is refused then.
            if status.is_success() || matches!(status.as_u16(), 401 | 404) {
                return Ok(());
            }
            if Instant::now() > patience {
                bail!("{path}: {status}: {told:#}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The profile of a victim: of its own, where the role in it is changed.
async fn profile_of(deployment: &Deployment, kind: Kind, name: &str) -> Result<String> {
    if kind != Kind::Role {
        return Ok("reader".to_owned());
    }
    deployment.accounts.allow(name, role(true)).await?;
    Ok(name.to_owned())
}

/// The id of the session of this token.
async fn own_session(deployment: &Deployment, token: &str) -> Result<String> {
    let asked = (Method::GET, "/v1/security/sessions");
    let (_, told) = deployment.accounts.ask(0, asked, Some(token), None).await?;
    let mut sessions = told["sessions"].as_array().into_iter().flatten();
    let current = sessions.find(|session| session["current"] == true);
    let id = current.and_then(|session| session["id"].as_str());
    Ok(id.context("the session is not listed")?.to_owned())
}
