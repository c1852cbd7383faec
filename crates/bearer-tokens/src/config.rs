//! An issuer, as the configuration names it.

use crate::code_flow_config::CodeFlowConfig;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How tokens are signed. Whoever can verify cannot sign by any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SignatureAlgorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SignatureAlgorithm {
    const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// An issuer whose tokens are believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// How principals of it are named here: `NAME:SUBJECT`. Lower-case letters, digits, `-`.
    pub name: String,
    /// The claim `iss`, letter by letter.
    pub issuer: String,
    /// Where its keys are: the address of a JWK set (RFC 7517).
    pub keys: String,
    /// How long keys that were read are used while they cannot be read anew.
    #[serde(default = "usual_longest_age")]
    pub keys_longest_age_seconds: u64,
    /// A token must be for one of these (`aud`).
    pub audiences: Vec<String>,
    #[serde(default = "usual_algorithms")]
    pub algorithms: Vec<SignatureAlgorithm>,
    /// By how much clocks may differ.
    #[serde(default = "usual_leeway")]
    pub leeway_seconds: u32,
    /// JSON pointers into the claims: who it is, and of which groups or roles.
    #[serde(default = "usual_principal")]
    pub principal: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<String>,
    /// What profiles a group or role there gives here. One that is not in it gives none.
    #[serde(default)]
    pub profiles: BTreeMap<String, Vec<String>>,
    /// Profiles of every bearer.
    #[serde(default)]
    pub default_profiles: Vec<String>,
    /// What else is known of a bearer: a name, and a JSON pointer into the claims.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// How users are sent there to log in, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<CodeFlowConfig>,
}

fn usual_algorithms() -> Vec<SignatureAlgorithm> {
    vec![SignatureAlgorithm::Rs256, SignatureAlgorithm::Es256]
}

/// A day.
fn usual_longest_age() -> u64 {
    86_400
}

fn usual_leeway() -> u32 {
    30
}

fn usual_principal() -> String {
    "/sub".to_owned()
}

/// An issuer that cannot be believed like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`security.issuers`, `{name}`: {why}")]
pub struct IssuerConfigError {
    pub name: String,
    pub why: String,
}

const LONGEST_LEEWAY: u32 = 300;
/// Below it, keys would come of age between two readings that succeed.
const LEAST_AGE: u64 = 900;

impl IssuerConfig {
    /// What is wrong with it by itself.
    pub(crate) fn check(&self) -> Result<(), IssuerConfigError> {
        let plain =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        let pointers = [&self.principal].into_iter();
        let mut pointers = pointers.chain(&self.groups).chain(self.attributes.values());
        let why = if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(plain) {
            "`name` must be made of a-z, 0-9 and -"
        } else if self.issuer.is_empty() {
            "`issuer` is empty"
        } else if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            "`audiences` must name whom tokens are for"
        } else if self.algorithms.is_empty() {
            "`algorithms` is empty"
        } else if self.leeway_seconds > LONGEST_LEEWAY {
            "`leeway_seconds` must be 300 at most"
        } else if self.keys_longest_age_seconds < LEAST_AGE {
            "`keys_longest_age_seconds` must be 900 at least, since keys are read every 600"
        } else if pointers.any(|pointer| !pointer.starts_with('/')) {
            "`principal`, `groups` and `attributes` are JSON pointers: they begin with /"
        } else {
            let login = self.login.as_ref();
            let checked = login.map_or(Ok(()), |login| login.check(&self.name));
            return checked.map_err(|why| self.wrong(why));
        };
        Err(self.wrong(why))
    }

    pub(crate) fn wrong(&self, why: impl Into<String>) -> IssuerConfigError {
        IssuerConfigError {
            name: self.name.clone(),
            why: why.into(),
        }
    }
}
