//! What is kept of callers in the record store, as gateways and workers read it. It says what stands;
//! what a caller may do by it is judged elsewhere. The password's hash stays sealed here.

use serde::Deserialize;

/// How long a token is still taken after it was refreshed, milliseconds.
pub const REFRESH_GRACE_MS: i64 = 1_000;

/// Names a whole session, beside its tokens.
pub const WHOLE_SESSION: &str = "*";

/// The row of `security_account`: by what a user is authenticated.
#[derive(Clone, Default, Deserialize)]
pub struct Account {
    #[serde(default)]
    pub username: Option<String>,
    /// Of the password, sealed.
    #[serde(default, rename = "hash")]
    pub sealed_hash: Option<String>,
    pub sessions: String,
    #[serde(default)]
    pub kept: String,
    pub birth: String,
    /// Certificates from before do not stand for it any more, Unix milliseconds.
    #[serde(default)]
    certificates_from: Option<i64>,
}

impl Account {
    /// Is a certificate honoured that is valid from then on, Unix milliseconds?
    pub fn honours_certificate(&self, from: i64) -> bool {
        self.certificates_from.is_none_or(|least| from >= least)
    }

    /// Is a session of this user honoured, if it was not ended by itself? `sessions`: what the user's
    /// sessions were when it began.
    pub fn honours_session(&self, sessions: &str, sid: &str) -> bool {
        self.sessions == sessions || (!self.kept.is_empty() && self.kept == sid)
    }
}

/// The document of an API key.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredApiKey {
    pub user_id: String,
    pub birth: String,
    pub expires_at: i64,
    pub fingerprint: String,
}

impl StoredApiKey {
    /// When it ends by itself, Unix milliseconds.
    pub fn until(&self) -> Option<i64> {
        (self.expires_at >= 0).then_some(self.expires_at)
    }
}

/// What a user's document says of the profiles.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserProfiles {
    #[serde(default)]
    pub profile_ids: Vec<String>,
}
