//! How this deployment is known to an issuer by which its users log in.

use runtime::secret_file::is_open_to_others;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// The table `login` of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeFlowConfig {
    /// As this deployment is registered at the issuer.
    pub client_id: String,
    /// The file of the client's secret, which its owner alone may read; none for a public client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// Where the issuer sends browsers back to, as it is registered there: a page of the application,
    /// or `https://GATEWAY/_login/NAME` with a `landing`.
    pub redirect: String,
    /// Where a browser goes on that came back to the gateway, with a session in a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landing: Option<String>,
    #[serde(default = "usual_scopes")]
    pub scopes: Vec<String>,
    /// No session lasts longer: rights that the issuer took away are asked for again then.
    #[serde(default = "usual_longest_session")]
    pub longest_session_seconds: u64,
}

fn usual_scopes() -> Vec<String> {
    vec!["openid".to_owned()]
}

/// Twelve hours.
fn usual_longest_session() -> u64 {
    43_200
}

/// A year.
const LONGEST_SESSION: u64 = 365 * 24 * 60 * 60;
/// The strategy of the deployment's own users.
const OWN_STRATEGY: &str = "local";

impl CodeFlowConfig {
    /// What is wrong with it by itself. `issuer`: its name.
    pub(crate) fn check(&self, issuer: &str) -> Result<(), &'static str> {
        let is_address = |text: &str| {
            let is_web = text.starts_with("https://") || text.starts_with("http://");
            is_web && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let is_scope =
            |scope: &String| !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic());
        let why = if issuer == OWN_STRATEGY {
            "users do not log in by an issuer called `local`: the strategy of that name is the deployment's own"
        } else if self.client_id.is_empty() {
            "`login.client_id` is empty"
        } else if !is_address(&self.redirect) {
            "`login.redirect` is no address"
        } else if self
            .landing
            .as_deref()
            .is_some_and(|page| !is_address(page))
        {
            "`login.landing` is no address"
        } else if !self.scopes.iter().any(|scope| scope == "openid") {
            "`login.scopes` must hold `openid`, or there is no ID token"
        } else if !self.scopes.iter().all(is_scope) {
            "`login.scopes` are words"
        } else if !(60..=LONGEST_SESSION).contains(&self.longest_session_seconds) {
            "`login.longest_session_seconds` must be 60 at least and a year at most"
        } else {
            return Ok(());
        };
        Err(why)
    }

    /// The client's secret, without the white space around it.
    pub(crate) fn secret(&self) -> Result<Option<Zeroizing<String>>, String> {
        let Some(file) = &self.client_secret_file else {
            return Ok(None);
        };
        let shown = file.display();
        let unreadable = |error| format!("`login.client_secret_file`: {shown}: {error}");
        let read = Zeroizing::new(std::fs::read_to_string(file).map_err(unreadable)?);
        if is_open_to_others(file).map_err(unreadable)? {
            return Err(format!(
                "`login.client_secret_file`: others on this machine can read it: chmod 600 {shown}"
            ));
        }
        let secret = Zeroizing::new(read.trim().to_owned());
        if secret.is_empty() {
            return Err(format!("`login.client_secret_file`: {shown} is empty"));
        }
        Ok(Some(secret))
    }
}
